//! `launcher fleet mesh` on hosts with real sshd.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use deckwatch_tests::{Fleet, Host, HostOutput, fresh_public_key};
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
    let wrong = mac.run("/run/scripts/setup-ssh-mesh.sh", &[], "", &[("DRY_RUN", "yes please")]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
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
fn a_hostile_value_in_any_field_is_refused_before_anything_is_done() {
    let fleet = started(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    let before = all_files(&fleet);
    let long = "x".repeat(300);
    let key = server.host_key();
    for field in ["hostname", "user", "tailscale_ip", "os", "arch", "ssh_public_key", "host_key"] {
        for value in [
            "a\nProxyCommand touch /tmp/hit",
            "a\"b",
            "a'b",
            "$(touch /tmp/hit)",
            "`id`",
            "-oProxyCommand=x",
            "",
            &long,
        ] {
            let mut hostile = entry(server);
            hostile[field] = json!(value);
            write_machines(mac, &[entry(mac), hostile]);
            let output = mesh(mac, &[]);
            assert_eq!((output.code, output.stdout.as_str()), (Some(29), ""), "{field} {value:?}: {output:?}");
            assert!(output.stderr.contains(field), "{field} {value:?}: {output:?}");
        }
    }
    assert_eq!(all_files(&fleet), before);
    // A comment may have any text, and goes nowhere.
    let mut commented = entry(server);
    commented["ssh_public_key"] = json!(format!("{} $(touch /tmp/hit) \"'", server.make_user_key()));
    commented["host_key"] = json!(format!("{key} `touch /tmp/hit`"));
    write_machines(mac, &[entry(mac), commented]);
    mesh(mac, &[]).ok();
    for host in fleet.hosts() {
        assert!(files(host).values().all(|(content, ..)| !String::from_utf8_lossy(content).contains("touch")));
        assert!(host.run("test", &["-e", "/tmp/hit"], "", &[]).code == Some(1));
    }
}

#[test]
fn a_machine_with_another_host_key_gets_nothing() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, server, wrong) = (fleet.host("mac1"), fleet.host("server1"), fleet.host("server2"));
    let mut entries: Vec<Value> = fleet.hosts().iter().map(entry).collect();
    entries[2]["host_key"] = json!(server.host_key());
    write_machines(mac, &entries);
    let before = files(wrong);
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "server2")), (Some(30), vec!["host_key"]), "{report}");
    assert_eq!(files(wrong), before);
    assert_eq!(login(&report, "server1", "server2")["failure"]["kind"], "host_key", "{report}");
    assert_eq!(login(&report, "server1", "mac1")["result"], "ok");
}

#[test]
fn a_machine_without_a_registered_host_key_is_reported_and_not_trusted() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    let mut entries: Vec<Value> = fleet.hosts().iter().map(entry).collect();
    entries[2].as_object_mut().unwrap().remove("host_key");
    write_machines(mac, &entries);
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "server2")), (Some(30), vec!["host_key"]), "{report}");
    let problem = machine(&report, "server2")["problems"][0]["message"].as_str().unwrap();
    assert!(problem.contains(&fleet.host("server2").host_key()), "the key to register is not named: {problem}");
    assert_eq!(login(&report, "server1", "server2")["failure"]["kind"], "host_key", "{report}");
    assert!(!server.path(".ssh/known_hosts").exists());
    assert_eq!(server.read(".ssh/known_hosts.fleet-mesh"), format!("mac1 {}\n", mac.host_key()));
    // The person's own known hosts still decide for the person.
    assert_eq!(ssh(mac, "server2"), "server2");
    // Nothing says who answers at the address of another machine.
    mac.write(".ssh/known_hosts", format!("{} {}\n", server.address(), server.host_key()));
    entries[2]["tailscale_ip"] = json!(server.address());
    entries[2]["user"] = json!(server.user());
    write_machines(mac, &entries);
    let (report, _) = mesh_json(mac, &[]);
    assert_eq!(problems(&report, "server2"), ["wrong_machine", "host_key"], "{report}");
    assert!(machine(&report, "server2")["changes"].as_array().unwrap().is_empty(), "{report}");
}

#[test]
fn existing_files_keep_every_line() {
    let fleet = started(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    let (mac_key, server_key) = (mac.make_user_key(), server.make_user_key());
    // Another form of the entry, Windows line ends, and no line end at the end of the file.
    let access = server.read(".ssh/authorized_keys");
    let keys = format!(
        "# mine\r\nfrom=\"100.64.0.0/10\",command=\"echo \\\"a b\\\"\" {mac_key} two words\r\n\r\n{access}# end"
    );
    server.write(".ssh/authorized_keys", &keys);
    mac.write(".ssh/authorized_keys", "ssh-rsa not-a-key\n# end");
    let config = "\n# mine\nHost old\r\n  User tom\n  Include config.d/*";
    mac.write("dotfiles/ssh_config", config);
    mac.run("ln", &["-s", "../dotfiles/ssh_config", ".ssh/config"], "", &[]).ok();
    server.write(".ssh/config", "include ~/.ssh/config.d/*\n");
    server.run("chmod", &["664", ".ssh/config", ".ssh/authorized_keys"], "", &[]).ok();
    server.run("chmod", &["775", ".ssh"], "", &[]).ok();
    server.run("chmod", &["go-w", ".ssh", ".ssh/authorized_keys"], "", &[]).ok();

    let (report, _) = mesh_json(mac, &[]);
    assert_eq!(server.read(".ssh/authorized_keys"), keys, "{report}");
    assert_eq!(server.read(".ssh/config"), "include ~/.ssh/config.d/*\n");
    assert_eq!(server.path(".ssh/config").metadata().unwrap().mode() & 0o777, 0o644);
    assert_eq!(mac.read(".ssh/authorized_keys"), format!("ssh-rsa not-a-key\n# end\n{server_key} server1\n"));
    assert!(mac.path(".ssh/config").symlink_metadata().unwrap().is_symlink());
    assert_eq!(mac.read("dotfiles/ssh_config"), format!("Include config.d/*\n\n{config}"));
    assert_eq!(mac.path("dotfiles/ssh_config").metadata().unwrap().mode() & 0o777, 0o644);
    // A key that a person has disabled stays disabled, and the run says so.
    mac.write(".ssh/authorized_keys", format!("#{server_key}\n"));
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, mac.read(".ssh/authorized_keys")), (Some(30), format!("#{server_key}\n")), "{report}");
    assert!(problems(&report, "mac1").contains(&"disabled_key"), "{report}");
}

#[test]
fn permissions_that_stop_ssh_are_mended_or_reported() {
    let fleet = started(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    mac.write(".ssh/authorized_keys", "");
    mac.run("chmod", &["666", ".ssh/authorized_keys"], "", &[]).ok();
    mac.run("chmod", &["775", ".ssh"], "", &[]).ok();
    // A person who writes a file read-only wants nobody to change it.
    server.write(".ssh/config", "# mine\n");
    server.run("chmod", &["444", ".ssh/config"], "", &[]).ok();
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!(
        (code, problems(&report, "server1"), problems(&report, "mac1")),
        (Some(31), vec!["refused", "host_key"], vec![])
    );
    let message = machine(&report, "server1")["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("~/.ssh/config can't be used: it is read-only"), "{message}");
    assert_eq!(server.read(".ssh/config"), "# mine\n");
    let mode = |file: &str| mac.path(file).metadata().unwrap().mode() & 0o777;
    assert_eq!((mode(".ssh"), mode(".ssh/authorized_keys")), (0o755, 0o644));
    server.run("chmod", &["644", ".ssh/config"], "", &[]).ok();
    assert_eq!(mesh_json(mac, &[]).1, Some(0));
    mac.run("chmod", &["777", "."], "", &[]).ok();
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "mac1"), problems(&report, "server1")), (Some(30), vec!["home"], vec![]));
    assert_eq!(login(&report, "server1", "mac1")["failure"]["kind"], "authentication", "{report}");
}

#[test]
fn two_runs_at_once_add_each_key_once() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let mac = fleet.host("mac1");
    let outputs: Vec<HostOutput> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| mesh(mac, &[]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for output in outputs {
        assert_eq!(output.code, Some(0), "{output:?}");
    }
    for host in fleet.hosts() {
        let text = host.read(".ssh/authorized_keys");
        for other in fleet.hosts().iter().filter(|other| other.name() != host.name()) {
            assert_eq!(text.matches(&other.user_key().unwrap()).count(), 1, "{}: {text}", host.name());
        }
    }
}

#[test]
fn the_approved_key_may_be_in_another_file_and_another_key_goes_nowhere() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, server, other) = (fleet.host("mac1"), fleet.host("server1"), fleet.host("server2"));
    server.write(".ssh/notes.pub", "not a key");
    server.run("ssh-keygen", &["-q", "-t", "ecdsa", "-N", "", "-f", ".ssh/work-key"], "", &[]).ok();
    let work = server.read(".ssh/work-key.pub");
    let unapproved = other.make_user_key();
    let mut entries: Vec<Value> = fleet.hosts().iter().map(entry).collect();
    entries[1]["ssh_public_key"] = json!(work.trim());
    entries[2]["ssh_public_key"] = json!(fresh_public_key());
    write_machines(mac, &entries);
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "server1")), (Some(30), vec![]), "{report}");
    assert_eq!(ssh(server, "mac1"), "mac1");
    assert!(!server.path(".ssh/id_ed25519").exists());
    assert!(problems(&report, "server2").contains(&"key"), "{report}");
    assert!(!mac.read(".ssh/authorized_keys").contains(&unapproved));
    assert_eq!(login(&report, "server2", "mac1")["failure"]["kind"], "authentication", "{report}");
    assert_eq!(login(&report, "server1", "server2")["result"], "ok", "{report}");
}

#[test]
fn an_existing_key_is_never_replaced() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, bare, locked) = (fleet.host("mac1"), fleet.host("server1"), fleet.host("server2"));
    let key = bare.make_user_key();
    let make = ["-q", "-t", "ed25519", "-N", "a passphrase", "-f", ".ssh/id_ed25519"];
    locked.run("ssh-keygen", &make, "", &[]).ok();
    for host in [bare, locked] {
        std::fs::remove_file(host.path(".ssh/id_ed25519.pub")).unwrap();
    }
    let private = |host: &Host| host.read(".ssh/id_ed25519");
    let before = (private(bare), private(locked));
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "server1"), problems(&report, "server2")), (Some(30), vec![], vec!["refused"]));
    let message = machine(&report, "server2")["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("has a passphrase"), "{message}");
    assert!(mac.read(".ssh/authorized_keys").contains(&key));
    assert_eq!(login(&report, "server1", "mac1")["result"], "ok", "{report}");
    assert_eq!((private(bare), private(locked)), before);
}

#[test]
fn keys_go_only_to_the_registered_user() {
    let fleet = started(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    let mut entries: Vec<Value> = fleet.hosts().iter().map(entry).collect();
    entries[0]["user"] = json!("someone-else");
    write_machines(mac, &entries);
    let before = files(mac);
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "mac1")), (Some(30), vec!["user"]), "{report}");
    assert_eq!(files(mac), before);
    assert!(server.read(".ssh/config.d/fleet-mesh").contains("User someone-else"));
}

#[test]
fn a_hostname_may_have_capital_letters_and_dots() {
    let fleet = started(&["mac1", "Server-B.local"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("Server-B.local"));
    assert_eq!(mesh_json(mac, &[]).1, Some(0));
    assert_eq!((ssh(mac, "Server-B.local"), ssh(mac, "server-b.local")), (server.name().into(), server.name().into()));
}

#[test]
fn a_machine_that_has_left_the_fleet_leaves_the_fragments() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    mesh(mac, &[]).ok();
    let keys = server.read(".ssh/authorized_keys");
    write_machines(mac, &[entry(mac), entry(server)]);
    mesh(mac, &[]).ok();
    for file in [".ssh/config.d/fleet-mesh", ".ssh/known_hosts.fleet-mesh"] {
        assert!(!server.read(file).contains("server2"));
    }
    assert_eq!(server.read(".ssh/authorized_keys"), keys);
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

#[test]
fn settings_of_the_user_do_not_break_a_run() {
    let fleet = started(&["mac1", "server1"]);
    let mac = fleet.host("mac1");
    mac.write(".ssh/config", "Host *\n  RemoteCommand tmux new -A\n  RequestTTY force\n  ForwardAgent yes\n");
    fleet.host("server1").write(".bashrc", "echo Welcome; echo 'a greeting' >&2\n");
    assert_eq!(mesh_json(mac, &[]).1, Some(0));
}

#[tokio::test]
async fn only_approved_machines_of_the_registry_are_connected() {
    let fleet = Fleet::start(&["mac1", "server1", "server2"]);
    fleet.give_access("mac1");
    for name in ["mac1", "server1"] {
        fleet.approve(name).await;
    }
    fleet.register("server2").await;
    let before = files(fleet.host("server2"));
    let output = fleet.launcher("mac1", &["fleet", "mesh"]);
    let text = output.ok();
    assert!(text.starts_with("SSH mesh of 2 machines of the registry\n"), "{text}");
    assert!(text.contains("Left out until an admin approves it: the access of server2\n"), "{text}");
    assert_eq!(files(fleet.host("server2")), before);
    let waiting = fleet.host("server2").user_key().unwrap();
    for name in ["mac1", "server1"] {
        let host = fleet.host(name);
        assert!(files(host).values().all(|(content, ..)| !String::from_utf8_lossy(content).contains(&waiting)));
        assert!(!host.read(".ssh/config.d/fleet-mesh").contains("server2"));
    }
    fleet.approve("server2").await;
    let report: Value = serde_json::from_str(&fleet.launcher("mac1", &["fleet", "mesh", "--json"]).ok()).unwrap();
    assert_eq!(login(&report, "server2", "server1")["result"], "ok", "{report}");
    // A list from before the API went away may name a machine that was retired since.
    fleet.host("mac1").cut();
    let output = fleet.launcher("mac1", &["fleet", "mesh"]);
    assert_eq!(output.code, Some(29), "{output:?}");
    assert!(output.stderr.contains("may have been retired since"), "{output:?}");
    write_machines(fleet.host("mac1"), &[entry(fleet.host("mac1"))]);
    let text = fleet.launcher("mac1", &["fleet", "mesh"]).ok();
    assert!(text.starts_with("SSH mesh of 1 machine of machines.json\n"), "{text}");
}
