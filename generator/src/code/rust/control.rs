//! Blocks, conditions, matches and loops.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::children;
use super::super::{Expression, Located, Pattern, Statement, TextPart};
use super::{Lowering, MAX_DEPTH};

impl Lowering<'_> {
    /// The statements of a block. If `has_value`, the expression at its end is what it returns.
    pub(super) fn block(&mut self, node: Node<'_>, has_value: bool) -> Vec<Statement> {
        let mut statements = Vec::new();
        if self.depth >= MAX_DEPTH {
            return statements;
        }
        self.depth += 1;
        let mut attributes = Vec::new();
        let all: Vec<Node<'_>> = children(node);
        let last = all.len().saturating_sub(1);
        for (at, child) in all.into_iter().enumerate() {
            if child.kind() == "attribute_item" {
                attributes.push(child);
                continue;
            }
            if !attributes.iter().any(|attribute| self.is_test(*attribute)) {
                self.statement(child, &attributes, has_value && at == last, &mut statements);
            }
            attributes.clear();
        }
        self.depth -= 1;
        statements
    }

    fn statement(&mut self, node: Node<'_>, attributes: &[Node<'_>], is_value: bool, into: &mut Vec<Statement>) {
        match node.kind() {
            "let_declaration" => {
                let (Some(pattern), Some(value)) =
                    (node.child_by_field_name("pattern"), node.child_by_field_name("value"))
                else {
                    return;
                };
                let of_type = node.child_by_field_name("type");
                let type_name = of_type.map(|of_type| self.type_name(of_type)).unwrap_or_default();
                into.push(Statement::Let { pattern: self.pattern(pattern), type_name, value: self.located(value) });
            }
            "expression_statement" => {
                let Some(inner) = children(node).into_iter().next() else { return };
                let ends = self.source(node).ends_with(';');
                self.expression_statement(inner, is_value && !ends, into);
            }
            "empty_statement" => {}
            "macro_invocation" => self.expression_statement(node, is_value, into),
            _ if self.item(node, attributes, into) => {}
            _ => self.expression_statement(node, is_value, into),
        }
    }

    /// An expression that stands as a statement.
    pub(super) fn expression_statement(&mut self, node: Node<'_>, is_value: bool, into: &mut Vec<Statement>) {
        match node.kind() {
            "if_expression" => into.push(self.condition(node, is_value)),
            "match_expression" => self.arms(node, is_value, into),
            "for_expression" => into.push(self.for_each(node)),
            "while_expression" | "loop_expression" => {
                if let Some(body) = node.child_by_field_name("body") {
                    into.push(Statement::Block(self.block(body, false)));
                }
            }
            "block" => into.push(Statement::Block(self.block(node, is_value))),
            "unsafe_block" => {
                let inner = children(node).into_iter().next();
                into.extend(inner.map(|inner| Statement::Block(self.block(inner, is_value))));
            }
            "return_expression" => {
                into.extend(children(node).first().map(|value| Statement::Return(self.located(*value))));
            }
            "break_expression" | "continue_expression" => {}
            _ if is_value => into.push(Statement::Return(self.located(node))),
            _ => into.push(Statement::Expression(self.located(node))),
        }
    }

    fn branch(&mut self, node: Option<Node<'_>>, is_value: bool) -> Vec<Statement> {
        let Some(node) = node else { return Vec::new() };
        let mut statements = Vec::new();
        match node.kind() {
            "block" => statements = self.block(node, is_value),
            "else_clause" => statements = self.branch(children(node).into_iter().next(), is_value),
            _ if self.depth >= MAX_DEPTH => {}
            _ => {
                self.depth += 1;
                self.expression_statement(node, is_value, &mut statements);
                self.depth -= 1;
            }
        }
        statements
    }

    fn condition(&mut self, node: Node<'_>, is_value: bool) -> Statement {
        let condition = node.child_by_field_name("condition");
        let mut then = Vec::new();
        // `if let Some(x) = value`
        let bindings = match condition {
            Some(one) if one.kind() == "let_condition" => vec![one],
            Some(chain) if chain.kind() == "let_chain" => children(chain),
            _ => Vec::new(),
        };
        for binding in bindings.into_iter().filter(|part| part.kind() == "let_condition") {
            then.extend(self.binding(binding));
        }
        then.extend(self.branch(node.child_by_field_name("consequence"), is_value));
        let otherwise = self.branch(node.child_by_field_name("alternative"), is_value);
        let condition = match condition {
            Some(test) if !matches!(test.kind(), "let_condition" | "let_chain") => self.located(test),
            _ => self.at(node, Expression::Unknown(String::new())),
        };
        Statement::If { condition, then, otherwise }
    }

    fn binding(&mut self, node: Node<'_>) -> Option<Statement> {
        let (pattern, value) = (node.child_by_field_name("pattern")?, node.child_by_field_name("value")?);
        let (pattern, value) = (self.pattern(pattern), self.located(value));
        Some(Statement::Let { pattern, type_name: String::new(), value })
    }

    fn for_each(&mut self, node: Node<'_>) -> Statement {
        let pattern = node.child_by_field_name("pattern").map_or(Pattern::Ignored, |left| self.pattern(left));
        let list = match node.child_by_field_name("value") {
            Some(value) => self.located(value),
            None => self.at(node, Expression::Unknown(String::new())),
        };
        let body = node.child_by_field_name("body").map(|body| self.block(body, false)).unwrap_or_default();
        Statement::ForEach { pattern, list, body }
    }

    /// A match is a comparison with each pattern.
    fn arms(&mut self, node: Node<'_>, is_value: bool, into: &mut Vec<Statement>) {
        let (Some(value), Some(body)) = (node.child_by_field_name("value"), node.child_by_field_name("body")) else {
            return;
        };
        let value = self.located(value);
        // The value is evaluated once.
        into.push(Statement::Expression(value.clone()));
        for arm in children(body).into_iter().filter(|child| child.kind() == "match_arm") {
            let (Some(pattern), Some(result)) = (arm.child_by_field_name("pattern"), arm.child_by_field_name("value"))
            else {
                continue;
            };
            let shape = children(pattern).into_iter().next().unwrap_or(pattern);
            let condition = match self.comparison(&value, shape, 0) {
                Some(expression) => self.at(arm, expression),
                None => self.at(arm, Expression::Unknown(String::new())),
            };
            let mut then = Vec::new();
            let names = self.pattern(pattern);
            if !matches!(names, Pattern::Ignored) && is_simple(&value) {
                then.push(Statement::Let { pattern: names, type_name: String::new(), value: value.clone() });
            }
            then.extend(self.branch(Some(result), is_value));
            into.push(Statement::If { condition, then, otherwise: Vec::new() });
        }
    }

    /// The comparison of a value with a pattern of literals, for programs that match the path of a request.
    fn comparison(&mut self, value: &Located, pattern: Node<'_>, depth: usize) -> Option<Expression> {
        if depth >= MAX_DEPTH {
            return None;
        }
        match (pattern.kind(), &value.expression) {
            ("tuple_pattern", Expression::List(elements)) => {
                let mut all: Option<Expression> = None;
                for (element, part) in elements.iter().zip(children(pattern)) {
                    let Some(own) = self.comparison(&element.value, part, depth + 1) else { continue };
                    all = Some(match all {
                        None => own,
                        Some(before) => Expression::Both(Arc::new(self.at(part, before)), Arc::new(self.at(part, own))),
                    });
                }
                all
            }
            ("or_pattern", _) => {
                let parts = children(pattern).into_iter();
                let all: Vec<Expression> = parts.filter_map(|part| self.comparison(value, part, depth + 1)).collect();
                Some(Expression::Choice(all.into_iter().map(|own| self.at(pattern, own)).collect()))
            }
            ("string_literal" | "raw_string_literal", _) => {
                let text = Expression::Text(vec![TextPart::Literal(self.string(pattern))]);
                Some(self.equal(value, pattern, text))
            }
            ("scoped_identifier", _) => {
                // `Method::GET` is the text `GET`.
                let name = self.field(pattern, "name").to_uppercase();
                Some(self.equal(value, pattern, Expression::Text(vec![TextPart::Literal(name)])))
            }
            ("tuple_struct_pattern" | "reference_pattern" | "ref_pattern", _) => {
                let last = children(pattern).into_iter().next_back()?;
                self.comparison(value, last, depth + 1)
            }
            _ => None,
        }
    }

    fn equal(&self, value: &Located, pattern: Node<'_>, text: Expression) -> Expression {
        let (left, right) = (Arc::new(value.clone()), Arc::new(self.at(pattern, text)));
        Expression::Equal { left, right, is_negated: false }
    }
}

/// Whether a value may be evaluated for each arm.
fn is_simple(value: &Located) -> bool {
    matches!(value.expression, Expression::Name(_) | Expression::Member(..) | Expression::Path(..))
}
