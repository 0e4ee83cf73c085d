//! Current documents: put, delete, read and list. `doc_version` has their history, and `doc_audit` compares them
//! with the requirements.

use deckwatch_protocol::{DocFilter, DocName, DocScope, Limit, PutDoc, Timestamp, TokenId, VentureCode};

use super::event::append;
use super::forms::{every_form, filters};
use super::list::{Conditions, List, Order};
use super::responses::{SelectResponse, responses};
use super::statements;
use crate::database::{Param, Statement};

/// The members of a document that the start of day shows. `$d` has the columns of the document. `$updated_at` is the
/// time of the last change of its content.
macro_rules! doc_summary_members {
    ($d:literal, $updated_at:literal) => {
        concat!(
            "'scope', ",
            $d,
            ".scope, 'name', ",
            $d,
            ".name, 'title', ",
            $d,
            ".title, 'doc_type', ",
            $d,
            ".doc_type, ",
            "'version', ",
            $d,
            ".version, 'content_hash', ",
            $d,
            ".content_hash, 'size_bytes', ",
            $d,
            ".size_bytes, ",
            "'updated_at', ",
            $updated_at
        )
    };
}

/// The other members of the document `d`.
macro_rules! doc_members {
    () => {
        "'source_repo', d.source_repo, 'source_path', d.source_path, 'created_at', d.created_at, \
         'actor_key_id', d.actor_key_id"
    };
}

/// The document `d` without its content. `$first` are additional members, each followed by a comma.
macro_rules! doc_json {
    ($first:literal) => {
        concat!("json_object(", $first, doc_summary_members!("d", "d.updated_at"), ", ", doc_members!(), ")")
    };
}

/// Whether a put has the same content as the stored document.
macro_rules! is_unchanged {
    () => {
        "context_docs.deleted_at is null and context_docs.content_hash = excluded.content_hash"
    };
}

/// The key that orders the list of documents.
macro_rules! doc_key {
    () => {
        "d.scope || '.' || d.name"
    };
}

/// The largest exact number of documents in the answer to `start_day`.
macro_rules! doc_index_limit {
    () => {
        100
    };
}

/// The first documents of a scope by name, one more than are counted.
macro_rules! first_docs {
    ($scope:literal) => {
        concat!(
            "select * from (select d.scope, d.name, d.title, d.doc_type, d.version, d.content_hash, d.size_bytes, d.updated_at ",
            "from context_docs d where d.scope = ",
            $scope,
            " and d.deleted_at is null order by ",
            doc_key!(),
            " limit ",
            doc_index_limit!(),
            " + 1)"
        )
    };
}

/// The documents for session `s`: those of the venture, then the global ones, by name. 50 are shown. Each is read once, to be
/// counted and to be shown.
macro_rules! doc_index_json {
    () => {
        concat!(
            "(select json_insert(json_object('total', min(n, ", doc_index_limit!(), "), 'shown', min(n, 50), 'items', ",
            "json(iif(n <= 50, items, ", $crate::store::first_items!(50 of "items"), "))), ",
            "iif(n > ", doc_index_limit!(), ", '$.total_is_minimum', '$.total'), json('true')) ",
            "from (select count(*) as n, json_group_array(json_object(", doc_summary_members!("listed", "listed.updated_at"), ")) as items ",
            "from (", first_docs!("s.venture"), " union all ", first_docs!("'global'"), " limit ", doc_index_limit!(), " + 1) listed))"
        )
    };
}

pub(super) use {doc_index_json, doc_index_limit, doc_key, doc_summary_members, first_docs};

statements! {
    UNLESS_SCOPE = "
        insert into refusals (reason) select 'scope_not_registered'
        where not exists (select 1 from ventures where code = ?1 and deleted_at is null)";

    /// A document has versions, also after its deletion.
    UNLESS_KNOWN = "
        insert into refusals (reason) select 'doc_not_found'
        where not exists (select 1 from context_docs d where d.scope = ?1 and d.name = ?2)";

    UNLESS_LIVE = "
        insert into refusals (reason) select 'doc_not_found'
        where not exists (select 1 from context_docs d where d.scope = ?1 and d.name = ?2 and d.deleted_at is null)";

    /// `?3` is a JSON array of hashes, or null for any content.
    UNLESS_CONTENT = "
        insert into refusals (reason) select 'doc_changed'
        where not exists (select 1 from context_docs d where d.scope = ?1 and d.name = ?2 and d.deleted_at is null
          and (?3 is null or d.content_hash in (select value from json_each(?3))))";

    /// `?3` is the same as above.
    IF_CONTENT = "
        insert into refusals (reason) select 'doc_changed'
        where exists (select 1 from context_docs d where d.scope = ?1 and d.name = ?2 and d.deleted_at is null
          and (?3 is null or d.content_hash in (select value from json_each(?3))))";

    /// Fails unless a requirement allows the document to be generated, or the token `?3` may put any document.
    /// Patterns work as in the audit. In the name of a global document, any text may take the place of the venture.
    UNLESS_GENERATED = "
        insert into refusals (reason) select 'doc_not_generated'
        where not exists (
          select 1 from (
            select *, replace(name_pattern, '{venture}', iif(?1 = 'global', '*', ?1)) as pattern from doc_requirements
            where auto_generate = 1 and scope_type = iif(?1 = 'global', 'global', 'venture')
          ) r
          where (?1 = 'global' or r.venture is null or r.venture = ?1)
            and (?1 = 'global' or r.capability is null
              or instr((select capabilities_json from ventures where code = ?1), json_quote(r.capability)) > 0)
            and case when r.pattern not glob '*[*?[]*' then ?2 = r.pattern
              when length(cast(r.pattern as blob)) <= 50 then ?2 glob r.pattern else false end)
        and not exists (
          select 1 from tokens t, json_each(t.scopes_json) j where t.id = ?3 and j.value in ('admin', 'docs:write'))";

    /// If the content does not change, the version, its time and its author do not change either.
    PUT = concat!(
        "insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at, updated_at, ",
        "actor_key_id, source_repo, source_path, content) ",
        "values (?1, ?2, ?3, ?4, ?5, length(cast(?10 as blob)), 1, ?6, ?6, ?7, ?8, ?9, ?10) ",
        "on conflict (scope, name) do update set title = excluded.title, doc_type = excluded.doc_type, ",
        "source_repo = excluded.source_repo, source_path = excluded.source_path, deleted_at = null, ",
        "content_hash = excluded.content_hash, size_bytes = excluded.size_bytes, content = excluded.content, ",
        "version = context_docs.version + iif(", is_unchanged!(), ", 0, 1), ",
        "updated_at = iif(", is_unchanged!(), ", context_docs.updated_at, excluded.updated_at), ",
        "actor_key_id = iif(", is_unchanged!(), ", context_docs.actor_key_id, excluded.actor_key_id) ",
        "where not (", is_unchanged!(), ") or (context_docs.title, context_docs.doc_type, ",
        "ifnull(context_docs.source_repo, ''), ifnull(context_docs.source_path, '')) is not ",
        "(excluded.title, excluded.doc_type, ifnull(excluded.source_repo, ''), ifnull(excluded.source_path, ''))"
    );

    /// A put confirms the document, also if it changes nothing. The audit reads only the confirmations.
    CONFIRM = "
        insert into doc_confirmations (scope, name, confirmed_at) values (?1, ?2, ?3)
        on conflict (scope, name) do update set confirmed_at = excluded.confirmed_at";

    /// The versions keep the earlier contents.
    DELETE = "
        update context_docs set version = version + 1, updated_at = ?3, deleted_at = ?3, actor_key_id = ?4, size_bytes = 0,
          content = ''
        where scope = ?1 and name = ?2 and deleted_at is null";

    /// The audit reads the confirmations of existing documents only.
    DELETE_CONFIRMATION = "delete from doc_confirmations where scope = ?1 and name = ?2";

    SELECT = concat!(
        "select ", doc_json!(""), " as body, d.content from context_docs d ",
        "where d.scope = ?1 and d.name = ?2 and d.deleted_at is null"
    );

    /// The newest version of a document, if this batch has created it: it has the change id `?3`, which is empty for a
    /// deletion.
    APPEND_EVENT = append!("
        select iif(d.scope = 'global', null, d.scope), 'doc_changed', d.scope || '/' || d.name, null, null, ?4,
          json_object('version', d.version, 'deleted', json(iif(d.deleted_at is null, 'false', 'true')))
        from context_docs d cross join doc_versions w on w.scope = d.scope and w.name = d.name and w.version = d.version
        where d.scope = ?1 and d.name = ?2 and w.change_id = ?3");
}

responses! {
    /// The newest version `w` belongs to this request if its change id is `?3`. If a text `p` exists before it, the
    /// put was an update.
    SELECT_RESPONSE = concat!(
        "select iif(w.change_id is ?3 and p.version is null, 201, 200), ",
        doc_json!("'outcome', case when w.change_id is not ?3 then 'unchanged' when p.version is null then 'created' else 'updated' end, "),
        ", null, null from context_docs d ",
        "left join doc_versions w on w.scope = d.scope and w.name = d.name and w.version = d.version ",
        "left join doc_versions p on p.scope = d.scope and p.name = d.name and p.version = d.version - 1 ",
        "and p.content is not null where d.scope = ?1 and d.name = ?2"
    );
}

/// The scope and name of a document.
pub(crate) struct DocLocation {
    pub(crate) scope: DocScope,
    pub(crate) name: DocName,
}

impl DocLocation {
    /// A statement with the scope and the name as `?1` and `?2`.
    pub(super) fn bind(&self, sql: &'static str) -> Statement {
        Statement::new(sql).bind(&self.scope).bind(&self.name)
    }
}

/// The fields of a new document that its author does not set.
pub(crate) struct NewDoc<'a> {
    pub(crate) place: &'a DocLocation,
    pub(crate) title: String,
    /// The SHA-256 of the content in hexadecimal.
    pub(crate) content_hash: String,
    /// Identifies this put, if it creates a version.
    pub(crate) change_id: String,
    pub(crate) now: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) correlation_id: &'a str,
}

/// Fails the batch unless the venture of the document is registered.
pub(crate) fn unless_scope(venture: &VentureCode) -> Statement {
    Statement::new(UNLESS_SCOPE).non_durable().bind(venture)
}

/// Fails the batch unless the document exists or existed.
pub(crate) fn unless_known(place: &DocLocation) -> Statement {
    place.bind(UNLESS_KNOWN).non_durable()
}

/// Fails the batch unless the document exists.
pub(crate) fn unless_live(place: &DocLocation) -> Statement {
    place.bind(UNLESS_LIVE).non_durable()
}

/// Fails the batch unless the document exists and, if hashes are given, has one of them.
pub(crate) fn unless_content(place: &DocLocation, hashes: Option<&[String]>) -> Statement {
    place.bind(UNLESS_CONTENT).non_durable().bind(json_of(hashes))
}

/// Fails the batch if the document exists and, if hashes are given, has one of them.
pub(crate) fn if_content(place: &DocLocation, hashes: Option<&[String]>) -> Statement {
    place.bind(IF_CONTENT).non_durable().bind(json_of(hashes))
}

fn json_of(hashes: Option<&[String]>) -> Option<String> {
    hashes.map(|hashes| serde_json::Value::from(hashes).to_string())
}

/// Fails the batch unless the document may be generated or the token may put any document.
pub(crate) fn unless_generated(place: &DocLocation, token: Option<&TokenId>) -> Statement {
    place.bind(UNLESS_GENERATED).non_durable().bind(token)
}

/// Creates or replaces a document.
pub(crate) fn put(put: &PutDoc, new: &NewDoc) -> Statement {
    new.place
        .bind(PUT)
        .bind(new.title.as_str())
        .bind(put.doc_type.as_str())
        .bind(new.content_hash.as_str())
        .bind(new.now)
        .bind(new.actor)
        .bind(put.source_repo.as_ref())
        .bind(put.source_path.as_ref())
        .bind(&put.content)
}

/// Records that the document was put at this time.
pub(crate) fn confirm(place: &DocLocation, now: Timestamp) -> Statement {
    place.bind(CONFIRM).bind(now)
}

/// Deletes an existing document.
pub(crate) fn delete(place: &DocLocation, now: Timestamp, actor: &str) -> [Statement; 2] {
    [place.bind(DELETE).bind(now).bind(actor), place.bind(DELETE_CONFIRMATION)]
}

/// Appends an event if this batch has created a version of a document with this change id.
pub(crate) fn append_event(place: &DocLocation, change_id: &str, now: Timestamp) -> Statement {
    place.bind(APPEND_EVENT).bind(change_id).bind(now)
}

/// Reads one document as `body`, with its `content` in a separate column.
pub(crate) fn select(place: &DocLocation) -> Statement {
    place.bind(SELECT)
}

/// Selects the result of a put as the response.
pub(crate) fn select_response(place: &DocLocation, change_id: &str) -> SelectResponse {
    SELECT_RESPONSE.select().bind(&place.scope).bind(&place.name).bind(change_id)
}

const LIST: List = List { from: "context_docs d", item: doc_json!(""), key: doc_key!(), order: Order::Ascending };

filters! {
    /// The filters of `list_docs`.
    DocFilters {
        venture: Option<Param>,
        scope: Option<Param>,
        cursor: Option<Param>,
    }
}

/// The page and the total of `list_docs`.
pub(crate) fn list(filter: &DocFilter) -> [Statement; 2] {
    let filters = DocFilters {
        venture: filter.venture.as_ref().map(Param::from),
        scope: filter.scope.as_ref().map(Param::from),
        cursor: filter.cursor.as_ref().map(Param::from),
    };
    page(&filters, filter.limit.unwrap_or_default())
}

fn page(filters: &DocFilters, limit: Limit) -> [Statement; 2] {
    let conditions = Conditions::none()
        .only("d.deleted_at is null", true)
        .when("d.scope = ?", filters.venture.as_ref())
        .when("d.scope = ?", filters.scope.as_ref());
    LIST.page(&conditions, filters.cursor.as_ref(), limit)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("doc::list", |filters| page(filters, Limit::default()))
}
