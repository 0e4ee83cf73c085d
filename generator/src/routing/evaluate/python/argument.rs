//! Arguments by position or by name.

use super::super::super::program::Program;
use super::super::super::text::Text;
use super::super::super::value::Value;
use super::super::call::Arguments;
use super::super::source_of;
use crate::code::Located;

impl Arguments<'_> {
    /// The argument with one of the names.
    pub(in super::super::super) fn named(&self, names: &[&str]) -> Option<Value> {
        self.named.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.clone())
    }

    /// The argument at a position, or with one of the names.
    pub(super) fn at(&self, at: usize, names: &[&str]) -> Value {
        self.named(names).unwrap_or_else(|| self.get(at))
    }

    /// The expression of the argument at a position, or with one of the names.
    pub(super) fn expression_at(&self, at: usize, names: &[&str]) -> Option<&Located> {
        let is_named = |name: &Option<String>| name.as_deref().is_some_and(|name| names.contains(&name));
        let found = self.call.arguments.iter().find(|argument| is_named(&argument.name));
        let positional = || self.call.arguments.get(at).filter(|argument| argument.name.is_none());
        found.or_else(positional).map(|argument| &argument.value)
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
}
