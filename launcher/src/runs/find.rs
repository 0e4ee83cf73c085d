//! Finds a run on the machines of the fleet.

use std::sync::Arc;

use deckwatch_fleet::members::Member;
use deckwatch_fleet::remote::{Failure, Remote};
use deckwatch_fleet::runs::RunRecord;
use deckwatch_fleet::runs::requests::ListRuns;
use deckwatch_fleet::wire::{Refusal, RefusalKind};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::{ANSWER_TIMEOUT, RunName};
use crate::error::LaunchError;
use crate::fleet::{self, members};
use crate::process_env::ProcessEnv;

/// The run and its machine. All machines are asked at once, until one has the run. The list of the machines may need the
/// API, which is asked before `runtime` is entered.
pub(super) fn find(name: &RunName, runtime: &Runtime, env: &ProcessEnv) -> Result<(Member, RunRecord), LaunchError> {
    let candidates = match name {
        RunName::Id(_) => members::all(env)?,
        RunName::Newest(machine, _) | RunName::Agent(machine, ..) => {
            members::named(std::slice::from_ref(machine), env)?
        }
    };
    let remote = fleet::remote(env)?;
    runtime.block_on(find_on(candidates, remote, name))
}

async fn find_on(candidates: Vec<Member>, remote: Remote, name: &RunName) -> Result<(Member, RunRecord), LaunchError> {
    let remote = Arc::new(remote);
    let mut asked = JoinSet::new();
    for member in candidates {
        let remote = Arc::clone(&remote);
        asked.spawn(async move {
            let runs = remote.call(&member, &ListRuns {}, ANSWER_TIMEOUT).await;
            (member, runs)
        });
    }
    let (mut found, mut failures) = (None, Vec::new());
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok((member, Ok(runs))) => {
                if let Some(run) = runs.into_iter().rfind(|run| is(run, name)) {
                    found = Some((member, run));
                    break;
                }
            }
            Ok((member, Err(failure))) => failures.push((member.hostname, failure)),
            Err(_) => {}
        }
    }
    asked.shutdown().await;
    if let Some(remote) = Arc::into_inner(remote) {
        remote.close().await;
    }
    found.ok_or_else(|| not_found(name, failures))
}

fn is(run: &RunRecord, name: &RunName) -> bool {
    match name {
        RunName::Id(id) => run.id == *id,
        RunName::Newest(_, venture) => run.venture == *venture && !run.state.is_final(),
        RunName::Agent(_, venture, agent) => {
            run.venture == *venture && run.name.as_ref() == Some(agent) && !run.state.is_final()
        }
    }
}

fn not_found(name: &RunName, failures: Vec<(deckwatch_protocol::Host, Failure)>) -> LaunchError {
    let unanswered = failures.iter().map(|(machine, failure)| format!("{machine}: {failure}")).collect::<Vec<_>>();
    match name {
        RunName::Newest(..) | RunName::Agent(..) if !failures.is_empty() => {
            let mut failures = failures;
            let (machine, failure) = failures.remove(0);
            LaunchError::Remote { machine, failure }
        }
        RunName::Newest(machine, venture) | RunName::Agent(machine, venture, _) => {
            let message = match name {
                RunName::Agent(.., agent) => {
                    format!("{agent} was not started there by `launcher run` or `--on`, so no run of it can be shown")
                }
                _ => format!("no agent of {venture} runs there"),
            };
            let failure = Failure::Refused(Refusal::new(RefusalKind::NoSuchRun, message));
            LaunchError::Remote { machine: machine.clone(), failure }
        }
        RunName::Id(id) => LaunchError::NoSuchRun { id: id.clone(), unanswered },
    }
}
