//! `--on auto`: which host gets an agent.

use std::collections::BTreeMap;
use std::time::Instant;

use deckwatch_tests::Host;
use serde_json::{Value, json};

use crate::world::{World, events};

const PLACE: [&str; 6] = ["run", "alpha", "--on", "auto", "--detach", "-p"];

/// How many agents run on each host.
fn placed(world: &World) -> BTreeMap<String, usize> {
    let listed: Value = serde_json::from_str(&world.launcher(&["ps", "--json"]).stdout).unwrap();
    let machines = listed["machines"].as_array().unwrap().iter();
    let count = |machine: &Value| machine["runs"].as_array().unwrap().len();
    machines.map(|machine| (machine["hostname"].as_str().unwrap().to_owned(), count(machine))).collect()
}

fn counts(world: &World) -> Vec<usize> {
    placed(world).into_values().collect()
}

fn limit(world: &World, hosts: &[&str], max_agents: u32) {
    for host in hosts {
        world.host(host).write(".config/deckwatch/config.toml", format!("[fleet]\nmax_agents = {max_agents}\n"));
    }
}

#[test]
fn auto_takes_the_host_with_the_most_room_that_has_the_venture() {
    let world = World::start(&["server1", "server2", "server3", "server4"]);
    limit(&world, &["server1"], 1);
    limit(&world, &["server2"], 2);
    limit(&world, &["server3"], 9);
    world.host("server3").run("rm", &["-rf", "dev/alpha"], "", &[]).ok();
    // The limit of a host is what decides: this one has no place at all.
    limit(&world, &["server4"], 0);
    let mut hosts = Vec::new();
    for _ in 0..3 {
        world.launcher(&[&PLACE[..], &["sleep"]].concat()).ok();
        hosts.push(counts(&world));
    }
    assert_eq!(hosts[0], [0, 1, 0, 0]);
    assert_eq!(hosts[2], [1, 2, 0, 0]);
    let started = Instant::now();
    let full = world.launcher(&["alpha", "--on", "auto"]);
    assert!(full.code == Some(39) && started.elapsed().as_secs() < 30, "it is refused once: {}", full.stderr);

    // A host that is off is left out.
    world.host("server4").stop();
    let full = world.launcher(&[&PLACE[..], &["count 1 0"]].concat());
    assert!(full.code == Some(0) && full.stderr.contains("waits for a place"), "{}", full.stderr);
    assert!(full.stderr.contains("server4 is left out: it can't be reached"), "{}", full.stderr);

    // Hosts without an SSH server refuse connections at once.
    for host in ["server1", "server2"] {
        world.host(host).run_as_root("kill $(< /run/sshd.pid)", &[]).ok();
    }
    let none = world.launcher(&[&PLACE[..], &["sleep"]].concat());
    assert_eq!(none.code, Some(36), "{}", none.stderr);
    assert!(
        none.stderr.contains("server1: it can't be reached") && none.stderr.contains("server3:"),
        "{}",
        none.stderr
    );
}

#[test]
fn three_launchers_that_place_at_once_stay_even() {
    let world = World::start(&["server1", "server2", "server3"]);
    limit(&world, &["server1", "server2", "server3"], 5);
    for round in 1..=2 {
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| world.launcher(&[&PLACE[..], &["sleep"]].concat()).ok());
            }
        });
        assert_eq!(counts(&world), [round; 3]);
    }
}

#[test]
fn fifty_agents_on_four_hosts_end_within_one_of_even() {
    let hosts = ["server1", "server2", "server3", "server4"];
    let world = World::start(&hosts);
    limit(&world, &hosts, 20);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for agents in [17, 17, 16] {
            let world = &world;
            scope.spawn(move || {
                for _ in 0..agents {
                    world.launcher(&[&PLACE[..], &["sleep"]].concat()).ok();
                }
            });
        }
    });
    let counts = placed(&world);
    println!("FIGURE 50 agents by three launchers in {:?}: {counts:?}", started.elapsed());
    assert_eq!(counts.values().sum::<usize>(), 50);
    assert!(counts.values().max().unwrap() - counts.values().min().unwrap() <= 1, "{counts:?}");
}

#[test]
fn a_conversation_is_continued_on_the_host_that_has_it() {
    let world = World::start(&["server1", "server2"]);
    limit(&world, &["server1"], 20);
    limit(&world, &["server2"], 1);
    let id = "9f0c2b7e-1d5a-4c3b-8e6f-0a1b2c3d4e5f";
    let run = |on: &str, args: &[&str]| {
        let line = [&["run", "alpha", "--on", on, "--json", "-p", "hello", "--"], args].concat();
        let run = world.launcher(&line);
        (run.code, events(&run.stdout).pop().unwrap())
    };
    assert_eq!(run("server2", &["--session-id", id]).0, Some(0));
    for args in [&["--resume", id][..], &["--continue"]] {
        let (code, last) = run("auto", args);
        assert_eq!((code, &last["machine"]), (Some(0), &"server2".into()), "{last}");
    }
    let (code, last) = run("auto", &["--resume", "11111111-2222-4333-8444-555555555555"]);
    assert_eq!(code, Some(36), "{last}");
    assert!(last["failure"]["message"].as_str().unwrap().contains("does not have the conversation"), "{last}");
}

#[test]
fn a_conversation_that_no_launch_knew_is_found_in_the_files_of_its_agent_cli() {
    let world = World::start(&["server1", "server2"]);
    limit(&world, &["server1"], 20);
    limit(&world, &["server2"], 2);
    let server = world.host("server2");
    let (codex, gemini) = ("01a22004-cb69-74e1-9ab9-37a0d0c26121", "442f7da9-91c7-4ef3-93cd-47108ef4092f");
    let work = format!("{}/dev/alpha", server.home());
    let rollout = format!(".codex/sessions/2026/11/28/rollout-2026-11-28T02-38-34-{codex}.jsonl");
    let line = json!({ "type": "session_meta", "payload": { "id": codex, "cwd": work } });
    server.write(&rollout, format!("{line}\n"));
    let line = json!({ "sessionId": gemini, "projectHash": sha256(server, &work) });
    server.write(".gemini/tmp/alpha/chats/session-2026-11-28T02-39-442f7da9.jsonl", format!("{line}\n"));
    for host in ["server1", "server2"] {
        let copy = "cp .local/bin/claude .local/bin/codex; cp .local/bin/claude .local/bin/gemini";
        world.host(host).run("sh", &["-c", copy], "", &[]).ok();
    }
    for (flag, args) in [
        ("--codex", &["resume", codex][..]),
        ("--codex", &["resume", "--last"]),
        ("--gemini", &["--resume", gemini]),
        ("--gemini", &["--resume", "latest"]),
    ] {
        let line = [&["run", "alpha", "--on", "auto", flag, "--json", "-p", "hello", "--"], args].concat();
        let run = world.launcher(&line);
        let last = events(&run.stdout).pop().unwrap();
        assert_eq!(last["machine"], "server2", "{args:?} {last} {}", run.stderr);
    }
    let unknown = ["--codex", "--json", "-p", "hello", "--", "resume", "11111111-2222-4333-8444-555555555555"];
    let unknown = world.launcher(&[&["run", "alpha", "--on", "auto"], &unknown[..]].concat());
    assert_eq!(unknown.code, Some(36), "{}", unknown.stderr);
}

/// The hash of a folder by which Gemini CLI names a project.
fn sha256(host: &Host, text: &str) -> String {
    host.run("sha256sum", &[], text, &[]).ok().split(' ').next().unwrap().to_owned()
}
