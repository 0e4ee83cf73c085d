//! The history of documents: one row per version, including the newest version and deletions.

use deckwatch_protocol::{Cursor, DocVersionNumber, Limit};

use super::doc::{DocLocation, NewDoc, doc_summary_members};
use super::forms::every_form;
use super::list::{Conditions, List, Order};
use super::responses::{SelectResponse, responses};
use super::statements;
use crate::database::{Param, Statement};

/// The version `w` as JSON.
macro_rules! doc_version_json {
    () => {
        "json_object('scope', w.scope, 'name', w.name, 'version', w.version, \
         'deleted', json(iif(w.content is null, 'true', 'false')), 'title', w.title, 'doc_type', w.doc_type, \
         'content_hash', w.content_hash, 'size_bytes', w.size_bytes, 'source_repo', w.source_repo, \
         'source_path', w.source_path, 'created_at', w.created_at, 'actor_key_id', w.actor_key_id, \
         'creation_correlation_id', w.creation_correlation_id)"
    };
}

statements! {
    /// A put that changed no content created no version. Then the existing version gets the current title, type and
    /// source.
    INSERT = "
        insert into doc_versions (scope, name, version, title, doc_type, content_hash, size_bytes, source_repo,
          source_path, created_at, actor_key_id, creation_correlation_id, change_id, content)
        select d.scope, d.name, d.version, d.title, d.doc_type, d.content_hash, d.size_bytes, d.source_repo,
          d.source_path, d.updated_at, d.actor_key_id, ?3, ?4, d.content
        from context_docs d where d.scope = ?1 and d.name = ?2
        on conflict (scope, name, version) do update set title = excluded.title, doc_type = excluded.doc_type,
          source_repo = excluded.source_repo, source_path = excluded.source_path
        where (title, doc_type, source_repo, source_path)
          is not (excluded.title, excluded.doc_type, excluded.source_repo, excluded.source_path)";

    INSERT_DELETION = "
        insert into doc_versions (scope, name, version, title, doc_type, size_bytes, source_repo, source_path, created_at,
          actor_key_id, creation_correlation_id, change_id)
        select d.scope, d.name, d.version, d.title, d.doc_type, 0, d.source_repo, d.source_path, d.updated_at,
          d.actor_key_id, ?3, ''
        from context_docs d where d.scope = ?1 and d.name = ?2";

    TRIM = "
        delete from doc_versions where scope = ?1 and name = ?2
          and version <= (select d.version - ?3 from context_docs d where d.scope = ?1 and d.name = ?2)";

    SELECT = concat!(
        "select json_object(", doc_summary_members!("w", "w.created_at"), ", 'source_repo', w.source_repo, 'source_path', w.source_path, ",
        "'created_at', d.created_at, 'actor_key_id', w.actor_key_id) as body, w.content ",
        "from doc_versions w join context_docs d on d.scope = w.scope and d.name = w.name ",
        "where w.scope = ?1 and w.name = ?2 and w.version = ?3 and w.content is not null"
    );
}

responses! {
    /// The newest version is the deletion that this request made.
    SELECT_RESPONSE = concat!(
        "select 200, ", doc_version_json!(), ", null, null from context_docs d ",
        "join doc_versions w on w.scope = d.scope and w.name = d.name and w.version = d.version ",
        "where d.scope = ?1 and d.name = ?2"
    );
}

/// Records the version that a put created, if it created one.
pub(crate) fn insert(new: &NewDoc) -> Statement {
    new.place.bind(INSERT).bind(new.correlation_id).bind(new.change_id.as_str())
}

/// Records that the document was deleted.
pub(crate) fn insert_deletion(place: &DocLocation, correlation_id: &str) -> Statement {
    place.bind(INSERT_DELETION).bind(correlation_id)
}

/// Deletes all versions except the last `kept`.
pub(crate) fn trim(place: &DocLocation, kept: u32) -> Statement {
    place.bind(TRIM).bind(kept)
}

/// Reads one version as `body`, with its `content` in a separate column.
pub(crate) fn select(place: &DocLocation, version: DocVersionNumber) -> Statement {
    place.bind(SELECT).bind(version.get())
}

/// Selects the newest version as the response to a deletion.
pub(crate) fn select_response(place: &DocLocation) -> SelectResponse {
    SELECT_RESPONSE.select().bind(&place.scope).bind(&place.name)
}

/// The key has a fixed width, so that the text sorts like the number.
const LIST: List = List {
    from: "doc_versions w",
    item: doc_version_json!(),
    key: "printf('%010d', w.version)",
    order: Order::Descending,
};

/// The page and the total of `list_doc_versions`.
pub(crate) fn list(place: &DocLocation, limit: Limit, cursor: Option<&Cursor>) -> [Statement; 2] {
    page([&(&place.scope).into(), &(&place.name).into()], cursor.map(Param::from).as_ref(), limit)
}

fn page([scope, name]: [&Param; 2], cursor: Option<&Param>, limit: Limit) -> [Statement; 2] {
    let conditions = Conditions::none().when("w.scope = ?", Some(scope)).when("w.name = ?", Some(name));
    LIST.page(&conditions, cursor, limit)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("doc_version::list", |cursor: &Option<Param>| {
        page([&Param::Null, &Param::Null], cursor.as_ref(), Limit::default())
    })
}
