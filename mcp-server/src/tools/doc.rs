//! `doc`: reads one document, a piece at a time. Which there are is in `sod`, how they stand in `doc_audit`.

use deckwatch_client::DocRead;
use deckwatch_client::api::{Api, ClientError};
use deckwatch_protocol::{Doc, DocFilter, DocName, DocScope, DocSummary, DocText, ErrorCode, Timestamp, Violations};
use deserr::Deserr;
use rmcp::model::{CallToolResult, JsonObject, Tool};
use schemars::JsonSchema;
use serde::Serialize;

use super::{answer, decode, fence, hints, now};
use crate::render::budget::line_cost;
use crate::render::doc;
use crate::render::fence::{Fence, WARNING};
use crate::render::part::Total;
use crate::schema;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The report's limit; the facts beside it stay below another 500.
const LIMIT: usize = 10_000;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
#[schemars(deny_unknown_fields)]
struct Arguments {
    /// Its name, such as api.md.
    name: DocName,
    /// A venture's code, or `global`. Without it your venture's document, else the global one.
    #[deserr(default)]
    scope: Option<DocScope>,
    /// Where to go on, as the answer before said.
    #[deserr(default)]
    offset: Option<u32>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Facts {
    /// The document, or which there are instead, as text.
    report: String,
    found: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<One>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct One {
    scope: DocScope,
    name: DocName,
    version: u32,
    characters: usize,
    /// Absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
}

pub(super) fn definition() -> Tool {
    let text =
        "Read one document by its name; `sod` lists them. A long one comes in pieces; the answer says how to go on.";
    Tool::new("doc", text, schema::of_arguments::<Arguments>())
        .with_title("Read a document")
        .with_raw_output_schema(schema::of_result::<Facts>().into())
        .with_annotations(hints().read_only(true).idempotent(true))
}

pub(super) async fn call(keeper: &Keeper, arguments: JsonObject) -> Result<CallToolResult, Trouble> {
    let Arguments { name, scope, offset } = decode(arguments)?;
    let api = keeper.identity.api().await?;
    let scopes = match scope {
        Some(scope) => vec![scope],
        None => vec![DocScope::of(&keeper.identity.place().await?.venture.code), DocScope::global()],
    };
    for scope in &scopes {
        if let Some(stored) = stored(api, scope, &name).await? {
            let offset = offset.map_or(0, |at| usize::try_from(at).unwrap_or(usize::MAX));
            let facts = one(scope, &name, &stored, offset, now(), &fence());
            return Ok(answer(&facts, &facts.report));
        }
    }
    let facts = missing(api, &scopes, &name, &fence()).await?;
    Ok(answer(&facts, &facts.report))
}

/// The document, if there is one.
async fn stored(api: &Api, scope: &DocScope, name: &DocName) -> Result<Option<DocText>, Trouble> {
    match api.get_doc(scope, name, None).await {
        Ok(DocRead::Read(stored)) => Ok(Some(*stored)),
        // Only who names what it has is told that nothing changed.
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
        version: stored.doc.summary.version,
        characters: piece.characters,
        next_offset: piece.next_offset,
    };
    Facts { report: format!("{WARNING}\n\n{}", piece.lines.join("\n")), found: true, document: Some(document) }
}

/// There is none, and which there are: a name is soon mistyped.
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
    let first = format!("There is no document {}.", asked.join(" and no "));
    let report = if docs.is_empty() {
        format!("{first} No document is there yet.")
    } else {
        let part = doc::names_part(&docs, total, name, fence);
        let shown = part.fit(fence, LIMIT.saturating_sub(line_cost(WARNING) + line_cost(&first) + 4));
        format!("{first}\n\n{WARNING}\n\n{}", shown.lines.join("\n"))
    };
    Ok(Facts { report, found: false, document: None })
}
