//! The registration of this machine in the API.

use deckwatch_client::Api;
use deckwatch_fleet::members::machines;
use deckwatch_machine::agent::{save_host, this_host};
use deckwatch_protocol::{Machine, MachineArch, MachineOs, RegisterMachine};

use crate::check::Check;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::fleet::approve;
use crate::process_env::ProcessEnv;

/// Checks that the API of the team answers and accepts the key.
pub(super) fn reach(endpoint: Result<Endpoint, LaunchError>, env: &ProcessEnv) -> (Check, Option<Api>) {
    const NAME: &str = "API reachable";
    let reached = endpoint.and_then(|endpoint| {
        let Endpoint::Remote { .. } = endpoint else { return Ok(None) };
        let Some(api) = context_api::reader(&endpoint, env)? else { return Ok(None) };
        let health = context_api::wait(api.health())?;
        context_api::wait(machines(&api))?;
        Ok(Some((format!("{}, engine {}", endpoint.describe(env), health.engine), api)))
    });
    match reached {
        Ok(Some((detail, api))) => (Check::ok(NAME, detail), Some(api)),
        Ok(None) => {
            let fix = "start one (docs/fleet.md says how), then: export CONTEXT_API_URL=https://… CONTEXT_API_KEY=…";
            (Check::fail(NAME, "no API is configured; a fleet registers its machines in the team's API", fix), None)
        }
        Err(error) => (Check::failed_with(NAME, &error), None),
    }
}

/// Registers the machine. A role and other data that it has already are kept.
pub(super) fn register(api: &Api, mut machine: RegisterMachine, env: &ProcessEnv) -> (Check, Option<Machine>) {
    const NAME: &str = "machine registered";
    let hostname = this_host();
    let registered = context_api::wait(async {
        let known = machines(api).await?.into_iter();
        let known = known.into_iter().find(|known| known.hostname.as_str().eq_ignore_ascii_case(hostname.as_str()));
        if let Some(known) = known {
            machine.role = machine.role.take().or(known.role);
            machine.meta = known.meta;
        }
        api.register_machine(&hostname, &machine).await
    });
    match registered {
        Ok(machine) => match save_host(&env.dirs, &hostname) {
            Ok(()) => (state(NAME, &machine), Some(machine)),
            Err(error) => {
                let why = format!("{hostname} is registered, but the name could not be saved: {error}");
                let fix = "make the state folder writable; else the name changes with the network's";
                (Check::warn(NAME, why, fix), Some(machine))
            }
        },
        Err(error) => (Check::failed_with(NAME, &error), None),
    }
}

/// Whether the machine is a member now.
fn state(name: &'static str, machine: &Machine) -> Check {
    let Some(pending) = &machine.pending else {
        return Check::ok(name, format!("{} is approved", machine.hostname));
    };
    let before = if machine.approved.is_some() { "; until then its earlier access stays in use" } else { "" };
    Check::warn(
        name,
        format!("{} waits for an admin's approval{before}", machine.hostname),
        format!("an admin runs: {}", approve::command(&machine.hostname, pending)),
    )
}

/// The operating system, as the registry names it.
pub(super) fn os() -> Result<MachineOs, LaunchError> {
    parsed(std::env::consts::OS)
}

/// The processor architecture, as the registry names it.
pub(super) fn arch() -> Result<MachineArch, LaunchError> {
    parsed(match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    })
}

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, LaunchError> {
    text.parse().map_err(|_| LaunchError::Fleet(format!("the registry does not accept the name {text}")))
}
