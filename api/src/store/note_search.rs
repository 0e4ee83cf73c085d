//! The full text index of notes. The batch that changes a note also updates the index. `search` builds the terms of
//! a search.
//!
//! The index holds no text, so it can be dropped and rebuilt from the terms of the notes. A backup does this,
//! because an export can't contain a virtual table.

use std::fmt::Write;

use deckwatch_protocol::{NoteFilter, NoteId, TokenId};

use super::note::{NoteInBatch, found_note_json, known_or_newest, normal_form};
use super::{count_limit, statements};
use crate::database::{Param, Statement};
use crate::search::{ContentTerms, EXCERPT_WINDOW, Matching, Query, QueryTerm, TitleTerms};
use crate::search_cursor::SearchCursor;

/// The filter values of the note `n` as terms. A search uses the same terms. `$venture` is the note's venture or null.
macro_rules! filters {
    () => {
        $crate::store::note_search::filters!("n.venture")
    };
    ($venture:literal) => {
        concat!(
            "case when n.archived_at is null then '+live +live:' else '+archived +archived:' end || ifnull(",
            $venture,
            ", '') || ifnull((select group_concat(' #' || hex(j.value), '') from json_each(n.tags_json) j), '')"
        )
    };
}
pub(super) use filters;

statements! {
    NUMBER = "insert into note_search_keys (note_id, head, often) select max(id), ?1, ?2 from notes";

    TERMS = concat!("
        insert into note_terms (id, title, content, filters)
        select k.id, ?1, ?2, ", filters!(), " from note_search_keys k cross join notes n on n.id = k.note_id
        where k.note_id = (select max(id) from notes)");

    /// A null keeps the stored value.
    CHANGE_RANK = "
        update note_search_keys set head = ifnull(?2, head), often = ifnull(?3, often) where note_id = ?1";

    /// A null keeps the stored value.
    CHANGE_TERMS = concat!("
        update note_terms set title = ifnull(?2, title), content = ifnull(?3, content),
          filters = (select ", filters!(), " from notes n where n.id = ?1)
        where id = (select k.id from note_search_keys k where k.note_id = ?1)");

    INDEX = concat!("
        insert into note_search (rowid, filters, title, content)
        select t.id, t.filters, t.title, t.content from note_terms t
        where t.id = (select k.id from note_search_keys k where k.note_id = ", known_or_newest!(), ")");

    /// The index needs the original terms to remove an entry.
    FORGET = "
        insert into note_search (note_search, rowid, filters, title, content)
        select 'delete', t.id, t.filters, t.title, t.content from note_terms t
        where t.id = (select k.id from note_search_keys k where k.note_id = ?1)";

    DROP_INDEX = "drop table if exists note_search";

    /// The same definition as in the migration.
    CREATE_INDEX = "
        create virtual table if not exists note_search using fts5 (
          filters, title, content, content = 'note_terms', content_rowid = 'id', columnsize = 0, detail = none,
          prefix = '3 4 5 6 7 8 9 10 11 12', tokenize = \"ascii tokenchars '+#:_-'\"
        )";

    FILL_INDEX = "insert into note_search (note_search) values ('rebuild')";
}

/// Drops the index, for an export.
pub fn drop_index() -> Statement {
    Statement::new(DROP_INDEX)
}

/// Rebuilds the missing index from the terms of the notes.
pub fn rebuild_index() -> [Statement; 2] {
    [CREATE_INDEX, FILL_INDEX].map(Statement::new)
}

/// Gives the note that this batch created its number in the index and its terms, and adds it to the index.
pub(crate) fn add(title: &TitleTerms, content: &ContentTerms) -> [Statement; 3] {
    [
        Statement::new(NUMBER).bind(&title.head).bind(&content.frequent),
        Statement::new(TERMS).bind(&title.terms).bind(&content.terms),
        index(NoteInBatch::Newest),
    ]
}

/// Adds a note that [`forget`] removed to the index again, with its current data and its new terms, if any.
pub(crate) fn change(id: &NoteId, title: Option<&TitleTerms>, content: Option<&ContentTerms>) -> [Statement; 3] {
    let (head, title) = title.map(|title| (&title.head, &title.terms)).unzip();
    let (often, content) = content.map(|content| (&content.frequent, &content.terms)).unzip();
    [
        Statement::new(CHANGE_RANK).bind(id).bind(head).bind(often),
        Statement::new(CHANGE_TERMS).bind(id).bind(title).bind(content),
        index(NoteInBatch::Known(id)),
    ]
}

fn index(note: NoteInBatch) -> Statement {
    Statement::new(INDEX).bind(note)
}

/// Removes a note from the index. It must run before the note changes.
pub(crate) fn forget(id: &NoteId) -> Statement {
    Statement::new(FORGET).bind(id)
}

/// Maximum number of terms that rank the matches. The other terms must also match, but do not rank.
const RANKED_TERMS: usize = 6;

/// The page and the total of a search, best first. The search ranks the 1,000 newest notes that contain all words.
/// If there are fewer, it also ranks the 1,000 newest notes with words that begin with these words. So a very
/// frequent word costs no more than one that occurs in 1,000 notes.
///
/// The score of a match depends only on its note: for each term, whether the title contains it or the text contains
/// it often, and a little on whether all words match as whole words. Among equal scores, the newest note is first.
pub(crate) fn list(
    filter: &NoteFilter,
    query: &Query,
    search_cursor: &SearchCursor,
    token: Option<&TokenId>,
) -> (Statement, Statement) {
    let search = Search { filter, query, token: token.filter(|_| filter.venture.is_none() && filter.scope.is_none()) };
    (search.page(search_cursor), search.total())
}

/// With a token, the filter names neither a venture nor a scope.
struct Search<'a> {
    filter: &'a NoteFilter,
    query: &'a Query,
    token: Option<&'a TokenId>,
}

impl Search<'_> {
    fn page(&self, search_cursor: &SearchCursor) -> Statement {
        let mut bound = Bound::default();
        let whole = self.matches(Matching::WholeWords, &mut bound);
        let longer = self.query.has_beginnings().then(|| self.matches(Matching::Beginnings, &mut bound));
        let (mut before_search, mut unseen) = (String::new(), String::new());
        if let Some(newest) = search_cursor.newest() {
            before_search = format!(" and rowid <= cast({} as integer)", bound.place(newest));
            unseen = format!(
                " where f.number not in (select value from json_each({}))",
                bound.place(search_cursor.shown_json())
            );
        }
        let newest = |matches: &str, limit: &str| {
            format!(
                "select rowid as number from note_search where {matches}{before_search} order by rowid desc limit {limit}"
            )
        };
        let longer = longer.map(|longer| {
            let longer =
                newest(&longer, concat!(count_limit!(), " * ((select count(*) from whole) < ", count_limit!(), ")"));
            format!(" union all select number, 0 from ({longer}) where number not in (select number from whole)")
        });
        let score = self.score(&mut bound);
        let limit = bound.place(self.filter.limit.unwrap_or_default().get() + 1);
        let sql = format!(
            "with whole as materialized ({}), \
               found as materialized (select number, 2 as whole from whole{}), \
               ranked as (select f.number, f.whole{score} as score from found f \
                 cross join note_search_keys k on k.id = f.number{unseen} order by score desc, f.number desc limit {limit}) \
             select r.number as number, (select max(number) from found) as newest, {} as item, \
               substr(n.content, 1, {EXCERPT_WINDOW}) as opening, octet_length(n.content) as bytes \
             from ranked r cross join note_search_keys k on k.id = r.number cross join notes n on n.id = k.note_id \
             order by r.score desc, r.number desc",
            newest(&whole, count_limit!()),
            longer.unwrap_or_default(),
            found_note_json!(""),
        );
        Statement::with(sql, bound.0)
    }

    /// One row with `total` (the count stops at one more than the limit), and `unindexed`, which says whether notes
    /// wait to be indexed.
    fn total(&self) -> Statement {
        let mut bound = Bound::default();
        let matches = self.matches(Matching::Beginnings, &mut bound);
        let sql = format!(
            concat!(
                "select count(*) as total, exists (select 1 from notes_to_index) as unindexed ",
                "from (select 1 from note_search where {} limit ",
                count_limit!(),
                " + 1)"
            ),
            matches,
        );
        Statement::with(sql, bound.0)
    }

    /// The condition that a note matches. The filter values are also terms of the index, so the index skips other
    /// notes.
    fn matches(&self, matching: Matching, bound: &mut Bound) -> String {
        let Some(terms) = self.query.expression(matching) else {
            // An empty expression is a syntax error. An empty term next to other terms would match every note.
            return format!("note_search match {}", bound.place("\"\""));
        };
        let state = if self.filter.archived == Some(true) { "archived" } else { "live" };
        let mut expression = terms;
        if let Some(venture) = &self.filter.venture {
            let _ = write!(expression, " AND \"+{state}:{}\"", venture.as_str());
        }
        if self.filter.scope.is_some() {
            let _ = write!(expression, " AND \"+{state}:\"");
        }
        if let Some(tag) = &self.filter.tag {
            let hex = base16ct::upper::encode_string(normal_form(tag).as_bytes());
            let _ = write!(expression, " AND \"#{hex}\"");
        }
        let expression = bound.place(format!("{expression} AND \"+{state}\""));
        let Some(token) = self.token else { return format!("note_search match {expression}") };
        // The notes that are global or belong to the token's venture. For a token without a venture, all notes.
        let token = bound.place(token);
        format!(
            "note_search match ({expression} || (select iif(t.venture is null, '', \
             ' AND (\"+{state}:\" OR \"+{state}:' || t.venture || '\")') from tokens t where t.id = {token}))"
        )
    }

    /// The score of a match, as terms of a sum.
    fn score(&self, bound: &mut Bound) -> String {
        self.query.terms.iter().take(RANKED_TERMS).map(|term| score_of(term, bound)).collect()
    }
}

fn score_of(term: &QueryTerm, bound: &mut Bound) -> String {
    let spaced = |form: &String| if term.unspaced { form.clone() } else { format!(" {form} ") };
    let forms: Vec<String> = term.forms.iter().map(|form| bound.place(spaced(form))).collect();
    let any = |of: &str| forms.iter().map(|form| format!("instr(k.{of}, {form})")).collect::<Vec<_>>().join(" or ");
    let prefix_case = term.prefix.as_ref().map(|prefix| bound.place(format!(" {prefix}")));
    let prefix_case = prefix_case.map(|prefix| format!("when instr(k.head, {prefix}) then 6 "));
    let (head, often) = (any("head"), any("often"));
    format!(" + case when {head} then 8 {}when {often} then 3 else 0 end", prefix_case.unwrap_or_default())
}

/// The parameters of a statement so far.
#[derive(Default)]
struct Bound(Vec<Param>);

impl Bound {
    /// Binds a value and returns its parameter.
    fn place(&mut self, param: impl Into<Param>) -> String {
        self.0.push(param.into());
        format!("?{}", self.0.len())
    }
}

/// The variants of [`list`]: each filter alone, and a position.
pub(super) fn composed() -> Vec<(String, String)> {
    let second_page = "s.CBB".parse().ok().and_then(|cursor| SearchCursor::of(&cursor));
    let queries = ["one two", "日本", "-"].map(Query::of);
    let statements = super::note::forms().into_iter().flat_map(|filter| {
        let search_cursor = second_page.clone().filter(|_| filter.cursor.is_some()).unwrap_or_default();
        let token: Option<TokenId> = "tok_00000000000000000000000000".parse().ok();
        let of = |query, token: Option<&TokenId>| <[Statement; 2]>::from(list(&filter, query, &search_cursor, token));
        queries.iter().flat_map(|query| [of(query, None), of(query, token.as_ref())]).flatten().collect::<Vec<_>>()
    });
    statements.enumerate().map(|(n, s)| (format!("note_search::list {n}"), s.sql.into_owned())).collect()
}
