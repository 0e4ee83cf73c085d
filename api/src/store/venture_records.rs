//! Moves the notes, documents and requirements of a venture to another venture, some at a time. `?1` and `?2` are the
//! old venture and repository, `?3` and `?4` the new ones.
//!
//! They belong to all repositories of the old venture, so they move only if no other repository uses it. Nothing is
//! overwritten: a document whose name is taken gets the code of its old venture before its name, and a requirement that
//! the new venture has as well stays.

use deckwatch_protocol::{DocName, MoveRecords, Requirement, VentureCode};

use super::note_search::filters;
use super::records::names;
use super::statements;
use crate::database::Statement;

/// Whether the repository `$repo` is the moved one, or belongs to the new venture.
macro_rules! is_of_new_venture {
    ($repo:literal) => {
        concat!(
            "(lower(",
            $repo,
            ") in (lower(?2), lower(?4)) or exists (",
            "select 1 from ventures v cross join json_each(v.repos_json) listed ",
            "where v.code = ?3 and lower(listed.value) = lower(",
            $repo,
            ")))"
        )
    };
}

/// Whether the newest 100 rows of `$table` in the old venture have another repository.
macro_rules! has_other_repo {
    ($table:literal) => {
        concat!(
            "exists (select 1 from (select repo from ",
            $table,
            " where venture = ?1 order by id desc limit 100) r where not ",
            $crate::store::venture_records::is_of_new_venture!("r.repo"),
            ")"
        )
    };
}

/// Whether the records of the old venture may move: all sessions and handoffs of the repository have moved, and no other
/// repository uses the old venture. As a part of a limit, it is evaluated once and not for each row.
macro_rules! may_move {
    () => {
        concat!(
            "(?1 <> ?3 and not ", $crate::store::records::repo_has_records!(),
            " and not ", $crate::store::venture_records::has_other_repo!("sessions"),
            " and not ", $crate::store::venture_records::has_other_repo!("handoffs"),
            " and not exists (select 1 from ventures v cross join json_each(v.repos_json) own where v.code = ?1 and v.deleted_at is null and not ",
            $crate::store::venture_records::is_of_new_venture!("own.value"), "))"
        )
    };
}

/// The notes that this request moves: the oldest 50, with at most 300 KB of text before the last one.
macro_rules! notes_to_move {
    () => {
        concat!(
            "select id from (select page.id, sum(octet_length(page.content)) over (order by page.id) - octet_length(page.content) as before ",
            "from (select id, content from notes where venture = ?1 order by id limit 50 * ", may_move!(), ") page) where before < 300000"
        )
    };
}

/// The numbers of these notes in the full text index.
macro_rules! keys_to_move {
    () => {
        concat!("select k.id from note_search_keys k where k.note_id in (", notes_to_move!(), ")")
    };
}

/// Whether the new venture has, or had, a document with this name. A document has versions. The copy that this batch
/// makes has none yet, so all statements of the batch see the same names.
macro_rules! is_taken {
    ($name:literal) => {
        concat!("exists (select 1 from doc_versions w where w.scope = ?3 and w.name = ", $name, ")")
    };
}

/// The documents of the old venture that may move, with their new names: of the first 100, those whose name or name with
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
            "then ?1 || '.' || page.name end as new_name, page.size_bytes * min(page.version, 20) as bytes ",
            "from (select scope, name, size_bytes, version from context_docs where scope = ?1 order by name limit 100 * ",
            $crate::store::venture_records::may_move!(),
            ") page) where new_name is not null"
        )
    };
}

/// The documents that this request moves, with about 1 MB of text before the last one. They have their scope, so that a
/// join begins with them and not with all documents of the old venture.
macro_rules! docs_to_move {
    () => {
        concat!(
            "(select scope, name, new_name from (select scope, name, new_name, sum(bytes) over (order by name) - bytes as before from (",
            doc_to_move!(), ")) where before < 1000000)"
        )
    };
}

pub(super) use {doc_to_move, has_other_repo, is_of_new_venture, is_taken, may_move};

statements! {
    // The notes are the same in all these statements, because the last one changes their venture. The index needs the
    // original terms to remove an entry.
    FORGET_NOTES = concat!("
        insert into note_search (note_search, rowid, filters, title, content)
        select 'delete', t.id, t.filters, t.title, t.content from note_terms t where t.id in (", keys_to_move!(), ")");

    CHANGE_FILTERS = concat!("
        update note_terms set filters = (
          select ", filters!("?3"), " from note_search_keys k cross join notes n on n.id = k.note_id where k.id = note_terms.id)
        where id in (", keys_to_move!(), ")");

    INDEX_NOTES = concat!("
        insert into note_search (rowid, filters, title, content)
        select t.id, t.filters, t.title, t.content from note_terms t where t.id in (", keys_to_move!(), ")");

    MOVE_TAGS = concat!("update note_tags set scope = ?3 where note_id in (", notes_to_move!(), ")");

    MOVE_ARCHIVED_TAGS = concat!("update archived_note_tags set scope = ?3 where note_id in (", notes_to_move!(), ")");

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
    DELETE_ORIGINALS = "
        delete from context_docs where scope = ?1
          and name in (select name from context_docs where scope = ?1 order by name limit 100)
          and not exists (select 1 from doc_versions w where w.scope = ?1 and w.name = context_docs.name)
          and exists (select 1 from context_docs d where d.scope = ?2 and d.name in (context_docs.name, ?1 || '.' || context_docs.name)
            and (d.content_hash, d.version, d.created_at) is (context_docs.content_hash, context_docs.version, context_docs.created_at))";

    /// The number of patterns of one venture stays limited to `?5`.
    MOVE_REQUIREMENTS = concat!("
        update doc_requirements set venture = ?3 where id in (
          select id from (
            select r.id, instr(r.name_pattern, '*') > 0 as is_pattern,
              sum(instr(r.name_pattern, '*') > 0) over (order by r.id) as patterns
            from doc_requirements r where r.venture = ?1 and ", may_move!(), " and not exists (
              select 1 from doc_requirements same where same.name_pattern = r.name_pattern and same.scope_type = r.scope_type
                and same.venture = ?3 and ifnull(same.capability, '') = ifnull(r.capability, '')))
          where not is_pattern or patterns <= ?5 - (
            select count(*) from doc_requirements where instr(name_pattern, '*') > 0 and ifnull(venture, ?3) = ?3))");
}

/// Moves some notes and documents, and all requirements.
pub(super) fn move_records(from: &VentureCode, records: &MoveRecords) -> Vec<Statement> {
    let notes = [FORGET_NOTES, CHANGE_FILTERS, INDEX_NOTES, MOVE_TAGS, MOVE_ARCHIVED_TAGS, MOVE_NOTES];
    let docs = [COPY_DOCS, MOVE_CONFIRMATIONS, MOVE_VERSIONS];
    let mut steps: Vec<Statement> = notes.into_iter().chain(docs).map(|sql| names(sql, from, records)).collect();
    steps.push(Statement::new(DELETE_ORIGINALS).bind(from).bind(&records.to_venture));
    steps.push(names(MOVE_REQUIREMENTS, from, records).bind(Requirement::MAX_PATTERNS));
    steps
}

// The statement has the limit of a name as a number.
const _: () = assert!(DocName::MAX_CHARS == 128);
