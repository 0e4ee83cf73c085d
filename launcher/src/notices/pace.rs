//! At most so many notices in a minute.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_mins(1);

/// The notices of the last minute.
pub(super) struct Pace {
    per_minute: usize,
    sent: VecDeque<Instant>,
}

impl Pace {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute: usize::try_from(per_minute).unwrap_or(usize::MAX), sent: VecDeque::new() }
    }

    /// How many notices may be sent now.
    pub(super) fn free(&mut self, now: Instant) -> usize {
        while self.sent.front().is_some_and(|sent| now.duration_since(*sent) >= MINUTE) {
            self.sent.pop_front();
        }
        self.per_minute.saturating_sub(self.sent.len())
    }

    /// When the next one may be sent, if none may now.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.sent.front().map(|sent| *sent + MINUTE)
    }

    pub(super) fn count(&mut self, now: Instant) {
        self.sent.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_notices_and_no_more() {
        let mut pace = Pace::new(2);
        let start = Instant::now();
        assert_eq!((pace.free(start), pace.next_at()), (2, None));
        pace.count(start);
        pace.count(start + Duration::from_secs(10));
        assert_eq!(pace.free(start + Duration::from_secs(59)), 0);
        assert_eq!(pace.next_at(), Some(start + MINUTE));
        assert_eq!(pace.free(start + MINUTE), 1);
        assert_eq!(pace.free(start + Duration::from_secs(70)), 2);
    }
}
