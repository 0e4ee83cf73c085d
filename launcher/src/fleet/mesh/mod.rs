//! `launcher fleet mesh`: lets every machine of the fleet log in to every other one.
//!
//! It has five phases. A machine that fails in one of them is reported, and changes nothing for the others.

mod keys;
mod machine;
mod matrix;
mod phases;
mod preflight;
mod report;

use std::sync::Arc;

use clap::Args;
use deckwatch_machine::agent::this_host;
use deckwatch_protocol::Host;

use self::machine::Machine;
use self::phases::Setup;
use self::report::Report;
use super::members;
use crate::context_api;
use crate::error::LaunchError;
use crate::fleet;
use crate::process_env::ProcessEnv;

/// What `--help` shows below the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  launcher fleet mesh             set up SSH between all machines, and try every connection
  launcher fleet mesh --dry-run   show every change, and make none";

/// The options of `launcher fleet mesh`.
#[derive(Debug, Args)]
pub(crate) struct Mesh {
    /// Show every change, and make none
    #[arg(long)]
    dry_run: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(mesh: &Mesh, env: &ProcessEnv) -> Result<(), LaunchError> {
    let members::Roster { members, waiting, origin } = members::current_roster(env)?;
    let waiting: Vec<Host> = waiting.into_iter().map(|machine| machine.hostname).collect();
    if members.is_empty() {
        return Err(LaunchError::NoApprovedMembers { waiting });
    }
    let remote = fleet::remote(env)?;
    let machines: Vec<Machine> =
        members.into_iter().map(|member| Machine::new(remote.is_this_machine(&member), member)).collect();
    if !machines.iter().any(|machine| machine.is_this_one) {
        return Err(LaunchError::Fleet(not_a_member(&this_host(), &waiting)));
    }
    let mut report = Report::new(mesh.json, mesh.dry_run, waiting);
    report.begin(machines.len(), &origin)?;
    let machines = context_api::runtime()?.block_on(async {
        let mut setup = Setup { remote: Arc::new(remote), machines, dry_run: mesh.dry_run };
        preflight::check(&mut setup, &mut report).await?;
        keys::collect(&mut setup, &mut report).await?;
        keys::distribute(&mut setup, &mut report).await?;
        phases::deploy(&mut setup, &mut report).await?;
        phases::verify(&mut setup, &mut report).await?;
        let Setup { remote, machines, .. } = setup;
        if let Some(remote) = Arc::into_inner(remote) {
            remote.close().await;
        }
        Ok::<_, LaunchError>(machines)
    })?;
    report.end(&machines)?;
    all_succeeded(&machines)
}

fn not_a_member(name: &Host, waiting: &[Host]) -> String {
    let is_waiting = waiting.iter().any(|host| host.as_str().eq_ignore_ascii_case(name.as_str()));
    if is_waiting {
        format!("this machine, {name}, waits for approval; ask an admin to approve it, then run this again")
    } else {
        format!("this machine, {name}, is not a member of the fleet; run scripts/bootstrap-machine.sh to register it")
    }
}

/// An error unless every machine succeeded. A mesh of this machine alone is none.
fn all_succeeded(machines: &[Machine]) -> Result<(), LaunchError> {
    let failed = |machine: &&Machine| !machine.problems.is_empty();
    let others = machines.iter().filter(|machine| !machine.is_this_one);
    let (failed_others, of_others) = (others.clone().filter(failed).count(), others.count());
    let all_failed = machines.iter().filter(failed).count();
    match all_failed {
        0 => Ok(()),
        _ if failed_others == of_others && of_others > 0 => {
            Err(LaunchError::MembersFailed { failed: failed_others, of: of_others })
        }
        _ => Err(LaunchError::MembersFailed { failed: all_failed, of: machines.len() }),
    }
}
