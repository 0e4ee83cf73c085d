//! Indexes notes that are older than the index, some at a time. The program that opens the database does it, and so
//! does the sweep.

use serde_json::{Value, json};

use super::note_search::filter_terms;
use super::statements;
use crate::database::{Row, Statement, number, text};
use crate::search::{ContentTerms, TitleTerms};

statements! {
    /// Selects at most 100 notes, with at most 300 KB of text before the last one.
    WAITING = "
        select id, version, title, content from (
          select n.id, n.version, n.title, n.content,
            sum(octet_length(n.content)) over (order by n.id) - octet_length(n.content) as before
          from (select note_id from notes_to_index order by note_id limit 100) q cross join notes n on n.id = q.note_id)
        where before < 300000 order by id";

    /// A note that was changed after it was read stays in the waiting list.
    TERMS = concat!("
        insert into note_terms (id, title, content, filters)
        select n.number, json_extract(j.value, '$.title'), json_extract(j.value, '$.content'), ", filter_terms!(), "
        from json_each(?1) j cross join notes_to_index q on q.note_id = json_extract(j.value, '$.id')
        cross join notes n on n.id = q.note_id and n.version = json_extract(j.value, '$.version')
        where true on conflict do nothing");

    /// Selects notes that still wait and have terms.
    RANK = "
        insert into note_ranks (number, head, often)
        select n.number, json_extract(j.value, '$.head'), json_extract(j.value, '$.often')
        from json_each(?1) j cross join notes_to_index q on q.note_id = json_extract(j.value, '$.id')
        cross join notes n on n.id = q.note_id cross join note_terms t on t.id = n.number
        where true on conflict (number) do update set head = excluded.head, often = excluded.often";

    IN_PART = "
        update notes set indexed_in_part = 1
        where id in (select value from json_each(?1)) and exists (
          select 1 from note_terms t where t.id = notes.number)";

    INDEX = "
        insert into note_search (rowid, filters, title, content)
        select t.id, t.filters, t.title, t.content
        from json_each(?1) j cross join notes_to_index q on q.note_id = j.value
        cross join notes n on n.id = q.note_id cross join note_terms t on t.id = n.number";

    DONE = "
        delete from notes_to_index where note_id in (select value from json_each(?1)) and exists (
          select 1 from notes n cross join note_terms t on t.id = n.number where n.id = notes_to_index.note_id)";
}

/// Selects some of the notes that wait to be indexed.
pub fn waiting() -> Statement {
    Statement::new(WAITING)
}

/// Indexes the notes that [`waiting`] selected.
pub fn indexed(notes: &[Row]) -> Vec<Statement> {
    let (mut ids, mut in_part, mut terms, mut ranks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for note in notes {
        let (Some(id), Some(version)) = (text(note, "id"), number(note, "version")) else { continue };
        let (Some(title), Some(content)) = (text(note, "title"), text(note, "content")) else { continue };
        let (title, content) = (TitleTerms::of(title), ContentTerms::of(content));
        ids.push(id);
        in_part.extend(content.in_part.then_some(id));
        terms.push(json!({ "id": id, "version": version, "title": title.terms, "content": content.terms }));
        ranks.push(json!({ "id": id, "head": title.head, "often": content.frequent }));
    }
    let ids = Value::from(ids).to_string();
    vec![
        Statement::new(TERMS).bind(Value::from(terms).to_string()),
        Statement::new(RANK).bind(Value::from(ranks).to_string()),
        Statement::new(IN_PART).bind(Value::from(in_part).to_string()),
        Statement::new(INDEX).bind(ids.clone()),
        Statement::new(DONE).bind(ids),
    ]
}
