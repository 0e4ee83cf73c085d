//! Our hooks in the real agent CLIs, headless: what waits in the agent's folder is in the model's next request, once.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use deckwatch_tests::scripted_model::{Script, ScriptedModel};

use crate::agent_cli::AgentCli;
use crate::consent::{self, agree};
use crate::machine::Machine;
use crate::mail::Mail;
use crate::pane::Pane;

crate::with_every_agent![
    mail_is_in_the_next_request_once,
    a_launch_without_hooks_shows_nothing,
    hooks_of_the_user_run_beside_ours,
];

/// A command of the agent's shell that says that it runs, and ends when the test says so.
const RUNS_UNTIL_TOLD: &str = "touch $HOME/running; until [ -e $HOME/go ]; do sleep 0.1; done";

async fn mail_is_in_the_next_request_once(machine: Machine) {
    if !Pane::has_tmux() {
        return;
    }
    agree(&machine).await;
    let script = Script::default().shell(RUNS_UNTIL_TOLD).shell("true").wait();
    let model = ScriptedModel::start(script).await;
    let agent = machine.launch(&model);
    appears(&machine.path("running")).await;
    Mail::of(&machine).put("while-a-tool-runs");
    machine.write("go", "");
    let _ = model.results(2).await;
    Mail::of(&machine).put("while-the-model-answers");
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
async fn appears(path: &PathBuf) {
    let started = Instant::now();
    while !path.exists() {
        assert!(started.elapsed() < Duration::from_mins(2), "{} did not appear", path.display());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
