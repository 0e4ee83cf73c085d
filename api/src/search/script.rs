//! Classifies characters for the search.

/// How text of one kind is split into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A part of a word between spaces.
    Word,
    /// A part of a text without spaces between words, or with endings attached to words. Any two neighboring
    /// characters can be searched.
    Unspaced,
    /// A character that is a word of its own.
    Symbol,
    /// A separator between words.
    Separator,
}

/// The kind of a character.
pub(super) fn kind(c: char) -> Kind {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Kind::Word } else { Kind::Separator };
    }
    if is_symbol(c) {
        return Kind::Symbol;
    }
    match c.is_alphanumeric() {
        true if is_unspaced(c) => Kind::Unspaced,
        true => Kind::Word,
        false => Kind::Separator,
    }
}

/// Whether a character belongs to a script without spaces between words: scripts of East Asia, of mainland South
/// East Asia and of Java. Korean has spaces, but particles are attached to its words, and some names are written
/// without spaces.
fn is_unspaced(c: char) -> bool {
    matches!(
        c,
        // Thai, Lao, Myanmar, Khmer, Tai Le, New Tai Lue, Tai Tham, Balinese, Javanese, Tai Viet.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{1950}'..='\u{19ff}'
            | '\u{1a20}'..='\u{1aaf}' | '\u{1b00}'..='\u{1b7f}' | '\u{a980}'..='\u{a9ff}' | '\u{aa60}'..='\u{aadf}'
            // Hangul.
            | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}'
            // Han, Hiragana, Katakana, Bopomofo, Yi, Tangut, and their narrow and rare forms.
            | '\u{2e80}'..='\u{312f}' | '\u{31a0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{a4cf}'
            | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ffdc}' | '\u{16fe0}'..='\u{18dff}' | '\u{1aff0}'..='\u{1b2ff}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

/// Whether a character is an emoji or another picture.
fn is_symbol(c: char) -> bool {
    matches!(
        c,
        '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}'
            | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1f0ff}' | '\u{1f16a}'..='\u{1f2ff}' | '\u{1f300}'..='\u{1faff}'
            // Emoji outside the picture blocks: `© ® ‼ ⁉ ™ 〰 〽 ㊗ ㊙`.
            | '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the ranges of `Emoji=Yes` in Unicode, except ASCII and the blocks that contain little else.
    #[test]
    fn every_emoji_is_found() {
        let emoji =
            "©®‼⁉™ℹ↔↩⌚⏏⏰Ⓜ▪▶◻☀♻✂❤➕⤴⤵⬅⬛⭐⭕〰〽㊗㊙🀄🃏🅰🅱🅾🅿🆎🆑🆕🆘🆗🆚🇦🇿🈁🈂🈚🈯🈲🈷🈺🉐🉑🌀🔽🗨😀🚀🛸🟠🟰🤌🧿🩰🫶";
        for c in emoji.chars() {
            assert!(matches!(kind(c), Kind::Symbol | Kind::Word), "{c}");
        }
    }
}
