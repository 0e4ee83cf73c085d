//! Notes: create, find and change them.

use deckwatch_protocol::{
    Change, CreateNote, ErrorCode, NoteFilter, NoteId, NoteKind, Operation, Timestamp, UpdateNote, Violations,
};

use crate::call::Call;
use crate::database::Statement;
use crate::error::ApiError;
use crate::middleware::etag::IfMatch;
use crate::plan::{DataAccess, Plan};
use crate::search::{ContentTerms, Query, TitleTerms};
use crate::search_cursor::SearchCursor;
use crate::store;
use crate::store::note::{NewNote, NoteInBatch};

/// Creates a note, or a memory of the agent of a session.
pub(crate) fn create_note(call: &Call, note: CreateNote) -> Result<Plan, ApiError> {
    let id = call.mint_note_id(note.kind);
    let (title, content) = (TitleTerms::of(note.title.as_str()), ContentTerms::of(note.content.as_str()));
    let new = NewNote {
        id: &id,
        now: call.now,
        actor: &call.caller.actor,
        correlation_id: call.correlation_id.as_str(),
        indexed_in_part: content.in_part,
    };
    let (mut steps, access) = match &note.session_id {
        Some(session) => (
            vec![store::refusal::unless_session(session), store::note::unless_room(session)],
            DataAccess::Session(session.clone()),
        ),
        None => (
            note.venture.iter().map(store::refusal::unless_venture).collect::<Vec<_>>(),
            DataAccess::of(note.venture.as_ref()),
        ),
    };
    steps.push(store::note::insert(&note, &new));
    steps.push(store::note_event::created(call.now));
    steps.extend(store::note_search::add(&title, &content));
    steps.push(store::note::tag_newest());
    Ok(Plan::write(steps, store::note::select_response_with_content(NoteInBatch::Newest, 201)).with_access(access))
}

/// Reads one note.
pub(crate) fn get_note(_: &Call, id: NoteId) -> Result<Plan, ApiError> {
    Ok(Plan::record(store::note::select(&id), ErrorCode::NoteNotFound).with_access(DataAccess::NoteToRead(id)))
}

/// Lists notes, newest first, or the matches of a search, best first.
pub(crate) fn list_notes(call: &Call, filter: NoteFilter) -> Result<Plan, ApiError> {
    let limit = filter.limit.unwrap_or_default();
    let token = call.caller.token_id();
    let plan = if let Some(q) = &filter.q {
        let (search_cursor, query) = (search_cursor(&filter)?, Query::of(q.as_str()));
        let page = store::note_search::list(&filter, &query, &search_cursor, token);
        Plan::page_of(search_cursor, query, page, limit)
    } else {
        require_list_cursor(&filter)?;
        let [items, total] = store::note::list(&filter, token);
        Plan::page(items, total, limit)
    };
    Ok(plan.with_access(filter.venture.map_or(DataAccess::Shared, DataAccess::Venture)))
}

/// Changes a note. If the request has the same values as the note, nothing changes, and the version stays the same. A memory
/// does not change, so that its author and its commit stay true.
pub(crate) fn update_note(call: &Call, id: NoteId, patch: UpdateNote) -> Result<Plan, ApiError> {
    if id.kind() == NoteKind::Memory {
        let detail = "A memory can't be changed. Archive it and save the new text as another memory.";
        return Err(ApiError::new(ErrorCode::Forbidden, detail));
    }
    let mut steps = unless_matched(call, &id);
    if let Change::Set(venture) = &patch.venture {
        steps.push(store::refusal::unless_venture(venture));
    }
    let title = patch.title.as_ref().map(|title| TitleTerms::of(title.as_str()));
    let content = patch.content.as_ref().map(|content| ContentTerms::of(content.as_str()));
    // The index stores no text. To remove an entry, it needs the old terms, so remove it before the note changes.
    steps.push(store::note_search::forget(&id));
    steps.extend(store::note::untag(&id));
    steps.push(store::note_event::updated(&id, &patch, call.now));
    steps.push(store::note::update(&id, &patch, call.now, content.as_ref().map(|content| content.in_part)));
    steps.extend(store::note_search::change(&id, title.as_ref(), content.as_ref()));
    steps.extend(store::note::tag(&id));
    let select = if patch.content.is_some() {
        store::note::select_response_with_content(NoteInBatch::Known(&id), 200)
    } else {
        store::note::select_response(&id)
    };
    // A note that moves between ventures concerns both, so the caller needs access to both.
    let access = if patch.venture == Change::Keep { DataAccess::NoteToChange(id) } else { DataAccess::Everything };
    Ok(Plan::write(steps, select).with_access(access))
}

/// Archives a note: it is removed from lists, searches and the start of day.
pub(crate) fn archive_note(call: &Call, id: NoteId) -> Result<Plan, ApiError> {
    archive_or_restore(call, id, [store::note_event::archived, store::note::archive])
}

/// Restores an archived note.
pub(crate) fn restore_note(call: &Call, id: NoteId) -> Result<Plan, ApiError> {
    archive_or_restore(call, id, [store::note_event::restored, store::note::restore])
}

/// The search state that the cursor holds.
fn search_cursor(filter: &NoteFilter) -> Result<SearchCursor, Violations> {
    let Some(cursor) = &filter.cursor else { return Ok(SearchCursor::default()) };
    SearchCursor::of(cursor)
        .ok_or_else(|| Violations::at("/cursor", "must be the next_cursor of an earlier page of this search"))
}

/// Refuses the cursor of a search, because it is not valid for a list.
fn require_list_cursor(filter: &NoteFilter) -> Result<(), Violations> {
    let searched = filter.cursor.as_ref().is_some_and(|cursor| SearchCursor::of(cursor).is_some());
    let refused = || Violations::at("/cursor", "must be the next_cursor of an earlier page of this list");
    if searched { Err(refused()) } else { Ok(()) }
}

/// `changes` are the statements that append an event and change the note.
fn archive_or_restore(
    call: &Call,
    id: NoteId,
    changes: [fn(&NoteId, Timestamp) -> Statement; 2],
) -> Result<Plan, ApiError> {
    let mut steps = unless_matched(call, &id);
    if call.operation == Operation::RestoreNote && id.kind() == NoteKind::Memory {
        steps.push(store::note::unless_room_to_restore(&id));
    }
    steps.push(store::note_search::forget(&id));
    steps.extend(store::note::untag(&id));
    steps.extend(changes.map(|change| change(&id, call.now)));
    steps.extend(store::note_search::change(&id, None, None));
    steps.extend(store::note::tag(&id));
    Ok(Plan::write(steps, store::note::select_response(&id)).with_access(DataAccess::NoteToChange(id)))
}

fn unless_matched(call: &Call, id: &NoteId) -> Vec<Statement> {
    let mut steps = vec![store::refusal::unless_note(id)];
    let versions = call.if_match.as_ref().and_then(IfMatch::versions);
    steps.extend(versions.map(|versions| store::refusal::unless_note_version(id, &versions)));
    steps
}
