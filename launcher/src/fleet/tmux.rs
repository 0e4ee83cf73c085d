//! `launcher fleet tmux`: the same tmux on every machine.

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use deckwatch_client::clean::clean_line;
use deckwatch_fleet::host::tmux::{Description, SETTINGS, SetUpTmux, TERMINALS, TmuxSetUp, description};
use deckwatch_protocol::Host;
use serde_json::{Value, json};

use super::every::{all_succeeded, failure_json};
use super::{Outcome, ask_every, members};
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::{context_api, json_output, output};

/// What `--help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher fleet tmux                     set up tmux on all machines
  launcher fleet tmux server1 server2     only on these
  launcher fleet tmux --dry-run           show the changes, and make none

The settings are in ~/.config/deckwatch/tmux.conf on each machine: true colour, mouse, 50,000 lines, the hostname in the \
status bar, a short Escape, and copying to your clipboard through SSH and Mosh (OSC 52). Your own tmux.conf keeps its \
lines. It gets one line that includes the settings, before yours, so that yours win.

Exit codes:
  0     every machine is set up
  30    some machines could not be set up
  31    no machine could be set up";

/// How long a machine may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The options of `launcher fleet tmux`.
#[derive(Debug, Args)]
pub(crate) struct Tmux {
    /// Only these machines
    #[arg(value_name = "MACHINE")]
    machines: Vec<Host>,

    /// Show the changes, and make none
    #[arg(long)]
    dry_run: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(tmux: &Tmux, env: &ProcessEnv) -> Result<(), LaunchError> {
    let members = members::named(&tmux.machines, env)?;
    let terminals = context_api::runtime()?.block_on(descriptions());
    let request = SetUpTmux { dry_run: tmux.dry_run, settings: SETTINGS.to_owned(), terminals };
    let outcomes = ask_every(members, env, |remote, member| {
        let request = request.clone();
        async move { remote.call(&member, &request, TIMEOUT).await }
    })?;
    if tmux.json {
        json_output::print(&as_json(&outcomes, tmux.dry_run))?;
    } else {
        output::print(|out| outcomes.iter().try_for_each(|outcome| write(out, outcome, tmux.dry_run)))?;
    }
    all_succeeded(&outcomes)
}

/// The descriptions of modern terminals that this machine has.
async fn descriptions() -> Vec<Description> {
    let mut descriptions = Vec::new();
    for terminal in TERMINALS {
        descriptions.extend(description(terminal).await);
    }
    descriptions
}

fn write(out: &mut impl Write, outcome: &Outcome<TmuxSetUp>, dry_run: bool) -> io::Result<()> {
    let hostname = &outcome.member.hostname;
    let set_up = match &outcome.result {
        Err(failure) => return writeln!(out, "✗ {hostname}: {}", clean_line(&failure.to_string())),
        Ok(set_up) => set_up,
    };
    let state = match (set_up.changes.is_empty(), dry_run) {
        (true, _) => "nothing to change",
        (false, true) => "would change",
        (false, false) => "changed",
    };
    writeln!(out, "✓ {hostname}: {}, {state}", clean_line(&set_up.version))?;
    for change in &set_up.changes {
        writeln!(out, "    {}", clean_line(change))?;
    }
    for warning in &set_up.warnings {
        writeln!(out, "  ! {}", clean_line(warning))?;
    }
    Ok(())
}

fn as_json(outcomes: &[Outcome<TmuxSetUp>], dry_run: bool) -> Value {
    let machines = outcomes.iter().map(|Outcome { member, result }| {
        json!({ "hostname": member.hostname, "tmux": result.as_ref().ok(), "failure": failure_json(result.as_ref().err()) })
    });
    json!({ "dry_run": dry_run, "machines": machines.collect::<Vec<_>>() })
}
