//! What a document calls itself, when nobody says what it is called.

use serde::Deserialize;

use crate::text::DocTitle;

/// The first heading of markdown, outside of front matter and of code.
pub(crate) fn of_markdown(text: &str) -> Option<String> {
    let mut fence: Option<&str> = None;
    let mut before = "";
    for line in body(text).lines() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let line = line.trim();
        if let Some(open) = fence {
            if line.starts_with(open) {
                fence = None;
            }
        } else if indent < 4 {
            fence = fence_of(line);
            let underlined = !line.is_empty() && line.bytes().all(|b| b == b'=') && !before.is_empty();
            let found = if underlined { one_line(before) } else { heading(line).and_then(one_line) };
            if found.is_some() {
                return found;
            }
        }
        before = line;
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

/// What follows the front matter, if there is one: a comment in it is no heading.
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

/// How the block of code ends that a line opens.
fn fence_of(line: &str) -> Option<&'static str> {
    ["```", "~~~"].into_iter().find(|fence| line.starts_with(fence))
}

/// What stands behind up to six `#`, without those that close it.
fn heading(line: &str) -> Option<&str> {
    let said = line.trim_start_matches('#');
    let level = line.len() - said.len();
    if !(1..=6).contains(&level) || !(said.is_empty() || said.starts_with([' ', '\t'])) {
        return None;
    }
    let open = said.trim_end_matches('#');
    Some(if open.is_empty() || open.ends_with([' ', '\t']) { open } else { said })
}

/// The text as a title: one line, as long as a title may be. `None` when nothing is left.
fn one_line(text: &str) -> Option<String> {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let title: String = words.join(" ").chars().take(DocTitle::MAX_CHARS).collect();
    let title = title.trim_end();
    (!title.is_empty()).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_called_what_its_first_heading_says() {
        let called = [
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
        for (text, title) in called {
            assert_eq!(of_markdown(text).as_deref(), title, "{text:?}");
        }
    }

    #[test]
    fn json_is_called_what_its_member_title_says() {
        assert_eq!(of_json(r#"{"a":1,"title":" The\nplan "}"#).as_deref(), Some("The plan"));
        for text in ["{}", "[1]", r#"{"title":7}"#, r#"{"title":""}"#, r#"{"title":"a","title":"b"}"#, "no json"] {
            assert_eq!(of_json(text), None, "{text}");
        }
    }

    #[test]
    fn a_title_that_was_found_is_one_that_could_be_given() {
        let long = format!("# {}", "😀 ".repeat(500));
        let title = of_markdown(&long).unwrap();
        assert!(title.parse::<DocTitle>().is_ok(), "{} characters", title.chars().count());
    }
}
