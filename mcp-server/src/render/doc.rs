//! Documents: a piece of one, lists of them, and the names to suggest for a missing one.

use std::borrow::Cow;

use deckwatch_client::doc_copies::DocCopy;
use deckwatch_machine::clock::ago;
use deckwatch_protocol::{Doc, DocName, DocScope, DocSummary, DocText, Timestamp};

use super::budget::clip;
use super::fence::Fence;
use super::next_page::LAST_PAGE;
use super::part::{Cut, Group, Part, Total};
use super::piece::{Piece, StoredText};

const TITLE_COST: usize = 240;
/// The limit for the name of a document in a list.
const NAME_COST: usize = 170;
const LISTED_TITLE_COST: usize = 60;
const CAUSE_COST: usize = 300;
/// How many names to suggest for a missing document.
const NAMED: usize = 20;

/// The document from character `offset`, as much as fits into `limit`.
pub(crate) fn piece(stored: &DocText, offset: usize, now: Timestamp, fence: &Fence, limit: usize) -> Piece {
    let doc = &stored.doc;
    let (scope, name) = (clip(&fence.line(&doc.summary.scope), 40), clip(&fence.line(&doc.summary.name), 130));
    let title = fence.line(&doc.summary.title);
    let above = (title != name).then(|| format!("title: {}", clip(&title, TITLE_COST)));
    let again = format!("doc with name {name}, scope {scope} and");
    let stored_text =
        StoredText { holds: "document", above: above.into_iter().collect(), text: &stored.content, again };
    stored_text.piece(|characters| about(doc, &scope, &name, characters, now, fence), offset, fence, limit)
}

/// The copy of a document on this machine, from character `offset`. `why` says why the API's document is not shown.
pub(crate) fn piece_of_copy(
    (scope, name): (&DocScope, &DocName),
    copy: &DocCopy,
    why: &str,
    offset: usize,
    now: Timestamp,
    fence: &Fence,
    limit: usize,
) -> Piece {
    let (age, at) = (ago(copy.confirmed_at, now), copy.confirmed_at);
    let about = format!(
        "STALE: this is the copy of document {scope}/{name} on this machine. It was equal to the API's document {age} \
         ({at}). The API did not send the document. {}",
        clip(why, CAUSE_COST)
    );
    let again = format!("doc with name {name}, scope {scope} and");
    let stored_text = StoredText { holds: "document", above: Vec::new(), text: &copy.content, again };
    stored_text.piece(|_| about.clone(), offset, fence, limit)
}

/// A page of the list of documents. `more` is the note about the next page.
pub(crate) fn list_part(
    docs: &[DocSummary],
    total: Total,
    more: Cow<'static, str>,
    now: Timestamp,
    fence: &Fence,
) -> Part {
    let items = docs.iter().map(|doc| vec![list_line(doc, now, fence)]).collect();
    Part {
        heading: format!("## Documents: {total}"),
        remark: Some("Call `doc` with a name to read one.".to_owned()),
        holds: "names and titles of documents",
        groups: vec![Group::of("documents", items, total, Cut::Never)],
        more,
    }
}

/// A document in a list: name, title, version, size and age.
pub(crate) fn list_line(doc: &DocSummary, now: Timestamp, fence: &Fence) -> String {
    let name = clip(&fence.line(&format!("{}/{}", doc.scope, doc.name)), NAME_COST);
    let title = clip(&fence.line(&doc.title), LISTED_TITLE_COST);
    let kilobytes = doc.size_bytes.div_ceil(1024);
    format!("{name}: {title} (version {}, {kilobytes} KB, {})", doc.version, ago(doc.updated_at, now))
}

/// The copies on this machine, from a page on.
pub(crate) fn copies_part(
    copies: &[(DocScope, DocName, Timestamp)],
    total: Total,
    now: Timestamp,
    fence: &Fence,
) -> Part {
    let item = |(scope, name, at): &(DocScope, DocName, Timestamp)| {
        vec![format!("{}, equal to the API's document {}", fence.line(&format!("{scope}/{name}")), ago(*at, now))]
    };
    let items: Vec<Vec<String>> = copies.iter().map(item).collect();
    Part {
        heading: format!("## Copies of documents on this machine: {total}"),
        remark: Some("Call `doc` with a name to read one.".to_owned()),
        holds: "names of documents",
        groups: vec![Group::of("copies", items, total, Cut::Never)],
        more: LAST_PAGE.into(),
    }
}

fn about(doc: &Doc, scope: &str, name: &str, characters: usize, now: Timestamp, fence: &Fence) -> String {
    let by = clip(&fence.line(&doc.actor_key_id), 16);
    let source = doc.source_repo.as_ref().map_or(String::new(), |repo| format!(", generated from {repo}"));
    format!(
        "Document {scope}/{name}, version {}, {} bytes, {characters} characters, by key {by}, changed {} ({}){source}",
        doc.summary.version,
        doc.summary.size_bytes,
        ago(doc.summary.updated_at, now),
        doc.summary.updated_at,
    )
}

/// The names of existing documents, the most similar to `wanted` first.
pub(crate) fn names_part(docs: &[DocSummary], total: Total, wanted: &DocName, fence: &Fence) -> Part {
    let mut docs: Vec<&DocSummary> = docs.iter().collect();
    docs.sort_by_key(|doc| (std::cmp::Reverse(similarity(&doc.name, wanted.as_str())), &doc.scope, &doc.name));
    let name = |doc: &&DocSummary| vec![clip(&fence.line(&format!("{}/{}", doc.scope, doc.name)), 180)];
    let items = docs.iter().take(NAMED).map(name).collect();
    Part {
        heading: format!("## Existing documents: {total}"),
        remark: None,
        holds: "names of documents",
        groups: vec![Group::of("names", items, total, Cut::Never)],
        more: "Call `doc` without a name to list them all.".into(),
    }
}

/// The similarity of two names: the number of common words, then the length of the common beginning.
fn similarity(name: &str, wanted: &str) -> (usize, usize) {
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
    fn similar_names_come_first() {
        let mut names = ["zebra.md", "deploy.md", "API.md", "api-errors.md"];
        names.sort_by_key(|name| std::cmp::Reverse(similarity(name, "api.md")));
        assert_eq!(names, ["API.md", "api-errors.md", "zebra.md", "deploy.md"]);
    }
}
