//! What a character is to a search.

/// How text of a kind is cut into what can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of a word between spaces.
    Word,
    /// Part of a text without spaces between its words, or with endings on them: any two neighbours can be looked for.
    Unspaced,
    /// A word of its own.
    Symbol,
    /// What stands between words.
    Between,
}

/// The kind of a character.
pub(super) fn kind(c: char) -> Kind {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Kind::Word } else { Kind::Between };
    }
    if is_symbol(c) {
        return Kind::Symbol;
    }
    match c.is_alphanumeric() {
        true if is_unspaced(c) => Kind::Unspaced,
        true => Kind::Word,
        false => Kind::Between,
    }
}

/// Scripts whose words stand without spaces: of East Asia, and of mainland South East Asia and Java. Korean has spaces, but
/// particles on its words, and names written together.
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

/// Emoji and other pictures.
fn is_symbol(c: char) -> bool {
    matches!(
        c,
        '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}'
            | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1f0ff}' | '\u{1f16a}'..='\u{1f2ff}' | '\u{1f300}'..='\u{1faff}'
            // Emoji among other signs: `© ® ‼ ⁉ ™ 〰 〽 ㊗ ㊙`.
            | '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ranges of `Emoji=Yes` in Unicode, without ASCII and without the blocks that have little else.
    #[test]
    fn every_emoji_is_found() {
        let emoji =
            "©®‼⁉™ℹ↔↩⌚⏏⏰Ⓜ▪▶◻☀♻✂❤➕⤴⤵⬅⬛⭐⭕〰〽㊗㊙🀄🃏🅰🅱🅾🅿🆎🆑🆕🆘🆗🆚🇦🇿🈁🈂🈚🈯🈲🈷🈺🉐🉑🌀🔽🗨😀🚀🛸🟠🟰🤌🧿🩰🫶";
        for c in emoji.chars() {
            assert!(matches!(kind(c), Kind::Symbol | Kind::Word), "{c}");
        }
    }
}
