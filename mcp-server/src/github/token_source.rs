//! The source of a token.

use std::fmt;

/// The source of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenSource {
    /// A variable of the environment.
    Variable(&'static str),
    /// `gh auth token`.
    Gh,
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::Gh => f.write_str("gh"),
        }
    }
}
