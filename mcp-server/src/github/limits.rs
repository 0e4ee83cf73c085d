//! The time limit of a request for the queue, and the limits on what is asked.

use std::time::{Duration, Instant};

/// The time for everything: the token, the checks for changes, the queries.
pub(super) const WHOLE: Duration = Duration::from_secs(2);
/// The maximum number of repositories.
pub(crate) const MAX_REPOS: usize = 30;
/// The maximum number of repositories in one query, so that GitHub answers it in time.
pub(super) const REPOS_IN_A_QUERY: usize = 10;

/// When everything must be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    pub(super) fn start() -> Self {
        Self(Instant::now() + WHOLE)
    }

    pub(super) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}
