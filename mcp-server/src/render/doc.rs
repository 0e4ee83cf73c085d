//! Documents: one of them, a piece at a time, and the names that are there where one is missing.

use deckwatch_protocol::{Doc, DocName, DocSummary, DocText, Timestamp};

use super::age::ago;
use super::budget::clip;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};
use super::piece::{Piece, Whole};

const TITLE_COST: usize = 240;
/// How many names are told where one is missing.
const NAMED: usize = 20;

/// The document from the character `offset` on, as much as fits into `limit`.
pub(crate) fn piece(stored: &DocText, offset: usize, now: Timestamp, fence: &Fence, limit: usize) -> Piece {
    let doc = &stored.doc;
    let (scope, name) = (clip(&fence.line(&doc.summary.scope), 40), clip(&fence.line(&doc.summary.name), 130));
    let title = fence.line(&doc.summary.title);
    let above = (title != name).then(|| format!("title: {}", clip(&title, TITLE_COST)));
    let again = format!("doc with name {name}, scope {scope} and");
    let whole = Whole { holds: "document", above: above.into_iter().collect(), text: &stored.content, again };
    whole.piece(|characters| about(doc, &scope, &name, characters, now, fence), offset, fence, limit)
}

fn about(doc: &Doc, scope: &str, name: &str, characters: usize, now: Timestamp, fence: &Fence) -> String {
    let by = clip(&fence.line(&doc.actor_key_id), 16);
    let source = doc.source_repo.as_ref().map_or(String::new(), |repo| format!(", made from {repo}"));
    format!(
        "Document {scope}/{name}, version {}, {} bytes, {characters} characters, by key {by}, changed {} ({}){source}",
        doc.summary.version,
        doc.summary.size_bytes,
        ago(doc.summary.updated_at, now),
        doc.summary.updated_at,
    )
}

/// The names that are there, those that are most like `wanted` first.
pub(crate) fn names_part(docs: &[DocSummary], total: Total, wanted: &DocName, fence: &Fence) -> Part {
    let mut docs: Vec<&DocSummary> = docs.iter().collect();
    docs.sort_by_key(|doc| (std::cmp::Reverse(likeness(&doc.name, wanted.as_str())), &doc.scope, &doc.name));
    let name = |doc: &&DocSummary| vec![clip(&fence.line(&format!("{}/{}", doc.scope, doc.name)), 180)];
    let items = docs.iter().take(NAMED).map(name).collect();
    Part {
        heading: format!("## Documents that are there: {total}"),
        remark: None,
        holds: "names of documents",
        groups: vec![Group::of("names", items, total, Cut::Never)],
        more: "The API lists them all: GET /v1/docs.".into(),
    }
}

/// How much of two names is the same: words that they share, then letters at their beginning.
fn likeness(name: &str, wanted: &str) -> (usize, usize) {
    let (name, wanted) = (name.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 2).map(str::to_owned).collect()
    };
    let asked = words(&wanted);
    let shared = words(&name).iter().filter(|word| asked.contains(word)).count();
    let beginning = name.bytes().zip(wanted.bytes()).take_while(|(a, b)| a == b).count();
    (shared, beginning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_alike_come_first() {
        let mut names = ["zebra.md", "deploy.md", "API.md", "api-errors.md"];
        names.sort_by_key(|name| std::cmp::Reverse(likeness(name, "api.md")));
        assert_eq!(names, ["API.md", "api-errors.md", "zebra.md", "deploy.md"]);
    }
}
