//! The launcher becomes the agent: its exit code and its signals are the agent's, and nothing stays behind.

use std::time::{Duration, Instant};

use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use serde_json::json;

use crate::machine::Machine;
use crate::running::{Running, command_lines};

crate::with_every_agent![
    the_exit_code_is_the_agents,
    a_termination_ends_the_agent_and_its_server,
    an_interrupt_ends_the_agent_and_its_server,
];

/// As long as a server may take to finish a write that is under way.
const FAREWELL: Duration = Duration::from_secs(10);

async fn the_exit_code_is_the_agents(machine: Machine) {
    let mut alone = machine.agent();
    alone.arg("--no-such-flag");
    let mut launched = machine.launcher(&[]);
    launched.arg("--no-such-flag");
    let alone = Running::start(alone).output().await.status;
    let launched = Running::start(launched).output().await.status;
    assert!(!alone.success());
    assert_eq!(launched, alone);
}

async fn a_termination_ends_the_agent_and_its_server(machine: Machine) {
    let alone = machine.cli.hears_signals_alone();
    ends(machine, |agent| if alone { agent.signal("TERM") } else { agent.signal_group("TERM") }).await;
}

async fn an_interrupt_ends_the_agent_and_its_server(machine: Machine) {
    ends(machine, |agent| agent.signal_group("INT")).await;
}

async fn ends(machine: Machine, signal: impl Fn(&Running)) {
    let model = ScriptedModel::start(Script::default().call("sod", json!({})).wait()).await;
    let agent = machine.launch(&model);
    let _ = model.results(1).await;
    let server = machine.path("bin/deckwatch-mcp");
    let servers = || -> Vec<String> {
        command_lines().into_iter().filter(|line| line.starts_with(server.to_str().unwrap())).collect()
    };
    let becomes = async |count: usize| {
        let asked = Instant::now();
        while servers().len() != count {
            assert!(asked.elapsed() < FAREWELL, "{count} should be there: {:?}", servers());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // A child of the server, such as git, looks like it until it has become itself.
    becomes(1).await;
    signal(&agent);
    let _ = agent.output().await;
    becomes(0).await;
}
