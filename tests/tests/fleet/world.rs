//! Hosts with a venture and an agent CLI, and a host of a person who starts agents there.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use deckwatch_tests::{Fleet, Host, HostOutput};
use serde_json::{Value, json};

/// The host of the person.
pub(crate) const NEAR: &str = "laptop1";
/// A key that must be nowhere but in the agent's environment.
pub(crate) const KEY: &str = "the-secret-model-key-0123456789";
/// The program `claude` of the hosts.
const AGENT: &str = include_str!("agent.py");

/// A fleet whose hosts have the venture `alpha`.
pub(crate) struct World {
    pub(crate) fleet: Fleet,
}

impl World {
    /// [`NEAR`] and these hosts. The person has access to all of them.
    pub(crate) fn start(others: &[&str]) -> Self {
        let fleet = Fleet::start(&[&[NEAR], others].concat());
        fleet.give_access(NEAR);
        let world = Self { fleet };
        let machines: Vec<Value> = world.fleet.hosts().iter().skip(1).map(machine).collect();
        world.near().write(".config/deckwatch/machines.json", json!({ "machines": machines }).to_string());
        for name in others {
            install(world.fleet.host(name), "alpha");
        }
        world
    }

    pub(crate) fn near(&self) -> &Host {
        self.fleet.host(NEAR)
    }

    pub(crate) fn host(&self, name: &str) -> &Host {
        self.fleet.host(name)
    }

    /// Runs the launcher on the person's host.
    pub(crate) fn launcher(&self, args: &[&str]) -> HostOutput {
        self.launcher_with(args, "")
    }

    /// The same, with standard input.
    pub(crate) fn launcher_with(&self, args: &[&str], stdin: &str) -> HostOutput {
        self.near().run("launcher", args, stdin, &[("ANTHROPIC_API_KEY", KEY)])
    }

    /// Starts the launcher on the person's host, with pipes.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.near().command("launcher", args, &[("ANTHROPIC_API_KEY", KEY)])
    }

    /// Installs `dev-session` on a host, as `scripts/start` does.
    pub(crate) fn install_dev_session(&self, name: &str) {
        let host = self.host(name);
        host.write(".local/bin/dev-session", include_str!("../../../scripts/dev-session"));
        host.run("chmod", &["755", ".local/bin/dev-session"], "", &[]).ok();
    }

    /// The runs of all machines, also those that have ended.
    pub(crate) fn runs(&self) -> Vec<Value> {
        let listed = self.launcher(&["ps", "--all", "--json"]);
        let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
        let machines = listed["machines"].as_array().unwrap().iter();
        machines.flat_map(|machine| machine["runs"].as_array().unwrap().clone()).collect()
    }

    /// Waits until the only run, or the one with this id, is in a state.
    #[track_caller]
    pub(crate) fn wait_for(&self, id: &str, state: &str) -> Value {
        let started = Instant::now();
        loop {
            let runs = self.runs();
            let found = runs.iter().find(|run| run["id"] == id);
            if let Some(run) = found.filter(|run| state_of(run) == state) {
                return run.clone();
            }
            assert!(started.elapsed() < Duration::from_mins(1), "{id} is not {state}: {runs:#?}");
        }
    }
}

/// Waits up to a minute until something is true. `shown` is added to the message if it is not.
#[track_caller]
pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool, shown: impl Fn() -> String) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_mins(1), "{what}: {}", shown());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Gives a host the repository of a venture, and the agent CLI.
pub(crate) fn install(host: &Host, venture: &str) {
    let ventures =
        ["alpha", "beta"].map(|code| json!({ "code": code, "name": code, "repos": [format!("example-org/{code}")] }));
    host.write(".config/deckwatch/ventures.json", json!({ "ventures": ventures }).to_string());
    host.write(".local/bin/claude", AGENT);
    let script = format!(
        "chmod 755 .local/bin/claude; git init -q dev/{venture}; cd dev/{venture}; \
         git remote add origin git@github.com:example-org/{venture}.git; \
         git -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m first"
    );
    host.run("bash", &["-euc", &script], "", &[]).ok();
}

/// A member of the fleet, as the file of machines lists it.
pub(crate) fn machine(host: &Host) -> Value {
    json!({
        "hostname": host.name(), "user": host.user(), "tailscale_ip": host.address(), "os": "linux",
        "arch": std::env::consts::ARCH, "host_key": host.host_key(),
    })
}

/// The name of a state, which may have details.
pub(crate) fn state_of(run: &Value) -> &str {
    let state = &run["state"];
    state.as_str().or_else(|| Some(state.as_object()?.keys().next()?.as_str())).unwrap()
}

/// The lines of JSON in a text.
#[track_caller]
pub(crate) fn events(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?} in {text:?}"))).collect()
}

/// The id of the run that a launcher has named in its messages.
#[track_caller]
pub(crate) fn id_in(text: &str) -> String {
    let at = text.find("run_").unwrap_or_else(|| panic!("{text}"));
    text[at..at + 30].to_owned()
}
