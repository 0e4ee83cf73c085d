//! Our hooks in the real agent CLIs, headless: what waits in the agent's folder is in the model's next request, once.

use std::path::Path;
use std::time::{Duration, Instant};

use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use serde_json::Value;

use crate::agent_cli::AgentCli;
use crate::consent::{self, agree};
use crate::machine::Machine;
use crate::mail::Mail;
use crate::pane::Pane;

crate::with_every_agent![
    an_agent_opens_with_its_day,
    mail_is_in_the_next_request_once,
    a_launch_without_hooks_shows_nothing,
    hooks_of_the_user_run_beside_ours,
    the_check_proves_the_hooks_by_a_turn,
];

/// The beginning of the day that a hook shows.
const DAY: &str = "Deckwatch has started your day";
/// A command of the agent's shell that says that it runs, and ends when the test says so.
const RUNS_UNTIL_TOLD: &str = "touch $HOME/running; until [ -e $HOME/go ]; do sleep 0.1; done";

async fn an_agent_opens_with_its_day(machine: Machine) {
    if !Pane::has_tmux() {
        return;
    }
    agree(&machine).await;
    let model = ScriptedModel::start(Script::default().shell("true").shell("true")).await;
    machine.launch(&model).success().await;
    let heard: Vec<_> = model.heard().into_iter().filter(|heard| !heard.tools.is_empty()).collect();
    let days: Vec<usize> = heard.iter().map(|request| request.text.matches(DAY).count()).collect();
    // On a busy machine, the server may need longer than the hook waits; the next hook then shows the day.
    assert_eq!((days[1], days.iter().max()), (1, Some(&1)), "{days:?}");
    assert!(heard[1].text.contains("-1 "), "{}", heard[1].text);
}

async fn the_check_proves_the_hooks_by_a_turn(machine: Machine) {
    if !Pane::has_tmux() {
        return;
    }
    agree(&machine).await;
    assert!(machine.launcher(&[]).arg("--version").output().await.unwrap().status.success());
    let output = machine.verb(&["mcp", "doctor", "--json"]).output().await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = format!("{} hooks", machine.cli.program());
    let check = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name.as_str()).unwrap();
    let proved =
        "proved by a turn: session-start, prompt, after-tool, turn-end, session-end; registered, not proved: waiting";
    assert_eq!(check["status"], "ok", "{report:#}");
    assert!(check["detail"].as_str().unwrap().starts_with(proved), "{report:#}");
    assert!(!Mail::of(&machine).exists(), "the turn of the check has no agent");
}

#[tokio::test]
async fn the_check_names_hooks_that_the_users_settings_prevent() {
    let Some(machine) = Machine::with(AgentCli::Claude) else { return };
    machine.write(".claude/settings.json", r#"{"disableAllHooks": true}"#);
    assert!(machine.launcher(&[]).arg("--version").output().await.unwrap().status.success());
    let output = machine.verb(&["mcp", "doctor"]).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = "WARN  claude hooks   registered, not proved: session-start, prompt, after-tool, turn-end, session-end did not run";
    assert!(text.contains(line), "{text}");
}

async fn mail_is_in_the_next_request_once(machine: Machine) {
    if !Pane::has_tmux() {
        return;
    }
    agree(&machine).await;
    let script = Script::default().shell(RUNS_UNTIL_TOLD).shell("true").wait();
    let model = ScriptedModel::start(script).await;
    let agent = machine.launch(&model);
    appears(&machine.path("running")).await;
    Mail::of(&machine).put("while-a-tool-runs").await;
    machine.write("go", "");
    let _ = model.results(2).await;
    Mail::of(&machine).put("while-the-model-answers").await;
    model.release();
    agent.success().await;

    // The mail that came during the first tool is in the request with its result, and not in the one before.
    let heard: Vec<_> = model.heard().into_iter().filter(|heard| !heard.tools.is_empty()).collect();
    for request in &heard {
        let shown = request.text.matches("while-a-tool-runs").count();
        assert_eq!(shown, usize::from(!request.results.is_empty()), "{:?}", request.results);
    }
    // The mail that came before the end of the turn continues it, once.
    let last = heard.iter().map(|request| request.text.matches("while-the-model-answers").count());
    let last: Vec<usize> = last.collect();
    assert_eq!((last.iter().max(), last.last()), (Some(&1), Some(&1)), "{last:?}");
    assert_eq!(Mail::of(&machine).unread(), 0);
}

async fn a_launch_without_hooks_shows_nothing(machine: Machine) {
    let turned_off = [(&["--no-hooks"][..], ""), (&[], "hooks = false\n")];
    for (flags, setting) in turned_off {
        machine.write(".config/deckwatch/config.toml", setting);
        let script = Script::default().shell("printf 'hooks=%s.' \"$DECKWATCH_HOOKS\"");
        let model = ScriptedModel::start(script).await;
        machine.launch_with(&model, flags).success().await;
        let result = &model.results(1).await[0];
        assert!(result.contains("hooks=."), "{result}");
        assert!(!machine.path(".local/state/deckwatch/mail").exists(), "a hook has run: {flags:?} {setting}");
    }
}

async fn hooks_of_the_user_run_beside_ours(machine: Machine) {
    if !Pane::has_tmux() {
        return;
    }
    agree(&machine).await;
    let record = format!("echo ran >> {}", machine.path("own-hook").display());
    machine.add_own_hook(&record).await;
    for _ in 0..2 {
        let model = ScriptedModel::start(Script::default().shell("printf 'hooks=%s.' \"$DECKWATCH_HOOKS\"")).await;
        machine.launch(&model).success().await;
        let result = &model.results(1).await[0];
        assert!(result.contains("hooks=1."), "{result}");
    }
    assert_eq!(std::fs::read_to_string(machine.path("own-hook")).unwrap(), "ran\nran\n");
    assert!(Mail::of(&machine).exists(), "our hooks did not run");
}

#[tokio::test]
async fn codex_without_consent_starts_without_hooks_and_says_so_once() {
    let Some(machine) = Machine::with(AgentCli::Codex).filter(|_| Pane::has_tmux()) else { return };
    let starts = async |machine: &Machine| {
        let model = ScriptedModel::start(Script::default().shell("printf 'hooks=%s.' \"$DECKWATCH_HOOKS\"")).await;
        let output = machine.launch(&model).output().await;
        assert!(output.status.success());
        let result = model.results(1).await[0].clone();
        (result, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (result, stderr) = starts(&machine).await;
    assert!(result.contains("hooks=."), "{result}");
    assert_eq!(stderr.matches("starts without the hooks of Deckwatch").count(), 1, "{stderr}");
    assert!(stderr.contains("a launch on a terminal asks"), "{stderr}");

    let screen = consent::answer(&machine, "n").await;
    assert!(screen.contains("you did not agree"), "{screen}");
    let config = std::fs::read_to_string(machine.path(".codex/config.toml")).unwrap();
    assert!(!config.contains("trusted_hash"), "{config}");
    let (result, stderr) = starts(&machine).await;
    assert!(result.contains("hooks=.") && stderr.contains("launch with --hooks to be asked again"), "{stderr}");

    let screen = consent::answer(&machine, "y").await;
    assert!(!screen.contains("starts without"), "{screen}");
    let config = std::fs::read_to_string(machine.path(".codex/config.toml")).unwrap();
    assert_eq!(config.matches("trusted_hash").count(), 6, "{config}");
    assert!(config.contains("# My own settings."), "{config}");
    let (result, stderr) = starts(&machine).await;
    assert!(result.contains("hooks=1.") && !stderr.contains("starts without"), "{result} {stderr}");
}

/// Waits for a file.
async fn appears(path: &Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(started.elapsed() < Duration::from_mins(2), "{} did not appear", path.display());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
