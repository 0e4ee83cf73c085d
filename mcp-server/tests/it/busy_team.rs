//! What an agent reads on a busy team, from the real programs: 13 agents, 28 P0 issues, a handoff of ten next steps.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::github::{GitHub, Issue, TOKEN, issue};
use crate::harness::{Machine, Mcp, handoff};
use crate::server::Server;

const AGENT: &str = "mac1-claude-1";
const REPO: &str = "example-org/alpha";
const OTHER_REPO: &str = "example-org/alpha-web";

/// A team with everything that a day shows.
struct Team {
    machine: Machine,
    server: Server,
    github: GitHub,
}

impl Team {
    fn with(docs: usize, summaries: usize, items: usize) -> Self {
        let (machine, server) = (Machine::new(), Server::started());
        let team = Self { machine, server, github: GitHub::with(&[REPO], &p0_issues()) };
        team.fill(docs, summaries, items);
        team
    }

    fn agent(&self) -> Mcp {
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
    let mut words = handoff("The sign-in page is half done. The form works; the reset of a password does not.");
    words["next_steps"] = json!(list("Do step", items));
    words["accomplished"] = json!(list("Finished", 4));
    words["in_progress"] = json!(list("Working on", 2));
    words["blocked"] = json!(list("Waiting for", 1));
    words["links"] = json!(["https://github.com/example-org/alpha/pull/31"]);
    words
}

fn save(name: &str, text: &str) {
    let dir = std::path::PathBuf::from(std::env::var("RENDERINGS").unwrap());
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(format!("{name}.txt")), text).unwrap();
}

#[test]
fn dump() {
    let mut team = Team::with(12, 3, 10);
    let mut agent = team.agent();
    let day = agent.call("sod", &json!({"issue_number": 87})).good();
    println!("brief {} of 6000", day.facts.to_string().encode_utf16().count());
    save("brief", &day.text);
    let day = agent.call("sod", &json!({"issue_number": 87, "detail": "full"})).good();
    println!("full {} of 12000", day.facts.to_string().encode_utf16().count());
    save("full", &day.text);
    save("context", &agent.call("context", &json!({})).good().text);
    save("doc-missing", &agent.call("doc", &json!({"name": "none.md"})).good().text);
    let mut half = handoff("Half.");
    half["keep_open"] = json!(true);
    save("handoff", &agent.call("handoff", &half).good().text);
    team.server.kill();
    save(
        "handoff-queued",
        &agent.call("handoff", &handoff("The newest words, written while the API was away.")).good().text,
    );
    agent.kill();
    let mut agent = team.agent();
    save("offline", &agent.call("sod", &json!({})).good().text);
    let context = agent.call("context", &json!({}));
    save("offline-context", &context.text);
    save("offline-doc", &agent.call("doc", &json!({"name": "style.md"})).text);

    let rich = Team::with(60, 8, 30);
    let mut agent = rich.agent();
    let day = agent.call("sod", &json!({"issue_number": 87})).good();
    println!("rich {}", day.facts.to_string().encode_utf16().count());
    save("rich", &day.text);
    let day = agent.call("sod", &json!({"issue_number": 87, "detail": "full"})).good();
    println!("rich-full {}", day.facts.to_string().encode_utf16().count());
    save("rich-full", &day.text);

    let (machine, server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    save("empty", &agent.call("sod", &json!({})).good().text);
    save("empty-context", &agent.call("context", &json!({})).good().text);
    save("empty-handoff", &agent.call("handoff", &handoff("Done.")).good().text);
}
