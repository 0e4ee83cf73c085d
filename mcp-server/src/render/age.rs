//! The age of a time, as text.

use deckwatch_protocol::Timestamp;

/// The rounded age of `then` at `now`. A time after `now` is "just now".
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match now.seconds_since(then) {
        seconds if seconds < MINUTE => "just now".to_owned(),
        seconds if seconds < HOUR => format!("{} min ago", seconds / MINUTE),
        seconds if seconds < 2 * DAY => format!("{} h ago", seconds / HOUR),
        seconds => format!("{} days ago", seconds / DAY),
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
