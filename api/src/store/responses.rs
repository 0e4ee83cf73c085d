//! The statements that select the response of a write. [`store_response`](super::idempotency::store_response) composes
//! each of them into another statement, and accepts no other statement. So a test can prepare all that it composes.

use crate::database::{Param, Statement};

/// SQL that selects one row of `(status, body, payload_handoff_id, payload_path)`. Only [`responses!`] declares it.
#[derive(Clone, Copy)]
pub(crate) struct ResponseSql(pub(super) &'static str);

impl ResponseSql {
    /// The statement without its parameters.
    pub(super) fn select(self) -> SelectResponse {
        SelectResponse(Statement::new(self.0))
    }
}

/// A statement that selects the response of a write.
pub(crate) struct SelectResponse(Statement);

impl SelectResponse {
    /// Binds the next parameter.
    #[must_use]
    pub(super) fn bind(self, param: impl Into<Param>) -> Self {
        Self(self.0.bind(param))
    }

    /// The statement, to compose it into another one.
    pub(super) fn into_statement(self) -> Statement {
        self.0
    }
}

/// Declares the statements of a file that select the response of a write, and lists them.
macro_rules! responses {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* const $name: $crate::store::responses::ResponseSql = $crate::store::responses::ResponseSql($sql);)*

        /// All statements of this file that select the response of a write, by name.
        pub(super) const RESPONSES: &[(&str, $crate::store::responses::ResponseSql)] =
            &[$((stringify!($name), $name),)*];
    };
}
pub(super) use responses;
