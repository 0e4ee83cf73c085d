//! Tests of `launcher log`, `handoff` and `notes`, with the database of this machine and without the API.

use std::net::TcpListener;

use deckwatch_client::{Api, ApiConfig};
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::DayStarted;
use serde_json::{Value, json};

use crate::launching::closed_port;
use crate::world::{Run, World};

/// A text with control characters, which must not reach a terminal.
const HOSTILE: &str = "Login\u{1b}]0;owned\u{7} \u{1b}[31mred\u{9b}2J \u{202e}works";
pub(crate) const KEY: &str = "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0";

fn dirs(world: &World) -> Dirs {
    let home = world.path("home").into_os_string();
    Dirs::from_vars(|name| (name == "HOME").then(|| home.clone())).unwrap()
}

/// The database of this machine, as an agent uses it.
fn embedded(world: &World) -> Api {
    let dirs = dirs(world);
    Dirs::create(&dirs.data).unwrap();
    let agent = "mac1-claude-1".parse().unwrap();
    Api::connect(ApiConfig::embedded(dirs.data.join("context.db"), &agent).unwrap())
}

fn day(agent: &str, venture: &str, repo: &str) -> deckwatch_protocol::StartDay {
    deckwatch_protocol::StartDay {
        agent: agent.parse().unwrap(),
        client: "claude".parse().unwrap(),
        client_version: None,
        client_session_id: None,
        host: "mac1".parse().unwrap(),
        venture: venture.parse().unwrap(),
        repo: repo.parse().unwrap(),
        track: None,
        issue_number: Some(87_u64.try_into().unwrap()),
        branch: Some("fix-login".parse().unwrap()),
        commit_sha: None,
        meta: deckwatch_protocol::Meta::default(),
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Records a day of `mac1-claude-1` on alpha with a handoff, a note of alpha and a global note. Starts the next day.
pub(crate) fn records(world: &World) -> DayStarted {
    let api = embedded(world);
    wait(async {
        let venture =
            json!({"name": "Alpha", "github_org": null, "repos": ["example-org/alpha.js"], "capabilities": []});
        let venture = serde_json::from_value::<deckwatch_protocol::Venture>(with_times(venture)).unwrap();
        let put = deckwatch_protocol::PutVenture {
            name: venture.name,
            github_org: None,
            repos: venture.repos,
            capabilities: Vec::new(),
        };
        api.put_venture(&"alpha".parse().unwrap(), &put).await.unwrap();
        let day = day("mac1-claude-1", "alpha", "example-org/alpha.js");
        let started = api.start_day(&day).await.unwrap();
        let handoff = deckwatch_protocol::HandoffDraft {
            summary: HOSTILE.parse().unwrap(),
            status: deckwatch_protocol::HandoffStatus::Ready,
            accomplished: vec!["The login page\nasks for a passkey".parse().unwrap()],
            in_progress: Vec::new(),
            blocked: Vec::new(),
            next_steps: vec![HOSTILE.parse().unwrap()],
            links: Vec::new(),
            to_agent: None,
            extra: deckwatch_protocol::Extra::default(),
        };
        let end = deckwatch_protocol::EndDay {
            session_id: started.session.id,
            end_reason: deckwatch_protocol::EndReason::default(),
            keep_open: false,
            handoff,
        };
        api.end_day(&end).await.unwrap();
        for (title, venture) in [("Prices in Europe", Some("alpha")), ("What we sell", None)] {
            let note = deckwatch_protocol::CreateNote {
                title: title.parse().unwrap(),
                content: format!("# {title}\n{HOSTILE}").parse().unwrap(),
                tags: vec!["executive-summary".parse().unwrap()],
                venture: venture.map(|code| code.parse().unwrap()),
            };
            api.create_note(&note).await.unwrap();
        }
        api.start_day(&day).await.unwrap()
    })
}

fn with_times(mut venture: Value) -> Value {
    let time = json!("2026-11-21T08:00:00.000Z");
    for (name, value) in [("code", json!("alpha")), ("created_at", time.clone()), ("updated_at", time)] {
        venture[name] = value;
    }
    for (name, value) in [("actor_key_id", "a"), ("creation_correlation_id", "corr_a")] {
        venture[name] = json!(value);
    }
    venture
}

fn in_alpha(world: &World, args: &[&str]) -> Run {
    Run::of(world.launcher(args).current_dir(world.path("home/dev/alpha")))
}

#[track_caller]
pub(crate) fn is_harmless(text: &str) {
    let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(harmful), "{text:?}");
}

#[test]
fn a_handoff_is_the_same_by_its_id_and_as_the_latest() {
    let world = World::new();
    let id = records(&world).last_handoff.unwrap().id.to_string();
    let latest = in_alpha(&world, &["handoff"]).succeeds().stdout;
    assert_eq!(world.run(&["handoff", &id]).succeeds().stdout, latest);
}

#[test]
fn json_has_the_fields_of_the_api_and_no_control_character() {
    let world = World::new();
    records(&world);
    let of = |args: &[&str]| -> Value {
        let text = in_alpha(&world, args).succeeds().stdout;
        is_harmless(&text);
        serde_json::from_str(&text).unwrap()
    };
    let log = of(&["log", "--json"]);
    assert_eq!([&log["items"][1]["kind"], &log["items"][1]["summary"]], [&json!("handoff"), &json!(HOSTILE)]);
    assert_eq!([&log["more"], &log["offline"]], [&json!(false), &Value::Null]);
    let handoff = of(&["handoff", "--json"]);
    assert_eq!(handoff["payload"]["next_steps"], json!([HOSTILE]));
    let notes = of(&["notes", "--json"]);
    assert_eq!([&notes["total"], &notes["items"][0]["version"]], [&json!(2), &json!(1)]);
    let id = notes["items"][0]["id"].as_str().unwrap();
    assert!(of(&["notes", "show", id, "--json"])["content"].as_str().unwrap().ends_with(HOSTILE));
}

#[test]
fn without_the_api_the_last_answer_is_shown_with_its_age() {
    let world = World::new();
    let day = records(&world);
    let (url, id) = (closed_port(), day.last_handoff.as_ref().unwrap().id.to_string());
    let offline = |args: &[&str]| {
        let mut launcher = world.launcher(args);
        launcher.current_dir(world.path("home/dev/alpha")).env("CONTEXT_API_URL", &url).env("CONTEXT_API_KEY", KEY);
        Run::of(&mut launcher)
    };
    offline(&["log"]).refuses(18, &["can't reach the Context API"]);
    let nothing = offline(&["log"]).stdout;
    assert!(nothing.contains("this machine keeps no earlier answer"), "{nothing}");

    let vars = |name: &str| match name {
        "CONTEXT_API_URL" => Some(url.clone()),
        "CONTEXT_API_KEY" => Some(KEY.to_owned()),
        _ => None,
    };
    let config = ApiConfig::from_vars(vars, &dirs(&world), &"mac1-claude-1".parse().unwrap()).unwrap();
    wait(Api::connect(config).keep_snapshot(day)).unwrap();
    for (args, expected) in [
        (&["log"][..], "handoff ready   Login red works"),
        (&["handoff"], "- The login page"),
        (&["handoff", &id], "- The login page"),
        (&["notes"], "What we sell"),
        (&["log", "--venture", "alpha"], "session active"),
    ] {
        let run = offline(args);
        assert!(
            run.stdout.contains(expected) && run.stdout.contains("They were read now ("),
            "{args:?}: {}",
            run.stdout
        );
        is_harmless(&run.stdout);
        run.refuses(18, &["can't reach the Context API"]);
    }
    let json: Value = serde_json::from_str(&offline(&["log", "--json"]).stdout).unwrap();
    assert!(json["offline"]["taken_at"].is_string() && json["items"].as_array().unwrap().len() == 2, "{json:#}");
}

#[test]
fn a_local_launch_sends_nothing_to_the_configured_api() {
    let world = World::new();
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    api.set_nonblocking(true).unwrap();
    let url = format!("http://{}", api.local_addr().unwrap());
    let settings = format!("[api]\nurl = \"{url}\"\nkey_env = \"TEAM_KEY\"\n");
    world.write("home/.config/deckwatch/config.toml", &settings);
    world.repository("home/dev/side", "git@github.com:ann/side.git");
    let local = |args: &[&str]| {
        let mut launcher = world.launcher(args);
        launcher.current_dir(world.path("home/dev/side"));
        launcher.env("CONTEXT_API_URL", &url).env("CONTEXT_API_KEY", KEY);
        Run::of(&mut launcher).succeeds()
    };
    let said = local(&["--local", ".", "--claude"]).stderr;
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("--local: ")).collect();
    assert_eq!(
        lines,
        [format!(
            "launcher: --local: records are in ~/.local/share/deckwatch/context.db on this machine; {url} is not used"
        )]
    );
    let env = world.record().env;
    assert!(!env.contains_key("CONTEXT_API_URL") && !env.contains_key("CONTEXT_API_KEY"), "{env:?}");
    assert_eq!(env["DECKWATCH_VENTURE"], "side");
    // This also works without the key of the API, because `--local` does not need it.
    Run::of(&mut world.launcher(&["alpha", "--local"])).succeeds();

    wait(embedded(&world).start_day(&day("mac1-claude-1", "side", "ann/side"))).unwrap();
    for (args, expected) in [
        (&["log", "--local"][..], "session active"),
        (&["notes", "--local"], "There are no notes"),
        (&["--list", "--local"], "alpha"),
        (&["alpha", "--local", "--dry-run"], "records      ~/.local/share/deckwatch/context.db"),
    ] {
        let run = local(args);
        assert!(run.stdout.contains(expected), "{args:?}: {}", run.stdout);
    }
    assert!(api.accept().is_err(), "the API was asked");
}

#[cfg(target_os = "linux")]
mod on_a_terminal {
    use super::*;
    use crate::terminal::Terminal;

    #[test]
    fn a_pager_shows_long_text_and_no_color_is_respected() {
        let world = World::new();
        records(&world);
        world.link_tool("stty");
        world.link_tool("cat");
        world.install("pager", "#!/bin/sh\necho \"paged with $LESS $1\"\nexec cat\n");
        let shown = |line: &str| Terminal::start(&world, &format!("stty rows 40 cols 100; {line}")).end().0;
        let paged = shown("PAGER='pager -x' launcher log --all");
        assert!(paged.contains("paged with FRX -x") && paged.contains("\u{1b}[1mWHEN"), "{paged:?}");
        let plain = shown("NO_COLOR=1 PAGER=pager launcher log --all");
        assert!(plain.contains("paged with FRX") && !plain.contains('\u{1b}'), "{plain:?}");
        for unpaged in ["PAGER= launcher log --all", "PAGER=gone launcher log --all", "launcher log --all"] {
            let shown = shown(unpaged);
            assert!(shown.contains("session active") && !shown.contains("paged"), "{unpaged}: {shown:?}");
        }
        for width in [40, 80, 100, 200] {
            let log =
                Terminal::start(&world, &format!("stty rows 40 cols {width}; NO_COLOR=1 PAGER= launcher log --all"));
            let log = log.end().0;
            assert!(log.lines().all(|line| line.trim_end().chars().count() <= width), "{width}: {log}");
        }
    }
}
