//! `launcher fleet mesh` on hosts with real sshd.

mod existing_files;
mod trust;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
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

/// Files, each with its content, permissions and nanoseconds of its last change.
type Files = BTreeMap<PathBuf, (Vec<u8>, u32, i64)>;

/// Every file below `.ssh`.
fn files(host: &Host) -> Files {
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

fn all_files(fleet: &Fleet) -> Vec<Files> {
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

/// The folders of SSH connections that are left in /tmp, and the connections that are still open.
fn leftovers(host: &Host) -> String {
    // A connection ends a moment after it was told to.
    let script = "ls -d /tmp/dw* 2>/dev/null
        for try in $(seq 30); do grep -qx ssh /proc/[0-9]*/comm || exit 0; sleep 0.1; done
        grep -lx ssh /proc/[0-9]*/comm";
    host.run("sh", &["-c", script], "", &[]).ok()
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
}

#[test]
fn a_machine_that_is_down_is_reported_and_kept_in_the_others_fragments() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, server, down) = (fleet.host("mac1"), fleet.host("server1"), fleet.host("server2"));
    down.cut();
    let begin = Instant::now();
    let (report, code) = mesh_json(mac, &[]);
    assert!(begin.elapsed() < Duration::from_secs(30), "it took {:?}", begin.elapsed());
    assert_eq!(code, Some(30), "{report}");
    assert_eq!(problems(&report, "server2"), ["unreachable"]);
    assert_eq!((problems(&report, "mac1"), problems(&report, "server1")), (vec![], vec![]));
    assert_eq!(login(&report, "server1", "mac1")["result"], "ok");
    assert_eq!(login(&report, "server1", "server2")["failure"]["kind"], "unreachable");
    assert_eq!(login(&report, "server2", "mac1")["result"], "not_tried");
    for host in [mac, server] {
        let fragment = host.read(".ssh/config.d/fleet-mesh");
        assert!(fragment.contains(&format!("Host server2\n  HostName {}\n", down.address())), "{fragment}");
        assert!(host.read(".ssh/known_hosts.fleet-mesh").contains(&down.host_key()));
    }
    assert!(!down.path(".ssh/config").exists());
    // The fragment has not taken the person's own access away.
    down.join();
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!((ssh(down, "server1"), ssh(server, "server2")), ("server1".to_owned(), "server2".to_owned()));
}

#[test]
fn a_machine_that_goes_down_in_the_middle_changes_nothing_for_the_others() {
    let fleet = started(&NAMES);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    let mut command = mac.command("launcher", &["fleet", "mesh"], &[]);
    let mut run = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    for line in BufReader::new(run.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.starts_with("Phase 2") {
            server.cut();
        }
        text.push_str(&line);
        text.push('\n');
    }
    assert_eq!(run.wait().unwrap().code(), Some(30), "{text}");
    assert!(text.contains("✗ server1  it did not answer within 10 s"), "{text}");
    for row in [
        "mac1        | --        | FAIL      | OK        | OK",
        "server1     | ?         | --        | ?         | ?",
        "server2     | OK        | FAIL      | --        | OK",
    ] {
        assert!(text.contains(row), "no {row} in {text}");
    }
    server.join();
    assert_eq!(mesh_json(mac, &[]).1, Some(0));
}

#[test]
fn without_any_other_machine_the_exit_code_says_none() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let mac = fleet.host("mac1");
    fleet.hosts()[1..].iter().for_each(Host::stop);
    let output = mesh(mac, &[]);
    assert_eq!(output.code, Some(31), "{output:?}");
    assert!(output.stderr.contains("2 of 2 machines failed"), "{output:?}");
    write_machines(mac, &[entry(fleet.host("server1"))]);
    let output = mesh(mac, &[]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(29), ""), "{output:?}");
    assert!(output.stderr.contains("mac1"), "{output:?}");
}

#[test]
fn remote_login_of_macos_is_checked() {
    let fleet = started(&["mac1", "server1"]);
    let mac = fleet.host("mac1");
    let mut entries: Vec<Value> = fleet.hosts().iter().map(entry).collect();
    entries[0]["os"] = json!("macos");
    write_machines(mac, &entries);
    let answers = |code: u8| {
        mac.write(".local/bin/launchctl", format!("#!/bin/sh\necho \"$@\" > launchctl-args\nexit {code}\n"));
        mac.run("chmod", &["+x", ".local/bin/launchctl"], "", &[]).ok();
    };
    answers(113);
    let (report, code) = mesh_json(mac, &["--dry-run"]);
    assert_eq!((code, problems(&report, "mac1")), (Some(30), vec!["remote_login"]), "{report}");
    assert_eq!(mac.read("launchctl-args"), "print system/com.openssh.sshd\n");
    answers(0);
    assert_eq!(mesh_json(mac, &["--dry-run"]).1, Some(0));
}
