//! Statements of Go.

mod declaration;
mod expression;

use std::sync::Arc;

use tree_sitter::Node;

use super::lowering::Form;
use super::parse::{children, line};
use super::{Call, Element, Expression, Located, Pattern, Statement};

/// The language.
pub(super) struct Go;

/// Turns the syntax tree of a file into statements.
pub(super) type Lowering<'a> = super::lowering::Lowering<'a, Go>;

impl Form for Go {
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
            "import_declaration" => self.imports(node, into),
            "function_declaration" => into.push(Statement::Function(self.function(node, None))),
            "method_declaration" => into.extend(self.method(node)),
            "type_declaration" => self.types(node, into),
            "var_declaration" | "const_declaration" => self.variables(node, into),
            "short_var_declaration" => self.assigned(node, true, into),
            "assignment_statement" => self.assigned(node, self.field(node, "operator").is_empty(), into),
            "expression_statement" | "go_statement" | "defer_statement" => {
                into.extend(children(node).into_iter().next().map(|child| Statement::Expression(self.located(child))));
            }
            "return_statement" => into.extend(self.returned(node)),
            "if_statement" => self.condition(node, into),
            "for_statement" => self.for_each(node, into),
            "block"
            | "statement_list"
            | "labeled_statement"
            | "expression_switch_statement"
            | "type_switch_statement"
            | "select_statement"
            | "expression_case"
            | "type_case"
            | "default_case"
            | "communication_case" => into.push(Statement::Block(self.statements(node))),
            _ => {}
        }
    }

    /// Of several values that a function returns, the first counts. The others are errors and functions that clean up.
    fn returned(&mut self, node: Node<'_>) -> Option<Statement> {
        let list = *children(node).first()?;
        let first = *children(list).first()?;
        Some(Statement::Return(self.located(first)))
    }

    /// `a, b := x, y` and `a.b = x`
    fn assigned(&mut self, node: Node<'_>, declares: bool, into: &mut Vec<Statement>) {
        let list = |name| node.child_by_field_name(name).map(children).unwrap_or_default();
        let is_sum = self.field(node, "operator") == "+=";
        for (left, right) in list("left").into_iter().zip(list("right")) {
            if left.kind() == "identifier" && declares {
                let (pattern, value) = (self.pattern(left), self.located(right));
                into.push(Statement::Let { pattern, type_name: String::new(), value });
                continue;
            }
            let target = Arc::new(self.located(left));
            let mut value = Arc::new(self.located(right));
            if is_sum {
                let expression = Expression::Sum(target.clone(), value);
                value = Arc::new(Located { line: line(node), expression });
            }
            let expression = Expression::Assignment(target, value);
            into.push(Statement::Expression(Located { line: line(node), expression }));
        }
    }

    fn condition(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        if let Some(first) = node.child_by_field_name("initializer") {
            self.statement(first, into);
        }
        let condition = node.child_by_field_name("condition");
        let condition = condition.map_or_else(|| Located::unknown(line(node), ""), |child| self.located(child));
        let then = self.block(node, "consequence");
        let mut otherwise = Vec::new();
        if let Some(child) = node.child_by_field_name("alternative") {
            self.statement(child, &mut otherwise);
        }
        into.push(Statement::If { condition, then, otherwise });
    }

    /// `for key, value := range list` runs over the pairs of `range(list)`.
    fn for_each(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        let body = self.block(node, "body");
        let clause = children(node).into_iter().find(|child| child.kind() == "range_clause");
        let Some((clause, right)) = clause.and_then(|clause| Some((clause, clause.child_by_field_name("right")?)))
        else {
            return into.push(Statement::Block(body));
        };
        let left = clause.child_by_field_name("left").map(children).unwrap_or_default();
        let pattern = Pattern::List(left.into_iter().map(|name| self.pattern(name)).collect());
        let line = line(clause);
        let callee = Located { line, expression: Expression::Name("range".to_owned()) };
        let arguments = vec![Element { is_spread: false, name: None, value: self.located(right) }];
        let call = Call { callee, arguments, source: self.source(right).to_owned() };
        let list = Located { line, expression: Expression::Call(Arc::new(call)) };
        into.push(Statement::ForEach { pattern, list, body });
    }

    fn pattern(&self, node: Node<'_>) -> Pattern {
        match self.source(node) {
            "_" => Pattern::Ignored,
            name if node.kind() == "identifier" => Pattern::Name(name.to_owned()),
            _ => Pattern::Ignored,
        }
    }
}
