//! Who gets a message. One rule serves the sending of a message and the list of its recipients.
//!
//! `?1` is the session of the sender, or null if a person sends; `?23` is then the venture. A heartbeat before `?2` is stale.
//! An agent is known if it was seen since `?3`. `?4` has the names, `?5` the sessions, `?6` says whether people are addressed.
//! `?7` to `?22` are texts in the groups of a session, or null: `"frontend":` and `"frontend/` for `@frontend`,
//! `"frontend":"lead"` for `@frontend:lead`, `{` for `@all`.
//!
//! D1 counts each row of a temporary table, a union without duplicates and a sort. A `distinct` inside of an aggregate costs
//! nothing, so the recipients are collected as JSON.

use deckwatch_protocol::{Address, Recipient, Speaker, Timestamp};
use serde_json::Value;

use super::statements;
use crate::database::Statement;

/// The venture of the sender: that of the session `?1`, or the one that a person names.
macro_rules! venture_of_sender {
    ($of_person:literal) => {
        concat!("ifnull(", $of_person, ", (select venture from sessions where id = ?1))")
    };
}

/// Whether the venture of the sender has an agent with the name `$name` that was seen since `?4`.
macro_rules! known_agent {
    ($name:literal) => {
        concat!(
            "exists (select 1 from agents k where k.venture = ",
            $crate::store::recipient::venture_of_sender!("?5"),
            " and k.agent = ",
            $name,
            " and k.last_seen_at >= ?4)"
        )
    };
}

/// The newest active sessions of the venture, if a group is addressed: one more than may be active.
macro_rules! scanned {
    () => {
        concat!(
            "(select o.agent, o.last_heartbeat_at, o.groups_json, o.public_key ",
            "from sessions o indexed by sessions_by_venture where o.venture = ",
            $crate::store::recipient::venture_of_sender!("?23"),
            " and o.status = 'active' order by o.id desc limit iif(?7 is null, 0, 221))"
        )
    };
}

/// Whether a scanned session is in an addressed group. Its agent is not the sender.
macro_rules! in_group {
    () => {
        concat!(
            "last_heartbeat_at >= ?2 and agent not in ('human', ifnull((select agent from sessions where id = ?1), '')) ",
            "and (instr(groups_json, ?7) or instr(groups_json, ?8) or instr(groups_json, ?9) or instr(groups_json, ?10) ",
            "or instr(groups_json, ?11) or instr(groups_json, ?12) or instr(groups_json, ?13) or instr(groups_json, ?14) ",
            "or instr(groups_json, ?15) or instr(groups_json, ?16) or instr(groups_json, ?17) or instr(groups_json, ?18) ",
            "or instr(groups_json, ?19) or instr(groups_json, ?20) or instr(groups_json, ?21) or instr(groups_json, ?22))"
        )
    };
}

/// The agents that get the message: `reached.value`, from `reached.key` 0 on. If active sessions were left unread, there is one
/// agent without a name. A session that is not known has the agent `?`.
macro_rules! reached {
    () => {
        concat!(
            "(select json_group_array(distinct agent) filter (where agent is not null) as agents, ",
            "count(*) filter (where is_scanned) as scanned from (",
            "select true as is_scanned, iif(",
            $crate::store::recipient::in_group!(),
            ", agent, null) as agent from ",
            $crate::store::recipient::scanned!(),
            " union all select false, j.value from json_each(?4) j ",
            "union all select false, ifnull(s.agent, '?') from json_each(?5) j left join sessions s on s.id = j.value and s.venture = ",
            $crate::store::recipient::venture_of_sender!("?23"),
            " union all select false, 'human' where ?6)) found ",
            "cross join json_each(iif(found.scanned > 220, '[\"\"]', found.agents)) reached"
        )
    };
}

/// Whether the recipient `reached.value` was named, and the row `a` of its name does not say that it was seen.
macro_rules! is_unknown {
    () => {
        "(reached.value = '?' or instr(?4, '\"' || reached.value || '\"') and ifnull(a.last_seen_at < ?3, true))"
    };
}
pub(super) use {in_group, is_unknown, reached, scanned, venture_of_sender};

statements! {
    /// `?2` has the names, `?3` the sessions. An agent is known if it was seen since `?4`. A person names the venture `?5`.
    UNLESS_KNOWN = concat!("
        insert into message_refusals (reason) select 'recipient_unknown'
        where exists (select 1 from json_each(?2) j where not ", known_agent!("j.value"), ")
          or exists (select 1 from json_each(?3) j where not exists (
            select 1 from sessions s where s.id = j.value and s.venture = ", venture_of_sender!("?5"), "))");

    /// The first 4 unknown names and sessions, each with the agents whose names are next to it. The parameters are the same.
    UNKNOWN = concat!("
        select j.value as name,
          (select json_group_array(agent) from (select agent from agents where venture = ", venture_of_sender!("?5"), "
            and agent < j.value and last_seen_at >= ?4 order by agent desc limit 50)) as before,
          (select json_group_array(agent) from (select agent from agents where venture = ", venture_of_sender!("?5"), "
            and agent > j.value and last_seen_at >= ?4 order by agent limit 50)) as after
        from (select value from json_each(?2) i where not ", known_agent!("i.value"), "
          union all select 'session:' || value from json_each(?3) i where not exists (
            select 1 from sessions s where s.id = i.value and s.venture = ", venture_of_sender!("?5"), ") limit 4) j");

    /// The scanned sessions, newest first, then the recipients that are named. A named agent is active if one of its sessions
    /// was scanned, or, without a group, read here. Its key is that of its newest session with one, of its last 3 sessions.
    /// `?3` is not needed, but must be used.
    LIST = concat!("
        select agent, public_key, last_heartbeat_at >= ?2 as is_active, ", in_group!(), " as is_reached, true as is_scanned
        from ", scanned!(), "
        union all
        select r.agent, (select known.public_key from (select venture, public_key from sessions indexed by sessions_by_agent
              where agent = r.agent order by id desc limit 3) known
            where known.venture = ", venture_of_sender!("?23"), " and known.public_key is not null limit 1),
          exists (select 1 from sessions indexed by sessions_one_live
            where agent = r.agent and venture = ", venture_of_sender!("?23"), " and status = 'active' and last_heartbeat_at >= ?2
              and ?7 is null),
          ?3 is not null, false
        from (select j.value as agent from json_each(?4) j
          union all select s.agent from json_each(?5) j cross join sessions s on s.id = j.value and s.venture = ", venture_of_sender!("?23"), "
          union all select 'human' where ?6) r");
}

/// The recipients of a message, sorted by what they mean.
pub(crate) struct Addressed {
    names: String,
    sessions: String,
    human: bool,
    needles: Vec<String>,
    pub(crate) to_all: bool,
}

impl Addressed {
    pub(crate) fn of(to: &[Recipient]) -> Self {
        let (mut names, mut sessions, mut needles, mut human, mut to_all) =
            (Vec::new(), Vec::new(), Vec::new(), false, false);
        for recipient in to {
            match recipient.address() {
                Address::Agent(name) => names.push(name),
                Address::Session(id) => sessions.push(id),
                Address::Human => human = true,
                Address::All => {
                    to_all = true;
                    needles.push("{".to_owned());
                }
                Address::Group(name) => needles.extend([format!("\"{name}\":"), format!("\"{name}/")]),
                Address::Role(name, role) => needles.push(format!("\"{name}\":\"{role}\"")),
            }
        }
        let json = |texts: Vec<&str>| Value::from(texts).to_string();
        Self { names: json(names), sessions: json(sessions), human, needles, to_all }
    }

    /// Binds the parameters of `reached!`.
    pub(super) fn bind(&self, sql: &'static str, from: Speaker, time: &RecipientTime) -> Statement {
        let statement = Statement::new(sql)
            .bind(from.session())
            .bind(time.stale_before)
            .bind(time.seen_since)
            .bind(self.names.as_str())
            .bind(self.sessions.as_str())
            .bind(self.human);
        let needles = (0..2 * Recipient::MAX_GROUPS).map(|n| self.needles.get(n).map(String::as_str));
        needles.fold(statement, Statement::bind).bind(from.venture())
    }

    fn of_unknown(&self, sql: &'static str, from: Speaker, time: &RecipientTime) -> Statement {
        Statement::new(sql)
            .bind(from.session())
            .bind(self.names.as_str())
            .bind(self.sessions.as_str())
            .bind(time.seen_since)
            .bind(from.venture())
    }

    /// Fails the batch if a name or a session is not known.
    pub(crate) fn unless_known(&self, from: Speaker, time: &RecipientTime) -> Statement {
        self.of_unknown(UNLESS_KNOWN, from, time).non_durable()
    }

    /// Selects the unknown names, with names that may be meant.
    pub(crate) fn unknown(&self, from: Speaker, time: &RecipientTime) -> Statement {
        self.of_unknown(UNKNOWN, from, time)
    }

    /// Selects the rows from which the agents follow that a message would reach.
    pub(crate) fn list(&self, from: Speaker, time: &RecipientTime) -> Statement {
        self.bind(LIST, from, time)
    }
}

/// The times that decide who gets a message.
pub(crate) struct RecipientTime {
    pub(crate) stale_before: Timestamp,
    pub(crate) seen_since: Timestamp,
}

/// The number of active sessions above which a message to a group is refused.
pub(crate) const MAX_SCANNED: usize = 220;

// The statements have these limits as numbers.
const _: () = assert!(Recipient::MAX_GROUPS == 8 && Recipient::MAX_AGENTS == 200);
