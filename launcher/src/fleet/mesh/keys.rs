//! Phases 2 and 3: the key of each machine, and its way into the `authorized_keys` of the others.

use deckwatch_fleet::host::mesh::{Authorization, Authorize, KeyOf, MakeKey};

use super::machine::{Machine, Phase};
use super::phases::Setup;
use super::report::{Line, Report, summary};
use crate::error::LaunchError;

/// Phase 2: a machine without a key makes one. A key that differs from the approved one is reported and goes nowhere.
pub(super) async fn collect(setup: &mut Setup, report: &mut Report) -> Result<(), LaunchError> {
    let dry_run = setup.dry_run;
    let answers =
        setup.ask(Phase::CollectKeys, |_, machine| (machine.key.is_none() && !dry_run).then_some(MakeKey {})).await;
    for (place, answer) in answers {
        if let (Some(machine), Ok(made)) = (setup.machines.get_mut(place), answer) {
            machine.key = Some(made);
            machine.key_is_new = true;
        }
    }
    let asked = setup.machines.iter_mut().filter(|machine| machine.is_reachable || machine.key_failed());
    let lines: Vec<Line> = asked.map(collected).collect();
    report.phase(Phase::CollectKeys, &lines)
}

fn collected(machine: &mut Machine) -> Line {
    let Some(found) = &machine.key else {
        let failure = machine.problems.iter().find(|problem| problem.phase == Phase::CollectKeys);
        return match failure {
            Some(problem) => Line::bad(machine, &problem.message),
            None => Line::good(machine, "has no key; would make an Ed25519 key in ~/.ssh/id_ed25519"),
        };
    };
    let (fingerprint, file) = (found.key.fingerprint(), &found.file);
    if let Some(approved) = machine.member.ssh_public_key.as_ref().filter(|approved| **approved != found.key) {
        let message = format!(
            "its key {fingerprint} is not the approved one, {}; register the machine again, and approve it",
            approved.fingerprint()
        );
        machine.add_problem(Phase::CollectKeys, "key", &message);
        return Line::bad(machine, &message);
    }
    let made = if machine.key_is_new { "new key " } else { "" };
    Line::good(machine, &format!("{made}{fingerprint} in ~/.ssh/{file}"))
}

/// Phase 3: each machine accepts the approved keys of the others.
pub(super) async fn distribute(setup: &mut Setup, report: &mut Report) -> Result<(), LaunchError> {
    let dry_run = setup.dry_run;
    let keys: Vec<Option<KeyOf>> = setup.machines.iter().map(key_of).collect();
    let answers = setup
        .ask(Phase::DistributeKeys, |place, _| {
            let others = keys.iter().enumerate().filter(|(at, _)| *at != place);
            Some(Authorize { keys: others.filter_map(|(_, key)| key.clone()).collect(), dry_run })
        })
        .await;
    let mut lines = Vec::new();
    for (place, answer) in answers {
        let unknown = setup.others(place).filter(|other| other.accepted_key().is_none());
        let mut notes: Vec<String> = unknown.map(|other| unknown_key(other, dry_run)).collect();
        let Some(machine) = setup.machines.get_mut(place) else { continue };
        lines.push(match answer {
            Ok(Authorization { changes, disabled }) => {
                for hostname in &disabled {
                    let message = format!("the key of {hostname} stays disabled by a # in ~/.ssh/authorized_keys");
                    machine.add_problem(Phase::DistributeKeys, "disabled_key", &message);
                    notes.push(message);
                }
                let text = [vec![summary(&changes, dry_run)], notes].concat().join("; ");
                let line = if disabled.is_empty() { Line::good(machine, &text) } else { Line::bad(machine, &text) };
                let line = line.with_changes(&changes);
                machine.changes.extend(changes);
                line
            }
            Err(failure) => Line::bad(machine, &failure.to_string()),
        });
    }
    report.phase(Phase::DistributeKeys, &lines)
}

fn key_of(machine: &Machine) -> Option<KeyOf> {
    Some(KeyOf { hostname: machine.member.hostname.clone(), key: machine.accepted_key()?.clone() })
}

/// What is said about a machine whose key is not known.
fn unknown_key(machine: &Machine, dry_run: bool) -> String {
    let name = machine.name();
    if machine.is_reachable && dry_run {
        format!("also the key that {name} will make")
    } else {
        format!("not the key of {name}, which is not known")
    }
}
