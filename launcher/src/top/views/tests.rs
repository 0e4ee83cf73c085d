//! The views, compared with reviewed files: at the width of a usual terminal and of a phone's.

use std::path::Path;
use std::time::{Duration, Instant};

use deckwatch_client::watch::{Link, LinkWay};
use deckwatch_tests::golden::assert_in_step;
use deckwatch_tests::overlay;
use ratatui_core::backend::TestBackend;
use ratatui_core::terminal::Terminal;
use serde_json::{Value, json};

use super::*;
use crate::top::input::{Choices, Prompt};
use crate::top::model::Update;
use crate::top::model::detail::{AgentKey, Detail};

/// A usual terminal, a phone's, and one that is smaller than any.
const SIZES: [(u16, u16); 3] = [(80, 24), (40, 20), (24, 8)];

fn now() -> Timestamp {
    time(0)
}

/// The time so many minutes ago.
fn time(minutes: i64) -> Timestamp {
    Timestamp::from_millis(1_795_248_000_000).plus_seconds(-60 * minutes)
}

fn parsed<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A session that was heard of so many minutes ago.
fn session(number: u64, agent: &str, heard: i64, more: Value) -> Value {
    let session = json!({
        "id": format!("sess_{number:026}"), "agent": agent, "client": "claude", "client_version": "2.1.329",
        "client_session_id": null, "host": agent.split('-').next(), "venture": "alpha", "repo": "example-org/alpha-console",
        "track": null, "issue_number": null, "branch": "main", "commit_sha": null, "status": "active",
        "created_at": time(200), "last_heartbeat_at": time(heard), "ended_at": null, "end_reason": null,
        "final_handoff_id": null, "actor_key_id": "0123456789abcdef", "creation_correlation_id": "corr_1", "meta": {},
    });
    overlay(session, more)
}

fn presence(state: &str, minutes: i64, detail: Option<&str>, summary: Option<&str>) -> Value {
    json!({ "presence": { "state": state, "at": time(minutes), "detail": detail, "summary": summary } })
}

fn sessions() -> Vec<Value> {
    vec![
        session(
            1,
            "mac1-claude-1",
            2,
            overlay(
                presence("working", 3, None, Some("passkeys for the login")),
                json!({ "issue_number": 87, "branch": "dev/mac1/passkeys" }),
            ),
        ),
        session(
            2,
            "mac2-codex-1",
            1,
            overlay(
                presence("waiting", 12, Some("may I run the migration?"), None),
                json!({ "issue_number": 91, "branch": "dev/mac2/schema" }),
            ),
        ),
        session(
            3,
            "server1-gemini-1",
            1,
            overlay(presence("blocked", 40, Some("CI is red on main"), None), json!({ "issue_number": 87 })),
        ),
        session(4, "mac1-claude-2", 14, presence("working", 14, None, Some("docs of the API"))),
        session(5, "mac2-claude-1", 3, presence("idle", 5, None, None)),
        session(6, "server1-codex-1", 4, json!({})),
        session(
            7,
            "mac3-claude-1",
            300,
            overlay(presence("working", 300, None, None), json!({ "status": "abandoned" })),
        ),
        session(8, "mac3-claude-1", 600, json!({ "status": "ended", "ended_at": time(600) })),
        // Hostile text, and text that is wider than its number of characters.
        session(
            9,
            "mac2-codex-2",
            1,
            overlay(
                presence("waiting", 1, Some("\u{202e}你好，世界：请确认部署到生产环境，谢谢谢谢谢谢\u{202c}"), None),
                json!({ "branch": "dev/日本語/長い名前のブランチ" }),
            ),
        ),
    ]
}

fn model() -> Model {
    let mut model = Model::default();
    model.apply(Update::Sessions(sessions().into_iter().map(parsed).collect()));
    model.apply(Update::Claims(claims().into_iter().map(parsed).collect()));
    model.apply(Update::Machines(machines().into_iter().map(parsed).collect()));
    model.apply(Update::Events(events().into_iter().map(parsed).collect()));
    model.apply(Update::Detail(Box::new(detail())));
    model.apply(Update::Read(time(0)));
    let link = Link { way: LinkWay::Socket, heard_at: None, trouble: None, no_socket: None };
    model.freshness.link(&link, Some(now().plus_seconds(-3)));
    model
}

fn claims() -> Vec<Value> {
    let claim = |number: u64, subject: &str, agent: &str, until: i64| {
        json!({
            "id": format!("clm_{number:026}"), "venture": "alpha", "repo": "example-org/alpha-console", "subject": subject,
            "agent": agent, "session_id": format!("sess_{number:026}"), "fence": number, "reason": null,
            "since": time(60), "until": time(until),
        })
    };
    vec![
        claim(1, "issue:87", "mac1-claude-1", -40),
        claim(2, "path:migrations/**", "mac2-codex-1", -40),
        claim(7, "path:docs/", "mac3-claude-1", 255),
    ]
}

fn machines() -> Vec<Value> {
    let machine = |number: u64, name: &str, os: &str, seen: i64| {
        json!({
            "id": format!("mach_{number:026}"), "hostname": name, "status": "approved", "os": os, "arch": "arm64",
            "role": null, "meta": {}, "approved": null, "pending": null, "created_at": time(9_000),
            "updated_at": time(9_000), "last_seen_at": time(seen), "retired_at": null,
            "creation_correlation_id": "corr_1",
        })
    };
    vec![machine(1, "mac1", "macos", 4), machine(2, "mac2", "macos", 11), machine(3, "server1", "linux", 3_000)]
}

fn events() -> Vec<Value> {
    let event = |seq: u64, kind: &str, agent: &str, minutes: i64, data: Value| {
        json!({
            "seq": seq, "venture": "alpha", "kind": kind, "subject": format!("msg_{seq:026}"), "agent": agent,
            "session_id": null, "at": time(minutes), "data": data,
        })
    };
    let place = json!({ "repo": "example-org/alpha-console", "issue_number": 87, "branch": "main" });
    vec![
        event(1, "session_started", "mac1-claude-1", 200, place.clone()),
        event(
            2,
            "message_sent",
            "mac2-codex-1",
            30,
            json!({ "kind": "question", "recipients": 1, "to": ["mac1-claude-1"] }),
        ),
        event(
            3,
            "claim_taken",
            "mac1-claude-1",
            25,
            json!({ "subject": "issue:87", "repo": "example-org/alpha-console" }),
        ),
        event(4, "agent_waiting", "mac2-codex-1", 12, place),
    ]
}

fn detail() -> Detail {
    let message = json!({
        "id": "msg_00000000000000000000000002", "seq": 2, "venture": "alpha", "from": "mac2-codex-1", "to": ["mac1-claude-1"],
        "kind": "question", "subject": null, "body": "Which table has the passkeys?\u{1b}[2J", "reply_to": null,
        "priority": "next", "ack_required": false, "sealed": null, "handoff_id": null, "sent_at": time(30),
        "expires_at": time(-9_000),
    });
    let delivery = json!({
        "id": "dlv_00000000000000000000000001", "agent": "mac1-claude-1", "status": "surfaced", "redelivered": false,
        "partial": false, "reason": null, "queued_at": time(30), "offered_at": time(30), "surfaced_at": time(29),
        "acknowledged_at": null, "ended_at": null,
    });
    let handoff = json!({
        "id": "ho_00000000000000000000000001", "session_id": "sess_00000000000000000000000008", "venture": "alpha",
        "repo": "example-org/alpha-console", "track": null, "issue_number": 87, "from_agent": "mac1-claude-1",
        "to_agent": null, "status": "in_progress", "summary": "The login accepts passkeys; the settings page is next.",
        "payload": {
            "accomplished": ["login"], "in_progress": [], "blocked": [], "next_steps": ["the settings page", "a test"],
            "links": [], "extra": {},
        },
        "payload_hash": "00", "payload_size_bytes": 2, "schema_version": 1, "created_at": time(230),
        "actor_key_id": "0123456789abcdef", "creation_correlation_id": "corr_1",
    });
    let waiting = json!({
        "delivery_id": "dlv_00000000000000000000000002", "status": "queued", "redelivered": false, "message": message,
    });
    let record = overlay(message, json!({ "deliveries": [delivery] }));
    Detail {
        of: key("mac1-claude-1"),
        handoff: Ok(Some(parsed(handoff))),
        inbox: Ok((vec![parsed(waiting)], 1)),
        messages: vec![parsed(record)],
        hidden: 1,
        read_at: time(2),
    }
}

fn key(agent: &str) -> AgentKey {
    AgentKey { venture: "alpha".parse().unwrap(), agent: agent.parse().unwrap() }
}

fn choices(view: View) -> Choices {
    Choices { view, selected: Some(key("mac1-claude-1")), ..Choices::default() }
}

/// The screen as text, each line without blanks at its end.
fn screen(model: &Model, choices: &Choices, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let place = "venture alpha in https://context.example.com";
    let scene = Scene { model, choices, now: now(), place, palette: Palette::Colours };
    terminal.draw(|frame| draw(&scene, frame.buffer_mut())).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y: u16| {
        let mut skipped = 0;
        let symbols = (0..width).filter_map(|x| {
            let symbol = buffer[(x, y)].symbol();
            let is_hidden = skipped > 0;
            skipped = if is_hidden { skipped - 1 } else { unicode_width::UnicodeWidthStr::width(symbol).max(1) - 1 };
            (!is_hidden).then_some(symbol)
        });
        symbols.collect::<String>().trim_end().to_owned()
    };
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn golden(name: &str, model: &Model, choices: &Choices) {
    for size in SIZES {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("src/top/views/golden/{name}-{}x{}.txt", size.0, size.1));
        assert_in_step(&file, &screen(model, choices, size));
    }
}

#[test]
fn each_view_is_drawn_on_a_usual_terminal_and_on_a_phone() {
    for view in View::ALL {
        golden(view.name(), &model(), &choices(view));
    }
}

#[test]
fn the_help_a_prompt_and_a_filter_are_drawn() {
    golden("help", &model(), &Choices { has_help: true, ..choices(View::Board) });
    let prompt = Some(Prompt::Message(
        key("mac2-codex-1"),
        "yes, run it on the copy of the database first, then tell me".to_owned(),
    ));
    golden("reply", &model(), &Choices { prompt, ..choices(View::Board) });
    golden("filtered", &model(), &Choices { filter: "#87 blocked".to_owned(), ..choices(View::Board) });
}

#[test]
fn old_records_are_never_called_live() {
    let mut model = model();
    let link = Link {
        way: LinkWay::Polling,
        heard_at: None,
        trouble: Some("connection refused".to_owned()),
        ..Link::default()
    };
    model.freshness.link(&link, None);
    golden("lost", &model, &choices(View::Board));
    for view in View::ALL {
        let text = screen(&model, &choices(view), (80, 24));
        assert!(text.contains("NOT LIVE") && text.contains("connection refused"), "{text}");
    }
    golden("nothing-read", &Model::default(), &Choices::default());
}

#[test]
fn no_control_character_of_others_reaches_the_terminal() {
    let mut model = model();
    let hostile = session(1, "mac1-claude-1", 1, presence("waiting", 1, Some("a\u{202e}b"), None));
    model.apply(Update::Session(parsed(hostile)));
    for view in View::ALL {
        for size in SIZES {
            let text = screen(&model, &choices(view), size);
            let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'));
            assert_eq!(bad, None, "{view:?} {size:?}: {text:?}");
        }
    }
}

#[test]
fn the_page_of_an_agent_says_why_its_name_was_taken_over() {
    let mut model = model();
    let taken = session(1, "mac1-claude-1", 1, json!({ "take_over_reason": "mac1 is in\u{202e} repair" }));
    model.apply(Update::Session(parsed(taken)));
    let text = screen(&model, &choices(View::Agent), (80, 24));
    assert!(text.contains("took this name over: mac1 is in repair"), "{text}");
}

#[test]
fn colours_are_not_used_if_the_person_wants_none() {
    let (model, choices) = (model(), choices(View::Board));
    let colours = |palette| {
        let scene = Scene { model: &model, choices: &choices, now: now(), place: "here", palette };
        let mut buffer = Buffer::empty(ratatui_core::layout::Rect::new(0, 0, 80, 24));
        draw(&scene, &mut buffer);
        buffer.content().iter().filter(|cell| cell.fg != ratatui_core::style::Color::Reset).count()
    };
    assert!(colours(Palette::Colours) > 0);
    assert_eq!(colours(Palette::Plain), 0);
}

#[test]
fn any_size_is_drawn() {
    let model = model();
    for width in [1, 2, 5, 13, 39, 59, 60, 61, 300] {
        for height in [1, 2, 3, 4, 5, 200] {
            for view in View::ALL {
                let mut choices = choices(view);
                screen(&model, &choices, (width, height));
                choices.prompt = Some(Prompt::Filter("語語語".to_owned()));
                choices.line = 10_000;
                screen(&model, &choices, (width, height));
            }
        }
    }
}

#[test]
fn a_thousand_agents_are_drawn_fast() {
    let mut model = Model::default();
    let states = ["waiting", "blocked", "working", "idle"];
    let many = (0..1_000_u64).map(|number| {
        let state = states[usize::try_from(number % 4).unwrap()];
        let more =
            overlay(presence(state, 3, Some("what it is about"), None), json!({ "issue_number": number / 2 + 1 }));
        parsed(session(number, &format!("host{number}-claude-1"), 2, more))
    });
    model.apply(Update::Sessions(many.collect()));
    model.apply(Update::Read(now()));
    let mut buffer = Buffer::empty(ratatui_core::layout::Rect::new(0, 0, 80, 24));
    let mut fastest = Duration::MAX;
    for view in View::ALL.into_iter().cycle().take(25) {
        let choices = choices(view);
        let scene = Scene { model: &model, choices: &choices, now: now(), place: "here", palette: Palette::Colours };
        let started = Instant::now();
        draw(&scene, &mut buffer);
        if view == View::Board {
            fastest = fastest.min(started.elapsed());
        }
    }
    // A program that is not optimised takes several times longer.
    let limit = if cfg!(debug_assertions) { 100 } else { 16 };
    println!("1,000 agents: {fastest:?}");
    assert!(fastest < Duration::from_millis(limit), "{fastest:?}");
}
