//! The hooks in the settings of Gemini CLI, beside those of the user.
//!
//! Gemini CLI has no option for them, and reads system settings only from files of root. So they are entries in the
//! user's settings, which do nothing unless a launch has set `DECKWATCH_HOOKS`.

use deckwatch_machine::variables;
use jsonc_parser::cst::{CstArray, CstInputValue, CstObject};
use serde_json::Value;

use super::SERVER_NAME;
use super::hooks::{command_line, events, timeout_seconds};
use crate::agent_cli::AgentCli;

const HOOKS: &str = "hooks";
/// The name of our hooks, by which a user can disable them.
const NAME: &str = SERVER_NAME;

/// Adds our hooks, or changes them to this program. Settings of another form stay as they are, see [`prevented_by`].
pub(super) fn register(settings: &CstObject, server: &str) {
    let Some(hooks) = settings.object_value_or_create(HOOKS) else { return };
    for (event, ours) in events(AgentCli::Gemini) {
        let Some(groups) = hooks.array_value_or_create(event) else { continue };
        let wanted = group(server, ours);
        match our_groups(&groups).as_slice() {
            [only] if only.to_serde_value().as_ref() == Some(&wanted) => {}
            found => {
                for group in found {
                    group.clone().remove();
                }
                groups.append(as_input(&wanted));
            }
        }
    }
}

/// Removes our hooks, and what is empty without them.
pub(super) fn remove(settings: &CstObject) {
    let Some(hooks) = settings.object_value(HOOKS) else { return };
    for (event, _) in events(AgentCli::Gemini) {
        let Some(groups) = hooks.array_value(event) else { continue };
        let found = our_groups(&groups);
        if found.is_empty() {
            continue;
        }
        found.into_iter().for_each(CstObject::remove);
        if let Some(property) = hooks.get(event).filter(|_| groups.elements().is_empty()) {
            property.remove();
        }
        if let Some(property) = settings.get(HOOKS).filter(|_| hooks.properties().is_empty()) {
            property.remove();
        }
    }
}

/// A setting of the user that keeps Gemini CLI from running our hooks.
pub(super) fn prevented_by(settings: &Value, file: &str) -> Option<String> {
    if settings.get(HOOKS).is_some_and(|hooks| !hooks.is_object()) {
        return Some(format!("{HOOKS} in {file} is not an object"));
    }
    let event = |event: &str| settings.get(HOOKS).and_then(|hooks| hooks.get(event));
    let malformed = |name: &&str| event(name).is_some_and(|groups| !groups.is_array());
    if let Some(event) = events(AgentCli::Gemini).iter().map(|(event, _)| *event).find(malformed) {
        return Some(format!("{HOOKS}.{event} in {file} is not a list"));
    }
    let config = settings.get("hooksConfig")?;
    if config.get("enabled") == Some(&false.into()) {
        return Some(format!("hooksConfig.enabled in {file} is false"));
    }
    let disabled = config.get("disabled").and_then(Value::as_array)?;
    disabled.iter().any(|name| name == NAME).then(|| format!("hooksConfig.disabled in {file} names {NAME}"))
}

fn our_groups(groups: &CstArray) -> Vec<CstObject> {
    let objects = groups.elements().into_iter().filter_map(|element| element.as_object());
    objects.filter(|group| group.to_serde_value().is_some_and(|group| is_ours(&group))).collect()
}

fn is_ours(group: &Value) -> bool {
    let hooks = group.get(HOOKS).and_then(Value::as_array);
    hooks.is_some_and(|hooks| !hooks.is_empty() && hooks.iter().all(|hook| hook.get("name") == Some(&NAME.into())))
}

fn group(server: &str, event: &str) -> Value {
    let command = command_line(server, AgentCli::Gemini, event);
    // The program is not there any more after Deckwatch was removed.
    let command = format!("[ -z \"${}\" ] || exec {command}", variables::HOOKS);
    // Gemini CLI counts milliseconds.
    let timeout = timeout_seconds(event) * 1000;
    serde_json::json!({ HOOKS: [{ "type": "command", "name": NAME, "command": command, "timeout": timeout }] })
}

fn as_input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(value) => CstInputValue::Number(value.to_string()),
        Value::String(value) => CstInputValue::String(value.clone()),
        Value::Array(values) => CstInputValue::Array(values.iter().map(as_input).collect()),
        Value::Object(fields) => {
            CstInputValue::Object(fields.iter().map(|(name, value)| (name.clone(), as_input(value))).collect())
        }
    }
}
