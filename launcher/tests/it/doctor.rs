//! Tests of `launcher doctor`. `golden.rs` shows the output for each problem.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::world::{Run, World};

const VERSIONED: &str = "#!/bin/sh\necho '2.1.7 (Tool)'\n";

/// A world without any problem.
pub(crate) fn healthy_world() -> World {
    let world = World::new();
    for agent in ["claude", "gemini", "codex"] {
        world.install(agent, VERSIONED);
    }
    world.install("deckwatch-mcp", &format!("#!/bin/sh\necho deckwatch-mcp {}\n", env!("CARGO_PKG_VERSION")));
    world.write(
        "home/.config/deckwatch/ventures.json",
        r#"{"ventures": [{"code": "alpha", "name": "Alpha", "repos": ["example-org/alpha.js"]}]}"#,
    );
    world
}

fn finding(world: &World, name: &str) -> (String, String, String) {
    let run = world.run(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{} {}", run.stdout, run.stderr));
    let mut checks = report["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name} in {report:#}"));
    let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
    assert_eq!(run.code, Some(i32::from(report["ok"] == false)), "{report:#}");
    (text("status"), text("detail"), text("fix"))
}

#[test]
fn the_checks_change_nothing() {
    let world = healthy_world();
    let before = world.home_files();
    world.run(&["doctor"]).succeeds();
    assert_eq!(world.home_files(), before);
}

#[test]
fn agent_clis_that_are_asked_for_their_version_get_no_admin_key() {
    let world = healthy_world();
    world.install("claude", "#!/bin/sh\necho \"2.1.7 key:$ADMIN_API_KEY:\"\n");
    let said = Run::of(world.launcher(&["doctor"]).env("ADMIN_API_KEY", "s3cr3t-s3cr3t-s3cr3t")).succeeds().stdout;
    assert!(said.contains("2.1.7 key::"), "{said}");
}

#[test]
fn a_version_keeps_words_that_only_begin_with_the_program_name() {
    let world = healthy_world();
    for (said, version) in [("codex-cli 0.171.0", "codex-cli 0.171.0 in "), ("codex version 0.171.0", "0.171.0 in ")] {
        world.install("codex", &format!("#!/bin/sh\necho '{said}'\n"));
        let detail = finding(&world, "codex").1;
        assert!(detail.starts_with(version), "{detail}");
    }
}

#[test]
fn the_environment_of_another_launch_is_a_warning_with_the_command_that_unsets_it() {
    let world = healthy_world();
    let said = |world: &World, envs: &[(&str, &str)], args: &[&str]| {
        let mut launcher = world.launcher(args);
        launcher.envs(envs.iter().copied()).current_dir(world.path("home/dev/beta"));
        Run::of(&mut launcher)
    };
    world.repository("home/dev/beta", "git@github.com:example-org/beta.git");
    world.run(&["alpha", "--claude"]).succeeds();
    let slot = std::fs::read_dir(world.path("home/.local/state/deckwatch/slots")).unwrap().next().unwrap().unwrap();
    let agent = format!("{}-claude-1", slot.file_name().to_string_lossy());
    let ended = [("DECKWATCH_AGENT", agent.as_str()), ("DECKWATCH_LAUNCH", "1@yesterday"), ("TMUX", "x")];
    let run = said(&world, &ended, &["doctor"]).succeeds();
    let unset = "fix: unset DECKWATCH_AGENT DECKWATCH_LAUNCH; for name in DECKWATCH_AGENT DECKWATCH_LAUNCH; do tmux";
    assert!(run.stdout.contains("WARN") && run.stdout.contains(unset), "{}", run.stdout);
    let run = said(&world, &ended, &["mcp", "doctor"]);
    assert!(run.stderr.contains("unset DECKWATCH_AGENT"), "{}", run.stderr);
    assert!(!run.stdout.contains("belongs to"), "{}", run.stdout);
}

#[test]
fn the_environment_of_a_live_launch_in_another_repository_is_reported() {
    let world = healthy_world();
    world.repository("home/dev/beta", "git@github.com:example-org/beta.git");
    world.install("claude", "#!/bin/sh\nenv > \"$RECORD.env\"\npwd -P > \"$RECORD.cwd\"\n: > \"$RECORD.args\"\necho $$ > \"$RECORD.pid\"\nexec sleep 600\n");
    let live = world.start("one", &["alpha", "--claude"]);
    for (dir, status) in
        [("home/dev/alpha", "belongs to the launch of"), ("home/dev/beta", "works on example-org/beta")]
    {
        let mut launcher = world.launcher(&["doctor"]);
        let ours = live.record.env.iter().filter(|(name, _)| name.starts_with("DECKWATCH_"));
        launcher.envs(ours).current_dir(world.path(dir));
        let run = Run::of(&mut launcher);
        assert!(run.stdout.contains(status), "{}", run.stdout);
    }
}

#[test]
fn an_agent_cli_that_fails_or_hangs_is_reported_within_the_time_limit() {
    let world = healthy_world();
    world.install("claude", "#!/bin/sh\nexit 3\n");
    world.install("gemini", "#!/bin/sh\nexec sleep 600\n");
    let begun = std::time::Instant::now();
    let said = world.run(&["doctor"]).succeeds().stdout;
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(said.contains("exit status: 3") && said.contains("no answer within 10 s"), "{said}");
}

#[test]
fn errors_in_files_do_not_stop_the_other_checks() {
    let world = healthy_world();
    world.write("home/.config/deckwatch/config.toml", "dev_rot = 'x'\n");
    world.write("home/.config/deckwatch/ventures.json", "{");
    for (name, expected) in [("settings", "dev_rot"), ("ventures", "ventures.json")] {
        let (status, detail, _) = finding(&world, name);
        assert!(status == "fail" && detail.contains(expected), "{name}: {detail}");
    }
    world.run(&["doctor"]).refuses(1, &["2 checks failed"]);
}

#[test]
fn the_notice_of_the_api_is_a_warning_with_its_text() {
    let world = healthy_world();
    let health = r#"{"status":"ok","engine":"sqlite","time":"2026-01-01T00:00:00.000Z",
        "notice":"deckwatch-server was updated: restart it"}"#;
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", api.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in api.incoming().map(Result::unwrap) {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let is_health = String::from_utf8_lossy(&request[..length]).starts_with("GET /health");
            let (status, body) = if is_health { ("200 OK", health) } else { ("404 Not Found", "{}") };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-correlation-id: corr_00000000-0000-4000-8000-000000000000\r\nconnection: close\r\n"
            );
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        }
    });
    let mut launcher = world.launcher(&["doctor"]);
    let run = Run::of(launcher.env("CONTEXT_API_URL", address).env("CONTEXT_API_KEY", "k".repeat(64)));
    let line = run.stdout.lines().find(|line| line.contains("notice ")).unwrap_or_else(|| panic!("{}", run.stdout));
    assert!(line.starts_with("WARN") && line.ends_with("deckwatch-server was updated: restart it"), "{line}");
}

#[test]
fn a_folder_that_cannot_be_written_to_fails() {
    let world = healthy_world();
    let folder = world.path("home/.local");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500)).unwrap();
    // Root can write to every folder.
    if std::fs::write(folder.join("probe"), "").is_err() {
        let (status, _, fix) = finding(&world, "state");
        assert!(status == "fail" && fix.starts_with("make it writable for you: `chmod u+rwX "), "{fix}");
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "a file where a folder should be").unwrap();
    assert_eq!(finding(&world, "state").0, "fail");
}

#[test]
fn a_disk_that_refuses_writes_is_reported_for_every_folder_that_an_agent_writes_to() {
    for disk in [deckwatch_tests::BadDisk::Full, deckwatch_tests::BadDisk::ReadOnly] {
        let world = healthy_world();
        let mut launcher = world.launcher(&["doctor", "--json"]);
        launcher.env("XDG_CACHE_HOME", world.path("home/.local/cache"));
        let run = Run::of(&mut disk.with(&world.path("home/.local"), &launcher));
        let report: Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
        for name in ["state", "data", "outbox", "cache"] {
            let mut checks = report["checks"].as_array().unwrap().iter();
            let check = checks.find(|check| check["name"] == name).unwrap();
            assert_eq!(check["status"], "fail", "{disk:?}: {check}");
            assert!(check["detail"].as_str().unwrap().contains("can't be written to: "), "{check}");
            assert!(check["fix"].as_str().unwrap().starts_with(disk.advice()), "{disk:?}: {check}");
        }
        assert_eq!(run.code, Some(1), "{report:#}");
    }
}

#[test]
fn a_database_that_another_process_keeps_locked_fails_with_its_reason() {
    let world = healthy_world();
    let database = world.path("home/.local/share/deckwatch/context.db");
    std::fs::create_dir_all(database.parent().unwrap()).unwrap();
    let lock = deckwatch_tests::DatabaseLock::on(&database);
    let (status, detail, fix) = finding(&world, "database");
    assert_eq!(status, "fail");
    assert!(detail.ends_with("another process keeps it locked for more than 2 s"), "{detail}");
    assert!(fix.contains("fuser -v ") && fix.ends_with("context.db` names it"), "{fix}");
    let (_, _, fix) = finding(&world, "api");
    assert!(fix.starts_with("see the check `database`") && !fix.contains("restore"), "{fix}");
    drop(lock);
    assert_eq!(finding(&world, "database").0, "ok");
}

const HEALTH: &str = r#"{"status":"ok","engine":"sqlite","time":"2026-01-01T00:00:00.000Z"}"#;

/// An API that is healthy and answers every other request like this. Without an answer, it accepts connections and is
/// silent.
fn api_that_answers(answer: Option<(&'static str, &'static str)>) -> String {
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", api.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for mut stream in api.incoming().map(Result::unwrap) {
            let Some((head, body)) = answer else {
                silent.push(stream);
                continue;
            };
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let is_health = String::from_utf8_lossy(&request[..length]).starts_with("GET /health");
            let (head, body) = if is_health { ("200 OK", HEALTH) } else { (head, body) };
            let head = format!(
                "HTTP/1.1 {head}\r\ncontent-type: application/json\r\nx-correlation-id: corr_00000000-0000-4000-8000-000000000000\r\nconnection: close\r\n"
            );
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

#[test]
fn a_refused_key_a_used_up_rate_and_a_slow_api_get_their_own_advice() {
    let refused = (
        "401 Unauthorized",
        r#"{"type":"about:blank","title":"x","status":401,"detail":"This key is not known.","code":"unauthorized","correlation_id":"corr_00000000-0000-4000-8000-000000000000"}"#,
    );
    let limited = (
        "429 Too Many Requests\r\nretry-after: 40",
        r#"{"type":"about:blank","title":"x","status":429,"detail":"Too many.","code":"rate_limited","correlation_id":"corr_00000000-0000-4000-8000-000000000000"}"#,
    );
    for (answer, check, detail, fix) in [
        (
            Some(refused),
            "key",
            "This key is not known.",
            "ask the API's admin for a valid key, and export CONTEXT_API_KEY",
        ),
        (
            Some(limited),
            "key",
            "Too many.",
            "run this again in 40 s; agents that share a key share its rate, so give each its own",
        ),
        (
            None,
            "api",
            "no answer within 5 s",
            "check the network and the API's address; agents start without it and queue",
        ),
    ] {
        let world = healthy_world();
        let mut launcher = world.launcher(&["doctor", "--json"]);
        launcher.env("CONTEXT_API_URL", api_that_answers(answer)).env("CONTEXT_API_KEY", "k".repeat(64));
        let run = Run::of(&mut launcher);
        let report: Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
        let found = report["checks"].as_array().unwrap().iter().find(|found| found["name"] == check).unwrap();
        assert_eq!(found["status"], "fail", "{found}");
        assert!(found["detail"].as_str().unwrap().contains(detail), "{detail} in {found}");
        assert!(found["fix"].as_str().unwrap().starts_with(fix), "{fix} in {found}");
        assert_eq!(run.code, Some(1), "{report:#}");
    }
}
