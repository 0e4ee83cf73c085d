//! Cuts texts that are too long. Every text that the API shortens is cut here.

/// The first `max` characters of `text`.
pub fn to_chars(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// `part`, the beginning of a longer text, up to the end of its last whole paragraph. If that is in its first half, up
/// to the end of its last whole line. If that is in its first half too, all of it.
pub fn at_paragraph(part: &str) -> &str {
    let half = part.floor_char_boundary(part.len() / 2);
    let second = part.get(half..).unwrap_or_default();
    let end = second.rfind("\n\n").or_else(|| second.rfind('\n')).map_or(part.len(), |at| half + at);
    part.get(..end).unwrap_or(part).trim_end_matches('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_after_whole_characters() {
        assert_eq!([0, 1, 2, 3, 4].map(|max| to_chars("a語b", max)), ["", "a", "a語", "a語b", "a語b"]);
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
