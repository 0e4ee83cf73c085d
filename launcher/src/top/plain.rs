//! The board as text and as JSON, without a screen.

use std::fmt::Write as _;

use deckwatch_client::clean::clean_line;
use deckwatch_protocol::{Session, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::model::Model;
use super::model::board::{Need, Row};
use super::views::age;
use crate::table;

const HEADS: [&str; 7] = ["STATE", "AGENT", "VENTURE", "ISSUE", "BRANCH", "HEARD", "LAST LINE"];
/// The column that gets the remaining width.
const LINE: usize = 6;

/// A row of the board for programs.
#[derive(Serialize)]
struct JsonRow<'a> {
    need: Need,
    /// Whether the agent was silent for so long that the state may no longer be true.
    doubtful: bool,
    since: Timestamp,
    heard_at: Timestamp,
    session: &'a Session,
}

/// The board as JSON.
pub(super) fn json(model: &Model, read_at: Timestamp) -> Value {
    let agents: Vec<JsonRow> = model
        .board(read_at)
        .into_iter()
        .map(|Row { session, need, since, heard_at, is_doubtful }| JsonRow {
            need,
            doubtful: is_doubtful,
            since,
            heard_at,
            session,
        })
        .collect();
    let collisions: Vec<Value> = model
        .collisions(read_at)
        .into_iter()
        .map(|found| json!({ "what": found.what, "repo": found.repo, "agents": found.agents }))
        .collect();
    json!({ "read_at": read_at, "agents": agents, "claims": model.claims, "collisions": collisions, "machines": model.machines })
}

/// The board as text.
pub(super) fn text(model: &Model, place: &str, now: Timestamp, width: Option<usize>) -> String {
    let rows: Vec<[String; 7]> = model.board(now).iter().map(|row| cells(row, now)).collect();
    let mut text = String::new();
    if !rows.is_empty() {
        text.push_str(&table::draw(HEADS, &rows, LINE, width));
    }
    for found in model.collisions(now) {
        let line = format!("collision: {}: {} in {}", found.agents.join(", "), found.what, found.repo);
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}", clean_line(&line));
    }
    let count = match rows.len() {
        0 => "No agents were heard of in the last 12 hours".to_owned(),
        1 => "1 agent".to_owned(),
        n => format!("{n} agents"),
    };
    let cut = model.cut.as_ref().map(|cut| format!("; {cut}")).unwrap_or_default();
    let _ = writeln!(text, "{count}, {}, read at {now}{cut}.", clean_line(place));
    text
}

fn cells(row: &Row, now: Timestamp) -> [String; 7] {
    let session = row.session;
    let doubt = if row.is_doubtful { "?" } else { "" };
    let issue = session.issue_number.map(|number| format!("#{number}")).unwrap_or_default();
    let branch = session.branch.as_ref().map(ToString::to_string).unwrap_or_default();
    [
        format!("{}{doubt} {}", row.need.word(), age(row.since, now)),
        session.agent.to_string(),
        session.venture.to_string(),
        issue,
        branch,
        age(row.heard_at, now),
        row.line().unwrap_or_default(),
    ]
    .map(|cell| clean_line(&cell))
}
