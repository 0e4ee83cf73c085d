//! Tests of starting while the API can't be reached, with its last answer.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::world::{Run, World};

const VENTURES: &str = r#"{"items":[{"code":"alpha","name":"Alpha","github_org":null,"repos":["example-org/alpha.js"],
"capabilities":["has_api"],"created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-01-01T00:00:00.000Z"}],
"total":1,"next_cursor":null}"#;

/// The launcher, configured for the API at `listener`.
fn launcher(world: &World, listener: &TcpListener, args: &[&str]) -> Command {
    let mut command = world.launcher(args);
    command.env("CONTEXT_API_URL", format!("http://{}", listener.local_addr().unwrap()));
    command.env("CONTEXT_API_KEY", "k".repeat(64));
    command
}

fn without_file() -> World {
    let world = World::new();
    world.remove("home/.config/deckwatch/ventures.json");
    world
}

/// Answers the next request with the ventures.
fn answer_once(listener: &TcpListener) -> JoinHandle<()> {
    let answering = listener.try_clone().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = answering.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let length = VENTURES.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n");
        stream.write_all(format!("{head}connection: close\r\n\r\n{VENTURES}").as_bytes()).unwrap();
    })
}

#[test]
fn a_dry_run_saves_no_answer() {
    let world = without_file();
    let before = world.home_files();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = answer_once(&listener);
    Run::of(&mut launcher(&world, &listener, &["alpha", "--dry-run"])).succeeds();
    api.join().unwrap();
    assert_eq!(world.home_files(), before);
}

#[test]
fn the_ventures_of_the_last_answer_are_used_while_the_api_hangs() {
    let world = without_file();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = answer_once(&listener);
    Run::of(&mut launcher(&world, &listener, &["alpha"])).succeeds();
    api.join().unwrap();

    // From now on, the listener accepts connections and never answers.
    let asked = Instant::now();
    let run = Run::of(&mut launcher(&world, &listener, &["alpha", "--track", "5"])).succeeds();
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    assert!(run.stderr.contains("did not answer") && run.stderr.contains("0 min ago"), "{}", run.stderr);
    assert_eq!(world.record().env["DECKWATCH_TRACK"], "5");
    for (path, bytes) in world.home_files() {
        assert!(!String::from_utf8_lossy(&bytes).contains(&"k".repeat(64)), "{}", path.display());
    }
}

#[test]
fn without_an_earlier_answer_the_launch_fails_with_a_reason() {
    let world = without_file();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Run::of(&mut launcher(&world, &listener, &["alpha"])).refuses(18, &["did not answer within"]);
}
