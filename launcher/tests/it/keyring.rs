//! A real Secret Service for one test: D-Bus and GNOME's keyring, as on a Linux desktop.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::{Run, World, found_on_path};

/// A session bus that starts no services. A service that it started would be another keyring, and locked.
const BUS: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:abstract=WORLD</listen>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>"#;

/// A session bus with an unlocked keyring. It ends when this value is dropped.
pub(crate) struct Desktop {
    bus: Child,
    address: String,
}

impl Desktop {
    /// Starts it. If a program is missing on this machine, prints which one and returns `None`.
    pub(crate) fn start(world: &World) -> Option<Self> {
        for tool in ["dbus-daemon", "gnome-keyring-daemon", "secret-tool"] {
            if found_on_path(tool).is_none() {
                println!("skipped: {tool} is not installed (Debian: dbus-daemon gnome-keyring libsecret-tools)");
                return None;
            }
        }
        world.link_tool("secret-tool");
        world.write("bus.conf", &BUS.replace("WORLD", world.path("home").to_str().unwrap()));
        let config = format!("--config-file={}", world.path("bus.conf").display());
        let mut bus = program(world, "dbus-daemon");
        let mut bus = bus.args([&config, "--nofork", "--print-address"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let desktop = Self { bus, address: address.trim().to_owned() };

        // With a password, the keyring file is encrypted. The command returns before the keyring is unlocked. The daemon ends
        // with the bus.
        let mut keyring = program(world, "gnome-keyring-daemon");
        let mut keyring =
            desktop.inside(keyring.args(["--unlock", "--components=secrets"])).stdin(Stdio::piped()).spawn().unwrap();
        Run::write(&mut keyring, "keyring-passw0rd");
        assert!(keyring.wait().unwrap().success());
        let started = Instant::now();
        while !desktop.is_unlocked(world) {
            assert!(started.elapsed() < Duration::from_secs(20), "the keyring stays locked");
        }
        Some(desktop)
    }

    fn is_unlocked(&self, world: &World) -> bool {
        let mut probe = program(world, "secret-tool");
        let probe = self.inside(probe.args(["store", "--label=probe", "probe", "1"])).stdin(Stdio::piped());
        let mut probe = probe.spawn().unwrap();
        Run::write(&mut probe, "probe");
        probe.wait().unwrap().success()
    }

    /// Adds the address of the bus to the environment of a command.
    pub(crate) fn inside<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address)
    }

    /// Runs the launcher with this bus.
    pub(crate) fn run(&self, world: &World, args: &[&str]) -> Run {
        Run::of(self.inside(&mut world.launcher(args)))
    }

    /// Runs the launcher with this bus and this text on standard input.
    pub(crate) fn typed(&self, world: &World, args: &[&str], text: &str) -> Run {
        let mut command = world.launcher(args);
        let command = self.inside(&mut command).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Run::write(&mut child, text);
        Run::ended(child.wait_with_output().unwrap())
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.bus.kill();
        self.bus.wait().unwrap();
    }
}

fn program(world: &World, name: &str) -> Command {
    let mut command = Command::new(found_on_path(name).unwrap());
    command.env_clear().env("HOME", world.path("home")).env("PATH", world.path("bin"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
