//! `/sod` and `/eod` are commands of Claude Code once the launcher has started it.

use deckwatch_tests::scripted_model::{Script, ScriptedModel};

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::running::Running;

#[tokio::test]
async fn claude_code_expands_the_commands_that_the_launcher_installed() {
    let Some(machine) = Machine::with(AgentCli::Claude) else { return };
    for (typed, words) in [("/sod 87", "Call the tool `sod`"), ("/eod", "Call the tool `handoff`")] {
        let model = ScriptedModel::start(Script::default()).await;
        let mut command = machine.launcher(&[]);
        command.args(["-p", typed, "--output-format=json", "--max-turns=2"]).envs(machine.cli.variables(&model));
        Running::start(command).success().await;
        let told: String = model.heard().into_iter().map(|heard| heard.told).collect();
        assert!(told.contains(words), "{typed} did not tell the model {words:?}: {told}");
    }
}
