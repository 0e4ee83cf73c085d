//! Checks in the batch of a request whether its token may do the operation.
//!
//! The configured keys are known without the database. A token is a row. So the batch begins with statements that
//! fail unless the token is valid, has the scope and has access to the data. A token that was just revoked has no
//! effect any more, and a request still needs only one batch.

use deckwatch_protocol::operation::Effect;
use deckwatch_protocol::{Operation, Timestamp};

use crate::database::{Database, Row, Statement, text};
use crate::error::ApiError;
use crate::middleware::auth::Caller;
use crate::middleware::rate_limit::{RateLimitState, Window};
use crate::plan::DataAccess;
use crate::store;
use crate::store::token::Authorize;

/// The authentication and rate limit of one request.
pub(crate) struct Admission {
    caller: Caller,
    /// `None` if the route is unknown.
    operation: Option<Operation>,
    now: Timestamp,
    pub(crate) window: Window,
}

impl Admission {
    pub(crate) fn new(caller: Caller, operation: Option<Operation>, now: Timestamp, limit: u32) -> Self {
        let window = match caller.token_id() {
            Some(token) => Window::of_token(now, &caller.actor, token),
            None => Window::at(now, &caller.actor, limit),
        };
        Self { caller, operation, now, window }
    }

    /// The statements that every batch of the request begins with. A request that was refused before it had a plan
    /// has no data access to check.
    pub(crate) fn statements(&self, access: Option<&DataAccess>) -> Vec<Statement> {
        let mut statements: Vec<Statement> = self.authenticate().into_iter().collect();
        statements.push(self.window.count());
        statements.extend(self.authorize(access));
        statements
    }

    /// The statements that a second batch of the request begins with. The first one has counted the request.
    pub(crate) fn statements_again(&self, access: &DataAccess) -> Vec<Statement> {
        self.authenticate().into_iter().chain(self.authorize(Some(access))).collect()
    }

    /// The statements that fail unless the token has the scope and the access. A configured key needs none. They are behind the
    /// count, so that a caller over its limit learns of the limit first.
    fn authorize(&self, access: Option<&DataAccess>) -> Vec<Statement> {
        let (Some(token), Some(operation)) = (self.caller.token_id(), self.operation) else { return Vec::new() };
        let authorize = Authorize { token, operation };
        let mut statements = vec![match access {
            None | Some(DataAccess::Shared | DataAccess::Requirement(_)) => authorize.for_shared(),
            Some(DataAccess::Everything) => authorize.for_all(),
            Some(DataAccess::Venture(venture)) => authorize.for_venture(venture),
            Some(DataAccess::Session(session)) => authorize.for_session(session),
            Some(DataAccess::Handoff(handoff)) => authorize.for_handoff(handoff),
            Some(DataAccess::NoteToRead(note)) => authorize.for_note(note, true),
            Some(DataAccess::NoteToChange(note)) => authorize.for_note(note, false),
        }];
        // The reasons of these are in other tables.
        match access {
            Some(DataAccess::Requirement(requirement)) => {
                statements.push(store::token::unless_requirement(token, requirement));
            }
            Some(DataAccess::Session(session)) if self.is_change() => {
                statements.push(store::token::unless_own_session(token, session));
            }
            _ => {}
        }
        statements
    }

    /// The statement that records that the token was used. It runs after the answer if other statements do.
    pub(crate) fn touch(&self) -> Option<Statement> {
        self.caller.token_id().map(|token| store::token::touch(token, self.now, self.now.plus_seconds(-60)))
    }

    /// Whether the operation changes the data that it has access to.
    fn is_change(&self) -> bool {
        self.operation.is_some_and(|operation| operation.effect() != Effect::Read)
    }

    /// The statement that fails unless the token is valid. A configured key needs no statement.
    pub(crate) fn authenticate(&self) -> Option<Statement> {
        self.caller.token().map(|(id, hash)| store::token::admit(id, hash, self.now))
    }

    /// Asks the database whether the token is valid and has the scope, and whether the caller has requests left in
    /// this minute. This limits the work for an unknown token. The request's own batch checks the access to the data
    /// and counts the request.
    pub(crate) async fn require_admitted(&self, database: &dyn Database) -> Result<(), ApiError> {
        let mut statements = vec![self.window.is_used_up()];
        if let Some((id, hash)) = self.caller.token() {
            statements.push(store::token::why_refused(id, hash, self.now));
            statements.extend(self.operation.map(|operation| store::token::why_out_of_scope(id, operation)));
        }
        let rows = database.batch(&statements).await?;
        let (used_up, reasons) = rows.split_first().ok_or_else(|| ApiError::internal("the batch has no rows"))?;
        if let Some(reason) = reasons.iter().flatten().find_map(|row| text(row, "reason")) {
            return Err(ApiError::of_token(reason));
        }
        if used_up.is_empty() { Ok(()) } else { Err(ApiError::rate_limited()) }
    }

    /// The rate limit state of the caller, from the rows of a batch that began with [`Self::statements`].
    pub(crate) fn rate_limit_state(&self, rows: &[Vec<Row>]) -> Option<RateLimitState> {
        let at = usize::from(self.caller.token_id().is_some());
        rows.get(at).and_then(|rows| RateLimitState::after(rows))
    }
}
