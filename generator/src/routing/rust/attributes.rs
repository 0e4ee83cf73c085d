//! Routes that attributes of functions describe: `#[get("/path")]`, `#[utoipa::path(get, path = "/path")]`, and
//! `#[oai(path = "/path", method = "get")]`.

use std::rc::Rc;

use super::super::evaluate::source_of;
use super::super::program::Program;
use super::super::router::RouterId;
use super::super::text::Text;
use super::super::value::{Closure, Scope, Value};
use super::functions::METHODS;
use crate::code::{Call, Element, Expression, Located};

/// A route without its prefix.
pub(super) struct Described {
    pub(super) method: String,
    pub(super) path: Text,
    line: usize,
}

impl Program<'_> {
    /// A router with the routes of a function's attributes. `None` if it has none.
    pub(super) fn attribute_router(
        &mut self,
        parent: RouterId,
        closure: &Rc<Closure>,
        prefers_documented: bool,
    ) -> Option<RouterId> {
        let described = self.described(closure, prefers_documented);
        if described.is_empty() {
            return None;
        }
        self.register(&closure.function);
        let framework = self.routers.get(parent).map_or(0, |router| router.framework);
        let router = self.new_router(framework, Text::default());
        self.routers.set_part(router, true);
        self.add_described(router, closure, described);
        Some(router)
    }

    fn add_described(&mut self, router: RouterId, closure: &Rc<Closure>, described: Vec<Described>) {
        let name = closure.function.name.clone().unwrap_or_default();
        for route in described {
            self.add_class_route(router, &route.method, route.path, &name, closure.scope.file, route.line);
        }
    }

    /// The routes that the attributes of a function describe. A document of the API may describe them too.
    pub(super) fn described(&mut self, closure: &Rc<Closure>, prefers_documented: bool) -> Vec<Described> {
        let (mut own, mut documented) = (Vec::new(), Vec::new());
        for decorator in &closure.function.decorators {
            let Expression::Call(call) = &decorator.expression else { continue };
            let name = source_of(&call.callee);
            match name.rsplit("::").next().unwrap_or_default() {
                "path" => documented.extend(self.named_route(call, decorator.line, &closure.scope)),
                "oai" | "OpenApi" | "typed_path" => {}
                name => own.extend(self.attribute(name, call, decorator.line, &closure.scope)),
            }
        }
        if prefers_documented && !documented.is_empty() { documented } else { own }
    }

    /// `#[get("/path")]`, `#[route("/path", method = "GET")]`, `#[route(GET, uri = "/path")]`
    fn attribute(&mut self, name: &str, call: &Call, line: usize, scope: &Rc<Scope>) -> Vec<Described> {
        let mut methods = Vec::new();
        if METHODS.contains(&name.to_uppercase().as_str()) {
            methods.push(name.to_uppercase());
        }
        let mut path = None;
        for argument in &call.arguments {
            match &argument.value.expression {
                Expression::Assignment(key, value) => match source_of(key).as_str() {
                    "method" => methods.push(source_of(value).to_uppercase()),
                    "uri" | "path" => path = Some(self.text_of(value, scope)),
                    _ => {}
                },
                Expression::Name(method) if methods.is_empty() && METHODS.contains(&method.as_str()) => {
                    methods.push(method.clone());
                }
                _ if path.is_none() => path = Some(self.text_of(&argument.value, scope)),
                _ => {}
            }
        }
        let Some(path) = path.map(|path| path.without_query()) else { return Vec::new() };
        methods.into_iter().map(|method| Described { method, path: path.clone(), line }).collect()
    }

    /// `#[utoipa::path(get, path = "/path")]`, `#[oai(path = "/path", method = "get")]`
    fn named_route(&mut self, call: &Call, line: usize, scope: &Rc<Scope>) -> Vec<Described> {
        let (mut methods, mut path) = (Vec::new(), Text::default());
        for argument in &call.arguments {
            match &argument.value.expression {
                Expression::Assignment(key, value) => match source_of(key).as_str() {
                    "path" => path = self.text_of(value, scope),
                    "method" => methods.push(source_of(value).to_uppercase()),
                    _ => {}
                },
                Expression::Name(_) | Expression::Path(..) => methods.push(last(&argument.value)),
                Expression::Call(inner) if source_of(&inner.callee) == "method" => {
                    methods.extend(inner.arguments.iter().map(|Element { value, .. }| last(value)));
                }
                _ => {}
            }
        }
        methods.retain(|method| METHODS.contains(&method.as_str()));
        methods.into_iter().map(|method| Described { method, path: path.clone(), line }).collect()
    }

    /// The routes of objects whose implementations have `#[OpenApi]`.
    pub(super) fn add_objects(&mut self, router: RouterId, value: &Value) {
        let class = match value {
            Value::List(values) => {
                let values = values.clone();
                return values.iter().for_each(|value| self.add_objects(router, value));
            }
            Value::Class(class) => class.clone(),
            Value::Record(record) => match record.class.clone() {
                Some(class) => class,
                None => return,
            },
            _ => return,
        };
        for (implementation, scope) in self.items.implementations_of(&class) {
            let Some(prefix) = self.object_prefix(&implementation.decorators, &scope) else { continue };
            let child = self.below(router, &prefix);
            for function in &implementation.functions {
                let closure = self.closure(function, &scope, None);
                self.register(function);
                for decorator in &function.decorators {
                    if let Expression::Call(call) = &decorator.expression
                        && source_of(&call.callee).ends_with("oai")
                    {
                        let described = self.named_route(call, decorator.line, &closure.scope);
                        self.add_described(child, &closure, described);
                    }
                }
            }
        }
    }

    /// The prefix in `#[OpenApi(prefix_path = "/path")]`.
    fn object_prefix(&mut self, decorators: &[Located], scope: &Rc<Scope>) -> Option<Text> {
        let call = decorators.iter().find_map(|decorator| match &decorator.expression {
            Expression::Call(call) if source_of(&call.callee).ends_with("OpenApi") => Some(call),
            _ => None,
        })?;
        let prefix = call.arguments.iter().find_map(|argument| match &argument.value.expression {
            Expression::Assignment(key, value) if source_of(key) == "prefix_path" => Some(value),
            _ => None,
        });
        Some(prefix.map(|prefix| self.text_of(prefix, scope)).unwrap_or_default())
    }
}

/// The last name of a path, in upper case.
fn last(located: &Located) -> String {
    source_of(located).rsplit("::").next().unwrap_or_default().to_uppercase()
}
