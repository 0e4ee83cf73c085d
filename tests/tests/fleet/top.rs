//! `launcher top` shows an agent of another host in the terminal, over real SSH.

use deckwatch_protocol::{Operation, Venture};
use deckwatch_tests::{Caller as _, TestRequest};
use serde_json::json;

use crate::terminal::Terminal;
use crate::world::{World, wait_until};

#[tokio::test]
async fn a_key_shows_an_agent_of_another_host_and_the_board_comes_back() {
    let world = World::start(&["server1"]);
    world.fleet.approve("server1").await;
    let server = world.host("server1");
    world.launcher(&["alpha", "--on", "server1"]).ok();
    wait_until("the agent does not start", || server.path("interactive.json").exists(), String::new);
    // The agent CLI of these hosts has no MCP server, so the test starts the day of its agent.
    let api = world.fleet.api();
    let put = TestRequest::of(Operation::PutVenture).with("alpha").json(&json!({ "name": "alpha" }));
    let _: Venture = api.admin().send(put).await.of(201);
    let mut agent = api.agent().await;
    agent.name = "server1-claude-1".to_owned();
    (agent.venture, agent.repo) = ("alpha".to_owned(), "example-org/alpha".to_owned());
    agent.started_with(json!({ "host": "server1" })).await;

    let variables = world.fleet.variables().map(|(name, value)| format!("{name}={value}")).join(" ");
    let terminal = Terminal::start(world.near(), &format!("{variables} launcher top --venture alpha"));
    terminal.wait_for("server1-claude-1");
    terminal.type_keys(&["a"]);
    let clients = || server.run("tmux", &["list-clients", "-F", "#{session_name}"], "", &[]).stdout;
    wait_until("the session is not shown", || clients().contains("deckwatch-alpha"), || terminal.screen());
    server.run("tmux", &["detach-client", "-s", "deckwatch-alpha"], "", &[]).ok();
    terminal.wait_for("you left server1-claude-1");
    assert!(terminal.screen().contains("[1 board]"), "{}", terminal.screen());
    server.run("tmux", &["has-session", "-t", "deckwatch-alpha"], "", &[]).ok();
    terminal.type_keys(&["q"]);
    terminal.wait_for("it ended with 0");
    terminal.end();
}
