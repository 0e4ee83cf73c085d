//! Cuts a long text between paragraphs and lists the headings of the rest.

use deckwatch_protocol::cut;

/// The maximum number of headings that are listed.
const MAX_HEADINGS: usize = 12;
/// The maximum length of a heading, in characters.
const MAX_HEADING_CHARS: usize = 60;

/// The first `limit` bytes of `text`, cut between two paragraphs or two lines if that loses less than half.
pub(super) fn of(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let head = cut::at_paragraph(cut::to_bytes(text, limit));
    let rest = text.get(head.len()..).unwrap_or_default();
    let headings = headings(rest);
    let headings = if headings.is_empty() { String::new() } else { format!(": {}", headings.join("; ")) };
    format!("{}\n\n[{} more bytes are left out{headings}]", head.trim_end(), rest.len())
}

/// The headings of a text. Code blocks are skipped.
fn headings(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && line.starts_with('#') && found.len() < MAX_HEADINGS {
            found.push(cut::with_ellipsis(line.trim_start_matches('#').trim(), MAX_HEADING_CHARS).into_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_paragraphs_and_lists_the_next_headings() {
        let text = format!("{}\n\n## Later\n\n```\n# not one\n```\n## Last\n{}", "ü".repeat(60), "x".repeat(100));
        assert_eq!(of(&text, 130), format!("{}\n\n[138 more bytes are left out: Later; Last]", "ü".repeat(60)));
        assert_eq!(of("short", 5), "short");
        assert!(of(&"ü".repeat(100), 51).starts_with(&"ü".repeat(25)));
    }
}
