//! Tests of `launcher log`, `handoff` and `notes`, with the database of this machine and without the API.

use std::net::TcpListener;

use deckwatch_client::outbox::{Bounds, DayToEnd, Delivery, NoteWrite};
use deckwatch_client::{Api, ApiConfig, ContextClient};
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{CreateNote, DayStarted, HandoffDraft, SessionRequest, UpdateNote};
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
        issue_number: Some(87_u64.try_into().unwrap()),
        branch: Some("fix-login".parse().unwrap()),
        ..deckwatch_protocol::StartDay::new(
            agent.parse().unwrap(),
            "claude".parse().unwrap(),
            "mac1".parse().unwrap(),
            venture.parse().unwrap(),
            repo.parse().unwrap(),
        )
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
            epoch: None,
            handoff,
        };
        api.end_day(&end).await.unwrap();
        for (title, venture) in [("Prices in Europe", Some("alpha")), ("What we sell", None)] {
            let content = format!("# {title}\n{HOSTILE}").parse().unwrap();
            let note = CreateNote {
                tags: vec!["executive-summary".parse().unwrap()],
                venture: venture.map(|code| code.parse().unwrap()),
                ..CreateNote::new(title.parse().unwrap(), content)
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
    let dirs = dirs(&world);
    let config = ApiConfig::from_vars(vars, &dirs, &"mac1-claude-1".parse().unwrap()).unwrap();
    wait(ContextClient::connect(config, &dirs.data, Bounds::default()).keep_snapshot(day)).unwrap();
    for (args, expected) in [
        (&["log"][..], "handoff ready   Login red works"),
        (&["handoff"], "- The login page"),
        (&["handoff", &id], "- The login page"),
        (&["notes"], "What we sell"),
        (&["log", "--venture", "alpha"], "session active"),
    ] {
        let run = offline(args);
        assert!(
            run.stdout.contains(expected) && run.stdout.contains("They were read just now ("),
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
fn an_outbox_that_cannot_be_read_is_reported() {
    let world = World::new();
    let _ = records(&world);
    world.write("home/.local/share/deckwatch/outbox", "a file in the place of the folder");
    let mut launcher = world.launcher(&["notes"]);
    launcher.current_dir(world.path("home/dev/alpha"));
    launcher.env("CONTEXT_API_URL", closed_port()).env("CONTEXT_API_KEY", KEY);
    let run = Run::of(&mut launcher);
    assert!(run.stderr.contains("writes that wait on this machine may be missing"), "{}", run.stderr);
}

#[test]
fn without_the_api_the_writes_that_are_only_on_this_machine_are_shown() {
    let world = World::new();
    let _ = records(&world);
    let url = closed_port();
    let vars = |name: &str| match name {
        "CONTEXT_API_URL" => Some(url.clone()),
        "CONTEXT_API_KEY" => Some(KEY.to_owned()),
        _ => None,
    };
    let config = ApiConfig::from_vars(vars, &dirs(&world), &"mac1-claude-1".parse().unwrap()).unwrap();
    let client = ContextClient::connect(config, &dirs(&world).data, Bounds::default());
    let id = "note_01JD0000000000000000000001";
    let patch = UpdateNote { title: Some("Prices 2027".parse().unwrap()), ..UpdateNote::default() };
    let note = |venture: &str| {
        let title = format!("Only here, of {venture}").parse().unwrap();
        let note = CreateNote::new(title, "It waits.".parse().unwrap());
        CreateNote { venture: Some(venture.parse().unwrap()), ..note }
    };
    wait(async {
        for write in [
            NoteWrite::Create(note("alpha")),
            NoteWrite::Create(note("beta")),
            NoteWrite::Update { id: id.parse().unwrap(), version: 1, patch },
            NoteWrite::Archive(id.parse().unwrap()),
        ] {
            assert!(matches!(client.deliver_note(&write).await.unwrap(), Delivery::Queued(_)));
        }
        let of_day = day("mac1-claude-1", "alpha", "example-org/alpha.js");
        let handoff = client.scan_handoff(draft()).unwrap();
        let ended = DayToEnd { session: None, epoch: None, start: session_request(of_day), keep_open: false, handoff };
        assert!(matches!(client.deliver_day(&ended).await.unwrap(), Delivery::Queued(_)));
    });
    let offline = |args: &[&str]| {
        let mut launcher = world.launcher(args);
        launcher.current_dir(world.path("home/dev/alpha")).env("CONTEXT_API_URL", &url).env("CONTEXT_API_KEY", KEY);
        let run = Run::of(&mut launcher);
        run.refuses(18, &["can't reach the Context API"]);
        is_harmless(&run.stdout);
        run.stdout
    };
    let notes = offline(&["notes"]);
    for expected in [
        "New and changed notes that are only on this machine and NOT SENT YET:",
        "Only here, of alpha",
        "Prices 2027",
        id,
    ] {
        assert!(notes.contains(expected), "{expected} in\n{notes}");
    }
    assert!(notes.contains("archived") && !notes.contains("of beta"), "{notes}");
    assert!(offline(&["notes", "--all"]).contains("Only here, of beta"));
    let one = offline(&["notes", "show", id]);
    assert!(one.contains("Prices 2027") && !one.contains("Only here"), "{one}");
    let json: Value = serde_json::from_str(&offline(&["notes", "--json"])).unwrap();
    let unsent = json["offline"]["unsent_notes"].as_array().unwrap();
    let changes: Vec<_> = unsent.iter().map(|note| note["change"].as_str().unwrap()).collect();
    assert_eq!(changes, ["archive", "update", "create"], "{json:#}");
    for args in [&["log"][..], &["handoff"]] {
        let shown = offline(args);
        let heading = "Handoffs that are only on this machine and NOT SENT YET:";
        assert!(shown.contains(heading) && shown.contains("Half done"), "{args:?}: {shown}");
    }
}

fn draft() -> HandoffDraft {
    HandoffDraft {
        summary: "Half done".parse().unwrap(),
        status: deckwatch_protocol::HandoffStatus::InProgress,
        accomplished: Vec::new(),
        in_progress: Vec::new(),
        blocked: Vec::new(),
        next_steps: Vec::new(),
        links: Vec::new(),
        to_agent: None,
        extra: deckwatch_protocol::Extra::default(),
    }
}

fn session_request(day: deckwatch_protocol::StartDay) -> SessionRequest {
    SessionRequest { venture: Some(day.venture), ..SessionRequest::new(day.agent, day.client, day.host, day.repo) }
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

#[test]
fn a_launcher_inside_a_local_agent_stays_local() {
    let world = World::new();
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    api.set_nonblocking(true).unwrap();
    let url = format!("http://{}", api.local_addr().unwrap());
    let settings = format!("[api]\nurl = \"{url}\"\nkey_env = \"TEAM_KEY\"\n");
    world.write("home/.config/deckwatch/config.toml", &settings);
    Run::of(&mut world.launcher(&["alpha", "--local", "--claude"])).succeeds();
    let outer = world.record().env;

    let inside = |args: &[&str]| {
        let mut launcher = world.launcher(args);
        // The shell of the agent may read the person's profile again.
        launcher.envs(&outer).env("TEAM_KEY", KEY).env("CONTEXT_API_URL", &url).env("CONTEXT_API_KEY", KEY);
        launcher
    };
    let inner = Run::of(&mut inside(&["alpha", "--claude"])).succeeds();
    let line = format!(
        "launcher: this is inside an agent that was started with --local: records are in \
         ~/.local/share/deckwatch/context.db on this machine; {url} is not used; to use it, unset DECKWATCH_LOCAL"
    );
    assert!(inner.stderr.lines().any(|said| said == line), "{}", inner.stderr);
    let env = world.record().env;
    assert!(!env.contains_key("CONTEXT_API_URL") && !env.contains_key("CONTEXT_API_KEY"), "{env:?}");
    assert_eq!(env["DECKWATCH_LOCAL"], "1", "an agent in the inner one stays local as well");
    for args in [&["log"][..], &["notes"], &["--list"], &["alpha", "--dry-run"]] {
        Run::of(&mut inside(args)).succeeds();
    }
    assert!(api.accept().is_err(), "the API was asked");

    Run::of(inside(&["alpha", "--claude"]).env_remove("DECKWATCH_LOCAL")).succeeds();
    let env = world.record().env;
    assert_eq!(env["CONTEXT_API_URL"], url);
    assert!(!env.contains_key("DECKWATCH_LOCAL"), "{env:?}");
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
