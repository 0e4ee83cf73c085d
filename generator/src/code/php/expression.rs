//! Expressions.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::{children, line};
use super::super::{Call, Element, Entry, Expression, Located, TextPart};
use super::Lowering;

impl Lowering<'_> {
    pub(super) fn expression(&mut self, node: Node<'_>) -> Expression {
        match node.kind() {
            "string" | "encapsed_string" | "heredoc" | "nowdoc" => Expression::Text(self.string(node)),
            "integer" => literal(self.source(node)),
            "name" | "variable_name" | "relative_scope" => Expression::Name(self.source(node).to_owned()),
            "qualified_name" => Expression::Name(self.source(node).rsplit('\\').next().unwrap_or_default().to_owned()),
            "member_access_expression" | "nullsafe_member_access_expression" => {
                let name = self.field(node, "name").to_owned();
                match node.child_by_field_name("object") {
                    Some(object) => Expression::Member(Arc::new(self.located(object)), name),
                    None => self.unknown(node),
                }
            }
            "class_constant_access_expression" | "scoped_property_access_expression" => {
                let parts = children(node);
                match (parts.first(), parts.get(1)) {
                    (Some(class), Some(name)) => {
                        let name = self.source(*name).trim_start_matches('$').to_owned();
                        Expression::Path(Arc::new(self.located(*class)), name)
                    }
                    _ => self.unknown(node),
                }
            }
            "scoped_call_expression" => self.call(node, "scope", "name"),
            "member_call_expression" | "nullsafe_member_call_expression" => self.call(node, "object", "name"),
            "function_call_expression" => self.call(node, "", "function"),
            "object_creation_expression" => self.creation(node),
            "require_expression" | "require_once_expression" | "include_expression" | "include_once_expression" => {
                self.required(node)
            }
            "anonymous_function" | "anonymous_function_creation_expression" | "arrow_function" => {
                Expression::Function(self.function(node))
            }
            "array_creation_expression" => self.array(node),
            "assignment_expression" | "augmented_assignment_expression" => match self.two(node, "left", "right") {
                Some((left, right)) => Expression::Assignment(left, right),
                None => self.unknown(node),
            },
            "binary_expression" => match (self.field(node, "operator"), self.two(node, "left", "right")) {
                (".", Some((left, right))) => Expression::Sum(left, right),
                ("??" | "?:" | "||" | "or", Some((left, right))) => {
                    Expression::Choice(vec![left.as_ref().clone(), right.as_ref().clone()])
                }
                _ => self.unknown(node),
            },
            "conditional_expression" => {
                let parts = [node.child_by_field_name("body"), node.child_by_field_name("alternative")];
                Expression::Choice(parts.into_iter().flatten().map(|part| self.located(part)).collect())
            }
            // Brackets and casts don't change a value.
            "parenthesized_expression" | "by_ref" => match children(node).first() {
                Some(child) => self.located(*child).expression,
                None => self.unknown(node),
            },
            "cast_expression" => match node.child_by_field_name("value") {
                Some(value) => self.located(value).expression,
                None => self.unknown(node),
            },
            _ => self.unknown(node),
        }
    }

    fn string(&mut self, node: Node<'_>) -> Vec<TextPart> {
        let mut parts = Vec::new();
        for child in children(node) {
            match child.kind() {
                "string_content" => parts.push(TextPart::Literal(self.source(child).to_owned())),
                "escape_sequence" => {
                    parts.push(TextPart::Literal(self.source(child).trim_start_matches('\\').to_owned()));
                }
                "heredoc_body" | "nowdoc_body" => parts.extend(self.string(child)),
                _ => parts.push(TextPart::Value(self.located(child))),
            }
        }
        parts
    }

    /// A call of a method, of a static method or of a function.
    fn call(&mut self, node: Node<'_>, object: &str, name: &str) -> Expression {
        let Some(method) = node.child_by_field_name(name) else { return self.unknown(node) };
        let line = line(method);
        let callee = match node.child_by_field_name(object) {
            Some(object) => {
                let name = self.source(method).to_owned();
                Located { line, expression: Expression::Member(Arc::new(self.located(object)), name) }
            }
            None => self.located(method),
        };
        let arguments = node.child_by_field_name("arguments").map(|list| self.arguments(list)).unwrap_or_default();
        Expression::Call(Arc::new(Call { callee, arguments, source: self.short_source(node) }))
    }

    fn creation(&mut self, node: Node<'_>) -> Expression {
        let Some(class) = children(node).first().copied() else { return self.unknown(node) };
        let callee = self.located(class);
        let arguments = children(node).into_iter().find(|child| child.kind() == "arguments");
        let arguments = arguments.map(|list| self.arguments(list)).unwrap_or_default();
        Expression::Call(Arc::new(Call { callee, arguments, source: self.short_source(node) }))
    }

    /// `require 'file.php'` is a call of `require`.
    fn required(&mut self, node: Node<'_>) -> Expression {
        let Some(file) = children(node).first().copied() else { return self.unknown(node) };
        let callee = Located { line: line(node), expression: Expression::Name("require".to_owned()) };
        let arguments = vec![Element { is_spread: false, name: None, value: self.located(file) }];
        Expression::Call(Arc::new(Call { callee, arguments, source: self.short_source(node) }))
    }

    fn arguments(&mut self, list: Node<'_>) -> Vec<Element> {
        let mut elements = Vec::new();
        for argument in children(list) {
            let name = argument.child_by_field_name("name");
            let Some(value) = children(argument).into_iter().rfind(|child| Some(*child) != name) else { continue };
            let is_spread = value.kind() == "variadic_unpacking";
            let value = if is_spread { children(value).first().copied().unwrap_or(value) } else { value };
            let name = name.map(|name| self.source(name).to_owned());
            elements.push(Element { is_spread, name, value: self.located(value) });
        }
        elements
    }

    /// An array with keys is a record, any other a list.
    fn array(&mut self, node: Node<'_>) -> Expression {
        let elements = children(node).into_iter().filter(|child| child.kind() == "array_element_initializer");
        let elements: Vec<Vec<Node<'_>>> = elements.map(children).collect();
        if elements.iter().any(|parts| parts.len() == 2) {
            let mut entries = Vec::new();
            for (at, parts) in elements.iter().enumerate() {
                let key = match parts.as_slice() {
                    [key, _] => self.located(*key),
                    _ => Located { line: line(node), expression: literal(&at.to_string()) },
                };
                entries.extend(parts.last().map(|value| Entry { key: Some(key), value: self.located(*value) }));
            }
            return Expression::Record(entries);
        }
        let mut values = Vec::new();
        for value in elements.iter().filter_map(|parts| parts.first()) {
            let is_spread = value.kind() == "variadic_unpacking";
            let value = if is_spread { children(*value).first().copied().unwrap_or(*value) } else { *value };
            values.push(Element { is_spread, name: None, value: self.located(value) });
        }
        Expression::List(values)
    }
}

fn literal(text: &str) -> Expression {
    Expression::Text(vec![TextPart::Literal(text.to_owned())])
}
