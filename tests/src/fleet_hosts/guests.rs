//! Networks for programs of a test: each has a network namespace, connected by a veth to a bridge, and reaches nothing but what
//! the test serves on the address of the bridge.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::forwarder::Forwarder;
use super::namespaces::{Namespaces, Starting};
use super::{BRIDGE, required};

/// The first process of the bridge. `$1`: its address with the length of its prefix.
const BRIDGE_SCRIPT: &str = r#"
set -euo pipefail
read -r pid _ </proc/self/stat
ip -batch - <<COMMANDS
link set lo up
link add bridge0 type bridge
address add $1 dev bridge0
link set bridge0 up
COMMANDS
printf 'ready %s\n' "$pid"
# Until the test closes the standard input, whose end is no failure.
read -r _ || true
"#;
/// The first process of a guest. `$1`: its address; `$2`: the network namespace of the bridge; `$3`: its port on the bridge.
const GUEST_SCRIPT: &str = r#"
set -euo pipefail
read -r pid _ </proc/self/stat
ip -batch - <<COMMANDS
link set lo up
link add eth0 type veth peer name $3 netns $2
address add $1 dev eth0
link set eth0 up
COMMANDS
nsenter --net="$2" ip link set "$3" up master bridge0
printf 'ready %s\n' "$pid"
# Until the test closes the standard input, whose end is no failure.
read -r _ || true
"#;

/// A bridge and the networks of its guests. All of them end with this, also if the test is killed.
pub struct Guests {
    // The order of the fields is the order in which they end.
    guests: Vec<Namespaces>,
    bridge: Namespaces,
}

impl Guests {
    /// Starts networks for `count` guests. `None`, with the reason printed, if this machine can't.
    #[expect(clippy::print_stdout, reason = "a test says why it is skipped")]
    pub fn start(count: u8) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: network namespaces need root");
            return None;
        }
        required("ip", "iproute2");
        let prefix = |address: &str| format!("{address}/10");
        let bridge = Starting::spawn("bridge", BRIDGE_SCRIPT, &[OsStr::new(&prefix(BRIDGE))], &[]).ready();
        let network = bridge.proc_file("ns/net");
        let guest = |number: u8| {
            let (address, port) = (prefix(&format!("100.64.1.{}", number + 1)), format!("port{number}"));
            let arguments = [OsStr::new(&address), network.as_os_str(), OsStr::new(&port)];
            Starting::spawn("guest", GUEST_SCRIPT, &arguments, &[]).ready()
        };
        let guests = (0..count).map(guest).collect();
        Some(Self { guests, bridge })
    }

    /// The file of the network namespace of a guest.
    pub fn network(&self, number: usize) -> PathBuf {
        self.guests[number].proc_file("ns/net")
    }

    /// The address of the bridge, at which guests reach what [`Self::serve`] serves.
    pub fn address(&self) -> &'static str {
        BRIDGE
    }

    /// Serves a server of this machine's loopback to the guests. Returns its URL for them.
    ///
    /// # Panics
    ///
    /// If `url` is not that of a server on loopback.
    pub fn serve(&self, url: &str) -> String {
        let server: SocketAddr = url.strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap();
        let address = SocketAddr::new(BRIDGE.parse().unwrap(), server.port());
        Forwarder::serve(&self.bridge.proc_file("ns/net"), address, server);
        format!("http://{address}")
    }
}
