//! Agents in network namespaces of their own: they reach the API, and each other only by it. `scripts/test` runs this with the
//! Worker too.

use std::path::Path;

use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use deckwatch_tests::{Api, Guests};

use crate::agent_cli::AgentCli;
use crate::exchange::{exchange, longest_sleep};
use crate::machine::Machine;
use crate::office::{OWN_SESSION, Office, prepared_with};
use crate::pane::Pane;

#[tokio::test]
async fn agents_in_two_networks_ask_and_answer_each_other_by_the_api() {
    let (Some(claude), Some(codex)) = (Machine::with(AgentCli::Claude), Machine::with(AgentCli::Codex)) else { return };
    let Some(guests) = Guests::start(2).filter(|_| Pane::has_tmux()) else { return };
    let api = Api::start_limited(1_000_000).await;
    let office = Office::on(api.clone(), guests.serve(api.url())).await;
    let mut desks = Vec::new();
    for (number, (machine, host)) in [(claude, "mac1"), (codex, "mac2")].into_iter().enumerate() {
        let network = guests.network(number);
        assert!(!reaches(&network, api.url()), "the network of {host} is not its own");
        let no_proxy = format!("127.0.0.1,localhost,{}", guests.address());
        let machine = machine.on_host(host).in_network(network).and_variable("NO_PROXY", &no_proxy);
        let model = ScriptedModel::start(Script::default()).await;
        let url = guests.serve(model.url());
        let model = prepared_with(&machine, model.at(url)).await;
        desks.push(office.seat_with(machine, model, &[], OWN_SESSION).await);
    }
    assert_eq!([&desks[0].agent, &desks[1].agent], ["mac1-claude-1", "mac2-codex-1"]);
    for (asks, answers) in [(&desks[0], &desks[1]), (&desks[1], &desks[0])] {
        let woken = exchange(&office, asks, answers).await;
        println!("{} asks {}: woken {woken:?} after the answer was recorded", asks.agent, answers.agent);
        assert!(woken < longest_sleep(asks.machine.cli), "{} was woken after {woken:?}", asks.agent);
    }
    for desk in desks {
        desk.ends().await;
    }
}

/// Whether a program in the network can connect to a server.
fn reaches(network: &Path, url: &str) -> bool {
    let (host, port) = url.strip_prefix("http://").unwrap().split_once(':').unwrap();
    let mut connect = std::process::Command::new("nsenter");
    connect.arg(format!("--net={}", network.display()));
    connect.args(["bash", "-c", r#"exec 3<>"/dev/tcp/$0/$1""#, host, port.trim_end_matches('/')]);
    connect.stderr(std::process::Stdio::null()).status().unwrap().success()
}
