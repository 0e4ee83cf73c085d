//! The words of a search as an expression of FTS5, in which nothing but the words has a meaning.
//!
//! One text has several spellings in Unicode: `é` is a letter, or an `e` and a mark. The index keeps what each note
//! spells, so a word is looked for in every spelling that the index can tell apart.

use deckwatch_protocol::SearchText;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// More words than this are not looked for: each costs a walk through the index.
const MAX_WORDS: usize = 16;

/// The words of `text`, which must all stand in a note, each in any of its spellings.
pub(super) fn expression(text: &SearchText) -> String {
    let mut once = Vec::new();
    let mut words: Vec<Vec<String>> = Vec::new();
    for word in text.as_str().split(|c| !is_of_a_word(c)).filter(|word| word.chars().any(has_a_meaning)) {
        let composed: String = word.nfc().collect();
        if words.len() < MAX_WORDS && !once.contains(&composed) {
            words.push(spellings(word, &composed));
            once.push(composed);
        }
    }
    // Text without a word finds nothing; an empty expression would be an error.
    if words.is_empty() {
        return "\"\"".to_owned();
    }
    // Words side by side come first: FTS5 passes over those in which it sees no letter, as it doesn't beside `AND`.
    let (plain, several): (Vec<_>, Vec<_>) = words.iter().partition(|spellings| spellings.len() == 1);
    let plain = plain.into_iter().map(|spellings| quoted(spellings)).collect::<Vec<_>>().join(" ");
    let several = several.into_iter().map(|spellings| format!("({})", quoted(spellings)));
    Some(plain).filter(|plain| !plain.is_empty()).into_iter().chain(several).collect::<Vec<_>>().join(" AND ")
}

/// Whether a word goes on here. The index has letters, digits and private characters in its words and takes some marks
/// off them; other marks part its words, but what it parts inside of quotes is still one phrase.
fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
}

fn has_a_meaning(c: char) -> bool {
    c.is_alphanumeric() && !is_combining_mark(c)
}

/// A word as it was written, composed and taken apart, as far as the index tells them apart.
fn spellings(word: &str, composed: &str) -> Vec<String> {
    let mut spellings = vec![word.to_owned()];
    for other in [composed.to_owned(), word.nfd().collect()] {
        if !spellings.iter().any(|known| bare(known) == bare(&other)) {
            spellings.push(other);
        }
    }
    spellings
}

/// A word as the index compares it: without accents, be they marks or parts of Latin letters.
fn bare(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).map(bare_letter).collect()
}

fn bare_letter(letter: char) -> char {
    // The two that the index leaves as they are.
    if matches!(letter, 'Ǡ' | 'ǡ') {
        return letter;
    }
    let mut first = None;
    decompose_canonical(letter, |part| first = first.or(Some(part)));
    first.filter(char::is_ascii_alphabetic).unwrap_or(letter)
}

fn quoted(spellings: &[String]) -> String {
    spellings.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expressed(text: &str) -> String {
        expression(&text.parse().unwrap())
    }

    #[test]
    fn only_words_have_a_meaning() {
        assert_eq!(expressed("the plan"), r#""the" "plan""#);
        assert_eq!(
            expressed(r#"a"b OR NOT (c* NEAR/2 ^d) -title:e + {f}"#),
            r#""a" "b" "OR" "NOT" "c" "NEAR" "2" "d" "title" "e" "f""#
        );
        assert_eq!(expressed("Größe naïve 日本語"), r#""Größe" "naïve" "日本語""#);
        assert_eq!(expressed("😀 -- \u{1}\u{fffd}\" \u{301} \u{e0a0}"), r#""""#);
        assert_eq!(expressed("again again"), r#""again""#);
        assert_eq!(expressed(&"w ".repeat(400)), r#""w""#);
        let many: Vec<String> = (0..200).map(|n| format!("w{n}")).collect();
        assert_eq!(expressed(&many.join("'")).split(' ').count(), MAX_WORDS);
    }

    #[test]
    fn a_word_is_looked_for_in_each_spelling_that_the_index_tells_apart() {
        // Accents of Latin letters are no difference, and marks do not part a word.
        assert_eq!(expressed("cafe\u{301}s"), "\"cafe\u{301}s\"");
        assert_eq!(expressed("caf\u{e9} cafe\u{301}"), "\"caf\u{e9}\"");
        assert_eq!(expressed("йод plan"), "\"plan\" AND (\"\u{439}од\" OR \"и\u{306}од\")");
        assert_eq!(expressed("가"), "(\"\u{ac00}\" OR \"\u{1100}\u{1161}\")");
        // A letter that neither form has is looked for as it was written, too.
        assert_eq!(expressed("\u{958}"), "(\"\u{958}\" OR \"\u{915}\u{93c}\")");
        assert_eq!(expressed("x\u{e000}y हिन्दी"), "\"x\u{e000}y\" \"हिन्दी\"");
    }
}
