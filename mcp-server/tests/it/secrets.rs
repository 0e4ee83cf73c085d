//! Secrets do not leave the machine.

use serde_json::json;

use crate::api::ScriptedApi;
use crate::harness::{Machine, Mcp, handoff};

const REMOTE: &str = "https://github.com/example-org/alpha.git";
const VALUE: &str = "tr0ub4dor&3-tr0ub4dor";

#[test]
fn a_handoff_with_a_secret_is_not_sent_and_the_value_is_not_repeated() {
    let (machine, api) = (Machine::new(), ScriptedApi::start(|_, _| (404, json!({}))));
    let mut command = machine.command(&machine.repository(REMOTE));
    command.envs([("DECKWATCH_AGENT", "mac1-claude-1"), ("DECKWATCH_VENTURE", "alpha")]);
    command.envs([("CONTEXT_API_URL", api.url.as_str()), ("CONTEXT_API_KEY", "0123456789abcdef")]);
    command.envs([("DECKWATCH_SECRETS", "STRIPE_KEY, DB_PASSWORD"), ("DB_PASSWORD", VALUE)]);
    let mut agent = Mcp::initialized(command);
    let token = format!("ghp_{}", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8");
    let mut leaky = handoff("The database asks for tr0ub4dor%263%2Dtr0ub4dor now.");
    leaky["blocked"] = json!(["Nothing.", format!("Deploy: export GITHUB_TOKEN={token}")]);
    let text = agent.call("handoff", &leaky).trouble();
    for part in [
        "The handoff was not sent: ",
        "/handoff/summary has the value of the variable DB_PASSWORD",
        "/handoff/blocked/1 has what looks like a GitHub token",
        "Take it out and try again.",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("tr0ub4dor") && !text.contains(&token), "{text}");
    let writes = api.seen.try_iter().filter(|(method, _, _)| method != "GET").count();
    assert_eq!(writes, 0, "no session was started for it either");
    assert!(!machine.holds_text("tr0ub4dor") && !machine.holds_text(&token), "nothing of it is on disk");
}

#[test]
fn the_embedded_engine_stores_no_secret() {
    let machine = Machine::new();
    let mut agent = machine.agent("mac1-claude-1", &machine.repository(REMOTE));
    let leaky = handoff("-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx0Zs2k1b9Qq7\n-----END RSA PRIVATE KEY-----");
    let text = agent.call("handoff", &leaky).trouble();
    assert!(text.contains("/handoff/summary has a private key"), "{text}");
    let context = agent.call("context", &json!({})).good();
    assert!(context.text.contains("session  none"), "nothing was started for it: {}", context.text);
}

#[test]
fn invisible_characters_do_not_hide_a_secret() {
    let machine = Machine::new();
    let mut command = machine.command(&machine.repository(REMOTE));
    command.env("DECKWATCH_AGENT", "mac1-claude-1");
    command.envs([("DECKWATCH_SECRETS", "DB_PASSWORD"), ("DB_PASSWORD", VALUE)]);
    let mut agent = Mcp::initialized(command);
    let token = format!("gh\u{200b}p_{}", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8");
    let text = agent.call("handoff", &handoff(&format!("Use {token}."))).trouble();
    assert!(text.contains("/handoff/summary has what looks like a GitHub token"), "{text}");
    let text = agent.call("handoff", &handoff("It is tr0ub4\u{2060}dor&3-tr0ub4dor.")).trouble();
    assert!(text.contains("/handoff/summary has the value of the variable DB_PASSWORD"), "{text}");
    let note = json!({"action": "create", "title": "Login", "content": "tr0ub4dor\u{1b}[0m&3-tr0ub4dor", "tags": []});
    let text = agent.call("note", &note).trouble();
    assert!(text.contains("/content has the value of the variable DB_PASSWORD"), "{text}");
}

#[test]
fn a_secret_in_a_field_name_is_not_repeated() {
    let machine = Machine::new();
    let mut command = machine.command(&machine.repository(REMOTE));
    let long = VALUE.repeat(5);
    command.envs([("DECKWATCH_AGENT", "mac1-claude-1"), ("DECKWATCH_SECRETS", "DB_PASSWORD,LONG")]);
    command.envs([("DB_PASSWORD", VALUE), ("LONG", &long)]);
    let mut agent = Mcp::initialized(command);
    let token = format!("ghp_{}", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8");
    for (tool, name) in [("sod", token.as_str()), ("handoff", VALUE), ("note", &long), ("preflight", &token)] {
        let text = agent.call(tool, &json!({(name): {"below": 1}, "unheard_of": 2})).trouble();
        assert!(text.contains("/(a name that holds a secret): is not a field of this request"), "{tool}: {text}");
        assert!(text.contains("/unheard_of: is not a field"), "{tool}: {text}");
        assert!(!text.contains(&token) && !text.contains("tr0ub4dor"), "{tool}: {text}");
    }
}
