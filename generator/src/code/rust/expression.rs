//! Expressions.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::children;
use super::super::{Call, Element, Entry, Expression, Function, Located, Parameter, Pattern, Statement, TextPart};
use super::{Lowering, MAX_DEPTH};

/// The maximum length of the source text that names an unknown value, in bytes.
const MAX_SOURCE: usize = 60;
/// The number of calls in a chain after which the rest is a statement of its own, so that a long chain is not deep.
const MAX_LINKS: usize = 40;
/// The variable that holds the first part of a long chain. No name in source code has this character.
const CHAIN: &str = "\u{1}chain";

/// A method call in a chain.
struct Link<'t> {
    call: Node<'t>,
    name: Node<'t>,
}

impl Lowering<'_> {
    pub(super) fn located(&mut self, node: Node<'_>) -> Located {
        if self.depth >= MAX_DEPTH {
            return self.at(node, self.unknown(node));
        }
        self.depth += 1;
        let located = if node.kind() == "call_expression" {
            self.chain(node)
        } else {
            let expression = self.expression(node);
            self.at(node, expression)
        };
        self.depth -= 1;
        located
    }

    fn expression(&mut self, node: Node<'_>) -> Expression {
        match node.kind() {
            "string_literal" | "raw_string_literal" => Expression::Text(vec![TextPart::Literal(self.string(node))]),
            "self" => Expression::Name("this".to_owned()),
            "identifier" | "type_identifier" | "crate" | "super" => Expression::Name(self.source(node).to_owned()),
            "integer_literal" => Expression::Text(vec![TextPart::Literal(self.source(node).to_owned())]),
            "scoped_identifier" | "generic_function" => self.path(node).expression,
            "field_expression" => match node.child_by_field_name("value") {
                Some(value) => {
                    let value = Arc::new(self.located(value));
                    Expression::Member(value, self.field(node, "field").to_owned())
                }
                None => self.unknown(node),
            },
            "index_expression" => match children(node).as_slice() {
                [object, index] => Expression::Index(Arc::new(self.located(*object)), Arc::new(self.located(*index))),
                _ => self.unknown(node),
            },
            "array_expression" | "tuple_expression" => Expression::List(self.elements(node)),
            "struct_expression" => self.object(node),
            "closure_expression" => Expression::Function(self.closure(node)),
            "binary_expression" => self.binary(node),
            "assignment_expression" => match self.two(node) {
                Some((left, right)) => Expression::Assignment(left, right),
                None => self.unknown(node),
            },
            "if_expression" | "match_expression" | "block" | "unsafe_block" | "async_block" | "const_block"
            | "return_expression" | "for_expression" | "loop_expression" | "while_expression" => self.block_value(node),
            // None of these changes the value.
            "reference_expression" | "type_cast_expression" => match node.child_by_field_name("value") {
                Some(value) => self.located(value).expression,
                None => self.unknown(node),
            },
            "parenthesized_expression" | "try_expression" | "await_expression" | "unary_expression" => {
                match children(node).first() {
                    Some(child) => self.located(*child).expression,
                    None => self.unknown(node),
                }
            }
            "macro_invocation" => self.macro_call(node),
            _ => self.unknown(node),
        }
    }

    pub(super) fn unknown(&self, node: Node<'_>) -> Expression {
        Expression::Unknown(self.short_source(node))
    }

    /// The first line of a node's source, cut.
    pub(super) fn short_source(&self, node: Node<'_>) -> String {
        let source = self.source(node);
        let source = deckwatch_protocol::cut::to_bytes(source, MAX_SOURCE * 4);
        let first = source.lines().next().unwrap_or_default();
        deckwatch_protocol::cut::with_ellipsis(first, MAX_SOURCE).into_owned()
    }

    /// Calls of methods one after the other: `a.b().c().d()`. They are read from the last to the first without recursion.
    fn chain(&mut self, node: Node<'_>) -> Located {
        let (mut links, mut current) = (Vec::new(), node);
        loop {
            match current.kind() {
                "call_expression" => match method(current) {
                    Some((object, name)) => {
                        links.push(Link { call: current, name });
                        current = object;
                    }
                    None => break,
                },
                "try_expression" | "await_expression" => match children(current).into_iter().next() {
                    Some(inner) => current = inner,
                    None => break,
                },
                _ => break,
            }
        }
        let mut value =
            if current.kind() == "call_expression" { self.plain_call(current) } else { self.located(current) };
        let mut statements = Vec::new();
        for (at, link) in links.into_iter().rev().enumerate() {
            if at > 0 && at % MAX_LINKS == 0 {
                let name = self.at(node, Expression::Name(CHAIN.to_owned()));
                let pattern = Pattern::Name(CHAIN.to_owned());
                let value = std::mem::replace(&mut value, name);
                statements.push(Statement::Let { pattern, type_name: String::new(), value });
            }
            value = self.link(value, &link);
        }
        if statements.is_empty() {
            return value;
        }
        let line = value.line;
        statements.push(Statement::Return(value));
        Located { line, expression: Expression::Block(statements) }
    }

    fn link(&mut self, object: Located, link: &Link<'_>) -> Located {
        let name = self.source(link.name).to_owned();
        let callee = self.at(link.name, Expression::Member(Arc::new(object), name));
        let arguments = self.arguments(link.call);
        let source = self.short_source(link.call);
        self.at(link.name, Expression::Call(Arc::new(Call { callee, arguments, source })))
    }

    fn plain_call(&mut self, node: Node<'_>) -> Located {
        let Some(function) = node.child_by_field_name("function") else { return self.at(node, self.unknown(node)) };
        let callee = self.located(function);
        let arguments = self.arguments(node);
        let source = self.short_source(node);
        self.at(node, Expression::Call(Arc::new(Call { callee, arguments, source })))
    }

    fn arguments(&mut self, node: Node<'_>) -> Vec<Element> {
        node.child_by_field_name("arguments").map(|list| self.elements(list)).unwrap_or_default()
    }

    fn elements(&mut self, node: Node<'_>) -> Vec<Element> {
        let elements = children(node).into_iter().filter(|child| child.kind() != "attribute_item");
        let elements: Vec<Node<'_>> = elements.collect();
        elements
            .into_iter()
            .map(|element| Element { is_spread: false, name: None, value: self.located(element) })
            .collect()
    }

    /// `Api { limit, prefix: "/api", ..Default::default() }`
    fn object(&mut self, node: Node<'_>) -> Expression {
        let Some(name) = node.child_by_field_name("name") else { return self.unknown(node) };
        let mut entries = Vec::new();
        for child in node.child_by_field_name("body").map(children).unwrap_or_default() {
            let (key, value) = match child.kind() {
                "field_initializer" => (child.child_by_field_name("field"), child.child_by_field_name("value")),
                "shorthand_field_initializer" => (children(child).first().copied(), children(child).first().copied()),
                "base_field_initializer" => (None, children(child).first().copied()),
                _ => continue,
            };
            let key =
                key.map(|key| self.at(key, Expression::Text(vec![TextPart::Literal(self.source(key).to_owned())])));
            entries.extend(value.map(|value| Entry { key, value: self.located(value) }));
        }
        Expression::Object(Arc::new(self.path(name)), entries)
    }

    fn closure(&mut self, node: Node<'_>) -> Arc<Function> {
        let parameters = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let parameters = parameters.into_iter().map(|parameter| match parameter.kind() {
            "parameter" => self.parameter(parameter),
            _ => Parameter {
                pattern: self.pattern(parameter),
                type_name: String::new(),
                default: None,
                takes: super::super::Takes::One,
            },
        });
        let parameters = parameters.collect();
        let body = match node.child_by_field_name("body") {
            Some(block) if block.kind() == "block" => self.block(block, true),
            Some(value) => vec![Statement::Return(self.located(value))],
            None => Vec::new(),
        };
        Arc::new(Function { name: None, parameters, body, decorators: Vec::new(), keeps_this: true })
    }

    /// A condition, a match or a block as a value.
    fn block_value(&mut self, node: Node<'_>) -> Expression {
        let mut statements = Vec::new();
        match node.kind() {
            "async_block" | "const_block" => {
                let block = children(node).into_iter().find(|child| child.kind() == "block");
                statements.extend(block.map(|block| Statement::Block(self.block(block, true))));
            }
            _ => self.expression_statement(node, true, &mut statements),
        }
        Expression::Block(statements)
    }

    fn two(&mut self, node: Node<'_>) -> Option<(Arc<Located>, Arc<Located>)> {
        let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
        Some((Arc::new(self.located(left)), Arc::new(self.located(right))))
    }

    fn binary(&mut self, node: Node<'_>) -> Expression {
        let operator = self.field(node, "operator");
        let Some((left, right)) = self.two(node) else { return self.unknown(node) };
        match operator {
            "+" => Expression::Sum(left, right),
            "&&" => Expression::Both(left, right),
            "||" | "|" => Expression::Choice(vec![left.as_ref().clone(), right.as_ref().clone()]),
            "==" | "!=" => Expression::Equal { left, right, is_negated: operator == "!=" },
            _ => self.unknown(node),
        }
    }

    /// The text of a string literal. Escapes that matter in a path are resolved.
    pub(super) fn string(&self, node: Node<'_>) -> String {
        let mut text = String::new();
        for part in children(node) {
            let source = self.source(part);
            match source.strip_prefix('\\') {
                Some("n") => text.push('\n'),
                Some("t") => text.push('\t'),
                Some(escaped) if part.kind() == "escape_sequence" => text.push_str(escaped.trim()),
                _ => text.push_str(source),
            }
        }
        text
    }
}

/// The object and the name of a method call.
fn method(call: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let mut function = call.child_by_field_name("function")?;
    if function.kind() == "generic_function" {
        function = function.child_by_field_name("function")?;
    }
    (function.kind() == "field_expression")
        .then_some((function.child_by_field_name("value")?, function.child_by_field_name("field")?))
}
