//! A resumed conversation keeps its agent and its session.

use std::path::PathBuf;

use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use serde_json::json;

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::running::Running;

#[tokio::test]
async fn claude_resumes_its_session_by_the_id_that_the_launcher_gave() {
    if let Some(machine) = Machine::with(AgentCli::Claude) {
        let id = check_resume(&machine, |id, mut arguments| {
            arguments.push(format!("--resume={id}"));
            arguments
        })
        .await;
        // The launcher reads this folder to find the conversation for `--continue`.
        let place = machine.repository().canonicalize().unwrap();
        let place = place.to_str().unwrap().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        assert!(machine.path(".claude/projects").join(place).join(format!("{id}.jsonl")).exists());
    }
}

#[tokio::test]
async fn codex_resumes_its_session_by_the_id_that_it_sent_to_the_server() {
    if let Some(machine) = Machine::with(AgentCli::Codex) {
        check_resume(&machine, |id, mut arguments| {
            arguments.splice(1..1, ["resume".to_owned()]);
            let prompt = arguments.len() - 1;
            arguments.insert(prompt, id.to_owned());
            arguments
        })
        .await;
    }
}

/// An agent works on slot 2 while another holds slot 1, and ends without a handoff. Then resumes its conversation while
/// both slots are free, and checks that it gets slot 2 and its session again. Returns the conversation's id.
async fn check_resume(machine: &Machine, resuming: impl Fn(&str, Vec<String>) -> Vec<String>) -> String {
    let holds = ScriptedModel::start(Script::default().wait()).await;
    let first = machine.launch(&holds);
    let _ = holds.results(0).await;
    let works = ScriptedModel::start(Script::default().call("sod", json!({}))).await;
    machine.launch_with(&works, &["--issue", "87"]).success().await;
    holds.release();
    first.success().await;

    let id = conversation_on_slot(machine, 2);
    let resumes = ScriptedModel::start(Script::default().call("sod", json!({})).call("sod", json!({}))).await;
    let mut command = machine.launcher(&[]);
    command.args(resuming(&id, machine.cli.arguments(&resumes))).envs(machine.cli.variables(&resumes));
    Running::start(command).success().await;
    let results = resumes.heard().into_iter().flat_map(|heard| heard.results).collect::<Vec<_>>();
    let seen = results.last().unwrap();
    for text in ["your day continues", &format!("-{}-2 ", machine.cli.program()), "#87"] {
        assert!(seen.contains(text), "{text} is not in {seen}");
    }
    id
}

/// The id of the conversation that used a slot.
fn conversation_on_slot(machine: &Machine, slot: u32) -> String {
    let below = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let host = below(machine.path(".local/state/deckwatch/conversations")).next().unwrap();
    let was_on = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["slot"] == slot
    };
    let file = below(host.join(machine.cli.program())).find(was_on).expect("no conversation has used that slot");
    file.file_stem().unwrap().to_str().unwrap().to_owned()
}
