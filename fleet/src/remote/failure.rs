//! The ways in which a request to a member fails.

use std::time::Duration;

use thiserror::Error;

use crate::wire::Refusal;

/// A request to a member failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// No connection was made.
    #[error("it can't be reached: {0}")]
    Unreachable(String),
    /// No connection or no answer within this time.
    #[error("it did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The member does not accept this user's key.
    #[error("it does not accept your SSH key: {0}")]
    Authentication(String),
    /// The SSH server shows a key that is not the known one, or none is known.
    #[error("its host key is not the known one: {0}")]
    HostKey(String),
    /// Deckwatch is not installed there.
    #[error("launcher is not installed there; run scripts/bootstrap-machine.sh on it")]
    LauncherMissing,
    /// The far side has another version of the requests, or did not start.
    #[error("its launcher does not answer; update Deckwatch there: {0}")]
    Outdated(String),
    /// The member did not do it.
    #[error("{0}")]
    Refused(Refusal),
    /// The connection ended before the answer. Whether the request was carried out is not known.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The `ssh` of this machine can't be used.
    #[error("ssh can't be started on this machine: {0}")]
    NoSsh(String),
}

impl Failure {
    /// The kind of failure, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) => "unreachable",
            Self::Authentication(_) => "authentication",
            Self::HostKey(_) => "host_key",
            Self::LauncherMissing => "launcher_missing",
            Self::Outdated(_) => "outdated",
            Self::Refused(_) => "refused",
            Self::Lost(_) => "lost",
            Self::NoSsh(_) => "no_ssh",
        }
    }
}
