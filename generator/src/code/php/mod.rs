//! Statements and declarations of PHP.

mod expression;

use std::sync::Arc;

use tree_sitter::Node;

use super::lowering::Form;
use super::parse::{children, line};
use super::{Class, Field, Function, Located, Parameter, Pattern, Statement, Takes};

/// The language.
pub(super) struct Php;

/// Turns the syntax tree of a file into statements.
pub(super) type Lowering<'a> = super::lowering::Lowering<'a, Php>;

impl Form for Php {
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
            "function_definition" => into.push(Statement::Function(self.function(node))),
            "class_declaration" | "trait_declaration" => into.push(Statement::Class(self.class(node))),
            "expression_statement" => {
                into.extend(children(node).into_iter().next().map(|child| Statement::Expression(self.located(child))));
            }
            "return_statement" => {
                into.extend(children(node).into_iter().next().map(|child| Statement::Return(self.located(child))));
            }
            "if_statement" | "else_if_clause" => {
                let condition = self.condition(node);
                into.push(condition);
            }
            "foreach_statement" => into.push(self.for_each(node)),
            "compound_statement"
            | "else_clause"
            | "colon_block"
            | "try_statement"
            | "catch_clause"
            | "finally_clause"
            | "for_statement"
            | "while_statement"
            | "do_statement"
            | "switch_statement"
            | "switch_block"
            | "case_statement"
            | "default_statement"
            | "namespace_definition" => {
                into.push(Statement::Block(self.statements(node)));
            }
            _ => {}
        }
    }

    fn condition(&mut self, node: Node<'_>) -> Statement {
        let condition = node.child_by_field_name("condition");
        let condition = condition.map_or_else(|| Located::unknown(line(node), ""), |child| self.located(child));
        let (mut then, mut otherwise) = (Vec::new(), Vec::new());
        if let Some(body) = node.child_by_field_name("body") {
            self.statement(body, &mut then);
        }
        let mut cursor = node.walk();
        let alternatives: Vec<Node<'_>> = node.children_by_field_name("alternative", &mut cursor).collect();
        for alternative in alternatives {
            self.statement(alternative, &mut otherwise);
        }
        Statement::If { condition, then, otherwise }
    }

    /// `foreach ($list as $key => $value)`
    fn for_each(&mut self, node: Node<'_>) -> Statement {
        let parts = children(node);
        let list = parts.first().map_or_else(|| Located::unknown(line(node), ""), |list| self.located(*list));
        let pattern = match parts.get(1) {
            Some(pair) if pair.kind() == "pair" => {
                Pattern::List(children(*pair).into_iter().map(|part| self.pattern(part)).collect())
            }
            Some(value) => self.pattern(*value),
            None => Pattern::Ignored,
        };
        Statement::ForEach { pattern, list, body: self.block(node, "body") }
    }

    fn function(&mut self, node: Node<'_>) -> Arc<Function> {
        let name = node.child_by_field_name("name").map(|name| self.source(name).to_owned());
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let parameters = list.into_iter().map(|parameter| self.parameter(parameter)).collect();
        let body = match node.child_by_field_name("body") {
            Some(block) if block.kind() == "compound_statement" => self.statements(block),
            Some(value) => vec![Statement::Return(self.located(value))],
            None => Vec::new(),
        };
        Arc::new(Function { name, parameters, body, decorators: Vec::new(), keeps_this: true })
    }

    fn parameter(&mut self, node: Node<'_>) -> Parameter {
        let pattern = node.child_by_field_name("name").map_or(Pattern::Ignored, |name| self.pattern(name));
        let takes = if node.kind() == "variadic_parameter" { Takes::Rest } else { Takes::One };
        let default = node.child_by_field_name("default_value").map(|value| self.located(value));
        let type_name = self.field(node, "type").rsplit('\\').next().unwrap_or_default().to_owned();
        Parameter { pattern, type_name, default, takes }
    }

    /// A variable keeps its `$`, since functions and classes may have the same name.
    fn pattern(&self, node: Node<'_>) -> Pattern {
        if node.kind() == "variable_name" { Pattern::Name(self.source(node).to_owned()) } else { Pattern::Ignored }
    }

    fn class(&mut self, node: Node<'_>) -> Arc<Class> {
        let mut class = Class {
            name: node.child_by_field_name("name").map(|name| self.source(name).to_owned()),
            parents: Vec::new(),
            decorators: Vec::new(),
            fields: Vec::new(),
            methods: Vec::new(),
        };
        for member in node.child_by_field_name("body").map(children).unwrap_or_default() {
            match member.kind() {
                "method_declaration" => {
                    class.methods.push((self.field(member, "name").to_owned(), self.function(member)));
                }
                "const_declaration" => {
                    for constant in children(member).into_iter().filter(|child| child.kind() == "const_element") {
                        let (name, value) = (children(constant).first().copied(), children(constant).get(1).copied());
                        class.fields.extend(name.zip(value).map(|(name, value)| self.class_field(name, value)));
                    }
                }
                "property_declaration" => {
                    for property in children(member).into_iter().filter(|child| child.kind() == "property_element") {
                        let (name, value) =
                            (property.child_by_field_name("name"), property.child_by_field_name("default_value"));
                        class.fields.extend(name.zip(value).map(|(name, value)| self.class_field(name, value)));
                    }
                }
                _ => {}
            }
        }
        Arc::new(class)
    }

    /// A constant, or a property with its first value.
    fn class_field(&mut self, name: Node<'_>, value: Node<'_>) -> Field {
        Field {
            name: self.source(name).trim_start_matches('$').to_owned(),
            is_static: true,
            type_name: String::new(),
            value: Some(self.located(value)),
        }
    }
}
