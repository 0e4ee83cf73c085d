//! `handoff`: records a handoff and ends the day.

use deckwatch_client::outbox::{LostResponse, Queued};
use deckwatch_protocol::{
    Agent, EscalationReason, Extra, Handoff, HandoffDraft, HandoffId, HandoffItem, HandoffStatus, Link, SessionId,
    SessionStatus, Summary, Timestamp, Violations,
};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::sent_later;
use crate::render::clean::clean_line;
use crate::session::{Answered, EndOfDay, HandoffOutcome, Keeper};
use crate::trouble::Trouble;

/// The arguments.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    /// What the next session must know.
    summary: Summary,
    /// Of the work.
    status: HandoffStatus,
    #[deserr(default)]
    #[schemars(default)]
    accomplished: Vec<HandoffItem>,
    #[deserr(default)]
    #[schemars(default)]
    in_progress: Vec<HandoffItem>,
    /// Each with who or what blocks it.
    #[deserr(default)]
    #[schemars(default)]
    blocked: Vec<HandoffItem>,
    /// Most important first.
    #[deserr(default)]
    #[schemars(default)]
    next_steps: Vec<HandoffItem>,
    #[deserr(default)]
    #[schemars(default, with = "EscalationReason")]
    escalation: Option<EscalationReason>,
    /// URLs.
    #[deserr(default)]
    #[schemars(default)]
    links: Vec<Link>,
    #[deserr(default)]
    to_agent: Option<Agent>,
    #[deserr(default)]
    #[schemars(default)]
    keep_open: bool,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// What happened, as text.
    pub(super) report: String,
    /// Whether this handoff is recorded. False: it is queued, or the day had already ended with another handoff.
    recorded: bool,
    /// True when it waits on this machine until the API answers.
    queued: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    handoff_id: Option<HandoffId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    payload_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    session_id: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    session_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    correlation_id: Option<String>,
}

pub(super) async fn call(keeper: &Keeper, arguments: Arguments) -> Result<Facts, Trouble> {
    if arguments.escalation.is_some() && arguments.status != HandoffStatus::Blocked {
        let detail = "must be blocked, because `escalation` is given";
        return Err(Trouble::Arguments(Violations::at("/status", detail)));
    }
    let keep_open = arguments.keep_open;
    let ended = keeper.end(draft(arguments), keep_open).await?;
    let facts = match &ended {
        EndOfDay::Answered(answered) => facts(answered),
        EndOfDay::ResponseLost(lost) => {
            Facts { report: recorded_report(lost, keep_open), recorded: true, ..Facts::default() }
        }
        EndOfDay::Queued(queued) => {
            Facts { report: queued_report(queued, keep_open), queued: true, ..Facts::default() }
        }
    };
    Ok(facts)
}

fn draft(arguments: Arguments) -> HandoffDraft {
    HandoffDraft {
        summary: arguments.summary,
        status: arguments.status,
        accomplished: arguments.accomplished,
        in_progress: arguments.in_progress,
        blocked: arguments.blocked,
        next_steps: arguments.next_steps,
        links: arguments.links,
        to_agent: arguments.to_agent,
        extra: arguments.escalation.map_or_else(Extra::default, Extra::from),
    }
}

fn facts(answered: &Answered) -> Facts {
    let (session, handoff) = (&answered.day.session, &answered.day.handoff);
    Facts {
        report: report(answered),
        recorded: answered.outcome != HandoffOutcome::NotRecorded,
        queued: false,
        handoff_id: Some(handoff.id.clone()),
        payload_hash: Some(handoff.payload_hash.clone()),
        session_id: Some(session.id.clone()),
        session_status: Some(session.status.as_str()),
        ended_at: session.ended_at,
        correlation_id: Some(answered.day.correlation_id.clone()),
    }
}

fn recorded_report(lost: &LostResponse, keep_open: bool) -> String {
    let day = if keep_open { "Your session stays open." } else { "It ends your day." };
    let cause = clean_line(&lost.cause);
    format!("The handoff is recorded. Do not repeat it. {day}\nThe handoff's id is not known: {cause}.")
}

fn queued_report(queued: &Queued, keep_open: bool) -> String {
    let day = if keep_open { "Your session stays open." } else { "It ends your day." };
    let (cause, later) = (clean_line(&queued.cause), sent_later(queued));
    format!("The handoff is QUEUED on this machine and not recorded yet: {cause}.\n{later} {day}")
}

fn report(answered: &Answered) -> String {
    let (session, handoff) = (&answered.day.session, &answered.day.handoff);
    let ended = session.ended_at.map_or(String::new(), |at| format!(" at {at}"));
    let first = match answered.outcome {
        HandoffOutcome::Recorded => format!("Handoff {} is recorded ({}).", handoff.id, size(handoff)),
        HandoffOutcome::RecordedInNewSession => format!(
            "Handoff {} is recorded ({}). You had no active session, so Deckwatch started one for it.",
            handoff.id,
            size(handoff)
        ),
        HandoffOutcome::AlreadyRecorded => format!(
            "Your day had already ended{ended} with the same handoff, {}. It was not recorded again.",
            handoff.id
        ),
        HandoffOutcome::NotRecorded => format!(
            "Your day had already ended{ended} with handoff {}. Your new handoff is NOT recorded. Call sod to start a new \
             day, then call handoff again.",
            handoff.id
        ),
    };
    let second = match session.status {
        SessionStatus::Active => format!("Session {} stays open.", session.id),
        SessionStatus::Ended => format!("Session {} has ended{ended}.", session.id),
        SessionStatus::Abandoned => format!("Session {} was abandoned{ended}.", session.id),
    };
    format!("{first}\n{second}")
}

fn size(handoff: &Handoff) -> String {
    let recipient = handoff.to_agent.as_ref().map_or("the next agent".to_owned(), ToString::to_string);
    format!("status {}, {} bytes, for {recipient}", handoff.status.as_str(), handoff.payload_size_bytes)
}
