//! Documents and handoffs as MCP resources. A resource is read as fenced text.
//!
//! The list has no fence, so it contains no stored titles, only names and descriptions that Deckwatch writes.

mod uri;

use deckwatch_client::DocRead;
use deckwatch_client::api::{Api, ClientError};
use deckwatch_machine::clock::ago;
use deckwatch_protocol::{
    Doc, DocFilter, DocName, DocScope, ErrorCode, Handoff, HandoffFilter, LatestHandoffFilter, Timestamp,
};
use rmcp::ErrorData;
use rmcp::model::{ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};

use self::uri::{DOC_TEMPLATE, HANDOFF_TEMPLATE, Uri};
use crate::offline;
use crate::render::budget::line_cost;
use crate::render::clean::clean_line;
use crate::render::fence::{Fence, WARNING};
use crate::render::outbox::not_read_line;
use crate::render::{doc, handoff};
use crate::session::Keeper;
use crate::tools::{fence, now};
use crate::trouble::{Trouble, sentence};

/// The size limit of a resource. The tool `doc` reads the rest of a longer document.
const LIMIT: usize = 100_000;
const DOCS_ON_A_PAGE: u64 = 100;
/// Only the newest handoffs are listed, because a client may read all pages.
const HANDOFFS: u64 = 20;

/// The parts of the list, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Venture,
    Global,
    Handoffs,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Venture, Self::Global, Self::Handoffs];

    fn as_str(self) -> &'static str {
        match self {
            Self::Venture => "venture",
            Self::Global => "global",
            Self::Handoffs => "handoffs",
        }
    }
}

/// The URI templates of documents and handoffs.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(DOC_TEMPLATE, "document")
            .with_description("A document of a venture, or of scope `global`.")
            .with_mime_type("text/plain"),
        ResourceTemplate::new(HANDOFF_TEMPLATE, "handoff")
            .with_description("A handoff by its id, or `latest` for the newest of the repository you work on.")
            .with_mime_type("text/plain"),
    ]
}

/// Lists the venture's documents, then the global documents, then the newest handoffs.
pub(crate) async fn list(keeper: &Keeper, cursor: Option<&str>) -> Result<ListResourcesResult, ErrorData> {
    let (first, mut within) = stage_of(cursor)?;
    keeper.identity.of_this_launch().await.map_err(|trouble| failed(&trouble))?;
    match listed(keeper, first, &mut within).await {
        // While the API is down, list the copies on this machine.
        Err(Trouble::Api(error)) if error.is_outage() && cursor.is_none() => {
            let copies = copies(keeper).await.map_err(|trouble| failed(&trouble))?;
            if copies.is_empty() { Err(failed(&error.into())) } else { Ok(ListResourcesResult::with_all_items(copies)) }
        }
        listed => listed.map_err(|trouble| failed(&trouble)),
    }
}

async fn listed(
    keeper: &Keeper,
    first: Stage,
    within: &mut Option<deckwatch_protocol::Cursor>,
) -> Result<ListResourcesResult, Trouble> {
    let mut resources = Vec::new();
    for stage in Stage::ALL.into_iter().skip_while(|stage| *stage != first) {
        let (found, next) = page(keeper, stage, within.take()).await?;
        resources.extend(found);
        if let Some(next) = next {
            let mut result = ListResourcesResult::with_all_items(resources);
            result.next_cursor = Some(format!("{}:{next}", stage.as_str()));
            return Ok(result);
        }
    }
    Ok(ListResourcesResult::with_all_items(resources))
}

/// The copies of documents on this machine.
async fn copies(keeper: &Keeper) -> Result<Vec<Resource>, Trouble> {
    let scopes = offline::scopes_without_api(&keeper.identity).await?;
    let resource = |(scope, name, at): (DocScope, DocName, Timestamp)| {
        let label = format!("{scope}/{name}");
        let description = format!("Copy of a document; equal to the API's {}.", ago(at, now()));
        let resource = Resource::new(Uri::Doc(scope, name).to_string(), label);
        resource.with_description(description).with_mime_type("text/plain")
    };
    Ok(offline::copies(&scopes).await?.into_iter().map(resource).collect())
}

/// Parses a cursor: a part of the list, and the API's cursor within it.
fn stage_of(cursor: Option<&str>) -> Result<(Stage, Option<deckwatch_protocol::Cursor>), ErrorData> {
    let Some(cursor) = cursor else { return Ok((Stage::Venture, None)) };
    let wrong = || ErrorData::invalid_params("this cursor is not valid; list again without a cursor", None);
    let (stage, within) = cursor.split_once(':').ok_or_else(wrong)?;
    let stage = Stage::ALL.into_iter().find(|known| known.as_str() == stage).ok_or_else(wrong)?;
    Ok((stage, Some(within.parse().map_err(|_| wrong())?)))
}

async fn page(
    keeper: &Keeper,
    stage: Stage,
    cursor: Option<deckwatch_protocol::Cursor>,
) -> Result<(Vec<Resource>, Option<deckwatch_protocol::Cursor>), Trouble> {
    let (api, code) = (keeper.identity.api().await?, &keeper.identity.place().await?.venture.code);
    let scope = match stage {
        Stage::Handoffs => return Ok((handoffs(keeper, api).await?, None)),
        Stage::Venture => DocScope::of(code),
        Stage::Global => DocScope::global(),
    };
    let filter =
        DocFilter { scope: Some(scope), limit: DOCS_ON_A_PAGE.try_into().ok(), cursor, ..DocFilter::default() };
    let page = api.list_docs(&filter).await?;
    Ok((page.items.iter().filter_map(|doc| of_doc(doc, now())).collect(), page.next_cursor))
}

async fn handoffs(keeper: &Keeper, api: &Api) -> Result<Vec<Resource>, Trouble> {
    let code = keeper.identity.place().await?.venture.code.clone();
    let filter = HandoffFilter { venture: Some(code), limit: HANDOFFS.try_into().ok(), ..HandoffFilter::default() };
    let newest = api.list_handoffs(&filter).await?.items;
    let latest = Resource::new(Uri::LatestHandoff.to_string(), "latest handoff")
        .with_description("The newest handoff of the repository you work on.")
        .with_mime_type("text/plain");
    let latest = (!newest.is_empty()).then_some(latest);
    Ok(latest.into_iter().chain(newest.iter().map(|handoff| of_handoff(handoff, now()))).collect())
}

/// `None` if the scope or the name is not valid.
fn of_doc(doc: &Doc, now: Timestamp) -> Option<Resource> {
    let (scope, name) = (doc.summary.scope.parse().ok()?, doc.summary.name.parse().ok()?);
    let label = format!("{scope}/{name}");
    let age = ago(doc.summary.updated_at, now);
    let description =
        format!("Document, version {}, {} bytes, changed {age}.", doc.summary.version, doc.summary.size_bytes);
    let resource = Resource::new(Uri::Doc(scope, name).to_string(), label);
    Some(resource.with_description(description).with_mime_type("text/plain"))
}

fn of_handoff(handoff: &Handoff, now: Timestamp) -> Resource {
    let (from, status, age) = (&handoff.from_agent, handoff.status.as_str(), ago(handoff.created_at, now));
    let recipient = handoff.to_agent.as_ref().map_or(String::new(), |agent| format!(" to {agent}"));
    let description = format!("Handoff of {from}{recipient} on {}, status {status}, {age}.", handoff.repo);
    Resource::new(Uri::Handoff(handoff.id.clone()).to_string(), handoff.id.to_string())
        .with_description(description)
        .with_mime_type("text/plain")
}

/// Reads the resource at this URI, as fenced text.
pub(crate) async fn read(keeper: &Keeper, address: &str) -> Result<ReadResourceResult, ErrorData> {
    let not_found =
        |what: &str| ErrorData::resource_not_found(format!("{what}; resources/list lists all resources"), None);
    let uri = Uri::parse(address).ok_or_else(|| not_found("unknown resource"))?;
    match text(keeper, &uri).await {
        Ok(Some(text)) => Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri.to_string())])),
        Ok(None) => Err(not_found(&format!("{uri} does not exist"))),
        Err(trouble) => Err(failed(&trouble)),
    }
}

async fn text(keeper: &Keeper, uri: &Uri) -> Result<Option<String>, Trouble> {
    keeper.identity.of_this_launch().await?;
    let (api, fence) = (keeper.identity.api().await?, fence());
    let room = LIMIT.saturating_sub(line_cost(WARNING) + 2);
    let lines = match uri {
        Uri::Doc(scope, name) => match found(api.get_doc(scope, name, None).await) {
            Ok(Some(DocRead::Read(stored))) => Some(doc::piece(&stored, 0, now(), &fence, room).lines),
            Ok(Some(DocRead::NotModified) | None) => None,
            Err(error) => match offline::copy_of(std::slice::from_ref(scope), name).await? {
                Some((_, copy)) if error.is_outage() => {
                    let why = sentence(&error);
                    Some(doc::piece_of_copy((scope, name), &copy, &why, 0, now(), &fence, room).lines)
                }
                _ => return Err(error.into()),
            },
        },
        Uri::Handoff(id) => found(api.get_handoff(id).await)?.map(|found| handoff_lines(&found, &fence, room)),
        Uri::LatestHandoff => latest_handoff(keeper, api, &fence, room).await?,
    };
    Ok(lines.map(|lines| format!("{WARNING}\n\n{}", lines.join("\n"))))
}

/// The newest handoff of the repository: those that are queued on this machine, else the API's.
async fn latest_handoff(
    keeper: &Keeper,
    api: &Api,
    fence: &Fence,
    room: usize,
) -> Result<Option<Vec<String>>, Trouble> {
    let unsent = keeper.unsent().await?;
    let mut lines: Vec<String> = Vec::new();
    if let Some(not_read) = &unsent.not_read {
        lines.extend([not_read_line(not_read), String::new()]);
    }
    let room = room.saturating_sub(lines.iter().map(|line| line_cost(line)).sum());
    if !unsent.handoffs.is_empty() {
        let me = keeper.identity.me().await?;
        let part = handoff::unsent(&unsent.handoffs, &me.agent, handoff::MORE_UNSENT.into(), now(), fence);
        lines.extend(part.fit(fence, room).lines);
        return Ok(Some(lines));
    }
    let place = keeper.identity.place().await?;
    let (venture, repo) = (Some(place.venture.code.clone()), Some(place.repo.clone()));
    let filter = LatestHandoffFilter { venture, repo, ..LatestHandoffFilter::default() };
    match api.latest_handoff(&filter).await? {
        Some(found) => lines.extend(handoff_lines(&found, fence, room)),
        None if lines.is_empty() => return Ok(None),
        None => lines.push("The API has no handoff of this repository.".to_owned()),
    }
    Ok(Some(lines))
}

fn handoff_lines(found: &Handoff, fence: &Fence, room: usize) -> Vec<String> {
    handoff::piece(found, 0, now(), fence, room).lines
}

/// Turns a "not found" error into `None`.
fn found<T>(answer: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.code(), Some(ErrorCode::DocNotFound | ErrorCode::HandoffNotFound)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn failed(trouble: &Trouble) -> ErrorData {
    ErrorData::internal_error(clean_line(&trouble.to_string()), None)
}
