//! `launcher fleet health`.

use std::time::Duration;

use serde_json::Value;

use crate::machines_file::{by_name, launcher, machines, script, start};

/// The problems of a check, as texts.
fn problems(machine: &Value, check: &str) -> Vec<String> {
    let problems = machine["problems"].as_array().unwrap().iter().filter(|problem| problem["check"] == check);
    problems
        .map(|problem| {
            format!("{}: {}; {}", problem["level"].as_str().unwrap(), problem["message"], problem["fix"])
                .replace('"', "")
        })
        .collect()
}

#[test]
fn every_value_of_a_machine_is_shown_and_limits_decide_what_is_bad() {
    let fleet = start(&["mac1", "server1"]);
    let server = fleet.host("server1");
    server.write(
        ".config/deckwatch/ventures.json",
        r#"{"ventures":[{"code":"alpha","name":"Alpha","repos":["example-org/alpha"]}]}"#,
    );
    let repository =
        "git init -q -b main dev/alpha; cd dev/alpha; git remote add origin git@github.com:example-org/alpha.git
        git -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m one; echo text >new.txt";
    server.run("bash", &["-euc", repository], "", &[]).ok();
    script(server, "codex", "echo codex-cli 0.171.0");

    let (output, _) = launcher(&fleet, &["fleet", "health"]);
    assert!(output.code == Some(0) || output.code == Some(32), "{output:?}");
    for word in ["MACHINE", "DISK", "CLOCK", "server1", "3.4", "claude 2.1.329 (Claude Code), codex codex-cli 0.171.0"]
    {
        assert!(output.stdout.contains(word), "{word}: {}", output.stdout);
    }
    let (_, machine) = machines(&fleet, &["fleet", "health"]);
    let report = &machine("server1")["report"];
    assert_eq!(report["hostname"]["value"], "server1");
    assert_eq!(report["tmux"]["value"], "3.4");
    assert_eq!(
        (&report["agents"]["gemini"], &report["agents"]["codex"]["value"]),
        (&"missing".into(), &"codex-cli 0.171.0".into())
    );
    assert!(report["disks"]["home"]["value"]["free_bytes"].as_u64().unwrap() > 0);
    assert!(report["memory"]["value"]["total_bytes"].as_u64().unwrap() > 0);
    assert!(report["load"]["value"]["cpus"].as_u64().unwrap() > 0);
    assert_eq!(report["updates"]["value"]["pending"], 1);
    let alpha = &report["repositories"]["value"][0];
    assert_eq!((&alpha["venture"], &alpha["state"]["value"]["untracked"]), (&"alpha".into(), &1.into()));
    assert!(report["checkout"]["unknown"].as_str().unwrap().contains("scripts/start"), "{report}");
    // All hosts have one clock.
    assert!(
        report["clock"]["millis"].as_i64().unwrap().abs()
            <= report["clock"]["uncertainty_millis"].as_i64().unwrap() + 5
    );
    assert_eq!(problems(&machine("server1"), "mcp"), Vec::<String>::new());

    let limits =
        "[fleet.health]\npending_updates = { warn = 1, bad = 9 }\ndisk_free_percent = { warn = 100, bad = 100 }\n";
    fleet.host("mac1").write(".config/deckwatch/config.toml", limits);
    let (code, machine) = machines(&fleet, &["fleet", "health", "server1"]);
    assert_eq!(code, Some(32));
    assert_eq!(machine("server1")["state"], "bad");
    assert!(problems(&machine("server1"), "disk")[0].starts_with("bad: "));
    assert_eq!(
        problems(&machine("server1"), "updates"),
        ["warn: 1 package has an update; update it: sudo apt upgrade, or brew upgrade"]
    );
    let (output, _) = launcher(&fleet, &["fleet", "health", "server1"]);
    assert!(output.stderr.contains("1 of 1 machines has a bad value"), "{output:?}");

    server.stop();
    let (code, machine) = machines(&fleet, &["fleet", "health", "server1"]);
    assert_eq!((code, machine("server1")["report"]["tmux"].clone()), (Some(31), Value::Null));
    let stale = &machine("server1")["stale"];
    assert_eq!(stale["report"]["tmux"]["value"], "3.4");
    assert!(stale["age_seconds"].as_u64().unwrap() < 100, "{stale}");
    let (output, _) = launcher(&fleet, &["fleet", "health", "server1"]);
    assert!(output.stdout.contains("stale: its values above are of just now"), "{}", output.stdout);
}

#[test]
fn twenty_machines_with_five_dead_and_one_hanging_are_examined_in_ten_seconds() {
    let names: Vec<String> = (1..=20).map(|number| format!("host{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fleet = start(&names);
    for name in ["host16", "host17", "host18"] {
        fleet.host(name).cut();
    }
    fleet.host("host19").stop();
    fleet.host("host20").hang();
    let (output, took) = launcher(&fleet, &["fleet", "health", "--json"]);
    println!("20 machines with 5 dead took {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    let machine = by_name(&output);
    assert_eq!(output.code, Some(30));
    for name in &names[15..] {
        assert_eq!(machine(name)["state"], "unreachable");
    }
    for name in &names[..15] {
        assert_eq!(machine(name)["failure"], Value::Null, "{name}");
        assert_eq!(machine(name)["report"]["tmux"]["value"], "3.4", "{name}");
    }

    script(fleet.host("host2"), "claude", "trap '' TERM; sleep 1000 & sleep 1000");
    script(fleet.host("host3"), "launcher", "sleep 1000");
    let (output, took) = launcher(&fleet, &["fleet", "health", "--json"]);
    println!("20 machines with 5 dead, one with a check that hangs and one with a launcher that hangs took {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    let machine = by_name(&output);
    assert_eq!(machine("host2")["failure"], Value::Null);
    assert_eq!(machine("host2")["report"]["agents"]["claude"], serde_json::json!({ "timed_out": 3300 }));
    assert_eq!(machine("host2")["report"]["tmux"]["value"], "3.4");
    assert_eq!(
        problems(&machine("host2"), "agents"),
        ["warn: claude --version did not answer within 3.3 s; run it there to see why"]
    );
    assert_eq!(machine("host3")["state"], "unreachable");
    let left = fleet.host("host2").run("pgrep", &["sleep"], "", &[]);
    assert_eq!(left.stdout, "", "the check that hung has ended");
}

/// Mounts a file system whose server never answers, as one on a network whose server is gone. It ends with its host.
const HANG: &str = r#"
cat >/tmp/hang.py <<'PYTHON'
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
for folder in sys.argv[1:]:
    options = f"fd={os.open('/dev/fuse', os.O_RDWR)},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    assert libc.mount(b"hang", folder.encode(), b"fuse", 0, options) == 0, os.strerror(ctypes.get_errno())
print("mounted", flush=True)
time.sleep(1000)
PYTHON
python3 /tmp/hang.py "$@" >/tmp/mounted 2>&1 </dev/null &
for ((tries = 0; tries < 1000; tries++)); do
  [[ ! -s /tmp/mounted ]] || break
  sleep 0.01
done
grep -q '^mounted' /tmp/mounted || { cat /tmp/mounted && exit 1; }
"#;

#[test]
fn a_file_system_that_hangs_costs_only_the_checks_that_need_it() {
    if !std::path::Path::new("/dev/fuse").exists() {
        println!("skipped: this machine has no /dev/fuse, with which a file system that hangs is made");
        return;
    }
    let fleet = start(&["mac1", "server1"]);
    let server = fleet.host("server1");
    server.write(".local/state/deckwatch/install", format!("checkout={0}/deckwatch\nprograms={0}\n", server.home()));
    server.run("mkdir", &["-p", ".local/share", "deckwatch", "dev"], "", &[]).ok();
    let folders = ["deckwatch", ".local/share", "dev"].map(|folder| format!("{}/{folder}", server.home()));
    server.run_as_root(HANG, &folders.each_ref().map(String::as_str)).ok();

    let (output, took) = launcher(&fleet, &["fleet", "health", "server1", "--json"]);
    println!("a machine with file systems that hang took {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(output.code, Some(32), "{output:?}");
    let machine = by_name(&output)("server1");
    let report = &machine["report"];
    assert_eq!(report["disks"]["data"], serde_json::json!({ "timed_out": 3000 }), "{report}");
    assert_eq!(report["checkout"], serde_json::json!({ "timed_out": 3000 }), "{report}");
    assert!(report["disks"]["home"]["value"]["free_bytes"].as_u64().unwrap() > 0);
    assert_eq!(report["tmux"]["value"], "3.4");
    assert!(report["mcp"]["value"]["version"].is_string(), "{report}");
    let disk = problems(&machine, "disk");
    assert_eq!(disk[0], "bad: the file system of Deckwatch's data did not answer within 3.0 s; check its mount");

    let (output, took) = launcher(&fleet, &["fleet", "deploy", "server1", "--json"]);
    assert!(took < Duration::from_secs(20), "{took:?}");
    let result = &by_name(&output)("server1")["result"];
    assert_eq!((&result["outcome"], &result["step"]), (&"failed".into(), &"check".into()), "{output:?}");
}

#[test]
fn values_of_other_machines_can_not_control_the_terminal() {
    let fleet = start(&["mac1", "server1"]);
    let server = fleet.host("server1");
    let long = "x".repeat(300);
    script(server, "claude", &format!("printf '\\e]0;title\\a\\e[31m2.1\\u202e%s\\nsecond line\\n' {long}"));
    script(server, "tmux", "printf 'tmux 3.4\\r\\e[2K$(reboot)\\n'");
    script(server, "deckwatch-mcp", "printf 'deckwatch-mcp 9.9.9\\e[5m (\\e[7mabc)\\n'");
    server.run_as_root(r"printf '%s' $'-evil\e[31m\nname' >/proc/sys/kernel/hostname", &[]).ok();
    let branch = format!("git init -q -b $'b\\u202e{}' deckwatch", "y".repeat(200));
    let record = "mkdir -p .local/state/deckwatch; printf 'checkout=%s\\nprograms=%s\\n' ~/deckwatch ~/.local/bin >.local/state/deckwatch/install";
    server.run("bash", &["-euc", &format!("{branch}; {record}")], "", &[]).ok();

    for args in [&["fleet", "health"][..], &["fleet", "health", "--json"]] {
        let (output, _) = launcher(&fleet, args);
        let text = output.stdout.clone() + &output.stderr;
        let unwanted = |c: &char| c.is_control() && *c != '\n' || matches!(c, '\u{202e}');
        assert_eq!(text.chars().find(unwanted), None, "{text}");
    }
    let (output, _) = launcher(&fleet, &["fleet", "health"]);
    let table: Vec<&str> = output.stdout.lines().collect();
    assert!(table.iter().any(|line| line.contains("2.1xxx") && line.contains('…')), "{}", output.stdout);
    assert!(!output.stdout.contains("second line") && !output.stdout.contains(&long), "{}", output.stdout);
    let (_, machine) = machines(&fleet, &["fleet", "health"]);
    assert_eq!(problems(&machine("server1"), "hostname").len(), 1, "{}", machine("server1"));
    // The repository has no commit yet.
    assert!(machine("server1")["report"]["checkout"]["value"]["branch"].as_str().unwrap().starts_with("b\u{202e}yyy"));
}

#[test]
fn a_machine_that_goes_down_in_the_middle_keeps_what_it_has_reported() {
    let fleet = start(&["mac1", "server1", "server2"]);
    let server = fleet.host("server1");
    script(server, "claude", "touch ~/asked; sleep 1000");
    let (output, took) = std::thread::scope(|scope| {
        let health = scope.spawn(|| launcher(&fleet, &["fleet", "health", "--json"]));
        while !server.path("asked").exists() {
            assert!(!health.is_finished());
            std::thread::sleep(Duration::from_millis(10));
        }
        // The quick checks are done.
        std::thread::sleep(Duration::from_secs(1));
        server.cut();
        health.join().unwrap()
    });
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(output.code, Some(30));
    let machine = by_name(&output);
    assert_eq!(machine("server1")["failure"]["kind"], "lost", "{}", machine("server1"));
    assert_eq!(machine("server1")["report"]["hostname"]["value"], "server1");
    assert_eq!(machine("server2")["failure"], Value::Null);
}

#[test]
fn kinds_of_failures_clocks_and_old_builds_are_told_apart() {
    let fleet = start(&["mac1", "gone", "denied", "changed", "ahead", "newer"]);
    std::fs::remove_file(fleet.host("gone").path(".local/bin/launcher")).unwrap();
    fleet.host("denied").write(".ssh/authorized_keys", "");
    script(fleet.host("changed"), "launcher", "echo broken >&2; exit 3");
    let clock = "echo noise; echo '{\"deckwatch_fleet\":1}'; read -r _
        echo \"{\\\"item\\\":{\\\"clock\\\":\\\"$(date -u -d '-1 hour' +%Y-%m-%dT%H:%M:%S.%3NZ)\\\"}}\"; echo '{\"done\":null}'";
    script(fleet.host("ahead"), "launcher", clock);
    script(fleet.host("newer"), "deckwatch-mcp", "echo 'deckwatch-mcp 99.0.0 (abcdef123456)'");

    let (output, _) = launcher(&fleet, &["fleet", "health", "--json"]);
    let machine = by_name(&output);
    assert_eq!(output.code, Some(30), "{output:?}");
    assert_eq!(machine("gone")["failure"]["kind"], "launcher_missing");
    assert_eq!(machine("denied")["failure"]["kind"], "authentication");
    assert_eq!(machine("changed")["failure"]["kind"], "refused", "{}", machine("changed"));
    assert_eq!(machine("changed")["failure"]["message"], "its launcher failed: broken");
    let clock = problems(&machine("ahead"), "clock");
    assert!(clock[0].starts_with("bad: its clock is 3") && clock[0].contains(" s behind this machine's"), "{clock:?}");
    assert_eq!(problems(&machine("newer"), "mcp"), Vec::<String>::new());
    let old = problems(&machine("mac1"), "mcp");
    assert!(old[0].contains("is older than 99.0.0 (abcdef1); run `launcher fleet deploy mac1`"), "{old:?}");

    let (output, _) = launcher(&fleet, &["fleet", "health", "gone", "denied"]);
    assert_eq!(output.code, Some(31));
    assert!(output.stdout.contains("launcher is not installed there"), "{}", output.stdout);
}
