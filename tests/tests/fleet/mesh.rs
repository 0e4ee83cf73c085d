//! `launcher fleet mesh` on hosts with real sshd.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use deckwatch_tests::{Fleet, Host, HostOutput};
use serde_json::{Value, json};

const NAMES: [&str; 4] = ["mac1", "server1", "server2", "laptop1"];

/// The entry of a host in the file of machines.
fn entry(host: &Host) -> Value {
    json!({
        "hostname": host.name(), "user": host.user(), "tailscale_ip": host.address(), "os": "linux", "arch": "x86_64",
        "host_key": host.host_key(),
    })
}

fn write_machines(on: &Host, machines: &[Value]) {
    on.write(".config/deckwatch/machines.json", json!({ "machines": machines }).to_string());
}

/// A fleet whose first host has the file of machines, and a person's own access to the others.
fn started(names: &[&str]) -> Fleet {
    let fleet = Fleet::start(names);
    fleet.give_access(names[0]);
    write_machines(&fleet.hosts()[0], &fleet.hosts().iter().map(entry).collect::<Vec<_>>());
    fleet
}

fn mesh(on: &Host, args: &[&str]) -> HostOutput {
    on.run("launcher", &[&["fleet", "mesh"][..], args].concat(), "", &[])
}

/// The JSON of a run, and its exit code.
fn mesh_json(on: &Host, args: &[&str]) -> (Value, Option<i32>) {
    let output = mesh(on, &[args, &["--json"]].concat());
    let value = serde_json::from_str(&output.stdout);
    (value.unwrap_or_else(|error| panic!("{error}: {output:?}")), output.code)
}

fn machine<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["machines"].as_array().unwrap().iter().find(|machine| machine["hostname"] == name).unwrap()
}

/// The kinds of the problems of a machine.
fn problems<'a>(report: &'a Value, name: &str) -> Vec<&'a str> {
    let problems = machine(report, name)["problems"].as_array().unwrap().iter();
    problems.map(|problem| problem["kind"].as_str().unwrap()).collect()
}

fn login<'a>(report: &'a Value, from: &str, to: &str) -> &'a Value {
    let mut logins = report["logins"].as_array().unwrap().iter();
    logins.find(|login| login["from"] == from && login["to"] == to).unwrap()
}

/// Every file below `.ssh` with its content, permissions and time of change.
fn files(host: &Host) -> BTreeMap<PathBuf, (Vec<u8>, u32, i64)> {
    let mut files = BTreeMap::new();
    let mut folders = vec![host.path(".ssh")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let mode = metadata.permissions().mode() & 0o7777;
            let content = if metadata.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            files.insert(path, (content, mode, metadata.mtime_nsec()));
        }
    }
    files
}

fn all_files(fleet: &Fleet) -> Vec<BTreeMap<PathBuf, (Vec<u8>, u32, i64)>> {
    fleet.hosts().iter().map(files).collect()
}

/// The hostname that a plain `ssh NAME hostname` prints.
fn ssh(from: &Host, to: &str) -> String {
    from.run("ssh", &["-o", "BatchMode=yes", to, "hostname"], "", &[]).ok().trim().to_owned()
}

#[test]
fn the_first_run_connects_all_machines_and_the_second_changes_nothing() {
    let fleet = started(&NAMES);
    let mac = fleet.host("mac1");
    let begin = Instant::now();
    let first = mesh(mac, &[]);
    let first_time = begin.elapsed();
    let text = first.ok();
    let matrix = "\
From\\To     | mac1      | server1   | server2   | laptop1
------------|-----------|-----------|-----------|-----------
mac1        | --        | OK        | OK        | OK
server1     | OK        | --        | OK        | OK
server2     | OK        | OK        | --        | OK
laptop1     | OK        | OK        | OK        | --
";
    assert!(text.ends_with(matrix), "{text}");
    for from in fleet.hosts() {
        for to in fleet.hosts().iter().filter(|to| to.name() != from.name()) {
            assert_eq!(ssh(from, to.name()), to.name());
        }
        assert!(from.user_key().unwrap().starts_with("ssh-ed25519 "));
        assert_eq!(from.read(".ssh/config"), "Include config.d/*\n");
        for (file, mode) in [
            ("", 0o700),
            ("config", 0o600),
            ("config.d", 0o700),
            ("config.d/fleet-mesh", 0o600),
            ("known_hosts.fleet-mesh", 0o600),
            ("authorized_keys", if from.name() == "mac1" { 0o600 } else { 0o644 }),
            ("id_ed25519", 0o600),
        ] {
            let metadata = from.path(".ssh").join(file).metadata().unwrap();
            assert_eq!((metadata.mode() & 0o777, metadata.uid()), (mode, from.uid()), "{} {file}", from.name());
        }
    }
    let before = all_files(&fleet);
    let begin = Instant::now();
    let (report, code) = mesh_json(mac, &[]);
    println!("4 hosts: first run {first_time:?}, second run {:?}", begin.elapsed());
    assert_eq!(code, Some(0), "{report}");
    assert!(NAMES.iter().all(|name| machine(&report, name)["changes"] == json!([])), "{report}");
    assert_eq!(report["logins"].as_array().unwrap().len(), 12);
    assert_eq!(all_files(&fleet), before, "the second run wrote a file");
    assert!(leftovers(mac).is_empty(), "{:?}", leftovers(mac));
}

/// The folders of SSH connections that are left in /tmp.
fn leftovers(host: &Host) -> String {
    host.run("sh", &["-c", "ls -d /tmp/dw* 2>/dev/null; true"], "", &[]).ok()
}

#[test]
fn a_dry_run_shows_every_change_and_makes_none() {
    let fleet = started(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    server.make_user_key();
    let before = all_files(&fleet);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts").canonicalize().unwrap();
    mac.share(&script, "/run/scripts");
    let output = mac.run("/run/scripts/setup-ssh-mesh.sh", &[], "", &[("DRY_RUN", "true")]);
    let text = output.ok();
    for part in [
        "Dry run: nothing is changed",
        "would make an Ed25519 key in ~/.ssh/id_ed25519",
        &format!("~/.ssh/authorized_keys: + {} server1", server.user_key().unwrap()),
        "~/.ssh/config: + Include config.d/*",
        "~/.ssh/config.d/fleet-mesh: + Host mac1",
        &format!("~/.ssh/known_hosts.fleet-mesh: + server1 {}", server.host_key()),
        "nothing is tried",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert_eq!(all_files(&fleet), before);
    assert!(!server.path(".local/state").exists() && !mac.path(".local/state").exists());
    let wrong = mac.run("/run/scripts/setup-ssh-mesh.sh", &[], "", &[("DRY_RUN", "yes please")]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}
