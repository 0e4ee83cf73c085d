//! What the user had in the agent's settings stays there and works.

use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use serde_json::json;

use crate::machine::Machine;

crate::with_every_agent![the_users_own_servers_and_words_survive];

async fn the_users_own_servers_and_words_survive(machine: Machine) {
    let settings = machine.path(machine.cli.settings_file());
    let model = ScriptedModel::start(Script::default().call("sod", json!({}))).await;
    machine.launch(&model).success().await;
    let offered: Vec<String> = model.heard().into_iter().flat_map(|heard| heard.tools).collect();
    assert!(offered.iter().any(|tool| tool == machine.cli.own_tool()), "{offered:?}");
    let after = std::fs::read_to_string(&settings).unwrap();
    for words in ["mine", "own-server.mjs", machine.cli.own_words()] {
        assert!(after.contains(words), "{words} is gone from {after}");
    }
}
