//! Tests of `launcher ventures sync`, with the database of this machine and with a team's API.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::launching::closed_port;
use crate::world::{Run, World};

const FILE: &str = "home/.config/deckwatch/ventures.json";

fn sync(world: &World, more: &[&str]) -> Value {
    let args = [&["ventures", "sync", "--json"], more].concat();
    serde_json::from_str(&world.run(&args).succeeds().stdout).unwrap()
}

fn outcomes(report: &Value) -> Vec<(&str, &str)> {
    let rows = report["ventures"].as_array().unwrap().iter();
    rows.map(|row| (row["code"].as_str().unwrap(), row["outcome"].as_str().unwrap())).collect()
}

#[test]
fn a_sync_registers_the_ventures_of_the_file() {
    let world = World::new();
    let first = sync(&world, &[]);
    assert_eq!(outcomes(&first), [("alpha", "created"), ("beta", "created"), ("empty", "created")]);
    assert_eq!(first["only_in_api"], json!([]));
    let second = sync(&world, &[]);
    assert_eq!(outcomes(&second), [("alpha", "unchanged"), ("beta", "unchanged"), ("empty", "unchanged")]);

    world.write(
        FILE,
        r#"{"ventures": [
          {"code": "alpha", "name": "Alpha One", "repos": ["example-org/alpha.js", "example-org/api"], "capabilities": ["has_api"]},
          {"code": "beta", "name": "Beta", "repos": ["example-org/beta"], "infisical_path": "/beta"}]}"#,
    );
    let third = sync(&world, &[]);
    assert_eq!(outcomes(&third), [("alpha", "changed"), ("beta", "unchanged")]);
    assert_eq!(third["ventures"][0]["changes"], json!(["name", "repos"]));
    assert_eq!(third["only_in_api"], json!(["empty"]), "named, not deleted");

    world.remove(FILE);
    let listed: Value = serde_json::from_str(&world.run(&["--list", "--json"]).succeeds().stdout).unwrap();
    let repos = |n: usize| &listed["ventures"][n]["repos"];
    assert_eq!(repos(0), &json!(["example-org/alpha.js", "example-org/api"]));
    assert_eq!(listed["ventures"][2]["code"], "empty");
}

#[test]
fn a_dry_run_reports_the_changes_and_writes_nothing() {
    let world = World::new();
    let before = world.home_files();
    let said = world.run(&["ventures", "sync", "--dry-run"]).succeeds().stdout;
    assert!(said.contains("alpha  would be created") && said.contains("3 of the 3 ventures"), "{said}");
    assert_eq!(world.home_files(), before);
}

#[test]
fn the_report_is_readable_text() {
    let world = World::new();
    let said = world.run(&["ventures", "sync"]).succeeds().stdout;
    assert!(said.starts_with("alpha  created\nbeta   created\n"), "{said}");
    assert!(
        said.contains("~/.config/deckwatch/ventures.json registered in ~/.local/share/deckwatch/context.db"),
        "{said}"
    );
}

#[test]
fn a_teams_api_needs_the_admin_key() {
    let world = World::new();
    let mut launcher = world.launcher(&["ventures", "sync"]);
    launcher.env("CONTEXT_API_URL", closed_port()).env("CONTEXT_API_KEY", "k".repeat(64));
    Run::of(&mut launcher).refuses(10, &["ADMIN_API_KEY is not set", "export ADMIN_API_KEY"]);
    Run::of(launcher.env("ADMIN_API_KEY", "two words")).refuses(10, &["ADMIN_API_KEY"]);
    Run::of(launcher.env("ADMIN_API_KEY", "s".repeat(64))).refuses(18, &["can't reach the Context API"]);
}

#[test]
fn without_a_ventures_file_the_sync_fails() {
    let world = World::new();
    world.remove(FILE);
    world.run(&["ventures", "sync"]).refuses(11, &["no ventures file", "--ventures FILE"]);
    world.run(&["ventures", "sync", "--ventures", "gone.json"]).refuses(11, &["gone.json"]);
    world.write("elsewhere/other.json", r#"{"ventures": [{"code": "gamma", "name": "Gamma"}]}"#);
    assert_eq!(outcomes(&sync(&world, &["--ventures", "other.json"])), [("gamma", "created")]);
}

/// A stub of the API that lists no ventures, accepts one venture, and then closes.
fn api_that_takes_one() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = [
        json!({"items": [], "total": 0, "next_cursor": null}),
        json!({"code": "alpha", "name": "Alpha", "github_org": null, "repos": [], "capabilities": [],
               "created_at": "2026-11-21T08:00:00.000Z", "updated_at": "2026-11-21T08:00:00.000Z"}),
    ];
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 16 * 1024];
            let _ = stream.read(&mut request).unwrap();
            let body = answer.to_string();
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    url
}

#[test]
fn an_api_that_stops_answering_is_reported_for_each_venture() {
    let world = World::new();
    let mut launcher = world.launcher(&["ventures", "sync", "--json"]);
    launcher.env("CONTEXT_API_URL", api_that_takes_one()).env("ADMIN_API_KEY", "s".repeat(64));
    let run = Run::of(&mut launcher);
    run.refuses(18, &["2 of the ventures could not be registered"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(outcomes(&report), [("alpha", "created"), ("beta", "failed"), ("empty", "not_tried")]);
    assert!(report["ventures"][1]["error"].as_str().unwrap().contains("can't reach"), "{report:#}");
}
