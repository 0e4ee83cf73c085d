//! The hidden commands that start agents for other machines.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use deckwatch_fleet::runs::{self, Launcher, Limits};

use crate::context_api;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;

/// A terminal description that every machine has.
const USUAL_TERM: &str = "xterm-256color";

/// Supervises a headless run.
pub(super) fn supervise(limits: Limits, env: &ProcessEnv) -> Result<(), LaunchError> {
    let supervised = context_api::runtime()?.block_on(runs::supervisor::supervise(&env.dirs, limits));
    supervised.map_err(|error| LaunchError::Fleet(format!("the run could not be supervised: {error}")))
}

/// Takes what to start from a socket, and becomes the launcher that starts it. Returns only if that fails.
pub(super) fn join(socket: &Path) -> LaunchError {
    let failed = |error: String| LaunchError::Fleet(format!("the agent of this session can't be started: {error}"));
    let offer = match runs::offered(socket) {
        Ok(offer) => offer,
        Err(error) => return failed(format!("{}: {error}", socket.display())),
    };
    match Launcher::of_this_process() {
        Ok(launcher) => {
            failed(launcher.launch(&offer.launch, &offer.environment, None).as_std_mut().exec().to_string())
        }
        Err(refusal) => failed(refusal.message),
    }
}

/// Shows a tmux session in this terminal. Returns only if that fails.
pub(super) fn enter(session: &str, env: &ProcessEnv) -> LaunchError {
    if !runs::is_session_name(session) {
        return LaunchError::Fleet(format!("{session} is not the name of a session of Deckwatch"));
    }
    let mut tmux = Command::new("tmux");
    // -u: SSH often does not pass on the locale that says that the terminal uses UTF-8.
    tmux.args(["-u", "attach-session", "-t", &format!("={session}")]);
    if !is_term_known(env) {
        tmux.env("TERM", USUAL_TERM);
    }
    LaunchError::NotStarted { source: tmux.exec(), program: "tmux".into() }
}

/// Whether this machine has a description of the terminal. Modern terminals often have names of their own.
fn is_term_known(env: &ProcessEnv) -> bool {
    let Some(term) = env.var("TERM") else { return false };
    let mut infocmp = Command::new("infocmp");
    infocmp.arg("--").arg(term).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    infocmp.status().map_or(true, |status| status.success())
}
