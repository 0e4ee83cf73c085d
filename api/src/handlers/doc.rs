//! Documents: put, delete, read, and list them and their versions.

use deckwatch_protocol::{
    Doc, DocFilter, DocName, DocScope, DocType, ErrorCode, GetDoc, ListDocVersions, PutDoc, Violations,
};
use serde::de::IgnoredAny;

use crate::call::Call;
use crate::database::Statement;
use crate::digest::{hex, sha256};
use crate::error::ApiError;
use crate::plan::{DataAccess, Plan};
use crate::platform::random_bits;
use crate::store;
use crate::store::doc::{DocLocation, NewDoc};

/// Lists documents by scope and name.
pub(crate) fn list_docs(_: &Call, filter: DocFilter) -> Result<Plan, ApiError> {
    let access = match (&filter.venture, &filter.scope) {
        (Some(venture), _) => DataAccess::Venture(venture.clone()),
        (None, Some(scope)) => read_access(scope),
        (None, None) => DataAccess::Everything,
    };
    let [items, total] = store::doc::list(&filter);
    Ok(Plan::page(items, total, filter.limit.unwrap_or_default()).with_access(access))
}

/// Reads one document with its content, or one of its stored versions.
pub(crate) fn get_doc(_: &Call, scope: DocScope, name: DocName, query: GetDoc) -> Result<Plan, ApiError> {
    let place = DocLocation { scope, name };
    let select = match query.version {
        Some(version) => store::doc_version::select(&place, version),
        None => store::doc::select(&place),
    };
    Ok(Plan::record(select, ErrorCode::DocNotFound).with_access(read_access(&place.scope)))
}

/// Lists the stored versions of a document, newest first. It also works for a deleted document.
pub(crate) fn list_doc_versions(
    _: &Call,
    scope: DocScope,
    name: DocName,
    filter: ListDocVersions,
) -> Result<Plan, ApiError> {
    let place = DocLocation { scope, name };
    let limit = filter.limit.unwrap_or_default();
    let [items, total] = store::doc_version::list(&place, limit, filter.cursor.as_ref());
    let steps = vec![store::doc::unless_known(&place)];
    Ok(Plan::page(items, total, limit).with_steps(steps).with_access(read_access(&place.scope)))
}

/// Creates or replaces a document.
pub(crate) fn put_doc(call: &Call, scope: DocScope, name: DocName, put: PutDoc) -> Result<Plan, ApiError> {
    let place = DocLocation { scope, name };
    if put.doc_type == DocType::Json {
        is_json(put.content.as_str())?;
    }
    let new = NewDoc {
        place: &place,
        title: put.title_under(&place.name),
        content_hash: hex(&sha256(put.content.as_str().as_bytes())),
        change_id: format!("{:032x}", random_bits(call.entropy)),
        now: call.now,
        actor: &call.caller.actor,
        correlation_id: call.correlation_id.as_str(),
    };
    let mut steps: Vec<Statement> = Vec::new();
    if !call.caller.is_admin() {
        steps.push(store::doc::unless_generated(&place, call.caller.token_id()));
    }
    steps.extend(place.scope.venture().as_ref().map(store::doc::unless_scope));
    steps.extend(unless_matched(call, &place));
    steps.extend(call.if_none_match.as_ref().map(|unwanted| store::doc::if_content(&place, unwanted.tags())));
    steps.push(store::doc::put(&put, &new));
    steps.push(store::doc::confirm(&place, call.now));
    steps.push(store::doc_version::insert(&new));
    steps.push(store::doc::append_event(&place, &new.change_id, call.now));
    steps.push(store::doc_version::trim(&place, Doc::MAX_VERSIONS));
    let access = DataAccess::of(place.scope.venture().as_ref());
    Ok(Plan::write(steps, store::doc::select_response(&place, &new.change_id)).with_access(access))
}

/// Deletes a document. The deletion is a version too, so the version numbers continue when the document is put
/// again.
pub(crate) fn delete_doc(call: &Call, scope: DocScope, name: DocName) -> Result<Plan, ApiError> {
    let place = DocLocation { scope, name };
    let mut steps = vec![store::doc::unless_live(&place)];
    steps.extend(unless_matched(call, &place));
    steps.extend(store::doc::delete(&place, call.now, &call.caller.actor));
    steps.push(store::doc_version::insert_deletion(&place, call.correlation_id.as_str()));
    steps.push(store::doc::append_event(&place, "", call.now));
    steps.push(store::doc_version::trim(&place, Doc::MAX_VERSIONS));
    let access = DataAccess::of(place.scope.venture().as_ref());
    Ok(Plan::write(steps, store::doc_version::select_response(&place)).with_access(access))
}

/// The access that reading a document needs. Every token can read a global document. A document of a venture needs
/// access to that venture.
fn read_access(scope: &DocScope) -> DataAccess {
    scope.venture().map_or(DataAccess::Shared, DataAccess::Venture)
}

fn unless_matched(call: &Call, place: &DocLocation) -> Option<Statement> {
    call.if_match.as_ref().map(|asked| store::doc::unless_content(place, asked.tags()))
}

/// Refuses content that is not valid JSON. The error gives the position, but does not repeat the content.
fn is_json(content: &str) -> Result<(), Violations> {
    serde_json::from_str::<IgnoredAny>(content).map(drop).map_err(|error| {
        let place = format!(
            "must be valid JSON because doc_type is json; the error is at line {} column {}",
            error.line(),
            error.column()
        );
        Violations::at("/content", place)
    })
}
