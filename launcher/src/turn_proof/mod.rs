//! Proves the hooks by a real turn: the agent CLI runs headless against a scripted model of ours on loopback.
//!
//! The turn uses the user's own settings, because they decide whether the hooks run. Each hook records that it ran and gives
//! a marker to the model, see `hook::proof` of the MCP server. Only what the model has received counts as shown.

mod agent_run;
mod model;
mod wire;

use std::collections::BTreeSet;
use std::path::Path;

use tempfile::TempDir;

use self::agent_run::AgentRun;
use self::model::Model;
use crate::agent_cli::AgentCli;
use crate::process_env::ProcessEnv;
use crate::registration::events;

/// The events whose text must reach the model.
const SHOWN: [&str; 4] = ["session-start", "prompt", "after-tool", "turn-end"];
/// What the marker of an event begins with.
const MARKER: &str = "deckwatch-proof-";

/// What a turn has shown about the hooks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The events whose hook ran, and whose text reached the model if it has one.
    pub(crate) proved: Vec<&'static str>,
    /// The events whose hook did not run.
    pub(crate) not_run: Vec<&'static str>,
    /// The events whose hook ran, while its text did not reach the model.
    pub(crate) not_shown: Vec<&'static str>,
}

/// Runs a turn with these arguments for the hooks. Fails with why there was no turn.
pub(crate) async fn prove(
    cli: AgentCli,
    program: &Path,
    hook_args: &[std::ffi::OsString],
    env: &ProcessEnv,
) -> Result<Proof, String> {
    let failed = |error: std::io::Error| format!("the turn could not be prepared: {error}");
    let folder = TempDir::new().map_err(failed)?;
    let model = Model::start().await.map_err(failed)?;
    let log = folder.path().join("hooks");
    let run = AgentRun { cli, program, hook_args, model: model.url(), folder: folder.path(), log: &log };
    run.to_its_end(env).await?;
    let ran = std::fs::read_to_string(&log).unwrap_or_default();
    let heard = model.heard();
    if heard.is_empty() {
        return Err("the agent CLI asked the model nothing".to_owned());
    }
    Ok(Proof::of(cli, &ran.lines().collect(), |event| heard.contains(&format!("{MARKER}{event}"))))
}

impl Proof {
    fn of(cli: AgentCli, ran: &BTreeSet<&str>, was_heard: impl Fn(&str) -> bool) -> Self {
        let mut proof = Self::default();
        let mut known = BTreeSet::new();
        for (_, event) in events(cli).iter().filter(|(_, event)| known.insert(*event)) {
            let list = match (ran.contains(event), SHOWN.contains(event) && !was_heard(event)) {
                (false, _) => &mut proof.not_run,
                (true, true) => &mut proof.not_shown,
                (true, false) => &mut proof.proved,
            };
            list.push(*event);
        }
        proof
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hook_that_ran_and_whose_text_the_model_received_is_proved() {
        let ran = BTreeSet::from(["session-start", "prompt", "session-end"]);
        let proof = Proof::of(AgentCli::Codex, &ran, |event| event == "prompt");
        assert_eq!(proof.proved, ["prompt", "session-end"]);
        assert_eq!(proof.not_run, ["after-tool", "turn-end", "waiting"]);
        assert_eq!(proof.not_shown, ["session-start"]);
    }
}
