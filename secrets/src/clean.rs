//! Makes stored text safe to display: removes escape sequences and invisible characters.
//!
//! Texts are displayed in this form, and they are also searched for secrets in this form. So removing a character can't
//! reveal a secret that the search missed.

/// The text without escape sequences, control characters, invisible characters and characters that change the direction
/// of writing. Line breaks of every kind become `\n`, tabs become spaces.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_until_final(&mut rest),
            '\r' => {
                rest.next_if_eq(&'\n');
                out.push('\n');
            }
            '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\t' => out.push(' '),
            c if c.is_control() || is_invisible(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// The cleaned text on one line.
pub fn clean_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The cleaned text without joiners and variation selectors, which [`clean`] keeps because emoji and some scripts need
/// them.
pub fn clean_without_joiners(text: &str) -> String {
    let is_joiner = |c| matches!(c, '\u{34f}' | '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}');
    clean(text).replace(is_joiner, "")
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips the rest of an escape sequence, after its escape character: a control sequence, a string, or one character.
fn skip_escape(rest: &mut Chars) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_until_final(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        Some(c) if c.is_ascii_graphic() => {
            rest.next();
        }
        _ => {}
    }
}

fn skip_until_final(rest: &mut Chars) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    rest.next_if(|c| matches!(c, '@'..='~'));
}

/// Skips a string of an escape sequence. A string without an end stops at the end of the line, so that the text after
/// it is kept.
fn skip_string(rest: &mut Chars) {
    while let Some(c) = rest.next_if(|c| *c != '\n') {
        if c == '\u{7}' {
            return;
        }
        if c == '\u{1b}' {
            rest.next_if_eq(&'\\');
            return;
        }
    }
}

/// Whether a character is invisible. Joiners that emoji and some scripts need don't count.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_removed_completely() {
        assert_eq!(clean("\u{1b}[31;1mred\u{1b}[0m \u{9b}2Jgone"), "red gone");
        assert_eq!(clean("\u{1b}]8;;https://evil\u{7}link\u{1b}]8;;\u{1b}\\ \u{1b}cend"), "link end");
        assert_eq!(clean("\u{1b}]0;never closed\nnext line"), "\nnext line");
        assert_eq!(clean("tail \u{1b}"), "tail ");
    }

    #[test]
    fn invisible_characters_are_removed() {
        assert_eq!(clean("a\u{202e}b\u{2066}c\u{200b}d\u{feff}e\0f\u{7}g\u{8}h\u{7f}"), "abcdefgh");
        let smuggled: String = "ignore".chars().map(|c| char::from_u32(0xe0000 + c as u32).unwrap()).collect();
        assert_eq!(clean(&format!("x{smuggled}y")), "xy");
    }

    #[test]
    fn line_breaks_of_every_kind_become_one_and_joiners_are_kept() {
        assert_eq!(clean("a\r\nb\rc\u{2028}d\u{85}e\tf"), "a\nb\nc\nd\ne f");
        assert_eq!(clean_line("  a\n\n b\u{2029}c  "), "a b c");
        assert_eq!(clean("👩\u{200d}💻 ü 漢字"), "👩\u{200d}💻 ü 漢字");
        assert_eq!(clean_without_joiners("a\u{200d}b\u{fe0f}c\u{200b}d ü 漢字"), "abcd ü 漢字");
    }
}
