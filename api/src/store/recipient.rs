//! Who gets a message. One rule serves the sending of a message and the list of its recipients.
//!
//! `?1` is the session of the sender, or null if a person sends; `?23` is then the venture. A heartbeat before `?2` is stale. An agent is known if it was seen since `?3`. `?4` has
//! the names, `?5` the sessions, `?6` says whether people are addressed. `?7` to `?22` are texts in the groups of a session,
//! or null: `"frontend":` and `"frontend/` for `@frontend`, `"frontend":"lead"` for `@frontend:lead`, `{` for `@all`.

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

/// Whether the venture of the sender has an agent with the name `$name`. `$since` is the time of `?3`.
macro_rules! known_agent {
    ($name:literal, $since:literal, $of_person:literal) => {
        concat!(
            "exists (select 1 from agents k where k.venture = ",
            $crate::store::recipient::venture_of_sender!($of_person),
            " and k.agent = ",
            $name,
            " and k.last_seen_at >= ",
            $since,
            ")"
        )
    };
}

/// The tables `scanned`, the newest active sessions of the venture, and `reached`, the agents that get the message. If active
/// sessions were left unread, `reached` has an agent without a name, which no statement accepts.
macro_rules! reached {
    () => {
        concat!(
            "scanned as materialized (select o.agent, o.last_heartbeat_at, o.groups_json, o.public_key ",
            "from sessions o indexed by sessions_by_venture where o.venture = ",
            $crate::store::recipient::venture_of_sender!("?23"),
            " and o.status = 'active' order by o.id desc limit iif(?7 is null, 0, 221)), ",
            "reached as materialized (select j.value as agent from json_each(?4) j where ",
            $crate::store::recipient::known_agent!("j.value", "?3", "?23"),
            " union select s.agent from json_each(?5) j cross join sessions s on s.id = j.value and s.venture = ",
            $crate::store::recipient::venture_of_sender!("?23"),
            " union select 'human' where ?6 ",
            "union select agent from scanned where last_heartbeat_at >= ?2 ",
            "and agent not in ('human', ifnull((select agent from sessions where id = ?1), '')) ",
            "and (instr(groups_json, ?7) or instr(groups_json, ?8) or instr(groups_json, ?9) or instr(groups_json, ?10) ",
            "or instr(groups_json, ?11) or instr(groups_json, ?12) or instr(groups_json, ?13) or instr(groups_json, ?14) ",
            "or instr(groups_json, ?15) or instr(groups_json, ?16) or instr(groups_json, ?17) or instr(groups_json, ?18) ",
            "or instr(groups_json, ?19) or instr(groups_json, ?20) or instr(groups_json, ?21) or instr(groups_json, ?22)) ",
            "union select '' from (select count(*) as n from scanned) where n > 220)"
        )
    };
}
pub(super) use {known_agent, reached, venture_of_sender};

statements! {
    /// `?2` has the names, `?3` the sessions. An agent is known if it was seen since `?4`. A person names the venture `?5`.
    UNLESS_KNOWN = concat!("
        insert into message_refusals (reason) select 'recipient_unknown'
        where exists (select 1 from json_each(?2) j where not ", known_agent!("j.value", "?4", "?5"), ")
          or exists (select 1 from json_each(?3) j where not exists (
            select 1 from sessions s where s.id = j.value and s.venture = ", venture_of_sender!("?5"), "))");

    /// The first 4 unknown names and sessions, each with the agents whose names are next to it. The parameters are the same.
    UNKNOWN = concat!("
        select j.value as name,
          (select json_group_array(agent) from (select agent from agents where venture = ", venture_of_sender!("?5"), "
            and agent < j.value and last_seen_at >= ?4 order by agent desc limit 50)) as before,
          (select json_group_array(agent) from (select agent from agents where venture = ", venture_of_sender!("?5"), "
            and agent > j.value and last_seen_at >= ?4 order by agent limit 50)) as after
        from (select value from json_each(?2) i where not ", known_agent!("i.value", "?4", "?5"), "
          union all select 'session:' || value from json_each(?3) i where not exists (
            select 1 from sessions s where s.id = i.value and s.venture = ", venture_of_sender!("?5"), ") limit 4) j");

    /// The key of an agent is that of its newest active session on the venture, or of the newest of its last 3 sessions.
    LIST = concat!("
        with ", reached!(), "
        select r.agent, (select max(heard.last_heartbeat_at) >= ?2 from (
              select last_heartbeat_at from sessions indexed by sessions_one_live
              where agent = r.agent and venture = ", venture_of_sender!("?23"), " and status = 'active' limit 4) heard) is true as is_active,
          ifnull((select p.public_key from scanned p where p.agent = r.agent and p.public_key is not null limit 1),
            (select known.public_key from (select venture, public_key from sessions indexed by sessions_by_agent
              where agent = r.agent order by id desc limit iif(?7 is null, 3, 0)) known
            where known.venture = ", venture_of_sender!("?23"), " and known.public_key is not null limit 1)) as public_key
        from reached r order by r.agent");
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
        needles.fold(statement, |statement, needle| statement.bind(needle)).bind(from.venture())
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

    /// Selects the agents that a message would reach.
    pub(crate) fn list(&self, from: Speaker, time: &RecipientTime) -> Statement {
        self.bind(LIST, from, time)
    }
}

/// The times that decide who gets a message.
pub(crate) struct RecipientTime {
    pub(crate) stale_before: Timestamp,
    pub(crate) seen_since: Timestamp,
}

// The statements have these limits as numbers.
const _: () = assert!(Recipient::MAX_GROUPS == 8 && Recipient::MAX_AGENTS == 200);
