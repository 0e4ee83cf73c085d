//! Classes and their objects.

use std::rc::Rc;
use std::sync::Arc;

use super::super::program::Program;
use super::super::value::{ClassValue, Record, Scope, Value};
use crate::code::Class;

/// The maximum number of classes from which a class inherits.
const MAX_PARENTS: usize = 16;

impl Program<'_> {
    pub(in super::super) fn class(&mut self, class: &Arc<Class>, scope: &Rc<Scope>) -> Value {
        let parent = class.parent.as_ref().map(|parent| self.evaluate(parent, scope));
        let parent = parent.and_then(|parent| if let Value::Class(class) = parent { Some(class) } else { None });
        let statics = Rc::new(Record::default());
        let value = ClassValue { class: class.clone(), scope: scope.clone(), parent, statics: statics.clone() };
        let value = self.add_class(value);
        if let Some(name) = &class.name {
            scope.set(name, Value::Class(value.clone()));
        }
        for field in class.fields.iter().filter(|field| field.is_static) {
            if let Some(expression) = &field.value {
                let inside = Scope::inside(scope);
                inside.set("this", Value::Class(value.clone()));
                let field_value = self.evaluate(expression, &inside);
                statics.fields.borrow_mut().insert(field.name.clone(), field_value);
            }
        }
        Value::Class(value)
    }

    /// Makes an object of a class: its fields, then its constructor.
    pub(in super::super) fn instance(&mut self, class: &Rc<ClassValue>, arguments: Vec<Value>) -> Value {
        let record = Rc::new(Record { class: Some(class.clone()), ..Record::default() });
        let object = Value::Record(record.clone());
        let mut lineage = vec![class.clone()];
        while let Some(parent) =
            lineage.last().and_then(|class| class.parent.clone()).filter(|_| lineage.len() < MAX_PARENTS)
        {
            lineage.push(parent);
        }
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
            let closure = self.closure(&method, &class.scope, Some(object.clone()));
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
        let mut class = record.class.clone();
        for _ in 0..MAX_PARENTS {
            let current = class.clone()?;
            if let Some((_, method)) = current.class.methods.iter().find(|(own, _)| own == name) {
                let this = Some(Value::Record(record.clone()));
                return Some(Value::Function(self.closure(method, &current.scope, this)));
            }
            class.clone_from(&current.parent);
        }
        None
    }

    pub(in super::super) fn static_method(&mut self, class: &Rc<ClassValue>, name: &str) -> Option<Value> {
        let (_, method) = class.class.methods.iter().find(|(own, _)| own == name)?;
        Some(Value::Function(self.closure(method, &class.scope, Some(Value::Class(class.clone())))))
    }
}
