//! Folding: it maps texts that readers consider equal to one spelling.
//!
//! It folds a text cluster by cluster. A cluster is a character with the marks after it. So each folded token keeps
//! its position in the text.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Maximum number of characters of a cluster, or of its folded form. The rest is left out. No script puts as many
/// marks on a letter, and only `ﷺ` folds to more letters.
const MAX_CLUSTER: usize = 8;
/// The work for a character that folds to itself.
const PLAIN_WORK: usize = 2;
/// The work for each character of a decomposed cluster.
const DECOMPOSED_WORK: usize = 6;

/// The end of the cluster that starts at `at`. A cluster is a character with the marks that belong to it.
pub(super) fn cluster_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    // Most text is ASCII. An ASCII character never continues a cluster.
    if let [_, next, ..] = rest.as_bytes()
        && next.is_ascii()
        && rest.is_char_boundary(1)
    {
        return at + 1;
    }
    let mut characters = rest.chars();
    if let (Some(first), Some(next)) = (characters.next(), characters.next())
        && is_plain(next)
    {
        return at + first.len_utf8();
    }
    let base = if starts_with_am(rest) { 2 } else { 1 };
    let continues = rest
        .char_indices()
        .skip(base)
        .find(|(length, c)| !continues_cluster(*c) || rest.get(*length..).is_some_and(starts_with_am));
    continues.map_or(text.len(), |(length, _)| at + length)
}

/// Whether a text begins with the two characters that the Thai `ำ`, or its Lao counterpart, decomposes to. The first
/// of them alone is a mark of the character before it.
fn starts_with_am(text: &str) -> bool {
    text.starts_with("\u{e4d}\u{e32}") || text.starts_with("\u{ecd}\u{eb2}")
}

/// Appends the folded form of a cluster: compatibility forms in their usual form without punctuation, in lowercase,
/// without the marks that readers ignore. The result is composed, so that `が` and a Hangul syllable are one
/// character each. Returns the work, in the units of [`Tokens`](super::tokenize::Tokens).
pub(super) fn fold_into(cluster: &str, folded: &mut String) -> usize {
    if let [byte] = cluster.as_bytes() {
        folded.push(char::from(byte.to_ascii_lowercase()));
        return PLAIN_WORK;
    }
    let mut characters = cluster.chars();
    if let (Some(only), None) = (characters.next(), characters.next())
        && is_plain(only)
    {
        folded.push(only);
        return PLAIN_WORK;
    }
    let mut work = PLAIN_WORK;
    let decomposed = cluster.chars().take(MAX_CLUSTER).nfkd().inspect(|_| work += DECOMPOSED_WORK);
    let kept = decomposed.filter(|c| !is_left_out(*c) && !is_punctuation(*c)).take(MAX_CLUSTER);
    folded.extend(kept.flat_map(without_case).nfc());
    work
}

/// Whether a character is punctuation or a space inside a compatibility form: the parentheses of `⑴`, the full stop
/// of `⒈`, the slash of `½`, the spaces of `ﷺ`. The tokenizer of the index would split a term there.
fn is_punctuation(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_alphanumeric() || c.is_whitespace() || c == '\u{2044}'
}

/// Removes the case of a letter. It converts to uppercase first, because `ß` becomes `SS` there, and both forms of
/// the small sigma become one.
fn without_case(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().flat_map(char::to_lowercase).flat_map(latin_base)
}

/// A Latin letter without its stroke, or the letters of a ligature. Unicode does not decompose these.
fn latin_base(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        'đ' | 'ð' => ('d', None),
        'ø' => ('o', None),
        'ł' => ('l', None),
        'ħ' => ('h', None),
        'ŧ' => ('t', None),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        // The lowercase form of `ẞ`. The uppercase step has already changed `ß` to `ss`.
        'ß' => ('s', Some('s')),
        _ => (c, None),
    };
    std::iter::once(first).chain(second)
}

/// Whether a character folds to itself and starts a new cluster. It covers the most frequent letters outside ASCII,
/// so that they need no lookup.
fn is_plain(c: char) -> bool {
    matches!(
        c,
        // Greek, Cyrillic, Hebrew, Arabic, Devanagari.
        '\u{3b1}'..='\u{3c1}' | '\u{3c3}'..='\u{3c9}' | '\u{430}'..='\u{438}' | '\u{43a}'..='\u{44f}'
            | '\u{5d0}'..='\u{5ea}' | '\u{627}'..='\u{63a}' | '\u{641}'..='\u{64a}' | '\u{905}'..='\u{928}'
            | '\u{92a}'..='\u{930}'
            // Thai, Hiragana, Katakana, Han, Hangul.
            | '\u{e01}'..='\u{e30}' | '\u{e40}'..='\u{e46}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fe}'
            | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
    ) || c.is_ascii_whitespace()
}

/// Whether a character belongs to the cluster before it.
fn continues_cluster(c: char) -> bool {
    is_combining_mark(c)
        || is_ignorable(c)
        // Letters that belong to the one before them: the vowels and final consonants of a decomposed Korean
        // syllable, the voicing marks of halfwidth Katakana, a vowel of Kirat Rai.
        || matches!(c, '\u{1160}'..='\u{11ff}' | '\u{d7b0}'..='\u{d7fb}' | '\u{ff9e}' | '\u{ff9f}' | '\u{16d67}')
}

/// Invisible characters that do not separate words. Words of Indic scripts need the joiners.
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{1f3fb}'..='\u{1f3ff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Marks that readers ignore: accents of Latin, Greek and Cyrillic, vowel signs of Arabic, Hebrew and Syriac.
fn is_left_out(c: char) -> bool {
    is_ignorable(c)
        || matches!(
            c,
            '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
                | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
                | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
                | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}'
                | '\u{6df}'..='\u{6e8}' | '\u{6ea}'..='\u{6ed}' | '\u{8d3}'..='\u{8ff}' | '\u{711}' | '\u{730}'..='\u{74a}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let (mut folded, mut at) = (String::new(), 0);
        while at < text.len() {
            let end = cluster_end(text, at);
            fold_into(&text[at..end], &mut folded);
            at = end;
        }
        folded
    }

    #[test]
    fn equal_spellings_fold_to_one() {
        let same = [
            ("Straße STRASSE STRAẞE", "strasse strasse strasse"),
            ("Ελλάδα ΕΛΛΑΔΑ Σοφός", "ελλαδα ελλαδα σοφοσ"),
            ("Ёлка за\u{301}мок Київ", "елка замок киів"),
            ("tiếng Việt đồng", "tieng viet dong"),
            ("Ørsted Łódź Æsir œuvre", "orsted lodz aesir oeuvre"),
            ("Ｄｅｐｌｏｙ １２", "deploy 12"),
            ("ﬁle Ⅷ", "file viii"),
            ("İstanbul ısı", "istanbul isi"),
            ("مُحَمَّد أحمد عـــلم", "محمد احمد علم"),
            ("שָׁלוֹם", "שלום"),
            ("ﾊﾟｿｺﾝ ハ\u{309a}ソコン", "パソコン パソコン"),
            ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}", "한국"),
            ("co\u{ad}operate 👩🏽\u{fe0f}", "cooperate 👩"),
        ];
        for (text, expected) in same {
            let expected: String = expected.nfc().collect();
            assert_eq!(folded(text), expected, "{text}");
            assert_eq!(folded(&text.nfd().collect::<String>()), expected, "{text}, taken apart");
            assert_eq!(folded(&folded(text)), expected, "{text}, twice");
        }
    }

    #[test]
    fn a_letter_folds_like_its_uppercase_and_lowercase_forms() {
        for c in ('\0'..=char::MAX).filter(|c| !continues_cluster(*c)) {
            let own = folded(&c.to_string());
            for other in [c.to_uppercase().to_string(), c.to_lowercase().to_string()] {
                // Several capital letters may replace one letter with marks, for example `ΑΙ` for `ᾳ`.
                if other.chars().count() == 1 {
                    assert_eq!(folded(&other), own, "{c} and {other}");
                }
            }
        }
    }

    #[test]
    fn marks_that_distinguish_letters_are_kept() {
        for (one, other) in [("が", "か"), ("हिन्दी", "हनद"), ("กี่", "กี"), ("ད", "དི")]
        {
            assert_ne!(folded(one), folded(other));
        }
    }

    #[test]
    fn a_plain_letter_folds_like_any_other() {
        for c in ('\0'..=char::MAX).filter(|c| is_plain(*c)) {
            let full: String =
                [c].into_iter().nfkd().filter(|c| !is_left_out(*c)).flat_map(without_case).nfc().collect();
            assert_eq!(full, c.to_string());
            assert!(!continues_cluster(c), "{c}");
        }
    }

    #[test]
    fn any_number_of_marks_belongs_to_one_cluster() {
        let text = format!("a{}b", "\u{301}".repeat(100_000));
        assert_eq!(cluster_end(&text, 0), 200_001);
        assert_eq!(folded(&text), "ab");
    }
}
