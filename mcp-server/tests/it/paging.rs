//! Long lists: an agent reaches every item with calls that the answers name, and sees none twice.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::github::{GitHub, Issue, TOKEN, issue};
use crate::harness::{Machine, Mcp};
use crate::server::Server;

const AGENT: &str = "mac1-claude-1";
const REPO: &str = "example-org/alpha";
const OTHER: &str = "example-org/alpha-web";

/// Reads all pages. Returns how often each item was shown; `item` finds the item of a line. Each answer fits into
/// `limit`, and its text names the next call.
fn all_pages(
    agent: &mut Mcp,
    tool: &str,
    mut arguments: Value,
    limit: usize,
    item: impl Fn(&str) -> Option<String>,
) -> (BTreeMap<String, usize>, usize) {
    let (mut seen, mut pages) = (BTreeMap::new(), 0);
    loop {
        let page = agent.call(tool, &arguments).good();
        pages += 1;
        assert!(pages < 60, "no end: {}", page.text);
        let size = page.facts.to_string().encode_utf16().count();
        assert!(size <= limit, "{size} characters: {}", page.text);
        for name in page.text.lines().filter_map(|line| item(line.strip_prefix("| ")?)) {
            *seen.entry(name).or_default() += 1;
        }
        let cursors = [&page.facts["next_cursor"], &page.facts["list"]["next_cursor"]];
        let Some(cursor) = cursors.iter().find_map(|cursor| cursor.as_str()) else {
            assert!(pages == 1 || page.text.ends_with("This is the last page."), "{}", page.text);
            return (seen, pages);
        };
        let named = page.text.lines().last().unwrap();
        let call = format!("Next page: call `{tool}` with ");
        assert!(named.contains(&call) && named.ends_with(&format!("cursor \"{cursor}\".")), "{named}");
        arguments["cursor"] = json!(cursor);
    }
}

fn each_once(seen: &BTreeMap<String, usize>, expected: usize) {
    let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
    assert!(seen.len() == expected && twice.is_empty(), "{} of {expected}, twice: {twice:?}", seen.len());
}

/// Runs `write` for each number, 20 at a time: the server records writes that wait together in one transaction.
fn at_once(numbers: RangeInclusive<u64>, write: impl Fn(u64) + Sync) {
    let numbers = Mutex::new(numbers);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                while let Some(n) = { numbers.lock().unwrap().next() } {
                    write(n);
                }
            });
        }
    });
}

#[test]
fn every_one_of_250_agents_is_reached_and_those_on_the_same_issue_come_first() {
    let (machine, server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({"issue_number": 87})).good();
    // The first of these agents is the oldest, so it is on the API's last page.
    server.start_day_of("mac3-claude-1", REPO, "topic-1", 87);
    at_once(2..=250, |n| server.start_day_of(&format!("mac3-claude-{n}"), REPO, &format!("topic-{n}"), 1_000 + n));
    let first = agent.call("context", &json!({})).good();
    assert_eq!(first.facts["others_total"], 250, "{}", first.text);
    let warning = "## Other active agents: 250\nWarning: mac3-claude-1 is also on issue #87.\n";
    assert!(first.text.contains(warning), "{}", first.text);
    let name = |line: &str| Some(line.split_once(" (claude on mac3)")?.0.to_owned());
    let (seen, pages) = all_pages(&mut agent, "context", json!({}), 11_500, name);
    each_once(&seen, 250);
    assert!(pages > 2, "{pages}");

    let wrong = agent.call("context", &json!({"cursor": "x"})).trouble();
    assert!(wrong.contains("/cursor: must be next_cursor of an earlier answer"), "{wrong}");
}

#[test]
fn every_one_of_120_documents_is_reached_in_each_state() {
    let (machine, server) = (Machine::new(), Server::started());
    let name_of = |n: u64| format!("guide-{n:03}-{}.md", "x".repeat(25));
    let write = |n: u64| server.put_doc("alpha", &name_of(n), "# Guide\n\nRead it.");
    at_once(1..=120, |n| server.require_written(&name_of(n)));
    at_once(1..=60, write);
    let mut agent = server.agent(&machine, AGENT);
    let all = agent.call("doc_audit", &json!({})).good();
    // A new database requires one document.
    assert_eq!((&all.facts["missing"], &all.facts["present"]), (&json!(61), &json!(60)), "{}", all.text);
    assert!(all.text.ends_with(" Call `doc_audit` with a state to read all of its documents."), "{}", all.text);
    let name = |line: &str| Some(line.strip_prefix("- ")?.split(' ').next()?.to_owned());
    for (state, count) in [("missing", 61), ("present", 60), ("stale", 0)] {
        let (seen, _) = all_pages(&mut agent, "doc_audit", json!({"state": state}), 10_500, name);
        each_once(&seen, count);
    }

    at_once(61..=120, write);
    let (seen, pages) = all_pages(&mut agent, "doc_audit", json!({"state": "present"}), 10_500, name);
    each_once(&seen, 120);
    assert!(pages > 1, "{pages}");

    let wrong = agent.call("doc_audit", &json!({"cursor": "req_01JD0000000000000000000001"})).trouble();
    assert!(wrong.contains("/cursor: needs state"), "{wrong}");
    let gone = json!({"state": "present", "cursor": "req_01JD0000000000000000000001"});
    let wrong = agent.call("doc_audit", &gone).trouble();
    assert!(wrong.contains("/cursor: names a document that is not in this state"), "{wrong}");
}

#[test]
fn every_one_of_150_ventures_is_reached() {
    let machine = Machine::new();
    let file = machine.folder(".config/deckwatch").join("ventures.json");
    let venture = |n| json!({"code": format!("v{n}"), "name": format!("Venture {n}"), "repos": [format!("org/v{n}")]});
    let ventures: Vec<Value> = (1..=150).map(venture).collect();
    std::fs::write(file, json!({"ventures": ventures}).to_string()).unwrap();
    let mut agent = machine.agent(AGENT, &machine.repository("https://github.com/org/v7.git"));
    let code = |line: &str| Some(line.strip_prefix("- ")?.split([' ', ':']).next()?.to_owned());
    let (seen, pages) = all_pages(&mut agent, "ventures", json!({}), 8_500, code);
    each_once(&seen, 150);
    assert!(pages > 1, "{pages}");
    let wrong = agent.call("ventures", &json!({"cursor": "nowhere"})).trouble();
    assert!(wrong.contains("/cursor: names a venture that is not in the list"), "{wrong}");
}

#[test]
fn every_copy_of_300_documents_is_listed_while_the_api_is_down() {
    let machine = Machine::new();
    for n in 1..=300 {
        let file = machine.folder(".cache/deckwatch/docs/alpha").join(format!("guide-{n:03}.md"));
        std::fs::write(file, "# Guide\n").unwrap();
    }
    let mut command = machine.command(&machine.repository("https://github.com/example-org/alpha.git"));
    command.envs([("DECKWATCH_AGENT", AGENT), ("DECKWATCH_VENTURE", "alpha")]);
    command.envs([("CONTEXT_API_URL", "http://127.0.0.1:9"), ("CONTEXT_API_KEY", "c0ffee00c0ffee00c0ffee00c0ffee00")]);
    let mut agent = Mcp::initialized(command);
    let name = |line: &str| Some(line.split_once(", equal to")?.0.to_owned());
    let (seen, pages) = all_pages(&mut agent, "doc", json!({}), 10_500, name);
    each_once(&seen, 300);
    assert!(pages > 1, "{pages}");
    let wrong = agent.call("doc", &json!({"cursor": "alpha:none.md"})).trouble();
    assert!(wrong.contains("/cursor: belongs to the API's list"), "{wrong}");
}

#[test]
fn every_one_of_130_issues_of_two_repositories_is_reached() {
    let at = |repo, n: u64, minute: u64| Issue {
        updated_at: format!("2026-11-20T{:02}:{:02}:00Z", minute / 60, minute % 60),
        ..issue(repo, n, &format!("Customers can't sign in {}", "again ".repeat(8)), &["ready"])
    };
    // Blocks of ten from each repository; the other one has 130 more, all older.
    let issues: Vec<Issue> = (1..=130)
        .map(|n| at(REPO, n, 1_000 - n / 10 * 20))
        .chain((1..=130).map(|n| at(OTHER, n, if n < 60 { 990 - n / 10 * 20 } else { 200 - n })))
        .collect();
    let (machine, github) = (Machine::new(), GitHub::with(&[REPO, OTHER], &issues));
    let file = machine.folder(".config/deckwatch").join("ventures.json");
    let venture = json!({"code": "alpha", "name": "Alpha", "repos": [REPO, OTHER]});
    std::fs::write(file, json!({"ventures": [venture]}).to_string()).unwrap();
    let mut command = machine.command(&machine.repository("https://github.com/example-org/alpha.git"));
    command.envs([("DECKWATCH_AGENT", AGENT), ("GITHUB_API_URL", &github.url), ("GITHUB_TOKEN", TOKEN)]);
    let mut agent = Mcp::initialized(command);

    let number = |line: &str| {
        let (place, _) = line.split_once(" Customers")?;
        Some(place.to_owned())
    };
    for this_repository in [true, false] {
        let arguments = json!({"lane": "ready", "this_repository": this_repository});
        let (seen, pages) = all_pages(&mut agent, "status", arguments, 8_500, number);
        each_once(&seen, if this_repository { 130 } else { 260 });
        assert!(pages > 2, "{pages}");
    }

    let first = agent.call("status", &json!({"lane": "ready"})).good();
    let cursor = &first.facts["next_cursor"];
    for (arguments, message) in [
        (json!({"cursor": cursor}), "/cursor: needs lane"),
        (json!({"cursor": cursor, "lane": "blocked"}), "/cursor: must be next_cursor of an answer about the same lane"),
    ] {
        let wrong = agent.call("status", &arguments).trouble();
        assert!(wrong.contains(message), "{wrong}");
    }
}
