//! Cuts texts that are too long. Every text that a person or an agent reads is cut here, and so is every name that is
//! made from a longer one.
//!
//! A text is cut in two steps. A function `to_…` finds the longest beginning within a limit. A function `at_…` then
//! shortens this part to whole words, lines or paragraphs.

use std::borrow::Cow;

/// Marks the place where a text was cut.
pub const ELLIPSIS: char = '…';

/// The first `max` characters of `text`.
pub fn to_chars(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The first `max` bytes of `text`, or a few less, so that the last character is whole.
pub fn to_bytes(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

/// The longest beginning of `text` whose characters cost at most `room` together.
pub fn to_cost(text: &str, room: usize, mut cost: impl FnMut(char) -> usize) -> &str {
    let mut spent = 0_usize;
    let end = text.char_indices().find(|(_, c)| {
        spent = spent.saturating_add(cost(*c));
        spent > room
    });
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The last `max` characters of `text`.
pub fn to_last_chars(text: &str, max: usize) -> &str {
    let Some(before) = max.checked_sub(1) else { return "" };
    text.char_indices().nth_back(before).and_then(|(start, _)| text.get(start..)).unwrap_or(text)
}

/// `text`, or its beginning and an ellipsis, in at most `max` characters.
pub fn with_ellipsis(text: &str, max: usize) -> Cow<'_, str> {
    if to_chars(text, max).len() == text.len() {
        return Cow::Borrowed(text);
    }
    let Some(room) = max.checked_sub(1) else { return Cow::Borrowed("") };
    Cow::Owned(format!("{}{ELLIPSIS}", to_chars(text, room).trim_end()))
}

/// `part`, the beginning of a longer text, up to the end of its last whole word. If that is in its first half, all of
/// it.
pub fn at_word(part: &str) -> &str {
    let end = part.rfind(char::is_whitespace).filter(|end| *end * 2 > part.len());
    end.and_then(|end| part.get(..end)).unwrap_or(part)
}

/// `part`, the beginning of a longer text, up to the end of its last whole line, with its line break. If that is in its
/// first half, all of it.
pub fn at_line(part: &str) -> &str {
    let end = part.rfind('\n').filter(|end| *end * 2 > part.len());
    end.and_then(|end| part.get(..=end)).unwrap_or(part)
}

/// `part`, the beginning of a longer text, up to the end of its last whole paragraph. If that is in its first half, up
/// to the end of its last whole line. If that is in its first half too, all of it.
pub fn at_paragraph(part: &str) -> &str {
    let at_line = || part.rfind('\n').filter(|end| *end >= part.len() / 2).and_then(|end| part.get(..end));
    whole_paragraphs(part, part.len()).or_else(at_line).unwrap_or(part).trim_end_matches('\n')
}

/// The whole paragraphs in the first `limit` bytes of `text`. `None` if they are less than half of these bytes.
pub fn whole_paragraphs(text: &str, limit: usize) -> Option<&str> {
    const BREAK: &str = "\n\n";
    // A paragraph may end at the limit. Then the break after it lies behind the limit.
    let end = to_bytes(text, limit.saturating_add(BREAK.len())).rfind(BREAK)?;
    let is_enough = end >= limit.min(text.len()) / 2;
    is_enough.then(|| text.get(..end).unwrap_or(text).trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_after_whole_characters() {
        assert_eq!([0, 1, 2, 3, 4].map(|max| to_chars("a語b", max)), ["", "a", "a語", "a語b", "a語b"]);
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(|max| to_bytes("a語b", max)), ["", "a", "a", "a", "a語", "a語b", "a語b"]);
        assert_eq!([0, 1, 2, 3, 4].map(|max| to_last_chars("a語b", max)), ["", "b", "語b", "a語b", "a語b"]);
        let cost = |c: char| if c == '語' { 2 } else { 1 };
        assert_eq!([0, 1, 2, 3, 4].map(|room| to_cost("a語b", room, cost)), ["", "a", "a", "a語", "a語b"]);
    }

    #[test]
    fn an_ellipsis_stands_only_after_a_cut_and_counts() {
        assert_eq!([0, 1, 2, 3, 4].map(|max| with_ellipsis("a語b", max)), ["", "…", "a…", "a語b", "a語b"]);
        assert_eq!(with_ellipsis("one two", 5), "one…");
    }

    #[test]
    fn a_part_ends_with_a_whole_word_or_line_that_keeps_more_than_half() {
        assert_eq!(["one two thr", "a longword", "語語 語", ""].map(at_word), ["one two", "a longword", "語語", ""]);
        assert_eq!(["one\ntwo\nth", "a\nlong line", ""].map(at_line), ["one\ntwo\n", "a\nlong line", ""]);
    }

    #[test]
    fn a_paragraph_that_ends_at_the_limit_is_whole() {
        let text = "one\n\ntwo\n\nthree";
        let kept = [Some("one"), Some("one"), Some("one"), Some("one\n\ntwo"), Some("one\n\ntwo")];
        assert_eq!([3, 4, 6, 8, 9].map(|limit| whole_paragraphs(text, limit)), kept);
        assert_eq!([0, 2, 100].map(|limit| whole_paragraphs(text, limit)), [None, None, Some("one\n\ntwo")]);
        assert_eq!(whole_paragraphs("a\n\na long paragraph", 9), None, "less than half");
    }

    #[test]
    fn a_part_ends_with_a_whole_paragraph_or_line_that_keeps_at_least_half() {
        for (part, cut) in [
            ("one\n\ntwo\n\nthr", "one\n\ntwo"),
            ("one two\n\n\n\nthr", "one two"),
            ("one\ntwo two\nth", "one\ntwo two"),
            ("a\n\nlong long long text", "a\n\nlong long long text"),
            ("a\n\nlong long\nlong", "a\n\nlong long"),
            ("語\n\n語語語語\n\n語", "語\n\n語語語語"),
            ("語語語", "語語語"),
            ("語語\n", "語語"),
            ("\n\n", ""),
            ("", ""),
        ] {
            assert_eq!(at_paragraph(part), cut, "{part:?}");
        }
    }
}
