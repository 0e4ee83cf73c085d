//! A session with a real Secret Service: D-Bus and GNOME's keyring, as a Linux desktop has them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::world::{Run, World, found_on_path};

/// Opens the keyring of the home with a password, then becomes the program that it is given.
const SESSION: &str =
    r#"printf 'keyring-passw0rd' | "$KEYRING" --unlock --components=secrets >/dev/null 2>&1; exec "$@""#;

/// The programs of such a session.
pub(crate) struct Desktop {
    dbus: PathBuf,
    keyring: PathBuf,
}

impl Desktop {
    /// `None`, with the reason printed, on a machine that has none.
    pub(crate) fn find(world: &World) -> Option<Self> {
        let needed = ["dbus-run-session", "dbus-daemon", "gnome-keyring-daemon", "secret-tool"];
        if let Some(missing) = needed.into_iter().find(|tool| found_on_path(tool).is_none()) {
            println!("skipped: {missing} is not installed (Debian: dbus-daemon gnome-keyring libsecret-tools)");
            return None;
        }
        for tool in ["dbus-daemon", "secret-tool"] {
            world.link(tool);
        }
        Some(Self { dbus: found_on_path(needed[0])?, keyring: found_on_path(needed[2])? })
    }

    /// The same command in a session of its own, which ends with it; what the keyring holds stays.
    pub(crate) fn session(&self, inner: &Command) -> Command {
        let mut command = Command::new(&self.dbus);
        command.args(["--", "sh", "-c", SESSION, "sh"]).arg(inner.get_program()).args(inner.get_args());
        command.env_clear().env("KEYRING", &self.keyring).stdin(Stdio::null());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = inner.get_current_dir() {
            command.current_dir(folder);
        }
        command
    }

    /// Runs the command in such a session with this on its standard input.
    pub(crate) fn type_into(&self, inner: &Command, text: &str) -> Run {
        let mut command = self.session(inner);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Run::ended(child.wait_with_output().unwrap())
    }
}
