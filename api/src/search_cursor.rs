//! The state of a search across its pages. The cursor holds the numbers of all notes that were shown.
//!
//! Every new note changes the scores, so a score can't mark where a page ended. The numbers are those of the notes
//! in the index. This module contains no SQL.

use deckwatch_protocol::Cursor;

use crate::cursor::CursorMark;
use crate::database::{Row, number};

/// The number of matches that a search reads, ranks and shows at most. D1 counts three rows for each: one in the index, one
/// in `note_ranks`, one in the sort.
macro_rules! ranked_limit {
    () => {
        250
    };
}
pub(crate) use ranked_limit;

const MAX_SHOWN: usize = ranked_limit!();
/// The prefix of a search cursor. No other cursor has a dot at this position.
const MARK: &str = "s.";
/// A digit holds five bits of a number. The upper half of the digits says that more digits follow.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const MORE: u64 = 32;

/// The results that were shown; none by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SearchCursor {
    /// The newest match when the search began. Later notes are not part of the search.
    newest: Option<u64>,
    /// The numbers of the notes that were shown, newest first.
    shown: Vec<u64>,
}

impl SearchCursor {
    /// Decodes the cursor of a search.
    pub(crate) fn of(cursor: &Cursor) -> Option<Self> {
        let numbers = decoded(cursor.as_str().strip_prefix(MARK)?)?;
        let (newest, gaps) = numbers.split_first()?;
        let mut at = *newest;
        let mut shown = Vec::with_capacity(gaps.len());
        for (n, gap) in gaps.iter().enumerate() {
            at = at.checked_sub(*gap).filter(|_| n == 0 || *gap > 0)?;
            shown.push(at);
        }
        (1..=MAX_SHOWN).contains(&shown.len()).then_some(Self { newest: Some(*newest), shown })
    }

    /// The newest match when the search began; `None` on the first page.
    pub(crate) fn newest(&self) -> Option<i64> {
        self.newest.and_then(|newest| i64::try_from(newest).ok())
    }

    /// The numbers that were shown, with a comma before and after each.
    pub(crate) fn shown_text(&self) -> String {
        self.shown.iter().fold(",".to_owned(), |text, number| format!("{text}{number},"))
    }

    /// The cursor after a page with these rows of (`number`, `newest`); `None` if the maximum number was shown.
    pub(crate) fn next(mut self, page: &[Row]) -> Option<Cursor> {
        let newest = self.newest.or_else(|| number(page.first()?, "newest"))?;
        self.shown.extend(page.iter().filter_map(|row| number(row, "number")));
        self.shown.sort_unstable_by(|a, b| b.cmp(a));
        self.shown.dedup();
        if self.shown.len() >= MAX_SHOWN {
            return None;
        }
        let mut text = MARK.to_owned();
        encode(newest, &mut text);
        let mut at = newest;
        for number in self.shown {
            encode(at.checked_sub(number)?, &mut text);
            at = number;
        }
        // Among millions of notes, the cursor of a thousand numbers may be too long. Then this is the last page.
        (text.len() + CursorMark::CHARS <= Cursor::MAX_CHARS).then(|| text.parse().ok())?
    }
}

fn encode(mut number: u64, text: &mut String) {
    loop {
        let rest = number >> 5;
        let digit = number % MORE + if rest > 0 { MORE } else { 0 };
        text.extend(usize::try_from(digit).ok().and_then(|digit| DIGITS.get(digit)).map(|digit| char::from(*digit)));
        number = rest;
        if rest == 0 {
            return;
        }
    }
}

/// Decodes the numbers of a text, all below 2^53.
fn decoded(text: &str) -> Option<Vec<u64>> {
    let (mut numbers, mut number, mut shift) = (Vec::new(), 0, 0);
    for byte in text.bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == byte).and_then(|digit| u64::try_from(digit).ok())?;
        number |= (digit % MORE) << shift;
        shift += 5;
        if digit < MORE {
            numbers.push(number);
            (number, shift) = (0, 0);
        } else if shift > 45 {
            return None;
        }
    }
    (shift == 0).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(numbers: &[u64], newest: u64) -> Vec<Row> {
        let row = |n: &u64| serde_json::json!({ "number": n, "newest": newest }).as_object().unwrap().clone();
        numbers.iter().map(row).collect()
    }

    #[test]
    fn a_cursor_holds_the_shown_numbers() {
        let first = SearchCursor::default().next(&page(&[7, 900, 3], 1_000_000)).unwrap();
        let search_cursor = SearchCursor::of(&first).unwrap();
        assert_eq!(search_cursor, SearchCursor { newest: Some(1_000_000), shown: vec![900, 7, 3] });
        assert_eq!(search_cursor.shown_text(), ",900,7,3,");
        let second = SearchCursor::of(&search_cursor.next(&page(&[1_000_000, 4], 999_999)).unwrap()).unwrap();
        assert_eq!(second, SearchCursor { newest: Some(1_000_000), shown: vec![1_000_000, 900, 7, 4, 3] });
    }

    #[test]
    fn a_search_ends_after_250_results_also_with_a_billion_notes() {
        let every = |step: u64, count: u64| (1..=count).map(|n| n * step).collect::<Vec<_>>();
        let cursor = SearchCursor::default().next(&page(&every(4_000_000, 230), 1_000_000_000)).unwrap();
        let search_cursor = SearchCursor::of(&cursor).unwrap();
        assert_eq!(search_cursor.shown.len(), 230);
        assert!(search_cursor.clone().next(&page(&every(3, 19), 0)).is_some());
        assert_eq!(search_cursor.next(&page(&every(3, 20), 0)), None);
        assert_eq!(SearchCursor::default().next(&[]), None);
    }

    #[test]
    fn an_invalid_cursor_is_refused() {
        let of = |text: &str| SearchCursor::of(&text.parse().unwrap());
        assert!(of("s.FBB").is_some());
        let endless = format!("s.{}A", "-".repeat(40));
        let texts =
            ["note_00000000000000000000000000", "note_00000000000000000000000000.12", "s.", "s.F", "s.FG", "s.FBA"];
        for text in
            texts.into_iter().chain(["s.F.B", "s.Fg", "S.FB", &endless, &format!("s.-B{}", "B".repeat(MAX_SHOWN + 1))])
        {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
