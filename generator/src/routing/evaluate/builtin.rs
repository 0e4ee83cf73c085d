//! Methods of lists, texts and records that the language brings.

use std::rc::Rc;

use super::super::program::Program;
use super::super::text::Text;
use super::super::value::Value;
use super::call::Arguments;

impl Program<'_> {
    /// A method of a list: its function runs once for each element.
    pub(super) fn list_method(&mut self, values: &Rc<Vec<Value>>, name: &str, arguments: &Arguments<'_>) -> Value {
        match name {
            "forEach" | "map" | "flatMap" => {
                let callback = arguments.get(0);
                let results = values.iter().enumerate().map(|(at, value)| {
                    self.apply(&callback, vec![value.clone(), Value::Text(Text::literal(&at.to_string()))])
                });
                let results: Vec<Value> = results.collect();
                Value::List(Rc::new(results.into_iter().flat_map(flattened(name == "flatMap")).collect()))
            }
            "reduce" => {
                let (callback, mut result) = (arguments.get(0), arguments.get(1));
                for value in values.iter() {
                    result = self.apply(&callback, vec![result, value.clone()]);
                }
                result
            }
            "join" => {
                let separator = arguments.get(0).as_literal().unwrap_or(",").to_owned();
                let mut text = Text::default();
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        text.push(&Text::literal(&separator));
                    }
                    text.push(&value.as_text().cloned().unwrap_or_else(|| Text::unknown("…")));
                }
                Value::Text(text)
            }
            "concat" | "push" => {
                let more = arguments.values.iter().cloned().flat_map(flattened(name == "concat"));
                Value::List(Rc::new(values.iter().cloned().chain(more).collect()))
            }
            "filter" | "sort" | "reverse" | "slice" | "flat" | "toSorted" => Value::List(values.clone()),
            _ => Value::Unknown,
        }
    }

    /// `Object.entries(record)` and the like.
    pub(super) fn object_function(name: &str, arguments: &Arguments<'_>) -> Value {
        let record = arguments.get(0);
        let fields = Self::fields(&record).into_iter();
        let key = |name: String| Value::Text(Text::literal(&name));
        match name {
            "entries" => {
                Value::List(Rc::new(fields.map(|(name, value)| Value::List(Rc::new(vec![key(name), value]))).collect()))
            }
            "values" => Value::List(Rc::new(fields.map(|(_, value)| value).collect())),
            "keys" => Value::List(Rc::new(fields.map(|(name, _)| key(name)).collect())),
            "freeze" | "seal" | "assign" => record,
            _ => Value::Unknown,
        }
    }

    pub(super) fn text_method(text: &Text, name: &str, arguments: &Arguments<'_>) -> Value {
        match name {
            "concat" => {
                let mut joined = text.clone();
                for value in &arguments.values {
                    joined.push(&value.as_text().cloned().unwrap_or_else(|| Text::unknown("…")));
                }
                Value::Text(joined)
            }
            "toString" | "trim" | "valueOf" => Value::Text(text.clone()),
            "toLowerCase" | "toUpperCase" => match text.as_literal() {
                Some(literal) if name == "toLowerCase" => Value::Text(Text::literal(&literal.to_lowercase())),
                Some(literal) => Value::Text(Text::literal(&literal.to_uppercase())),
                None => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }
}

fn flattened(is_flat: bool) -> impl Fn(Value) -> Vec<Value> {
    move |value| match value {
        Value::List(inner) if is_flat => inner.as_ref().clone(),
        value => vec![value],
    }
}

/// The path that `path.join` makes of its arguments. An unknown part stays unknown.
pub(in super::super) fn joined_file_path(parts: &[Value]) -> Option<Value> {
    let parts = parts.iter().map(|part| part.as_text().cloned().unwrap_or_else(|| Text::unknown("…")));
    parts.reduce(|path, part| path.joined_file_path(&part)).map(Value::Text)
}
