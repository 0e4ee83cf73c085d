//! Parses the value of `--since`: an age, a date or a time.

use std::str::FromStr;

use deckwatch_machine::clock::now;
use deckwatch_protocol::Timestamp;

/// The start of the period that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since(pub(super) Timestamp);

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(seconds) = age(text) {
            return Ok(Self(now().plus_seconds(-seconds)));
        }
        let whole_day = format!("{text}T00:00:00Z");
        let time = text.parse().or_else(|_| whole_day.parse());
        time.map(Self).map_err(|_| "must be an age such as 30m, 12h, 2d or 1w, a date such as 2026-11-21, or a time")
    }
}

/// The seconds of an age, which is a number and a unit.
fn age(text: &str) -> Option<i64> {
    const MOST: i64 = 100 * 365 * 86_400;
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
    Some(i64::from(number).saturating_mul(seconds).min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_dates_and_times_are_read() {
        assert_eq!([age("30m"), age("12h"), age("2d"), age("1w")], [1_800, 43_200, 172_800, 604_800].map(Some));
        let at = |text: &str| text.parse::<Since>().unwrap().0.to_string();
        assert_eq!(at("2026-11-21"), "2026-11-21T00:00:00.000Z");
        assert_eq!(at("2026-11-21T08:00:00+02:00"), "2026-11-21T06:00:00.000Z");
        for text in ["", "yesterday", "2", "-2d", "2026-13-01"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
