//! Excerpts: the part of a text that matches a search, with each match between `**`.

use std::cell::OnceCell;
use std::ops::Range;

use deckwatch_protocol::cut;

use super::query::{Query, QueryTerm};
use super::stem::stem;
use super::tokenize::{Token, TokenKind, tokens};

/// How many characters of a text are searched. This limits the cost of an excerpt, however long the text is.
pub(crate) const EXCERPT_WINDOW: u32 = 8192;
/// Approximate length of an excerpt in bytes.
const EXCERPT_BYTES: usize = 320;
/// How many of them come before the first match.
const BYTES_BEFORE_MATCH: usize = 80;
/// Maximum length of an excerpt in characters, with the marks.
pub(crate) const EXCERPT_MAX_CHARS: usize = 500;
/// Maximum number of terms to look for.
const MAX_TERMS: usize = 8;
/// Maximum number of matches to compare.
const MAX_PLACES: usize = 64;
/// The work limit for all excerpts of a page, about 15 ms: enough for the whole windows of 20 notes in most scripts.
const MAX_WORK: usize = 600_000;
/// The work to compare a word with a term that has the same first letter.
const COMPARED_WORD_WORK: usize = 4;
/// The work to compare a character of a script without spaces with a term.
const COMPARED_CHARACTER_WORK: usize = 1;
/// The work to stem a word, per letter.
const STEM_WORK: usize = 2;

/// A match of a term of the query.
struct Match {
    place: Range<usize>,
    term: usize,
}

impl Query {
    /// The part of `window` with the most terms close together; without a match, the first lines. `window` is the
    /// beginning of a text. `is_truncated` says whether the text is longer than the window.
    pub(crate) fn excerpt(&self, window: &str, is_truncated: bool, budget: &mut ExcerptBudget) -> String {
        let places = self.places(window, budget);
        let best = (0..places.len()).max_by_key(|at| (count_nearby(&places, *at), std::cmp::Reverse(*at)));
        let first = best.and_then(|at| places.get(at)).map_or(0, |found| found.place.start);
        let start = if first <= BYTES_BEFORE_MATCH {
            0
        } else {
            after_space(window, window.floor_char_boundary(first - BYTES_BEFORE_MATCH), first)
        };
        let end = window.floor_char_boundary(start + EXCERPT_BYTES);
        let end = if end == window.len() { end } else { before_space(window, first, end) };
        let mut excerpt = String::from(if start > 0 { "…" } else { "" });
        let mut at = start;
        for place in merged(&places, start..end) {
            excerpt.push_str(window.get(at..place.start).unwrap_or_default());
            excerpt.push_str("**");
            excerpt.push_str(window.get(place.clone()).unwrap_or_default());
            excerpt.push_str("**");
            at = place.end;
        }
        excerpt.push_str(window.get(at..end).unwrap_or_default());
        let goes_on = is_truncated || end < window.len();
        excerpt.truncate(cut::to_chars(&excerpt, EXCERPT_MAX_CHARS - 1).len());
        if goes_on {
            excerpt.push('…');
        }
        excerpt
    }

    /// The first matches of terms of the query in a text.
    fn places(&self, window: &str, budget: &mut ExcerptBudget) -> Vec<Match> {
        let mut tokens = tokens(window).within(budget.next_share());
        let (mut places, mut before) = (Vec::new(), None);
        while places.len() < MAX_PLACES
            && let Some(token) = tokens.next()
        {
            let mut compared = ComparedToken { token: &token, before: before.as_ref(), stem: OnceCell::new(), work: 0 };
            let terms = self.terms.iter().take(MAX_TERMS).enumerate();
            places.extend(terms.filter_map(|(n, term)| Some(Match { place: compared.place(term)?, term: n })));
            tokens.charge(compared.work);
            before = Some(token);
        }
        places.truncate(MAX_PLACES);
        budget.return_unused(tokens.left());
        places
    }
}

/// The work limit for all excerpts of a page. Each excerpt gets an equal share of what is left.
pub(crate) struct ExcerptBudget {
    left: usize,
    notes: usize,
}

impl ExcerptBudget {
    /// Creates the budget for a page with this number of notes.
    pub(crate) fn of(notes: usize) -> Self {
        Self { left: MAX_WORK, notes }
    }

    fn next_share(&mut self) -> usize {
        let share = self.left / self.notes.max(1);
        self.left -= share;
        self.notes = self.notes.saturating_sub(1);
        share
    }

    fn return_unused(&mut self, unused: usize) {
        self.left += unused;
    }
}

/// A token of the text that is compared with the terms of a query.
struct ComparedToken<'a> {
    token: &'a Token,
    before: Option<&'a Token>,
    /// The stem, once a term has needed it.
    stem: OnceCell<Option<String>>,
    work: usize,
}

impl ComparedToken<'_> {
    /// The byte range that matches `term`, if there is one.
    fn place(&mut self, term: &QueryTerm) -> Option<Range<usize>> {
        let form = term.forms.first()?;
        let token = self.token;
        match &token.kind {
            // A word, its prefixes and its stem have the same first letter.
            TokenKind::Word { .. } if form.as_bytes().first() != token.folded.as_bytes().first() => None,
            TokenKind::Word { signs } => {
                self.work += COMPARED_WORD_WORK;
                let is_form =
                    form.strip_prefix(token.folded.as_str()).is_some_and(|rest| rest.is_empty() || rest == signs);
                let begins = || term.prefix.as_ref().is_some_and(|prefix| token.folded.starts_with(prefix.as_str()));
                (is_form || begins() || self.has_stem_of(term)).then(|| token.place.clone())
            }
            TokenKind::Character { follows } => {
                self.work += COMPARED_CHARACTER_WORK;
                let rest = form.strip_suffix(token.folded.as_str())?;
                let before = self.before.filter(|before| *follows && before.folded == rest);
                match before {
                    _ if rest.is_empty() => Some(token.place.clone()),
                    before => before.map(|before| before.place.start..token.place.end),
                }
            }
        }
    }

    fn has_stem_of(&mut self, term: &QueryTerm) -> bool {
        let (word, Some(own)) = (&self.token.folded, &term.stem) else { return false };
        // Most words differ in their first letters. They need no stem for the comparison.
        let beginning = own.get(..own.len().min(2)).unwrap_or_default();
        if !word.starts_with(beginning) {
            return false;
        }
        let spent = &mut self.work;
        let stem = self.stem.get_or_init(|| {
            *spent += STEM_WORK * word.len();
            stem(word)
        });
        stem.as_ref() == Some(own)
    }
}

/// The number of terms that occur close after the match at `at`, including its own.
fn count_nearby(places: &[Match], at: usize) -> usize {
    let Some(first) = places.get(at) else { return 0 };
    let near = places
        .iter()
        .skip(at)
        .take_while(|found| found.place.end <= first.place.start + EXCERPT_BYTES - BYTES_BEFORE_MATCH);
    let mut terms: Vec<usize> = near.map(|found| found.term).collect();
    terms.sort_unstable();
    terms.dedup();
    terms.len()
}

/// The matches within `shown`. Adjacent matches are joined.
fn merged(places: &[Match], shown: Range<usize>) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for place in
        places.iter().map(|found| &found.place).filter(|place| place.start >= shown.start && place.end <= shown.end)
    {
        match merged.last_mut() {
            Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
            _ => merged.push(place.clone()),
        }
    }
    merged
}

/// The position after the first space in a range; `from` if there is none.
fn after_space(text: &str, from: usize, to: usize) -> usize {
    let between = text.get(from..to).unwrap_or_default();
    let space = between.char_indices().find(|(_, c)| c.is_whitespace());
    space.map_or(from, |(at, c)| from + at + c.len_utf8())
}

/// The position of the last space in a range; `to` if its last part has none.
fn before_space(text: &str, from: usize, to: usize) -> usize {
    let between = text.get(from..to).unwrap_or_default();
    between.rfind(char::is_whitespace).filter(|at| *at > between.len() / 2).map_or(to, |at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(q: &str, text: &str) -> String {
        Query::of(q).excerpt(text, false, &mut ExcerptBudget::of(1))
    }

    #[test]
    fn matches_are_marked_in_the_excerpt() {
        assert_eq!(excerpt("wader zurich", "Waders in ZÜRICH."), "**Waders** in **ZÜRICH**.");
        assert_eq!(excerpt("depl", "the deployment"), "the **deployment**");
        assert_eq!(excerpt("C++", "C, C++ and c#"), "C, **C++** and c#");
        assert_eq!(excerpt("日本語", "これは日本語です。日"), "これは**日本語**です。日");
        assert_eq!(excerpt("猫", "黒猫がいる"), "黒**猫**がいる");
        assert_eq!(excerpt("nothing", "of it"), "of it");
    }

    #[test]
    fn the_excerpt_shows_the_part_with_the_most_terms() {
        let filler = "something else entirely ".repeat(100);
        let text = format!("heron {filler} the osprey and the heron nest {filler}");
        let shown = excerpt("osprey heron", &text);
        assert!(shown.contains("the **osprey** and the **heron** nest"), "{shown}");
        assert!(
            shown.starts_with('…') && shown.ends_with('…') && shown.chars().count() <= EXCERPT_MAX_CHARS,
            "{shown}"
        );
    }

    #[test]
    fn an_excerpt_has_a_limited_length_for_every_text() {
        for (q, text) in [
            ("a", "a ".repeat(4096)),
            ("x", "x".repeat(8192)),
            ("é", "e\u{301}".repeat(4096)),
            ("日本", "日本".repeat(4096)),
            ("!", "!".repeat(8192)),
            ("b", format!("{}b", "\u{301}".repeat(4000))),
        ] {
            for is_truncated in [true, false] {
                let shown = Query::of(q).excerpt(&text, is_truncated, &mut ExcerptBudget::of(1));
                assert!(shown.chars().count() <= EXCERPT_MAX_CHARS, "{q}: {} characters", shown.chars().count());
            }
        }
    }
}
