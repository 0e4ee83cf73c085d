//! The clock of this machine, and the age of a time.

use std::time::SystemTime;

use deckwatch_protocol::Timestamp;

/// The current time, in whole milliseconds.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The rounded age of `then` at `now`, such as "5 min ago". A time after `now` is "just now", because the clocks of two
/// machines differ.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    match now.seconds_since(then) {
        seconds if seconds < 60 => "just now".to_owned(),
        seconds => format!("{} ago", duration(seconds)),
    }
}

/// A duration in its largest unit: minutes, from one hour on hours, from two days on days.
pub fn duration(seconds: u64) -> String {
    const HOUR: u64 = 60 * 60;
    const DAY: u64 = 24 * HOUR;
    match seconds {
        seconds if seconds < HOUR => format!("{} min", seconds / 60),
        seconds if seconds < 2 * DAY => format!("{} h", seconds / HOUR),
        seconds => format!("{} days", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_rounded() {
        let now = Timestamp::from_millis(1_795_248_000_000);
        let age = |seconds: i64| ago(now.plus_seconds(-seconds), now);
        assert_eq!([age(-90), age(59), age(60), age(3_600)], ["just now", "just now", "1 min ago", "1 h ago"]);
        assert_eq!([age(47 * 3_600), age(48 * 3_600), age(400 * 86_400)], ["47 h ago", "2 days ago", "400 days ago"]);
    }
}
