//! The picture of the screen in the documents: it is drawn from a screen of a real run, and shows the same text.

use std::path::Path;

use deckwatch_tests::golden::{assert_in_step, normalised};
use regex::Regex;
use rusqlite::Connection;
use serde_json::json;

use crate::stage::Stage;
use crate::terminal::Terminal;

const SIZE: (u16, u16) = (100, 16);

/// Makes what the agents have said, and their heartbeats, older by so many minutes.
fn age(database: &Connection, agent: &str, minutes: u32) {
    let sql = format!(
        "update sessions set last_heartbeat_at = strftime('%Y-%m-%dT%H:%M:%fZ', last_heartbeat_at, '-{minutes} minutes'),
           presence_json = iif(presence_json is null, null, json_set(presence_json, '$.at',
             strftime('%Y-%m-%dT%H:%M:%fZ', presence_json ->> '$.at', '-{minutes} minutes'))) where agent = '{agent}'"
    );
    assert_eq!(database.execute(&sql, []).unwrap(), 1);
}

async fn busy_team() -> Stage {
    let stage = Stage::new().await;
    let more = [
        (
            "mac1-claude-2",
            json!({ "host": "mac1", "issue_number": 93, "branch": "dev/docs" }),
            "working",
            "the API's examples",
            4,
        ),
        (
            "server1-gemini-1",
            json!({ "host": "server1", "issue_number": 87, "branch": "dev/passkeys" }),
            "blocked",
            "CI is red on main",
            21,
        ),
        ("mac2-claude-1", json!({ "host": "mac2", "branch": "main" }), "idle", "", 6),
        (
            "mac3-codex-1",
            json!({ "host": "mac3", "issue_number": 70, "branch": "dev/export" }),
            "working",
            "the CSV export",
            75,
        ),
    ];
    stage.codex.said("waiting", Some("may I run the migration on staging?")).await;
    stage.claude.said("working", Some("passkeys for the login")).await;
    let database = Connection::open(stage.team.path("server/context.db")).unwrap();
    for (name, fields, state, said, minutes) in more {
        stage.teller(name, fields).await.said(state, (!said.is_empty()).then_some(said)).await;
        age(&database, name, minutes);
    }
    age(&database, "mac2-codex-1", 12);
    age(&database, "mac1-claude-1", 2);
    stage
}

#[tokio::test]
async fn the_picture_in_the_documents_shows_a_real_screen() {
    if !Terminal::is_possible() {
        return;
    }
    let stage = busy_team().await;
    let terminal = Terminal::open(&stage.command(&[]), stage.team.path("tmux"), SIZE);
    terminal.waits("the board", |screen| screen.contains(" live") && screen.contains("gone 1h")).await;
    let captured = terminal.captured();
    let fixed =
        Regex::new(r"http://127\.0\.0\.1:\d+").unwrap().replace(&captured, "https://api.example.io").into_owned();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_in_step(&folder.join("tests/team/top/golden/picture.ansi"), &normalised(&fixed, &[]));

    let svg = std::fs::read_to_string(folder.join("../docs/top.svg")).unwrap_or_default();
    let shown: String =
        Regex::new(r"<text [^>]*>([^<]*)</text>").unwrap().captures_iter(&svg).map(|text| text[1].to_owned()).collect();
    let escapes = Regex::new(r"\x1b\[[0-9;]*m").unwrap();
    for line in escapes.replace_all(&fixed, "").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let text = compact(&unescaped(&shown));
        assert!(text.contains(&compact(line)), "docs/top.svg lacks {words:?}; draw it again with scripts/picture");
    }
}

/// A text without blanks, which a picture may have as other characters.
fn compact(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '\u{a0}').collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&#160;", " ").replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
