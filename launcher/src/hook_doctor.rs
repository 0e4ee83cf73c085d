//! What `launcher mcp doctor` says about the hooks and about waking: proved by a turn, only registered, or not registered.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use deckwatch_client::clean::clean_line;
use deckwatch_machine::agent_folder::AgentFolder;
use deckwatch_machine::clock::now;

use crate::agent_cli::AgentCli;
use crate::check::Check;
use crate::context_api;
use crate::process_env::ProcessEnv;
use crate::registration::{Consent, HookUse, Hooks, Registration, RegistrationRequest, Screen};
use crate::turn_proof::{Proof, prove};

/// Failures of hooks that are older are not shown.
const RECENT_SECONDS: u64 = 24 * 60 * 60;

/// What to prove.
struct Candidate {
    cli: AgentCli,
    program: PathBuf,
    args: Vec<OsString>,
}

/// Examines the hooks of these agent CLIs, which reach the server. Their turns run at the same time.
pub(crate) fn examine(clis: &[AgentCli], server: &Path, hooks: &HookUse, env: &ProcessEnv) -> Vec<Check> {
    let candidates: Vec<Result<Candidate, Check>> =
        clis.iter().filter_map(|cli| candidate(*cli, server, hooks, env).transpose()).collect();
    let turns = candidates.into_iter().map(|candidate| async move {
        match candidate {
            Err(check) => vec![check],
            Ok(Candidate { cli, program, args }) => {
                let proof = prove(cli, &program, &args, env).await;
                vec![proof_check(cli, proof), wake_check(cli)]
            }
        }
    });
    let checks = context_api::runtime().map(|runtime| {
        runtime.block_on(async {
            let mut checks = Vec::new();
            for turn in all(turns).await {
                checks.extend(turn);
            }
            checks
        })
    });
    let checks = checks.unwrap_or_else(|error| vec![Check::failed_with("hooks", &error)]);
    checks.into_iter().chain(failures(env)).collect()
}

/// Runs the turns at the same time, in one thread.
async fn all<T>(turns: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = turns.map(|turn| (Box::pin(turn), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_done = true;
        for (turn, result) in &mut running {
            if result.is_none() {
                match turn.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => *result = Some(done),
                    std::task::Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, result)| result).collect()
}

/// The hooks as a launch registers them. `None` if the agent CLI is not installed, and a check if there is nothing to prove.
fn candidate(cli: AgentCli, server: &Path, hooks: &HookUse, env: &ProcessEnv) -> Result<Option<Candidate>, Check> {
    let name = format!("{cli} hooks");
    let Some(program) = env.agent_program(cli) else { return Ok(None) };
    let (screen, folder) = (Screen::AsConfigured, env.cwd.as_path());
    let request = RegistrationRequest { server, secrets: &[], screen, folder, hooks };
    let registration =
        Registration::plan(cli, &request, env).map_err(|error| Check::failed_with(name.clone(), &error))?;
    let args = match registration.hooks {
        Hooks::Registered(args) => args,
        Hooks::Off(why) => {
            let fix = "take it out of config.toml, or launch with --hooks";
            return Err(Check::absent(name, format!("not registered: {why}"), fix));
        }
        Hooks::Prevented(why) => {
            let fix = "change that setting, or leave the hooks off with hooks = false in config.toml";
            return Err(Check::warn(name, format!("not registered: {why}"), fix));
        }
        Hooks::WithConsent(hooks) => match hooks.known_consent(&program) {
            Consent::Given => hooks.args,
            Consent::Refused => {
                let fix = format!("launcher <venture> --{cli} --hooks");
                return Err(Check::absent(name, "not registered: you did not agree that Codex runs them", fix));
            }
            Consent::Unasked | Consent::Unknown(_) => {
                let fix = format!("launcher <venture> --{cli}");
                let detail = "not registered: a launch on a terminal asks first whether Codex may run them";
                return Err(Check::absent(name, detail, fix));
            }
        },
    };
    Ok(Some(Candidate { cli, program, args }))
}

fn proof_check(cli: AgentCli, proof: Result<Proof, String>) -> Check {
    let name = format!("{cli} hooks");
    let again = "run this again; if it stays, run the agent CLI by hand to see its error";
    let Proof { proved, not_run, not_shown } = match proof {
        Err(why) => return Check::warn(name, format!("registered, not proved: {why}"), again),
        Ok(proof) => proof,
    };
    // The turn asks a person for nothing.
    let (unneeded, missing): (Vec<&str>, Vec<&str>) = not_run.into_iter().partition(|event| *event == "waiting");
    let mut parts = Vec::new();
    if !proved.is_empty() {
        parts.push(format!("proved by a turn: {}", proved.join(", ")));
    }
    if !missing.is_empty() {
        parts.push(format!("registered, not proved: {} did not run in a turn", missing.join(", ")));
    }
    if !not_shown.is_empty() {
        parts.push(format!("registered, not proved: what {} printed did not reach the model", not_shown.join(", ")));
    }
    if !unneeded.is_empty() {
        parts.push(format!("registered, not proved: {}, because the turn needed no person", unneeded.join(", ")));
    }
    let detail = parts.join("; ");
    if missing.is_empty() && not_shown.is_empty() { Check::ok(name, detail) } else { Check::warn(name, detail, again) }
}

/// What wakes an idle agent. A headless turn can't prove it.
fn wake_check(cli: AgentCli) -> Check {
    let name = format!("{cli} waking");
    match cli {
        AgentCli::Claude => {
            Check::ok(name, "registered, not proved: a waiter beside the conversation, in a launch on a terminal")
        }
        AgentCli::Codex => {
            let how = "codex queue, which Codex reads every 10 seconds, on a terminal; in a tmux session that the launcher made, keys";
            Check::ok(name, format!("registered, not proved: {how}"))
        }
        AgentCli::Gemini => Check::absent(
            name,
            "not registered, except in a tmux session that the launcher made: Gemini CLI has no door",
            "launcher <venture> --gemini --on <machine>, or scripts/dev-session",
        ),
    }
}

/// The failures that hooks of this machine have recorded within the last day.
fn failures(env: &ProcessEnv) -> Vec<Check> {
    let folders = AgentFolder::all(&env.dirs).unwrap_or_default();
    let recent = folders.iter().filter_map(|folder| {
        let failures = folder.failures().ok()?;
        let is_recent = |at| now().seconds_since(at) < RECENT_SECONDS;
        let last = failures.iter().rfind(|failure| is_recent(failure.at))?;
        let agent = folder.path().file_name().unwrap_or_default().to_string_lossy();
        let count = failures.iter().filter(|failure| is_recent(failure.at)).count();
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let detail =
            format!("failed {times} within a day, last at {}: {}: {}", last.at, last.hook, clean_line(&last.error));
        Some(Check::warn(format!("hooks of {agent}"), detail, format!("read {}", env.shown(folder.path()))))
    });
    recent.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_says_only_what_the_turn_has_shown() {
        let proof = |proved: &[&'static str], not_run: &[&'static str], not_shown: &[&'static str]| {
            let proof = Proof { proved: proved.into(), not_run: not_run.into(), not_shown: not_shown.into() };
            serde_json::to_value(proof_check(AgentCli::Codex, Ok(proof))).unwrap()
        };
        let check = proof(&["prompt"], &["waiting"], &[]);
        assert_eq!(check["status"], "ok");
        let detail = "proved by a turn: prompt; registered, not proved: waiting, because the turn needed no person";
        assert_eq!(check["detail"], detail);
        let check = proof(&[], &["prompt"], &["turn-end"]);
        assert_eq!(check["status"], "warn");
        let detail = "registered, not proved: prompt did not run in a turn; registered, not proved: what turn-end printed did \
                      not reach the model";
        assert_eq!(check["detail"], detail);
        let check = serde_json::to_value(proof_check(AgentCli::Codex, Err("no answer".to_owned()))).unwrap();
        assert_eq!((&check["status"], &check["detail"]), (&"warn".into(), &"registered, not proved: no answer".into()));
    }
}
