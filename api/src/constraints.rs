//! Which error a request gets that violates a constraint of the schema.
//!
//! A batch can't branch, so constraints implement the rules that depend on records (0002). Every constraint that a
//! request can violate has one row here. A constraint without a row is an internal error, because then no request can
//! violate it: the test `constraints` of the engine compares the rows with the migrated schema, and names the reason
//! for each constraint without a row.

use std::borrow::Cow;

use deckwatch_protocol::ErrorCode;

use crate::fault::Violated;

/// A constraint, and what happens to the request that violates it.
#[derive(Debug)]
pub struct ConstraintRow {
    /// The constraint.
    pub violated: Violated,
    pub(crate) outcome: Outcome,
}

/// What happens to a request that violates a constraint.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The caller gets an error. `field` is the pointer of the field that causes it, and what is wrong with the field.
    Refused { code: ErrorCode, detail: &'static str, field: Option<(&'static str, &'static str)> },
    /// The idempotency key was used before, so the caller gets the stored response.
    Replayed,
}

impl ConstraintRow {
    /// The error code that the caller gets, if it gets an error.
    pub fn code(&self) -> Option<ErrorCode> {
        match self.outcome {
            Outcome::Refused { code, .. } => Some(code),
            Outcome::Replayed => None,
        }
    }

    const fn refused(violated: Violated, code: ErrorCode, detail: &'static str) -> Self {
        Self { violated, outcome: Outcome::Refused { code, detail, field: None } }
    }

    /// A `check` with this name.
    const fn check(name: &'static str, code: ErrorCode, detail: &'static str) -> Self {
        Self::refused(Violated::Check(Cow::Borrowed(name)), code, detail)
    }

    /// A unique key: its columns, or the name of its index of expressions.
    const fn unique(key: &'static str, code: ErrorCode, detail: &'static str) -> Self {
        Self::refused(Violated::Unique(Cow::Borrowed(key)), code, detail)
    }

    /// Names the field that causes the error.
    const fn at(mut self, pointer: &'static str, problem: &'static str) -> Self {
        if let Outcome::Refused { field, .. } = &mut self.outcome {
            *field = Some((pointer, problem));
        }
        self
    }
}

/// Every constraint that a request can violate.
#[rustfmt::skip]
pub const CONSTRAINTS: &[ConstraintRow] = &[
    ConstraintRow {
        violated: Violated::Check(Cow::Borrowed("idempotency_key_taken")),
        outcome: Outcome::Replayed,
    },
    ConstraintRow::check("rate_limit_exceeded", ErrorCode::RateLimited,
        "The caller has sent too many requests in this minute. Wait for the number of seconds in Retry-After."),

    // Sessions, handoffs and notes.
    ConstraintRow::check("refused_session_not_found", ErrorCode::SessionNotFound, "No session has this id."),
    ConstraintRow::check("refused_session_ended", ErrorCode::SessionEnded,
        "The session has ended. Start the day again."),
    ConstraintRow::unique("sessions_one_live", ErrorCode::SessionConflict,
        "Another active session of this agent has the same venture, repository and track."),
    ConstraintRow::check("sessions_meta_size", ErrorCode::PayloadTooLarge,
        "The merged meta would be larger than 8 KiB. Send less.")
        .at("/meta", "must have at most 8 KiB as JSON after the merge"),
    ConstraintRow::check("refused_note_not_found", ErrorCode::NoteNotFound, "No note has this id."),
    ConstraintRow::check("refused_note_changed", ErrorCode::NoteChanged,
        "The note has changed: its version is not the one in If-Match. Read the note again."),

    // Agents and the processes that speak for them.
    ConstraintRow::check("agent_session_not_found", ErrorCode::SessionNotFound, "No session has this id."),
    ConstraintRow::check("agent_session_ended", ErrorCode::SessionEnded,
        "The session has ended. Start the day again."),
    ConstraintRow::check("agent_session_not_active", ErrorCode::SessionNotActive,
        "The session is not active: it was silent for 45 minutes, or its agent has left. Send a heartbeat first."),
    ConstraintRow::check("agent_superseded", ErrorCode::Superseded,
        "Another process of this agent goes on with the session, so this one changes nothing. Start the day again to go \
         on here.")
        .at("/epoch", "is not the epoch of the session"),
    ConstraintRow::check("agent_name_taken", ErrorCode::AgentNameTaken,
        "The name of the agent belongs to another machine, or to the owner of another key. Use another name, or send \
         take_over with a reason to go on as this agent.")
        .at("/agent", "belongs to another machine or owner"),
    ConstraintRow::check("agent_not_of_token", ErrorCode::Forbidden,
        "This token belongs to another agent. Use the token of the agent that the request is about."),
    ConstraintRow::check("agent_token_not_renewable", ErrorCode::Forbidden,
        "The key that this token was exchanged for is no longer valid, so the token can't be renewed. Start the agent \
         again with `launcher`."),

    // Messages.
    ConstraintRow::check("message_not_found", ErrorCode::MessageNotFound,
        "No message has this id, or it was neither sent by the agent nor to it."),
    ConstraintRow::check("message_recipient_unknown", ErrorCode::RecipientUnknown,
        "A recipient is not known, so nothing was sent. An agent is known for 30 days after its last start of a day. List the \
         sessions of the venture for the names of its agents."),
    ConstraintRow::check("message_no_recipient", ErrorCode::NoRecipient,
        "No other agent with an active session is in these groups, so nothing was sent. A message to the name of an agent \
         waits for the agent."),
    ConstraintRow::check("deliveries_too_many", ErrorCode::TooManyRecipients,
        "The message would reach more than 200 agents, or the venture has more than 220 active sessions. Nothing was sent. \
         Name fewer recipients.")
        .at("/to", "reaches too many agents"),
    ConstraintRow::check("message_recipients_changed", ErrorCode::RecipientsChanged,
        "The message has keys for other agents than those that it reaches now, so nothing was sent. List the recipients again \
         and seal it for them.")
        .at("/sealed/keys", "must have one key for each agent that the message reaches"),
    ConstraintRow::check("message_rate_exceeded", ErrorCode::MessageRateLimited,
        "The agent has sent 60 messages in this minute. Wait for the number of seconds in Retry-After."),
    ConstraintRow::check("message_rate_of_all_exceeded", ErrorCode::MessageRateLimited,
        "The agent has sent 6 messages to @all in this minute. Wait for the number of seconds in Retry-After, or name the \
         recipients."),
    ConstraintRow::check("message_inbox_of_other", ErrorCode::Forbidden,
        "The messages of another agent are shown only to an admin. Name the agent that this key belongs to."),

    // People.
    ConstraintRow::check("person_required", ErrorCode::Forbidden,
        "Only a person sends, reads or lists without a session: with an admin key, or with a token that has the scope `human`. \
         An agent names its session_id and its epoch."),

    // Claims.
    ConstraintRow::check("claim_held", ErrorCode::ClaimHeld,
        "Another session holds a claim that overlaps. Nothing was claimed. Work on something else, or send the request again."),
    ConstraintRow::check("claim_not_found", ErrorCode::ClaimNotFound, "No claim has this id, or it was released."),
    ConstraintRow::check("claim_too_many", ErrorCode::TooManyClaims,
        "The session would have more than 50 claims. Release those that it no longer needs.")
        .at("/subjects", "would give the session more than 50 claims"),

    // Shared state.
    ConstraintRow::check("claim_other_venture", ErrorCode::Forbidden,
        "The session works on another venture. An agent changes only the state of its own venture."),
    ConstraintRow::check("claim_state_not_found", ErrorCode::StateNotFound,
        "The venture has no such key, or this version of it is not kept."),
    ConstraintRow::check("claim_state_changed", ErrorCode::StateChanged,
        "The key has another version than the request names. Nothing was changed. Read it again."),
    ConstraintRow::check("claim_state_full", ErrorCode::StateFull,
        "The shared state of the venture has 1,000 keys. Delete one that is no longer needed."),

    // Ventures and machines.
    ConstraintRow::check("refused_venture_not_found", ErrorCode::VentureNotFound, "No venture has this code."),
    ConstraintRow::check("refused_venture_not_registered", ErrorCode::VentureNotRegistered,
        "The venture is not registered. Register it with put_venture.")
        .at("/venture", "is not registered"),
    ConstraintRow::check("refused_machine_not_found", ErrorCode::MachineNotFound,
        "No machine has this hostname. Register it first."),
    ConstraintRow::check("refused_machine_retired", ErrorCode::MachineRetired,
        "The machine is retired. Register it again."),
    ConstraintRow::check("refused_machine_changed", ErrorCode::MachineChanged,
        "The access that waits for approval is not the one in the request. List the machine again and compare."),

    // Documents and requirements.
    ConstraintRow::check("refused_doc_not_found", ErrorCode::DocNotFound,
        "The document, or this version of it, does not exist."),
    ConstraintRow::check("refused_doc_changed", ErrorCode::DocChanged,
        "The document has changed: it does not match If-Match or If-None-Match. Read the document again."),
    ConstraintRow::check("refused_doc_not_generated", ErrorCode::Forbidden,
        "This document needs an admin key, because no requirement allows it to be generated."),
    ConstraintRow::check("refused_scope_not_registered", ErrorCode::VentureNotRegistered,
        "The scope is not global and not a registered venture. Register the venture with put_venture.")
        .at("/scope", "is not registered"),
    ConstraintRow::check("refused_requirement_not_found", ErrorCode::RequirementNotFound,
        "No requirement has this id."),
    ConstraintRow::check("refused_requirements_full", ErrorCode::RequirementsFull,
        "The maximum number of requirements is reached: 500, or 20 with a `*` that apply to the same venture. Delete \
         one that is no longer needed."),

    // Tokens, and what a token may reach.
    ConstraintRow::check("token_unknown", ErrorCode::Unauthorized, "The API key is not known."),
    ConstraintRow::check("token_revoked", ErrorCode::Unauthorized, "This token was revoked. Use another one."),
    ConstraintRow::check("token_expired", ErrorCode::Unauthorized, "This token has expired. Use another one."),
    ConstraintRow::check("token_scope", ErrorCode::Forbidden,
        "This token does not have the scope for this operation. Use another token."),
    ConstraintRow::check("token_venture", ErrorCode::Forbidden,
        "This token is limited to one venture. Name that venture in the request."),
    ConstraintRow::check("token_session", ErrorCode::SessionNotFound, "No session has this id."),
    ConstraintRow::check("token_handoff", ErrorCode::HandoffNotFound, "No handoff matches the request."),
    ConstraintRow::check("token_note", ErrorCode::NoteNotFound, "No note has this id."),
    ConstraintRow::check("token_missing", ErrorCode::TokenNotFound, "No token has this id."),
];

/// The row of a violated constraint.
pub(crate) fn row_of(violated: &Violated) -> Option<&'static ConstraintRow> {
    CONSTRAINTS.iter().find(|row| row.violated == *violated)
}

/// The first row with this code, for a refusal that no constraint detected.
pub(crate) fn row_with(code: ErrorCode) -> Option<&'static ConstraintRow> {
    CONSTRAINTS.iter().find(|row| row.code() == Some(code))
}

/// Whether the violation means that the idempotency key was used before.
pub(crate) fn is_replay(violated: &Violated) -> bool {
    CONSTRAINTS.iter().any(|row| matches!(row.outcome, Outcome::Replayed) && row.violated == *violated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_whose_name_contains_another_name_is_not_that_constraint() {
        let code = |violated| row_of(&violated).and_then(ConstraintRow::code);
        assert_eq!(code(Violated::Check("token_scope".into())), Some(ErrorCode::Forbidden));
        for other in ["token_scope_list", "a_token_scope", "token_scop", ""] {
            assert_eq!(code(Violated::Check(other.to_owned().into())), None, "{other}");
        }
        assert_eq!(code(Violated::NotNull("token_scope".into())), None);
        assert_eq!(code(Violated::Raised("token_scope".into())), None);
        assert_eq!(code(Violated::ForeignKey), None);
    }

    #[test]
    fn every_constraint_has_one_row() {
        for (n, row) in CONSTRAINTS.iter().enumerate() {
            assert!(CONSTRAINTS.iter().skip(n + 1).all(|other| other.violated != row.violated), "{}", row.violated);
        }
    }
}
