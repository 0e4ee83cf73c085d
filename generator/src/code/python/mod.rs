//! Statements and declarations of Python.

mod definition;
mod expression;
mod module;

use std::sync::Arc;

use tree_sitter::Node;

use super::lowering::Form;
use super::parse::{children, line};
use super::{Element, Expression, Located, Pattern, Statement};

/// The language.
pub(super) struct Python;

/// Turns the syntax tree of a file into statements.
pub(super) type Lowering<'a> = super::lowering::Lowering<'a, Python>;

impl Form for Python {
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
            "import_from_statement" => self.import_from(node, into),
            "expression_statement" => {
                for child in children(node) {
                    self.expression_statement(child, into);
                }
            }
            "function_definition" => into.push(Statement::Function(self.function(node, Vec::new(), false))),
            "class_definition" => into.push(Statement::Class(self.class(node, Vec::new()))),
            "decorated_definition" => self.decorated(node, into),
            "return_statement" | "raise_statement" => {
                into.extend(children(node).into_iter().next().map(|child| Statement::Return(self.located(child))));
            }
            "if_statement" => self.condition(node, into),
            "for_statement" => into.push(self.for_each(node)),
            "with_statement" => {
                into.extend(self.contexts(node));
                into.extend(self.block(node, "body"));
            }
            "match_statement"
            | "case_clause"
            | "block"
            | "try_statement"
            | "except_clause"
            | "except_group_clause"
            | "finally_clause"
            | "else_clause"
            | "elif_clause"
            | "while_statement" => into.push(Statement::Block(self.statements(node))),
            _ => {}
        }
    }

    fn expression_statement(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        match node.kind() {
            "assignment" => self.assignment(node, into),
            "augmented_assignment" => into.extend(self.augmented(node)),
            _ => into.push(match self.appended(node) {
                Some(assignment) => Statement::Expression(assignment),
                None => Statement::Expression(self.located(node)),
            }),
        }
    }

    /// `a = b = value`, `a: Type = value`, `a.b = value`
    fn assignment(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        let Some(left) = node.child_by_field_name("left") else { return };
        let Some(right) = node.child_by_field_name("right") else { return };
        let value = if right.kind() == "assignment" {
            self.assignment(right, into);
            right
                .child_by_field_name("left")
                .map_or_else(|| Located::unknown(line(right), ""), |name| self.located(name))
        } else {
            self.located(right)
        };
        if matches!(left.kind(), "attribute" | "subscript") {
            let expression = Expression::Assignment(Arc::new(self.located(left)), Arc::new(value));
            into.push(Statement::Expression(Located { line: line(node), expression }));
            return;
        }
        let type_name = self.type_name(node);
        into.push(Statement::Let { pattern: self.pattern(left), type_name, value });
    }

    /// `a += b`
    fn augmented(&mut self, node: Node<'_>) -> Option<Statement> {
        let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
        (self.field(node, "operator") == "+=").then_some(())?;
        let (target, added) = (self.located(left), self.located(right));
        Some(Statement::Expression(extended(target, added)))
    }

    /// `list.append(value)`, `list.extend(values)` and `list.insert(at, value)` change a variable, as `list += values` does.
    fn appended(&mut self, node: Node<'_>) -> Option<Located> {
        let callee = node.child_by_field_name("function").filter(|callee| callee.kind() == "attribute")?;
        let name = self.field(callee, "attribute");
        let arguments = children(node.child_by_field_name("arguments")?);
        let value = match (name, arguments.as_slice()) {
            ("append" | "extend", [value]) | ("insert", [_, value]) => self.located(*value),
            _ => return None,
        };
        let target = self.located(callee.child_by_field_name("object")?);
        let line = value.line;
        let added = if name == "extend" {
            value
        } else {
            let element = Element { is_spread: false, name: None, value };
            Located { line, expression: Expression::List(vec![element]) }
        };
        Some(extended(target, added))
    }

    fn condition(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        let condition = node.child_by_field_name("condition");
        let condition = condition.map_or_else(|| Located::unknown(line(node), ""), |child| self.located(child));
        let then = self.block(node, "consequence");
        let mut otherwise = Vec::new();
        for child in children(node) {
            if matches!(child.kind(), "elif_clause" | "else_clause") {
                self.statement(child, &mut otherwise);
            }
        }
        into.push(Statement::If { condition, then, otherwise });
    }

    fn for_each(&mut self, node: Node<'_>) -> Statement {
        let pattern = node.child_by_field_name("left").map_or(Pattern::Ignored, |left| self.pattern(left));
        let list = node.child_by_field_name("right");
        let list = list.map_or_else(|| Located::unknown(line(node), ""), |right| self.located(right));
        Statement::ForEach { pattern, list, body: self.block(node, "body") }
    }

    /// `with value as name:`
    fn contexts(&mut self, node: Node<'_>) -> Vec<Statement> {
        let clauses = children(node).into_iter().filter(|child| child.kind() == "with_clause");
        let items: Vec<Node<'_>> = clauses.flat_map(children).collect();
        let mut statements = Vec::new();
        for item in items {
            let Some(value) = item.child_by_field_name("value") else { continue };
            let parts = children(value);
            if let ("as_pattern", [value, target, ..]) = (value.kind(), parts.as_slice()) {
                let name = children(*target).first().map_or(Pattern::Ignored, |name| self.pattern(*name));
                statements.push(Statement::Let {
                    pattern: name,
                    type_name: String::new(),
                    value: self.located(*value),
                });
            } else {
                statements.push(Statement::Expression(self.located(value)));
            }
        }
        statements
    }

    /// The last name of a type annotation without its arguments: `Application` of `web.Application | None`.
    fn type_name(&self, node: Node<'_>) -> String {
        let text = self.field(node, "type").trim_matches(['"', '\'']);
        let text = text.strip_prefix("Optional[").unwrap_or(text);
        let end = text.find(['[', ']', '|', ' ', '(', ',']).unwrap_or(text.len());
        text.get(..end).unwrap_or_default().rsplit('.').next().unwrap_or_default().to_owned()
    }

    fn pattern(&self, node: Node<'_>) -> Pattern {
        match node.kind() {
            "identifier" => Pattern::Name(self.source(node).to_owned()),
            "pattern_list" | "tuple_pattern" | "list_pattern" | "expression_list" | "tuple" | "list" => {
                Pattern::List(children(node).into_iter().map(|child| self.pattern(child)).collect())
            }
            "parenthesized_expression" => children(node).first().map_or(Pattern::Ignored, |child| self.pattern(*child)),
            _ => Pattern::Ignored,
        }
    }
}

/// `target = target + added`
fn extended(target: Located, added: Located) -> Located {
    let (line, target) = (target.line, Arc::new(target));
    let sum = Expression::Sum(target.clone(), Arc::new(added));
    let value = Arc::new(Located { line, expression: sum });
    Located { line, expression: Expression::Assignment(target, value) }
}
