//! What turning a syntax tree into statements has in common for all languages.

use std::marker::PhantomData;
use std::sync::Arc;

use tree_sitter::Node;

use super::parse::{children, line, source};
use super::{Expression, Located, Statement};

/// The maximum depth of nested syntax. Code that people write is flatter, and generated code is not read deeper.
const MAX_DEPTH: usize = 200;
/// The maximum length of the source text that names an unknown value, in bytes.
const MAX_SOURCE: usize = 60;

/// The forms of a language.
pub(super) trait Form: Sized {
    /// Adds what a statement of the language means.
    fn statement(lowering: &mut Lowering<'_, Self>, node: Node<'_>, into: &mut Vec<Statement>);

    /// What an expression of the language means.
    fn expression(lowering: &mut Lowering<'_, Self>, node: Node<'_>) -> Expression;
}

/// Turns the syntax tree of a file into statements.
pub(super) struct Lowering<'a, L> {
    pub(super) text: &'a str,
    depth: usize,
    language: PhantomData<L>,
}

impl<'a, L: Form> Lowering<'a, L> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, depth: 0, language: PhantomData }
    }

    pub(super) fn program(mut self, root: Node<'_>) -> Vec<Statement> {
        self.statements(root)
    }

    pub(super) fn source(&self, node: Node<'_>) -> &'a str {
        source(self.text, node)
    }

    /// The source text of a field. Empty if the node has no such field.
    pub(super) fn field(&self, node: Node<'_>, name: &str) -> &'a str {
        node.child_by_field_name(name).map_or("", |child| self.source(child))
    }

    pub(super) fn statements(&mut self, node: Node<'_>) -> Vec<Statement> {
        if self.depth >= MAX_DEPTH {
            return Vec::new();
        }
        self.depth += 1;
        let mut statements = Vec::new();
        for child in children(node) {
            L::statement(self, child, &mut statements);
        }
        self.depth -= 1;
        statements
    }

    /// The statements of a field that is a block.
    pub(super) fn block(&mut self, node: Node<'_>, field: &str) -> Vec<Statement> {
        node.child_by_field_name(field).map(|block| self.statements(block)).unwrap_or_default()
    }

    pub(super) fn located(&mut self, node: Node<'_>) -> Located {
        let expression = if self.depth >= MAX_DEPTH {
            self.unknown(node)
        } else {
            self.depth += 1;
            let expression = L::expression(self, node);
            self.depth -= 1;
            expression
        };
        Located { line: line(node), expression }
    }

    pub(super) fn unknown(&self, node: Node<'_>) -> Expression {
        Expression::Unknown(self.short_source(node))
    }

    /// The first line of the source text, within the maximum length.
    pub(super) fn short_source(&self, node: Node<'_>) -> String {
        let first = self.source(node).lines().next().unwrap_or_default();
        deckwatch_protocol::cut::with_ellipsis(first, MAX_SOURCE).into_owned()
    }

    /// The values of two fields.
    pub(super) fn two(&mut self, node: Node<'_>, left: &str, right: &str) -> Option<(Arc<Located>, Arc<Located>)> {
        let (left, right) = (node.child_by_field_name(left)?, node.child_by_field_name(right)?);
        Some((Arc::new(self.located(left)), Arc::new(self.located(right))))
    }
}
