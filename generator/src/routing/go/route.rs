//! The methods of routers of Go.

use std::rc::Rc;
use std::sync::Arc;

use super::super::evaluate::{Arguments, METHODS, Place, source_of};
use super::super::framework::{self, Operation};
use super::super::program::Program;
use super::super::router::RouterId;
use super::super::text::Text;
use super::super::value::{Closure, Value};
use crate::code::Expression;

/// Whether a name is that of an HTTP method in either form: `GET`, `Get`.
pub(super) fn is_verb(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && METHODS.contains(&name.to_uppercase().as_str())
}

impl Program<'_> {
    pub(in super::super) fn go_router_method(
        &mut self,
        router: RouterId,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        let mut router = router;
        while let Some(target) = self.go.targets.get(&router) {
            router = *target;
        }
        let framework = self.routers.get(router).and_then(|router| framework::all().get(router.framework));
        match framework.and_then(|framework| framework.operation(name)) {
            Some(operation) => self.go_operation(router, operation, name, arguments, place),
            None => Value::Router(router),
        }
    }

    pub(super) fn go_operation(
        &mut self,
        router: RouterId,
        operation: Operation,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        match operation {
            Operation::Verb => self.go_route(router, &[name.to_uppercase()], 0, arguments, place),
            Operation::Get => self.go_route(router, &["GET".to_owned()], 0, arguments, place),
            Operation::Any => self.go_route(router, &[framework::ANY.to_owned()], 0, arguments, place),
            Operation::Websocket => self.go_route(router, &["WS".to_owned()], 0, arguments, place),
            Operation::Methods => {
                let methods = methods_of(&arguments.get(0));
                self.go_route(router, &methods, 1, arguments, place);
            }
            Operation::Routed => {
                let methods = methods_of(&arguments.get(1));
                self.go_route(router, &methods, 0, arguments, place);
            }
            Operation::Pattern => self.go_pattern(router, arguments, place),
            Operation::Static => self.go_static(router, name, arguments, place),
            Operation::Below
                if !arguments.functions().is_empty() && self.framework_name(router) == Some("own router") =>
            {
                return self.go_group(router, arguments, place);
            }
            Operation::Below => {
                self.mark_called(arguments);
                let path = Self::go_path(0, arguments);
                return Value::Router(self.below(router, &path));
            }
            Operation::Group => return self.go_group(router, arguments, place),
            Operation::MountApp | Operation::Mount => self.go_mount(router, operation, arguments, place),
            Operation::Resource => return Value::Resource(router, Self::go_path(0, arguments)),
            Operation::Builder => return self.go_builder(router, name, arguments, place),
            _ => {}
        }
        Value::Router(router)
    }

    pub(super) fn go_path(at: usize, arguments: &Arguments<'_>) -> Text {
        match arguments.get(at) {
            Value::Text(text) => text,
            _ => arguments.expression(at).map(|value| Text::unknown(&source_of(value))).unwrap_or_default(),
        }
    }

    /// `Get(path, …handlers)`. The handlers run for each request, so they add no routes.
    fn go_route(&mut self, router: RouterId, methods: &[String], at: usize, arguments: &Arguments<'_>, place: Place) {
        self.mark_called(arguments);
        if arguments.len() < at + 2 {
            return;
        }
        let path = Self::go_path(at, arguments);
        let handler = go_handler(arguments);
        for method in methods {
            self.add_route(router, method, path.clone(), &handler, place);
        }
    }

    /// `Handle("GET example.org/path", handler)`. A router as the handler sees the whole path.
    fn go_pattern(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) {
        self.mark_called(arguments);
        if arguments.len() < 2 {
            return;
        }
        let pattern = Self::go_path(0, arguments);
        if let Value::Router(child) = arguments.get(1) {
            return self.routers.mount(router, Text::default(), child);
        }
        let (method, path) = pattern.split_method(&METHODS);
        let method = method.unwrap_or_else(|| framework::ANY.to_owned());
        let path = if path.is_path() { path } else { path.with_host() };
        self.add_route(router, &method, path, &go_handler(arguments), place);
    }

    /// Files of a folder, and single files.
    fn go_static(&mut self, router: RouterId, name: &str, arguments: &Arguments<'_>, place: Place) {
        let is_gin = self.framework_name(router) == Some("gin");
        let mut path = Self::go_path(0, arguments);
        if !name.contains("File") || name == "StaticFS" {
            if is_gin {
                path = path.joined(&Text::literal("/*filepath"), false);
            } else {
                path.push(&Text::literal("*"));
            }
        }
        let methods: &[&str] = if is_gin { &["GET", "HEAD"] } else { &["GET"] };
        for method in methods {
            self.add_route(router, method, path.clone(), "", place);
        }
    }

    fn framework_name(&self, router: RouterId) -> Option<&'static str> {
        let index = self.routers.get(router)?.framework;
        framework::all().get(index).map(|framework| framework.name.as_str())
    }

    /// `Route(path, function)`, `Group(function)`. A function without a parameter adds to the router itself, below the path.
    fn go_group(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) -> Value {
        let inside = if matches!(arguments.get(0), Value::Function(_)) {
            router
        } else {
            self.below(router, &Self::go_path(0, arguments))
        };
        let functions: Vec<Rc<Closure>> = arguments.functions();
        let Some(closure) = functions.first() else {
            let source = format!("Route({})", Self::go_path(0, arguments));
            let unresolved = super::super::program::Unresolved { file: place.file, line: place.line, source };
            self.unresolved.insert(unresolved);
            return Value::Router(inside);
        };
        // The functions after the first one are middleware.
        for middleware in functions.iter().skip(1) {
            self.called.insert(Arc::as_ptr(&middleware.function));
        }
        // `router` is no target itself, so the targets form no circle.
        if inside != router {
            self.go.targets.insert(router, inside);
        }
        self.call_closure(closure, vec![Value::Router(inside)], closure.this.clone());
        self.go.targets.remove(&router);
        Value::Router(inside)
    }

    /// `Mount(path, handler)`, `Use([path], app)`. A handler that is no router answers all methods.
    fn go_mount(&mut self, router: RouterId, operation: Operation, arguments: &Arguments<'_>, place: Place) {
        self.mark_called(arguments);
        let path = arguments.get(0).as_text().map_or_else(Text::default, Clone::clone);
        let children = arguments.values.iter().filter_map(|value| match value {
            Value::Router(child) => Some(*child),
            _ => None,
        });
        let children: Vec<RouterId> = children.collect();
        if children.is_empty() && operation == Operation::MountApp {
            let path = Self::go_path(0, arguments);
            self.add_route(router, framework::ANY, path, &go_handler(arguments), place);
        }
        for child in children {
            self.routers.mount(router, path.clone(), child);
        }
    }
}

/// The methods of a text or a list: `GET`, `GET,POST`, `[]string{"GET"}`.
pub(super) fn methods_of(value: &Value) -> Vec<String> {
    let texts = value.texts();
    let names = texts.iter().flat_map(|text| {
        let text = text.to_string();
        text.split(',').map(|name| name.trim().to_uppercase()).collect::<Vec<String>>()
    });
    let names: Vec<String> = names.filter(|name| METHODS.contains(&name.as_str())).collect();
    if names.is_empty() { vec![framework::ANY.to_owned()] } else { names }
}

/// The name of the handler, which is the last argument. A closure has none.
pub(super) fn go_handler(arguments: &Arguments<'_>) -> String {
    let last = arguments.call.arguments.last().map(|element| &element.value);
    match last {
        Some(value) if !matches!(value.expression, Expression::Function(_) | Expression::Text(_)) => {
            let source = source_of(value);
            if source == "…" { String::new() } else { Program::short(&source) }
        }
        _ => String::new(),
    }
}
