//! Expressions.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::{children, line};
use super::super::{Call, Element, Entry, Expression, Located, TextPart};
use super::Lowering;

impl Lowering<'_> {
    pub(super) fn expression(&mut self, node: Node<'_>) -> Expression {
        match node.kind() {
            "string" | "delimited_symbol" | "bare_string" | "bare_symbol" | "heredoc_body" => {
                Expression::Text(self.string(node))
            }
            "chained_string" => {
                Expression::Text(children(node).into_iter().flat_map(|part| self.string(part)).collect())
            }
            "simple_symbol" | "hash_key_symbol" => literal(self.source(node).trim_start_matches(':')),
            "integer" => literal(self.source(node)),
            "identifier" | "constant" | "self" | "instance_variable" | "global_variable" => {
                Expression::Name(self.source(node).to_owned())
            }
            "scope_resolution" => {
                let name = self.field(node, "name").to_owned();
                match node.child_by_field_name("scope") {
                    Some(scope) => Expression::Path(Arc::new(self.located(scope)), name),
                    None => Expression::Name(name),
                }
            }
            "call" => self.call(node),
            "element_reference" => match (node.child_by_field_name("object"), children(node).get(1)) {
                (Some(object), Some(index)) => {
                    Expression::Index(Arc::new(self.located(object)), Arc::new(self.located(*index)))
                }
                _ => self.unknown(node),
            },
            "array" | "symbol_array" | "string_array" => Expression::List(self.elements(node)),
            "hash" => Expression::Record(self.entries(node)),
            "lambda" => Expression::Function(self.closure(node)),
            "conditional" => match self.two(node, "consequence", "alternative") {
                Some((first, second)) => Expression::Choice(vec![first.as_ref().clone(), second.as_ref().clone()]),
                None => self.unknown(node),
            },
            "binary" => self.binary(node),
            "parenthesized_statements" | "pair" => match children(node).first() {
                Some(child) => self.located(*child).expression,
                None => self.unknown(node),
            },
            _ => self.unknown(node),
        }
    }

    /// The parts of a string or symbol.
    fn string(&mut self, node: Node<'_>) -> Vec<TextPart> {
        let mut parts = Vec::new();
        for child in children(node) {
            match child.kind() {
                "string_content" => parts.push(TextPart::Literal(self.source(child).to_owned())),
                "escape_sequence" => {
                    let escaped = self.source(child).trim_start_matches('\\');
                    parts.push(TextPart::Literal(escaped.to_owned()));
                }
                "interpolation" => {
                    parts.extend(children(child).first().map(|value| TextPart::Value(self.located(*value))));
                }
                _ => {}
            }
        }
        if parts.is_empty() && matches!(node.kind(), "bare_string" | "bare_symbol") {
            parts.push(TextPart::Literal(self.source(node).to_owned()));
        }
        parts
    }

    /// A call. Its block is the last argument.
    fn call(&mut self, node: Node<'_>) -> Expression {
        let Some(method) = node.child_by_field_name("method") else { return self.unknown(node) };
        let name = self.source(method).to_owned();
        let receiver = node.child_by_field_name("receiver");
        let (arguments, block) = (node.child_by_field_name("arguments"), node.child_by_field_name("block"));
        // A frozen text is the text.
        if let Some(receiver) = receiver.filter(|_| matches!(name.as_str(), "freeze" | "to_s" | "to_sym")) {
            return self.located(receiver).expression;
        }
        let line = line(node);
        let callee = match receiver {
            Some(receiver) => Expression::Member(Arc::new(self.located(receiver)), name),
            None => Expression::Name(name),
        };
        if arguments.is_none() && block.is_none() && receiver.is_some() {
            return callee;
        }
        let mut elements = arguments.map(|arguments| self.elements(arguments)).unwrap_or_default();
        if let Some(block) = block {
            let value = Located { line: self::line(block), expression: Expression::Function(self.closure(block)) };
            elements.push(Element { is_spread: false, name: None, value });
        }
        let source = self.short_source(node);
        Expression::Call(Arc::new(Call { callee: Located { line, expression: callee }, arguments: elements, source }))
    }

    /// Arguments and elements of lists. `name: value` has a name, and `"text" => value` is a record.
    fn elements(&mut self, node: Node<'_>) -> Vec<Element> {
        let mut elements = Vec::new();
        for child in children(node) {
            let inner = children(child).first().copied().unwrap_or(child);
            elements.push(match child.kind() {
                "pair" => self.pair(child),
                "splat_argument" => Element { is_spread: true, name: None, value: self.located(inner) },
                "hash_splat_argument" => {
                    Element { is_spread: true, name: Some(String::new()), value: self.located(inner) }
                }
                "block_argument" => continue,
                _ => Element { is_spread: false, name: None, value: self.located(child) },
            });
        }
        elements
    }

    fn pair(&mut self, node: Node<'_>) -> Element {
        let (Some(key), Some(value)) = (node.child_by_field_name("key"), node.child_by_field_name("value")) else {
            // `name:` alone stands for `name: name`.
            return Element { is_spread: false, name: None, value: Located::unknown(line(node), self.source(node)) };
        };
        if matches!(key.kind(), "hash_key_symbol" | "simple_symbol") {
            let name = Some(self.source(key).trim_start_matches(':').to_owned());
            return Element { is_spread: false, name, value: self.located(value) };
        }
        let entry = Entry { key: Some(self.located(key)), value: self.located(value) };
        let value = Located { line: line(node), expression: Expression::Record(vec![entry]) };
        Element { is_spread: false, name: None, value }
    }

    fn entries(&mut self, node: Node<'_>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for pair in children(node) {
            match (pair.child_by_field_name("key"), pair.child_by_field_name("value")) {
                (Some(key), Some(value)) => {
                    entries.push(Entry { key: Some(self.located(key)), value: self.located(value) });
                }
                _ => {
                    entries
                        .extend(children(pair).first().map(|inner| Entry { key: None, value: self.located(*inner) }));
                }
            }
        }
        entries
    }

    fn binary(&mut self, node: Node<'_>) -> Expression {
        match (self.field(node, "operator"), self.two(node, "left", "right")) {
            ("+", Some((left, right))) => Expression::Sum(left, right),
            ("||" | "or", Some((left, right))) => {
                Expression::Choice(vec![left.as_ref().clone(), right.as_ref().clone()])
            }
            ("&&" | "and", Some((left, right))) => Expression::Both(left, right),
            _ => self.unknown(node),
        }
    }
}

fn literal(text: &str) -> Expression {
    Expression::Text(vec![TextPart::Literal(text.to_owned())])
}
