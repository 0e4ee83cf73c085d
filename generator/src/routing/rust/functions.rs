//! Functions of the frameworks: those that make routers, and those that make a route without its path.

use std::rc::Rc;
use std::sync::Arc;

use super::super::evaluate::{Arguments, Place, source_of};
use super::super::framework::{self, ANY, Operation};
use super::super::program::Program;
use super::super::router::RouterId;
use super::super::text::Text;
use super::super::value::{PackageValue, Scope, Value};
use super::call::handler_name;
use super::items::GUESSED;

/// The HTTP methods.
pub(super) const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"];

impl Program<'_> {
    /// A call of a function of a framework. `None` if it has no meaning.
    pub(super) fn framework_function(
        &mut self,
        package: &Rc<PackageValue>,
        arguments: &Arguments<'_>,
        place: Place,
        scope: &Rc<Scope>,
    ) -> Option<Value> {
        let last = package.last();
        let owner = package.names.len().checked_sub(2).and_then(|at| package.names.get(at)).map_or("", String::as_str);
        let is_guessed = package.package == GUESSED;
        let owner =
            if owner.is_empty() && !is_guessed && package.names.len() == 1 { package.package.as_str() } else { owner };
        let framework = if is_guessed || owner == package.package {
            let main = self.main_framework(scope.file);
            framework::guessed(main, owner, last).or_else(|| framework::rust_call(&package.package, owner, last))
        } else {
            framework::rust_call(&package.package, owner, last)
        }?;
        let known = framework::all().get(framework)?;
        if known.is_router_type(owner) {
            let is_part = known.is_part_type(owner);
            let router = self.new_router(framework, Text::default());
            self.routers.set_part(router, is_part);
            return Some(Value::Router(router));
        }
        let operation = known.function(&format!("{owner}::{last}")).or_else(|| known.function(last))?;
        // `connect()` of a program is no method of a router.
        if operation == Operation::OwnVerb && arguments.len() == 0 && owner != "web" {
            return None;
        }
        let prefix = || arguments.get(0).as_text().cloned().unwrap_or_else(|| unknown_path(0, arguments));
        let router = self.new_router(framework, Text::default());
        match operation {
            // `scope(path)`, `resource(path)`
            Operation::Below => {
                let prefix = prefix();
                if let Some(router) = self.routers.get_mut(router) {
                    router.prefix = prefix;
                }
            }
            // `rocket::build()`
            Operation::Router => {}
            // `Files::new(path, folder)`
            Operation::AnyBelow => self.add_route(router, ANY, prefix().joined(&Text::literal("/*"), false), "", place),
            // `redirect(from, to)`
            Operation::Any => self.add_route(router, ANY, prefix(), "", place),
            // `Redoc::with_url(path, …)`
            Operation::Get => self.add_route(router, "GET", prefix(), "", place),
            Operation::Files => self.add_route(router, ANY, Text::literal("/*"), "", place),
            // `OpenApiService::new(api, …)`
            Operation::Objects => self.add_objects(router, &arguments.get(0)),
            operation => {
                self.routers.set_part(router, true);
                return Some(self.own_route(router, operation, last, arguments, place));
            }
        }
        Some(Value::Router(router))
    }

    pub(super) fn operation_of(&self, router: RouterId, name: &str) -> Option<Operation> {
        let framework = self.routers.get(router).and_then(|router| framework::all().get(router.framework))?;
        framework.operation(name)
    }

    /// The operations that only frameworks of Rust have.
    pub(in super::super) fn rust_operation(
        &mut self,
        router: RouterId,
        operation: Operation,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        match operation {
            Operation::Route => self.route(router, arguments, place),
            Operation::Nest => self.nest(router, arguments, place),
            Operation::Merge => self.merge(router, arguments, place),
            Operation::Configure => self.configure(router, arguments, place),
            Operation::Fallback => {
                let handler = handler_name(arguments.expression(0));
                arguments.values.iter().for_each(|value| self.mark_handler(value));
                if let Value::Router(child) = arguments.get(0) {
                    let is_part = self.routers.get(child).is_some_and(|child| child.is_part);
                    let path = if is_part { Text::literal("/*") } else { Text::default() };
                    self.routers.mount(router, path, child);
                } else if self.routers.get(router).is_some_and(|router| !router.is_part) {
                    self.add_route(router, ANY, Text::literal("/*"), &handler, place);
                }
            }
            Operation::Copy => {
                let copy = self.copied(router);
                return Value::Router(copy);
            }
            Operation::Split => return Value::List(Rc::new(vec![Value::Router(router), Value::Unknown])),
            Operation::GetAlone => {
                let path = path_of(0, arguments);
                self.add_route(router, "GET", path, "", place);
            }
            Operation::Nothing => return Value::Unknown,
            operation => return self.own_route(router, operation, name, arguments, place),
        }
        Value::Router(router)
    }

    /// A router with the routes of another one, to which more can be added.
    fn copied(&mut self, router: RouterId) -> RouterId {
        let (framework, is_part) =
            self.routers.get(router).map_or((0, false), |router| (router.framework, router.is_part));
        let copy = self.new_router(framework, Text::default());
        self.routers.set_part(copy, is_part);
        self.routers.mount(copy, Text::default(), router);
        copy
    }

    /// A router with the routes of two others.
    pub(in super::super) fn both_routers(&mut self, first: RouterId, second: RouterId) -> RouterId {
        // `if path.is_empty() { routes } else { Router::new().nest(path, routes) }`
        if self.routers.contains(first, second, 0) {
            return first;
        }
        if self.routers.contains(second, first, 0) {
            return second;
        }
        let both = self.copied(first);
        self.routers.mount(both, Text::default(), second);
        both
    }

    /// `route(path, router of methods)`, `route(router of methods)`
    fn route(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) {
        let has_path = arguments.len() > 1 || arguments.get(0).as_text().is_some();
        let (path, at) = if has_path { (path_of(0, arguments), 1) } else { (Text::default(), 0) };
        let handler = handler_name(arguments.expression(at));
        match arguments.get(at) {
            Value::Router(child) => self.routers.mount(router, path, child),
            value => {
                self.mark_handler(&value);
                self.add_route(router, ANY, path, &handler, place);
            }
        }
    }

    /// `nest(path, router)`
    fn nest(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) {
        let path = path_of(0, arguments);
        let children = self.children_of(router, &arguments.get(1));
        if children.is_empty() && !matches!(arguments.get(1), Value::List(_)) {
            let handler = handler_name(arguments.expression(1));
            self.add_route(router, ANY, path.joined(&Text::literal("/*"), false), &handler, place);
        }
        for child in children {
            self.routers.mount(router, path.clone(), child);
        }
    }

    /// `merge(router)`, `service(handler)`, `routes(routes!(…))`
    fn merge(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) {
        for (at, value) in arguments.values.iter().enumerate() {
            let children = self.children_of(router, value);
            if children.is_empty() && !matches!(value, Value::List(_)) {
                let source = arguments.expression(at).map(source_of).unwrap_or_default();
                self.not_understood(place, &format!("{}({source})", last_name(arguments)));
            }
            for child in children {
                self.routers.mount(router, Text::default(), child);
            }
        }
    }

    /// The routers that a value is, or that its attributes describe.
    fn children_of(&mut self, parent: RouterId, value: &Value) -> Vec<RouterId> {
        match value {
            Value::Router(child) => vec![*child],
            Value::List(values) => values.iter().flat_map(|value| self.children_of(parent, value)).collect(),
            Value::Function(closure) => {
                let closure = closure.clone();
                self.attribute_router(parent, &closure, false).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// `configure(function)`, `attach(stage)`: the function gets the router.
    fn configure(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) {
        let mut functions = arguments.functions();
        if let Value::Record(record) = arguments.get(0)
            && let Some(Value::Function(closure)) = Self::rust_method_of(&record, "on_ignite")
        {
            functions.push(closure);
        }
        if functions.is_empty() && last_name(arguments) == "configure" {
            let source = arguments.expression(0).map(source_of).unwrap_or_default();
            self.not_understood(place, &format!("configure({source})"));
        }
        for closure in functions {
            let made = self.call_closure(&closure, vec![Value::Router(router)], closure.this.clone());
            if let Value::Router(made) = made
                && made != router
            {
                self.routers.mount(router, Text::default(), made);
            }
        }
    }

    /// A route at the path of the router itself: `get(handler)`, `on(MethodFilter::GET, handler)`, `to(handler)`.
    fn own_route(
        &mut self,
        router: RouterId,
        operation: Operation,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        arguments.values.iter().for_each(|value| self.mark_handler(value));
        // `get(path, handler)`
        let path = arguments.get(0).as_text().filter(|path| path.is_path() && arguments.len() > 1).cloned();
        let at = usize::from(operation == Operation::OwnMethods || path.is_some());
        let handler = handler_name(arguments.expression(at));
        match operation {
            Operation::OwnVerb => {
                let method = name.split('_').next().unwrap_or_default().to_uppercase();
                let method = if METHODS.contains(&method.as_str()) { method.as_str() } else { ANY };
                self.add_route(router, method, path.unwrap_or_default(), &handler, place);
            }
            Operation::OwnMethods => {
                let source = arguments.expression(0).map(all_names).unwrap_or_default();
                for method in METHODS.iter().filter(|method| source.iter().any(|name| name == *method)) {
                    self.add_route(router, method, Text::default(), &handler, place);
                }
            }
            Operation::Guard => {
                let source = arguments.expression(0).map(all_names).unwrap_or_default();
                let method = METHODS.iter().find(|method| source.iter().any(|name| name == *method));
                if let Some(method) = method {
                    self.add_route(router, method, Text::default(), "", place);
                }
            }
            Operation::Own => {}
            // `to(handler)` names the handler of what stands before it, or answers all methods.
            _ => {
                let is_bare = self.routers.get(router).is_some_and(|router| router.routes.is_empty());
                if is_bare {
                    self.add_route(router, ANY, Text::default(), &handler, place);
                } else if let Some(router) = self.routers.get_mut(router) {
                    for route in router.routes.iter_mut().filter(|route| route.handler.is_empty()) {
                        route.handler.clone_from(&handler);
                    }
                }
            }
        }
        Value::Router(router)
    }

    /// `routes![a, b]` and `routes!(a, b)`: the routes that the attributes of the functions describe.
    pub(super) fn routes_macro(&mut self, arguments: &Arguments<'_>, place: Place) -> Value {
        let framework = self.main_framework(self.place.0).or_else(|| framework::of_package("rocket")).unwrap_or(0);
        let router = self.new_router(framework, Text::default());
        for (at, value) in arguments.values.iter().enumerate() {
            let child = match value {
                Value::Function(closure) => self.attribute_router(router, closure, true),
                Value::Router(child) => Some(*child),
                _ => None,
            };
            match child {
                Some(child) => self.routers.mount(router, Text::default(), child),
                None if matches!(value, Value::Text(_)) => {}
                None => {
                    let source = arguments.expression(at).map(source_of).unwrap_or_default();
                    self.not_understood(place, &format!("routes!({source})"));
                }
            }
        }
        Value::Router(router)
    }

    /// Marks a function as one whose attributes are part of a router.
    pub(super) fn register(&mut self, function: &Arc<crate::code::Function>) {
        self.registered.insert(Arc::as_ptr(function));
        self.called.insert(Arc::as_ptr(function));
    }
}

/// The path in an argument. An unknown one is named by its source.
fn path_of(at: usize, arguments: &Arguments<'_>) -> Text {
    match arguments.get(at) {
        Value::Text(text) => text,
        _ => unknown_path(at, arguments),
    }
}

fn unknown_path(at: usize, arguments: &Arguments<'_>) -> Text {
    arguments.expression(at).map(|value| Text::unknown(&source_of(value))).unwrap_or_default()
}

/// The name of the method or function that is called.
fn last_name(arguments: &Arguments<'_>) -> String {
    let source = source_of(&arguments.call.callee);
    source.rsplit(['.', ':']).next().unwrap_or_default().to_owned()
}

/// The names in an expression such as `MethodFilter::GET.or(MethodFilter::HEAD)`, in upper case.
fn all_names(located: &crate::code::Located) -> Vec<String> {
    let source = source_of(located);
    let names = source.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_uppercase);
    let mut names: Vec<String> = names.collect();
    if let crate::code::Expression::Choice(values) = &located.expression {
        names.extend(values.iter().flat_map(all_names));
    }
    names
}
