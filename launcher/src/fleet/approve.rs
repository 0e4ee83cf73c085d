//! `launcher fleet approve`: an admin lets a registered machine into the fleet.
//!
//! The command repeats the access that was compared on the machine itself. The API refuses if another access waits by then.

use std::io::Write as _;
use std::str::FromStr;

use clap::Args;
use deckwatch_fleet::members::machines;
use deckwatch_protocol::{ApproveMachine, Host, KeyFingerprint, Machine, PendingAccess, SshUser, TailscaleIp};

use crate::config::Config;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::output;
use crate::process_env::ProcessEnv;

/// What `--help` shows below the options.
const EXAMPLES: &str = "\
Examples:
  launcher fleet approve server1   show the access of server1 that waits, and the command that approves it
  launcher fleet approve server1 ann@100.64.0.7 SHA256:<key> SHA256:<host key>

Take the values from the output of `launcher fleet bootstrap` on the machine itself: whoever has the context key can register \
a machine under any name. ADMIN_API_KEY must be set.";

/// The options of `launcher fleet approve`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Approve {
    /// The hostname
    machine: Host,

    /// The user and the address, as bootstrap shows them on the machine
    #[arg(value_name = "USER@ADDRESS", requires = "fingerprint")]
    login: Option<Login>,

    /// The fingerprint of the machine's key
    fingerprint: Option<KeyFingerprint>,

    /// The fingerprint of its host key, if it has one
    host_key_fingerprint: Option<KeyFingerprint>,
}

/// A user on a machine.
#[derive(Debug, Clone)]
struct Login {
    user: SshUser,
    address: TailscaleIp,
}

impl FromStr for Login {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (user, address) = text.split_once('@').ok_or("must be USER@ADDRESS")?;
        let user = user.parse().map_err(|invalid| format!("the user {invalid}"))?;
        let address = address.parse().map_err(|invalid| format!("the address {invalid}"))?;
        Ok(Self { user, address })
    }
}

pub(super) fn run(approve: &Approve, env: &ProcessEnv) -> Result<(), LaunchError> {
    let (config, vault) = Config::with_vault(env)?;
    let (Some(login), Some(fingerprint)) = (&approve.login, &approve.fingerprint) else {
        return show(&approve.machine, &Endpoint::of_reader(env, &config, &vault)?, env);
    };
    let access = ApproveMachine {
        user: login.user.clone(),
        tailscale_ip: login.address.clone(),
        fingerprint: fingerprint.clone(),
        host_key_fingerprint: approve.host_key_fingerprint.clone(),
    };
    let endpoint = Endpoint::of_admin(env, &config, &vault)?;
    let api = context_api::reader(&endpoint, env)?.ok_or_else(|| unknown(&approve.machine))?;
    let machine = context_api::wait(api.approve_machine(&approve.machine, &access))?;
    output::print(|out| writeln!(out, "{} is approved. To connect it: scripts/setup-ssh-mesh.sh", machine.hostname))
}

/// Prints what waits, and how to approve it.
fn show(hostname: &Host, endpoint: &Endpoint, env: &ProcessEnv) -> Result<(), LaunchError> {
    let api = context_api::reader(endpoint, env)?.ok_or_else(|| unknown(hostname))?;
    let known = context_api::wait(machines(&api))?;
    let is_it = |machine: &&Machine| machine.hostname.as_str().eq_ignore_ascii_case(hostname.as_str());
    let machine = known.iter().find(is_it).ok_or_else(|| unknown(hostname))?;
    let Some(pending) = &machine.pending else {
        return output::print(|out| writeln!(out, "{} is approved; nothing waits", machine.hostname));
    };
    let command = command(&machine.hostname, pending);
    output::print(|out| {
        writeln!(
            out,
            "{} waits since {}. Compare this with the output of `launcher fleet bootstrap` there, then run:\n  {command}",
            machine.hostname, pending.registered_at
        )
    })
}

/// The command that approves an access.
pub(super) fn command(hostname: &Host, access: &PendingAccess) -> String {
    let PendingAccess { user, tailscale_ip, fingerprint, host_key_fingerprint, .. } = access;
    let host_key = host_key_fingerprint.as_ref().map(|key| format!(" {key}")).unwrap_or_default();
    format!("launcher fleet approve {hostname} {user}@{tailscale_ip} {fingerprint}{host_key}")
}

fn unknown(name: &Host) -> LaunchError {
    LaunchError::UnknownMember { name: name.clone(), meant: None }
}
