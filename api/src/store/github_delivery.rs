//! The deliveries from GitHub, from their arrival until their work is done.
//!
//! An attempt holds a delivery until a time, its lease. Every statement of the attempt names the lease, so an attempt that
//! took too long changes nothing after another one has begun.

use deckwatch_protocol::Timestamp;

use super::statements;
use crate::database::{Param, Row, Statement, number, text};

/// Whether another delivery of the same issue as the delivery `$of` is in work at `?1`.
macro_rules! is_busy {
    ($of:literal) => {
        concat!(
            "exists (select 1 from github_deliveries o indexed by github_deliveries_by_state ",
            "where o.state = 'working' and o.due_at > ?1 and o.repo = ",
            $of,
            ".repo and o.number = ",
            $of,
            ".number)"
        )
    };
}

statements! {
    /// A delivery that was set aside begins again. Without work, it is `?6`, which is done, until the time `?7`. The change
    /// `?8` belongs to the first delivery that tells it.
    RECEIVE = "
        insert into github_deliveries
          (id, repo, number, facts_json, state, due_at, attempts, planned_json, received_at, change_id)
        values (?1, ?2, ?3, ?4, ?6, ?7, 0, '[]', ?5,
          iif(exists (select 1 from github_deliveries where change_id = ?8), null, ?8))
        on conflict (id) do update set state = excluded.state, due_at = excluded.due_at, attempts = 0, last_error = null
        where state = 'set_aside'
        returning 1 as one";

    /// The delivery `?3`, or else the next one that is due. Deliveries of one issue are worked on one after the other.
    CLAIM = concat!(
        "update github_deliveries set state = 'working', due_at = ?2, attempts = attempts + 1 ",
        "where id = ifnull(?3, (select d.id from github_deliveries d indexed by github_deliveries_by_state ",
        "where d.state in ('waiting', 'working') and d.due_at <= ?1 and not ", is_busy!("d"), " limit 1)) ",
        "and state in ('waiting', 'working') and due_at <= ?1 and not ", is_busy!("github_deliveries"), " ",
        "returning id, repo, number, facts_json, attempts, planned_json, last_error, change_id, ",
        "(select cl.state_json from classifications cl where cl.repo = github_deliveries.repo ",
        "and cl.number = github_deliveries.number order by cl.id desc limit 1) as state_json, ",
        "(select cl.body_json from classifications cl where cl.repo = github_deliveries.repo ",
        "and cl.number = github_deliveries.number order by cl.id desc limit 1) as body_json"
    );

    PLAN = "
        update github_deliveries set planned_json = ?3
        where id = ?1 and state = 'working' and due_at = ?2
        returning 1 as one";

    /// The work on an issue that a pull request closes.
    FOLLOW_UP = "
        insert into github_deliveries (id, repo, number, facts_json, state, due_at, attempts, planned_json, received_at)
        select ?1, ?2, ?3, ?4, 'waiting', ?5, 0, '[]', ?5
        from github_deliveries g where g.id = ?6 and g.state = 'working' and g.due_at = ?7
        on conflict (id) do nothing";

    RELEASE = "
        update github_deliveries set state = ?3, due_at = ?4, last_error = ?5
        where id = ?1 and state = 'working' and due_at = ?2";

    FORGET = "
        delete from github_deliveries where id in (
          select id from github_deliveries indexed by github_deliveries_by_state
          where state in ('done', 'set_aside') and due_at < ?1 limit 1000)
        returning 1 as one";
}

/// A delivery to store.
pub(crate) struct NewDelivery<'a> {
    pub(crate) id: &'a str,
    pub(crate) repo: &'a str,
    pub(crate) number: u32,
    /// What the work needs of the payload, as JSON.
    pub(crate) facts: &'a str,
    /// The change that it tells.
    pub(crate) change_id: Option<&'a str>,
    /// Without work, the delivery is done, and is deleted at this time.
    pub(crate) done_until: Option<Timestamp>,
}

/// A delivery that an attempt holds.
pub(crate) struct ClaimedDelivery {
    pub(crate) id: String,
    pub(crate) repo: String,
    pub(crate) number: u32,
    pub(crate) facts: String,
    /// The number of this attempt, from 1.
    pub(crate) attempt: u32,
    /// The labels that an earlier attempt was about to add, as JSON.
    pub(crate) planned: String,
    pub(crate) last_error: Option<String>,
    /// Whether it is the first delivery that tells its change.
    pub(crate) tells_change: bool,
    /// What the newest decision about the issue left, as JSON.
    pub(crate) state: Option<String>,
    /// The newest decision about the issue, as JSON.
    pub(crate) last_decision: Option<String>,
}

impl ClaimedDelivery {
    /// Reads the row of [`claim`].
    pub(crate) fn of(row: &Row) -> Option<Self> {
        let own = |column| text(row, column).map(str::to_owned);
        let count = |column| number(row, column).and_then(|n| u32::try_from(n).ok());
        Some(Self {
            id: own("id")?,
            repo: own("repo")?,
            number: count("number")?,
            facts: own("facts_json")?,
            attempt: count("attempts")?,
            planned: own("planned_json")?,
            last_error: own("last_error"),
            tells_change: text(row, "change_id").is_some(),
            state: own("state_json"),
            last_decision: own("body_json"),
        })
    }
}

/// What becomes of a delivery after an attempt.
pub(crate) enum Released<'a> {
    /// The work is done; the row is deleted after a time.
    Done { forget_at: Timestamp },
    /// The attempt failed; the next one begins at a time.
    Again { at: Timestamp, because: &'a str },
    /// No attempt follows; the row is deleted after a time.
    SetAside { forget_at: Timestamp, because: &'a str },
}

/// Stores a delivery. Returns a row if there is work to do, and none for a repeated delivery.
pub(crate) fn receive(new: &NewDelivery, now: Timestamp) -> Statement {
    let state = if new.done_until.is_some() { "done" } else { "waiting" };
    let bound = Statement::new(RECEIVE).bind(new.id).bind(new.repo).bind(new.number).bind(new.facts).bind(now);
    bound.bind(state).bind(new.done_until.unwrap_or(now)).bind(new.change_id)
}

/// Begins an attempt on the delivery `id`, or else on the next one that is due.
pub(crate) fn claim(id: Option<&str>, now: Timestamp, lease: Timestamp) -> Statement {
    Statement::new(CLAIM).bind(now).bind(lease).bind(id.map(Param::from))
}

/// Records the labels that the attempt is about to add. Returns a row if the attempt still holds the delivery.
pub(crate) fn plan(id: &str, lease: Timestamp, labels: &str) -> Statement {
    Statement::new(PLAN).bind(id).bind(lease).bind(labels)
}

/// Stores the work on an issue that the pull request of the delivery `id` closes.
pub(crate) fn follow_up(new: &NewDelivery, now: Timestamp, id: &str, lease: Timestamp) -> Statement {
    let bound = Statement::new(FOLLOW_UP).bind(new.id).bind(new.repo).bind(new.number).bind(new.facts);
    bound.bind(now).bind(id).bind(lease)
}

/// Ends an attempt.
pub(crate) fn release(id: &str, lease: Timestamp, released: &Released) -> Statement {
    let (state, due_at, error) = match released {
        Released::Done { forget_at } => ("done", forget_at, None),
        Released::Again { at, because } => ("waiting", at, Some(*because)),
        Released::SetAside { forget_at, because } => ("set_aside", forget_at, Some(*because)),
    };
    Statement::new(RELEASE).bind(id).bind(lease).bind(state).bind(*due_at).bind(error)
}

/// Deletes finished deliveries whose time has come.
pub(crate) fn forget(now: Timestamp) -> Statement {
    Statement::new(FORGET).bind(now)
}
