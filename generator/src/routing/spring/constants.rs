//! Texts in annotations: literals, sums of them, and constants of classes.

use std::rc::Rc;

use super::super::evaluate::source_of;
use super::super::text::Text;
use super::super::value::ClassValue;
use super::{Classes, lineage, named};
use crate::code::{Call, Element, Expression, Located, TextPart};

/// The maximum number of constants that a constant leads to.
const MAX_DEPTH: usize = 10;

pub(super) struct Constants<'c> {
    pub(super) classes: &'c Classes,
}

impl Constants<'_> {
    /// The paths of an annotation: `@GetMapping("/a")`, `@GetMapping(path = {"/a", "/b"})`.
    pub(super) fn paths(&self, call: &Call, class: &Rc<ClassValue>) -> Vec<Text> {
        let is_path =
            |element: &&Element| matches!(element.name.as_deref(), None | Some("value" | "path" | "uri" | "uris"));
        let mut paths = Vec::new();
        for element in call.arguments.iter().filter(is_path) {
            match &element.value.expression {
                Expression::List(elements) => {
                    paths.extend(elements.iter().map(|element| self.text(&element.value, class, 0)));
                }
                _ => paths.push(self.text(&element.value, class, 0)),
            }
        }
        paths.iter().map(with_placeholders).collect()
    }

    /// The methods of `@RequestMapping(method = {RequestMethod.GET, POST})`.
    pub(super) fn methods(call: &Call) -> Vec<String> {
        let named = call.arguments.iter().find(|element| element.name.as_deref() == Some("method"));
        let values: Vec<&Located> = match named.map(|element| &element.value) {
            Some(Located { expression: Expression::List(elements), .. }) => {
                elements.iter().map(|element| &element.value).collect()
            }
            Some(value) => vec![value],
            None => Vec::new(),
        };
        let last = |value: &&Located| source_of(value).rsplit('.').next().unwrap_or_default().to_owned();
        values.iter().map(last).collect()
    }

    /// The text of an expression. What is not known keeps its source.
    pub(super) fn text(&self, located: &Located, class: &Rc<ClassValue>, depth: usize) -> Text {
        let unknown = || Text::unknown(&source_of(located));
        if depth >= MAX_DEPTH {
            return unknown();
        }
        match &located.expression {
            Expression::Text(parts) => {
                let mut text = Text::default();
                for part in parts {
                    match part {
                        TextPart::Literal(literal) => text.push(&Text::literal(literal)),
                        TextPart::Value(value) => text.push(&self.text(value, class, depth + 1)),
                    }
                }
                text
            }
            Expression::Sum(left, right) => {
                let mut text = self.text(left, class, depth + 1);
                text.push(&self.text(right, class, depth + 1));
                text
            }
            Expression::Name(name) => {
                let owners = lineage(class, self.classes);
                let found = owners.iter().find_map(|owner| self.field(owner, name, depth));
                found.or_else(|| self.anywhere(name, depth)).unwrap_or_else(unknown)
            }
            Expression::Member(object, name) => {
                let object = source_of(object);
                let owner = named(self.classes, object.rsplit('.').next().unwrap_or_default(), class.scope.file);
                owner.and_then(|owner| self.field(owner, name, depth)).unwrap_or_else(unknown)
            }
            _ => unknown(),
        }
    }

    fn field(&self, class: &Rc<ClassValue>, name: &str, depth: usize) -> Option<Text> {
        let field = class.class.fields.iter().find(|field| field.name == name)?;
        Some(self.text(field.value.as_ref()?, class, depth + 1))
    }

    /// A constant that was imported by its name alone. Only one class may have it.
    fn anywhere(&self, name: &str, depth: usize) -> Option<Text> {
        let is_constant = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        let mut owners = self.classes.values().flatten().filter(|_| is_constant);
        let owner = owners.find(|class| class.class.fields.iter().any(|field| field.name == name))?;
        let is_only = !owners.any(|class| class.class.fields.iter().any(|field| field.name == name));
        is_only.then(|| self.field(owner, name, depth)).flatten()
    }
}

/// A text with the values of settings: `${api.path:/v1}` is its default, `${api.path}` is not known.
pub(super) fn with_placeholders(text: &Text) -> Text {
    let Some(literal) = text.as_literal() else { return text.clone() };
    let mut written = Text::default();
    let mut rest = literal;
    while let Some((before, inside)) = rest.split_once("${") {
        let Some((name, after)) = inside.split_once('}') else { break };
        written.push(&Text::literal(before));
        match name.split_once(':') {
            Some((_, default)) => written.push(&Text::literal(default)),
            None => written.push(&Text::unknown(name)),
        }
        rest = after;
    }
    written.push(&Text::literal(rest));
    written
}
