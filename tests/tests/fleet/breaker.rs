//! A machine that is off does not delay commands that only ask.

use std::time::{Duration, Instant};

use deckwatch_tests::{Host, HostOutput};
use serde_json::Value;

use crate::world::{NEAR, World};

const PLACE: [&str; 7] = ["run", "alpha", "--on", "auto", "--detach", "-p", "sleep"];

fn timed(world: &World, args: &[&str]) -> (HostOutput, Duration) {
    let begun = Instant::now();
    let output = world.launcher(args);
    (output, begun.elapsed())
}

/// Changes the files in a folder of this host's state that contain a text.
fn change(host: &Host, folder: &str, change: impl Fn(&mut Value)) {
    let folder = host.path(".local/state/deckwatch/fleet").join(folder);
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|path| path.extension().is_some_and(|ending| ending == "json")) {
        let mut content: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        change(&mut content);
        std::fs::write(&file, content.to_string()).unwrap();
    }
}

#[test]
fn a_machine_that_is_off_is_left_alone_until_a_probe_succeeds() {
    let world = World::start(&["server1", "server2"]);
    let (near, server) = (world.host(NEAR), world.host("server1"));
    for host in ["server1", "server2"] {
        world.host(host).write(".config/deckwatch/config.toml", "[fleet]\nmax_agents = 9\n");
    }
    for args in [&["fleet", "health"][..], &["fleet", "list"], &["ps"], &PLACE] {
        let (output, _) = timed(&world, args);
        assert!(matches!(output.code, Some(0 | 32)), "{args:?}: {}{}", output.stdout, output.stderr);
    }
    server.cut();
    for _ in 0..3 {
        let (output, took) = timed(&world, &["fleet", "list"]);
        assert!(took > Duration::from_secs(4) && !output.stdout.contains("asked again"), "{took:?} {}", output.stdout);
    }
    for folder in ["answers/hello", "answers/ask_place", "answers/runs"] {
        // Answers of some minutes ago.
        change(near, folder, |answer| answer["taken_at"] = "2026-01-01T00:00:00.000Z".into());
    }
    for (args, code, stale) in [
        (&["fleet", "health", "server1"][..], 31, "stale: its values above are of just now"),
        (&["fleet", "list"], 30, " days ago, Deckwatch "),
        (&["ps"], 30, "its runs are as of "),
        (&PLACE, 0, " days ago, had room for "),
    ] {
        let (output, took) = timed(&world, args);
        println!("FIGURE {args:?} with an open breaker: {took:?}");
        let text = output.stdout + &output.stderr;
        assert!(
            took < Duration::from_secs(4) && output.code == Some(code),
            "{args:?} {took:?} {:?} {text}",
            output.code
        );
        for part in ["server1", "3 requests failed, it is asked again in ", stale] {
            assert!(text.contains(part), "{args:?}, no {part:?} in {text}");
        }
    }
    let list: Value = serde_json::from_str(&world.launcher(&["fleet", "list", "--json"]).stdout).unwrap();
    let machines = list["machines"].as_array().unwrap();
    let off = machines.iter().find(|machine| machine["hostname"] == "server1").unwrap();
    assert_eq!((&off["answers"], &off["stale"]), (&false.into(), &true.into()), "{off}");
    assert!(off["age_seconds"].as_u64().unwrap() > 86_400 && off["version"].is_string(), "{off}");

    server.join();
    change(near, "breakers", |open| open["open"]["retry_at"] = "2026-01-01T00:00:00.000Z".into());
    let (output, _) = timed(&world, &["fleet", "list"]);
    assert!(output.code == Some(0) && !output.stdout.contains("stale"), "{}", output.stdout);
    let left = near.run("sh", &["-c", "ls .local/state/deckwatch/fleet/breakers/*.json | wc -l"], "", &[]);
    assert_eq!(left.stdout, "0\n", "a success closes the breaker");
}
