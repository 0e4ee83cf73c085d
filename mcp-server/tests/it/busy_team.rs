//! The answers for an agent of a busy team, from the real programs: 13 agents, 28 P0 issues, a handoff with ten next
//! steps.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::github::{GitHub, Issue, TOKEN, issue};
use crate::harness::{Answer, Machine, Mcp, handoff};
use crate::server::Server;

const AGENT: &str = "mac1-claude-1";
const REPO: &str = "example-org/alpha";
const OTHER_REPO: &str = "example-org/alpha-web";

/// A team with records for every section of a start of day.
pub(crate) struct Team {
    pub(crate) machine: Machine,
    server: Server,
    github: GitHub,
}

impl Team {
    pub(crate) fn with(docs: usize, summaries: usize, items: usize) -> Self {
        let (machine, server) = (Machine::new(), Server::started());
        let team = Self { machine, server, github: GitHub::with(&[REPO], &p0_issues()) };
        team.fill(docs, summaries, items);
        team
    }

    pub(crate) fn agent(&self) -> Mcp {
        let dir = self.machine.repository_once("https://github.com/example-org/alpha.git");
        self.server.agent_with(&self.machine, AGENT, &dir, |command| {
            command.envs([("GITHUB_API_URL", self.github.url.as_str()), ("GITHUB_TOKEN", TOKEN)]);
        })
    }

    fn fill(&self, docs: usize, summaries: usize, items: usize) {
        let dir = self.machine.repository_once("https://github.com/example-org/alpha.git");
        let plan = dir.join("docs/planning/WEEKLY_PLAN.md");
        std::fs::create_dir_all(plan.parent().unwrap()).unwrap();
        let mut text = "# Week 48\n\nPriority venture: alpha\n\n".to_owned();
        for task in 1..=12 {
            writeln!(text, "- [ ] Task {task}: finish part {task} of the sign-in and tell the support team").unwrap();
        }
        std::fs::write(plan, text).unwrap();
        for n in 1..=docs {
            self.server.put_doc(
                "alpha",
                &format!("guide-{n:02}.md"),
                &format!("# Guide {n} to the console\n\nRead it."),
            );
        }
        self.server.put_doc("global", "style.md", "# How we write\n\nBe brief.");
        self.server.require_written("runbook.md");
        let mut agent = self.agent();
        for n in 1..=summaries {
            let content = format!("Strategy {n}: the console ships to ten customers. ").repeat(12);
            let note = json!({"action": "create", "title": format!("Strategy {n}"), "content": content,
                "tags": ["executive-summary"]});
            let _ = agent.call("note", &note).good();
        }
        let mut to_me = handoff("The review of the sign-in page is yours.");
        to_me["to_agent"] = json!(AGENT);
        to_me["next_steps"] = json!(["Review pull request 31", "Tell mac2-codex-1 what you found"]);
        let _ = self.server.agent(&self.machine, "mac2-codex-1").call("handoff", &to_me).good();
        let _ = self.server.agent(&self.machine, "mac2-codex-2").call("handoff", &last_handoff(items)).good();
        for n in 1..=12 {
            let (repo, branch, issue) = match n {
                5 | 9 => (REPO, "fix-auth".to_owned(), n),
                7 | 11 => (REPO, format!("topic-{n}"), 87),
                n if n % 2 == 0 => (OTHER_REPO, format!("topic-{n}"), n),
                n => (REPO, format!("topic-{n}"), n),
            };
            self.server.start_day_of(&format!("mac3-claude-{n}"), repo, &branch, issue);
        }
        self.machine.git(&dir, &["checkout", "--quiet", "-b", "fix-auth"]);
    }
}

fn p0_issues() -> Vec<Issue> {
    (1..=28).map(|n| issue(REPO, n, &format!("Customers can't sign in, case {n}"), &["P0"])).collect()
}

fn last_handoff(items: usize) -> Value {
    let list = |what: &str, count: usize| -> Vec<String> {
        (1..=count).map(|n| format!("{what} {n}: the part of the sign-in that has the number {n}")).collect()
    };
    let mut draft = handoff("The sign-in page is half done. The form works; the reset of a password does not.");
    draft["next_steps"] = json!(list("Do step", items));
    draft["accomplished"] = json!(list("Finished", 4));
    draft["in_progress"] = json!(list("Working on", 2));
    draft["blocked"] = json!(list("Waiting for", 1));
    draft["links"] = json!(["https://github.com/example-org/alpha/pull/31"]);
    draft
}

/// The number of characters of the structured content, which includes the text.
fn cost(answer: &Answer) -> usize {
    answer.facts.to_string().encode_utf16().count()
}

#[test]
fn a_day_uses_its_budget_and_names_colliding_agents() {
    let team = Team::with(12, 3, 10);
    let mut agent = team.agent();
    let day = agent.call("sod", &json!({"issue_number": 87})).good();
    assert!((5_700..=6_000).contains(&cost(&day)), "{} characters: {}", cost(&day), day.text);
    for warning in [
        "Warning: mac3-claude-11 and mac3-claude-7 are also on issue #87.",
        "Warning: mac3-claude-9 and mac3-claude-5 are also on branch fix-auth.",
    ] {
        assert!(day.text.contains(warning), "{}", day.text);
    }
    assert!(!day.text.contains("full"), "no answer names a mode: {}", day.text);

    let full = agent.call("sod", &json!({"issue_number": 87, "detail": "full"})).good();
    assert_eq!(full.facts["p0_issues"], json!({"shown": 28, "total": 28}), "{}", full.text);
    assert!(cost(&full) <= 12_000 && !full.text.contains("Not all is shown"), "{}", full.text);
}

#[test]
fn the_calls_named_in_an_answer_show_the_omitted_items() {
    let team = Team::with(60, 8, 30);
    let mut agent = team.agent();
    let day = agent.call("sod", &json!({})).good();
    let id = day.text.split("Call `handoffs` with id \"").nth(1).unwrap().split('"').next().unwrap();
    let handoff = agent.call("handoffs", &json!({"id": id})).good();
    assert_eq!(handoff.text.matches("| - Do step ").count(), 30, "{}", handoff.text);

    assert!(day.text.contains("Call `doc` without a name to list them all."), "{}", day.text);
    let (mut names, mut arguments) = (Vec::new(), json!({}));
    loop {
        let page = agent.call("doc", &arguments).good();
        assert!(page.text.contains("## Documents: 61\n"), "{}", page.text);
        let listed = page.text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(": "));
        names.extend(listed.map(|(name, _)| name.to_owned()));
        let Some(cursor) = page.facts["list"]["next_cursor"].as_str() else { break };
        arguments = json!({"cursor": cursor});
    }
    assert_eq!((names.len(), names.first().map(String::as_str)), (61, Some("alpha/guide-01.md")));
    assert_eq!(names.last().map(String::as_str), Some("global/style.md"));

    assert!(day.text.contains("Call `status` with lane \"p0\""), "{}", day.text);
    let status = agent.call("status", &json!({"lane": "p0"})).good();
    assert_eq!(status.text.matches("| #").count(), 28, "{}", status.text);
    assert!(day.text.contains("Call `context` to see them all."), "{}", day.text);
    assert_eq!(agent.call("context", &json!({})).good().facts["others_shown"], 12);
}

#[test]
fn handoffs_are_listed_in_pages_and_filtered_by_recipient() {
    let (machine, server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, "mac2-codex-1");
    for n in 0..20 {
        let mut draft = handoff(&format!("Number {n}."));
        draft["keep_open"] = json!(true);
        if n == 3 {
            draft["to_agent"] = json!(AGENT);
        }
        let _ = agent.call("handoff", &draft).good();
    }
    let mut reader = server.agent(&machine, AGENT);
    let first = reader.call("handoffs", &json!({})).good();
    assert!(first.text.contains("## Handoffs: 20\n") && first.text.contains("|   Number 19.\n"), "{}", first.text);
    let cursor = first.facts["list"]["next_cursor"].clone();
    let second = reader.call("handoffs", &json!({"cursor": cursor})).good();
    assert!(second.text.contains("|   Number 0.\n") && second.facts["list"].get("next_cursor").is_none());
    let mine = reader.call("handoffs", &json!({"to_agent": AGENT})).good();
    assert!(mine.text.contains("## Handoffs: 1\n") && mine.text.contains("|   Number 3.\n"), "{}", mine.text);
    let both = reader.call("handoffs", &json!({"id": "ho_01JD0000000000000000000001", "to_agent": AGENT})).trouble();
    assert!(both.contains("/id: reads one handoff"), "{both}");
    let none = reader.call("handoffs", &json!({"id": "ho_01JD0000000000000000000001"})).trouble();
    assert!(none.contains("handoff"), "{none}");
}

#[test]
fn a_long_handoff_is_read_in_pieces() {
    let (machine, server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let mut draft = handoff("Long.");
    draft["next_steps"] = (0..150).map(|n| json!(format!("step {n} {}", "word ".repeat(30)))).collect();
    let id = agent.call("handoff", &draft).good().facts["handoff_id"].clone();
    let (mut steps, mut offset, mut calls) = (0, json!(0), 0);
    while !offset.is_null() {
        let piece = agent.call("handoffs", &json!({"id": id, "offset": offset})).good();
        assert!(cost(&piece) <= 10_500, "{}", cost(&piece));
        steps += piece.text.matches("| - step ").count();
        offset = piece.facts["next_offset"].clone();
        calls += 1;
    }
    assert!(steps == 150 && calls > 2, "{steps} steps in {calls} pieces");
}
