//! Classes and their objects.

use std::rc::Rc;
use std::sync::Arc;

use super::super::program::Program;
use super::super::value::{ClassValue, Record, Scope, Value};
use super::source_of;
use crate::code::{Class, Language};

impl Program<'_> {
    pub(in super::super) fn class(&mut self, class: &Arc<Class>, scope: &Rc<Scope>) -> Value {
        let parents = class.parents.iter().map(|parent| self.evaluate(parent, scope)).collect();
        let statics = Rc::new(Record::default());
        let value = ClassValue { class: class.clone(), scope: scope.clone(), parents, statics: statics.clone() };
        let value = self.add_class(value);
        if let Some(name) = &class.name {
            scope.set(name, Value::Class(value.clone()));
        }
        let inside = Scope::inside(scope);
        inside.set("this", Value::Class(value.clone()));
        let sees_fields = self.language(scope.file) == Language::Python;
        for field in class.fields.iter().filter(|field| field.is_static) {
            if let Some(expression) = &field.value {
                let field_value = self.evaluate(expression, &inside);
                if sees_fields {
                    inside.set(&field.name, field_value.clone());
                }
                statics.fields.borrow_mut().insert(field.name.clone(), field_value);
            }
        }
        if sees_fields {
            self.decorate_methods(class, &inside);
        }
        Value::Class(value)
    }

    /// Applies the decorators of methods in Python: `@router.get("/")` in the class of a controller.
    fn decorate_methods(&mut self, class: &Arc<Class>, scope: &Rc<Scope>) {
        for (_, method) in class.methods.iter().filter(|(_, method)| !method.decorators.is_empty()) {
            let this = scope.get("this");
            let value = Value::Function(self.closure(method, scope, this));
            self.decorate(&method.decorators, &value, scope);
        }
    }

    /// Makes an object of a class: its fields, then its constructor.
    pub(in super::super) fn instance(&mut self, class: &Rc<ClassValue>, arguments: Vec<Value>) -> Value {
        let named = std::mem::take(&mut self.named);
        let record = Rc::new(Record { class: Some(class.clone()), ..Record::default() });
        let object = Value::Record(record.clone());
        let lineage = class.lineage();
        for class in lineage.iter().rev() {
            self.set_fields(class, &record, &object);
        }
        let constructor = lineage.iter().find_map(|class| {
            let methods = class.class.methods.iter();
            methods.filter(|(name, _)| name == "constructor").map(|(_, method)| (class.clone(), method.clone())).next()
        });
        if let Some((class, method)) = constructor {
            // `constructor(private readonly prefix: string)` declares a field too.
            for (parameter, value) in method.parameters.iter().zip(&arguments) {
                if let crate::code::Pattern::Name(name) = &parameter.pattern {
                    record.fields.borrow_mut().entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            let scope = method_scope(&class);
            let closure = self.closure(&method, &scope, Some(object.clone()));
            self.named = named;
            self.call_closure(&closure, arguments, Some(object.clone()));
        }
        object
    }

    fn set_fields(&mut self, class: &Rc<ClassValue>, record: &Rc<Record>, object: &Value) {
        for field in class.class.fields.iter().filter(|field| !field.is_static) {
            let Some(expression) = &field.value else { continue };
            let inside = Scope::inside(&class.scope);
            inside.set("this", object.clone());
            let value = self.evaluate(expression, &inside);
            record.fields.borrow_mut().insert(field.name.clone(), value);
        }
    }

    /// The method of an object, bound to it.
    pub(in super::super) fn method_of(&mut self, record: &Rc<Record>, name: &str) -> Option<Value> {
        for class in record.class.as_ref()?.lineage() {
            if let Some((_, method)) = class.class.methods.iter().find(|(own, _)| own == name) {
                let this = Some(Value::Record(record.clone()));
                let closure = self.closure(method, &method_scope(&class), this.clone());
                // `@property` of Python calls the method when the field is read.
                let is_property = method.decorators.iter().map(source_of).any(|name| name.ends_with("property"));
                return Some(if is_property {
                    self.call_closure(&closure, Vec::new(), this)
                } else {
                    Value::Function(closure)
                });
            }
            let value = class.statics.fields.borrow().get(name).cloned();
            match value {
                Some(Value::Function(closure)) if self.language(class.scope.file) == Language::Go => {
                    return Some(Self::go_bound(&closure, record));
                }
                Some(value) => return Some(value),
                None => {}
            }
        }
        None
    }

    pub(in super::super) fn static_method(&mut self, class: &Rc<ClassValue>, name: &str) -> Option<Value> {
        for owner in class.lineage() {
            if let Some((_, method)) = owner.class.methods.iter().find(|(own, _)| own == name) {
                let this = Some(Value::Class(class.clone()));
                return Some(Value::Function(self.closure(method, &method_scope(&owner), this)));
            }
            if let Some(value) = owner.statics.fields.borrow().get(name) {
                return Some(value.clone());
            }
        }
        None
    }
}

/// The variables around a method. `super` in Python means the classes above the one that has the method.
pub(super) fn method_scope(class: &Rc<ClassValue>) -> Rc<Scope> {
    if class.parents.is_empty() {
        return class.scope.clone();
    }
    let scope = Scope::inside(&class.scope);
    scope.set("__class__", Value::Class(class.clone()));
    scope
}
