//! Finds the title of a document in its content, for requests without a title.

use serde::Deserialize;

use crate::cut;
use crate::text::DocTitle;

/// The first heading of a Markdown text. Front matter and code blocks are skipped.
pub(crate) fn of_markdown(text: &str) -> Option<String> {
    let mut fence: Option<&str> = None;
    let mut previous = "";
    for line in body(text).lines() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let line = line.trim();
        if let Some(open) = fence {
            if line.starts_with(open) {
                fence = None;
            }
        } else if indent < 4 {
            fence = fence_of(line);
            let underlined = !line.is_empty() && line.bytes().all(|b| b == b'=') && !previous.is_empty();
            let found = if underlined { one_line(previous) } else { heading(line).and_then(one_line) };
            if found.is_some() {
                return found;
            }
        }
        previous = line;
    }
    None
}

/// The member `title` of a JSON object.
pub(crate) fn of_json(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Titled {
        title: String,
    }
    serde_json::from_str::<Titled>(text).ok().and_then(|titled| one_line(&titled.title))
}

/// The text after the front matter. A comment in front matter starts with `#`, but is not a heading.
fn body(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some((first, rest)) = text.split_once('\n').filter(|(first, _)| first.trim_end() == "---") else { return text };
    let mut read = first.len() + 1;
    for line in rest.split_inclusive('\n') {
        read += line.len();
        if matches!(line.trim_end(), "---" | "...") {
            return text.get(read..).unwrap_or_default();
        }
    }
    text
}

/// The fence that ends the code block, if the line opens one.
fn fence_of(line: &str) -> Option<&'static str> {
    ["```", "~~~"].into_iter().find(|fence| line.starts_with(fence))
}

/// The text of an ATX heading: what follows up to six `#`, without the closing `#` characters.
fn heading(line: &str) -> Option<&str> {
    let content = line.trim_start_matches('#');
    let level = line.len() - content.len();
    if !(1..=6).contains(&level) || !(content.is_empty() || content.starts_with([' ', '\t'])) {
        return None;
    }
    let without_closing = content.trim_end_matches('#');
    let is_closed = without_closing.is_empty() || without_closing.ends_with([' ', '\t']);
    Some(if is_closed { without_closing } else { content })
}

/// The text as a valid title: on one line, without control characters, cut to the maximum length. `None` if it is
/// empty.
fn one_line(text: &str) -> Option<String> {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    let title = cut::to_chars(&line, DocTitle::MAX_CHARS).trim_end();
    (!title.is_empty()).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_heading_is_the_title_of_markdown() {
        let cases = [
            ("# The API\n\n# Other", Some("The API")),
            ("intro\n\n### Deep  down ###\n", Some("Deep down")),
            ("\u{feff}---\ntitle: x\n# a comment\n---\n## After the matter", Some("After the matter")),
            ("```sh\n# a comment\n```\n# Real", Some("Real")),
            ("~~~\n# a\n```\n# b\n~~~\n   # Real #tag", Some("Real #tag")),
            ("    # code\n#no heading\n####### seven\n# ", None),
            ("The API\n=======\n", Some("The API")),
            ("---\n# never closed", Some("never closed")),
            ("# a\tb\u{7}c", Some("a b c")),
            ("====\nno title", None),
            ("", None),
        ];
        for (text, title) in cases {
            assert_eq!(of_markdown(text).as_deref(), title, "{text:?}");
        }
    }

    #[test]
    fn the_member_title_is_the_title_of_json() {
        assert_eq!(of_json(r#"{"a":1,"title":" The\nplan "}"#).as_deref(), Some("The plan"));
        for text in ["{}", "[1]", r#"{"title":7}"#, r#"{"title":""}"#, r#"{"title":"a","title":"b"}"#, "no json"] {
            assert_eq!(of_json(text), None, "{text}");
        }
    }

    #[test]
    fn a_title_from_the_content_is_valid() {
        let long = format!("# {}", "😀 ".repeat(500));
        let title = of_markdown(&long).unwrap();
        assert!(title.parse::<DocTitle>().is_ok(), "{} characters", title.chars().count());
    }
}
