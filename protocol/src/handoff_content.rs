//! When two handoffs are the same, and when a handoff is recorded although its author got no answer.

use serde::Deserialize;
use serde_json::Value;

use crate::handoff::{Handoff, HandoffDraft, HandoffFilter, HandoffPayload, HandoffStatus};
use crate::json::Extra;
use crate::session::Session;
use crate::text::{Agent, RepoName, Summary, VentureCode};
use crate::time::Timestamp;

/// What an author writes in a handoff.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HandoffContent {
    /// A summary of the work.
    pub summary: Summary,
    /// The status of the work.
    pub status: HandoffStatus,
    /// The agent that the handoff is addressed to.
    #[serde(default)]
    pub to_agent: Option<Agent>,
    /// The lists, links and other data.
    #[serde(flatten)]
    pub payload: HandoffPayload,
}

impl HandoffContent {
    /// Whether `recorded` is this handoff.
    ///
    /// Two handoffs are the same if everything that their author wrote is the same: the summary, the status, the
    /// recipient, the five lists in their order, and `extra`. Numbers in `extra` are compared by their value, because
    /// canonical JSON writes `1.0` as `1`. A payload that the answer leaves out is not compared.
    pub fn is_recorded_as(&self, recorded: &Handoff) -> bool {
        self.summary == recorded.summary
            && self.status == recorded.status
            && self.to_agent == recorded.to_agent
            && recorded.payload.as_ref().is_none_or(|payload| is_same_payload(&self.payload, payload))
    }
}

impl From<&HandoffDraft> for HandoffContent {
    fn from(draft: &HandoffDraft) -> Self {
        let HandoffDraft { summary, status, accomplished, in_progress, blocked, next_steps, links, to_agent, extra } =
            draft;
        let [accomplished, in_progress, blocked, next_steps] = [accomplished, in_progress, blocked, next_steps]
            .map(|items| items.iter().map(ToString::to_string).collect());
        let links = links.iter().map(ToString::to_string).collect();
        let payload = HandoffPayload { accomplished, in_progress, blocked, next_steps, links, extra: extra.clone() };
        Self { summary: summary.clone(), status: *status, to_agent: to_agent.clone(), payload }
    }
}

/// A handoff that an agent has written, and whose session is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenHandoff {
    /// The agent that wrote it.
    pub agent: Agent,
    /// The venture that it is about.
    pub venture: VentureCode,
    /// The repository that it is about.
    pub repo: RepoName,
    /// When the agent wrote it.
    pub written_at: Timestamp,
    /// What the agent wrote.
    pub content: HandoffContent,
}

impl WrittenHandoff {
    /// A handoff that was recorded longer before is another one, even if its text is the same.
    const RECENT_SECONDS: u64 = 60 * 60;

    /// Selects the newest handoff of the agent in this venture and repository.
    pub fn newest_of_its_place(&self) -> HandoffFilter {
        HandoffFilter {
            venture: Some(self.venture.clone()),
            repo: Some(self.repo.clone()),
            from_agent: Some(self.agent.clone()),
            limit: 1.try_into().ok(),
            ..HandoffFilter::default()
        }
    }

    /// Whether `newest` is the record of this handoff, whose answer was lost. `newest` is the newest handoff of the agent
    /// in this venture and repository, and `session` is the session of `newest`.
    ///
    /// A process can be killed after the API has recorded a handoff and before the answer arrives. The agent then sends
    /// the handoff again from a process that does not know the session. It is already recorded if
    ///
    /// 1. `newest` has the same content ([`HandoffContent::is_recorded_as`]),
    /// 2. `newest` ended its session: a session that goes on records each handoff that it gets,
    /// 3. `newest` was recorded at most one hour before this handoff was written. After that, the same text is about
    ///    another day.
    pub fn was_recorded_as(&self, newest: &Handoff, session: &Session) -> bool {
        self.content.is_recorded_as(newest)
            && session.final_handoff_id.as_ref() == Some(&newest.id)
            && self.written_at.seconds_since(newest.created_at) <= Self::RECENT_SECONDS
    }
}

fn is_same_payload(one: &HandoffPayload, other: &HandoffPayload) -> bool {
    let lists = |payload: &HandoffPayload| HandoffPayload { extra: Extra::default(), ..payload.clone() };
    lists(one) == lists(other) && is_same_object(&one.extra.0, &other.extra.0)
}

fn is_same_object(one: &serde_json::Map<String, Value>, other: &serde_json::Map<String, Value>) -> bool {
    one.len() == other.len()
        && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| is_same_value(value, other)))
}

fn is_same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same_value(one, other))
        }
        (Value::Object(one), Value::Object(other)) => is_same_object(one, other),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RECORDED_AT: &str = "2026-11-20T09:00:00.000Z";

    /// The record of a handoff with this summary, status and payload.
    fn recorded(payload: &Value) -> Handoff {
        let record = json!({
            "id": "ho_01JD0000000000000000000001", "session_id": "sess_01JD0000000000000000000001",
            "venture": "alpha", "repo": "example-org/alpha", "track": null, "issue_number": null,
            "from_agent": "mac1-claude-1", "to_agent": null, "status": "done", "summary": "Login works.",
            "payload": payload, "payload_hash": "x", "payload_size_bytes": 1, "schema_version": 1,
            "created_at": RECORDED_AT, "actor_key_id": "a", "creation_correlation_id": "corr_x",
        });
        serde_json::from_value(record).unwrap()
    }

    fn session(final_handoff: Option<&str>) -> Session {
        let session = json!({
            "id": "sess_01JD0000000000000000000001", "agent": "mac1-claude-1", "client": "claude",
            "client_version": null, "client_session_id": null, "host": "mac1", "venture": "alpha",
            "repo": "example-org/alpha", "track": null, "issue_number": null, "branch": null, "commit_sha": null,
            "status": "ended", "created_at": RECORDED_AT, "last_heartbeat_at": RECORDED_AT, "ended_at": RECORDED_AT,
            "end_reason": "manual", "final_handoff_id": final_handoff, "actor_key_id": "a",
            "creation_correlation_id": "corr_x", "meta": {},
        });
        serde_json::from_value(session).unwrap()
    }

    fn content(changes: Value) -> HandoffContent {
        let mut content =
            json!({"summary": "Login works.", "status": "done", "to_agent": null, "blocked": ["the key"]});
        let (fields, Value::Object(changes)) = (content.as_object_mut().unwrap(), changes) else { unreachable!() };
        fields.extend(changes);
        serde_json::from_value(content).unwrap()
    }

    #[test]
    fn a_handoff_is_the_same_if_everything_that_its_author_wrote_is_the_same() {
        let record = recorded(&json!({"blocked": ["the key"], "extra": {"cost": 1, "steps": [1.5, {"a": -0.0}]}}));
        let same = json!({"cost": 1.0, "steps": [15e-1, {"a": 0}]});
        assert!(content(json!({"extra": same})).is_recorded_as(&record), "numbers are compared by their value");
        for changes in [
            json!({}),
            json!({"extra": {"cost": 2, "steps": [1.5, {"a": 0}]}}),
            json!({"extra": {"cost": 1, "steps": [1.5]}}),
            json!({"extra": {"cost": "1", "steps": [1.5, {"a": 0}]}}),
            json!({"extra": same, "summary": "Login fails."}),
            json!({"extra": same, "status": "blocked"}),
            json!({"extra": same, "to_agent": "mac2-codex-1"}),
            json!({"extra": same, "blocked": []}),
            json!({"extra": same, "links": ["https://example.com"]}),
        ] {
            assert!(!content(changes.clone()).is_recorded_as(&record), "{changes}");
        }
        assert!(content(json!({"extra": {"cost": 2}})).is_recorded_as(&recorded(&Value::Null)));
    }

    #[test]
    fn a_draft_and_its_json_are_the_same_content() {
        let json = json!({"summary": "s", "status": "ready", "accomplished": ["a"], "in_progress": ["b"],
            "blocked": ["c"], "next_steps": ["d"], "links": ["https://example.com/e"], "to_agent": "mac1-claude-1",
            "extra": {"f": [1]}});
        let draft = deserr::deserialize::<HandoffDraft, Value, crate::Violations>(json.clone()).unwrap();
        assert_eq!(HandoffContent::from(&draft), serde_json::from_value(json).unwrap());
    }

    #[test]
    fn the_answer_was_lost_if_the_newest_handoff_ended_its_session_within_the_last_hour() {
        let record = recorded(&json!({"blocked": ["the key"]}));
        let recorded_at: Timestamp = RECORDED_AT.parse().unwrap();
        let written = |seconds, changes| WrittenHandoff {
            agent: "mac1-claude-1".parse().unwrap(),
            venture: "alpha".parse().unwrap(),
            repo: "example-org/alpha".parse().unwrap(),
            written_at: recorded_at.plus_seconds(seconds),
            content: content(changes),
        };
        let ended = session(Some(record.id.as_str()));
        for seconds in [-7_200, 0, 3_600] {
            assert!(written(seconds, json!({})).was_recorded_as(&record, &ended), "{seconds}");
        }
        assert!(!written(3_601, json!({})).was_recorded_as(&record, &ended), "the text of another day");
        assert!(!written(0, json!({"status": "ready"})).was_recorded_as(&record, &ended));
        for open in [None, Some("ho_01JD0000000000000000000002")] {
            assert!(!written(0, json!({})).was_recorded_as(&record, &session(open)), "{open:?}");
        }
    }
}
