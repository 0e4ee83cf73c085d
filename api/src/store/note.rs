//! Notes: insert, change and list. `note_search` has their full text index.

use deckwatch_protocol::{
    Change, CreateNote, Limit, Note, NoteFilter, NoteId, NoteKind, NoteTag, SessionId, Timestamp, TokenId, UpdateNote,
};

use unicode_normalization::UnicodeNormalization;

use super::forms::{every_form, filters};
use super::list::{Conditions, List, Order};
use super::next_id::next_id;
use super::responses::{SelectResponse, responses};
use super::statements;
use crate::database::{Param, Statement};
use crate::search::EXCERPT_MAX_CHARS;

/// Whether the note with the id `$id` is a memory. Ids of memories sort before those of notes.
macro_rules! is_memory {
    ($id:literal) => {
        concat!("(", $id, " < 'note_')")
    };
}
pub(super) use is_memory;

/// The kind of the note `n`, as a member of its JSON.
macro_rules! note_kind {
    () => {
        concat!("'kind', iif(", $crate::store::note::is_memory!("n.id"), ", 'memory', 'note')")
    };
}

/// The kind and the author of the note `n`, as members of its JSON.
macro_rules! author_json {
    () => {
        concat!(
            $crate::store::note::note_kind!(),
            ", 'author', json(iif(",
            $crate::store::note::is_memory!("n.id"),
            ", json_object('agent', n.agent, 'session_id', n.session_id, 'commit_sha', n.commit_sha), null))"
        )
    };
}
pub(super) use {author_json, note_kind};

/// The note `n` as JSON; `$content` is an SQL expression.
macro_rules! note_json {
    ($content:expr) => {
        concat!(
            "json_object('id', n.id, 'title', n.title, 'content', ",
            $content,
            ", 'size_bytes', length(cast(n.content as blob)), 'tags', json(n.tags_json), 'venture', n.venture, ",
            "'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, ",
            "'actor_key_id', n.actor_key_id, 'creation_correlation_id', n.creation_correlation_id, ",
            "'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false')), ",
            $crate::store::note::author_json!(),
            ")"
        )
    };
}

/// The note `n` as a list shows it, with the additional members `$more`.
macro_rules! found_note_json {
    ($more:expr) => {
        concat!(
            "json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), ",
            "'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, ",
            "'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, ",
            "'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false')), ",
            $crate::store::note::author_json!(),
            $more,
            ")"
        )
    };
}
pub(super) use found_note_json;

/// The number of the note or memory that this batch has created.
macro_rules! newest_number {
    () => {
        "(select max(number) from notes)"
    };
}

/// The note `?1`, or the newest note if `?1` is null.
macro_rules! known_or_newest {
    () => {
        concat!(
            "ifnull(?1, (select newest.id from notes newest where newest.number = ",
            $crate::store::note::newest_number!(),
            "))"
        )
    };
}
pub(super) use {known_or_newest, newest_number};

/// The condition for the note `?1`, if a change gives it another title, text, tags or venture. `?3`, `?4` and `?5` are the
/// new title, text and tags or null, `?6` and `?7` a flag and the new venture. `$n` stands before each column.
macro_rules! note_to_change {
    ($n:literal) => {
        concat!(
            $n,
            "id = ?1 and (",
            $n,
            "title, ",
            $n,
            "content, ",
            $n,
            "tags_json, ifnull(",
            $n,
            "venture, '')) is not (ifnull(?3, ",
            $n,
            "title), ifnull(?4, ",
            $n,
            "content), ifnull(?5, ",
            $n,
            "tags_json), ifnull(iif(?6, ?7, ",
            $n,
            "venture), ''))"
        )
    };
}
pub(super) use note_to_change;

/// Whether the venture `$venture` has as many memories as it may have.
macro_rules! room {
    ($venture:literal) => {
        concat!(
            "exists (select 1 from notes n indexed by notes_live_by_venture where n.venture = ",
            $venture,
            " and n.archived_at is null and ",
            $crate::store::note::is_memory!("n.id"),
            " limit 1 offset 499)"
        )
    };
}

/// The rows of the tags of the note `?1`.
macro_rules! tag_rows {
    () => {
        "(tag, scope, note_id) in (select j.value, ifnull(n.venture, 'global'), n.id \
         from notes n, json_each(n.tags_json) j where n.id = ?1)"
    };
}

statements! {
    INSERT = concat!("
        insert into notes (id, venture, title, tags_json, created_at, updated_at, actor_key_id, creation_correlation_id,
          content, indexed_in_part)
        values (", next_id!("note_", 6, 16, "ifnull((select substr(max(id), 6, 10) from notes), '')"), ",
          ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9)");

    /// `?10` is the session of the agent, `?11` the commit or null.
    INSERT_MEMORY = concat!("
        insert into notes (id, venture, title, tags_json, created_at, updated_at, actor_key_id, creation_correlation_id,
          content, indexed_in_part, agent, session_id, commit_sha)
        select ", next_id!("mem_", 5, 15, "ifnull((select substr(max(id), 5, 10) from notes where id < 'note_'), '')"), ",
          ifnull(?2, s.venture), ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, s.agent, s.id, ifnull(?11, s.commit_sha)
        from sessions s where s.id = ?10");

    /// Fails the batch unless the venture of session `?1` has room for one more memory.
    UNLESS_ROOM = concat!("
        insert into memory_refusals (reason)
        select 'full' where ", room!("(select venture from sessions where id = ?1)"));

    /// Fails the batch unless the venture of the archived memory `?1` has room for one more.
    UNLESS_ROOM_TO_RESTORE = concat!("
        insert into memory_refusals (reason)
        select 'full' from notes m where m.id = ?1 and m.archived_at is not null and ", room!("m.venture"));

    /// `?1` is the id, `?2` the current time. Then follow the new title, text and tags or null, a flag and the new
    /// venture, and whether the index holds all terms of a new text. A patch with the same values changes nothing.
    UPDATE = concat!("
        update notes set title = ifnull(?3, title), content = ifnull(?4, content), tags_json = ifnull(?5, tags_json),
          venture = iif(?6, ?7, venture), indexed_in_part = ifnull(?8, indexed_in_part), version = version + 1,
          updated_at = ?2
        where ", note_to_change!(""));

    ARCHIVE = "
        update notes set archived_at = ?2, updated_at = ?2, version = version + 1 where id = ?1 and archived_at is null";

    RESTORE = "
        update notes set archived_at = null, updated_at = ?2, version = version + 1
        where id = ?1 and archived_at is not null";

    /// Deletes the tag rows of a note. It finds them by the tags of the note, so it must run before the note changes.
    UNTAG = concat!("delete from note_tags where ", tag_rows!());

    UNTAG_ARCHIVED = concat!("delete from archived_note_tags where ", tag_rows!());

    /// Inserts the tag rows of a live note. Lists and searches find the note by them.
    TAG = concat!("
        insert into note_tags (tag, scope, note_id)
        select j.value, ifnull(n.venture, 'global'), n.id from notes n, json_each(n.tags_json) j
        where n.id = ", known_or_newest!(), " and n.archived_at is null");

    TAG_ARCHIVED = "
        insert into archived_note_tags (tag, scope, note_id)
        select j.value, ifnull(n.venture, 'global'), n.id from notes n, json_each(n.tags_json) j
        where n.id = ?1 and n.archived_at is not null";

    SELECT = concat!("select ", note_json!("n.content"), " as body from notes n where n.id = ?1");
}

responses! {
    /// For a change without a new text. If the stored response repeated a large text, a request of a hundred bytes
    /// could store 500 KB.
    SELECT_RESPONSE = concat!(
        "select 200, ", note_json!("case when length(cast(n.content as blob)) < 65536 then n.content end"),
        ", null, null from notes n where n.id = ?1"
    );

    SELECT_RESPONSE_WITH_CONTENT = concat!(
        "select cast(?2 as integer), ", note_json!("n.content"), ", null, null from notes n ",
        "where n.id = ", known_or_newest!());
}

/// The note that a statement of a batch uses.
#[derive(Clone, Copy)]
pub(crate) enum NoteInBatch<'a> {
    /// An existing note.
    Known(&'a NoteId),
    /// The note that this batch created. It is the newest note. Its id may have another time than the given one.
    Newest,
}

impl From<NoteInBatch<'_>> for Param {
    fn from(note: NoteInBatch) -> Self {
        match note {
            NoteInBatch::Known(id) => id.into(),
            NoteInBatch::Newest => Self::Null,
        }
    }
}

/// The fields of a new note that its author does not set.
pub(crate) struct NewNote<'a> {
    pub(crate) id: &'a NoteId,
    pub(crate) now: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) correlation_id: &'a str,
    /// Whether the text has more terms than the index holds.
    pub(crate) indexed_in_part: bool,
}

pub(crate) fn insert(note: &CreateNote, new: &NewNote) -> Statement {
    let statement = bind_new(if note.kind.is_note() { INSERT } else { INSERT_MEMORY }, note, new);
    match &note.session_id {
        Some(session) => statement.bind(session).bind(note.commit_sha.as_ref()),
        None => statement,
    }
}

fn bind_new(sql: &'static str, note: &CreateNote, new: &NewNote) -> Statement {
    Statement::new(sql)
        .bind(new.id)
        .bind(note.venture.as_ref())
        .bind(&note.title)
        .bind(tags_json(&note.tags))
        .bind(new.now)
        .bind(new.actor)
        .bind(new.correlation_id)
        .bind(&note.content)
        .bind(new.indexed_in_part)
}

/// Fails the batch unless the venture of the session has room for one more memory.
pub(crate) fn unless_room(session: &SessionId) -> Statement {
    Statement::new(UNLESS_ROOM).bind(session).non_durable()
}

/// Fails the batch unless the venture of the memory has room for it, if it is archived.
pub(crate) fn unless_room_to_restore(id: &NoteId) -> Statement {
    Statement::new(UNLESS_ROOM_TO_RESTORE).bind(id).non_durable()
}

pub(crate) fn update(id: &NoteId, patch: &UpdateNote, now: Timestamp, indexed_in_part: Option<bool>) -> Statement {
    bind_change(UPDATE, id, patch, now).bind(indexed_in_part)
}

/// A statement with the id, the current time and the fields of a change as `?1` to `?7`.
pub(super) fn bind_change(sql: &'static str, id: &NoteId, patch: &UpdateNote, now: Timestamp) -> Statement {
    Statement::new(sql)
        .bind(id)
        .bind(now)
        .bind(patch.title.as_ref())
        .bind(patch.content.as_ref())
        .bind(patch.tags.as_deref().map(tags_json))
        .bind(!matches!(patch.venture, Change::Keep))
        .bind(patch.venture.value())
}

/// Each tag once, in the order of the author.
fn tags_json(tags: &[NoteTag]) -> String {
    let mut once: Vec<String> = Vec::new();
    for tag in tags.iter().map(normal_form) {
        if !once.contains(&tag) {
            once.push(tag);
        }
    }
    serde_json::Value::from(once).to_string()
}

/// The normalized form of a tag, for storage and lookup. Unicode has two spellings for some letters.
pub(super) fn normal_form(tag: &NoteTag) -> String {
    tag.as_str().nfc().collect()
}

pub(crate) fn archive(id: &NoteId, now: Timestamp) -> Statement {
    Statement::new(ARCHIVE).bind(id).bind(now)
}

pub(crate) fn restore(id: &NoteId, now: Timestamp) -> Statement {
    Statement::new(RESTORE).bind(id).bind(now)
}

/// Inserts the tags of the note that this batch created.
pub(crate) fn tag_newest() -> Statement {
    Statement::new(TAG).bind(NoteInBatch::Newest)
}

/// Deletes the tag rows of a note, of the table of live and of archived notes. It must run before the note changes.
pub(crate) fn untag(id: &NoteId) -> [Statement; 2] {
    [UNTAG, UNTAG_ARCHIVED].map(|sql| Statement::new(sql).bind(id))
}

/// Inserts the tag rows of a changed note, into the table of live or of archived notes.
pub(crate) fn tag(id: &NoteId) -> [Statement; 2] {
    [TAG, TAG_ARCHIVED].map(|sql| Statement::new(sql).bind(id))
}

/// Reads one note as `body`.
pub(crate) fn select(id: &NoteId) -> Statement {
    Statement::new(SELECT).bind(id)
}

/// Selects one note as the response of a write without a new text.
pub(crate) fn select_response(id: &NoteId) -> SelectResponse {
    SELECT_RESPONSE.select().bind(id)
}

/// Selects one note as the response of a write with a new text.
pub(crate) fn select_response_with_content(note: NoteInBatch, status: u32) -> SelectResponse {
    SELECT_RESPONSE_WITH_CONTENT.select().bind(note).bind(status)
}

/// How many bytes of a text a list reads: four for each character of an excerpt, so that only a character after the
/// excerpt can be incomplete.
macro_rules! opening_bytes {
    () => {
        2000
    };
}
const _: () = assert!(opening_bytes!() == 4 * EXCERPT_MAX_CHARS, "a character has at most 4 bytes");

const LIST: List = List {
    from: "notes n",
    // The API cuts the excerpt out of the opening, after whole characters.
    item: concat!(
        "cast(substr(cast(n.content as blob), 1, ",
        opening_bytes!(),
        ") as text) as opening, ",
        found_note_json!("")
    ),
    key: "n.id",
    order: Order::Descending,
};

/// Uses the tag index of live notes: a tag lookup reads only its own notes.
const TAGGED: List = List { from: "note_tags t cross join notes n on n.id = t.note_id", key: "t.note_id", ..LIST };

const TAGGED_ARCHIVED: List = List { from: "archived_note_tags t cross join notes n on n.id = t.note_id", ..TAGGED };

filters! {
    /// The filters of `list_notes` without a search.
    NoteFilters {
        tag: Option<Param>,
        venture: Option<Param>,
        global: bool,
        archived: bool,
        memory: bool,
        token: Option<Param>,
        cursor: Option<Param>,
    }
}

/// The page and the total of `list_notes` without a search.
pub(crate) fn list(filter: &NoteFilter, token: Option<&TokenId>) -> [Statement; 2] {
    let filters = NoteFilters {
        tag: filter.tag.as_ref().map(normal_form).map(Param::from),
        venture: filter.venture.as_ref().map(Param::from),
        global: filter.scope.is_some(),
        archived: filter.archived == Some(true),
        memory: filter.kind == Some(NoteKind::Memory),
        token: token.map(Param::from),
        cursor: filter.cursor.as_ref().map(Param::from),
    };
    filters.page(filter.limit.unwrap_or_default())
}

impl NoteFilters {
    fn page(&self, limit: Limit) -> [Statement; 2] {
        let list = match (&self.tag, self.archived) {
            (None, _) => LIST,
            (Some(_), false) => TAGGED,
            (Some(_), true) => TAGGED_ARCHIVED,
        };
        let arms = match &self.token {
            Some(token) if self.venture.is_none() && !self.global => self.of_token(token),
            _ => vec![self.of_venture()],
        };
        // A row of a tag table is one note, so the count needs no join.
        let counted = match (&self.tag, self.archived) {
            (None, _) => LIST,
            (Some(_), false) => List { from: "note_tags t", ..TAGGED },
            (Some(_), true) => List { from: "archived_note_tags t", ..TAGGED },
        };
        [list.items_of_any(&arms, self.cursor.as_ref(), limit), counted.total_of_any(&arms)]
    }

    fn of_venture(&self) -> Conditions {
        let conditions = self.selected(Conditions::none());
        if self.tag.is_some() {
            conditions.when("t.scope = ?", self.venture.as_ref()).only("t.scope = 'global'", self.global)
        } else {
            conditions.when("n.venture = ?", self.venture.as_ref()).only("n.venture is null", self.global)
        }
    }

    /// If no venture is named, a token for one venture sees the notes of that venture and the global ones. Another
    /// token sees all notes. The token is read first, so that the lists of the other kind read nothing.
    fn of_token(&self, token: &Param) -> Vec<Conditions> {
        const ALL: &str = "token.id = ?1 and token.venture is null";
        let (global, own) = if self.tag.is_some() {
            (
                "token.id = ?1 and token.venture is not null and t.scope = 'global'",
                "token.id = ?1 and t.scope = token.venture",
            )
        } else {
            (
                "token.id = ?1 and token.venture is not null and n.venture is null",
                "token.id = ?1 and n.venture = token.venture",
            )
        };
        let index = match (&self.tag, self.archived) {
            (None, false) => "notes_live_by_venture",
            (None, true) => "notes_archived_by_venture",
            (Some(_), false) => "sqlite_autoindex_note_tags_1",
            (Some(_), true) => "sqlite_autoindex_archived_note_tags_1",
        };
        let [all, global, own] = [ALL, global, own]
            .map(|arm| self.selected(Conditions::starting_with(arm, token.clone()).joining_first("tokens token")));
        vec![all, global.served_by(index), own.served_by(index)]
    }

    /// Selects notes or memories, live or archived, and, if given, the tag. Each of the two tag tables holds the live or the
    /// archived ones.
    fn selected(&self, conditions: Conditions) -> Conditions {
        if self.tag.is_some() {
            let conditions = conditions.when("t.tag = ?", self.tag.as_ref());
            return conditions.only("t.note_id < 'note_'", self.memory).only("t.note_id > 'note_'", !self.memory);
        }
        conditions
            .only("n.archived_at is not null", self.archived)
            .only("n.archived_at is null", !self.archived)
            .only(is_memory!("n.id"), self.memory)
            .only("n.id > 'note_'", !self.memory)
    }
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("note::list", |filters: &NoteFilters| filters.page(Limit::default()))
}

// The statements have this limit as a number.
const _: () = assert!(Note::MAX_MEMORIES == 500);
