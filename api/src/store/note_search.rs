//! The full text index of notes. The batch that changes a note also updates the index. `search` builds the terms of
//! a search.
//!
//! The index holds no text, so it can be dropped and rebuilt from the terms of the notes. A backup does this,
//! because an export can't contain a virtual table.

use std::fmt::Write;

use deckwatch_protocol::{Limit, NoteFilter, NoteId, NoteKind, TokenId};

use super::forms::{Forms, every_form, filters};
use super::indexed_list::PageStatements;
use super::note::{NoteInBatch, found_note_json, known_or_newest, newest_number, normal_form};
use super::statements;
use crate::database::{Param, Statement};
use crate::search::{ContentTerms, EXCERPT_WINDOW, Matching, Query, QueryTerm, TitleTerms};
use crate::search_cursor::{SearchCursor, ranked_limit};

/// The filter values of the note `n` as terms. A search uses the same terms. `$venture` is the note's venture or null.
macro_rules! filter_terms {
    () => {
        $crate::store::note_search::filter_terms!("n.venture")
    };
    ($venture:literal) => {
        concat!(
            "case when n.archived_at is null then iif(",
            $crate::store::note::is_memory!("n.id"),
            ", '+memory +memory:', '+live +live:') else iif(",
            $crate::store::note::is_memory!("n.id"),
            ", '+forgotten +forgotten:', '+archived +archived:') end || ifnull(",
            $venture,
            ", '') || ifnull((select group_concat(' #' || hex(j.value), '') from json_each(n.tags_json) j), '')"
        )
    };
}
pub(super) use filter_terms;

statements! {
    RANK = concat!("
        insert into note_ranks (number, head, often)
        select n.number, ?1, ?2 from notes n where n.number = ", newest_number!());

    TERMS = concat!("
        insert into note_terms (id, title, content, filters)
        select n.number, ?1, ?2, ", filter_terms!(), " from notes n where n.number = ", newest_number!());

    /// A null keeps the stored value.
    CHANGE_RANK = "
        update note_ranks set head = ifnull(?2, head), often = ifnull(?3, often)
        where number = (select n.number from notes n where n.id = ?1)";

    /// A null keeps the stored value.
    CHANGE_TERMS = concat!("
        update note_terms set title = ifnull(?2, title), content = ifnull(?3, content),
          filters = (select ", filter_terms!(), " from notes n where n.id = ?1)
        where id = (select n.number from notes n where n.id = ?1)");

    INDEX = concat!("
        insert into note_search (rowid, filters, title, content)
        select t.id, t.filters, t.title, t.content from note_terms t
        where t.id = (select n.number from notes n where n.id = ", known_or_newest!(), ")");

    /// The index needs the original terms to remove an entry.
    FORGET = "
        insert into note_search (note_search, rowid, filters, title, content)
        select 'delete', t.id, t.filters, t.title, t.content from note_terms t
        where t.id = (select n.number from notes n where n.id = ?1)";

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

/// Stores the terms of the note that this batch created, and adds it to the index.
pub(crate) fn add(title: &TitleTerms, content: &ContentTerms) -> [Statement; 3] {
    [
        Statement::new(RANK).bind(&title.head).bind(&content.frequent),
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

/// The page of a search, best first, with its total. The search ranks the 250 newest notes that contain all words. If there
/// are fewer, it also ranks the newest notes with words that begin with these words, up to 250 in all. So a very frequent
/// word costs no more than one that occurs in 250 notes. If there are 250, the total is a minimum.
///
/// The score of a match depends only on its note: for each term, whether the title contains it or the text contains
/// it often, and a little on whether all words match as whole words. Among equal scores, the newest note is first.
pub(crate) fn list(
    filter: &NoteFilter,
    query: &Query,
    search_cursor: &SearchCursor,
    token: Option<&TokenId>,
) -> PageStatements {
    let filters = SearchFilters {
        query: query.clone(),
        archived: filter.archived == Some(true),
        memory: filter.kind == Some(NoteKind::Memory),
        token: token.filter(|_| filter.venture.is_none() && filter.scope.is_none()).map(Param::from),
        before: search_cursor.newest().map(|newest| [newest.into(), search_cursor.shown_text().into()]),
    };
    let narrowed = narrowed(filter, filters.state());
    PageStatements { items: filters.page(&narrowed, filter.limit.unwrap_or_default()), total: None }
}

/// The filter as further terms of the index.
fn narrowed(filter: &NoteFilter, state: &str) -> String {
    let mut terms = String::new();
    if let Some(venture) = &filter.venture {
        let _ = write!(terms, " AND \"+{state}:{}\"", venture.as_str());
    }
    if filter.scope.is_some() {
        let _ = write!(terms, " AND \"+{state}:\"");
    }
    if let Some(tag) = &filter.tag {
        let hex = base16ct::upper::encode_string(normal_form(tag).as_bytes());
        let _ = write!(terms, " AND \"#{hex}\"");
    }
    terms
}

filters! {
    /// What the statement of a search depends on. `token` is given only if the filter names neither a venture nor a
    /// scope. `before` is the newest match when the search began, and the numbers of the notes that were shown.
    SearchFilters {
        query: Query,
        archived: bool,
        memory: bool,
        token: Option<Param>,
        before: Option<[Param; 2]>,
    }
}

impl Forms for [Param; 2] {
    fn forms() -> Vec<Self> {
        vec![[Param::Null, Param::Null]]
    }
}

/// A search without terms, and with one or more terms than are ranked: with or without a prefix, in one form or two.
impl Forms for Query {
    fn forms() -> Vec<Self> {
        let shapes = [0, 1, RANKED_TERMS + 1].into_iter().flat_map(|terms| [(terms, 1), (terms, 2)]);
        shapes.flat_map(|(terms, forms)| [false, true].map(|prefix| Self::of_shape(terms, forms, prefix))).collect()
    }
}

impl SearchFilters {
    fn state(&self) -> &'static str {
        match (self.memory, self.archived) {
            (false, false) => "live",
            (false, true) => "archived",
            (true, false) => "memory",
            (true, true) => "forgotten",
        }
    }

    /// The matches are collected once, in the order of their scores. So the same rows give the page and the total. Without
    /// a match, there is one row without a key.
    fn page(&self, narrowed: &str, limit: Limit) -> Statement {
        let mut bound = Bound::default();
        let whole = self.matches(Matching::WholeWords, narrowed, &mut bound);
        let longer = self.query.has_beginnings().then(|| self.matches(Matching::LongerWords, narrowed, &mut bound));
        let (mut before_search, mut unseen) = (String::new(), String::new());
        if let Some([newest, shown]) = &self.before {
            before_search = format!(" and rowid <= cast({} as integer)", bound.place(newest.clone()));
            unseen = format!(" filter (where instr({}, ',' || number || ',') = 0)", bound.place(shown.clone()));
        }
        let newest = |matches: &str, whole: u32| {
            format!(
                concat!(
                    "select number, {} as whole from (select rowid as number from note_search where {}{} ",
                    "order by rowid desc limit ",
                    ranked_limit!(),
                    ")"
                ),
                whole, matches, before_search
            )
        };
        // The second part is read only as far as the first one leaves room.
        let found = [(Some(whole), 2), (longer, 0)]
            .into_iter()
            .filter_map(|(matches, whole)| matches.map(|matches| newest(&matches, whole)));
        let found = found.collect::<Vec<_>>().join(" union all ");
        let score = self.score(&mut bound);
        let limit = bound.place(limit.get() + 1);
        let sql = format!(
            concat!(
                "with ranked as materialized (select count(*) as total, max(number) as newest, ",
                "json_group_array(number order by score desc, number desc){unseen} as numbers from (",
                "select f.number, f.whole{score} as score from (select * from ({found}) limit ",
                ranked_limit!(),
                ") f cross join note_ranks k on k.number = f.number)) ",
                "select n.id as key, n.number as number, ranked.newest as newest, ranked.total as total, ",
                "ranked.total >= ",
                ranked_limit!(),
                " as total_is_minimum, exists (select 1 from notes_to_index) as unindexed, {item} as item, ",
                "substr(n.content, 1, {opening}) as opening, octet_length(n.content) as bytes ",
                "from ranked left join json_each(ranked.numbers) j left join notes n on n.number = j.value limit {limit}"
            ),
            unseen = unseen,
            score = score,
            found = found,
            item = found_note_json!(""),
            opening = EXCERPT_WINDOW,
            limit = limit,
        );
        Statement::with(sql, bound.0)
    }

    /// The condition that a note matches. The filter values are also terms of the index, so the index skips other
    /// notes.
    fn matches(&self, matching: Matching, narrowed: &str, bound: &mut Bound) -> String {
        let Some(terms) = self.query.expression(matching) else {
            // An empty expression is a syntax error. An empty term next to other terms would match every note.
            return format!("note_search match {}", bound.place("\"\""));
        };
        let state = self.state();
        let expression = bound.place(format!("{terms}{narrowed} AND \"+{state}\""));
        let Some(token) = &self.token else { return format!("note_search match {expression}") };
        // The notes that are global or belong to the token's venture. For a token without a venture, all notes.
        let token = bound.place(token.clone());
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

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("note_search::list", |filters: &SearchFilters| [filters.page("", Limit::default())])
}
