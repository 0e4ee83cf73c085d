//! `launcher top` in real terminals, with a real server and with the embedded engine.

mod outages;
mod picture;

use std::path::Path;
use std::time::{Duration, Instant};

use deckwatch_protocol::{LoggedRequest, Operation, Page};
use deckwatch_tests::golden::{assert_in_step, normalised};
use deckwatch_tests::{Caller as _, TestRequest};
use serde_json::Value;

use crate::members::ADMIN_KEY;
use crate::stage::Stage;
use crate::terminal::Terminal;

const USUAL: (u16, u16) = (80, 24);
const PHONE: (u16, u16) = (40, 20);

fn golden(name: &str, screen: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/team/top/golden/{name}.txt"));
    let lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
    assert_in_step(&file, &normalised(&lines.join("\n"), &[]));
}

/// The state and the agent in the first line of the board.
fn first_line(screen: &str) -> &str {
    screen.lines().nth(3).unwrap_or_default().trim_end()
}

/// An agent begins to wait: the first line of the board changes within 2 seconds.
async fn the_first_line_follows(stage: &Stage, terminal: &Terminal) {
    terminal.shows("live").await;
    terminal.waits("the agent that works", |screen| first_line(screen).starts_with("working now  mac1-claude-1")).await;
    stage.codex.said("waiting", Some("may I run the migration?")).await;
    let said_at = Instant::now();
    terminal.waits("the agent that waits", |screen| first_line(screen).starts_with("waiting now  mac2-codex-1")).await;
    let took = said_at.elapsed();
    println!("the first line changed after {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn with_a_server_the_board_the_views_and_a_phone_are_those_of_the_reviewed_files() {
    if !Terminal::is_possible() {
        return;
    }
    let stage = Stage::new().await;
    stage.claude.said("working", None).await;
    stage.claude.holder.claimed(&["issue:87", "path:src/api/**"]).await;
    let terminal = stage.top(USUAL, &[]);
    the_first_line_follows(&stage, &terminal).await;
    golden("board-80x24", &terminal.screen());
    terminal.presses(&["3"]);
    golden("claims-80x24", &terminal.shows("path:src/api/**").await);
    terminal.presses(&["5"]);
    golden("events-80x24", &terminal.shows("claim taken path:src/api/**").await);
    terminal.presses(&["1", "Down", "Enter"]);
    golden("agent-80x24", &terminal.shows("Latest messages").await);
    terminal.presses(&["Escape"]);
    terminal.shows("[1 board]").await;
    terminal.resize(PHONE.0, PHONE.1);
    golden("board-40x20", &terminal.shows("[1 brd]").await);
    terminal.presses(&["/"]);
    terminal.types("claude");
    terminal.presses(&["Enter"]);
    let filtered = terminal.waits("the filter", |screen| !screen.contains("mac2-codex-1")).await;
    assert!(filtered.contains("mac1-claude-1"), "{filtered}");
    terminal.presses(&["q"]);
    terminal.waits("the end", |_| terminal.exit_code().is_some()).await;
    assert_eq!(terminal.exit_code(), Some(0));
}

#[tokio::test]
async fn with_the_embedded_engine_the_board_follows_what_other_processes_write() {
    if !Terminal::is_possible() {
        return;
    }
    let stage = Stage::new().await;
    stage.claude.said("working", None).await;
    // The server writes to the database that the embedded engine opens.
    let mut command = stage.team.launcher(&["top", "--venture", "alpha"], &[]);
    command.env_remove("CONTEXT_API_URL").env("XDG_DATA_HOME", stage.embedded_data()).env("TERM", "xterm-256color");
    let terminal = Terminal::open(&command, stage.team.path("tmux"), USUAL);
    the_first_line_follows(&stage, &terminal).await;
}

#[tokio::test]
async fn nothing_is_polled_while_a_socket_is_open() {
    if !Terminal::is_possible() {
        return;
    }
    let stage = Stage::new().await;
    stage.claude.said("working", None).await;
    let terminal = stage.top(USUAL, &[]);
    terminal.shows("live").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = stage.requests().await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    // The only request since then is the one that has read `before`.
    assert_eq!(stage.requests().await, before + 1);
    assert!(before <= 20, "{before} requests to start");
}

#[tokio::test]
async fn a_person_answers_an_agent_by_keys() {
    if !Terminal::is_possible() {
        return;
    }
    let stage = Stage::new().await;
    stage.codex.said("waiting", Some("may I run the migration?")).await;
    let terminal = stage.top(USUAL, &[("ADMIN_API_KEY", ADMIN_KEY), ("USER", "ann")]);
    terminal.shows("live").await;
    terminal.shows("waiting now  mac2-codex-1").await;
    terminal.presses(&["r"]);
    terminal.shows("to mac2-codex-1:").await;
    terminal.types("yes, on the copy first");
    terminal.presses(&["Enter"]);
    terminal.shows("queued for mac2-codex-1 as a message from human:ann").await;
    let inbox = TestRequest::of(Operation::ListInbox).query("venture=alpha&agent=mac2-codex-1".to_owned());
    let inbox: Value = stage.api.admin().send(inbox).await.of(200);
    assert_eq!(inbox["items"][0]["message"]["body"], "yes, on the copy first");
    assert_eq!(inbox["items"][0]["message"]["from"], "human:ann");
    // Without the right to send, the screen says so and sends nothing.
    let terminal = Terminal::open(&stage.command(&[("USER", "ann")]), stage.team.path("tmux2"), USUAL);
    terminal.shows("waiting now  mac2-codex-1").await;
    terminal.presses(&["r"]);
    terminal.types("once more");
    terminal.presses(&["Enter"]);
    terminal.shows("not sent to mac2-codex-1").await;
    terminal.presses(&["a"]);
    terminal.shows("can't be shown").await;
}

#[tokio::test]
async fn without_a_terminal_the_board_is_printed_once_as_text_or_json() {
    let stage = Stage::new().await;
    stage.codex.said("waiting", Some("may I run the\u{202e} migration?")).await;
    let key = [("CONTEXT_API_KEY", crate::members::CONTEXT_KEY)];
    let refused = stage.team.run(&["top"], &key).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("needs a terminal") && refused.stderr.contains("--once"), "{}", refused.stderr);
    let once = stage.team.run(&["top", "--venture", "alpha", "--once"], &key).await;
    assert_eq!((once.code, once.stderr.as_str()), (Some(0), ""));
    golden("once", &once.stdout);
    let json = stage.team.run(&["top", "--venture", "alpha", "--json"], &key).await;
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["agents"][0]["need"], "waiting");
    assert_eq!(json["agents"][0]["session"]["agent"], "mac2-codex-1");
    assert_eq!(json["agents"][1]["need"], "unknown");
    let nothing = stage.team.run(&["top", "--once", "--local"], &[]).await;
    assert!(nothing.stdout.contains("No agents were heard of"), "{} {}", nothing.stdout, nothing.stderr);
}

impl Stage {
    /// The number of requests that the log has. The log row of a read is written 100 ms after its answer.
    async fn requests(&self) -> u32 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let log: Page<LoggedRequest> = self.api.admin().send(TestRequest::of(Operation::ListRequests)).await.of(200);
        log.total
    }
}
