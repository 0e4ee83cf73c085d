//! A fleet of hosts on this machine, for tests with real SSH.
//!
//! Each host has its own hostname, address, users, home folder, host key and sshd, in namespaces of Linux. The hosts are
//! connected by a bridge in a network namespace of its own, so that any number of fleets can run at once and nothing of
//! a fleet is visible outside. A real `deckwatch-server` listens on the address of the bridge.
//!
//! It needs root, `sshd` and `ip`: a test fails without them. Everything ends with the test, also when it is killed.

mod forwarder;
mod guests;
mod host;
mod namespaces;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use deckwatch_protocol::Machine;
use serde_json::json;
use tempfile::TempDir;

use self::forwarder::Forwarder;
pub use self::guests::Guests;
pub use self::host::{Host, HostOutput};
use self::namespaces::{Namespaces, Starting};
use crate::caller::Caller as _;
use crate::engine::Api;
use crate::machine::{ask_approve, ask_register};
use crate::programs::program;
use crate::shape::fresh;

const BRIDGE: &str = "100.64.0.1";
const API_PORT: u16 = 8787;

/// Hosts, and the API that they share.
pub struct Fleet {
    // The order of the fields is the order in which they end.
    hosts: Vec<Host>,
    api: Api,
    _forwarder: Forwarder,
    _network: Namespaces,
    _folder: TempDir,
}

impl Fleet {
    /// Starts a host for each name, and the API.
    ///
    /// # Panics
    ///
    /// If the test does not run as root, or a program is missing.
    pub fn start(names: &[&str]) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "this test starts hosts in network namespaces, which needs root: run the tests of the fleet as root"
        );
        required("ip", "iproute2");
        let sshd = required("sshd", "openssh-server");
        let folder = TempDir::new().unwrap();
        let programs = program("launcher").parent().unwrap().canonicalize().unwrap();
        let keys = (fresh("context-key"), fresh("admin-key"));
        let data = folder.path().join("api");
        let network = start_network(&data, &programs, (&keys.0, &keys.1));
        let bridge = network.proc_file("ns/net");
        let numbers = (0..).take(names.len());
        let mut hosts: Vec<Host> =
            numbers.map(|number| Host::create(folder.path(), number, names, &programs, &sshd)).collect();
        let starting: Vec<Starting> = hosts.iter_mut().map(|host| host.spawn(&bridge)).collect();
        for (host, starting) in hosts.iter().zip(starting) {
            host.finish(starting);
        }
        let forwarder = Forwarder::start(&bridge, (BRIDGE.parse::<std::net::IpAddr>().unwrap(), API_PORT).into());
        let api = Api::at(&forwarder.url(), (&keys.0, &keys.1), &data.join("context.db"));
        Self { hosts, api, _forwarder: forwarder, _network: network, _folder: folder }
    }

    /// The host with this name.
    pub fn host(&self, name: &str) -> &Host {
        self.hosts.iter().find(|host| host.name() == name).unwrap_or_else(|| panic!("the fleet has no host {name}"))
    }

    /// All hosts, in the order of their names in [`Fleet::start`].
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The API, for requests of the test.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The URL of the API, for the hosts.
    pub fn api_url(&self) -> String {
        format!("http://{BRIDGE}:{API_PORT}")
    }

    /// The variables of a person on a host: the API and the key of the context tier.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [("CONTEXT_API_URL", self.api_url()), ("CONTEXT_API_KEY", self.api.context_key().to_owned())]
    }

    /// Runs the launcher on a host, as its user and with [`Fleet::variables`].
    pub fn launcher(&self, host: &str, args: &[&str]) -> HostOutput {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.host(host).run("launcher", args, "", &variables)
    }

    /// Registers a host in the API. It waits for approval. Its user gets an SSH key if there is none.
    pub async fn register(&self, name: &str) -> Machine {
        let host = self.host(name);
        let key = host.user_key().unwrap_or_else(|| host.make_user_key());
        let fields = json!({
            "os": "linux", "arch": std::env::consts::ARCH, "tailscale_ip": host.address(), "user": host.user(),
            "ssh_public_key": key, "ssh_host_key": host.host_key(),
        });
        let response = self.api.admin().send(ask_register(name, fields)).await;
        response.of(if response.status == 200 { 200 } else { 201 })
    }

    /// Registers a host in the API and approves it.
    pub async fn approve(&self, name: &str) -> Machine {
        let machine = self.register(name).await;
        self.api.admin().send(ask_approve(&machine)).await.of(200)
    }

    /// Gives the user of `from` access to every other host, as a person has before there is a mesh: with a key of
    /// another kind than the mesh uses, and with known host keys.
    pub fn give_access(&self, from: &str) {
        let host = self.host(from);
        host.write(".ssh/known_hosts", self.others(from).map(known_host).collect::<String>());
        let make = ["-q", "-t", "ecdsa", "-N", "", "-C", "person", "-f", ".ssh/id_ecdsa"];
        host.run("ssh-keygen", &make, "", &[]).ok();
        let key = host.read(".ssh/id_ecdsa.pub");
        for other in self.others(from) {
            let before = fs::read_to_string(other.path(".ssh/authorized_keys")).unwrap_or_default();
            other.write(".ssh/authorized_keys", before + &key);
        }
    }

    fn others(&self, name: &str) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |host| host.name() != name)
    }
}

fn known_host(host: &Host) -> String {
    format!("{} {}\n", host.address(), host.host_key())
}

fn start_network(data: &Path, programs: &Path, keys: (&str, &str)) -> Namespaces {
    fs::create_dir(data).unwrap();
    let address = format!("{BRIDGE}/10");
    let server = programs.join("deckwatch-server");
    let args = [OsStr::new(&address), server.as_os_str(), data.as_os_str()];
    let variables = [("CONTEXT_API_KEY", keys.0), ("ADMIN_API_KEY", keys.1), ("RATE_LIMIT_PER_MINUTE", "1000000")];
    Starting::spawn("network", include_str!("network.sh"), &args, &variables).ready()
}

/// The path of a program. The test fails if it is not installed.
fn required(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // The PATH of a user often lacks these folders.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let mut found = folders.map(|folder| folder.join(name)).filter(|file| file.is_file());
    found.next().and_then(|file| file.canonicalize().ok()).unwrap_or_else(|| {
        panic!("this test needs the program {name}: install it, on Debian with `apt-get install {package}`")
    })
}
