//! Builds the FTS5 expression of a search. The words of the search have no special meaning in it.

use super::stem::stem;
use super::terms::stem_term;
use super::tokenize::{TokenKind, tokens};

/// Maximum number of terms in a search. Each term costs an index scan.
const MAX_TERMS: usize = 16;
/// Lengths of word prefixes, in characters. The index has an entry for each of these lengths.
const SHORTEST_PREFIX: usize = 3;
pub(super) const LONGEST_PREFIX: usize = 12;

/// The terms of a search. A note must contain all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Query {
    pub(crate) terms: Vec<QueryTerm>,
}

/// One term of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryTerm {
    /// The index terms that match this term. The first one is the term as given.
    pub(crate) forms: Vec<String>,
    /// The prefix of longer words that also match.
    pub(crate) prefix: Option<String>,
    /// Whether the term is a part of a text without spaces.
    pub(crate) unspaced: bool,
    /// The stem, if the term is an English word.
    pub(super) stem: Option<String>,
}

/// Which words match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matching {
    /// The words of the search, in any form.
    WholeWords,
    /// Longer words that begin with at least one of them.
    LongerWords,
}

impl Query {
    /// The terms of `text`.
    pub(crate) fn of(text: &str) -> Self {
        let mut query = Self::default();
        // The last character of a text without spaces, and whether a pair contains it already.
        let mut last: Option<(String, bool)> = None;
        for token in tokens(text) {
            match token.kind {
                TokenKind::Character { follows: true } => {
                    let before = last.map(|(before, _)| before).unwrap_or_default();
                    query.add(QueryTerm::unspaced(format!("{before}{}", token.folded)));
                    last = Some((token.folded, true));
                }
                TokenKind::Character { follows: false } => {
                    query.add_single(last.replace((token.folded, false)));
                }
                TokenKind::Word { signs } => {
                    query.add_single(last.take());
                    query.add(QueryTerm::word(token.folded, &signs));
                }
            }
        }
        query.add_single(last);
        query
    }

    /// A search with this number of terms. Each has this number of forms and, if asked for, a prefix.
    pub(crate) fn of_shape(terms: usize, forms: usize, with_prefix: bool) -> Self {
        let term = QueryTerm {
            forms: vec!["term".to_owned(); forms],
            prefix: with_prefix.then(|| "ter".to_owned()),
            unspaced: false,
            stem: None,
        };
        Self { terms: vec![term; terms] }
    }

    /// Whether any term also matches longer words.
    pub(crate) fn has_beginnings(&self) -> bool {
        self.terms.iter().any(|term| term.prefix.is_some())
    }

    /// The expression that finds the notes with all terms; `None` if there are no terms.
    pub(crate) fn expression(&self, matching: Matching) -> Option<String> {
        if self.terms.is_empty() {
            return None;
        }
        let all = |with_beginnings| {
            self.terms.iter().map(|term| term.expression(with_beginnings)).collect::<Vec<_>>().join(" AND ")
        };
        Some(match matching {
            Matching::WholeWords => all(false),
            Matching::LongerWords => format!("({}) NOT ({})", all(true), all(false)),
        })
    }

    fn add(&mut self, term: QueryTerm) {
        if self.terms.len() < MAX_TERMS && !self.terms.contains(&term) {
            self.terms.push(term);
        }
    }

    fn add_single(&mut self, last: Option<(String, bool)>) {
        if let Some((character, false)) = last {
            self.add(QueryTerm::unspaced(character));
        }
    }
}

impl QueryTerm {
    fn unspaced(characters: String) -> Self {
        Self { forms: vec![characters], prefix: None, unspaced: true, stem: None }
    }

    fn word(word: String, signs: &str) -> Self {
        if !signs.is_empty() {
            return Self { forms: vec![format!("{word}{signs}")], prefix: None, unspaced: false, stem: None };
        }
        let length = word.chars().count();
        let prefix = (SHORTEST_PREFIX..=LONGEST_PREFIX).contains(&length).then(|| word.clone());
        let stem = stem(&word);
        let other = stem.as_ref().map(|stem| stem_term(stem));
        Self { forms: std::iter::once(word).chain(other).collect(), prefix, unspaced: false, stem }
    }

    fn expression(&self, with_beginnings: bool) -> String {
        let quoted = |text: &String| format!("\"{}\"", text.replace('"', "\"\""));
        let prefix = self.prefix.as_ref().filter(|_| with_beginnings);
        // The prefix search also finds the word itself.
        let forms = self.forms.iter().skip(usize::from(prefix.is_some())).map(quoted);
        let all: Vec<String> = prefix.map(|prefix| format!("{} *", quoted(prefix))).into_iter().chain(forms).collect();
        format!("({})", all.join(" OR "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded_query(text: &str) -> String {
        let shown = |term: &QueryTerm| term.forms.first().cloned().unwrap_or_default();
        Query::of(text).terms.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_words_have_a_meaning_in_a_query() {
        assert_eq!(folded_query(r#"a"b OR NOT (c* NEAR/2 ^d) -title:e + {f}"#), "a b or not c near 2 d title e f");
        assert_eq!(folded_query("-- \u{1}\u{fffd}\" \u{301} \u{e0a0}"), "");
        assert_eq!(Query::of("\"").expression(Matching::LongerWords), None);
        assert_eq!(folded_query("again Again"), "again");
        let many: Vec<String> = (0..200).map(|n| format!("w{n}")).collect();
        assert_eq!(folded_query(&many.join("'")).split(' ').count(), MAX_TERMS);
    }

    #[test]
    fn a_text_without_spaces_is_searched_in_character_pairs() {
        assert_eq!(folded_query("日本語のdeploy手順"), "日本 本語 語の deploy 手順");
        assert_eq!(folded_query("猫 と 犬"), "猫 と 犬");
        assert_eq!(folded_query("第3章🚀"), "第 3 章 🚀");
    }

    #[test]
    fn a_word_matches_in_every_form_and_as_a_prefix() {
        let query = Query::of("waders k8s C++ ab");
        let stem = stem_term("wader");
        let whole = format!(r#"("waders" OR "{stem}") AND ("k8s") AND ("c++") AND ("ab")"#);
        let beginnings = format!(r#"("waders" * OR "{stem}") AND ("k8s" *) AND ("c++") AND ("ab")"#);
        assert_eq!(query.expression(Matching::LongerWords).unwrap(), format!("({beginnings}) NOT ({whole})"));
        assert_eq!(query.expression(Matching::WholeWords).unwrap(), whole);
    }
}
