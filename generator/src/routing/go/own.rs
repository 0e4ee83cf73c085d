//! Routers that a repository defines itself: types with methods such as `GET(path, handler)` that keep the routes until a
//! server is built from them.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::super::calls::each_expression;
use super::super::framework;
use super::super::program::Program;
use super::super::text::Text;
use super::super::value::{ClassValue, Closure, Scope, Value};
use super::route::is_verb;
use crate::code::{Expression, Function};

/// The number of methods named like HTTP methods that a router has.
const MIN_VERBS: usize = 3;
/// The maximum number of types that are embedded in each other.
const MAX_EMBEDDED: usize = 4;
/// Methods of routers of packages. A method that calls one of them is evaluated instead.
const INNER_CALLS: [&str; 6] = ["HandleFunc", "Handle", "Handler", "MethodFunc", "Method", "HandlerFunc"];

impl Program<'_> {
    /// Finds the routers among the types of a package, whose methods are known now.
    pub(super) fn find_own_routers(&mut self, package: &Rc<Scope>) {
        let classes: Vec<Rc<ClassValue>> = Self::fields(&Value::Record(package.variables()))
            .into_values()
            .filter_map(|value| if let Value::Class(class) = value { Some(class) } else { None })
            .collect();
        for class in classes.iter().filter(|class| is_own_router(class)) {
            self.go.own_routers.insert(Arc::as_ptr(&class.class));
            for value in class.statics.fields.borrow().values() {
                if let Value::Function(method) = value {
                    self.called.insert(Arc::as_ptr(&method.function));
                }
            }
        }
    }

    /// A router, if the type is one or embeds one.
    pub(in super::super) fn own_router(&mut self, class: &Rc<ClassValue>) -> Option<Value> {
        let is_own = self.embeds_router(class, 0);
        is_own.then(|| Value::Router(self.new_router(framework::position_of("own router"), Text::default())))
    }

    fn embeds_router(&self, class: &Rc<ClassValue>, depth: usize) -> bool {
        if self.go.own_routers.contains(&Arc::as_ptr(&class.class)) {
            return true;
        }
        let embedded = class.class.fields.iter().filter(|field| field.is_static && depth < MAX_EMBEDDED);
        embedded.into_iter().any(|field| match class.scope.get(&field.type_name) {
            Some(Value::Class(inner)) => self.embeds_router(&inner, depth + 1),
            _ => false,
        })
    }
}

fn is_own_router(class: &ClassValue) -> bool {
    let methods = class.statics.fields.borrow();
    let takes_path = |method: &Closure| {
        let parameters = &method.function.parameters;
        parameters.len() >= 2 && parameters.first().is_some_and(|first| first.type_name == "string")
    };
    let verbs: Vec<&Rc<Closure>> = methods
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Function(method) if is_verb(name) && takes_path(method) => Some(method),
            _ => None,
        })
        .collect();
    let mut calls = HashSet::new();
    for method in &verbs {
        add_calls(&method.function, &mut calls);
    }
    // `GET` may call `Route` of the same type.
    let own: Vec<String> = calls.iter().cloned().collect();
    for name in own {
        if let Some(Value::Function(method)) = methods.get(&name) {
            add_calls(&method.function, &mut calls);
        }
    }
    verbs.len() >= MIN_VERBS && !INNER_CALLS.iter().any(|name| calls.contains(*name))
}

/// The names of the methods that a function calls.
fn add_calls(function: &Function, calls: &mut HashSet<String>) {
    each_expression(&function.body, &mut |located| {
        if let Expression::Call(call) = &located.expression
            && let Expression::Member(_, name) = &call.callee.expression
        {
            calls.insert(name.clone());
        }
    });
}
