//! What a handler decides: the statements of one batch and where in it the answer is.

use std::borrow::Cow;

use deckwatch_protocol::{ErrorCode, Limit};

use crate::database::Statement;

/// One batch: its steps, then the statements that select the answer.
pub(crate) struct Plan {
    pub(crate) steps: Vec<Statement>,
    pub(crate) answer: Selection,
}

/// How the answer is selected.
pub(crate) enum Selection {
    /// For writes: one row of `(status, body, payload_handoff_id, payload_path)`, to be stored beside the key.
    Kept(Statement),
    /// One row with `body`; no row is the error `missing`.
    Record { select: Statement, missing: ErrorCode },
    /// Rows of (`key`, `item`), one more than `limit` when there is a next page, and a row with `total`.
    Page { items: Statement, total: Statement, limit: Limit },
    /// A body that needs no database beyond the steps.
    Fixed(Cow<'static, str>),
}

impl Plan {
    pub(crate) fn write(steps: Vec<Statement>, answer: Statement) -> Self {
        Self { steps, answer: Selection::Kept(answer) }
    }

    pub(crate) fn record(select: Statement, missing: ErrorCode) -> Self {
        Self { steps: Vec::new(), answer: Selection::Record { select, missing } }
    }

    pub(crate) fn page(items: Statement, total: Statement, limit: Limit) -> Self {
        Self { steps: Vec::new(), answer: Selection::Page { items, total, limit } }
    }

    pub(crate) fn fixed(steps: Vec<Statement>, body: impl Into<Cow<'static, str>>) -> Self {
        Self { steps, answer: Selection::Fixed(body.into()) }
    }

    /// Steps before the selection.
    pub(crate) fn after(mut self, steps: Vec<Statement>) -> Self {
        self.steps = steps;
        self
    }
}
