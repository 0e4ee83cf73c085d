//! Headless agents on other hosts.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{KEY, World, events, id_in, state_of};

const ON: [&str; 4] = ["run", "alpha", "--on", "server1"];

fn with<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&ON[..], args].concat()
}

#[test]
fn a_headless_agent_streams_its_events_and_its_exit_code() {
    let world = World::start(&["server1"]);
    let started = Instant::now();
    let mut child = world.spawn(&with(&["-p", "count 3 0.3"]));
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    println!("FIGURE start to first event: {:?}", started.elapsed());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(events(&(first + &rest)), [json!({"n": 0}), json!({"n": 1}), json!({"n": 2})]);
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let failed = world.launcher(&with(&["-p", "exit 7", "--json"]));
    assert_eq!(failed.code, Some(7), "{}", failed.stderr);
    assert!(failed.stderr.contains("a message"), "{}", failed.stderr);
    let last = &events(&failed.stdout)[0];
    assert_eq!((&last["state"], &last["exit_code"], &last["failure"]), (&json!("ended"), &json!(7), &json!(null)));
}
