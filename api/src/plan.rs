//! What a handler decides: the statements of one batch and where in it the answer is.

use std::borrow::Cow;

use deckwatch_protocol::{ErrorCode, HandoffId, Limit, NoteId, RequirementId, SessionId, VentureCode};

use crate::database::Statement;
use crate::search::Query;
use crate::walk::Walk;

/// One batch: its steps, then the statements that select the answer.
pub(crate) struct Plan {
    pub(crate) steps: Vec<Statement>,
    pub(crate) answer: Selection,
    pub(crate) reach: Reach,
}

/// What a plan reads or changes, as far as it concerns a token that is for one venture.
pub(crate) enum Reach {
    /// Whatever there is: not for such a token. A plan that says nothing else reaches this far.
    Everything,
    /// Nothing of a venture that is not the token's: what is global, or what the plan narrows itself.
    Shared,
    /// One venture's own.
    Venture(VentureCode),
    /// What belongs to a session.
    Session(SessionId),
    /// One handoff.
    Handoff(HandoffId),
    /// One note to read: the venture's own, or a global one.
    NoteToRead(NoteId),
    /// One note to change: the venture's own.
    NoteToChange(NoteId),
    /// One requirement to change: the venture's own.
    Requirement(RequirementId),
}

impl Reach {
    /// One venture's own, or whatever there is when a filter names none.
    pub(crate) fn of(venture: Option<&VentureCode>) -> Self {
        venture.map_or(Self::Everything, |venture| Self::Venture(venture.clone()))
    }
}

/// How the answer is selected.
pub(crate) enum Selection {
    /// For writes: one row of `(status, body, payload_handoff_id, payload_path)`, to be stored beside the key.
    Kept(Statement),
    /// One row with `body`; no row is the error `missing`. A `content` beside it becomes the last member of the
    /// body: SQL can't spell a text of 1 MB as JSON within the 2 MB of a value.
    Record { select: Statement, missing: ErrorCode },
    /// Rows of `item` and what `next` asks for, one more than `limit` when there is a next page, and a row with `total`.
    Page { items: Statement, total: Statement, limit: Limit, next: Next },
    /// A body that needs no database beyond the steps.
    Fixed(Cow<'static, str>),
}

/// What the cursor of the next page is made of.
pub(crate) enum Next {
    /// The `key` of the last row that is shown.
    Key,
    /// All that the walk of a search has shown, this page included. Its rows have an `opening` of their text and its
    /// `bytes`, of which the excerpt is made that the item lacks.
    Shown(Walk, Query),
}

impl Plan {
    pub(crate) fn write(steps: Vec<Statement>, answer: Statement) -> Self {
        Self { steps, answer: Selection::Kept(answer), reach: Reach::Everything }
    }

    pub(crate) fn record(select: Statement, missing: ErrorCode) -> Self {
        Self { steps: Vec::new(), answer: Selection::Record { select, missing }, reach: Reach::Everything }
    }

    pub(crate) fn page(items: Statement, total: Statement, limit: Limit) -> Self {
        let next = Next::Key;
        Self { steps: Vec::new(), answer: Selection::Page { items, total, limit, next }, reach: Reach::Everything }
    }

    /// A page of a search whose walk its cursor remembers.
    pub(crate) fn page_of(walk: Walk, query: Query, items: Statement, total: Statement, limit: Limit) -> Self {
        let next = Next::Shown(walk, query);
        Self { steps: Vec::new(), answer: Selection::Page { items, total, limit, next }, reach: Reach::Everything }
    }

    pub(crate) fn fixed(steps: Vec<Statement>, body: impl Into<Cow<'static, str>>) -> Self {
        Self { steps, answer: Selection::Fixed(body.into()), reach: Reach::Shared }
    }

    /// Says how far the plan reaches.
    pub(crate) fn within(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// Steps before the selection.
    pub(crate) fn after(mut self, steps: Vec<Statement>) -> Self {
        self.steps = steps;
        self
    }
}
