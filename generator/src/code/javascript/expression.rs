//! Expressions.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::{children, line};
use super::super::{Call, Element, Entry, Expression, Located, TextPart};
use super::Lowering;

impl Lowering<'_> {
    pub(super) fn expression(&mut self, node: Node<'_>) -> Expression {
        match node.kind() {
            "string" => Expression::Text(vec![TextPart::Literal(self.string(node))]),
            "template_string" => Expression::Text(self.template(node)),
            "identifier" | "this" | "super" | "undefined" | "shorthand_property_identifier" => {
                self.name(node).expression
            }
            "member_expression" => self.member(node),
            "subscript_expression" => match self.two(node, "object", "index") {
                Some((object, index)) => Expression::Index(object, index),
                None => self.unknown(node),
            },
            "call_expression" => self.call(node, "function"),
            "new_expression" => self.call(node, "constructor"),
            "array" => Expression::List(self.elements(node)),
            "object" => Expression::Record(self.entries(node)),
            "arrow_function" | "function_expression" | "generator_function" => {
                Expression::Function(self.function(node, Vec::new()))
            }
            "class" => Expression::Class(self.class(node, Vec::new())),
            "binary_expression" => self.binary(node),
            "ternary_expression" => self.choice(node, &["consequence", "alternative"]),
            "assignment_expression" => match self.two(node, "left", "right") {
                Some((left, right)) => Expression::Assignment(left, right),
                None => self.unknown(node),
            },
            // Types and brackets don't change a value.
            "as_expression"
            | "satisfies_expression"
            | "non_null_expression"
            | "parenthesized_expression"
            | "await_expression"
            | "instantiation_expression"
            | "yield_expression" => self.inner(node, false),
            "type_assertion" | "sequence_expression" => self.inner(node, true),
            _ => self.unknown(node),
        }
    }

    fn inner(&mut self, node: Node<'_>, last: bool) -> Expression {
        let children = children(node);
        let child = if last { children.last() } else { children.first() };
        match child {
            Some(child) => self.located(*child).expression,
            None => self.unknown(node),
        }
    }

    /// The text of a string literal. Escapes that matter in a path are resolved.
    fn string(&self, node: Node<'_>) -> String {
        let mut text = String::new();
        for part in children(node) {
            let source = self.source(part);
            match source.strip_prefix('\\') {
                Some("n") => text.push('\n'),
                Some("t") => text.push('\t'),
                Some(escaped) if part.kind() == "escape_sequence" => text.push_str(escaped),
                _ => text.push_str(source),
            }
        }
        text
    }

    fn template(&mut self, node: Node<'_>) -> Vec<TextPart> {
        let mut parts = Vec::new();
        let mut at = node.start_byte() + 1;
        for child in children(node) {
            if child.kind() != "template_substitution" {
                continue;
            }
            parts.push(TextPart::Literal(self.text.get(at..child.start_byte()).unwrap_or_default().to_owned()));
            at = child.end_byte();
            parts.extend(children(child).first().map(|value| TextPart::Value(self.located(*value))));
        }
        let end = node.end_byte().saturating_sub(1).max(at);
        parts.push(TextPart::Literal(self.text.get(at..end).unwrap_or_default().to_owned()));
        parts
    }

    fn member(&mut self, node: Node<'_>) -> Expression {
        let name = self.field(node, "property").to_owned();
        match node.child_by_field_name("object") {
            Some(object) => Expression::Member(Arc::new(self.located(object)), name),
            None => self.unknown(node),
        }
    }

    fn call(&mut self, node: Node<'_>, callee: &str) -> Expression {
        let Some(callee) = node.child_by_field_name(callee) else { return self.unknown(node) };
        let arguments = node.child_by_field_name("arguments");
        let arguments = match arguments {
            Some(list) if list.kind() == "arguments" => self.elements(list),
            _ => Vec::new(),
        };
        let source = format!("{}()", self.short_source(callee));
        Expression::Call(Arc::new(Call { callee: self.located(callee), arguments, source }))
    }

    fn elements(&mut self, node: Node<'_>) -> Vec<Element> {
        let elements = children(node).into_iter();
        let mut lowered = Vec::new();
        for element in elements {
            let is_spread = element.kind() == "spread_element";
            let value = if is_spread { children(element).first().copied().unwrap_or(element) } else { element };
            lowered.push(Element { is_spread, name: None, value: self.located(value) });
        }
        lowered
    }

    fn entries(&mut self, node: Node<'_>) -> Vec<Entry> {
        children(node).into_iter().filter_map(|child| self.entry(child)).collect()
    }

    fn entry(&mut self, node: Node<'_>) -> Option<Entry> {
        match node.kind() {
            "pair" => {
                let (key, value) = (node.child_by_field_name("key")?, node.child_by_field_name("value")?);
                Some(Entry { key: Some(self.key(key)), value: self.located(value) })
            }
            "shorthand_property_identifier" => Some(Entry { key: Some(self.key(node)), value: self.name(node) }),
            "spread_element" => {
                Some(Entry { key: None, value: children(node).first().map(|child| self.located(*child))? })
            }
            "method_definition" => {
                let key = node.child_by_field_name("name")?;
                let function = self.function(node, Vec::new());
                let value = Located { line: line(node), expression: Expression::Function(function) };
                Some(Entry { key: Some(self.key(key)), value })
            }
            _ => None,
        }
    }

    /// The key of an entry. A computed key is an expression, every other key is a text.
    fn key(&mut self, node: Node<'_>) -> Located {
        if node.kind() == "computed_property_name" {
            return children(node).first().map_or_else(|| Located::unknown(line(node), ""), |key| self.located(*key));
        }
        let text = if node.kind() == "string" { self.string(node) } else { self.source(node).to_owned() };
        Located { line: line(node), expression: Expression::Text(vec![TextPart::Literal(text)]) }
    }

    fn binary(&mut self, node: Node<'_>) -> Expression {
        match self.field(node, "operator") {
            "+" => match self.two(node, "left", "right") {
                Some((left, right)) => Expression::Sum(left, right),
                None => self.unknown(node),
            },
            "||" | "??" => self.choice(node, &["left", "right"]),
            "&&" => match self.two(node, "left", "right") {
                Some((left, right)) => Expression::Both(left, right),
                None => self.unknown(node),
            },
            operator @ ("===" | "==" | "!==" | "!=") => match self.two(node, "left", "right") {
                Some((left, right)) => Expression::Equal { left, right, is_negated: operator.starts_with('!') },
                None => self.unknown(node),
            },
            _ => self.unknown(node),
        }
    }

    fn choice(&mut self, node: Node<'_>, fields: &[&str]) -> Expression {
        let values = fields.iter().filter_map(|field| node.child_by_field_name(field));
        Expression::Choice(values.collect::<Vec<_>>().into_iter().map(|value| self.located(value)).collect())
    }
}
