//! The launcher becomes the agent: it has the agent's exit code, the agent gets its signals, and no process is left
//! behind.

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

/// The time limit for a server to finish a write in progress.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);

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
    let alone = machine.cli.is_ended_by_signal_to_first_process();
    check_end(machine, |agent| if alone { agent.signal("TERM") } else { agent.signal_group("TERM") }).await;
}

async fn an_interrupt_ends_the_agent_and_its_server(machine: Machine) {
    check_end(machine, |agent| agent.signal_group("INT")).await;
}

async fn check_end(machine: Machine, signal: impl Fn(&Running)) {
    let model = ScriptedModel::start(Script::default().call("sod", json!({})).wait()).await;
    let agent = machine.launch(&model);
    let _ = model.results(1).await;
    let server = machine.path("bin/deckwatch-mcp");
    let servers = || -> Vec<String> {
        command_lines().into_iter().filter(|line| line.starts_with(server.to_str().unwrap())).collect()
    };
    let wait_for_servers = async |count: usize| {
        let started = Instant::now();
        while servers().len() != count {
            assert!(started.elapsed() < EXIT_TIMEOUT, "expected {count} servers, found {:?}", servers());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // A child process of the server, such as git, has the server's command line until it executes its program.
    wait_for_servers(1).await;
    signal(&agent);
    let _ = agent.output().await;
    wait_for_servers(0).await;
}
