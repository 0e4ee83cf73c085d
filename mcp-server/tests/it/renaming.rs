//! A machine whose network changes its host name.

use std::process::Command;

use serde_json::json;

use crate::harness::{Machine, Mcp};

/// Runs a program in its own namespace with the host name `$1`. Its root has the real folders but no files, so that the
/// program does not detect a container. In a container, the host name is a part of the machine's identity.
const RENAMED: &str = r#"
set -e
mount -t tmpfs none /mnt
for entry in /*; do
  if [ "$entry" = /mnt ]; then continue; fi
  if [ -L "$entry" ]; then cp -P "$entry" "/mnt$entry"
  elif [ -d "$entry" ]; then mkdir "/mnt$entry"; mount --rbind "$entry" "/mnt$entry"; fi
done
echo "$1" > /proc/sys/kernel/hostname
exec chroot /mnt sh -c 'cd "$1" && exec "$0"' "$0" "$2"
"#;

fn in_own_namespaces() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--uts", "--mount"]);
    command
}

#[test]
fn a_machine_and_its_agents_keep_their_names_when_the_network_renames_the_host() {
    let may = in_own_namespaces().args(["mount", "-t", "tmpfs", "none", "/mnt"]).output();
    let has_id = std::fs::read_to_string("/etc/machine-id").is_ok_and(|id| id.trim().len() == 32);
    if !may.is_ok_and(|run| run.status.success()) || !has_id {
        println!("skipped: this machine has no id, or a test may not rename it");
        return;
    }
    let machine = Machine::new();
    let dir = machine.repository("https://github.com/example-org/alpha.git");
    let days = ["mac1.local", "mac1.fritz.box"].map(|name| {
        let server = machine.command(&dir);
        let mut renamed = in_own_namespaces();
        renamed.args(["sh", "-c", RENAMED]).arg(server.get_program()).arg(name).arg(&dir).env_clear();
        renamed.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Mcp::initialized(renamed).call("sod", &json!({})).good()
    });
    assert_eq!(days[0].facts["agent"], "mac1.local-claude-1");
    assert_eq!(days[1].facts["agent"], "mac1.local-claude-1", "{}", days[1].text);
    assert_eq!(days[1].facts["session_id"], days[0].facts["session_id"]);
}
