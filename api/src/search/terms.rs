//! Builds the index terms of a note: those of its title and of its text, each once, separated by spaces.

use std::collections::HashMap;

use super::query::LONGEST_PREFIX;
use super::stem::{has_stem, stem};
use super::tokenize::{TokenKind, tokens};

/// Maximum number of index entries of a text. A word, its stem and each of its indexed prefixes are one entry each.
/// About 6,000 words of English prose or 9,000 Chinese characters reach this limit.
const MAX_ENTRIES: usize = 24_576;
/// The number of entries for a character of a script without spaces, or for a pair of them. Each takes as long as
/// two word prefixes.
const UNSPACED_ENTRIES: usize = 2;
/// The work limit for splitting a text, about 15 ms: 500 KB of English or Russian, 200 KB of Vietnamese.
const MAX_WORK: usize = 600_000;
/// A word that occurs this often counts as a topic of the text.
const FREQUENT_COUNT: u32 = 3;
/// Maximum number of these words.
const MAX_FREQUENT: usize = 32;

/// The terms of a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TitleTerms {
    /// The title in the form that the ranking compares.
    pub(crate) head: String,
    /// The index terms.
    pub(crate) terms: String,
}

/// The terms of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContentTerms {
    /// The words that occur most often.
    pub(crate) frequent: String,
    /// The index terms.
    pub(crate) terms: String,
    /// Whether the text has more terms than the index holds.
    pub(crate) in_part: bool,
}

impl TitleTerms {
    pub(crate) fn of(title: &str) -> Self {
        let mut head = String::from(" ");
        for token in tokens(title) {
            let follows = token.kind == TokenKind::Character { follows: true };
            if !follows && !head.ends_with(' ') {
                head.push(' ');
            }
            head.push_str(&token.folded);
            if let TokenKind::Word { signs } = &token.kind {
                let stem = stem(&token.folded).map(|stem| stem_term(&stem));
                let signed = (!signs.is_empty()).then(|| format!("{}{signs}", token.folded));
                for other in stem.into_iter().chain(signed) {
                    head.push(' ');
                    head.push_str(&other);
                }
            }
        }
        head.push(' ');
        Self { head, terms: TermCollector::of(title).terms }
    }
}

impl ContentTerms {
    pub(crate) fn of(content: &str) -> Self {
        let collector = TermCollector::of(content);
        Self { frequent: collector.frequent(), terms: collector.terms, in_part: collector.in_part }
    }
}

/// The index term for a stem. It can't be a word of a text, and it is too short to have prefixes in the index.
pub(super) fn stem_term(stem: &str) -> String {
    // FNV-1a, because it gives the same value on every machine and in every version.
    let hash = stem
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // Two private-use characters hold 32 bits of the hash.
    [hash, hash >> 32]
        .into_iter()
        .filter_map(|half| char::from_u32(0xf_0000 + u32::try_from(half % 0xfff0).ok()?))
        .collect()
}

/// The terms of a text during indexing.
struct TermCollector {
    terms: String,
    counts: HashMap<String, u32>,
    /// The index entries that are left.
    left: usize,
    in_part: bool,
}

impl TermCollector {
    fn of(text: &str) -> Self {
        let mut collector =
            Self { terms: String::from(" "), counts: HashMap::new(), left: MAX_ENTRIES, in_part: false };
        let (mut before, mut pair) = (String::new(), String::new());
        let mut tokens = tokens(text).within(MAX_WORK);
        while !collector.in_part
            && let Some(token) = tokens.next()
        {
            match token.kind {
                TokenKind::Word { signs } => collector.word(&token.folded, &signs),
                TokenKind::Character { follows } => {
                    collector.term(&token.folded, UNSPACED_ENTRIES);
                    if follows {
                        pair.clear();
                        pair.extend([before.as_str(), &token.folded]);
                        collector.term(&pair, UNSPACED_ENTRIES);
                    }
                    before = token.folded;
                }
            }
        }
        collector.in_part |= tokens.left() == 0;
        collector
    }

    fn word(&mut self, word: &str, signs: &str) {
        let beginnings = word.chars().take(LONGEST_PREFIX).count().saturating_sub(2);
        let is_new = self.term(word, 1 + beginnings + usize::from(has_stem(word)));
        if is_new && let Some(stem) = stem(word) {
            self.add(&stem_term(&stem));
        }
        if !signs.is_empty() {
            self.term(&format!("{word}{signs}"), 1 + beginnings + signs.len());
        }
    }

    /// Counts a term. Adds a new term if the limit allows it. Returns whether the term was added.
    fn term(&mut self, term: &str, entries: usize) -> bool {
        if let Some(count) = self.counts.get_mut(term) {
            *count += 1;
            return false;
        }
        let Some(left) = self.left.checked_sub(entries) else {
            self.in_part = true;
            return false;
        };
        self.left = left;
        self.counts.insert(term.to_owned(), 1);
        self.add(term);
        true
    }

    /// Adds a term. The term may already be there as the stem of another word.
    fn add(&mut self, term: &str) {
        self.terms.push_str(term);
        self.terms.push(' ');
    }

    fn frequent(&self) -> String {
        let mut frequent: Vec<(&String, &u32)> =
            self.counts.iter().filter(|(_, count)| **count >= FREQUENT_COUNT).collect();
        frequent.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let words = frequent.into_iter().take(MAX_FREQUENT).map(|(word, _)| {
            let stem = stem(word).map(|stem| format!("{} ", stem_term(&stem)));
            format!("{word} {}", stem.unwrap_or_default())
        });
        std::iter::once(" ".to_owned()).chain(words).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_term_occurs_once() {
        assert_eq!(ContentTerms::of(&"word ".repeat(100_000)).terms, format!(" word {} ", stem_term("word")));
        assert_eq!(ContentTerms::of("日本日本").terms, " 日 本 日本 本日 ");
        assert_eq!(ContentTerms::of("C++ c").terms, " c c++ ");
        assert_eq!(TitleTerms::of("日本 C#").head, " 日本 c c# ");
    }

    #[test]
    fn the_indexed_part_of_a_text_is_limited() {
        let words = (0..60_000).map(|n| format!("{n:x} ")).collect::<Vec<_>>().concat();
        let han: String = (0..160_000u32).filter_map(|n| char::from_u32(0x4e00 + n * 7919 % 20_000)).collect();
        assert!(ContentTerms::of(&"ﷺ ".repeat(100_000)).in_part);
        for text in [words, han] {
            let terms = ContentTerms::of(&text);
            assert!(terms.in_part && terms.terms.len() < 300_000, "{}", terms.terms.len());
            assert!(terms.frequent.len() < 4000);
        }
        let prose = (0..4_000).map(|n| format!("word{} ", n % 1000)).collect::<Vec<_>>().concat();
        assert!(!ContentTerms::of(&prose).in_part);
        for letters in ["сервер ", "ก ", "déploiement du service "] {
            assert!(!ContentTerms::of(&letters.repeat(480_000 / letters.len())).in_part, "{letters}");
        }
    }
}
