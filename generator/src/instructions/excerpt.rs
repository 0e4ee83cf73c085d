//! The beginning of a text, cut where a part ends, with the headings of what was left out.

/// How many headings are named.
const HEADINGS: usize = 12;
/// Characters of a heading.
const HEADING: usize = 60;

/// `text` within `limit` bytes, cut between paragraphs where one ends late enough.
pub(super) fn of(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (head, _) = text.split_at(end);
    let cut = head.rfind("\n\n").filter(|cut| *cut > limit / 2).unwrap_or(end);
    let (head, rest) = text.split_at(cut);
    let headings = headings(rest);
    let about = if headings.is_empty() { String::new() } else { format!(": {}", headings.join("; ")) };
    format!("{}\n\n[{} more bytes left out{about}]", head.trim_end(), rest.len())
}

/// The headings outside of code.
fn headings(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && line.starts_with('#') && found.len() < HEADINGS {
            found.push(line.trim_start_matches('#').trim().chars().take(HEADING).collect());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_paragraphs_and_says_what_follows() {
        let text = format!("{}\n\n## Later\n\n```\n# not one\n```\n## Last\n{}", "ü".repeat(60), "x".repeat(100));
        assert_eq!(of(&text, 130), format!("{}\n\n[138 more bytes left out: Later; Last]", "ü".repeat(60)));
        assert_eq!(of("short", 5), "short");
        assert!(of(&"ü".repeat(100), 51).starts_with(&"ü".repeat(25)));
    }
}
