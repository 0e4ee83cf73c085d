//! Claims through the tools: one agent gets an issue, and the others read who has it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::between::{Between, Fate};
use crate::harness::{Machine, Mcp};
use crate::hook_program::{Hooked, until};
use crate::server::Server;

const CLAUDE: &str = "mac1-claude-1";
const CODEX: &str = "mac1-codex-1";

fn pair(machine: &Machine, server: &Server) -> [Mcp; 2] {
    [CLAUDE, CODEX].map(|name| {
        let mut agent = server.agent(machine, name);
        let _ = agent.call("sod", &json!({})).good();
        agent
    })
}

#[test]
fn of_agents_that_race_for_an_issue_one_gets_it() {
    let (machine, server) = (Machine::new(), Server::started());
    let mut agents = pair(&machine, &server);
    for issue in 1..=10 {
        let take = json!({"name": "claim", "arguments": {"action": "take", "subjects": [issue.to_string()]}});
        let asked = agents.each_mut().map(|agent| agent.ask("tools/call", &take));
        let mut answers = Vec::new();
        for (agent, id) in agents.iter_mut().zip(asked) {
            answers.push(agent.answer_to(id)["result"].clone());
        }
        let (refused, taken): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer["isError"] == true);
        assert_eq!((refused.len(), taken.len()), (1, 1), "{answers:?}");
        assert_eq!(taken[0]["structuredContent"]["held"], json!([format!("issue:{issue}")]));
        let text = refused[0]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("nothing was taken, because others hold some of it"), "{text}");
    }
}

#[test]
fn a_path_of_another_agent_is_refused_and_free_after_its_release() {
    let (machine, server) = (Machine::new(), Server::started());
    let [mut claude, mut codex] = pair(&machine, &server);
    let _ = claude.call("claim", &json!({"action": "take", "subjects": ["src/api/**", "#87"]})).good();
    let again = claude.call("claim", &json!({"action": "take", "subjects": ["src/api/**"]})).good();
    assert_eq!(again.facts["held"], json!(["path:src/api/**"]));
    let wish = json!({"action": "take", "subjects": ["docs/a.md", "src/api/day.rs"]});
    let refused = codex.call("claim", &wish).trouble();
    assert!(refused.contains(&format!("| path:src/api/**: {CLAUDE}, just now (until ")), "{refused}");
    assert!(refused.contains("ask the agent with `send`"), "{refused}");
    let over = json!({"action": "take_over", "subjects": ["87"], "reason": "It is silent."});
    assert!(codex.call("claim", &over).trouble().contains("nothing was taken"), "a live agent keeps its claims");
    let not_own = codex.call("claim", &json!({"action": "release", "subjects": ["87"]})).good();
    assert!(not_own.text.contains(&format!("You did not hold issue:87: {CLAUDE} holds it.")), "{}", not_own.text);
    let listed = codex.call("claim", &json!({"action": "list"})).good();
    assert!(listed.text.contains("issue:87") && listed.facts["held"] == json!([]), "{}", listed.text);
    let released = claude.call("claim", &json!({"action": "release", "subjects": ["src/api/**"]})).good();
    assert_eq!(released.facts["held"], json!(["issue:87"]));
    let taken = codex.call("claim", &wish).good();
    assert_eq!(taken.facts["held"], json!(["path:docs/a.md", "path:src/api/day.rs"]));
    let all = claude.call("claim", &json!({"action": "release"})).good();
    assert!(all.text.contains("Released: issue:87."), "{}", all.text);
}

#[test]
fn the_copy_for_the_git_hooks_is_refreshed_at_once() {
    let (machine, server) = (Machine::new(), Server::started());
    let [mut claude, _codex] = pair(&machine, &server);
    let _ = claude.call("claim", &json!({"action": "take", "subjects": ["src/api/**"]})).good();
    assert!(copy(&machine).contains("path:src/api/**"));
    let _ = claude.call("claim", &json!({"action": "release", "subjects": ["src/api/**"]})).good();
    assert!(!copy(&machine).contains("path:src/api/**"));
}

#[test]
fn the_copy_has_what_an_agent_on_another_machine_was_refused_for() {
    let (one, other, server) = (Machine::new(), Machine::new(), Server::started());
    let (mut claude, mut codex) = (server.agent(&one, CLAUDE), server.agent(&other, "mac2-codex-1"));
    for agent in [&mut codex, &mut claude] {
        let _ = agent.call("sod", &json!({})).good();
    }
    let take = json!({"action": "take", "subjects": ["src/api/**"]});
    let _ = claude.call("claim", &take).good();
    let refused = codex.call("claim", &take).trouble();
    assert!(refused.contains("nothing was taken"), "{refused}");
    assert!(copy(&other).contains("path:src/api/**"));
}

#[test]
fn a_heartbeat_asks_for_no_claims_while_events_are_followed() {
    let (machine, server) = (Machine::new(), Server::started());
    let between = Between::leading_to(server.address());
    between.beats_often();
    let hooked = Hooked::new(&machine, &server).by_way_of(&between.url);
    let _mcp = hooked.opened();
    until("the take", || between.has_seen("/v1/inbox/take"));
    // The copy after the first take, and the pause after it.
    std::thread::sleep(Duration::from_secs(4));
    between.decides(|_| Fate::Passes);
    let written_at = || serde_json::from_str::<Value>(&copy(&machine)).unwrap()["written_at"].clone();
    let before = written_at();
    std::thread::sleep(Duration::from_secs(4));
    let heartbeat = format!("/v1/sessions/{}/heartbeat", hooked.session()["id"].as_str().unwrap());
    assert!(between.has_seen(&heartbeat) && !between.has_seen("/v1/claims"));
    assert_ne!(written_at(), before, "the copy is known to be that of now");
}

/// The copy for the git hooks of the only repository.
fn copy(machine: &Machine) -> String {
    let folder = machine.home().join(".local/state/deckwatch/claims");
    let mut texts =
        std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    texts.next().unwrap()
}

#[test]
fn arguments_that_do_not_fit_the_action_are_named() {
    let (machine, server) = (Machine::new(), Server::started());
    let [mut claude, _codex] = pair(&machine, &server);
    for (arguments, part) in [
        (json!({"action": "take"}), "/subjects: is required"),
        (json!({"action": "take", "subjects": ["1"], "reason": "x"}), "/reason: is not allowed"),
        (json!({"action": "take_over", "subjects": ["1"]}), "/reason: is required"),
        (json!({"action": "list", "subjects": ["1"]}), "/subjects: is not allowed"),
        (json!({"action": "take", "subjects": ["../x"]}), "/subjects/0: must have a path relative to the root"),
        (json!({"action": "take", "subjects": (1..12).map(|n| n.to_string()).collect::<Vec<_>>()}), "at most 10 items"),
        (json!({"action": "take", "subjects": ["**/x"]}), "claim_too_wide"),
    ] {
        let trouble = claude.call("claim", &arguments).trouble();
        assert!(trouble.contains(part), "{arguments}: {trouble}");
    }
}
