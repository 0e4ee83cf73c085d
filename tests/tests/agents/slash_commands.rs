//! Slash commands: Claude Code has `/sod` and `/eod` after the launcher has started it; `launcher commands sync`
//! installs all commands for every agent CLI.

use deckwatch_tests::scripted_model::{Script, ScriptedModel};

use crate::agent_cli::{AgentCli, PROMPT};
use crate::machine::Machine;
use crate::running::Running;
use crate::with_every_agent;

#[tokio::test]
async fn claude_code_expands_the_commands_that_the_launcher_installed() {
    let Some(machine) = Machine::with(AgentCli::Claude) else { return };
    for (typed, text) in [("/sod 87", "Call the tool `sod`"), ("/eod", "call the tool `handoff`")] {
        let model = ScriptedModel::start(Script::default()).await;
        let mut command = machine.launcher(&[]);
        command.args(["-p", typed, "--output-format=json", "--max-turns=2"]).envs(machine.cli.variables(&model));
        Running::start(command).success().await;
        let received: String = model.heard().into_iter().map(|heard| heard.text).collect();
        assert!(received.contains(text), "{typed} did not send {text:?} to the model: {received}");
    }
}

with_every_agent!(a_synced_command_sends_its_text_and_its_arguments_to_the_model);

async fn a_synced_command_sends_its_text_and_its_arguments_to_the_model(machine: Machine) {
    Running::start(machine.verb(&["commands", "sync"])).success().await;
    for (command, text) in
        [("status", "Show me where the work stands."), ("escalate", "stop the work that is in doubt")]
    {
        let model = ScriptedModel::start(Script::default()).await;
        let sign = if machine.cli == AgentCli::Codex { '$' } else { '/' };
        let mut arguments = machine.cli.arguments(&model);
        let typed = format!("{sign}{command} the queue of login-4711");
        for argument in arguments.iter_mut().filter(|argument| *argument == PROMPT) {
            argument.clone_from(&typed);
        }
        let mut launcher = machine.launcher(&[]);
        launcher.args(arguments).envs(machine.cli.variables(&model));
        Running::start(launcher).success().await;
        let received: String = model.heard().into_iter().map(|heard| heard.text).collect();
        assert!(
            received.contains(text) && received.contains("login-4711"),
            "{typed} did not send {text:?} to the model: {received}"
        );
    }
}
