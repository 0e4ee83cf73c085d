//! `--on auto`: which host gets an agent.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

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
    limit(&world, &["server3", "server4"], 9);
    world.host("server3").run("rm", &["-rf", "dev/alpha"], "", &[]).ok();
    world.host("server4").stop();
    let mut hosts = Vec::new();
    for _ in 0..3 {
        world.launcher(&[&PLACE[..], &["sleep"]].concat()).ok();
        hosts.push(counts(&world));
    }
    assert_eq!(hosts[0], [0, 1, 0, 0]);
    assert_eq!(hosts[2], [1, 2, 0, 0]);
    let full = world.launcher(&[&PLACE[..], &["count 1 0"]].concat());
    assert!(full.code == Some(0) && full.stderr.contains("waits for a place"), "{}", full.stderr);

    let started = Instant::now();
    let full = world.launcher(&["alpha", "--on", "auto"]);
    assert!(full.code == Some(39) && started.elapsed().as_secs() < 30, "it is refused once: {}", full.stderr);

    for host in ["server1", "server2"] {
        world.host(host).stop();
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
