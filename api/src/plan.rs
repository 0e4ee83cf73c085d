//! The result of a handler: the statements of one batch, and how they select the response.

use std::borrow::Cow;

use deckwatch_protocol::{ErrorCode, HandoffId, Limit, NoteId, RequirementId, SessionId, VentureCode};

use crate::database::{Row, Statement};
use crate::error::ApiError;
use crate::search::Query;
use crate::search_cursor::SearchCursor;
use crate::store::indexed_list::PageStatements;
use crate::store::responses::SelectResponse;

/// One batch: its steps, then the statements that select the response. Then what may run later.
pub(crate) struct Plan {
    pub(crate) steps: Vec<Statement>,
    pub(crate) answer: Selection,
    pub(crate) access: DataAccess,
    /// The venture that must be registered. For a write: the statement that checks its key also checks this.
    pub(crate) registered: Option<VentureCode>,
    /// Runs instead, in a second batch, if the first batch selects no row. For a case that is so rare that its statements
    /// should not be part of every batch. Only for a plan with [`Selection::Record`].
    pub(crate) otherwise: Option<Box<Self>>,
    /// What the answer does not need. It runs after the answer is sent, and may be lost: a sweep or a later request does
    /// the same work.
    pub(crate) after: Vec<Statement>,
    /// What completes the error if the batch is refused.
    pub(crate) explanation: Option<Explanation>,
}

/// Completes the error with this code from a second batch, because the batch that was refused has no rows.
pub(crate) struct Explanation {
    pub(crate) code: ErrorCode,
    pub(crate) select: Statement,
    pub(crate) complete: Completion,
}

/// Completes an error from rows.
pub(crate) type Completion = Box<dyn FnOnce(ApiError, &[Row]) -> ApiError + Send>;

/// Which data a plan reads or changes. A token for one venture is checked against it.
pub(crate) enum DataAccess {
    /// All data. A token for one venture is refused. This is the default.
    Everything,
    /// Data that every token may see: global records, or records that the plan filters by itself.
    Shared,
    /// The data of one venture.
    Venture(VentureCode),
    /// The data of one session.
    Session(SessionId),
    /// One handoff.
    Handoff(HandoffId),
    /// One note to read: a note of the venture, or a global one.
    NoteToRead(NoteId),
    /// One note to change: a note of the venture.
    NoteToChange(NoteId),
    /// One requirement to change: a requirement of the venture.
    Requirement(RequirementId),
}

impl DataAccess {
    /// The data of one venture, or all data if a filter names no venture.
    pub(crate) fn of(venture: Option<&VentureCode>) -> Self {
        venture.map_or(Self::Everything, |venture| Self::Venture(venture.clone()))
    }
}

/// How the response is selected.
pub(crate) enum Selection {
    /// For writes. The row is stored with the idempotency key.
    Stored(SelectResponse),
    /// One row with `body`. Without a row, the response is the error `missing`. If the row has a `content`, it
    /// becomes the last member of the body: SQL can't render a text of 1 MB as JSON within the 2 MB of a value. If the
    /// row has no `body` but `more`, none of the rows that were read matched, and others were not read. If it has no `body`
    /// but `refused`, the response is the error for this reason of the table `refusals`.
    Record { select: Statement, missing: ErrorCode },
    /// Rows with `item` and the columns that `next` needs, and a row with `total`. If there is a next page, there is
    /// one row more than `limit`, or the rows say that others were not read.
    Page { page: PageStatements, limit: Limit, next: Next },
    /// A body that Rust makes from the rows of each statement.
    Computed { reads: Vec<Statement>, body: Computation },
    /// A constant body that needs no further query.
    Fixed(Cow<'static, str>),
}

/// Makes a body from the rows of each statement.
pub(crate) type Computation = Box<dyn FnOnce(&[Vec<Row>]) -> Result<String, ApiError> + Send>;

/// How the cursor of the next page is built.
pub(crate) enum Next {
    /// From the `key` of the last row of the page.
    Key,
    /// From all results that the search has shown, including this page. Its rows have the `opening` of their text
    /// and its `bytes`. The item gets an excerpt, which is built from them.
    Shown(SearchCursor, Query),
}

impl Plan {
    fn of(steps: Vec<Statement>, answer: Selection, access: DataAccess) -> Self {
        Self { steps, answer, access, registered: None, otherwise: None, after: Vec::new(), explanation: None }
    }

    pub(crate) fn write(steps: Vec<Statement>, answer: SelectResponse) -> Self {
        Self::of(steps, Selection::Stored(answer), DataAccess::Everything)
    }

    pub(crate) fn record(select: Statement, missing: ErrorCode) -> Self {
        Self::of(Vec::new(), Selection::Record { select, missing }, DataAccess::Everything)
    }

    pub(crate) fn page(items: Statement, total: Statement, limit: Limit) -> Self {
        Self::filtered_page(PageStatements { items, total: Some(total) }, limit)
    }

    /// A page of a list with filters.
    pub(crate) fn filtered_page(page: PageStatements, limit: Limit) -> Self {
        let answer = Selection::Page { page, limit, next: Next::Key };
        Self::of(Vec::new(), answer, DataAccess::Everything)
    }

    /// A page of a search. Its cursor holds the search state.
    pub(crate) fn page_of(search_cursor: SearchCursor, query: Query, page: PageStatements, limit: Limit) -> Self {
        let answer = Selection::Page { page, limit, next: Next::Shown(search_cursor, query) };
        Self::of(Vec::new(), answer, DataAccess::Everything)
    }

    pub(crate) fn computed(reads: Vec<Statement>, body: Computation) -> Self {
        Self::of(Vec::new(), Selection::Computed { reads, body }, DataAccess::Everything)
    }

    pub(crate) fn fixed(steps: Vec<Statement>, body: impl Into<Cow<'static, str>>) -> Self {
        Self::of(steps, Selection::Fixed(body.into()), DataAccess::Shared)
    }

    /// Sets which data the plan uses.
    pub(crate) fn with_access(mut self, access: DataAccess) -> Self {
        self.access = access;
        self
    }

    /// Requires that the venture of a write is registered.
    pub(crate) fn with_registered(mut self, venture: VentureCode) -> Self {
        self.registered = Some(venture);
        self
    }

    /// Sets what runs instead if the batch selects no row.
    pub(crate) fn or_else(mut self, otherwise: Self) -> Self {
        self.otherwise = Some(Box::new(otherwise));
        self
    }

    /// Sets what runs after the answer.
    pub(crate) fn with_after(mut self, after: Vec<Statement>) -> Self {
        self.after = after;
        self
    }

    /// Completes the error `code` from the rows of `select`.
    pub(crate) fn explaining(
        mut self,
        code: ErrorCode,
        select: Statement,
        complete: impl FnOnce(ApiError, &[Row]) -> ApiError + Send + 'static,
    ) -> Self {
        self.explanation = Some(Explanation { code, select, complete: Box::new(complete) });
        self
    }

    /// Sets the steps that run before the selection.
    pub(crate) fn with_steps(mut self, steps: Vec<Statement>) -> Self {
        self.steps = steps;
        self
    }
}
