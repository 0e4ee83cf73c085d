//! What the agent does, from the events of its tool.

use deckwatch_client::clean::clean_line;
use deckwatch_machine::agent_folder::SeenPresence;
use deckwatch_protocol::{ActivityState, StatusLine, Timestamp, cut};

use super::input::Input;
use super::names::HookEvent;

/// The kinds of notifications that need a person. Others only say that the agent is idle, or that something is done.
const NEEDS_PERSON: [&str; 4] = ["permission_prompt", "elicitation_dialog", "ToolPermission", "agent_needs_input"];

/// What an event shows about the agent. `None` if it shows nothing.
pub(super) fn seen(event: HookEvent, input: &Input, at: Timestamp) -> Option<SeenPresence> {
    let (state, detail) = match event {
        HookEvent::SessionStart | HookEvent::TurnEnd => (ActivityState::Idle, None),
        HookEvent::Prompt | HookEvent::AfterTool => (ActivityState::Working, None),
        HookEvent::Waiting => (ActivityState::Waiting, Some(waits_for(input)?)),
        // A conversation that is cleared goes on.
        HookEvent::SessionEnd if input.reason.as_deref() == Some("clear") => return None,
        HookEvent::SessionEnd => (ActivityState::Away, Some("the conversation has ended".to_owned())),
        HookEvent::Wait => return None,
    };
    Some(SeenPresence { state, detail: detail.and_then(|text| status_line(&text)), at })
}

/// What the agent needs from a person.
fn waits_for(input: &Input) -> Option<String> {
    if let Some(kind) = &input.notification_type
        && !NEEDS_PERSON.contains(&kind.as_str())
    {
        return None;
    }
    Some(match (&input.tool_name, &input.message) {
        (Some(tool), _) => format!("permission for the tool {tool}"),
        (None, Some(message)) => message.clone(),
        (None, None) => "a permission".to_owned(),
    })
}

fn status_line(text: &str) -> Option<StatusLine> {
    cut::with_ellipsis(&clean_line(text), StatusLine::MAX_CHARS).parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_shows_what_the_agent_does() {
        let of = |event, input: serde_json::Value| {
            let seen = seen(event, &serde_json::from_value(input).unwrap(), Timestamp::from_millis(0))?;
            Some((seen.state.as_str(), seen.detail.map(|detail| detail.to_string())))
        };
        let text = |text: &str| Some(text.to_owned());
        for (event, input, expected) in [
            (HookEvent::Prompt, json!({}), Some(("working", None))),
            (HookEvent::AfterTool, json!({ "tool_name": "Bash" }), Some(("working", None))),
            (HookEvent::TurnEnd, json!({}), Some(("idle", None))),
            (
                HookEvent::Waiting,
                json!({ "tool_name": "Bash" }),
                Some(("waiting", text("permission for the tool Bash"))),
            ),
            (
                HookEvent::Waiting,
                json!({ "notification_type": "permission_prompt", "message": "Claude needs your\npermission" }),
                Some(("waiting", text("Claude needs your permission"))),
            ),
            (HookEvent::Waiting, json!({ "notification_type": "idle_prompt", "message": "waits" }), None),
            (HookEvent::SessionEnd, json!({ "reason": "clear" }), None),
            (HookEvent::SessionEnd, json!({}), Some(("away", text("the conversation has ended")))),
        ] {
            assert_eq!(of(event, input.clone()), expected, "{event:?} {input}");
        }
        let long = json!({ "message": "x".repeat(1_000) });
        assert_eq!(of(HookEvent::Waiting, long).unwrap().1.unwrap().chars().count(), StatusLine::MAX_CHARS);
    }
}
