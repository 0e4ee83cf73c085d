//! Expressions and annotations.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::{children, line};
use super::super::{Call, Element, Expression, Located, TextPart};
use super::Lowering;

impl Lowering<'_> {
    pub(super) fn expression(&mut self, node: Node<'_>) -> Expression {
        match node.kind() {
            "string_literal" => Expression::Text(vec![TextPart::Literal(self.string(node))]),
            "identifier" | "this" | "super" => Expression::Name(self.source(node).to_owned()),
            "field_access" => {
                let name = self.field(node, "field").to_owned();
                match node.child_by_field_name("object") {
                    Some(object) => Expression::Member(Arc::new(self.located(object)), name),
                    None => self.unknown(node),
                }
            }
            "scoped_identifier" => {
                let name = self.field(node, "name").to_owned();
                match node.child_by_field_name("scope") {
                    Some(scope) => Expression::Member(Arc::new(self.located(scope)), name),
                    None => self.unknown(node),
                }
            }
            "method_invocation" => self.call(node),
            "annotation" | "marker_annotation" => self.annotation(node),
            "element_value_array_initializer" | "array_initializer" => {
                let values = children(node).into_iter();
                Expression::List(
                    values.map(|value| Element { is_spread: false, name: None, value: self.located(value) }).collect(),
                )
            }
            "lambda_expression" => Expression::Function(self.lambda(node)),
            "binary_expression" => match (self.field(node, "operator"), self.two(node, "left", "right")) {
                ("+", Some((left, right))) => Expression::Sum(left, right),
                _ => self.unknown(node),
            },
            "parenthesized_expression" => match children(node).first() {
                Some(child) => self.located(*child).expression,
                None => self.unknown(node),
            },
            "array_creation_expression" => match node.child_by_field_name("value") {
                Some(value) => self.located(value).expression,
                None => self.unknown(node),
            },
            _ => self.unknown(node),
        }
    }

    fn string(&self, node: Node<'_>) -> String {
        let mut text = String::new();
        for child in children(node) {
            match (child.kind(), self.source(child)) {
                ("escape_sequence", escaped @ ("\\\\" | "\\\"" | "\\'")) => {
                    text.push_str(escaped.get(1..).unwrap_or_default());
                }
                (_, source) => text.push_str(source),
            }
        }
        text
    }

    fn call(&mut self, node: Node<'_>) -> Expression {
        let name = self.field(node, "name").to_owned();
        let name_line = node.child_by_field_name("name").map_or(line(node), line);
        let expression = match node.child_by_field_name("object") {
            Some(object) => Expression::Member(Arc::new(self.located(object)), name),
            None => Expression::Name(name),
        };
        let callee = Located { line: name_line, expression };
        let mut arguments = Vec::new();
        for value in node.child_by_field_name("arguments").map(children).unwrap_or_default() {
            arguments.push(Element { is_spread: false, name: None, value: self.located(value) });
        }
        Expression::Call(Arc::new(Call { callee, arguments, source: self.short_source(node) }))
    }

    /// `@GetMapping(path = "/users")` is a call with the name of the annotation.
    fn annotation(&mut self, node: Node<'_>) -> Expression {
        let name = self.field(node, "name").rsplit('.').next().unwrap_or_default().to_owned();
        let callee = Located { line: line(node), expression: Expression::Name(name) };
        let mut arguments = Vec::new();
        for argument in node.child_by_field_name("arguments").map(children).unwrap_or_default() {
            let value = argument.child_by_field_name("value").filter(|_| argument.kind() == "element_value_pair");
            let name = value.map(|_| self.field(argument, "key").to_owned());
            arguments.push(Element { is_spread: false, name, value: self.located(value.unwrap_or(argument)) });
        }
        Expression::Call(Arc::new(Call { callee, arguments, source: self.short_source(node) }))
    }
}
