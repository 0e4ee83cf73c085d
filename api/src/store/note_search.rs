//! The full text index of notes: kept in step by the batch that changes a note, searched by words.
//!
//! The index holds no text: it can be dropped and built again from the notes, as a backup does around an export
//! that can't carry a virtual table.

use deckwatch_protocol::{NoteFilter, NoteId, SearchText, TokenId};

use super::count_limit;
use super::list::Conditions;
use super::note::found_note_json;
use super::note_words::expression;
use super::statements;
use crate::database::{Param, Statement};
use crate::walk::Walk;

statements! {
    NUMBER = "insert into note_search_keys (note_id) values (?1)";

    INDEX = "
        insert into note_search (rowid, title, content)
        select k.id, n.title, n.content from notes n join note_search_keys k on k.note_id = n.id where n.id = ?1";

    /// The index finds what it is to forget by the text that it was made from.
    FORGET = "
        insert into note_search (note_search, rowid, title, content)
        select 'delete', k.id, n.title, n.content from notes n join note_search_keys k on k.note_id = n.id
        where n.id = ?1";

    DROP_INDEX = "drop table if exists note_search";

    /// As the migration makes it.
    CREATE_INDEX = "
        create virtual table if not exists note_search using fts5 (
          title, content, content = 'note_search_source', content_rowid = 'id',
          tokenize = 'porter unicode61 remove_diacritics 2'
        )";

    FILL_INDEX = "insert into note_search (note_search) values ('rebuild')";
}

/// Takes the index away, for an export.
pub fn drop_index() -> Statement {
    Statement::new(DROP_INDEX)
}

/// Makes the index that is not there from the notes.
pub fn rebuild_index() -> [Statement; 2] {
    [CREATE_INDEX, FILL_INDEX].map(Statement::new)
}

/// Gives a new note the number that the index knows it by.
pub(crate) fn number(id: &NoteId) -> Statement {
    Statement::new(NUMBER).bind(id)
}

/// Indexes a note as it is now.
pub(crate) fn index(id: &NoteId) -> Statement {
    Statement::new(INDEX).bind(id)
}

/// Takes a note out of the index, before its text changes.
pub(crate) fn forget(id: &NoteId) -> Statement {
    Statement::new(FORGET).bind(id)
}

/// The index and the notes it finds, in the order of the index. Matches are many: of each, only an entry of
/// a small index is read, not the note.
const LIVE: &str = "note_search cross join note_search_keys k on k.id = note_search.rowid \
                    cross join notes n indexed by notes_live on n.id = k.note_id";
const ARCHIVED: &str = "note_search cross join note_search_keys k on k.id = note_search.rowid \
                        cross join notes n indexed by notes_archived on n.id = k.note_id";

/// The page and the total of a search, best first. The 1,000 newest notes that match are ranked, so that a
/// word which stands everywhere costs no more than one that stands in 1,000 notes.
///
/// Scores move when notes are written. A page has the best of what the walk has not shown, as it stands now.
pub(crate) fn list(
    filter: &NoteFilter,
    text: &SearchText,
    walk: &Walk,
    token: Option<&TokenId>,
) -> (Statement, Statement) {
    let conditions = conditions(filter, expression(text), token);
    let from = if filter.archived == Some(true) { ARCHIVED } else { LIVE };
    let limit = filter.limit.unwrap_or_default();
    let mut params = conditions.params.clone();
    let (mut begun, mut unseen) = (String::new(), String::new());
    if let Some(newest) = walk.newest() {
        params.push(newest.into());
        begun = format!(" and note_search.rowid <= cast(?{} as integer)", params.len());
        params.push(walk.shown_json().into());
        unseen = format!("where number not in (select value from json_each(?{}))", params.len());
    }
    params.push(Param::from(limit.get() + 1));
    let items = format!(
        concat!(
            "with found as materialized (",
            "select n.id as id, k.id as number, bm25(note_search, 4.0, 1.0) as score ",
            "from {} where {}{} order by note_search.rowid desc limit ",
            count_limit!(),
            ") select f.number as number, (select max(number) from found) as newest, ",
            found_note_json!(
                "(select substr(snippet(note_search, 1, '**', '**', '…', 32), 1, 500) from note_search \
                  where note_search match ?1 and note_search.rowid = f.number)"
            ),
            " as item from (select * from found {} order by score, id desc limit ?{}) f ",
            "cross join notes n on n.id = f.id order by f.score, f.id desc"
        ),
        from,
        conditions.sql,
        begun,
        unseen,
        params.len(),
    );
    let total = format!(
        concat!("select count(*) as total from (select 1 from {} where {} limit ", count_limit!(), " + 1)"),
        from, conditions.sql,
    );
    (Statement::with(items, params), Statement::with(total, conditions.params))
}

/// Whatever is global or of the token's venture; for a token without one, everything.
const OF_TOKEN: &str =
    "(n.venture is null or n.venture = ifnull((select t.venture from tokens t where t.id = ?), n.venture))";

fn conditions(filter: &NoteFilter, expression: String, token: Option<&TokenId>) -> Conditions {
    let archived = filter.archived == Some(true);
    let (live_tag, archived_tag) = if archived { (None, filter.tag.as_ref()) } else { (filter.tag.as_ref(), None) };
    Conditions::starting_with("note_search match ?1", expression)
        .only("n.archived_at is not null", archived)
        .only("n.archived_at is null", !archived)
        .when("n.venture = ?", filter.venture.as_ref())
        .only("n.venture is null", filter.scope.is_some())
        .when(OF_TOKEN, token.filter(|_| filter.venture.is_none()))
        .when("exists (select 1 from note_tags t where t.tag = ? and t.note_id = n.id)", live_tag)
        .when("exists (select 1 from archived_note_tags t where t.tag = ? and t.note_id = n.id)", archived_tag)
}

/// The forms of [`list`]: each filter alone, and a position.
pub(super) fn composed() -> Vec<(String, String)> {
    let Ok(text) = "a".parse() else { return Vec::new() };
    let begun = "s.CBB".parse().ok().and_then(|cursor| Walk::of(&cursor));
    let statements = super::note::forms().into_iter().flat_map(|filter| {
        let walk = begun.clone().filter(|_| filter.cursor.is_some()).unwrap_or_default();
        let token = "tok_00000000000000000000000000".parse().ok();
        let (items, total) = list(&filter, &text, &walk, None);
        let (items_of_token, total_of_token) = list(&filter, &text, &walk, token.as_ref());
        [items, total, items_of_token, total_of_token]
    });
    statements.enumerate().map(|(n, s)| (format!("note_search::list {n}"), s.sql.into_owned())).collect()
}
