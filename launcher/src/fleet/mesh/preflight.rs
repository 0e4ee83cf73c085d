//! Phase 1: which machines can be reached, and whether each is the registered one.

use deckwatch_fleet::host::mesh::{Inspect, Inspection};

use super::machine::{Machine, Phase};
use super::phases::Setup;
use super::report::{Line, Report};
use crate::error::LaunchError;

pub(super) async fn check(setup: &mut Setup, report: &mut Report) -> Result<(), LaunchError> {
    let answers = setup.ask(Phase::Preflight, |_, machine| Some(Inspect { member: machine.member.clone() })).await;
    let mut lines = Vec::new();
    for (place, answer) in answers {
        let Some(machine) = setup.machines.get_mut(place) else { continue };
        match answer {
            Ok(inspection) => lines.extend(inspected(machine, inspection)),
            Err(failure) => {
                // Its launcher may be too old for the requests of the other phases.
                machine.is_reachable = false;
                lines.push(Line::bad(machine, &failure.to_string()));
            }
        }
    }
    report.phase(Phase::Preflight, &lines)
}

/// Compares what the machine says with what is registered.
fn inspected(machine: &mut Machine, inspection: Inspection) -> Vec<Line> {
    for (kind, message) in problems(machine, &inspection) {
        machine.add_problem(Phase::Preflight, kind, &message);
        // The keys of the others would get into the home folder of another machine or user.
        machine.is_reachable &= !matches!(kind, "wrong_machine" | "user");
    }
    machine.key = inspection.key;
    if machine.problems.is_empty() {
        let how = if machine.is_this_one { "this machine" } else { "reachable" };
        return vec![Line::good(machine, &format!("{how}, {}@{}", machine.member.user, machine.member.tailscale_ip))];
    }
    machine.problems.iter().map(|problem| Line::bad(machine, &problem.message)).collect()
}

fn problems(machine: &Machine, inspection: &Inspection) -> Vec<(&'static str, String)> {
    let member = &machine.member;
    let mut found = Vec::new();
    if member.host_key.is_none() && !member.hostname.as_str().eq_ignore_ascii_case(inspection.hostname.as_str()) {
        found.push(("wrong_machine", format!("at {} answers {}", member.tailscale_ip, inspection.hostname)));
    }
    if let Some(user) = inspection.user.as_deref().filter(|user| *user != member.user.as_str()) {
        found.push(("user", format!("the registered user is {}, but Deckwatch runs as {user}", member.user)));
    }
    match (&member.host_key, &inspection.host_key) {
        (None, shown) => {
            let shown = shown.as_ref().map_or_else(String::new, |key| format!(" It has {}.", key.as_str()));
            let message = "its SSH host key is not registered, so the other machines do not trust it.";
            found.push(("host_key", format!("{message}{shown} docs/fleet.md says how to register it")));
        }
        // The connection to another machine has shown its host key already.
        (Some(registered), Some(own))
            if machine.is_this_one && same_type_differs(registered.as_str(), own.as_str()) =>
        {
            let message = format!("the registered host key is not {}, which this machine has", own.fingerprint());
            found.push(("host_key", message));
        }
        _ => {}
    }
    if inspection.home_is_writable {
        let message = "others can write its home folder, so its SSH server accepts no key; run `chmod go-w ~` there";
        found.push(("home", message.to_owned()));
    }
    if inspection.remote_login == Some(false) {
        let message = "Remote Login is off; switch it on in System Settings, General, Sharing";
        found.push(("remote_login", message.to_owned()));
    }
    found
}

/// Whether two host keys are of one type and differ. A machine has one host key of each type.
fn same_type_differs(one: &str, other: &str) -> bool {
    let kind = |key: &str| key.split(' ').next().map(str::to_owned);
    kind(one) == kind(other) && one != other
}
