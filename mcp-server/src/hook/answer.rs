//! The forms in which a hook gives text to the model. They differ by CLI and event.

use serde_json::{Value, json};

use super::names::{HookCli, HookEvent};

/// The answer that gives `text` to the model. At the end of a turn, it also continues the turn. `own_name` is the CLI's name of
/// the event.
pub(super) fn answer(cli: HookCli, event: HookEvent, own_name: &str, text: &str) -> Option<Value> {
    let context = || json!({ "hookSpecificOutput": { "hookEventName": own_name, "additionalContext": text } });
    match event {
        HookEvent::SessionStart | HookEvent::Prompt | HookEvent::AfterTool => Some(context()),
        // Claude Code gives the reason of a decision to the model twice.
        HookEvent::TurnEnd if cli == HookCli::Claude => Some(context()),
        HookEvent::TurnEnd => {
            let decision = if cli == HookCli::Gemini { "deny" } else { "block" };
            Some(json!({ "decision": decision, "reason": text }))
        }
        // No text of these reaches the model.
        HookEvent::Waiting | HookEvent::SessionEnd | HookEvent::Wait => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cli_gets_the_form_that_it_reads() {
        let form = |cli, event: HookEvent| answer(cli, event, event.own_name(cli), "text");
        let context =
            |name: &str| Some(json!({ "hookSpecificOutput": { "hookEventName": name, "additionalContext": "text" } }));
        let decided = |decision: &str| Some(json!({ "decision": decision, "reason": "text" }));
        for (cli, prompt, tool, end) in [
            (HookCli::Claude, "UserPromptSubmit", "PostToolUse", context("Stop")),
            (HookCli::Codex, "UserPromptSubmit", "PostToolUse", decided("block")),
            (HookCli::Gemini, "BeforeAgent", "AfterTool", decided("deny")),
        ] {
            assert_eq!(form(cli, HookEvent::SessionStart), context("SessionStart"));
            assert_eq!(form(cli, HookEvent::Prompt), context(prompt));
            assert_eq!(form(cli, HookEvent::AfterTool), context(tool));
            assert_eq!(form(cli, HookEvent::TurnEnd), end);
            for event in [HookEvent::Waiting, HookEvent::SessionEnd, HookEvent::Wait] {
                assert_eq!(form(cli, event), None);
            }
        }
    }
}
