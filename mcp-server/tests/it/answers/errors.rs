//! The errors of the tools, each from a real run. Each says what happened, why, and what to do.

use std::process::Command;

use serde_json::{Value, json};

use super::Transcript;
use crate::api::{ScriptedApi, problem};
use crate::between::{Between, Fate};
use crate::foreign_launch::Launched;
use crate::harness::{Machine, Mcp, handoff};
use crate::outage::sent_by_another_process;
use crate::server::{REMOTE, Server, command};

const AGENT: &str = "mac1-claude-1";
const KEY: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";
/// A port that nothing uses.
const NOBODY: &str = "http://127.0.0.1:9";

/// One error: what is wrong, and the call that fails because of it. Each has its own machine.
struct Case {
    about: &'static str,
    tool: &'static str,
    arguments: Value,
}

impl Case {
    fn new(about: &'static str, tool: &'static str, arguments: Value) -> Self {
        Self { about, tool, arguments }
    }

    fn sod(about: &'static str) -> Self {
        Self::new(about, "sod", json!({}))
    }

    /// Adds the error of a server whose command and machine are changed like this.
    #[track_caller]
    fn with(self, all: &mut Transcript, change: impl FnOnce(&Machine, &mut Command)) {
        let machine = Machine::new();
        let mut command = machine.command(&machine.repository_once(REMOTE));
        command.env("DECKWATCH_AGENT", AGENT);
        change(&machine, &mut command);
        self.of(all, &machine, &mut Mcp::initialized(command));
    }

    /// Adds the error of a server that has an API with this URL.
    #[track_caller]
    fn at(self, all: &mut Transcript, url: &str) {
        self.with(all, |_, command| {
            command.envs([("CONTEXT_API_URL", url), ("CONTEXT_API_KEY", KEY), ("DECKWATCH_VENTURE", "alpha")]);
        });
    }

    /// Adds the error of a server that has an API which gives this answer to every request.
    #[track_caller]
    fn when_answered(self, all: &mut Transcript, status: u16, answer: Value) {
        let api = ScriptedApi::start(move |_, _| (status, answer.clone()));
        self.at(all, &api.url);
    }

    #[track_caller]
    fn of(self, all: &mut Transcript, machine: &Machine, server: &mut Mcp) {
        let mut one = Transcript::on(machine);
        one.fails(self.about, server, self.tool, &self.arguments);
        all.append(&one);
    }
}

#[test]
fn errors_are_in_step() {
    let mut all = Transcript::on(&Machine::new());
    arguments(&mut all);
    surroundings(&mut all);
    launches(&mut all);
    settings_of_the_api(&mut all);
    refusals(&mut all);
    outages(&mut all);
    all.is_in_step("errors");
}

fn arguments(all: &mut Transcript) {
    let machine = Machine::new();
    let mut agent = machine.agent(AGENT, &machine.repository_once(REMOTE));
    let note = format!("note_01JD{:022}", 1);
    for (about, tool, arguments) in [
        (
            "several fields are wrong",
            "handoff",
            json!({"status": "finished", "links": ["javascript:x"], "accomplished": 3, "colour": "red"}),
        ),
        ("a number is too small", "sod", json!({"track": -1})),
        ("a number is written as a text", "sod", json!({"issue_number": "#87"})),
        ("a word is not one of those allowed", "sod", json!({"detail": "everything"})),
        ("a text is empty", "handoff", json!({"summary": "", "status": "done"})),
        ("a text is too long", "handoff", json!({"summary": "x".repeat(4_001), "status": "done"})),
        ("a tool without arguments gets one", "preflight", json!({"x": 1})),
        ("a path is not a name", "doc", json!({"name": "../etc/passwd"})),
        (
            "fields of another action",
            "note",
            json!({"action": "create", "title": "t", "content": "c", "id": note, "version": 1}),
        ),
        ("a note without a text", "note", json!({"action": "create"})),
        ("a change of no note", "note", json!({"action": "update", "content": "c"})),
        ("a text for the archive", "note", json!({"action": "archive", "id": note, "content": "c"})),
        ("an action that does not exist", "note", json!({"action": "burn"})),
        ("a scope is malformed", "note", json!({"action": "create", "title": "t", "content": "c", "scope": "Alpha!"})),
        ("nothing to change", "note", json!({"action": "update", "id": note, "version": 1})),
        ("an id and a search", "notes", json!({"id": note, "q": "x"})),
        ("an offset without an id", "handoffs", json!({"offset": 3})),
        ("an offset without an id", "notes", json!({"offset": 3})),
        ("a secret", "handoff", json!({"summary": "Use ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8.", "status": "done"})),
        ("an id that does not exist", "notes", json!({"id": note})),
        ("a handoff that does not exist", "handoffs", json!({"id": format!("ho_01JD{:022}", 1)})),
    ] {
        Case::new(about, tool, arguments).of(all, &machine, &mut agent);
    }
}

fn surroundings(all: &mut Transcript) {
    for (about, name, value) in [
        ("the agent's name is malformed", "DECKWATCH_AGENT", "a b"),
        ("the track is malformed", "DECKWATCH_TRACK", "x"),
        ("the venture is malformed", "DECKWATCH_VENTURE", "Alpha!"),
        ("the home folder is relative", "HOME", "here"),
        ("git does not trust the repository", "GIT_TEST_ASSUME_DIFFERENT_OWNER", "1"),
    ] {
        Case::sod(about).with(all, |_, command| {
            command.env(name, value);
        });
    }
    Case::sod("git is not installed").with(all, |machine, command| {
        command.env("PATH", machine.folder("empty"));
    });
    Case::sod("the repository is damaged").with(all, |machine, _| {
        std::fs::write(machine.repository_once(REMOTE).join(".git/config"), "[core\n").unwrap();
    });
    Case::sod("the folder of the slots can't be used").with(all, |machine, command| {
        std::fs::write(machine.folder(".local").join("state"), "").unwrap();
        command.env_remove("DECKWATCH_AGENT");
    });
    Case::sod("the local database can't be opened").with(all, |machine, _| {
        machine.folder(".local/share/deckwatch/context.db");
    });
    let ventures = |text: &'static str| {
        move |machine: &Machine, _: &mut Command| {
            std::fs::write(machine.folder(".config/deckwatch").join("ventures.json"), text).unwrap();
        }
    };
    Case::sod("the ventures file is malformed").with(all, ventures("{"));
    let twice = r#"{"ventures": [{"code": "a", "name": "A"}, {"code": "a", "name": "B"}]}"#;
    Case::sod("a venture is listed twice").with(all, ventures(twice));
    Case::sod("the ventures file does not exist").with(all, |_, command| {
        command.env("DECKWATCH_VENTURES", "/no/such/file.json");
    });
    let list = || Case::new("the folder of repositories is a file", "ventures", json!({}));
    list().with(all, |machine, command| {
        std::fs::write(machine.home().join("dev"), "").unwrap();
        command.env("DECKWATCH_DEV_ROOT", machine.home().join("dev"));
        ventures(r#"{"ventures": [{"code": "beta", "name": "Beta", "repos": ["example-org/beta"]}]}"#)(
            machine, command,
        );
    });
    let plan = |about| Case::new(about, "plan", json!({}));
    plan("the plan is outside the repository").with(all, |machine, command| {
        std::fs::write(machine.home().join("elsewhere.md"), "# Week 48\n").unwrap();
        command.env("DECKWATCH_PLAN", "../elsewhere.md");
    });
    plan("the plan is a folder").with(all, |machine, _| {
        std::fs::create_dir_all(machine.repository_once(REMOTE).join("docs/planning/WEEKLY_PLAN.md")).unwrap();
    });
}

fn launches(all: &mut Transcript) {
    let machine = Machine::new();
    let mut launched = Launched::on(&machine);
    let mut server = launched.server(&machine, REMOTE);
    let mut elsewhere = launched.server(&machine, "https://github.com/example-org/other.git");
    Case::sod("the launch works in another repository").of(all, &machine, &mut elsewhere);
    launched.ends();
    Case::sod("the launch has ended").of(all, &machine, &mut server);
    let _next = Launched::on(&machine);
    Case::sod("a later launch has the same name").of(all, &machine, &mut server);
}

fn settings_of_the_api(all: &mut Transcript) {
    for (about, url, key) in [
        ("there is no key", "https://api.example.com", ""),
        ("the key is malformed", "https://api.example.com", "two words"),
        ("the URL is malformed", "notaurl", KEY),
        ("the key would be sent without encryption", "http://api.example.com", KEY),
    ] {
        Case::sod(about).with(all, |_, command| {
            command.envs([("CONTEXT_API_URL", url), ("CONTEXT_API_KEY", key)]);
        });
    }
    let empty = ScriptedApi::start(|_, _| (200, json!({"items": [], "total": 0, "next_cursor": null})));
    Case::sod("the repository has no venture").with(all, |_, command| {
        command.envs([("CONTEXT_API_URL", empty.url.as_str()), ("CONTEXT_API_KEY", KEY)]);
    });
}

fn refusals(all: &mut Transcript) {
    for (about, status, code, detail) in [
        ("the key is not known", 401, "unauthorized", "The API key is not known."),
        ("the key has too few rights", 403, "forbidden", "This operation needs a key of the tier context."),
        ("too many requests", 429, "rate_limited", "This key has made 100 requests within a minute."),
        ("a refusal that this version does not know", 409, "moon_is_full", "The moon is full."),
        ("the API fails", 500, "internal_error", "Something failed in the Context API."),
    ] {
        Case::sod(about).when_answered(all, status, problem(status, code, detail));
    }
    let machine = Machine::new();
    let server = Server::started();
    let mut agent = server.agent(&machine, AGENT);
    let note = json!({"action": "create", "title": "Pricing", "content": "One."});
    let id = agent.call("note", &note).good().facts["note_id"].clone();
    let update = |content: &str| json!({"action": "update", "id": id, "version": 1, "content": content});
    let _ = agent.call("note", &update("Two.")).good();
    Case::new("the note was changed meanwhile", "note", update("Three.")).of(all, &machine, &mut agent);
    let race = json!({"action": "archive", "id": "note_01JD0000000000000000000001"});
    let path = "/v1/notes/note_01JD0000000000000000000001/archive";
    let (answer, machine, ..) = sent_by_another_process("note", path, &race);
    let mut refused = Transcript::on(&machine);
    refused.write("the API refused a write that another process sent", "note", &answer.trouble());
    all.append(&refused);
}

fn outages(all: &mut Transcript) {
    let machine = Machine::new();
    let mut command = command(&machine, AGENT, &machine.repository_once(REMOTE), NOBODY);
    command.env("DECKWATCH_VENTURE", "alpha");
    let mut agent = Mcp::initialized(command);
    for (tool, arguments) in [
        ("notes", json!({})),
        ("doc", json!({"name": "deploy.md"})),
        ("doc_audit", json!({})),
        ("handoffs", json!({})),
        ("context", json!({})),
        ("sod", json!({})),
    ] {
        Case::new("the API can't be reached", tool, arguments).of(all, &machine, &mut agent);
    }
    Case::sod("a login page answers").when_answered(all, 200, json!("<html>"));
    Case::sod("a proxy limits the requests").when_answered(all, 429, json!({"error": "slow down"}));
    Case::sod("a proxy says that the API is down").when_answered(all, 502, json!("Bad Gateway"));
    let write = |about| Case::new(about, "handoff", handoff("Half of the parser is written."));
    let without_outbox = |machine: &Machine, command: &mut Command, url: &str| {
        std::fs::write(machine.folder(".local").join("share"), "").unwrap();
        command.envs([("CONTEXT_API_URL", url), ("CONTEXT_API_KEY", KEY), ("DECKWATCH_VENTURE", "alpha")]);
    };
    write("the API can't be reached, and nothing can be queued").with(all, |machine, command| {
        without_outbox(machine, command, NOBODY);
    });
    let server = Server::started();
    let between = Between::leading_to(server.address());
    between.decides(|request| if request.path == "/v1/eod" { Fate::Breaks } else { Fate::Passes });
    write("the answer is lost, and nothing can be queued").with(all, |machine, command| {
        without_outbox(machine, command, &between.url);
    });
}
