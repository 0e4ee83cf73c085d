//! Every tool reaches the model, and takes what the agent's tool adds to a call.

use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use deckwatch_tests::tool_names;
use serde_json::json;

use crate::machine::Machine;

crate::with_every_agent![every_tool_is_offered_to_the_model, arguments_reach_the_server_as_the_agent_sends_them];

async fn every_tool_is_offered_to_the_model(machine: Machine) {
    let model = ScriptedModel::start(Script::default().call("sod", json!({}))).await;
    machine.launch(&model).success().await;
    let offered: Vec<String> = model.heard().into_iter().flat_map(|heard| heard.tools).collect();
    for tool in tool_names() {
        let name = machine.cli.offered(tool);
        assert!(offered.contains(&name), "{name} is not among {offered:?}");
    }
}

/// Gemini CLI declares `wait_for_previous` on every tool. Only Claude Code checks nothing before it sends a call.
async fn arguments_reach_the_server_as_the_agent_sends_them(machine: Machine) {
    let arguments = json!({"track": 3, "wait_for_previous": true});
    let model = ScriptedModel::start(Script::default().call("sod", arguments)).await;
    machine.launch(&model).success().await;
    let seen = &model.results(1).await[0];
    assert!(seen.contains("track 3"), "{seen}");
}
