//! The methods of routers.

use std::rc::Rc;
use std::sync::Arc;

use super::super::framework::{self, Operation};
use super::super::program::Program;
use super::super::router::{RouterId, RouterRoute};
use super::super::text::Text;
use super::super::value::{Scope, Value};
use super::builtin::joined_file_path;
use super::call::Arguments;
use super::source_of;
use crate::code::{Expression, Language, Located};

/// The maximum length of a handler, in characters.
const MAX_HANDLER_CHARS: usize = 80;

/// Where a call stands.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Place {
    pub(in super::super) file: usize,
    pub(in super::super) line: usize,
}

impl Program<'_> {
    /// Calls `receiver.name(arguments)`.
    pub(in super::super) fn method(
        &mut self,
        receiver: &Value,
        object: &Located,
        name: &str,
        arguments: &Arguments<'_>,
        line: usize,
        scope: &Rc<Scope>,
    ) -> Value {
        let place = Place { file: scope.file, line };
        match receiver {
            Value::Router(router) => self.router_method(*router, name, arguments, place),
            Value::Resource(router, path) if self.language(scope.file) == Language::Python => {
                self.python_resource_method(*router, path, name, arguments, place);
                Value::Unknown
            }
            Value::Resource(router, _) if self.is_builder(*router) => {
                self.go_builder_method(*router, name, arguments, place)
            }
            Value::Resource(router, _) if self.is_laravel_chain(*router) => {
                self.laravel_chain(*router, name, arguments, place)
            }
            Value::Resource(router, path) => self.resource_method(*router, path, name, arguments, place),
            Value::List(values) => self.list_method(values, name, arguments),
            Value::Text(text) if self.language(scope.file) == Language::Python => {
                Self::python_text_method(text, name, arguments)
            }
            Value::Text(text) => Self::text_method(text, name, arguments),
            Value::Record(_) | Value::Class(_) => {
                let function = self.member(receiver, name);
                match function {
                    Value::Unknown if self.language(scope.file) == Language::Go => {
                        self.go_object_method(receiver, name, arguments, line, scope)
                    }
                    Value::Unknown if self.language(scope.file) == Language::Python => {
                        self.python_object_method(receiver, name, arguments, line, scope)
                    }
                    Value::Unknown => {
                        self.add_unresolved(name, arguments, line, scope);
                        self.call_functions(arguments)
                    }
                    function => self.apply_arguments(&function, arguments, line, scope),
                }
            }
            Value::Package(package) => {
                let callee = Value::Package(Rc::new(package.with(name.to_owned())));
                self.apply_arguments(&callee, arguments, line, scope)
            }
            Value::Function(_) if matches!(name, "bind" | "call" | "apply") => {
                if name == "bind" {
                    receiver.clone()
                } else {
                    self.apply(receiver, arguments.values.get(1..).unwrap_or_default().to_vec())
                }
            }
            Value::Function(_) | Value::Module(_) | Value::Filter(_) => Value::Unknown,
            Value::Unknown => self.unknown_method(object, name, arguments, line, scope),
        }
    }

    fn unknown_method(
        &mut self,
        object: &Located,
        name: &str,
        arguments: &Arguments<'_>,
        line: usize,
        scope: &Rc<Scope>,
    ) -> Value {
        match self.language(scope.file) {
            Language::Python => return self.python_unknown_method(object, name, arguments, line, scope),
            Language::Go => {
                let place = Place { file: scope.file, line };
                if let Some(value) = self.go_unknown_method(name, arguments, place) {
                    return value;
                }
                self.go_unresolved(name, arguments, line, scope);
                return self.go_apply(&Value::Unknown, arguments, place);
            }
            Language::Php => return self.laravel_method(object, name, arguments, Place { file: scope.file, line }),
            Language::Ruby => {
                return self.rails_method(object, name, arguments, Place { file: scope.file, line }, scope);
            }
            _ => {}
        }
        match source_of(object).as_str() {
            "Object" | "Array" => return Self::object_function(name, arguments),
            "Bun" | "Deno" if name == "serve" => {
                self.place = (scope.file, line);
                self.serve(&arguments.get(0));
                return Value::Unknown;
            }
            "path" if name == "join" || name == "resolve" => {
                return joined_file_path(&arguments.values).unwrap_or(Value::Unknown);
            }
            _ => {}
        }
        // These send requests.
        if !matches!(source_of(object).as_str(), "$" | "jQuery" | "axios") {
            self.add_unresolved(name, arguments, line, scope);
        }
        self.call_functions(arguments)
    }

    fn router_method(&mut self, router: RouterId, name: &str, arguments: &Arguments<'_>, place: Place) -> Value {
        let framework = self.routers.get(router).and_then(|router| framework::all().get(router.framework));
        let Some(framework) = framework else { return Value::Unknown };
        let this = Value::Router(router);
        match framework.language {
            Language::Python => return self.python_router_method(router, name, arguments, place),
            Language::Go => return self.go_router_method(router, name, arguments, place),
            _ => {}
        }
        let Some(operation) = framework.operation(name) else {
            // A method that adds no route, such as a hook. Its functions may add some.
            let is_handler = matches!(
                name,
                "listen" | "onError" | "notFound" | "addHook" | "decorate" | "derive" | "resolve" | "set" | "param"
            );
            if is_handler {
                self.mark_called(arguments);
            } else {
                self.call_functions(arguments);
            }
            return this;
        };
        match operation {
            Operation::Verb => self.verbs(router, &[http_method(name)], arguments, place),
            Operation::Get => self.verbs(router, &["GET".to_owned()], arguments, place),
            Operation::Any => self.verbs(router, &[framework::ANY.to_owned()], arguments, place),
            Operation::Websocket => self.verbs(router, &["WS".to_owned()], arguments, place),
            Operation::AnyBelow => self.any_below(router, arguments, place),
            Operation::Methods => self.methods(router, arguments, place),
            Operation::Definition => self.definition(router, arguments, place),
            Operation::Mount => self.mount(router, arguments),
            Operation::Plugin => self.plugin(router, arguments),
            Operation::Group => self.group(router, arguments),
            Operation::Resource => return Value::Resource(router, Self::path(0, arguments)),
            Operation::Below => return Value::Router(self.below(router, &Self::literal_path(arguments))),
            Operation::OwnPrefix => {
                let prefix = Self::literal_path(arguments);
                if let Some(router) = self.routers.get_mut(router) {
                    router.prefix = prefix;
                }
            }
            operation => return self.rust_operation(router, operation, name, arguments, place),
        }
        this
    }

    fn literal_path(arguments: &Arguments<'_>) -> Text {
        arguments.get(0).as_text().cloned().unwrap_or_else(|| {
            arguments.expression(0).map(|value| Text::unknown(&source_of(value))).unwrap_or_default()
        })
    }

    /// The path in an argument. An unknown one is named by its source.
    fn path(at: usize, arguments: &Arguments<'_>) -> Text {
        match arguments.get(at) {
            Value::Text(text) => text,
            _ => arguments.expression(at).map(|value| Text::unknown(&source_of(value))).unwrap_or_default(),
        }
    }

    /// `get(path, …handlers)`, `get(name, path, handler)` and `get([path, path], handler)`. Without a handler it is no route:
    /// `app.get('env')`.
    fn verbs(&mut self, router: RouterId, methods: &[String], arguments: &Arguments<'_>, place: Place) {
        self.mark_called(arguments);
        if arguments.len() < 2 && !self.allows_one_argument(router) {
            return;
        }
        let named = arguments.len() > 2 && arguments.get(0).as_text().is_some_and(|text| !text.is_path());
        let at = usize::from(named && arguments.get(1).as_text().is_some());
        let mut paths = arguments.get(at).texts();
        if paths.is_empty() {
            if matches!(arguments.get(at), Value::Function(_) | Value::Record(_)) {
                return;
            }
            paths.push(Self::path(at, arguments));
        }
        let handler = Self::handler(arguments);
        for path in paths {
            for method in methods {
                self.add_route(router, method, path.clone(), &handler, place);
            }
        }
    }

    fn allows_one_argument(&self, router: RouterId) -> bool {
        let framework = self.routers.get(router).and_then(|router| framework::all().get(router.framework));
        framework.is_some_and(|framework| framework.name == "h3")
    }

    pub(in super::super) fn add_route(
        &mut self,
        router: RouterId,
        method: &str,
        path: Text,
        handler: &str,
        place: Place,
    ) {
        if let Some(router) = self.routers.get_mut(router) {
            router.routes.push(RouterRoute {
                method: method.to_uppercase(),
                path,
                file: place.file,
                line: place.line,
                handler: handler.to_owned(),
            });
        }
    }

    /// The handler is the last argument. A closure has no name.
    pub(super) fn handler(arguments: &Arguments<'_>) -> String {
        let last = (1..arguments.len()).rev().find_map(|at| {
            let expression = arguments.expression(at)?;
            matches!(expression.expression, Expression::Name(_) | Expression::Member(..) | Expression::Call(_))
                .then(|| source_of(expression))
        });
        let is_closure = matches!(
            arguments.call.arguments.last().map(|element| &element.value.expression),
            Some(Expression::Function(_) | Expression::Record(_) | Expression::Text(_))
        );
        match last.filter(|_| !is_closure) {
            Some(handler) => Self::short(&handler),
            None => String::new(),
        }
    }

    /// The name of a handler, within the maximum length.
    pub(in super::super) fn short(handler: &str) -> String {
        deckwatch_protocol::cut::with_ellipsis(handler, MAX_HANDLER_CHARS).into_owned()
    }

    /// Handlers run for each request, so they add no routes.
    pub(in super::super) fn mark_called(&mut self, arguments: &Arguments<'_>) {
        for closure in arguments.functions() {
            self.called.insert(Arc::as_ptr(&closure.function));
        }
    }

    fn any_below(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) {
        self.mark_called(arguments);
        let path = arguments.get(0).as_text().cloned().unwrap_or_default();
        let path = path.joined(&Text::literal("/*"), false);
        let handler = Self::handler(arguments);
        self.add_route(router, framework::ANY, path, &handler, place);
    }

    /// `on(methods, paths, handler)`
    fn methods(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) {
        self.mark_called(arguments);
        let handler = Self::handler(arguments);
        for method in arguments.get(0).texts() {
            for path in arguments.get(1).texts() {
                self.add_route(router, &method.to_string(), path, &handler, place);
            }
        }
    }

    /// `use([path], …routers)`. A function is middleware, unless it gets a router and adds routes to it.
    fn mount(&mut self, router: RouterId, arguments: &Arguments<'_>) {
        let paths = match arguments.get(0) {
            Value::Text(path) => vec![path],
            value @ Value::List(_) if !value.texts().is_empty() => value.texts(),
            Value::Unknown if arguments.len() > 1 && !Self::is_middleware(0, arguments) => {
                vec![arguments.expression(0).map(|value| Text::unknown(&source_of(value))).unwrap_or_default()]
            }
            _ => vec![Text::default()],
        };
        let mut children = Vec::new();
        for value in &arguments.values {
            self.mounted(router, value, &mut children);
        }
        for path in &paths {
            for child in &children {
                self.routers.mount(router, path.clone(), *child);
            }
        }
    }

    /// The routers that a mounted value is or makes.
    fn mounted(&mut self, parent: RouterId, value: &Value, children: &mut Vec<RouterId>) {
        match value {
            Value::Router(child) => children.push(*child),
            Value::List(values) => values.iter().for_each(|value| self.mounted(parent, value, children)),
            Value::Record(_) => {
                let exported = ["default", "router", "routes"].iter().find_map(|name| value.field(name));
                if let Some(Value::Router(child)) = exported {
                    children.push(child);
                }
            }
            Value::Function(closure) => {
                // A plugin of Elysia: `use((app) => app.get(…))`.
                let takes_router = closure.function.parameters.len() == 1;
                let framework = self.routers.get(parent).map(|router| router.framework);
                if takes_router
                    && framework
                        .and_then(|framework| framework::all().get(framework))
                        .is_some_and(|f| f.name == "elysia")
                {
                    self.call_closure(closure, vec![Value::Router(parent)], closure.this.clone());
                } else {
                    self.called.insert(Arc::as_ptr(&closure.function));
                }
            }
            _ => {}
        }
    }

    fn is_middleware(at: usize, arguments: &Arguments<'_>) -> bool {
        matches!(
            arguments.expression(at).map(|value| &value.expression),
            Some(Expression::Call(_) | Expression::Function(_)) | None
        )
    }

    /// A router below a prefix.
    pub(in super::super) fn below(&mut self, router: RouterId, path: &Text) -> RouterId {
        let framework = self.routers.get(router).map_or(0, |router| router.framework);
        let child = self.new_router(framework, path.clone());
        self.routers.mount(router, Text::default(), child);
        child
    }

    /// `group(path, [options], function)`, `guard([options], function)`
    fn group(&mut self, router: RouterId, arguments: &Arguments<'_>) {
        let path = arguments.get(0).as_text().cloned();
        let scope = match path {
            Some(path) => self.below(router, &path),
            None => router,
        };
        for closure in arguments.functions() {
            let made = self.call_closure(&closure, vec![Value::Router(scope)], closure.this.clone());
            if let Value::Router(made) = made
                && made != scope
            {
                self.routers.mount(scope, Text::default(), made);
            }
        }
    }

    /// `.get(…handlers)` of a path: `router.route('/users').get(list).post(create)`.
    fn resource_method(
        &mut self,
        router: RouterId,
        path: &Text,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        self.mark_called(arguments);
        let framework = self.routers.get(router).and_then(|router| framework::all().get(router.framework));
        let method = framework.and_then(|framework| match framework.operation(name)? {
            Operation::Verb => Some(name.to_uppercase()),
            Operation::Any => Some(framework::ANY.to_owned()),
            _ => None,
        });
        if let Some(method) = method {
            let handler = arguments.expression(arguments.len().saturating_sub(1)).map(source_of).unwrap_or_default();
            let is_closure =
                matches!(arguments.values.last(), Some(Value::Function(closure)) if closure.function.name.is_none());
            self.add_route(router, &method, path.clone(), if is_closure { "" } else { &handler }, place);
        }
        Value::Resource(router, path.clone())
    }
}

/// The HTTP method of a method's name. `del` is an old name of `delete`.
fn http_method(name: &str) -> String {
    if name == "del" { "DELETE".to_owned() } else { name.trim_end_matches("_async").to_uppercase() }
}
