//! Claims on issues and paths. In all statements that take claims, `?1` is the session and `?2` the repository, or null for
//! the repository of the session.
//!
//! Claims of two sessions in one repository never overlap. So all claims between a claim and a place that begins with the
//! place of this claim, in the order of their places, belong to its session. The last claim before a place shows which
//! session can have a claim around it, and only the claims of that session are compared.

use deckwatch_protocol::{Claim, ClaimFilter, ClaimId, ClaimReason, Limit, RepoName, SessionId, StartDay, Timestamp};

use super::event::{append, append_quietly};
use super::forms::{every_form, filters};
use super::indexed_list::{Filters, Index, PageStatements};
use super::list::{List, Order};
use super::responses::{SelectResponse, responses};
use super::session::stale_sessions;
use super::statements;
use crate::database::{Param, Statement};

/// The claim `c` of the session `holder` as JSON.
macro_rules! claim_json {
    () => {
        "json_object('id', c.id, 'venture', c.venture, 'repo', c.repo, 'subject', c.subject, 'agent', holder.agent, \
         'session_id', c.session_id, 'fence', c.fence, 'reason', c.reason, 'since', c.taken_at, \
         'until', strftime('%Y-%m-%dT%H:%M:%fZ', holder.last_heartbeat_at, '+45 minutes'))"
    };
}

/// The claims of the venture of session `s`: on its issue first, then in its repository, then the newest 20 of the others. 10
/// are shown, in this order without a sort, because D1 counts each row of a sort.
macro_rules! claims_json {
    () => {
        concat!(
            "(select json_insert(json_object('total', min(n, ", $crate::store::excerpt_limit!(),
            "), 'shown', shown, 'items', json(items)), ",
            "iif(n > ", $crate::store::excerpt_limit!(), ", '$.total_is_minimum', '$.total'), json('true')) from (",
            "select (select count(*) from (select 1 from claims where venture = s.venture limit ", $crate::store::excerpt_limit!(),
            " + 1)) as n, count(*) as shown, json_group_array(", $crate::store::claim::claim_json!(), ") as items from (",
            "select * from (select * from claims indexed by claims_by_place where venture = s.venture and repo = s.repo ",
            "and place = 'issue:' || s.issue_number || ';') ",
            "union all select * from (select * from claims indexed by claims_by_place where venture = s.venture and repo = s.repo ",
            "and place is not 'issue:' || s.issue_number || ';' limit 10) ",
            "union all select * from (select * from claims indexed by claims_by_venture where venture = s.venture order by id desc limit 20) ",
            "where repo <> s.repo limit 10) c cross join sessions holder on holder.id = c.session_id))"
        )
    };
}
pub(super) use claim_json;
pub(super) use claims_json;

/// The venture, repository and agent of the session.
macro_rules! target {
    () => {
        "(select s.venture, ifnull(?2, s.repo) as repo from sessions s where s.id = ?1) target"
    };
}

/// At most `$limit` claims of other sessions that overlap a place of the JSON array `?3`.
macro_rules! overlapping {
    ($limit:literal) => {
        concat!(
            "select c.id, c.session_id from ", target!(), " cross join json_each(?3) j cross join claims c indexed by claims_by_place ",
            "on c.venture = target.venture and c.repo = target.repo and c.place >= j.value and c.place < j.value || char(1114111) ",
            "where c.session_id <> ?1 ",
            "union select c.id, c.session_id from ", target!(), " cross join json_each(?3) j cross join claims nearest on nearest.id = (",
            "select id from claims indexed by claims_by_place where venture = target.venture and repo = target.repo and place <= j.value ",
            "order by place desc limit 1) ",
            "cross join claims c indexed by claims_by_session on c.session_id = nearest.session_id and c.venture = target.venture ",
            "and c.repo = target.repo and c.place between substr(j.value, 1, 6) and j.value ",
            "where nearest.session_id <> ?1 and substr(j.value, 1, length(c.place)) = c.place limit ",
            $limit
        )
    };
}

/// The event of each released claim `c` of the agent `$agent`. The subject is shown only if it has the characters of an
/// ordinary path, because others read the event.
macro_rules! released {
    ($now:literal, $agent:literal, $reason:expr, $claims:expr) => {
        concat!(
            "select c.venture, 'claim_released', c.id, ",
            $agent,
            ", c.session_id, ",
            $now,
            ", json_object('repo', c.repo, 'subject', ",
            $crate::store::claim::ordinary_subject!(),
            ", 'fence', c.fence, 'reason', ",
            $reason,
            ") from ",
            $claims
        )
    };
}

/// Appends the events of released claims `c` of a session `holder`.
macro_rules! release {
    ($now:literal, $reason:expr, $claims:expr) => {
        append!(released!($now, "holder.agent", $reason, $claims))
    };
}

/// The events of at most `$limit` claims of `$sessions`, if their last heartbeat is before `$stale_before`.
macro_rules! released_of_lost {
    ($now:literal, $stale_before:literal, $sessions:expr, $limit:literal) => {
        $crate::store::claim::released!(
            $now,
            "lost.agent",
            "'session_lost'",
            concat!(
                "(",
                $sessions,
                ") lost cross join claims c indexed by claims_by_session on c.session_id = lost.id ",
                "where lost.last_heartbeat_at < ",
                $stale_before,
                " limit ",
                $limit
            )
        )
    };
}

/// The events of the claims of the agent `?1` that the start of a day releases: at most 8 claims of its newest 5 sessions, if
/// their last heartbeat is before `?8`. `?5` is the current time. The sweep releases the others.
macro_rules! own_claims_released {
    () => {
        $crate::store::claim::released_of_lost!(
            "?5",
            "?8",
            "select id, agent, last_heartbeat_at from sessions indexed by sessions_by_agent where agent = ?1 order by id desc limit 5",
            8
        )
    };
}

macro_rules! ordinary_subject {
    () => {
        "iif(c.subject glob '*[^A-Za-z0-9._/+#@:*?{},-]*', null, c.subject)"
    };
}
pub(super) use {ordinary_subject, own_claims_released, released, released_of_lost};

statements! {
    /// Fails if a session other than `?1` has an overlapping claim. With `?4`, only if its last heartbeat is not before `?5`,
    /// or if there are more than 20 such claims.
    UNLESS_FREE = concat!("
        insert into claim_refusals (reason) select 'held' where (
          select count(*) > iif(?4, 20, 0) or ifnull(max(holder.last_heartbeat_at >= ?5), 0)
          from (", overlapping!("iif(?4, 21, 1)"), ") found cross join sessions holder on holder.id = found.session_id)");

    /// The claims that stand in the way.
    HELD = concat!("select ", claim_json!(), " as item from (", overlapping!("20"),
        ") found cross join claims c on c.id = found.id cross join sessions holder on holder.id = c.session_id");

    /// Releases the claims that stand in the way. `?4` is the current time.
    TAKE = release!("?4", "'taken', 'by', (select agent from sessions where id = ?1)", concat!("(", overlapping!("20"),
        ") found cross join claims c on c.id = found.id cross join sessions holder on holder.id = c.session_id"));

    /// `?3` is a JSON array of the new id, the subject and its place. A claim that the session has already stays.
    INSERT = concat!("
        insert into claims (id, venture, repo, subject, place, session_id, fence, taken_at, reason)
        select j.value ->> 0, target.venture, target.repo, j.value ->> 1, j.value ->> 2, ?1,
          ifnull((select max(seq) from events), 0) + row_number() over (order by j.key), ?4, ?5
        from ", target!(), " cross join json_each(?3) j
        where not exists (select 1 from claims where venture = target.venture and repo = target.repo
          and place = j.value ->> 2 and subject = j.value ->> 1)");

    /// The events of the claims that the statement before has inserted. The fence of each is the number of its event.
    TAKEN = concat!("
        insert into events (seq, venture, kind, subject, agent, session_id, at, data_json)
        select c.fence, c.venture, 'claim_taken', c.id, holder.agent, c.session_id, c.taken_at,
          json_object('repo', c.repo, 'subject', ", ordinary_subject!(), ", 'fence', c.fence)
        from claims c indexed by claims_by_session cross join sessions holder on holder.id = c.session_id
        where c.session_id = ?1 and c.fence > ifnull((select max(seq) from events), 0) and changes() > 0 order by c.fence
        returning seq as event_seq");

    /// `?2` is the maximum.
    UNLESS_TOO_MANY = "
        insert into claim_refusals (reason) select 'too_many'
        where (select count(*) from (select 1 from claims indexed by claims_by_session where session_id = ?1)) > ?2";

    /// Fails unless the session `?2` has the claim `?1`. A claim of another venture does not exist for it.
    UNLESS_HOLDER = "
        insert into claim_refusals (reason) select case when c.id is null then 'not_found' else 'held' end
        from (select 1) left join claims c on c.id = ?1 and c.venture = (select venture from sessions where id = ?2)
        where c.session_id is not ?2";

    SELECT = concat!("select ", claim_json!(),
        " as item from claims c cross join sessions holder on holder.id = c.session_id where c.id = ?1");

    RELEASE_ONE = release!("?2", "'released'", "claims c cross join sessions holder on holder.id = c.session_id where c.id = ?1");

    /// All claims of the session `?1`, if it has ended.
    RELEASE_ENDED = release!("?2", "'session_ended'",
        "sessions holder cross join claims c on c.session_id = holder.id where holder.id = ?1 and holder.status = 'ended'");

    /// The claims of the sessions that the start of a day abandons after its answer, at most 8. The sweep releases the others.
    /// The next events are about these sessions, and they return their numbers.
    RELEASE_STALE = append_quietly!(released_of_lost!("?2", "?1", stale_sessions!(), 8));

    /// The claims of all stale sessions, among the 500 oldest sessions that have a claim.
    RELEASE_IN_SWEEP = append!(released_of_lost!("?2", "?1", "
        with recursive have (id) as (
          select min(session_id) from claims
          union all select (select min(session_id) from claims where session_id > have.id) from have
          where have.id is not null limit 500)
        select s.id, s.agent, s.last_heartbeat_at from have cross join sessions s on s.id = have.id", 1000));

    /// Deletes the claims about whose release the statement before has appended events.
    DELETE_RELEASED = "delete from claims where id in (select subject from events order by seq desc limit changes())";

    /// The same, with a row for each claim.
    DELETE_IN_SWEEP = "delete from claims where id in (select subject from events order by seq desc limit changes()) returning 1 as one";
}

responses! {
    /// One claim for each entry of the JSON array `?3`, in its order.
    SELECT_TAKEN = concat!("
        select 200, json_object('items', json((select json_group_array(json(item)) from (
          select ", claim_json!(), " as item from ", target!(), " cross join json_each(?3) j
          cross join claims c on c.venture = target.venture and c.repo = target.repo and c.place = j.value ->> 2
            and c.subject = j.value ->> 1
          cross join sessions holder on holder.id = c.session_id order by j.key)))), null, null");

    SELECT_RELEASED = "select 200, json_object('id', ?1, 'released_at', ?2), null, null";
}

/// The claims that a request asks for.
pub(crate) struct RequestedClaims<'a> {
    pub(crate) session: &'a SessionId,
    pub(crate) repo: Option<&'a RepoName>,
    /// A JSON array of the places that begin with no other place of the request.
    pub(crate) places: String,
    /// A JSON array of a new id, the subject and its place for each subject.
    pub(crate) subjects: String,
}

impl RequestedClaims<'_> {
    fn bind(&self, sql: &'static str) -> Statement {
        Statement::new(sql).bind(self.session).bind(self.repo)
    }

    fn bind_places(&self, sql: &'static str) -> Statement {
        self.bind(sql).bind(self.places.as_str())
    }

    /// Fails the batch if another session holds a claim that overlaps. With `take`, claims of a session whose last
    /// heartbeat is before `stale_before` don't count.
    pub(crate) fn unless_held(&self, take: bool, stale_before: Timestamp) -> Statement {
        self.bind_places(UNLESS_FREE).bind(take).bind(stale_before).non_durable()
    }

    /// Selects the claims of other sessions that overlap, as `item`.
    pub(crate) fn held(&self) -> Statement {
        self.bind_places(HELD)
    }

    /// Releases the claims of other sessions that overlap.
    pub(crate) fn take(&self, now: Timestamp) -> [Statement; 2] {
        [self.bind_places(TAKE).bind(now), Statement::new(DELETE_RELEASED)]
    }

    /// Inserts the claims that the session does not have yet, and their events.
    pub(crate) fn insert(&self, reason: Option<&ClaimReason>, now: Timestamp) -> [Statement; 3] {
        [
            self.bind(INSERT).bind(self.subjects.as_str()).bind(now).bind(reason),
            Statement::new(TAKEN).bind(self.session),
            Statement::new(UNLESS_TOO_MANY).bind(self.session).bind(Claim::MAX_PER_SESSION).non_durable(),
        ]
    }

    /// Selects the claims as the response.
    pub(crate) fn select_taken(&self) -> SelectResponse {
        SELECT_TAKEN.select().bind(self.session).bind(self.repo).bind(self.subjects.as_str())
    }
}

/// Fails the batch unless the session holds the claim.
pub(crate) fn unless_holder(id: &ClaimId, session: &SessionId) -> Statement {
    Statement::new(UNLESS_HOLDER).bind(id).bind(session).non_durable()
}

/// Selects a claim as `item`.
pub(crate) fn select(id: &ClaimId) -> Statement {
    Statement::new(SELECT).bind(id)
}

/// Releases one claim.
pub(crate) fn release(id: &ClaimId, now: Timestamp) -> [Statement; 2] {
    [Statement::new(RELEASE_ONE).bind(id).bind(now), Statement::new(DELETE_RELEASED)]
}

/// Selects the released claim as the response.
pub(crate) fn select_released(id: &ClaimId, now: Timestamp) -> SelectResponse {
    SELECT_RELEASED.select().bind(id).bind(now)
}

/// Releases the claims of a session that this batch has ended.
pub(crate) fn release_ended(session: &SessionId, now: Timestamp) -> [Statement; 2] {
    [Statement::new(RELEASE_ENDED).bind(session).bind(now), Statement::new(DELETE_RELEASED)]
}

/// Deletes the claims about whose release the statement before has appended events.
pub(crate) fn delete_released() -> Statement {
    Statement::new(DELETE_RELEASED)
}

/// Releases the claims of the sessions that the start of a day abandons after its answer. The sweep does the same work.
pub(crate) fn release_stale(day: &StartDay, stale_before: Timestamp, now: Timestamp) -> [Statement; 2] {
    let release = Statement::new(RELEASE_STALE).bind(stale_before).bind(now).bind(&day.venture);
    [release.non_durable(), Statement::new(DELETE_RELEASED).non_durable()]
}

/// Releases claims of stale sessions.
pub(crate) fn release_in_sweep(stale_before: Timestamp, now: Timestamp) -> [Statement; 2] {
    [Statement::new(RELEASE_IN_SWEEP).bind(stale_before).bind(now), Statement::new(DELETE_IN_SWEEP)]
}

const LIST: List = List {
    from: "claims c",
    item: concat!("(select ", claim_json!(), " from sessions holder where holder.id = c.session_id)"),
    key: "c.id",
    order: Order::Descending,
};

/// The first index whose filters are all given serves a list.
const INDEXES: &[Index] = &[
    Index { name: Some("claims_by_venture"), serves: &["venture"], by_status: false },
    Index { name: None, serves: &[], by_status: false },
];

filters! {
    /// The filters of `list_claims`.
    ClaimFilters {
        venture: Option<Param>,
        repo: Option<Param>,
        cursor: Option<Param>,
    }
}

/// The page of `list_claims`.
pub(crate) fn list(filter: &ClaimFilter) -> (PageStatements, Limit) {
    let filters = ClaimFilters {
        venture: filter.venture.as_ref().map(Param::from),
        repo: filter.repo.as_ref().map(Param::from),
        cursor: filter.cursor.as_ref().map(Param::from),
    };
    let limit = filter.limit.unwrap_or_default();
    (page(&filters, limit), limit)
}

fn page(filters: &ClaimFilters, limit: Limit) -> PageStatements {
    let named = Filters::new(("", &[]), Vec::new()).when("venture", "c.venture = ?", filters.venture.clone()).when(
        "repo",
        "c.repo = ?",
        filters.repo.clone(),
    );
    LIST.filtered_page((INDEXES, "c.rowid"), &named, filters.cursor.as_ref(), limit)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("claim::list", |filters| page(filters, Limit::default()).statements())
}
