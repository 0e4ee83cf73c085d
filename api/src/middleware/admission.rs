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
        let mut statements = self.authenticate();
        statements.push(self.window.count());
        let Some(token) = self.caller.token_id() else { return statements };
        statements.extend(self.operation.map(|operation| store::token::unless_scope(token, operation)));
        statements.extend(access.and_then(|access| match access {
            DataAccess::Shared => None,
            DataAccess::Everything => Some(store::token::if_restricted(token)),
            DataAccess::Venture(venture) => Some(store::token::unless_venture(token, venture)),
            DataAccess::Session(session) => Some(store::token::unless_session(token, session)),
            DataAccess::Handoff(handoff) => Some(store::token::unless_handoff(token, handoff)),
            DataAccess::NoteToRead(note) => Some(store::token::unless_note(token, note, true)),
            DataAccess::NoteToChange(note) => Some(store::token::unless_note(token, note, false)),
            DataAccess::Requirement(requirement) => Some(store::token::unless_requirement(token, requirement)),
        }));
        if let (Some(DataAccess::Session(session)), true) = (access, self.is_change()) {
            statements.push(store::token::unless_own_session(token, session));
        }
        statements.push(store::token::touch(token, self.now, self.now.plus_seconds(-60)));
        statements
    }

    /// Whether the operation changes the data that it has access to.
    fn is_change(&self) -> bool {
        self.operation.is_some_and(|operation| operation.effect() != Effect::Read)
    }

    /// The statement that fails unless the token is valid. A configured key needs no statement.
    pub(crate) fn authenticate(&self) -> Vec<Statement> {
        let token = self.caller.token();
        token.map(|(id, hash)| store::token::admit(id, hash, self.now)).into_iter().collect()
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
