//! Requests to all machines at once, and the phases 4 and 5.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_fleet::host::mesh::{DeployConfig, Deployment, LoginResult, TryLogins};
use deckwatch_fleet::members::Member;
use deckwatch_fleet::remote::{Failure, Remote};
use deckwatch_fleet::wire::Request;
use deckwatch_protocol::Host;
use tokio::task::JoinSet;

use super::machine::{Machine, Phase};
use super::matrix::{Cell, Matrix};
use super::report::{Line, Report, summary};
use crate::error::LaunchError;

/// How long a machine may take for a request of the phases 1 to 4.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The same in phase 5, without the time for each login.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(30);
/// The part of phase 5's time for each login. Some logins run at once.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A run of the five phases.
pub(super) struct Setup {
    pub(super) remote: Arc<Remote>,
    pub(super) machines: Vec<Machine>,
    pub(super) dry_run: bool,
}

impl Setup {
    /// Sends a request to each machine that can be reached, all at once. `request_for` gives the request, or `None` to
    /// leave a machine out. Returns the places of the machines with their answers, and records the failures.
    pub(super) async fn ask<R>(
        &mut self,
        phase: Phase,
        request_for: impl Fn(usize, &Machine) -> Option<R>,
    ) -> Vec<(usize, Result<R::Answer, Failure>)>
    where
        R: Request + Sync + 'static,
        R::Answer: 'static,
    {
        let within = match phase {
            Phase::Verify => VERIFY_TIMEOUT + LOGIN_TIMEOUT * u32::try_from(self.machines.len()).unwrap_or(u32::MAX),
            _ => TIMEOUT,
        };
        let mut asked = JoinSet::new();
        for (place, machine) in self.machines.iter().enumerate().filter(|(_, machine)| machine.is_reachable) {
            let Some(request) = request_for(place, machine) else { continue };
            let (remote, member) = (Arc::clone(&self.remote), machine.member.clone());
            asked.spawn(async move { (place, remote.call(&member, &request, within).await) });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by_key(|(place, _)| *place);
        for (place, answer) in &answers {
            if let (Some(machine), Err(failure)) = (self.machines.get_mut(*place), answer) {
                machine.add_failure(phase, failure);
            }
        }
        answers
    }

    /// The other members than the one at `place`.
    pub(super) fn others(&self, place: usize) -> impl Iterator<Item = &Machine> {
        self.machines.iter().enumerate().filter(move |(at, _)| *at != place).map(|(_, machine)| machine)
    }
}

/// Phase 4: each machine gets the addresses, users and host keys of the others, also of those that can't be reached now.
pub(super) async fn deploy(setup: &mut Setup, report: &mut Report) -> Result<(), LaunchError> {
    let members: Vec<Member> = setup.machines.iter().map(|machine| machine.member.clone()).collect();
    let dry_run = setup.dry_run;
    let answers = setup
        .ask(Phase::DeployConfig, |place, machine| {
            let others = members.iter().enumerate().filter(|(at, _)| *at != place);
            let others = others.map(|(_, member)| member.clone()).collect();
            Some(DeployConfig { others, key: machine.accepted_key().cloned(), dry_run })
        })
        .await;
    let mut lines = Vec::new();
    for (place, answer) in answers {
        let Some(machine) = setup.machines.get_mut(place) else { continue };
        lines.push(match answer {
            Ok(Deployment { changes }) => {
                let line = Line::good(machine, &summary(&changes, dry_run)).with_changes(&changes);
                machine.changes.extend(changes);
                line
            }
            Err(failure) => Line::bad(machine, &failure.to_string()),
        });
    }
    report.phase(Phase::DeployConfig, &lines)
}

/// Phase 5: each machine that can be reached logs in to every other one.
pub(super) async fn verify(setup: &mut Setup, report: &mut Report) -> Result<(), LaunchError> {
    if setup.dry_run {
        return report.skipped(Phase::Verify, "nothing was changed, so nothing is tried");
    }
    let names: Vec<Host> = setup.machines.iter().map(|machine| machine.member.hostname.clone()).collect();
    let answers = setup
        .ask(Phase::Verify, |place, machine| {
            // Each machine begins with another target, so that no SSH server gets all logins at once.
            let targets = names.iter().cycle().skip(place + 1).take(names.len().saturating_sub(1)).cloned().collect();
            Some(TryLogins { targets, key: machine.accepted_key().cloned() })
        })
        .await;
    let mut matrix = Matrix::new(names);
    for (place, answer) in answers {
        for LoginResult { target, failure } in answer.map(|logins| logins.results).unwrap_or_default() {
            matrix.set(place, &target, failure.map_or(Cell::Ok, |(kind, message)| Cell::Failed { kind, message }));
        }
    }
    blame(setup, &matrix);
    report.matrix(matrix)
}

/// Records the failed logins of a machine, unless the other machine had a problem before.
fn blame(setup: &mut Setup, matrix: &Matrix) {
    let with_problem: Vec<Host> = setup
        .machines
        .iter()
        .filter(|machine| !machine.problems.is_empty())
        .map(|machine| machine.member.hostname.clone())
        .collect();
    for (from, to, cell) in matrix.cells() {
        let Cell::Failed { kind, message } = cell else { continue };
        if let Some(machine) = setup.machines.get_mut(from).filter(|_| !with_problem.contains(to)) {
            machine.add_problem(Phase::Verify, kind, &format!("it can't log in to {to}: {message}"));
        }
    }
}
