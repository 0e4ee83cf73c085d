//! The statements that select the response of a write. [`store_response`](super::idempotency::store_response) composes
//! each of them into another statement, and accepts no other statement. So a test can prepare all that it composes.

use std::sync::OnceLock;

use crate::database::{Param, Statement};

/// SQL that selects one row of `(status, body, payload_handoff_id, payload_path)`. Only [`responses!`] declares it.
pub(crate) struct ResponseSql {
    pub(super) select: &'static str,
    composed: OnceLock<String>,
}

impl ResponseSql {
    /// The SQL, not composed yet.
    pub(super) const fn new(select: &'static str) -> Self {
        Self { select, composed: OnceLock::new() }
    }

    /// The statement without its parameters.
    pub(super) fn select(&'static self) -> SelectResponse {
        SelectResponse { sql: self, params: Vec::new() }
    }
}

/// A statement that selects the response of a write.
pub(crate) struct SelectResponse {
    sql: &'static ResponseSql,
    params: Vec<Param>,
}

impl SelectResponse {
    /// Binds the next parameter.
    #[must_use]
    pub(super) fn bind(mut self, param: impl Into<Param>) -> Self {
        self.params.push(param.into());
        self
    }

    /// The statement that `compose` makes around this one, which has as many parameters. It is made once, because it has up
    /// to 20 KB.
    pub(super) fn composed(self, compose: impl FnOnce(&str, usize) -> String) -> Statement {
        let count = self.params.len();
        let sql: &'static str = self.sql.composed.get_or_init(|| compose(self.sql.select, count));
        Statement::with(sql, self.params)
    }
}

/// Declares the statements of a file that select the response of a write, and lists them.
macro_rules! responses {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* static $name: $crate::store::responses::ResponseSql = $crate::store::responses::ResponseSql::new($sql);)*

        /// All statements of this file that select the response of a write, by name.
        pub(super) static RESPONSES: &[(&str, &$crate::store::responses::ResponseSql)] =
            &[$((stringify!($name), &$name),)*];
    };
}
pub(super) use responses;
