//! The shared state of a venture. `state_entries` has the newest version of each key, `state_versions` the last values. In all
//! statements about one key, `?1` is the venture and `?2` the key.

use deckwatch_protocol::{Cursor, ListState, SessionId, StateEntry, StateKey, StateValue, Timestamp, VentureCode};

use super::event::append;
use super::forms::every_form;
use super::list::{Conditions, List, Order};
use super::responses::{SelectResponse, responses};
use super::statements;
use crate::database::{Param, Statement};

/// The version `v` of the key, with the additional members `$more`. `$size` is an SQL expression.
macro_rules! entry_json {
    ($v:literal, $size:literal, $more:literal) => {
        concat!(
            "json_object('venture', ",
            $v,
            ".venture, 'key', ",
            $v,
            ".key, 'version', ",
            $v,
            ".version, 'size_bytes', ",
            $size,
            ", 'updated_at', ",
            $v,
            ".updated_at, 'by', (select agent from sessions where id = ",
            $v,
            ".session_id)",
            $more,
            ")"
        )
    };
}

macro_rules! live {
    () => {
        "select 1 from state_entries where venture = ?1 and key = ?2 and deleted_at is null"
    };
}

statements! {
    /// `?3` is the session.
    UNLESS_OWN_VENTURE = "
        insert into claim_refusals (reason) select 'other_venture'
        where exists (select 1 from sessions where id = ?3 and venture <> ?1) and ?2 is not null";

    UNLESS_LIVE = concat!("insert into claim_refusals (reason) select 'state_not_found' where not exists (", live!(), ")");

    /// `?3` is a JSON array of versions, or null for any version.
    UNLESS_VERSION = concat!("
        insert into claim_refusals (reason) select 'state_changed'
        where not exists (", live!(), " and (?3 is null or version in (select value from json_each(?3))))");

    IF_VERSION = concat!("
        insert into claim_refusals (reason) select 'state_changed'
        where exists (", live!(), " and (?3 is null or version in (select value from json_each(?3))))");

    /// `?3` is the maximum.
    UNLESS_ROOM = concat!("
        insert into claim_refusals (reason) select 'state_full'
        where (select keys from state_counts where venture = ?1) >= ?3 and not exists (", live!(), ")");

    /// A new key counts. It must run before the key is written.
    COUNT = concat!("
        insert into state_counts (venture, keys) select ?1, 1 where not exists (", live!(), ")
        on conflict (venture) do update set keys = keys + 1");

    UNCOUNT = "update state_counts set keys = keys - 1 where venture = ?1 and ?2 is not null";

    /// `?3` is the current time, `?4` the session, `?5` the size, 0 for a deletion, `?6` whether the key is deleted.
    WRITE = "
        insert into state_entries (venture, key, version, size_bytes, updated_at, session_id, deleted_at)
        values (?1, ?2, 1, ?5, ?3, ?4, iif(?6, ?3, null))
        on conflict (venture, key) do update set version = version + 1, size_bytes = excluded.size_bytes,
          updated_at = excluded.updated_at, session_id = excluded.session_id, deleted_at = excluded.deleted_at";

    /// `?3` is the value, or null for a deletion.
    KEEP = "
        insert into state_versions (venture, key, version, updated_at, session_id, value_json)
        select venture, key, version, updated_at, session_id, ?3 from state_entries where venture = ?1 and key = ?2";

    CHANGED = append!("
        select entry.venture, 'state_changed', entry.venture || '/' || entry.key, s.agent, s.id, entry.updated_at,
          json_object('key', entry.key, 'version', entry.version, 'deleted', json(iif(entry.deleted_at is null, 'false', 'true')))
        from state_entries entry cross join sessions s on s.id = entry.session_id where entry.venture = ?1 and entry.key = ?2");

    /// `?3` is the number of versions that are kept.
    TRIM = "
        delete from state_versions where venture = ?1 and key = ?2
          and version <= (select version from state_entries where venture = ?1 and key = ?2) - ?3";

    /// The newest version, or the version `?3`.
    SELECT = concat!("
        select ", entry_json!("v", "length(cast(v.value_json as blob))", ", 'value', json(v.value_json)"), " as body
        from state_entries entry cross join state_versions v on v.venture = entry.venture and v.key = entry.key and v.version = ifnull(?3, entry.version)
        where entry.venture = ?1 and entry.key = ?2 and entry.deleted_at is null and v.value_json is not null");

    /// The values of keys that were deleted before `?1`.
    FORGET_VERSIONS = "
        delete from state_versions where (venture, key) in (
          select venture, key from state_entries where deleted_at < ?1 order by deleted_at limit 50)";

    FORGET = "
        delete from state_entries where (venture, key) in (
          select venture, key from state_entries where deleted_at < ?1 order by deleted_at limit 50)";
}

responses! {
    /// The status is 201 if the version before has no value.
    SELECT_WRITTEN = concat!("
        select iif(?3 and not exists (select 1 from state_versions p where p.venture = ?1 and p.key = ?2
          and p.version = entry.version - 1 and p.value_json is not null), 201, 200), ", entry_json!("entry", "entry.size_bytes", ""), ", null, null
        from state_entries entry where entry.venture = ?1 and entry.key = ?2");
}

/// A key of a venture.
pub(crate) struct StatePlace {
    pub(crate) venture: VentureCode,
    pub(crate) key: StateKey,
}

impl StatePlace {
    fn bind(&self, sql: &'static str) -> Statement {
        Statement::new(sql).bind(&self.venture).bind(&self.key)
    }

    /// Fails the batch if the session works on another venture.
    pub(crate) fn unless_own_venture(&self, session: &SessionId) -> Statement {
        self.bind(UNLESS_OWN_VENTURE).bind(session).non_durable()
    }

    /// Fails the batch unless the key exists.
    pub(crate) fn unless_live(&self) -> Statement {
        self.bind(UNLESS_LIVE).non_durable()
    }

    /// Fails the batch unless the key exists and, if versions are given, has one of them.
    pub(crate) fn unless_version(&self, versions: Option<Vec<u32>>) -> Statement {
        self.bind(UNLESS_VERSION).bind(json_of(versions)).non_durable()
    }

    /// Fails the batch if the key exists and, if versions are given, has one of them.
    pub(crate) fn if_version(&self, versions: Option<Vec<u32>>) -> Statement {
        self.bind(IF_VERSION).bind(json_of(versions)).non_durable()
    }

    /// Writes a value.
    pub(crate) fn put(&self, value: &StateValue, session: &SessionId, now: Timestamp) -> [Statement; 6] {
        let text = value.0.to_string();
        let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let [write, keep, changed, trim] = self.written(Some(text), size, session, now);
        let room = self.bind(UNLESS_ROOM).bind(StateEntry::MAX_KEYS).non_durable();
        [room, self.bind(COUNT), write, keep, changed, trim]
    }

    /// Deletes the key, which exists. The deletion is a version too.
    pub(crate) fn delete(&self, session: &SessionId, now: Timestamp) -> [Statement; 5] {
        let [write, keep, changed, trim] = self.written(None, 0, session, now);
        [self.bind(UNCOUNT), write, keep, changed, trim]
    }

    fn written(&self, value: Option<String>, size: u32, session: &SessionId, now: Timestamp) -> [Statement; 4] {
        [
            self.bind(WRITE).bind(now).bind(session).bind(size).bind(value.is_none()),
            self.bind(KEEP).bind(value),
            self.bind(CHANGED),
            self.bind(TRIM).bind(StateEntry::KEPT_VERSIONS),
        ]
    }

    /// Reads a version as `body`.
    pub(crate) fn select(&self, version: Option<u32>) -> Statement {
        self.bind(SELECT).bind(version)
    }

    /// Selects the written version as the response. A put may have created the key.
    pub(crate) fn select_written(&self, is_put: bool) -> SelectResponse {
        SELECT_WRITTEN.select().bind(&self.venture).bind(&self.key).bind(is_put)
    }
}

fn json_of(versions: Option<Vec<u32>>) -> Option<String> {
    versions.map(|versions| serde_json::Value::from(versions).to_string())
}

/// Deletes keys that were deleted before `before`.
pub(crate) fn forget(before: Timestamp) -> [Statement; 2] {
    [FORGET_VERSIONS, FORGET].map(|sql| Statement::new(sql).bind(before))
}

const LIST: List = List {
    from: "state_entries entry",
    item: entry_json!("entry", "entry.size_bytes", ""),
    key: "entry.key",
    order: Order::Ascending,
};

/// The page and the total of `list_state`.
pub(crate) fn list(venture: &VentureCode, filter: &ListState) -> [Statement; 2] {
    page(&Param::from(venture), filter.cursor.as_ref(), filter)
}

fn page(venture: &Param, cursor: Option<&Cursor>, filter: &ListState) -> [Statement; 2] {
    let conditions = Conditions::none().when("entry.venture = ?", Some(venture)).only("entry.deleted_at is null", true);
    LIST.page(&conditions, cursor.map(Param::from).as_ref(), filter.limit.unwrap_or_default())
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("shared_state::list", |is_continued: &bool| {
        let cursor = is_continued.then(|| "a".parse::<Cursor>().ok()).flatten();
        page(&Param::Null, cursor.as_ref(), &ListState::default())
    })
}
