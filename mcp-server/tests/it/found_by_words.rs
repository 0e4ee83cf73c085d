//! A stranger's words find each tool. Codex hides the tools of MCP servers behind a search by words (BM25), so a tool whose
//! name, title and description have none of these words is never called.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::tools::definitions;

const QUERIES: &[(&str, &[&str])] = &[
    ("sod", &["start my day", "begin a work session", "where did the last session leave off", "resume session"]),
    (
        "handoff",
        &[
            "save progress for next session",
            "end of day",
            "hand over work to another agent",
            "record what is done and what is blocked",
            "leave next steps for the next agent",
        ],
    ),
    (
        "handoffs",
        &[
            "list earlier handoffs",
            "what did earlier sessions leave",
            "read a handoff by id",
            "previous agent's handoffs",
        ],
    ),
    (
        "status",
        &[
            "list open P0 issues",
            "what is in the work queue",
            "GitHub issues that are ready",
            "which tasks are blocked",
        ],
    ),
    ("plan", &["weekly plan", "priorities of the week", "which venture comes first", "plan for this week"]),
    (
        "send",
        &[
            "send a message to another agent",
            "ask another agent a question",
            "message a human",
            "reply to a message",
            "has my message been seen",
        ],
    ),
    ("inbox", &["read my messages", "check for new messages", "acknowledge a message", "messages from other agents"]),
    ("claim", &["claim an issue", "lock a file", "who holds this file", "release my claim", "reserve files I work on"]),
    ("state", &["shared variable", "set a value by key", "compare and set", "read a shared JSON value"]),
    ("memory", &["remember this", "recall what I learned", "forget a memory", "memory of the agents"]),
    (
        "note",
        &["save a note", "store a decision", "write down knowledge for later", "archive an old note", "change a note"],
    ),
    ("notes", &["search notes", "find a decision we made", "find notes by tag", "look up team knowledge"]),
    (
        "doc",
        &["read project documentation", "list documents", "open the docs", "show the documentation of the project"],
    ),
    (
        "doc_audit",
        &[
            "project documentation is stale",
            "which documentation is missing",
            "generate missing docs",
            "document health",
            "find stale docs",
        ],
    ),
    (
        "ventures",
        &[
            "list the team's products",
            "which projects does the team have",
            "how to clone a repository",
            "repository folder",
        ],
    ),
    (
        "context",
        &["who else is working on this issue", "which other agents are active", "which branch am I on", "where am I"],
    ),
    (
        "preflight",
        &[
            "check my setup",
            "is the API key correct",
            "diagnose a problem",
            "how to fix my setup",
            "is the clock right",
        ],
    ),
];

/// The words of a text, in lower case. Of a plural and its singular, both become the singular, as Codex's search does.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).map(|word| word.strip_suffix('s').unwrap_or(&word).to_owned()).collect()
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// The names of the tools, best match first. BM25 with the usual constants.
fn ranked(query: &str, tools: &[Value]) -> Vec<String> {
    const SATURATION: f64 = 1.2;
    const LENGTH: f64 = 0.75;
    let texts: BTreeMap<String, Vec<String>> = tools
        .iter()
        .map(|tool| {
            let [name, title, description] =
                ["name", "title", "description"].map(|field| tool[field].as_str().unwrap());
            (name.to_owned(), words(&format!("{name} {title} {description}")))
        })
        .collect();
    let count = number(texts.len());
    let average = number(texts.values().map(Vec::len).sum()) / count;
    let score = |text: &[String]| -> f64 {
        let of_word = |word: &String| {
            let frequency = number(text.iter().filter(|other| *other == word).count());
            let with_word = number(texts.values().filter(|other| other.contains(word)).count());
            let rarity = ((count - with_word + 0.5) / (with_word + 0.5) + 1.0).ln();
            let length = 1.0 - LENGTH + LENGTH * number(text.len()) / average;
            rarity * frequency * (SATURATION + 1.0) / (frequency + SATURATION * length)
        };
        words(query).into_iter().collect::<BTreeSet<_>>().iter().map(of_word).sum()
    };
    let mut scores: Vec<(f64, &String)> = texts.iter().map(|(name, text)| (score(text), name)).collect();
    scores.sort_by(|one, other| other.0.total_cmp(&one.0));
    scores.into_iter().filter(|(score, _)| *score > 0.0).map(|(_, name)| name.clone()).collect()
}

#[test]
fn every_tool_is_among_the_first_two_for_the_words_of_a_stranger() {
    let tools = definitions();
    let known: Vec<&str> = QUERIES.iter().map(|(tool, _)| *tool).collect();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(known, names, "QUERIES needs three to five queries for each tool, in the order of the table");
    let mut missed = Vec::new();
    for (tool, queries) in QUERIES {
        assert!((3..=5).contains(&queries.len()), "{tool}");
        for query in *queries {
            let ranked = ranked(query, &tools);
            if !ranked.iter().take(2).any(|name| name == *tool) {
                missed.push(format!("{query:?} finds {ranked:?}, not {tool}"));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
