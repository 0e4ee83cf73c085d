//! The answers of `sod` and `context`.
//!
//! Answers that fill their budget are rendered from fixed records in `src/tools/sod.rs`: the length of the host's name
//! changes what fits. The answers here are shorter than their budget.

use serde_json::json;

use super::Transcript;
use crate::busy_team::Team;
use crate::github::{GitHub, TOKEN};
use crate::harness::{Machine, Mcp, handoff};
use crate::outbox::keep_open;
use crate::server::{REMOTE, Server, command};

const AGENT: &str = "mac1-claude-1";

/// An agent whose GitHub has an empty queue.
fn agent(machine: &Machine, server: &Server, github: &GitHub) -> Mcp {
    server.agent_with(machine, AGENT, &machine.repository_once(REMOTE), |command| {
        command.envs([("GITHUB_API_URL", github.url.as_str()), ("GITHUB_TOKEN", TOKEN)]);
    })
}

#[test]
fn days_from_start_to_outage_are_in_step() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let github = GitHub::with(&["example-org/alpha"], &[]);
    server.put_doc("alpha", "project-instructions.md", "# Alpha\n\nThe console.");
    let mut one = agent(&machine, &server, &github);
    let mut transcript = Transcript::on(&machine);
    transcript.call("before the start of a day", &mut one, "context", &json!({}));
    transcript.call("the first day of a venture", &mut one, "sod", &json!({"issue_number": 87}));
    transcript.call("the same day again", &mut one, "sod", &json!({}));
    transcript.call("alone", &mut one, "context", &json!({}));
    server.start_day_of("mac3-claude-1", "example-org/alpha", "main", 12);
    let mut to_me = handoff("The valve is yours.");
    to_me["to_agent"] = json!(AGENT);
    to_me["next_steps"] = json!(["Close the valve"]);
    let _ = server.agent(&machine, "mac1-codex-1").call("handoff", &to_me).good();
    transcript.call("with another agent on the same branch", &mut one, "context", &json!({}));
    transcript.call("another track", &mut one, "sod", &json!({"track": 1}));
    server.kill();
    let _ = one.call("handoff", &keep_open("Written while the API is down.")).good();
    transcript.call("while the API is down", &mut one, "context", &json!({}));
    transcript.call("while the API is down", &mut one, "sod", &json!({}));
    transcript.is_in_step("sod");
}

#[test]
fn a_whole_day_of_a_busy_team_is_in_step() {
    let team = Team::with(12, 3, 10);
    let mut transcript = Transcript::on(&team.machine);
    let full = json!({"issue_number": 87, "detail": "full"});
    transcript.call("everything fits", &mut team.agent(), "sod", &full);
    transcript.is_in_step("sod-busy-team");
}

#[test]
fn days_without_a_team_are_in_step() {
    let machine = Machine::new();
    let mut transcript = Transcript::on(&machine);
    let repository = machine.repository_once(REMOTE);
    let mut local = machine.agent(AGENT, &repository);
    transcript.call("the database of this machine", &mut local, "context", &json!({}));
    transcript.call("the same", &mut local, "sod", &json!({}));
    let mut plain = machine.agent("mac1-claude-2", &machine.folder("notes"));
    transcript.call("a folder without git", &mut plain, "sod", &json!({}));
    transcript.call("the same", &mut plain, "context", &json!({}));
    let away = Machine::new();
    let mut unreachable = command(&away, AGENT, &away.repository_once(REMOTE), "http://127.0.0.1:9");
    unreachable.env("DECKWATCH_VENTURE", "alpha");
    let mut unreachable = Mcp::initialized(unreachable);
    let mut first = Transcript::on(&away);
    let _ = unreachable.call("handoff", &keep_open("Half of the parser is written.")).good();
    first.call("an API that this machine has never reached", &mut unreachable, "context", &json!({}));
    transcript.append(&first);
    transcript.is_in_step("sod-without-a-team");
}
