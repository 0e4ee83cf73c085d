//! Values of which only the type is known: parameters of functions that nothing calls, and fields of objects.

use super::super::framework;
use super::super::program::Program;
use super::super::text::Text;
use super::super::value::{Record, Value};
use crate::code::{Parameter, Pattern};

use std::rc::Rc;

impl Program<'_> {
    /// The value of a parameter of a function that unknown code calls.
    pub(in super::super) fn rust_adopted(&mut self, file: usize, parameter: &Parameter) -> Value {
        if matches!(parameter.pattern, Pattern::Ignored) {
            return Value::Unknown;
        }
        let scope = self.scope_of(file);
        self.of_type(&scope, &parameter.type_name)
    }

    /// The value of a field that the code does not set.
    pub(in super::super) fn rust_field(&mut self, record: &Rc<Record>, name: &str) -> Option<Value> {
        let class = record.class.clone()?;
        let field = class.class.fields.iter().find(|field| field.name == name)?;
        let value = self.of_type(&class.scope, &field.type_name);
        if !matches!(value, Value::Unknown) {
            record.fields.borrow_mut().insert(name.to_owned(), value.clone());
        }
        Some(value)
    }

    fn of_type(&mut self, scope: &Rc<super::super::value::Scope>, type_name: &str) -> Value {
        if type_name.is_empty() {
            return Value::Unknown;
        }
        match self.item_or_package(scope, type_name) {
            Value::Class(class) => return self.bare_object(&class),
            Value::Package(_) => {}
            _ => return Value::Unknown,
        }
        let main = self.main_framework(scope.file);
        match framework::of_rust_type(main, type_name) {
            Some(framework) => Value::Router(self.new_router(framework, Text::default())),
            None => Value::Unknown,
        }
    }
}
