//! Moves the notes, documents, requirements, messages and shared state of a venture to another venture, some at a time. `?1` and `?2` are the
//! old venture and repository, `?3` and `?4` the new ones.
//!
//! They belong to all repositories of the old venture, so they move only if no other repository uses it. Nothing is
//! overwritten: a document whose name is taken gets the code of its old venture before its name, and a requirement that
//! the new venture has as well stays.

use deckwatch_protocol::{DocName, MoveRecords, Requirement, VentureCode};

use super::delivery::deliveries_of;
use super::note_search::filter_terms;
use super::record_move::{if_stage, names};
use super::statements;
use crate::database::Statement;

/// Whether the repository `$repo` is the moved one, or belongs to the new venture. It searches the text of the list, because
/// `json_each` would read a row for each repository.
macro_rules! is_of_new_venture {
    ($repo:literal) => {
        concat!(
            "(lower(",
            $repo,
            ") in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 \
              and instr(lower(v.repos_json), json_quote(lower(",
            $repo,
            "))) > 0))"
        )
    };
}

/// Whether rows of `$table` in the old venture have another repository. It goes through the names of the repositories, by the
/// index `$index`. If the first 50 belong to the new venture, it does not go on.
macro_rules! has_other_repo {
    ($table:literal, $index:literal) => {
        concat!(
            "exists (with recursive other (repo) as ( \
               select min(repo) from ",
            $table,
            " indexed by ",
            $index,
            " where venture = ?1 \
               union all \
               select (select min(repo) from ",
            $table,
            " indexed by ",
            $index,
            " where venture = ?1 and repo > other.repo) \
               from other where other.repo is not null and ",
            $crate::store::venture_records::is_of_new_venture!("other.repo"),
            " limit 50) select 1 from other where other.repo is not null and not ",
            $crate::store::venture_records::is_of_new_venture!("other.repo"),
            ")"
        )
    };
}

/// Whether the records of the old venture may move: all sessions and handoffs of the repository have moved, and no other
/// repository uses the old venture.
macro_rules! may_move {
    () => {
        concat!(
            "(?1 <> ?3 and not ", $crate::store::record_move::repo_has_records!(),
            " and not ", $crate::store::venture_records::has_other_repo!("sessions", "sessions_by_venture_and_repo"),
            " and not ", $crate::store::venture_records::has_other_repo!("handoffs", "handoffs_by_venture_and_repo"),
            " and not exists (select 1 from ventures v cross join json_each(v.repos_json) own where v.code = ?1 and v.deleted_at is null and not ",
            $crate::store::venture_records::is_of_new_venture!("own.value"), "))"
        )
    };
}

/// Whether the old venture has notes.
macro_rules! venture_has_notes {
    () => {
        "(exists (select 1 from notes where venture = ?1 and archived_at is null) \
          or exists (select 1 from notes where venture = ?1 and archived_at is not null))"
    };
}

/// The notes that this request moves: the oldest 4. Each has up to 20 tags.
macro_rules! notes_to_move {
    () => {
        concat!(
            "select id from (select id from notes where venture = ?1 and archived_at is null union all ",
            "select id from notes where venture = ?1 and archived_at is not null order by id limit ",
            $crate::store::record_move::if_stage!("notes", "4"),
            ")"
        )
    };
}

/// The tag rows of these notes, found by the tags of each note.
macro_rules! tag_rows_to_move {
    () => {
        concat!(
            "(tag, scope, note_id) in (select j.value, ?1, n.id from (",
            notes_to_move!(),
            ") m cross join notes n on n.id = m.id cross join json_each(n.tags_json) j)"
        )
    };
}

/// The numbers of these notes in the full text index.
macro_rules! keys_to_move {
    () => {
        concat!("select n.number from notes n where n.id in (", notes_to_move!(), ")")
    };
}

/// Whether the new venture has, or had, a document with this name. A document has versions. The copy that this batch
/// makes has none yet, so all statements of the batch see the same names.
macro_rules! is_taken {
    ($name:literal) => {
        concat!("exists (select 1 from doc_versions w where w.scope = ?3 and w.name = ", $name, ")")
    };
}

/// The documents of the old venture that may move, with their new names: of the first 50, those whose name or name with
/// a prefix is free.
macro_rules! doc_to_move {
    () => {
        concat!(
            "select * from (select page.scope, page.name, case when not ",
            $crate::store::venture_records::is_taken!("page.name"),
            " then page.name ",
            "when length(?1 || '.' || page.name) <= 128 and not ",
            $crate::store::venture_records::is_taken!("?1 || '.' || page.name"),
            " and not exists (select 1 from context_docs e where e.scope = ?1 and e.name = ?1 || '.' || page.name) ",
            "then ?1 || '.' || page.name end as new_name ",
            "from (select scope, name from context_docs where scope = ?1 order by name limit 50) page) where new_name is not null"
        )
    };
}

/// The first of them, which this request moves. A document has up to 20 versions of 1 MB. The result has the scope, so that a
/// join begins with it and not with all documents of the old venture.
macro_rules! docs_to_move {
    () => {
        concat!(
            "(",
            $crate::store::venture_records::doc_to_move!(),
            " limit ",
            $crate::store::record_move::if_stage!("docs", "2"),
            ")"
        )
    };
}

/// The requirements of the old venture without a `*` that the new one does not have: of the first 100.
macro_rules! movable_name {
    () => {
        concat!(
            "select r.id from (select * from doc_requirements indexed by doc_requirements_by_venture where venture = ?1 and instr(name_pattern, '*') = 0 limit 100) r where ",
            $crate::store::venture_records::is_new_rule!()
        )
    };
}

/// The same with a `*`, while the new venture has fewer than 20, `Requirement::MAX_PATTERNS`.
macro_rules! movable_pattern {
    () => {
        concat!(
            "select r.id from (select * from doc_requirements indexed by doc_requirements_patterns where venture = ?1 and instr(name_pattern, '*') > 0 limit 100) r where ",
            $crate::store::venture_records::is_new_rule!(),
            " and 20 > (select count(*) from (select 1 from doc_requirements indexed by doc_requirements_patterns where instr(name_pattern, '*') > 0 and venture = ?3 ",
            "union all select 1 from doc_requirements indexed by doc_requirements_patterns where instr(name_pattern, '*') > 0 and venture is null limit 20))"
        )
    };
}

/// Whether the new venture has no requirement like `r`.
macro_rules! is_new_rule {
    () => {
        "not exists (select 1 from doc_requirements same where same.name_pattern = r.name_pattern \
           and same.scope_type = r.scope_type and ifnull(same.venture, '') = ?3 \
           and ifnull(same.capability, '') = ifnull(r.capability, ''))"
    };
}

/// The messages that this request moves: the oldest 40 of the old venture.
macro_rules! oldest_messages {
    () => {
        concat!(
            "select seq, id from messages indexed by messages_by_venture where venture = ?1 order by seq limit ",
            $crate::store::record_move::if_stage!("messages", "40")
        )
    };
}

/// The keys of the shared state of the old venture that the new one does not have, and never had: of the first 100. Their
/// newest versions have numbers of their own.
macro_rules! state_to_move {
    () => {
        "select named.key from (select venture, key from state_entries where venture = ?1 order by key limit 100) named \
         where not exists (select 1 from state_entries same where same.venture = ?3 and same.key = named.key)"
    };
}

/// The keys that this request moves. Each has up to 20 versions.
macro_rules! keys_of_state_to_move {
    () => {
        concat!(
            $crate::store::venture_records::state_to_move!(),
            " limit ",
            $crate::store::record_move::if_stage!("state", "4")
        )
    };
}

/// How many of them are not deleted.
macro_rules! moving_state_count {
    () => {
        concat!(
            "(select count(*) from state_entries entry where entry.venture = ?1 and entry.deleted_at is null and entry.key in (",
            keys_of_state_to_move!(),
            "))"
        )
    };
}

pub(super) use {
    doc_to_move, has_other_repo, is_new_rule, is_of_new_venture, is_taken, may_move, movable_name, movable_pattern,
    state_to_move, venture_has_notes,
};

statements! {
    // The notes are the same in all these statements, because the last one changes their venture. The index needs the
    // original terms to remove an entry.
    FORGET_NOTES = concat!("
        insert into note_search (note_search, rowid, filters, title, content)
        select 'delete', t.id, t.filters, t.title, t.content from note_terms t where t.id in (", keys_to_move!(), ")");

    CHANGE_FILTERS = concat!("
        update note_terms set filters = (
          select ", filter_terms!("?3"), " from notes n where n.number = note_terms.id)
        where id in (", keys_to_move!(), ")");

    INDEX_NOTES = concat!("
        insert into note_search (rowid, filters, title, content)
        select t.id, t.filters, t.title, t.content from note_terms t where t.id in (", keys_to_move!(), ")");

    MOVE_TAGS = concat!("update note_tags set scope = ?3 where ", tag_rows_to_move!());

    MOVE_ARCHIVED_TAGS = concat!("update archived_note_tags set scope = ?3 where ", tag_rows_to_move!());

    MOVE_NOTES = concat!("update notes set venture = ?3 where id in (", notes_to_move!(), ")");

    COPY_DOCS = concat!("
        insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at, updated_at,
          deleted_at, actor_key_id, content, source_repo, source_path)
        select ?3, moved.new_name, d.title, d.doc_type, d.content_hash, d.size_bytes, d.version, d.created_at, d.updated_at,
          d.deleted_at, d.actor_key_id, d.content, d.source_repo, d.source_path
        from ", docs_to_move!(), " moved cross join context_docs d on d.scope = moved.scope and d.name = moved.name");

    MOVE_CONFIRMATIONS = concat!("
        update doc_confirmations set scope = ?3, name = moved.new_name from ", docs_to_move!(), " moved
        where doc_confirmations.scope = moved.scope and doc_confirmations.name = moved.name");

    MOVE_VERSIONS = concat!("
        update doc_versions set scope = ?3, name = moved.new_name from ", docs_to_move!(), " moved
        where doc_versions.scope = moved.scope and doc_versions.name = moved.name");

    /// Deletes the originals: the documents without versions that have a copy.
    DELETE_ORIGINALS = concat!("
        delete from context_docs where scope = ?1
          and name in (select name from context_docs where scope = ?1 order by name limit ", if_stage!("docs", "50"), ")
          and not exists (select 1 from doc_versions w where w.scope = ?1 and w.name = context_docs.name)
          and exists (select 1 from context_docs d where d.scope = ?3 and d.name in (context_docs.name, ?1 || '.' || context_docs.name)
            and (d.content_hash, d.version, d.created_at) is (context_docs.content_hash, context_docs.version, context_docs.created_at))");

    MOVE_REQUIREMENTS = concat!(
        "update doc_requirements set venture = ?3 where id in (", movable_name!(), " limit ", if_stage!("requirements", "30"), ")");

    /// The deliveries of the oldest messages. A message has up to 200, so one request may move some of them only.
    MOVE_DELIVERIES = concat!("
        update deliveries set venture = ?3 where id in (
          select d.id from (", oldest_messages!(), ") page cross join deliveries d on ", deliveries_of!("d", "page.id"), "
          where d.venture = ?1 limit 150)");

    /// The messages whose deliveries have moved.
    MOVE_MESSAGES = concat!("
        update messages set venture = ?3 where seq in (
          select page.seq from (", oldest_messages!(), ") page where not exists (
            select 1 from deliveries d where ", deliveries_of!("d", "page.id"), " and d.venture = ?1))");

    ADD_STATE_COUNT = concat!("
        insert into state_counts (venture, keys) select ?3, ", moving_state_count!(), " where true
        on conflict (venture) do update set keys = keys + excluded.keys");

    SUBTRACT_STATE_COUNT = concat!("update state_counts set keys = keys - ", moving_state_count!(), " where venture = ?1");

    MOVE_STATE_VERSIONS = concat!("
        update state_versions set venture = ?3 where venture = ?1 and key in (", keys_of_state_to_move!(), ")");

    MOVE_STATE = concat!("
        update state_entries set venture = ?3 where venture = ?1 and key in (", keys_of_state_to_move!(), ")");

    /// One at a time, because the new venture may have room for only one more.
    MOVE_PATTERN = concat!(
        "update doc_requirements set venture = ?3 where id in (", movable_pattern!(), " limit ", if_stage!("requirements", "1"), ")");
}

/// Moves some notes, documents, requirements or messages.
pub(super) fn move_records(from: &VentureCode, records: &MoveRecords) -> Vec<Statement> {
    let notes = [FORGET_NOTES, CHANGE_FILTERS, INDEX_NOTES, MOVE_TAGS, MOVE_ARCHIVED_TAGS, MOVE_NOTES];
    let docs = [COPY_DOCS, MOVE_CONFIRMATIONS, MOVE_VERSIONS, DELETE_ORIGINALS];
    let requirements = [MOVE_REQUIREMENTS, MOVE_PATTERN];
    let messages = [MOVE_DELIVERIES, MOVE_MESSAGES];
    let state = [ADD_STATE_COUNT, SUBTRACT_STATE_COUNT, MOVE_STATE_VERSIONS, MOVE_STATE];
    let all = notes.into_iter().chain(docs).chain(requirements).chain(messages).chain(state);
    all.map(|sql| names(sql, from, records)).collect()
}

// The statements have these limits as numbers.
const _: () = assert!(DocName::MAX_CHARS == 128 && Requirement::MAX_PATTERNS == 20);
