//! Arguments by position or by name.

use super::super::super::program::Program;
use super::super::super::text::Text;
use super::super::super::value::Value;
use super::super::call::Arguments;
use super::super::source_of;
use crate::code::{Function, Located, Pattern};

impl Arguments<'_> {
    /// The argument with one of the names.
    pub(super) fn named(&self, names: &[&str]) -> Option<Value> {
        self.named.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.clone())
    }

    /// The argument at a position, or with one of the names.
    pub(super) fn at(&self, at: usize, names: &[&str]) -> Value {
        self.named(names).unwrap_or_else(|| self.get(at))
    }

    /// The expression of the argument at a position, or with one of the names.
    pub(super) fn expression_at(&self, at: usize, names: &[&str]) -> Option<&Located> {
        let is_named = |name: &Option<String>| name.as_deref().is_some_and(|name| names.contains(&name));
        let named = self.call.arguments.iter().find(|argument| is_named(&argument.name));
        let positional = || self.call.arguments.get(at).filter(|argument| argument.name.is_none());
        named.or_else(positional).map(|argument| &argument.value)
    }
}

impl Program<'_> {
    /// The text of an argument. A text that is not known is named by its source.
    pub(super) fn text_at(arguments: &Arguments<'_>, at: usize, names: &[&str]) -> Option<Text> {
        match arguments.at(at, names) {
            Value::Text(text) => Some(text),
            _ => arguments.expression_at(at, names).map(|value| Text::unknown(&source_of(value))),
        }
    }

    /// The values of the arguments in the order of the parameters of what is called.
    pub(super) fn positioned(callee: &Value, arguments: &Arguments<'_>) -> Vec<Value> {
        let mut values = arguments.values.clone();
        if arguments.named.is_empty() {
            return values;
        }
        let constructor;
        let function: &Function = match callee {
            Value::Function(closure) => &closure.function,
            Value::Class(class) => {
                let methods = class.lineage().into_iter().find_map(|class| {
                    let methods = class.class.methods.iter();
                    methods.filter(|(name, _)| name == "constructor").map(|(_, method)| method.clone()).next()
                });
                let Some(method) = methods else { return values };
                constructor = method;
                &constructor
            }
            _ => return values,
        };
        for (at, parameter) in function.parameters.iter().enumerate() {
            let Pattern::Name(name) = &parameter.pattern else { continue };
            if let Some(value) = arguments.named(&[name]) {
                while values.len() <= at {
                    values.push(Value::Unknown);
                }
                if let Some(slot) = values.get_mut(at) {
                    *slot = value;
                }
            }
        }
        values
    }
}
