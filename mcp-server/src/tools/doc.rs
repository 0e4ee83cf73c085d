//! `doc`: lists documents, and reads one in pieces. `doc_audit` compares documents with the requirements.

use deckwatch_client::DocRead;
use deckwatch_client::api::{Api, ClientError};
use deckwatch_protocol::{Doc, DocFilter, DocName, DocScope, DocSummary, DocText, ErrorCode, Timestamp, Violations};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::doc_cursor::DocListCursor;
use super::{fence, now};
use crate::offline;
use crate::render::budget::line_cost;
use crate::render::fence::{Fence, WARNING};
use crate::render::next_page::ListPage;
use crate::render::part::Total;
use crate::render::{doc, next_page};
use crate::session::Keeper;
use crate::trouble::{Trouble, sentence};

/// The size limit of the report. The other fields need less than 500 characters.
const LIMIT: usize = 10_000;

/// The page size of the list. A whole page fits into the report.
const PAGE: u64 = 30;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    /// Such as api.md. Without it: the list.
    #[deserr(default)]
    name: Option<DocName>,
    /// A venture's code or `global`. Default: both.
    #[deserr(default)]
    scope: Option<DocScope>,
    #[deserr(default)]
    offset: Option<u32>,
    #[deserr(default)]
    cursor: Option<String>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// The document or the list, as text.
    pub(super) report: String,
    found: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<One>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<List>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct One {
    #[schemars(skip)]
    scope: DocScope,
    #[schemars(skip)]
    name: DocName,
    /// Absent for a copy on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    version: Option<u32>,
    #[schemars(skip)]
    characters: usize,
    /// Absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct List {
    #[schemars(skip)]
    shown: usize,
    total: usize,
    total_is_minimum: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn call(keeper: &Keeper, arguments: Arguments) -> Result<Facts, Trouble> {
    let facts = match arguments {
        Arguments { name: Some(_), cursor: Some(_), .. } => {
            return Err(Trouble::Arguments(Violations::at(
                "/cursor",
                "belongs to the list and can't be combined with name",
            )));
        }
        Arguments { name: None, offset: Some(_), .. } => {
            return Err(Trouble::Arguments(Violations::at("/offset", "needs name")));
        }
        Arguments { name: Some(name), scope, offset, .. } => {
            let offset = offset.map_or(0, |at| usize::try_from(at).unwrap_or(usize::MAX));
            match read(keeper, scope.clone(), &name, offset).await {
                Err(Trouble::Api(error)) if error.is_outage() => copy(keeper, scope, &name, offset, error).await?,
                read => read?,
            }
        }
        Arguments { scope, cursor, .. } => match list(keeper, scope.clone(), cursor.as_deref()).await {
            Err(Trouble::Api(error)) if error.is_outage() => copies(keeper, scope, cursor.as_deref(), error).await?,
            listed => listed?,
        },
    };
    Ok(facts)
}

async fn scopes(keeper: &Keeper, named: Option<DocScope>) -> Result<Vec<DocScope>, Trouble> {
    Ok(match named {
        Some(scope) => vec![scope],
        None => vec![DocScope::of(&keeper.identity.place().await?.venture.code), DocScope::global()],
    })
}

/// The same, if it is known without the API.
async fn scopes_without_api(keeper: &Keeper, named: Option<DocScope>) -> Result<Vec<DocScope>, Trouble> {
    match named {
        Some(scope) => Ok(vec![scope]),
        None => offline::scopes_without_api(&keeper.identity).await,
    }
}

async fn read(keeper: &Keeper, scope: Option<DocScope>, name: &DocName, offset: usize) -> Result<Facts, Trouble> {
    let (api, scopes) = (keeper.identity.api().await?, scopes(keeper, scope).await?);
    for scope in &scopes {
        if let Some(stored) = stored(api, scope, name).await? {
            return Ok(one(scope, name, &stored, offset, now(), &fence()));
        }
    }
    missing(api, &scopes, name, &fence()).await
}

/// Reads the copy on this machine, while the API does not answer.
async fn copy(
    keeper: &Keeper,
    scope: Option<DocScope>,
    name: &DocName,
    offset: usize,
    error: ClientError,
) -> Result<Facts, Trouble> {
    let scopes = scopes_without_api(keeper, scope).await?;
    let Some((scope, copy)) = offline::copy_of(&scopes, name).await? else { return Err(error.into()) };
    let why = sentence(&error);
    let room = LIMIT.saturating_sub(line_cost(WARNING) + 2);
    let piece = doc::piece_of_copy((&scope, name), &copy, &why, offset, now(), &fence(), room);
    let (characters, next_offset) = (piece.characters, piece.next_offset);
    let document = One { scope, name: name.clone(), version: None, characters, next_offset };
    let report = format!("{WARNING}\n\n{}", piece.lines.join("\n"));
    Ok(Facts { report, found: true, document: Some(document), list: None })
}

/// A page of the list. It lists one scope after the other.
async fn list(keeper: &Keeper, scope: Option<DocScope>, cursor: Option<&str>) -> Result<Facts, Trouble> {
    let cursor = cursor.map(DocListCursor::of_argument).transpose()?;
    let (api, scopes) = (keeper.identity.api().await?, scopes(keeper, scope).await?);
    if cursor.as_ref().is_some_and(|cursor| !scopes.contains(&cursor.scope)) {
        return Err(Trouble::Arguments(Violations::at("/cursor", "belongs to a list of another scope")));
    }
    let (mut docs, mut total) = (Vec::<DocSummary>::new(), Total::exactly(0));
    let mut next = cursor.or_else(|| scopes.first().map(|scope| DocListCursor { scope: scope.clone(), within: None }));
    for (n, scope) in scopes.iter().enumerate() {
        let room = PAGE.saturating_sub(docs.len() as u64);
        let begin = next.take_if(|next| next.scope == *scope && room > 0);
        let cursor = begin.as_ref().and_then(|begin| begin.within.clone());
        let limit = room.max(1).try_into().ok();
        let filter = DocFilter { scope: Some(scope.clone()), limit, cursor, ..DocFilter::default() };
        let page = api.list_docs(&filter).await?;
        total.count = total.count.saturating_add(usize::try_from(page.total).unwrap_or(usize::MAX));
        total.at_least |= page.total_is_minimum;
        if begin.is_some() {
            docs.extend(page.items.into_iter().map(|doc: Doc| doc.summary));
            let behind = || scopes.get(n + 1).map(|scope| DocListCursor { scope: scope.clone(), within: None });
            next = match page.next_cursor {
                Some(within) => Some(DocListCursor { scope: scope.clone(), within: Some(within) }),
                None => behind(),
            };
        } else if next.as_ref().is_some_and(|next| next.scope == *scope) && page.total == 0 {
            next = None;
        }
    }
    Ok(listed(&scopes, &docs, total, next.as_ref(), now(), &fence()))
}

fn listed(
    scopes: &[DocScope],
    docs: &[DocSummary],
    total: Total,
    next: Option<&DocListCursor>,
    now: Timestamp,
    fence: &Fence,
) -> Facts {
    let (report, shown) = if docs.is_empty() {
        let scopes: Vec<&str> = scopes.iter().map(DocScope::as_str).collect();
        (format!("There are no documents in {}.", scopes.join(" or ")), 0)
    } else {
        let more = next_page::note("doc", next.map(ToString::to_string).as_deref());
        let part = doc::list_part(docs, total, more, now, fence);
        let shown = part.fit(fence, LIMIT.saturating_sub(line_cost(WARNING) + 2));
        (format!("{WARNING}\n\n{}", shown.lines.join("\n")), shown.count)
    };
    let next_cursor = next.map(ToString::to_string);
    let list = List { shown, total: total.count, total_is_minimum: total.at_least, next_cursor };
    Facts { report, found: !docs.is_empty(), document: None, list: Some(list) }
}

/// Lists the copies on this machine, while the API does not answer.
async fn copies(
    keeper: &Keeper,
    scope: Option<DocScope>,
    cursor: Option<&str>,
    error: ClientError,
) -> Result<Facts, Trouble> {
    let copies = offline::copies(&scopes_without_api(keeper, scope).await?).await?;
    if copies.is_empty() {
        return Err(error.into());
    }
    let later = match cursor {
        None => Some(copies.as_slice()),
        Some(cursor) => {
            let last = copies.iter().position(|copy| copy_cursor(copy) == cursor);
            last.and_then(|last| copies.get(last + 1..))
        }
    };
    let later = later.ok_or_else(|| {
        let wrong =
            "belongs to the API's list, and the API does not answer; leave it out to list the copies on this machine";
        Trouble::Arguments(Violations::at("/cursor", wrong))
    })?;
    let (first, fence) = (format!("STALE: the API did not list the documents. {}", sentence(&error)), fence());
    let room = LIMIT.saturating_sub(line_cost(WARNING) + line_cost(&first) + 4);
    let cursor = |shown: usize| {
        let last = shown.checked_sub(1).and_then(|last| later.get(last));
        last.map_or(String::new(), copy_cursor)
    };
    let part = doc::copies_part(later, Total::exactly(copies.len()), now(), &fence);
    let page = ListPage::fit(part, &fence, room, false, |shown| {
        format!("`doc` with the same arguments and cursor \"{}\"", cursor(shown))
    });
    let report = format!("{first}\n\n{WARNING}\n\n{}", page.lines.join("\n"));
    let next_cursor = page.goes_on.then(|| cursor(page.shown));
    let list = List { shown: page.shown, total: copies.len(), total_is_minimum: false, next_cursor };
    Ok(Facts { report, found: true, document: None, list: Some(list) })
}

/// The cursor behind a copy on this machine.
fn copy_cursor((scope, name, _): &(DocScope, DocName, Timestamp)) -> String {
    format!("{scope}:{name}")
}

/// The document, if there is one.
async fn stored(api: &Api, scope: &DocScope, name: &DocName) -> Result<Option<DocText>, Trouble> {
    match api.get_doc(scope, name, None).await {
        Ok(DocRead::Read(stored)) => Ok(Some(*stored)),
        // The API answers "not modified" only to a request with a hash. This request has none.
        Ok(DocRead::NotModified) => Ok(None),
        Err(ClientError::Refused(problem)) if problem.code == ErrorCode::DocNotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn one(scope: &DocScope, name: &DocName, stored: &DocText, offset: usize, now: Timestamp, fence: &Fence) -> Facts {
    let room = LIMIT.saturating_sub(line_cost(WARNING) + 2);
    let piece = doc::piece(stored, offset, now, fence, room);
    let document = One {
        scope: scope.clone(),
        name: name.clone(),
        version: Some(stored.doc.summary.version),
        characters: piece.characters,
        next_offset: piece.next_offset,
    };
    Facts {
        report: format!("{WARNING}\n\n{}", piece.lines.join("\n")),
        found: true,
        document: Some(document),
        list: None,
    }
}

/// The answer for a missing document, with the names of existing ones, because the name may be mistyped.
async fn missing(api: &Api, scopes: &[DocScope], name: &DocName, fence: &Fence) -> Result<Facts, Trouble> {
    let (mut docs, mut total) = (Vec::<DocSummary>::new(), Total::exactly(0));
    for scope in scopes {
        let filter = DocFilter { scope: Some(scope.clone()), limit: 100.try_into().ok(), ..DocFilter::default() };
        let page = api.list_docs(&filter).await?;
        total.count = total.count.saturating_add(usize::try_from(page.total).unwrap_or(usize::MAX));
        total.at_least |= page.total_is_minimum;
        docs.extend(page.items.into_iter().map(|doc: Doc| doc.summary));
    }
    let asked: Vec<String> = scopes.iter().map(|scope| format!("{scope}/{name}")).collect();
    let first = format!("There is no document {}.", asked.join(" or "));
    let report = if docs.is_empty() {
        let scopes: Vec<&str> = scopes.iter().map(DocScope::as_str).collect();
        format!("{first} There are no documents in {}.", scopes.join(" or "))
    } else {
        let part = doc::names_part(&docs, total, name, fence);
        let shown = part.fit(fence, LIMIT.saturating_sub(line_cost(WARNING) + line_cost(&first) + 4));
        format!("{first}\n\n{WARNING}\n\n{}", shown.lines.join("\n"))
    };
    Ok(Facts { report, ..Facts::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::golden::assert_in_step;
    use crate::render::samples::NOW;
    use crate::render::team;

    fn documents(longest: bool) -> Vec<DocSummary> {
        let long = |mut json: serde_json::Value| {
            json["name"] = "n".repeat(128).into();
            json["title"] = "\"\\".repeat(120).into();
            json
        };
        let json = (1..=30).map(team::document).map(|json| if longest { long(json) } else { json });
        json.map(|json| serde_json::from_value(json).unwrap()).collect()
    }

    #[test]
    fn a_page_of_the_list_is_in_step() {
        let next = DocListCursor { scope: "alpha".parse().unwrap(), within: Some("abc".parse().unwrap()) };
        let scopes = [DocScope::global()];
        let total = Total::exactly(61);
        let facts = listed(&scopes, &documents(false), total, Some(&next), NOW.parse().unwrap(), &team::fence());
        assert_in_step("doc-list", &facts.report);
        assert_eq!(facts.list.unwrap().next_cursor.as_deref(), Some("alpha:abc"));
    }

    #[test]
    fn a_page_fits_even_with_the_longest_names() {
        let total = Total::exactly(30);
        let facts = listed(&[], &documents(true), total, None, NOW.parse().unwrap(), &team::fence());
        assert_eq!(facts.list.unwrap().shown, 30);
    }
}
