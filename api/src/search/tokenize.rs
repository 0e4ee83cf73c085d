//! Splits a text into tokens with their positions.

use std::ops::Range;

use super::fold::{cluster_end, fold_into};
use super::script::{Kind, kind};

/// A longer word is indexed only by its first bytes.
const MAX_WORD_BYTES: usize = 64;
/// Maximum number of signs after a word that belong to it, as in `C++`.
const MAX_SIGNS: usize = 2;
/// The work for a word, without its letters outside ASCII.
const WORD_WORK: usize = 2;
/// The work for a skipped character outside ASCII.
const SEPARATOR_WORK: usize = 4;

/// A token of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Its byte range in the text.
    pub(super) place: Range<usize>,
    /// Its folded form, never empty.
    pub(super) folded: String,
    pub(super) kind: TokenKind,
}

/// The kind of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A word between spaces or signs, with the signs that belong to it: `c` and `++`.
    Word { signs: String },
    /// A character of a script without spaces. `follows` says whether it directly follows another one.
    Character { follows: bool },
}

/// The tokens of a text in order.
///
/// The iterator counts its work, in units of about 25 ns in an optimized build, because a few texts take much longer
/// than others of the same length.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// The work that is left.
    left: usize,
    /// Whether the previous token ends here and is a character of a script without spaces.
    unspaced: bool,
}

/// Splits `text` into tokens.
pub(super) fn tokens(text: &str) -> Tokens<'_> {
    Tokens { text, at: 0, left: usize::MAX, unspaced: false }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        while self.left > 0 {
            let start = self.at;
            let (end, found) = self.cluster(start)?;
            self.at = end;
            let follows = std::mem::take(&mut self.unspaced);
            let mut folded = String::new();
            match found {
                Kind::Separator => {
                    self.charge(if end - start > 1 { SEPARATOR_WORK } else { 0 });
                    continue;
                }
                Kind::Unspaced => self.unspaced = true,
                Kind::Symbol => {}
                Kind::Word => {
                    if let Some(word) = self.word(start) {
                        return Some(word);
                    }
                    continue;
                }
            }
            self.append_folded(start..end, &mut folded);
            if folded.is_empty() && found == Kind::Symbol {
                folded.extend(self.text.get(start..end).and_then(|cluster| cluster.chars().next()));
            }
            if !folded.is_empty() {
                let kind = TokenKind::Character { follows: follows && found == Kind::Unspaced };
                return Some(Token { place: start..end, folded, kind });
            }
        }
        None
    }
}

impl Tokens<'_> {
    /// Sets the work limit. The iterator stops when it reaches the limit.
    pub(super) fn within(self, work: usize) -> Self {
        Self { left: work, ..self }
    }

    /// Subtracts the work that was done for a token.
    pub(super) fn charge(&mut self, work: usize) {
        self.left = self.left.saturating_sub(work);
    }

    /// The work that is left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The end and the kind of the cluster at `at`.
    fn cluster(&self, at: usize) -> Option<(usize, Kind)> {
        let first = self.text.get(at..)?.chars().next()?;
        Some((cluster_end(self.text, at), kind(first)))
    }

    /// The word that starts at `start`. The `'s` after a word is not a word.
    fn word(&mut self, start: usize) -> Option<Token> {
        let mut folded = String::new();
        self.at = start;
        self.ascii_word(&mut folded);
        self.charge(WORD_WORK);
        while let Some((end, Kind::Word)) = self.cluster(self.at) {
            if folded.len() < MAX_WORD_BYTES {
                self.append_folded(self.at..end, &mut folded);
            } else {
                self.charge(SEPARATOR_WORK);
            }
            if self.left == 0 {
                return None;
            }
            let ends = self.text.get(self.at..end).is_some_and(ends_word);
            self.at = end;
            if ends {
                break;
            }
            self.ascii_word(&mut folded);
        }
        let owned = folded == "s" && self.text.get(..start).is_some_and(|before| before.ends_with(['\'', '’']));
        if folded.is_empty() || owned {
            return None;
        }
        let (signs, bytes) = self.signs(&folded);
        let place = start..self.at + bytes;
        Some(Token { place, folded, kind: TokenKind::Word { signs } })
    }

    /// Reads an ASCII part of a word in one step, except a last letter that may have marks. Most words have only
    /// this part.
    fn ascii_word(&mut self, folded: &mut String) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let mut length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        if rest.get(length).is_some_and(|next| !next.is_ascii()) {
            length = length.saturating_sub(1);
        }
        let end = self.at + length;
        let kept = end.min(self.at + MAX_WORD_BYTES.saturating_sub(folded.len()));
        let kept = self.text.get(self.at..kept).unwrap_or_default();
        folded.push_str(kept);
        folded.make_ascii_lowercase();
        self.at = end;
    }

    /// The signs after `word` that belong to it, and their length in bytes. A version may follow: `C++17`, `C#12`.
    fn signs(&self, word: &str) -> (String, usize) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let signs: String = rest.chars().map_while(sign).take(MAX_SIGNS + 1).collect();
        let bytes = rest.chars().take(signs.len()).map(char::len_utf8).sum();
        let next = rest.get(bytes..).and_then(|behind| behind.chars().next());
        let is_version = next.is_some_and(char::is_numeric) && (signs == "++" || signs == "#" && word.len() == 1);
        let goes_on = next.is_some_and(|c| kind(c) == Kind::Word) && !is_version;
        if signs.len() > MAX_SIGNS || goes_on { (String::new(), 0) } else { (signs, bytes) }
    }

    fn append_folded(&mut self, place: Range<usize>, folded: &mut String) {
        let work = fold_into(self.text.get(place).unwrap_or_default(), folded);
        self.charge(work);
    }
}

/// A sign that may belong to the word before it, in any width.
fn sign(c: char) -> Option<char> {
    match c {
        '+' | '＋' | '﹢' => Some('+'),
        '#' | '＃' | '﹟' => Some('#'),
        _ => None,
    }
}

/// Whether a word ends after a cluster. A joiner in Arabic script separates words as a space does.
fn ends_word(cluster: &str) -> bool {
    cluster.ends_with('\u{200c}') && cluster.starts_with(|c| matches!(c, '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}'))
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    fn cut(text: &str) -> Vec<String> {
        let shown = |token: Token| match token.kind {
            TokenKind::Word { signs } if signs.is_empty() => token.folded,
            TokenKind::Word { signs } => format!("{}{signs}", token.folded),
            TokenKind::Character { follows: true } => format!("_{}", token.folded),
            TokenKind::Character { follows: false } => token.folded,
        };
        tokens(text).map(shown).collect()
    }

    #[test]
    fn a_text_is_split_into_words() {
        let texts: [(&str, &[&str]); 15] = [
            ("foo_bar k8s, ABC-123", &["foo", "bar", "k8s", "abc", "123"]),
            ("C++ and C#. a+b 1+1 x+++", &["c++", "and", "c#", "a", "b", "1", "1", "x"]),
            ("C++17 c#12 issue#12 1+1 a#b", &["c++", "17", "c#", "12", "issue", "12", "1", "1", "a", "b"]),
            ("Ｃ＋＋ Ｃ＃８ x＋＋＋", &["c++", "c#", "8", "x"]),
            ("🆕🆗 ㊙️‼️〰️Foo™ ©️", &["🆕", "🆗", "秘", "‼", "〰", "foo", "tm", "©"]),
            ("日本語のdeploy手順", &["日", "_本", "_語", "_の", "deploy", "手", "_順"]),
            ("日 本", &["日", "本"]),
            ("2026年11月", &["2026", "年", "11", "月"]),
            ("한국어를", &["한", "_국", "_어", "_를"]),
            ("👩‍💻🚀", &["👩", "💻", "🚀"]),
            ("the team's plan", &["the", "team", "plan"]),
            ("می\u{200c}خواهم", &["می", "خواهم"]),
            ("½ ² Ⅷ", &["12", "2", "viii"]),
            ("\u{301} \u{e000} -- \u{1}", &[]),
            ("a\u{301}b", &["ab"]),
        ];
        for (text, expected) in texts {
            assert_eq!(cut(text), expected, "{text}");
        }
    }

    /// The tokenizer of the index would split a term with other characters, or the query would have a syntax error.
    #[test]
    fn a_folded_token_is_one_token_of_the_index() {
        let fits = |c: char| if c.is_ascii() { c.is_ascii_alphanumeric() } else { !c.is_whitespace() };
        for c in '\0'..=char::MAX {
            for token in tokens(&format!("{c} A{c}{c}B")) {
                assert!(!token.folded.is_empty() && token.folded.chars().all(fits), "{c:?}: {token:?}");
            }
        }
    }

    #[test]
    fn a_decomposed_vowel_gives_the_same_tokens() {
        for text in ["ทำงาน น้ำ ทำ", "ນ້ຳ ທຳ"] {
            assert_eq!(cut(&text.nfkd().collect::<String>()), cut(text), "{text}");
        }
    }

    #[test]
    fn a_token_has_its_position() {
        let text = "Größe: 日本, C++! Ｃ＋＋17";
        let placed: Vec<&str> = tokens(text).map(|token| &text[token.place]).collect();
        assert_eq!(placed, ["Größe", "日", "本", "C++", "Ｃ＋＋", "17"]);
    }

    #[test]
    fn a_very_long_word_is_indexed_by_its_beginning() {
        assert_eq!(cut(&"x".repeat(500_000)), ["x".repeat(MAX_WORD_BYTES)]);
        assert_eq!(cut(&"é".repeat(100_000)), ["e".repeat(MAX_WORD_BYTES)]);
    }
}
