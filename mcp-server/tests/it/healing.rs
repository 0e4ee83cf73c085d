//! Healing of documents: a document is generated only where a requirement allows it, and a person's text is never
//! replaced.

use std::path::Path;

use deckwatch_machine::digest::sha256_hex;
use serde_json::{Value, json};

use crate::api::{ScriptedApi, problem};
use crate::harness::{Answer, Machine, Mcp};
use crate::server::Server;

const AGENT: &str = "mac1-claude-1";
const REMOTE: &str = "https://github.com/example-org/alpha.git";
const CONTENT: &str = "The API.";
const ROUTES: &str = "const app = require('express')();\napp.get('/health', check);\n";

/// The `source_path` of a generated document with this content.
fn mark(kind: &str, content: &str) -> String {
    format!("generated:{kind}:{}", &sha256_hex(content.as_bytes())[..16])
}

/// A repository of the venture with one route.
fn with_a_route(machine: &Machine) -> std::path::PathBuf {
    let dir = machine.repository_once(REMOTE);
    std::fs::write(dir.join("server.js"), ROUTES).unwrap();
    dir
}

#[track_caller]
fn healed(answer: &Answer, name: &str) -> String {
    let all = answer.facts["healed"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).unwrap()["outcome"].as_str().unwrap().to_owned()
}

/// The line about background healing, from the first start of day that has it.
#[track_caller]
fn background_report(agent: &mut Mcp) -> String {
    let mut days = (0..200).map(|_| agent.call("sod", &json!({})).good().text);
    let report = days.find(|text| text.contains("healed in the background")).expect("a report of background healing");
    report.lines().find(|line| line.contains("healed in the background")).unwrap().to_owned()
}

#[test]
fn the_audit_lists_missing_and_present_documents() {
    let (machine, server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    server.require_generated("api.md");
    server.require_generated("deploy.md");
    server.put_doc("alpha", "deploy.md", "How to.");
    let audit = agent.call("doc_audit", &json!({})).good();
    let counts = ["missing", "stale", "present", "optional"].map(|name| audit.facts[name].as_u64().unwrap());
    assert_eq!(counts, [2, 0, 1, 0]);
    assert!(server.doc("api.md").is_none(), "a report changes nothing");
}

#[test]
fn a_missing_document_is_generated_and_names_its_source() {
    let (machine, server) = (Machine::new(), Server::started());
    with_a_route(&machine);
    for name in ["api.md", "schema.md", "runbook.md"] {
        server.require_generated(name);
    }
    let mut agent = server.agent(&machine, AGENT);
    let heal = agent.call("doc_audit", &json!({"action": "heal"})).good();
    assert_eq!([healed(&heal, "api.md"), healed(&heal, "schema.md")], ["created", "nothing_found"], "{}", heal.text);
    assert_eq!((&heal.facts["missing"], &heal.facts["present"]), (&json!(3), &json!(1)), "as it is after healing");
    assert!(heal.text.contains("1 more can't be generated"), "{}", heal.text);
    let stored = server.doc("api.md").unwrap();
    assert!(stored.content.contains("/health"), "{}", stored.content);
    assert_eq!(stored.doc.source_path.unwrap().as_str(), mark("api", &stored.content));
    assert!(stored.doc.summary.content_hash.starts_with(&sha256_hex(stored.content.as_bytes())));
    assert_eq!(stored.doc.source_repo.unwrap().as_str(), "example-org/alpha");
    assert!(server.doc("schema.md").is_none());
}

#[test]
fn without_missing_documents_nothing_is_healed() {
    let (machine, server) = (Machine::new(), Server::started());
    // The document that every venture must have.
    server.put_doc("alpha", "project-instructions.md", "Read me.");
    let mut agent = server.agent(&machine, AGENT);
    let heal = agent.call("doc_audit", &json!({"action": "heal"})).good();
    assert!(heal.text.starts_with("Nothing is missing or stale."), "{}", heal.text);
    server.require_generated("runbook.md");
    let heal = agent.call("doc_audit", &json!({"action": "heal"})).good();
    assert!(heal.text.starts_with("Nothing can be healed: project-instructions.md, api.md"), "{}", heal.text);
}

#[test]
fn a_generated_document_with_a_secret_is_refused_without_showing_it() {
    let (machine, server) = (Machine::new(), Server::started());
    let token = format!("ghp_{}", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8");
    let dir = machine.repository_once(REMOTE);
    std::fs::write(dir.join("README.md"), format!("# Alpha\n\nUse {token} to deploy.\n")).unwrap();
    server.require_generated("project-instructions.md");
    let heal = server.agent(&machine, AGENT).call("doc_audit", &json!({"action": "heal"})).good();
    assert_eq!(healed(&heal, "project-instructions.md"), "holds_secret");
    assert!(heal.text.contains("/content has what looks like a GitHub token"), "{}", heal.text);
    assert!(!heal.text.contains(&token) && server.doc("project-instructions.md").is_none());
}

#[test]
fn a_repository_of_another_venture_is_not_used() {
    let (machine, server) = (Machine::new(), Server::started());
    let dir = machine.repository("https://github.com/example-org/private-notes.git");
    std::fs::write(dir.join("server.js"), ROUTES).unwrap();
    server.require_generated("api.md");
    let heal =
        |dir: &Path| server.agent_in(&machine, AGENT, dir).call("doc_audit", &json!({"action": "heal"})).good().text;
    let text = heal(&dir);
    assert!(text.starts_with("No document is generated: example-org/private-notes is not a repository of"), "{text}");
    let text = heal(&machine.folder("plain"));
    assert!(text.starts_with("No document is generated: this folder is not a git repository."), "{text}");
    assert!(server.doc("api.md").is_none());
}

#[test]
fn a_start_of_day_heals_in_the_background_and_a_later_one_reports_it_once() {
    let (machine, server) = (Machine::new(), Server::started());
    with_a_route(&machine);
    server.require_generated("api.md");
    let mut agent = server.agent(&machine, AGENT);
    let line = background_report(&mut agent);
    assert_eq!(
        line,
        "Documents healed in the background: project-instructions.md: not written, because this repository has no source \
         for it; api.md: created, version 1."
    );
    assert!(server.doc("api.md").unwrap().content.contains("/health"));
    let next = agent.call("sod", &json!({})).good();
    assert!(!next.text.contains("healed in the background"), "{}", next.text);
    assert_eq!(next.facts["documents_missing"], 1);
}

#[test]
fn context_reports_background_healing_too() {
    let (machine, server) = (Machine::new(), Server::started());
    server.require_generated("schema.md");
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({})).good();
    let report = (0..200).map(|_| agent.call("context", &json!({})).good().text);
    let lines: Vec<String> = report.take_while(|text| !text.contains("schema.md: not written")).collect();
    assert!(lines.len() < 200, "the report came");
}

/// An API whose audit finds `api.md` stale. It has this document, and gives this answer to a PUT.
fn with_stale(doc: Value, put: (u16, Value)) -> ScriptedApi {
    with_stale_that(json!({"auto_generate": true}), doc, put)
}

/// The same, with these fields of the requirement.
fn with_stale_that(rule: Value, doc: Value, put: (u16, Value)) -> ScriptedApi {
    ScriptedApi::start(move |method, path| match (method, path) {
        ("GET", "/v1/docs/alpha/api.md") => (200, doc.clone()),
        ("PUT", "/v1/docs/alpha/api.md") => put.clone(),
        ("GET", path) if path.starts_with("/v1/docs/audit") => (200, stale_audit(&rule)),
        ("GET", path) if path.starts_with("/v1/ventures") => {
            let now = "2026-11-21T08:00:00.000Z";
            let alpha = json!({"code": "alpha", "name": "Alpha", "github_org": null, "repos": ["example-org/alpha"],
                "capabilities": [], "created_at": now, "updated_at": now});
            (200, json!({"items": [alpha], "total": 1, "next_cursor": null}))
        }
        _ => (404, problem(404, "not_found", "nothing here")),
    })
}

fn stale_audit(rule: &Value) -> Value {
    let none = json!({"total": 0, "shown": 0, "items": []});
    let api = json!({"requirement_id": "req_01JD0000000000000000000001", "scope": "alpha", "name": "api.md",
        "required": true, "auto_generate": rule["auto_generate"], "sources": [], "confirmed_at": "2026-01-01T00:00:00.000Z",
        "staleness_days": 90});
    let stale = json!({"total": 1, "shown": 1, "items": [api]});
    json!({"items": [{"venture": "alpha", "missing": none, "stale": stale, "present": none, "optional": none}],
        "total": 1, "next_cursor": null})
}

fn stored(source_repo: &Value, source_path: &Value) -> Value {
    let now = "2026-01-01T00:00:00.000Z";
    json!({"scope": "alpha", "name": "api.md", "title": "API", "doc_type": "markdown", "version": 3,
        "content_hash": sha256_hex(CONTENT.as_bytes()), "size_bytes": 8, "updated_at": now, "source_repo": source_repo,
        "source_path": source_path, "created_at": now, "actor_key_id": "0123456789abcdef", "content": CONTENT})
}

fn heal_at(api: &ScriptedApi) -> Answer {
    let machine = Machine::new();
    let mut command = machine.command(&with_a_route(&machine));
    command.envs([("DECKWATCH_AGENT", AGENT), ("DECKWATCH_VENTURE", "alpha")]);
    command.envs([("CONTEXT_API_URL", api.url.as_str()), ("CONTEXT_API_KEY", "0123456789abcdef")]);
    Mcp::initialized(command).call("doc_audit", &json!({"action": "heal"})).good()
}

#[test]
fn a_document_of_a_person_or_of_another_repository_is_kept() {
    let (own, other) = (json!("example-org/alpha"), json!("example-org/beta"));
    for (repo, path, expected) in [
        (Value::Null, Value::Null, "a person wrote or edited it"),
        (own.clone(), json!("docs/api.md"), "a person wrote or edited it"),
        (own.clone(), json!("generated:api"), "a person wrote or edited it"),
        (own.clone(), json!(mark("schema", CONTENT)), "a person wrote or edited it"),
        (own, json!(mark("api", "The API, before a person added to it.")), "a person wrote or edited it"),
        (other, json!(mark("api", CONTENT)), "it was generated from example-org/beta"),
    ] {
        let api = with_stale(stored(&repo, &path), (200, json!({})));
        let heal = heal_at(&api);
        assert_eq!(healed(&heal, "api.md"), "left", "{}", heal.text);
        assert!(heal.text.contains(expected), "{}", heal.text);
        assert!(api.seen.try_iter().all(|(method, _, _)| method == "GET"), "nothing was written");
    }
}

#[test]
fn a_document_that_people_must_write_is_not_generated() {
    let generated = stored(&json!("example-org/alpha"), &json!(mark("api", CONTENT)));
    let api = with_stale_that(json!({"auto_generate": false}), generated, (200, json!({})));
    let heal = heal_at(&api);
    assert!(heal.text.starts_with("Nothing can be healed: "), "{}", heal.text);
    assert!(api.seen.try_iter().all(|(method, _, _)| method == "GET"), "stale, and left");

    let (machine, server) = (Machine::new(), Server::started());
    with_a_route(&machine);
    server.require_written("api.md");
    let mut agent = server.agent(&machine, AGENT);
    let line = background_report(&mut agent);
    assert!(line.contains("project-instructions.md") && !line.contains("api.md"), "{line}");
    let heal = agent.call("doc_audit", &json!({"action": "heal"})).good();
    assert_eq!(heal.facts["healed"].as_array().unwrap().len(), 1, "{}", heal.text);
    assert!(server.doc("api.md").is_none(), "missing, because people must write it");
}

#[test]
fn each_failure_has_its_own_outcome() {
    let generated = stored(&json!("Example-Org/Alpha"), &json!(mark("api", CONTENT)));
    for (status, code, outcome, expected) in [
        (403, "forbidden", "not_permitted", "ask an admin"),
        (412, "doc_changed", "left", "somebody edited it just now"),
        (503, "unavailable", "unreachable", "not written, and the documents after it are skipped"),
        (422, "venture_not_registered", "failed", "failed: the Context API refused"),
    ] {
        let api = with_stale(generated.clone(), (status, problem(status, code, "No.")));
        let heal = heal_at(&api);
        assert_eq!(healed(&heal, "api.md"), outcome, "{}", heal.text);
        assert!(heal.text.contains(expected), "{}", heal.text);
    }
}

#[test]
fn unchanged_content_is_confirmed() {
    let generated = stored(&json!("example-org/alpha"), &json!(mark("api", CONTENT)));
    let mut put = generated.clone();
    put.as_object_mut().unwrap().remove("content");
    put["outcome"] = json!("unchanged");
    let api = with_stale(generated, (200, put));
    let heal = heal_at(&api);
    assert_eq!(healed(&heal, "api.md"), "confirmed");
    assert!(heal.text.contains("api.md: unchanged and confirmed, version 3"), "{}", heal.text);
    let sent = api.wait_for("PUT", "/v1/docs/alpha/api.md");
    assert_eq!(sent["source_path"], mark("api", sent["content"].as_str().unwrap()));
    assert_eq!(sent["source_repo"], "example-org/alpha");
}
