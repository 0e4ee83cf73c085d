//! Completes the stored response of `start_day`. SQL cuts the executive summary that exceeds the limit after a byte, and
//! marks it. Here it is cut at a paragraph. A replay completes the same stored response in the same way.

use deckwatch_protocol::cut;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The last member of a summary that SQL cut. A text can't contain it, because the quotes in a text are escaped.
const MARK: &str = ",\"cut_at_byte\":true";

#[derive(Deserialize)]
struct Day<'a> {
    #[serde(borrow)]
    executive_summaries: Summaries<'a>,
}

#[derive(Deserialize)]
struct Summaries<'a> {
    #[serde(borrow)]
    items: Vec<Summary<'a>>,
}

#[derive(Deserialize)]
struct Summary<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
    #[serde(default)]
    cut_at_byte: bool,
}

/// The response with its cut summary at the end of a paragraph. A response without a cut summary does not change.
pub(crate) fn complete(stored: String) -> Result<String, serde_json::Error> {
    if !stored.contains(MARK) {
        return Ok(stored);
    }
    let day: Day<'_> = serde_json::from_str(&stored)?;
    let Some(summary) = day.executive_summaries.items.iter().find(|summary| summary.cut_at_byte) else {
        return Ok(stored);
    };
    let content = summary.content.get();
    let text: String = serde_json::from_str(content)?;
    let start = content.as_ptr().addr() - stored.as_ptr().addr();
    let (before, after) = stored.split_at(start);
    let after = after.strip_prefix(content).unwrap_or(after).replacen(MARK, "", 1);
    Ok(format!("{before}{}{after}", serde_json::Value::from(cut::at_paragraph(&text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marked_summary_is_cut_and_only_its_text_changes() {
        let stored = concat!(
            r#"{"z":"one\n\ntwo\n\nth","executive_summaries":{"total":2,"items":[{"content":"one\n\ntwo\n\nth","#,
            r#""truncated":false},{"content":"one\n\ntwo\n\nth","truncated":true,"cut_at_byte":true}]},"a":[1]}"#
        );
        let completed = concat!(
            r#"{"z":"one\n\ntwo\n\nth","executive_summaries":{"total":2,"items":[{"content":"one\n\ntwo\n\nth","#,
            r#""truncated":false},{"content":"one\n\ntwo","truncated":true}]},"a":[1]}"#
        );
        assert_eq!(complete(stored.to_owned()).unwrap(), completed);
        assert_eq!(complete(completed.to_owned()).unwrap(), completed, "a response of an older version is complete");
    }

    #[test]
    fn a_text_that_looks_like_the_mark_changes_nothing() {
        let text = r#","cut_at_byte":true"#;
        let day = serde_json::json!({ "title": text, "executive_summaries": { "items": [{ "content": text }] } });
        assert_eq!(complete(day.to_string()).unwrap(), day.to_string());
    }
}
