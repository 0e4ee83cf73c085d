//! Folding: one spelling for all that readers take for the same.
//!
//! A text is folded cluster by cluster, where a cluster is a character with the marks behind it, so that each folded
//! piece still knows its place in the text.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// More characters of a cluster, or of its folded form, are left out. No script stacks as many marks on a letter, and only `ﷺ`
/// stands for more letters.
const MAX_CLUSTER: usize = 8;
/// The work of a character that folds to itself.
const PLAIN_WORK: usize = 2;
/// The work of each character of a decomposed cluster.
const DECOMPOSED_WORK: usize = 6;

/// Characters with the marks that belong to them, from `at` on: the end of the first cluster.
pub(super) fn cluster_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    // Most text is ASCII, where no character continues another.
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

/// Whether a text begins with the two characters that `ำ` of Thai, or that of Lao, decomposes to. The first alone is a mark of the
/// character before it.
fn starts_with_am(text: &str) -> bool {
    text.starts_with("\u{e4d}\u{e32}") || text.starts_with("\u{ecd}\u{eb2}")
}

/// Appends the folded form of a cluster: compatibility forms as the usual ones without their punctuation, small letters,
/// without the marks that readers leave out. What remains is composed, so that `が` and a syllable of Hangul are one
/// character each. Returns the work that this took, in the units of [`Pieces`](super::words::Pieces).
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

/// What a compatibility form has between words or around them: the parentheses of `⑴`, the full stop of `⒈`, the slash of
/// `½`, the spaces of `ﷺ`. The tokenizer of the index would cut a term there.
fn is_punctuation(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_alphanumeric() || c.is_whitespace() || c == '\u{2044}'
}

/// A letter without its case. To large letters first: `ß` is `SS` there, and both small sigmas are one.
fn without_case(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().flat_map(char::to_lowercase).flat_map(latin_base)
}

/// A Latin letter without its stroke, or the letters of a ligature, which Unicode does not take apart.
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
        // What `ẞ` becomes; the small letter alone has become `ss` on the way.
        'ß' => ('s', Some('s')),
        _ => (c, None),
    };
    std::iter::once(first).chain(second)
}

/// Whether a character folds to itself and continues no other: of the letters that make up most of what is not ASCII,
/// so that they need not be looked up.
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
        // Letters that are part of the one before them: the vowels and final consonants of a Korean syllable that is taken
        // apart, the voicing marks of narrow Katakana, a vowel of Kirat Rai.
        || matches!(c, '\u{1160}'..='\u{11ff}' | '\u{d7b0}'..='\u{d7fb}' | '\u{ff9e}' | '\u{ff9f}' | '\u{16d67}')
}

/// Characters that show nothing and part no words. The joiners are needed within words of Indic scripts.
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{1f3fb}'..='\u{1f3ff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Marks that readers leave out: accents of Latin, Greek and Cyrillic, vowel signs of Arabic, Hebrew and Syriac.
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
    fn what_readers_take_for_the_same_is_folded_into_one() {
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
    fn a_letter_is_folded_as_its_capital_and_its_small_letter_are() {
        for c in ('\0'..=char::MAX).filter(|c| !continues_cluster(*c)) {
            let own = folded(&c.to_string());
            for other in [c.to_uppercase().to_string(), c.to_lowercase().to_string()] {
                // Several capital letters may stand for one that has marks, as `ΑΙ` for `ᾳ`.
                if other.chars().count() == 1 {
                    assert_eq!(folded(&other), own, "{c} and {other}");
                }
            }
        }
    }

    #[test]
    fn marks_that_make_another_letter_stay() {
        for (one, other) in [("が", "か"), ("हिन्दी", "हनद"), ("กี่", "กี"), ("ད", "དི")]
        {
            assert_ne!(folded(one), folded(other));
        }
    }

    #[test]
    fn a_plain_letter_is_folded_as_any_other_would_be() {
        for c in ('\0'..=char::MAX).filter(|c| is_plain(*c)) {
            let full: String =
                [c].into_iter().nfkd().filter(|c| !is_left_out(*c)).flat_map(without_case).nfc().collect();
            assert_eq!(full, c.to_string());
            assert!(!continues_cluster(c), "{c}");
        }
    }

    #[test]
    fn any_number_of_marks_is_one_cluster() {
        let text = format!("a{}b", "\u{301}".repeat(100_000));
        assert_eq!(cluster_end(&text, 0), 200_001);
        assert_eq!(folded(&text), "ab");
    }
}
