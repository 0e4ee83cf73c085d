//! Tests of `launcher --list`: the state of each venture, and the time limits.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::launching::closed_port;
use crate::world::{Run, World};

/// Longer than the time limits of git and the API together.
const SOON: Duration = Duration::from_secs(8);

fn json_of(run: Run) -> Value {
    serde_json::from_str(&run.succeeds().stdout).unwrap()
}

fn row(table: &str, code: &str) -> String {
    let line = table.lines().find(|line| line.starts_with(code)).unwrap_or_else(|| panic!("no {code} in {table}"));
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn git(world: &World, args: &[&str]) {
    let identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"];
    let status = Command::new("git").current_dir(world.path("home/dev/alpha")).args(identity).args(args).status();
    assert!(status.unwrap().success());
}

#[test]
fn each_venture_has_its_folder_and_state() {
    let world = World::new();
    git(&world, &["checkout", "--quiet", "-b", "dev/mac1/fix"]);
    world.write("home/dev/alpha/begun.txt", "");
    world.write("home/dev/alpha/folder/two.txt", "");
    let list = json_of(world.run(&["--list", "--json"]));
    let alpha = &list["ventures"][0];
    assert_eq!(alpha["path"], world.path("home/dev/alpha").to_str().unwrap());
    assert_eq!([&alpha["installed"], &alpha["dirty"], &alpha["changes"]], [&json!(true), &json!(true), &json!(2)]);
    assert_eq!([&alpha["branch"], &alpha["active_agents"]], [&json!("dev/mac1/fix"), &json!([])]);
    let beta = &list["ventures"][1];
    assert_eq!([&beta["installed"], &beta["path"], &beta["dirty"]], [&json!(false), &Value::Null, &Value::Null]);
    assert!(!world.path("home/.local/share/deckwatch/context.db").exists(), "made by looking");
}

#[test]
fn an_unreachable_api_makes_only_the_sessions_unknown() {
    let world = World::new();
    // Accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for (url, why) in [(closed_port(), "can't reach the Context API"), (silent, "")] {
        let mut launcher = world.launcher(&["--list"]);
        launcher.env("CONTEXT_API_URL", url).env("CONTEXT_API_KEY", "k".repeat(64));
        let begun = Instant::now();
        let run = Run::of(&mut launcher).succeeds();
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        assert_eq!(row(&run.stdout, "alpha").split(" clean ").nth(1), Some("unknown unknown"), "{}", run.stdout);
        assert!(run.stderr.contains("sessions are unknown: ") && run.stderr.contains(why), "{}", run.stderr);

        let list = json_of(Run::of(launcher.arg("--json")));
        assert_eq!(list["ventures"][0]["active_agents"], Value::Null);
        assert!(list["sessions_error"].is_string() && list["ventures"][0]["dirty"] == false, "{list:#}");
    }
}

#[test]
fn a_git_process_that_hangs_is_stopped_at_the_time_limit() {
    let world = World::new();
    let real = std::fs::read_link(world.path("bin/git")).unwrap();
    world.remove("bin/git");
    let script = format!("#!/bin/sh\ncase \"$*\" in *status*) exec sleep 600;; esac\nexec {} \"$@\"\n", real.display());
    world.install("git", &script);
    let begun = Instant::now();
    let run = world.run(&["--list"]).succeeds();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(row(&run.stdout, "alpha"), "alpha Alpha ~/dev/alpha unknown unknown never -");
    assert!(run.stderr.contains("alpha: git took longer than"), "{}", run.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colours_unless_disabled_and_no_line_is_too_wide() {
    use crate::terminal::Terminal;
    let world = World::new();
    world.link_tool("stty");
    let wide = Terminal::start(&world, "stty rows 40 cols 120; launcher --list").end().0;
    assert!(wide.contains("\x1b[1mVENTURE") && wide.contains("BRANCH"), "{wide:?}");
    let plain = Terminal::start(&world, "stty rows 40 cols 120; NO_COLOR=1 launcher --list").end().0;
    assert!(!plain.contains('\x1b') && plain.contains("VENTURE"), "{plain:?}");
    let narrow = Terminal::start(&world, "stty rows 40 cols 30; NO_COLOR=1 launcher --list").end().0;
    assert!(narrow.lines().all(|line| line.trim_end().chars().count() <= 30), "{narrow}");
    assert!(narrow.contains("  repository   ~/dev/alpha"), "{narrow}");
}
