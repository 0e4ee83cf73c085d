//! Statements and declarations of JavaScript and TypeScript.

mod class;
mod expression;
mod module;

use std::sync::Arc;

use tree_sitter::Node;

use super::lowering::Form;
use super::parse::{children, line};
use super::{Expression, Function, Located, Parameter, Pattern, Statement, Takes};

/// The language.
pub(super) struct JavaScript;

/// Turns the syntax tree of a file into statements.
pub(super) type Lowering<'a> = super::lowering::Lowering<'a, JavaScript>;

impl Form for JavaScript {
    fn statement(lowering: &mut Lowering<'_>, node: Node<'_>, into: &mut Vec<Statement>) {
        lowering.statement(node, into);
    }

    fn expression(lowering: &mut Lowering<'_>, node: Node<'_>) -> Expression {
        lowering.expression(node)
    }
}

impl Lowering<'_> {
    fn statement(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        match node.kind() {
            "import_statement" => self.import(node, into),
            "export_statement" => self.export(node, into),
            "lexical_declaration" | "variable_declaration" => self.variables(node, into),
            "function_declaration" | "generator_function_declaration" => {
                into.push(Statement::Function(self.function(node, Vec::new())));
            }
            "class_declaration" | "abstract_class_declaration" => {
                into.push(Statement::Class(self.class(node, Vec::new())));
            }
            "expression_statement" => {
                into.extend(children(node).into_iter().next().map(|child| Statement::Expression(self.located(child))));
            }
            "return_statement" | "throw_statement" => {
                into.extend(children(node).into_iter().next().map(|child| Statement::Return(self.located(child))));
            }
            "if_statement" => into.push(self.condition(node)),
            "switch_statement" => self.switch(node, into),
            "for_in_statement" => into.push(self.for_each(node)),
            "statement_block" | "else_clause" | "try_statement" | "catch_clause" | "finally_clause"
            | "for_statement" | "while_statement" | "do_statement" | "labeled_statement" | "internal_module"
            | "module" => {
                into.push(Statement::Block(self.statements(node)));
            }
            _ => {}
        }
    }

    fn variables(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        for declarator in children(node) {
            let (Some(name), Some(value)) =
                (declarator.child_by_field_name("name"), declarator.child_by_field_name("value"))
            else {
                continue;
            };
            let type_name = self.type_name(declarator);
            into.push(Statement::Let { pattern: self.pattern(name), type_name, value: self.located(value) });
        }
    }

    fn condition(&mut self, node: Node<'_>) -> Statement {
        let branch = |lowering: &mut Self, name| {
            let mut statements = Vec::new();
            if let Some(child) = node.child_by_field_name(name) {
                lowering.statement(child, &mut statements);
            }
            statements
        };
        let then = branch(self, "consequence");
        let otherwise = branch(self, "alternative");
        let condition = node.child_by_field_name("condition");
        let condition = condition.map_or_else(|| Located::unknown(line(node), ""), |child| self.located(child));
        Statement::If { condition, then, otherwise }
    }

    /// A switch is a comparison with each case.
    fn switch(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        let (Some(value), Some(body)) = (node.child_by_field_name("value"), node.child_by_field_name("body")) else {
            return;
        };
        let value = Arc::new(self.located(value));
        for case in children(body) {
            let then = self.statements(case);
            let expression = match case.child_by_field_name("value") {
                Some(text) => {
                    let right = Arc::new(self.located(text));
                    Expression::Equal { left: value.clone(), right, is_negated: false }
                }
                None => Expression::Unknown(String::new()),
            };
            let condition = Located { line: line(case), expression };
            into.push(Statement::If { condition, then, otherwise: Vec::new() });
        }
    }

    fn for_each(&mut self, node: Node<'_>) -> Statement {
        let pattern = node.child_by_field_name("left").map_or(Pattern::Ignored, |left| self.pattern(left));
        let list = node.child_by_field_name("right");
        let list = list.map_or_else(|| Located::unknown(line(node), ""), |right| self.located(right));
        let mut body = Vec::new();
        if let Some(child) = node.child_by_field_name("body") {
            self.statement(child, &mut body);
        }
        Statement::ForEach { pattern, list, body }
    }

    /// A function of any form. The body of an arrow function may be an expression.
    fn function(&mut self, node: Node<'_>, decorators: Vec<Located>) -> Arc<Function> {
        let name = node.child_by_field_name("name").map(|name| self.source(name).to_owned());
        let mut parameters = Vec::new();
        if let Some(single) = node.child_by_field_name("parameter") {
            let pattern = self.pattern(single);
            parameters.push(Parameter { pattern, type_name: String::new(), default: None, takes: Takes::One });
        }
        if let Some(list) = node.child_by_field_name("parameters") {
            parameters.extend(children(list).into_iter().map(|child| self.parameter(child)));
        }
        let body = match node.child_by_field_name("body") {
            Some(block) if block.kind() == "statement_block" => self.statements(block),
            Some(value) => vec![Statement::Return(self.located(value))],
            None => Vec::new(),
        };
        let keeps_this = node.kind() == "arrow_function";
        Arc::new(Function { name, parameters, body, decorators, keeps_this })
    }

    fn parameter(&mut self, node: Node<'_>) -> Parameter {
        let pattern = node.child_by_field_name("pattern").unwrap_or(node);
        let default = node.child_by_field_name("value").map(|value| self.located(value));
        Parameter { pattern: self.pattern(pattern), type_name: self.type_name(node), default, takes: Takes::One }
    }

    /// The name of a type annotation without its arguments: `Hono` of `: Hono<Env>`.
    fn type_name(&self, node: Node<'_>) -> String {
        let text = self.field(node, "type").trim_start_matches(':').trim();
        let end = text.find(['<', '[', '|', '&', ' ', '(', '{']).unwrap_or(text.len());
        text.get(..end).unwrap_or_default().rsplit('.').next().unwrap_or_default().to_owned()
    }

    fn pattern(&self, node: Node<'_>) -> Pattern {
        match node.kind() {
            "identifier" | "shorthand_property_identifier_pattern" => Pattern::Name(self.source(node).to_owned()),
            "object_pattern" => {
                Pattern::Record(children(node).into_iter().filter_map(|child| self.entry_pattern(child)).collect())
            }
            "array_pattern" => Pattern::List(children(node).into_iter().map(|child| self.pattern(child)).collect()),
            "assignment_pattern" | "required_parameter" | "optional_parameter" => node
                .child_by_field_name("left")
                .or_else(|| node.child_by_field_name("pattern"))
                .map_or(Pattern::Ignored, |child| self.pattern(child)),
            _ => Pattern::Ignored,
        }
    }

    fn entry_pattern(&self, node: Node<'_>) -> Option<(String, Pattern)> {
        match node.kind() {
            "shorthand_property_identifier_pattern" => {
                let name = self.source(node).to_owned();
                Some((name.clone(), Pattern::Name(name)))
            }
            "pair_pattern" => {
                let value = node.child_by_field_name("value")?;
                Some((self.field(node, "key").to_owned(), self.pattern(value)))
            }
            "object_assignment_pattern" => {
                let name = self.field(node, "left").to_owned();
                Some((name.clone(), Pattern::Name(name)))
            }
            _ => None,
        }
    }

    fn name(&self, node: Node<'_>) -> Located {
        Located { line: line(node), expression: Expression::Name(self.source(node).to_owned()) }
    }
}
