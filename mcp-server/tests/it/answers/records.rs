//! The answers about notes, documents, issues, ventures, the plan and the checks.

use serde_json::{Value, json};

use super::Transcript;
use crate::github::{GitHub, TOKEN, issue};
use crate::harness::{Machine, Mcp};
use crate::server::{REMOTE, Server};

const AGENT: &str = "mac1-claude-1";
const REPO: &str = "example-org/alpha";
const OTHER_REPO: &str = "example-org/alpha-web";

#[test]
fn notes_are_in_step() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let mut transcript = Transcript::on(&machine);
    transcript.call("no notes", &mut agent, "notes", &json!({}));
    let pricing = json!({"action": "create", "title": "Pricing", "content": "Annual plans sell best.\n\nNobody buys by the month.",
        "tags": ["strategy", "market"]});
    let id = transcript.call("a note is saved", &mut agent, "note", &pricing)["note_id"].clone();
    let office = json!({"action": "create", "title": "Office", "content": "Quiet after six.", "scope": "global"});
    transcript.call("a note for all ventures", &mut agent, "note", &office);
    transcript.call("all notes", &mut agent, "notes", &json!({}));
    transcript.call("a search", &mut agent, "notes", &json!({"q": "plans annual"}));
    transcript.call("a search without a result", &mut agent, "notes", &json!({"q": "elephants"}));
    transcript.call("one note", &mut agent, "notes", &json!({"id": id}));
    let update = json!({"action": "update", "id": id, "version": 1, "content": "Monthly plans sell best."});
    transcript.call("a note is changed", &mut agent, "note", &update);
    let of_old = json!({"action": "update", "id": id, "version": 1, "content": "No plans sell."});
    transcript.fails("a change of an old version", &mut agent, "note", &of_old);
    transcript.call("a note is archived", &mut agent, "note", &json!({"action": "archive", "id": id}));
    transcript.call("archived notes", &mut agent, "notes", &json!({"archived": true}));
    transcript.call("a note is restored", &mut agent, "note", &json!({"action": "restore", "id": id}));
    let _ = agent.call("sod", &json!({})).good();
    server.kill();
    let valve = json!({"action": "create", "title": "Valve", "content": "The valve turns left."});
    transcript.call("while the API is down", &mut agent, "note", &valve);
    let change = json!({"action": "update", "id": id, "version": 4, "content": "Both sell."});
    transcript.call("while the API is down", &mut agent, "note", &change);
    transcript.call("while the API is down", &mut agent, "notes", &json!({}));
    transcript.is_in_step("notes");
}

#[test]
fn documents_are_in_step() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let mut transcript = Transcript::on(&machine);
    transcript.call("no documents", &mut agent, "doc", &json!({}));
    transcript.call("no document of this name", &mut agent, "doc", &json!({"name": "api.md"}));
    server.put_doc("alpha", "deploy.md", "# Deploy\n\nRun it.\n--- end of data ---");
    server.put_doc("global", "style.md", "# How we write\n\nBe brief.");
    transcript.call("all documents", &mut agent, "doc", &json!({}));
    transcript.call("one document", &mut agent, "doc", &json!({"name": "deploy.md"}));
    transcript.call("a document of all ventures", &mut agent, "doc", &json!({"name": "style.md"}));
    transcript.call("a document of one scope", &mut agent, "doc", &json!({"name": "style.md", "scope": "alpha"}));
    transcript.call("a name that does not exist", &mut agent, "doc", &json!({"name": "deployment.md"}));
    let _ = agent.call("sod", &json!({})).good();
    server.kill();
    std::fs::write(machine.folder(".cache/deckwatch/docs/alpha").join("deploy.md"), "# Deploy\n\nRun it.").unwrap();
    transcript.call("while the API is down, with a copy", &mut agent, "doc", &json!({"name": "deploy.md"}));
    transcript.fails("while the API is down, without a copy", &mut agent, "doc", &json!({"name": "style.md"}));
    transcript.call("while the API is down", &mut agent, "doc", &json!({}));
    transcript.is_in_step("doc");
}

#[test]
fn audits_of_documents_are_in_step() {
    let (machine, server) = (Machine::new(), Server::started());
    let dir = machine.repository_once(REMOTE);
    std::fs::write(dir.join("server.js"), "const app = require('express')();\napp.get('/health', check);\n").unwrap();
    let mut agent = server.agent(&machine, AGENT);
    for name in ["api.md", "schema.md"] {
        server.require_generated(name);
    }
    server.require_written("runbook.md");
    server.put_doc("alpha", "deploy.md", "How to.");
    server.require_written("deploy.md");
    let mut transcript = Transcript::on(&machine);
    transcript.call("an audit", &mut agent, "doc_audit", &json!({}));
    transcript.call("healing", &mut agent, "doc_audit", &json!({"action": "heal"}));
    transcript.call("an audit after healing", &mut agent, "doc_audit", &json!({}));
    transcript.is_in_step("doc_audit");
}

/// An agent whose ventures file lists two repositories of alpha, with this GitHub.
fn with_github(machine: &Machine, github: &GitHub) -> Mcp {
    let file = machine.folder(".config/deckwatch").join("ventures.json");
    let venture = json!({"code": "alpha", "name": "Alpha", "repos": [REPO, OTHER_REPO]});
    std::fs::write(file, json!({"ventures": [venture]}).to_string()).unwrap();
    let mut command = machine.command(&machine.repository_once(REMOTE));
    command.envs([("DECKWATCH_AGENT", AGENT), ("GITHUB_API_URL", &github.url), ("GITHUB_TOKEN", TOKEN)]);
    Mcp::initialized(command)
}

#[test]
fn work_queues_are_in_step() {
    let issues = [
        issue(REPO, 1, "Customers can't sign in", &["P0"]),
        issue(OTHER_REPO, 1, "The page is white", &["p0", "status:in-progress"]),
        issue(REPO, 2, "Reset a password", &["status:ready"]),
        issue(REPO, 3, "Send the mail", &["status:in-progress"]),
        issue(REPO, 4, "Get a certificate", &["status:blocked"]),
        issue(REPO, 5, "Dark colours", &[]),
    ];
    let (machine, github) = (Machine::new(), GitHub::with(&[REPO, OTHER_REPO], &issues));
    let mut agent = with_github(&machine, &github);
    let mut transcript = Transcript::on(&machine);
    transcript.call("all lanes", &mut agent, "status", &json!({}));
    transcript.call("one lane", &mut agent, "status", &json!({"lane": "p0"}));
    transcript.call("one repository", &mut agent, "status", &json!({"this_repository": true}));
    let partial = GitHub::with(&[REPO], &issues);
    transcript.call("a repository is missing", &mut with_github(&machine, &partial), "status", &json!({}));
    let empty = GitHub::with(&[REPO, OTHER_REPO], &[]);
    transcript.call("no issues", &mut with_github(&machine, &empty), "status", &json!({}));
    transcript.is_in_step("status");
}

#[test]
fn lists_of_ventures_are_in_step() {
    let machine = Machine::new();
    let mut transcript = Transcript::on(&machine);
    let mut plain = machine.agent(AGENT, &machine.folder("plain"));
    transcript.call("no ventures", &mut plain, "ventures", &json!({}));
    let dir = machine.repository_once(REMOTE);
    for (folder, remote) in [("dev/beta", "beta"), ("dev/one", "delta"), ("dev/two", "delta")] {
        let dir = machine.folder(folder);
        machine.git(&dir, &["init", "--quiet"]);
        machine.git(&dir, &["remote", "add", "origin", &format!("git@github.com:example-org/{remote}.git")]);
    }
    let venture = |code: &str, name: &str| -> Value {
        json!({"code": code, "name": name, "repos": [format!("example-org/{code}")]})
    };
    let ventures = [("alpha", "Alpha"), ("beta", "Beta"), ("gamma", "Gamma"), ("delta", "Delta")];
    let mut ventures: Vec<Value> = ventures.iter().map(|(code, name)| venture(code, name)).collect();
    ventures.push(json!({"code": "empty", "name": "Empty"}));
    let file = machine.folder(".config/deckwatch").join("ventures.json");
    std::fs::write(file, json!({"ventures": ventures}).to_string()).unwrap();
    transcript.call("of a file", &mut machine.agent(AGENT, &dir), "ventures", &json!({}));
    let server = Server::started();
    std::fs::remove_file(machine.home().join(".config/deckwatch/ventures.json")).unwrap();
    transcript.call("of the API", &mut server.agent(&machine, AGENT), "ventures", &json!({}));
    transcript.is_in_step("ventures");
}

#[test]
fn weekly_plans_are_in_step() {
    let machine = Machine::new();
    let mut transcript = Transcript::on(&machine);
    let dir = machine.repository_once(REMOTE);
    let mut agent = machine.agent(AGENT, &dir);
    transcript.call("no plan", &mut agent, "plan", &json!({}));
    let plan = dir.join("docs/planning/WEEKLY_PLAN.md");
    std::fs::create_dir_all(plan.parent().unwrap()).unwrap();
    std::fs::write(&plan, "# Week 48\n\nPriority venture: alpha\n\n- [ ] Finish the sign-in\n").unwrap();
    transcript.call("a plan that is not committed", &mut agent, "plan", &json!({}));
    machine.git(&dir, &["add", "--all"]);
    machine.git_days_ago(&dir, 20, &["commit", "--quiet", "--message=plan"]);
    transcript.call("a plan of three weeks ago", &mut agent, "plan", &json!({}));
    transcript.is_in_step("plan");
}

#[test]
fn checks_are_in_step() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let github = GitHub::with(&[REPO], &[]);
    let mut agent = server.agent_with(&machine, AGENT, &machine.repository_once(REMOTE), |command| {
        command.envs([("GITHUB_API_URL", github.url.as_str()), ("GITHUB_TOKEN", TOKEN)]);
        command.env("DECKWATCH_TOKEN_EXPIRES_AT", "2099-11-21T08:00:00.000Z");
    });
    let _ = agent.call("sod", &json!({})).good();
    let mut transcript = Transcript::on(&machine);
    transcript.call("all is well", &mut agent, "preflight", &json!({}));
    server.kill();
    transcript.call("while the API is down", &mut agent, "preflight", &json!({}));
    let mut wrong = machine.command(&machine.repository_once(REMOTE));
    wrong.envs([("DECKWATCH_AGENT", "mac1-claude-3"), ("GITHUB_API_URL", &github.url), ("GITHUB_TOKEN", "ghp_wrong")]);
    transcript.call("GitHub does not know the token", &mut Mcp::initialized(wrong), "preflight", &json!({}));
    let mut without_git = machine.command(&machine.folder("plain"));
    without_git.env("DECKWATCH_AGENT", "mac1-claude-4").env("PATH", machine.folder("empty"));
    transcript.call("git is not installed", &mut Mcp::initialized(without_git), "preflight", &json!({}));
    let mut plain = machine.agent("mac1-claude-2", &machine.folder("plain"));
    transcript.call("a folder without git, without a token for GitHub", &mut plain, "preflight", &json!({}));
    transcript.is_in_step("preflight");
}
