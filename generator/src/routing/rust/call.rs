//! Calls in Rust: methods, functions of frameworks and macros.

use std::rc::Rc;
use std::sync::Arc;

use super::super::evaluate::{Arguments, Place, source_of};
use super::super::program::Program;
use super::super::text::Text;
use super::super::value::{Closure, PackageValue, Record, Scope, Value};
use crate::code::{Call, Expression, Located};

/// Methods that return the value itself, as far as routes matter.
const SAME: [&str; 33] = [
    "as_bytes",
    "as_deref",
    "as_mut",
    "as_ref",
    "as_slice",
    "as_str",
    "borrow",
    "borrow_mut",
    "boxed",
    "clone",
    "cloned",
    "collect",
    "copied",
    "deref",
    "expect",
    "into",
    "into_boxed_str",
    "into_iter",
    "iter",
    "iter_mut",
    "lock",
    "read",
    "to_owned",
    "to_string",
    "to_vec",
    "try_into",
    "unwrap",
    "unwrap_or",
    "unwrap_or_default",
    "unwrap_or_else",
    "write",
    "into_string",
    "leak",
];
/// Functions that return their argument, as far as routes matter.
const WRAPPERS: [&str; 16] = [
    "Some",
    "Ok",
    "Arc::new",
    "Box::new",
    "Rc::new",
    "Box::pin",
    "String::from",
    "Cow::Borrowed",
    "Cow::Owned",
    "Data::new",
    "Mutex::new",
    "RwLock::new",
    "Cow::from",
    "Vec::from",
    "Box::leak",
    "Arc::from",
];

impl Program<'_> {
    /// Calls `receiver.name(arguments)` or `receiver::name(arguments)`. `None` if it means what it means in every language.
    pub(in super::super) fn rust_method(
        &mut self,
        receiver: &Value,
        object: &Located,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
        scope: &Rc<Scope>,
    ) -> Option<Value> {
        match receiver {
            Value::Module(module) => {
                self.place = (scope.file, place.line);
                let callee = self.module_member(*module, name);
                Some(self.apply_rust(&callee, arguments, place, scope))
            }
            Value::Package(package) => {
                let package = Rc::new(package.with(name.to_owned()));
                Some(self.rust_package_call(&package, arguments, place, scope))
            }
            Value::Class(class) => {
                let function = self.member(receiver, name);
                match function {
                    // `Default` is usually derived.
                    Value::Unknown if matches!(name, "default" | "new") => Some(self.bare_object(class)),
                    Value::Unknown => Some(self.call_functions(arguments)),
                    function => Some(self.apply_rust(&function, arguments, place, scope)),
                }
            }
            Value::Filter(filter) => Some(self.filter_method(*filter, name, arguments, place)),
            Value::Router(_) | Value::Resource(..) => self.extension(receiver, name, arguments),
            Value::List(values) => self.rust_list_method(values, object, name, arguments, scope),
            Value::Text(text) if name == "concat" => Some(Value::Text(text.clone())),
            Value::Unknown => self.rust_unknown_method(object, name, arguments, place, scope),
            Value::Record(_) if matches!(self.member(receiver, name), Value::Unknown) => {
                if SAME.contains(&name) {
                    Some(receiver.clone())
                } else {
                    self.extension(receiver, name, arguments)
                }
            }
            _ if SAME.contains(&name) => Some(receiver.clone()),
            _ => None,
        }
    }

    /// Calls a value that a path names.
    pub(in super::super) fn apply_rust(
        &mut self,
        callee: &Value,
        arguments: &Arguments<'_>,
        place: Place,
        scope: &Rc<Scope>,
    ) -> Value {
        match callee {
            Value::Package(package) => self.rust_package_call(package, arguments, place, scope),
            // `Api(database)` of a struct without names.
            Value::Class(class) => {
                let record = Record { class: Some(class.clone()), ..Record::default() };
                for (at, value) in arguments.values.iter().enumerate() {
                    record.fields.borrow_mut().insert(at.to_string(), value.clone());
                }
                Value::Record(Rc::new(record))
            }
            Value::Unknown => self.call_functions(arguments),
            callee => self.apply(callee, arguments.values.clone()),
        }
    }

    /// A function that a trait of the repository gives to a type of another crate.
    fn extension(&mut self, receiver: &Value, name: &str, arguments: &Arguments<'_>) -> Option<Value> {
        if let Value::Router(router) = receiver
            && self.operation_of(*router, name).is_some()
        {
            return None;
        }
        let closure = self.items.extensions.get(name).cloned()?;
        Some(self.call_closure(&closure, arguments.values.clone(), Some(receiver.clone())))
    }

    fn rust_unknown_method(
        &mut self,
        object: &Located,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
        scope: &Rc<Scope>,
    ) -> Option<Value> {
        if matches!(name, "and" | "or")
            && let Some(value) = self.joined_with_unknown(name, arguments, place)
        {
            return Some(value);
        }
        // A router that the evaluation lost: a route of methods is added to it.
        let is_route = matches!(arguments.get(0), Value::Text(path) if path.is_path());
        if is_route
            && let Value::Router(child) = arguments.get(1)
            && let Some(framework) = self.routers.get(child).map(|router| router.framework)
        {
            let router = Value::Router(self.new_router(framework, Text::default()));
            if let Expression::Name(variable) = &object.expression {
                scope.assign(variable, router.clone());
            }
            return Some(self.method(&router, object, name, arguments, place.line, scope));
        }
        SAME.contains(&name).then_some(Value::Unknown)
    }

    /// Methods of lists. Those that change a list change the variable that holds it.
    fn rust_list_method(
        &mut self,
        values: &Rc<Vec<Value>>,
        object: &Located,
        name: &str,
        arguments: &Arguments<'_>,
        scope: &Rc<Scope>,
    ) -> Option<Value> {
        let added = match name {
            "push" | "append" | "extend" | "extend_from_slice" => arguments.get(0),
            "chain" => {
                let more = flat(&arguments.get(0));
                return Some(Value::List(Rc::new(values.iter().cloned().chain(more).collect())));
            }
            "concat" => {
                let has_text = values.iter().any(|value| value.as_text().is_some());
                return Some(match &object.expression {
                    Expression::List(elements) if has_text => {
                        let mut joined = Text::default();
                        for element in elements {
                            joined.push(&self.text_of(&element.value, scope));
                        }
                        Value::Text(joined)
                    }
                    _ => Value::List(Rc::new(values.iter().flat_map(flat).collect())),
                });
            }
            "fold" => {
                let (mut result, callback) = (arguments.get(0), arguments.get(1));
                for value in values.iter() {
                    result = self.apply(&callback, vec![result, value.clone()]);
                }
                return Some(result);
            }
            "for_each" => {
                let callback = arguments.get(0);
                for value in values.iter() {
                    self.apply(&callback, vec![value.clone()]);
                }
                return Some(Value::Unknown);
            }
            "enumerate" => {
                let pairs = values.iter().enumerate().map(|(at, value)| {
                    Value::List(Rc::new(vec![Value::Text(Text::literal(&at.to_string())), value.clone()]))
                });
                return Some(Value::List(Rc::new(pairs.collect())));
            }
            "filter" | "rev" | "skip" | "take" | "flatten" => return Some(Value::List(values.clone())),
            "flat_map" | "filter_map" | "map" | "join" => return None,
            _ if SAME.contains(&name) => return Some(Value::List(values.clone())),
            _ => return None,
        };
        let more = if name == "push" { vec![added] } else { flat(&added) };
        let list = Value::List(Rc::new(values.iter().cloned().chain(more).collect()));
        match &object.expression {
            Expression::Name(variable) => scope.assign(variable, list.clone()),
            Expression::Member(owner, field) => {
                if let Value::Record(record) = self.evaluate(owner, scope) {
                    record.fields.borrow_mut().insert(field.clone(), list.clone());
                }
            }
            _ => {}
        }
        Some(list)
    }

    /// A call of something of another crate.
    pub(in super::super) fn rust_package_call(
        &mut self,
        package: &Rc<PackageValue>,
        arguments: &Arguments<'_>,
        place: Place,
        scope: &Rc<Scope>,
    ) -> Value {
        if let Some(value) = self.filter_function(package, arguments, place) {
            return value;
        }
        if let Some(value) = self.framework_function(package, arguments, place, scope) {
            return value;
        }
        let names = package.names.get(package.names.len().saturating_sub(2)..).unwrap_or_default().join("::");
        let whole = if package.names.is_empty() { package.package.clone() } else { names };
        let whole = if package.names.len() == 1 && package.package.starts_with(char::is_uppercase) {
            format!("{}::{whole}", package.package)
        } else {
            whole
        };
        let last = whole.rsplit("::").next().unwrap_or_default();
        match whole.as_str() {
            "Vec::new" | "Vec::with_capacity" => return Value::List(Rc::default()),
            "String::new" => return Value::Text(Text::default()),
            "Ok" | "Some" => return arguments.get(0),
            name if WRAPPERS.contains(&name) || last == "Some" || last == "Ok" => return arguments.get(0),
            _ => {}
        }
        // A wrapper such as a layer returns the router or the function that it gets.
        let kept = arguments.values.iter().find(|value| match value {
            Value::Router(router) => self.routers.get(*router).is_some_and(|router| !router.is_part),
            _ => false,
        });
        let kept = kept.or_else(|| arguments.values.iter().find(|value| matches!(value, Value::Function(_))));
        kept.cloned().unwrap_or_else(|| Value::Package(Rc::new(package.with(format!("{last}()")))))
    }

    /// `name!(arguments)`
    pub(in super::super) fn rust_macro(&mut self, name: &str, call: &Call, place: Place, scope: &Rc<Scope>) -> Value {
        let arguments = self.arguments(call, None, scope);
        match name {
            "table_row!" => self.table_row(&arguments, place),
            "path!" => self.filter_path(call, place, scope),
            _ if name.contains("routes") => self.routes_macro(&arguments, place),
            _ => self.call_functions(&arguments),
        }
    }

    fn table_row(&mut self, arguments: &Arguments<'_>, place: Place) -> Value {
        let text = |at: usize| arguments.get(at).as_literal().unwrap_or_default().to_owned();
        let router = self.hand_router();
        self.add_route(router, &text(0), Text::literal(&text(1)), &text(2), place);
        Value::Unknown
    }

    /// The method of an object: the closure of its class, bound to the object.
    pub(in super::super) fn rust_method_of(record: &Rc<Record>, name: &str) -> Option<Value> {
        let class = record.class.clone()?;
        let found = class.statics.fields.borrow().get(name).cloned();
        match found? {
            Value::Function(closure) => {
                let this = Some(Value::Record(record.clone()));
                let (function, scope) = (closure.function.clone(), closure.scope.clone());
                Some(Value::Function(Rc::new(Closure { function, scope, this })))
            }
            value => Some(value),
        }
    }

    /// Handlers run for each request, so they add no routes.
    pub(super) fn mark_handler(&mut self, value: &Value) {
        if let Value::Function(closure) = value {
            self.called.insert(Arc::as_ptr(&closure.function));
        }
    }
}

/// The elements of a list, or the value itself.
fn flat(value: &Value) -> Vec<Value> {
    match value {
        Value::List(values) => values.as_ref().clone(),
        value => vec![value.clone()],
    }
}

/// The name of a handler: its source, unless it is a closure.
pub(super) fn handler_name(located: Option<&Located>) -> String {
    let Some(located) = located else { return String::new() };
    match &located.expression {
        Expression::Name(_) | Expression::Path(..) | Expression::Member(..) | Expression::Call(_) => source_of(located),
        _ => String::new(),
    }
}
