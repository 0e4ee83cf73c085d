//! A conversation that is resumed is the agent, and the session, that it was.

use std::path::PathBuf;

use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use serde_json::json;

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::running::Running;

#[tokio::test]
async fn claude_comes_back_to_its_session_by_the_id_that_the_launcher_gave() {
    if let Some(machine) = Machine::with(AgentCli::Claude) {
        let id = comes_back(&machine, |id, mut arguments| {
            arguments.push(format!("--resume={id}"));
            arguments
        })
        .await;
        // Where the launcher looks for what `--continue` means.
        let place = machine.repository().canonicalize().unwrap();
        let place = place.to_str().unwrap().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        assert!(machine.path(".claude/projects").join(place).join(format!("{id}.jsonl")).exists());
    }
}

#[tokio::test]
async fn codex_comes_back_to_its_session_by_the_id_that_it_told_the_server() {
    if let Some(machine) = Machine::with(AgentCli::Codex) {
        comes_back(&machine, |id, mut arguments| {
            arguments.splice(1..1, ["resume".to_owned()]);
            let prompt = arguments.len() - 1;
            arguments.insert(prompt, id.to_owned());
            arguments
        })
        .await;
    }
}

/// While another agent holds slot 1, one works on slot 2 and ends without a handoff. Its conversation is
/// resumed when both slots are free. Gives its id.
async fn comes_back(machine: &Machine, resuming: impl Fn(&str, Vec<String>) -> Vec<String>) -> String {
    let holds = ScriptedModel::start(Script::default().wait()).await;
    let first = machine.launch(&holds);
    let _ = holds.results(0).await;
    let works = ScriptedModel::start(Script::default().call("sod", json!({}))).await;
    machine.launch_with(&works, &["--issue", "87"]).success().await;
    holds.release();
    first.success().await;

    let id = on_slot(machine, 2);
    let resumes = ScriptedModel::start(Script::default().call("sod", json!({})).call("sod", json!({}))).await;
    let mut command = machine.launcher(&[]);
    command.args(resuming(&id, machine.cli.arguments(&resumes))).envs(machine.cli.variables(&resumes));
    Running::start(command).success().await;
    let results = resumes.heard().into_iter().flat_map(|heard| heard.results).collect::<Vec<_>>();
    let seen = results.last().unwrap();
    for words in ["your day goes on", &format!("-{}-2 ", machine.cli.program()), "#87"] {
        assert!(seen.contains(words), "{words} is not in {seen}");
    }
    id
}

/// The id of the conversation that was on a slot.
fn on_slot(machine: &Machine, slot: u32) -> String {
    let below = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let host = below(machine.path(".local/state/deckwatch/conversations")).next().unwrap();
    let was_on = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["slot"] == slot
    };
    let file = below(host.join(machine.cli.program())).find(was_on).expect("a conversation on that slot");
    file.file_stem().unwrap().to_str().unwrap().to_owned()
}
