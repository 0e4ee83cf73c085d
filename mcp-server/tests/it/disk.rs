//! A full or read-only disk: every tool says what happened, why and what to do. No answer claims that a write is
//! queued.

use deckwatch_tests::BadDisk;
use serde_json::json;

use crate::harness::{Machine, Mcp, handoff};

const REMOTE: &str = "https://github.com/example-org/alpha.git";
const KEY: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";
const BOTH: [BadDisk; 2] = [BadDisk::Full, BadDisk::ReadOnly];

/// An agent whose data files are on such a disk.
fn agent(machine: &Machine, disk: BadDisk, variables: &[(&str, &str)]) -> Mcp {
    let mut command = machine.command(&machine.repository_once(REMOTE));
    command.env("DECKWATCH_VENTURE", "alpha").envs(variables.iter().copied());
    Mcp::initialized(disk.with(&machine.home().join(".local"), &command))
}

#[test]
fn without_an_api_no_answer_claims_that_a_write_is_or_will_be_queued() {
    for disk in BOTH {
        let machine = Machine::new();
        let variables =
            [("DECKWATCH_AGENT", "mac1-claude-1"), ("CONTEXT_API_URL", "http://127.0.0.1:9"), ("CONTEXT_API_KEY", KEY)];
        let mut agent = agent(&machine, disk, &variables);
        let day = agent.call("sod", &json!({})).trouble();
        for part in ["can't reach the Context API", "This machine can't queue writes either", disk.advice()] {
            assert!(day.contains(part), "{disk:?}: {part} in {day}");
        }
        let note = json!({"action": "create", "title": "t", "content": "c"});
        for (tool, arguments) in [("handoff", handoff("x")), ("note", note)] {
            let text = agent.call(tool, &arguments).trouble();
            for part in ["is neither recorded nor queued", "keep its text", disk.advice()] {
                assert!(text.contains(part), "{disk:?}: {part} in {text}");
            }
            assert!(!text.contains("it was sent"), "no connection was accepted: {text}");
        }
        let checks = agent.call("preflight", &json!({})).good().text;
        assert!(checks.contains("FAIL outbox: ") && checks.contains(disk.advice()), "{disk:?}: {checks}");
        for text in [&day, &checks] {
            assert!(!text.contains("is sent later") && !text.contains("wait on this machine while"), "{text}");
        }
    }
}

#[test]
fn the_error_of_the_local_database_says_why_it_does_not_open_and_what_to_do() {
    for disk in BOTH {
        let machine = Machine::new();
        let mut agent = agent(&machine, disk, &[("DECKWATCH_AGENT", "mac1-claude-1")]);
        for (tool, arguments) in [("sod", json!({})), ("handoff", handoff("x"))] {
            let text = agent.call(tool, &arguments).trouble();
            assert!(text.contains("can't ") && text.contains(disk.advice()), "{disk:?}: {text}");
        }
        let checks = agent.call("preflight", &json!({})).good().text;
        assert!(checks.contains("FAIL api: ") && checks.contains(disk.advice()), "{disk:?}: {checks}");
    }
}

#[test]
fn the_error_of_an_agent_without_a_name_says_why_and_what_to_do() {
    for disk in BOTH {
        let machine = Machine::new();
        let text = agent(&machine, disk, &[]).call("sod", &json!({})).trouble();
        assert!(text.contains("slots") && text.contains(disk.advice()), "{disk:?}: {text}");
    }
}
