//! `launcher send`, `inbox` and `watch`: a person and the agents of a venture write to each other.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use deckwatch_protocol::{DeliveryStatus, Priority};
use deckwatch_tests::{Api, Mailbox, golden, program};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use crate::proxy::Proxy;
use crate::tokens::mint;

/// Long enough for a loaded machine. A passing test does not wait for it.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// A person with a home folder and a key.
struct Person {
    home: TempDir,
    url: String,
    key: (&'static str, String),
}

struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Person {
    /// A person with a token of the scope `human`.
    async fn with_token(api: &Api, name: &str) -> Self {
        let minted = mint(api, json!({ "name": name, "scopes": ["human"] })).await;
        Self::with_key(api, ("CONTEXT_API_KEY", minted.token))
    }

    fn with_key(api: &Api, key: (&'static str, String)) -> Self {
        Self { home: tempfile::tempdir().unwrap(), url: api.url().to_owned(), key }
    }

    fn launcher(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("launcher"));
        command.args(args).current_dir(self.home.path()).env_clear().stdin(Stdio::null()).kill_on_drop(true);
        command.env("HOME", self.home.path()).env("PATH", std::env::var_os("PATH").unwrap()).env("USER", "ann");
        command.env("CONTEXT_API_URL", &self.url).env(self.key.0, &self.key.1);
        command
    }

    async fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, "").await
    }

    async fn run_with(&self, args: &[&str], input: &str) -> Run {
        let mut child = self.launcher(args);
        child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        // A command that fails early does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
        let output = child.wait_with_output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    async fn good(&self, args: &[&str]) -> String {
        let run = self.run(args).await;
        assert_eq!(run.code, Some(0), "{args:?}: {}", run.stderr);
        run.stdout
    }
}

/// The commands of a person and their output.
struct Transcript<'a> {
    text: String,
    known: Vec<(&'a str, &'a str)>,
}

impl Transcript<'_> {
    async fn run(&mut self, about: &str, person: &Person, args: &[&str], input: &str) {
        let Run { code, stdout, stderr } = person.run_with(args, input).await;
        let section = |name: &str, text: &str| match text {
            "" => String::new(),
            text => format!("--- {name}\n{}\n", text.trim_end()),
        };
        let (stdout, stderr) = (section("stdout", &stdout), section("stderr", &stderr));
        let (args, code) = (args.join(" "), code.unwrap());
        self.text.extend([format!("===== {about}\n$ launcher {args}\n{stdout}{stderr}exit code {code}\n\n")]);
    }

    #[track_caller]
    fn is_in_step(&self) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../launcher/tests/golden/messages.txt");
        golden::assert_in_step(&file, &golden::normalised(&self.text, &self.known));
    }
}

async fn mailbox(agent: &deckwatch_tests::Agent) -> Mailbox {
    agent.mailbox_with(json!({ "groups": { "frontend": "lead" } })).await
}

#[tokio::test]
async fn messages_of_people_are_in_step() {
    let api = Api::start().await;
    let agent = mailbox(&api.agent().await).await;
    let (venture, name) = (agent.agent.venture.as_str(), agent.name());
    let person = Person::with_token(&api, "ann").await;
    let url = api.url().trim_end_matches('/').to_owned();
    let known = vec![(venture, "alpha"), (name, "mac1-claude-1"), (url.as_str(), "http://127.0.0.1:8787")];
    let mut transcript = Transcript { text: String::new(), known };
    let at = ["--venture", venture];
    let with = |args: &[&'static str]| [args, &at].concat();
    let send = |to: &'static [&'static str]| [&["send"], to, &at].concat();

    transcript.run("no messages", &person, &with(&["inbox"]), "").await;
    let to_agent = ["send", name, "Please rebase on main.", at[0], at[1]];
    transcript.run("to an agent", &person, &to_agent, "").await;
    transcript
        .run(
            "to a group, from standard input",
            &person,
            &send(&["@frontend", "--kind", "question", "--ack", "--priority", "now", "-"]),
            "Is it green?\nI mean CI.\n",
        )
        .await;
    let taken = agent.taken().await;
    let question = taken.items.iter().find(|item| item.message.priority == Priority::Now).unwrap();
    assert_eq!(
        (question.message.from.as_str(), question.message.body.as_deref()),
        ("human:ann", Some("Is it green?\nI mean CI."))
    );
    assert_eq!((taken.items.len(), question.message.ack_required), (2, true));

    let answer =
        json!({ "kind": "answer", "body": "It is:\n- unit tests\n- lints\u{1b}[31m", "reply_to": question.message.id });
    agent.sent(&["human:ann"], answer).await;
    let asked = agent
        .sent(
            &["human"],
            json!({ "kind": "question", "body": "May I merge?", "subject": "PR 87", "ack_required": true }),
        )
        .await;
    transcript.run("left unread", &person, &with(&["inbox", "--keep"]), "").await;
    transcript.run("read", &person, &with(&["inbox"]), "").await;
    transcript.run("nothing more", &person, &with(&["inbox"]), "").await;
    assert_eq!(agent.record(&asked.id).await.deliveries[0].status, DeliveryStatus::Surfaced);
    transcript.run("one in full, acknowledged", &person, &["inbox", asked.id.as_str(), "--ack"], "").await;
    assert_eq!(agent.record(&asked.id).await.deliveries[0].status, DeliveryStatus::Acknowledged);
    let reply = ["send", "--reply-to", asked.id.as_str(), "Yes.", at[0], at[1]];
    transcript.run("an answer", &person, &reply, "").await;
    let taken = agent.taken().await;
    assert_eq!((taken.items[0].message.kind.as_str(), &taken.items[0].message.reply_to), ("answer", &Some(asked.id)));

    let near = format!("{name}x");
    transcript.run("an unknown agent", &person, &["send", &near, "Hello.", at[0], at[1]], "").await;
    transcript.known.push((&near, "mac1-claude-1x"));
    transcript.run("an empty group", &person, &send(&["@nobody", "Hello."]), "").await;
    transcript.run("no text", &person, &["send", name], "").await;
    transcript.run("no recipient", &person, &["send", "Hello there."], "").await;
    transcript.run("no quotation marks", &person, &["send", name, "Hello", "there,", "agent"], "").await;
    transcript.run("a wrong kind", &person, &["send", name, "Hello.", "--kind", "qestion"], "").await;
    transcript.run("a sealed message", &person, &["send", name, "Hello.", "--sealed"], "").await;
    transcript.run("no venture", &person, &["send", name, "Hello."], "").await;
    let unknown = person.run(&["inbox", "--venture", "nowhere"]).await;
    assert!(unknown.code == Some(12) && unknown.stderr.contains("there is no venture nowhere"), "{}", unknown.stderr);
    transcript.run("an unknown message", &person, &["inbox", "msg_01KB2ZQ0M3V5X7Y9A1C3E5G7J9"], "").await;
    let shared = Person::with_key(&api, ("CONTEXT_API_KEY", api.context_key().to_owned()));
    transcript.run("the key of agents", &shared, &to_agent, "").await;
    transcript.run("the key of agents", &shared, &with(&["inbox"]), "").await;
    transcript.run("a wrong kind of event", &person, &["watch", "--kinds", "agent_waitin"], "").await;
    let away = Person { url: "http://127.0.0.1:9".to_owned(), ..Person::with_token(&api, "ann").await };
    transcript.run("the API is away", &away, &to_agent, "").await;
    transcript.is_in_step();
}

#[tokio::test]
async fn an_admin_sends_under_a_name_and_reads_json() {
    let api = Api::start().await;
    let agent = mailbox(&api.agent().await).await;
    let admin = Person::with_key(&api, ("ADMIN_API_KEY", api.admin_key().to_owned()));
    let at = ["--venture", agent.agent.venture.as_str(), "--json"];
    for (more, from) in [(&[][..], "human:ann"), (&["--name", "bob"], "human:bob")] {
        let args = [&["send", agent.name(), "Hello."], more, &at].concat();
        let sent: Value = serde_json::from_str(&admin.good(&args).await).unwrap();
        assert_eq!((&sent["from"], &sent["recipients"]["total"]), (&json!(from), &json!(1)));
    }
    let sent = agent.sent(&["human"], json!({ "body": "Hello\u{202e}." })).await;
    let inbox = admin.good(&[&["inbox"][..], &at].concat()).await;
    assert!(inbox.contains("Hello\\u202e."), "{inbox}");
    let inbox: Value = serde_json::from_str(&inbox).unwrap();
    assert_eq!((&inbox["total"], &inbox["items"][0]["message"]["id"]), (&json!(1), &json!(sent.id)));
    let after: Value = serde_json::from_str(&admin.good(&[&["inbox"][..], &at].concat()).await).unwrap();
    assert_eq!(after["items"], json!([]));
    let one: Value = serde_json::from_str(&admin.good(&["inbox", sent.id.as_str(), "--json"]).await).unwrap();
    assert_eq!(one["deliveries"][0]["status"], "surfaced");
    // A text that is too long names the limit, and is not sent.
    let long = admin.run_with(&[&["send", agent.name(), "-"], &at[..2]].concat(), &"x".repeat(32_769)).await;
    assert!(
        long.code == Some(2) && long.stderr.contains("its text must have at most 32768 characters"),
        "{}",
        long.stderr
    );
    assert_eq!(agent.taken().await.items.len(), 2);
}

/// `launcher watch` while it runs.
struct Watching {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Watching {
    /// Starts it, and waits until it follows the events.
    async fn start(person: &Person, args: &[&str]) -> Self {
        let mut child =
            person.launcher(args).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let mut watching =
            Self { child, stdout: BufReader::new(stdout).lines(), stderr: BufReader::new(stderr).lines() };
        watching.says("following the events of ").await;
        watching
    }

    async fn line(&mut self) -> String {
        timeout(TIME_LIMIT, self.stdout.next_line()).await.expect("an event").unwrap().expect("a line")
    }

    async fn says(&mut self, expected: &str) {
        let line = timeout(TIME_LIMIT, self.stderr.next_line()).await.expect("a message").unwrap().expect("a line");
        assert!(line.contains(expected), "{line}");
    }

    /// Ends it with Ctrl-C, and returns what it still printed.
    async fn interrupted(mut self) -> Vec<String> {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        let ended = timeout(TIME_LIMIT, self.child.wait()).await.expect("an end").unwrap();
        assert_eq!(ended.code(), Some(0));
        let mut rest = Vec::new();
        while let Some(line) = self.stdout.next_line().await.unwrap() {
            rest.push(line);
        }
        rest
    }
}

#[tokio::test]
async fn a_watch_shows_events_as_they_happen_also_after_the_api_was_away() {
    let api = Api::start().await;
    let agent = mailbox(&api.agent().await).await;
    let venture = agent.agent.venture.as_str();
    let proxy = Proxy::start(&api).await;
    let url = proxy.url().to_owned();
    let person = Person { url: url.clone(), ..Person::with_token(&api, "ann").await };
    let mut json_lines = Watching::start(&person, &["watch", "--venture", venture, "--json"]).await;
    let kinds = ["watch", "--venture", venture, "--kinds", "message_sent,work_done"];
    let mut messages = Watching::start(&person, &kinds).await;
    agent.update(json!({ "branch": "dev/fix" })).await;
    let sent = agent.sent(&["human"], json!({})).await;
    let (moved, told) = (json_lines.line().await, json_lines.line().await);
    let event: Value = serde_json::from_str(&moved).unwrap();
    assert_eq!((&event["kind"], &event["agent"]), (&json!("session_moved"), &json!(agent.name())));
    let event: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&event["kind"], &event["subject"]), (&json!("message_sent"), &json!(sent.id)));
    let line = messages.line().await;
    let expected = format!("  message_sent         {}  {}  ", agent.name(), sent.id);
    assert!(line.contains(&expected) && line.as_bytes()[2] == b':' && !line.contains('\u{1b}'), "{line}");

    // The API goes away and comes back: nothing is lost.
    drop(proxy);
    json_lines.says("the API does not answer, so no events are shown until it is back").await;
    let missed = agent.sent(&["human"], json!({})).await;
    let _back = Proxy::start_at(&api, &url).await;
    let event: Value = serde_json::from_str(&json_lines.line().await).unwrap();
    assert_eq!(event["subject"], json!(missed.id));
    assert!(messages.line().await.contains(missed.id.as_str()));
    assert_eq!(json_lines.interrupted().await, Vec::<String>::new());
    assert_eq!(messages.interrupted().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_watch_ends_when_nothing_reads_it() {
    let api = Api::start().await;
    let agent = mailbox(&api.agent().await).await;
    let person = Person::with_token(&api, "ann").await;
    let mut watching = Watching::start(&person, &["watch", "--venture", &agent.agent.venture]).await;
    drop(std::mem::replace(&mut watching.stdout, closed()));
    agent.sent(&["human"], json!({})).await;
    let ended = timeout(TIME_LIMIT, watching.child.wait()).await.expect("an end").unwrap();
    assert_eq!(ended.code(), Some(0));
}

/// The output of a program that prints nothing.
fn closed() -> Lines<BufReader<ChildStdout>> {
    let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
    BufReader::new(child.stdout.take().unwrap()).lines()
}
