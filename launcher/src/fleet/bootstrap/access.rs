//! The access of this machine: its user, keys and address.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deckwatch_machine::agent::this_host;
use deckwatch_machine::durable;
use deckwatch_protocol::{SshPublicKey, SshUser, TailscaleIp};
use tokio::process::Command;

use crate::check::Check;
use crate::context_api;
use crate::process_env::ProcessEnv;
use crate::secrets::program;

/// How long a program may take that only answers a question.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// A larger file is not a public key.
const MAX_KEY_BYTES: u64 = 16 * 1024;
/// Where Tailscale's app for macOS has its program.
const TAILSCALE_APP: &str = "/Applications/Tailscale.app/Contents/MacOS/Tailscale";

/// The user of this process.
pub(super) fn user(env: &ProcessEnv) -> (Check, Option<SshUser>) {
    const NAME: &str = "user";
    let name = output_of("id", &["-un"], env);
    match name.and_then(|name| name.trim().parse::<SshUser>().map_err(|invalid| format!("the user name {invalid}"))) {
        Ok(user) => (Check::ok(NAME, user.as_str()), Some(user)),
        Err(why) => (Check::fail(NAME, why, "use a user with a plain name"), None),
    }
}

/// The key with which this user logs in to other machines. It is made if there is none, and never replaced.
pub(super) fn user_key(user: Option<&SshUser>, env: &ProcessEnv) -> (Check, Option<SshPublicKey>) {
    const NAME: &str = "SSH key";
    let private = env.dirs.home.join(".ssh/id_ed25519");
    let public = private.with_extension("pub");
    let made = match (exists(&public), exists(&private)) {
        (true, _) => Ok(""),
        (false, true) => derive_public(&private, &public, env).map(|()| ", its public half was missing"),
        (false, false) => make_key(&private, user, env).map(|()| ", made now"),
    };
    match made.and_then(|made| read_key(&public).map(|key| (made, key))) {
        Ok((made, key)) => {
            let detail = format!("{}, {}{made}", env.shown(&private), key.fingerprint());
            (Check::ok(NAME, detail), Some(key))
        }
        Err(why) => {
            let fix = format!(
                "check {}; nothing there is overwritten. If it has a passphrase: ssh-keygen -y -f {} > {}",
                env.shown(&private),
                env.shown(&private),
                env.shown(&public)
            );
            (Check::fail(NAME, why, fix), None)
        }
    }
}

/// The host key of this machine's SSH server. A machine without one can't be checked by the others, but may be a member.
pub(super) fn host_key(file: &Path, env: &ProcessEnv) -> (Check, Option<SshPublicKey>) {
    const NAME: &str = "SSH host key";
    match read_key(file) {
        Ok(key) => (Check::ok(NAME, key.fingerprint().to_string()), Some(key)),
        Err(why) => {
            let fix = if cfg!(target_os = "macos") {
                "turn on Remote Login (System Settings, General, Sharing), then run this again"
            } else {
                "install the SSH server (Debian: sudo apt-get install openssh-server), or name its key with --host-key FILE; \
                 then run this again"
            };
            let why = format!("{why}; other machines can't log in here, or can't check that they do");
            (Check::warn(NAME, why.replace(&file.display().to_string(), &env.shown(file)), fix), None)
        }
    }
}

/// The address at which other machines reach this one.
pub(super) fn address(given: Option<&TailscaleIp>, env: &ProcessEnv) -> (Check, Option<TailscaleIp>) {
    const NAME: &str = "address";
    if let Some(address) = given {
        return (Check::ok(NAME, format!("{address}, from --address")), Some(address.clone()));
    }
    let app = Path::new(TAILSCALE_APP);
    let program = env.program("tailscale").or_else(|| app.is_file().then(|| app.to_owned()));
    let Some(program) = program else {
        let fix = "install it (https://tailscale.com/download) and run `tailscale up`; or name another address that all \
                   machines reach, with --address";
        return (Check::fail(NAME, "Tailscale is not installed", fix), None);
    };
    let said = run(&program, &["ip", "-4"]);
    let address = said.and_then(|said| {
        let first = said.lines().next().unwrap_or_default().trim();
        first.parse::<TailscaleIp>().map_err(|invalid| format!("`tailscale ip -4` gave no address: it {invalid}"))
    });
    match address {
        Ok(address) => (Check::ok(NAME, format!("{address}, from Tailscale")), Some(address)),
        Err(why) => (Check::fail(NAME, why, "run `tailscale up`, or name an address with --address"), None),
    }
}

/// Whether there is anything at this path, also a broken link.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn read_key(file: &Path) -> Result<SshPublicKey, String> {
    let shown = file.display();
    let is_small = file.metadata().map(|metadata| metadata.is_file() && metadata.len() <= MAX_KEY_BYTES);
    let text = match is_small {
        Ok(true) => std::fs::read_to_string(file),
        Ok(false) => return Err(format!("{shown} is not a public key")),
        Err(error) => Err(error),
    };
    let text = text.map_err(|error| format!("{shown} can't be read: {error}"))?;
    text.trim().parse().map_err(|invalid| format!("{shown} {invalid}"))
}

fn make_key(private: &Path, user: Option<&SshUser>, env: &ProcessEnv) -> Result<(), String> {
    make_folder(private).map_err(|error| format!("the folder of {} can't be made: {error}", private.display()))?;
    let comment = format!("{}@{}", user.map_or("user", SshUser::as_str), this_host());
    let file = private.to_string_lossy();
    output_of("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f", &file], env).map(drop)
}

/// Writes the public half of a key that has no passphrase.
fn derive_public(private: &Path, public: &Path, env: &ProcessEnv) -> Result<(), String> {
    let line = output_of("ssh-keygen", &["-y", "-P", "", "-f", &private.to_string_lossy()], env)?;
    durable::create(public, line.as_bytes()).map_err(|error| format!("{} can't be written: {error}", public.display()))
}

/// Makes `.ssh`, which only the user may enter.
fn make_folder(key: &Path) -> io::Result<()> {
    key.parent().map_or(Ok(()), deckwatch_machine::dirs::Dirs::create)
}

fn output_of(name: &str, args: &[&str], env: &ProcessEnv) -> Result<String, String> {
    let program: PathBuf = env.program(name).ok_or_else(|| format!("the program {name} is not installed"))?;
    run(&program, args)
}

/// The standard output of a program that succeeds.
fn run(program: &Path, args: &[&str]) -> Result<String, String> {
    let runtime = context_api::runtime().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args(args);
    let result = runtime.block_on(program::run(&mut command, "", TIME_LIMIT))?;
    if result.succeeded {
        return Ok(result.output.to_string());
    }
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    Err(format!("{name} failed: {}", result.error_text))
}
