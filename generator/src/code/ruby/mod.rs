//! Statements of Ruby.

mod expression;

use std::sync::Arc;

use tree_sitter::Node;

use super::lowering::Form;
use super::parse::{children, line};
use super::{Function, Located, Parameter, Pattern, Statement, Takes};

/// The language.
pub(super) struct Ruby;

/// Turns the syntax tree of a file into statements.
pub(super) type Lowering<'a> = super::lowering::Lowering<'a, Ruby>;

impl Form for Ruby {
    fn statement(lowering: &mut Lowering<'_>, node: Node<'_>, into: &mut Vec<Statement>) {
        lowering.statement(node, into);
    }

    fn expression(lowering: &mut Lowering<'_>, node: Node<'_>) -> super::Expression {
        lowering.expression(node)
    }
}

impl Lowering<'_> {
    fn statement(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        match node.kind() {
            "method" | "singleton_method" => into.push(Statement::Function(self.method(node))),
            // The methods of classes are of no use, but a class may draw routes when it is loaded.
            "class" | "module" | "singleton_class" => {
                into.push(Statement::Block(self.block(node, "body")));
            }
            "if" | "unless" | "elsif" | "if_modifier" | "unless_modifier" => {
                let condition = self.condition(node);
                into.push(condition);
            }
            "assignment" => into.extend(self.assigned(node)),
            "return" => {
                let value = children(node).first().and_then(|list| children(*list).first().copied());
                into.extend(value.map(|value| Statement::Return(self.located(value))));
            }
            "body_statement"
            | "block_body"
            | "then"
            | "else"
            | "begin"
            | "do"
            | "ensure"
            | "rescue"
            | "case"
            | "when"
            | "parenthesized_statements"
            | "while"
            | "until"
            | "for" => {
                into.push(Statement::Block(self.statements(node)));
            }
            "call" => match self.for_each(node) {
                Some(statement) => into.push(statement),
                None => into.push(Statement::Expression(self.located(node))),
            },
            _ => into.push(Statement::Expression(self.located(node))),
        }
    }

    /// `list.each do |name| … end`
    fn for_each(&mut self, node: Node<'_>) -> Option<Statement> {
        let (list, block) = (node.child_by_field_name("receiver")?, node.child_by_field_name("block")?);
        matches!(self.field(node, "method"), "each" | "each_pair").then_some(())?;
        let mut patterns: Vec<Pattern> = self.parameters(block).into_iter().map(|one| one.pattern).collect();
        let pattern = match patterns.len() {
            0 => Pattern::Ignored,
            1 => patterns.remove(0),
            _ => Pattern::List(patterns),
        };
        Some(Statement::ForEach { pattern, list: self.located(list), body: self.block(block, "body") })
    }

    fn condition(&mut self, node: Node<'_>) -> Statement {
        let condition = node.child_by_field_name("condition");
        let condition = condition.map_or_else(|| Located::unknown(line(node), ""), |child| self.located(child));
        let branch = |lowering: &mut Self, name| {
            let mut statements = Vec::new();
            if let Some(child) = node.child_by_field_name(name) {
                lowering.statement(child, &mut statements);
            }
            statements
        };
        let body = if node.kind().ends_with("modifier") { "body" } else { "consequence" };
        let (then, otherwise) = (branch(self, body), branch(self, "alternative"));
        Statement::If { condition, then, otherwise }
    }

    fn assigned(&mut self, node: Node<'_>) -> Option<Statement> {
        let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
        let is_name = matches!(left.kind(), "identifier" | "constant" | "instance_variable" | "global_variable");
        let pattern = if is_name { Pattern::Name(self.source(left).to_owned()) } else { Pattern::Ignored };
        Some(Statement::Let { pattern, type_name: String::new(), value: self.located(right) })
    }

    fn method(&mut self, node: Node<'_>) -> Arc<Function> {
        let name = Some(self.field(node, "name").to_owned());
        let (parameters, body) = (self.parameters(node), self.block(node, "body"));
        Arc::new(Function { name, parameters, body, decorators: Vec::new(), keeps_this: false })
    }

    /// A block or a lambda.
    fn closure(&mut self, node: Node<'_>) -> Arc<Function> {
        let inner = node.child_by_field_name("body").filter(|body| matches!(body.kind(), "block" | "do_block"));
        let (parameters, body) = (self.parameters(node), self.block(inner.unwrap_or(node), "body"));
        Arc::new(Function { name: None, parameters, body, decorators: Vec::new(), keeps_this: true })
    }

    fn parameters(&self, node: Node<'_>) -> Vec<Parameter> {
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        list.into_iter().map(|parameter| self.parameter(parameter)).collect()
    }

    fn parameter(&self, node: Node<'_>) -> Parameter {
        let takes = match node.kind() {
            "splat_parameter" => Takes::Rest,
            "hash_splat_parameter" => Takes::Options,
            _ => Takes::One,
        };
        let name = node.child_by_field_name("name").unwrap_or(node);
        let is_name = name.kind() == "identifier";
        let pattern = if is_name { Pattern::Name(self.source(name).to_owned()) } else { Pattern::Ignored };
        Parameter { pattern, type_name: String::new(), default: None, takes }
    }
}
