//! A machine that is off does not delay commands that only show states.

use std::time::{Duration, Instant};

use deckwatch_tests::{Fleet, HostOutput};
use serde_json::Value;

fn health(fleet: &Fleet) -> (HostOutput, Duration) {
    let begun = Instant::now();
    (fleet.launcher("mac1", &["fleet", "health", "server1"]), begun.elapsed())
}

#[tokio::test]
async fn a_machine_that_is_off_is_left_alone_until_a_probe_succeeds() {
    let fleet = Fleet::start(&["mac1", "server1"]);
    fleet.approve("server1").await;
    fleet.give_access("mac1");
    assert!(health(&fleet).0.stdout.contains("server1"));
    let server = fleet.host("server1");
    server.cut();
    for _ in 0..3 {
        let (output, took) = health(&fleet);
        assert!(took > Duration::from_secs(4) && !output.stdout.contains("asked again"), "{took:?} {}", output.stdout);
    }
    let (output, took) = health(&fleet);
    println!("with the breaker open: {took:?}\n{}", output.stdout);
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(output.code, Some(31));
    assert!(output.stdout.contains("3 requests failed, it is asked again in "), "{}", output.stdout);
    assert!(output.stdout.contains("stale"), "the last answer is shown: {}", output.stdout);

    server.join();
    let folder = fleet.host("mac1").path(".local/state/deckwatch/fleet/breakers");
    let states = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let state = states.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "json")).unwrap();
    let mut open: Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    open["open"]["retry_at"] = "2026-01-01T00:00:00.000Z".into();
    std::fs::write(&state, open.to_string()).unwrap();
    let (output, _) = health(&fleet);
    assert!(!output.stdout.contains("stale") && !output.stdout.contains("unreachable"), "{}", output.stdout);
    assert!(!state.exists(), "a success closes the breaker");
}
