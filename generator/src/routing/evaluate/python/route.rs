//! Routes of Python: `get(path)`, `route(path, methods=[…])`, `add_route(method, path, handler)`.

use super::super::super::framework;
use super::super::super::program::Program;
use super::super::super::router::RouterId;
use super::super::super::text::Text;
use super::super::super::value::Value;
use super::super::call::Arguments;
use super::super::definition::METHODS;
use super::super::operation::Place;
use super::super::source_of;
use crate::code::{Expression, Located};

/// The names of arguments that are handlers.
pub(super) const HANDLERS: [&str; 6] = ["view_func", "endpoint", "handler", "view", "resource", "route"];

impl Program<'_> {
    /// A route whose methods are `method`, or those in the arguments, or those of the handler, or `default`.
    pub(super) fn python_route(
        &mut self,
        router: RouterId,
        method: Option<&str>,
        default: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) {
        let handler = Self::python_handler(arguments);
        let is_only_a_name = matches!(handler, Value::Text(_));
        let Some(path) = Self::text_at(arguments, 0, &["path", "rule"]).filter(|_| !is_only_a_name) else { return };
        if path.is_variable() {
            return self.add_not_understood(format!("route at {path}"), place);
        }
        let methods = match method {
            Some(method) => vec![method.to_owned()],
            None => self.route_methods(arguments, &handler, default),
        };
        let name = Self::handler_name(arguments, &handler);
        for method in methods {
            self.add_route(router, &method, path.clone(), &name, place);
        }
    }

    fn route_methods(&mut self, arguments: &Arguments<'_>, handler: &Value, default: &str) -> Vec<String> {
        let listed = arguments.named(&["methods"]).or_else(|| {
            arguments
                .values
                .iter()
                .skip(1)
                .find(|value| matches!(value, Value::List(_)) && !value.texts().is_empty())
                .cloned()
        });
        if let Some(listed) = listed.filter(|value| !matches!(value, Value::Text(_))) {
            let known: Vec<String> = listed.texts().iter().map(|text| text.to_string().to_uppercase()).collect();
            // A list that is not known names any method.
            let none = matches!(listed, Value::Unknown)
                && arguments
                    .expression_at(usize::MAX, &["methods"])
                    .map(source_of)
                    .is_some_and(|source| source == "None");
            if !none {
                return if known.is_empty() { vec![framework::ANY.to_owned()] } else { known };
            }
        }
        self.handler_methods(handler).unwrap_or_else(|| vec![default.to_owned()])
    }

    /// The handler: the function below a decorator, or an argument.
    fn python_handler(arguments: &Arguments<'_>) -> Value {
        if let Some(decorated) = &arguments.decorated {
            return decorated.clone();
        }
        // `add_url_rule(rule, endpoint, view_func)` has the name of the endpoint in the second place.
        let positional =
            arguments.values.iter().skip(1).find(|value| !matches!(value, Value::Text(_) | Value::List(_)));
        let named = arguments.named(&["view_func"]).or_else(|| arguments.named(&HANDLERS));
        named.or_else(|| positional.cloned()).unwrap_or(Value::Unknown)
    }

    /// The name of the handler. A function without a name has none.
    pub(super) fn handler_name(arguments: &Arguments<'_>, handler: &Value) -> String {
        if arguments.decorated.is_some() {
            return match handler {
                Value::Function(closure) => closure.function.name.clone().unwrap_or_default(),
                Value::Class(class) => class.class.name.clone().unwrap_or_default(),
                _ => String::new(),
            };
        }
        let named = HANDLERS.iter().find_map(|name| arguments.expression_at(usize::MAX, &[name]));
        let positional = || {
            (1..arguments.len()).find_map(|at| {
                arguments.expression(at).filter(|value| {
                    matches!(value.expression, Expression::Name(_) | Expression::Member(..) | Expression::Call(_))
                })
            })
        };
        // The name of a variable says less than the name of what it holds.
        let is_variable = |value: &&Located| matches!(value.expression, Expression::Name(_));
        let found = named.or_else(positional);
        match (found.filter(is_variable), handler) {
            (Some(_), Value::Class(class)) => return class.class.name.clone().unwrap_or_default(),
            (Some(_), Value::Function(closure)) => return closure.function.name.clone().unwrap_or_default(),
            _ => {}
        }
        match found {
            Some(value) if matches!(value.expression, Expression::Function(_)) => String::new(),
            Some(value) => Self::short(&source_of(value)),
            None => String::new(),
        }
    }

    /// `add_route(method, path, handler)` of aiohttp, where `*` stands for all methods.
    pub(super) fn python_methods(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) {
        let Some(method) = Self::text_at(arguments, 0, &["method"]) else { return };
        let Some(path) = Self::text_at(arguments, 1, &["path"]) else { return };
        let method = match method.as_literal() {
            None | Some("*") => framework::ANY.to_owned(),
            Some(method) => method.to_uppercase(),
        };
        let handler = Self::short(&Self::source_at(arguments, 2, &["handler"]));
        self.add_route(router, &method, path, &handler, place);
    }

    /// `add_resource(Class, *paths)`, and `@namespace.route(*paths)` above a class.
    pub(super) fn python_paths(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) {
        let handler = arguments.decorated.clone().unwrap_or_else(|| arguments.get(0));
        let methods = self.handler_methods(&handler).unwrap_or_else(|| vec![framework::ANY.to_owned()]);
        let name = match &handler {
            Value::Class(class) => class.class.name.clone().unwrap_or_default(),
            _ if arguments.decorated.is_some() => Self::handler_name(arguments, &handler),
            _ => Self::short(&Self::source_at(arguments, 0, &["resource"])),
        };
        let skipped = usize::from(arguments.decorated.is_none());
        let paths = (skipped..arguments.len()).filter_map(|at| Self::text_at(arguments, at, &[]));
        for path in paths.collect::<Vec<Text>>() {
            for method in &methods {
                self.add_route(router, method, path.clone(), &name, place);
            }
        }
    }

    /// `add_route(method, handler)` of a path: `resource = router.add_resource(path)`.
    pub(in super::super) fn python_resource_method(
        &mut self,
        router: RouterId,
        path: &Text,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) {
        if name == "add_route"
            && let Some(method) = arguments.get(0).as_literal()
        {
            let method = if method == "*" { framework::ANY } else { method };
            let handler = Self::short(&Self::source_at(arguments, 1, &["handler"]));
            self.add_route(router, method, path.clone(), &handler, place);
        }
    }
}

/// Whether a name is an HTTP method.
pub(super) fn is_method(name: &str) -> bool {
    METHODS.contains(&name.to_uppercase().as_str())
}
