//! The outbox against an API that is scripted: what stops it, what it sets aside, what it can't hold.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use deckwatch_client::outbox::{Bounds, Delivery, NoteWrite, Word};
use deckwatch_client::{Api, ApiConfig, ClientError};
use deckwatch_protocol::{CreateNote, ErrorCode, Note, Problem};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const KEY: &str = "0123456789abcdef";
const CORRELATION: &str = "x-correlation-id: corr_0a0b0c0d-0000-4000-8000-000000000001\r\n";

/// An API that answers each note by what its title says, or is not there at all.
struct Scripted {
    url: String,
    /// Titles and idempotency keys, as they came.
    asked: Arc<Mutex<Vec<(String, String)>>>,
    answer: Arc<Mutex<Answer>>,
}

type Answer = fn(&str) -> String;

impl Scripted {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new(answer));
        let (log, answers) = (Arc::clone(&asked), Arc::clone(&answer));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 64 * 1024];
                let read = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(request.get(..read).unwrap()).into_owned();
                let after = |mark: &str, end: char| {
                    let found = request.split(mark).nth(1).and_then(|rest| rest.split(end).next());
                    found.unwrap_or_default().to_owned()
                };
                let (title, key) = (after("\"title\":\"", '"'), after("idempotency-key: ", '\r'));
                log.lock().unwrap().push((title.clone(), key));
                let answer = *answers.lock().unwrap();
                stream.write_all(answer(&title).as_bytes()).await.unwrap();
            }
        });
        Self { url, asked, answer }
    }

    fn now_answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn api(&self, folder: &Path, bounds: Bounds) -> Api {
        Api::connect(ApiConfig::remote(&self.url, KEY).unwrap().queueing_below(folder.to_owned(), bounds))
    }

    fn titles(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(title, _)| title.clone()).collect()
    }
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

fn takes(title: &str) -> String {
    let now = "2026-11-21T08:00:00.000Z";
    let note = serde_json::json!({"id": "note_01JD0000000000000000000001", "title": title, "content": "x", "size_bytes": 1, "tags": [],
        "venture": null, "version": 1, "archived_at": null, "created_at": now, "updated_at": now, "actor_key_id": "a",
        "creation_correlation_id": "c"});
    http("201 Created", CORRELATION, &note.to_string())
}

fn problem(code: ErrorCode) -> String {
    let problem = Problem::new(code, "Because.", "corr_0a0b0c0d-0000-4000-8000-000000000001");
    http(&format!("{} X", code.status()), CORRELATION, &serde_json::to_string(&problem).unwrap())
}

fn fails(_: &str) -> String {
    problem(ErrorCode::InternalError)
}

/// No answer at all: the connection breaks off.
fn silent(_: &str) -> String {
    String::new()
}

fn portal(_: &str) -> String {
    http("200 OK", "content-type: text/html\r\n", "<html>Log in to the hotel")
}

fn note(title: &str) -> NoteWrite {
    note_saying(title, "x")
}

fn note_saying(title: &str, content: &str) -> NoteWrite {
    let (title, content) = (title.parse().unwrap(), content.parse().unwrap());
    NoteWrite::Create(CreateNote { title, content, tags: vec![], venture: None })
}

/// The title when it was delivered, or the cause why it waits.
async fn deliver(api: &Api, title: &str) -> Result<String, String> {
    match api.deliver_note(&note(title)).await.unwrap() {
        Delivery::Delivered(Note { title, .. }) => Ok(title.to_string()),
        Delivery::Taken(taken) => Err(taken.cause),
        Delivery::Queued(queued) => Err(queued.cause),
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("outbox");
    (home, folder)
}

#[tokio::test]
async fn a_failure_keeps_the_order_and_the_key() {
    let (_home, folder) = folder();
    let server = Scripted::start(fails).await;
    let api = server.api(&folder, Bounds::default());
    let cause = deliver(&api, "one").await.unwrap_err();
    assert!(cause.contains("the Context API failed: Because."), "{cause}");
    deliver(&api, "two").await.unwrap_err();
    assert_eq!(server.titles(), ["one", "one"], "two is not tried before one is through");
    server.now_answers(takes);
    assert_eq!(deliver(&api, "three").await.unwrap(), "three");
    assert_eq!(server.titles(), ["one", "one", "one", "two", "three"]);
    let asked = server.asked.lock().unwrap();
    let [first, again, last, ..] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((&first.1, &again.1), (&last.1, &last.1), "the same key each time");
}

#[tokio::test]
async fn a_key_that_is_not_taken_now_sets_nothing_aside() {
    for answer in [
        |_: &str| problem(ErrorCode::Unauthorized),
        |_: &str| {
            http(
                "429 X",
                &format!("{CORRELATION}retry-after: 59\r\n"),
                &serde_json::to_string(&Problem::new(ErrorCode::RateLimited, "Full.", "c")).unwrap(),
            )
        },
    ] as [Answer; 2]
    {
        let (_home, folder) = folder();
        let server = Scripted::start(silent).await;
        let api = server.api(&folder, Bounds::default());
        deliver(&api, "one").await.unwrap_err();
        server.now_answers(answer);
        let replayed = api.replay().await;
        assert!(replayed.stopped.is_some() && replayed.set_aside == 0, "{replayed:?}");
        server.now_answers(takes);
        assert_eq!(api.replay().await.delivered, 1);
    }
}

#[tokio::test]
async fn a_refusal_of_a_fresh_write_is_the_callers_and_leaves_nothing_behind() {
    let (_home, folder) = folder();
    let server = Scripted::start(|_| problem(ErrorCode::VentureNotRegistered)).await;
    let api = server.api(&folder, Bounds::default());
    let error = api.deliver_note(&note("one")).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::VentureNotRegistered));
    let waiting = api.waiting().await;
    assert_eq!((waiting.queued, waiting.set_aside.len()), (0, 0));
}

#[tokio::test]
async fn a_portal_in_between_does_not_swallow_what_waits() {
    let (_home, folder) = folder();
    let server = Scripted::start(portal).await;
    let api = server.api(&folder, Bounds::default());
    let cause = deliver(&api, "one").await.unwrap_err();
    assert!(cause.contains("something in between answered"), "{cause}");
    assert_eq!(api.waiting().await.queued, 1);
}

#[tokio::test]
async fn an_entry_over_which_the_api_fails_again_and_again_is_set_aside() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "poison").await.unwrap_err();
    deliver(&api, "good").await.unwrap_err();
    server.now_answers(|title| if title == "poison" { fails(title) } else { takes(title) });
    for _ in 0..4 {
        assert_eq!(api.replay().await.delivered, 0);
    }
    let replayed = api.replay().await;
    assert_eq!((replayed.set_aside, replayed.delivered), (1, 1), "{replayed:?}");
    let waiting = api.waiting().await;
    let [set_aside] = waiting.set_aside.as_slice() else { panic!("{waiting:?}") };
    assert_eq!((set_aside.what, set_aside.reason.as_str()), ("note", "the API fails over it"));
    assert!(std::fs::read_to_string(&set_aside.path).unwrap().contains("poison"));
}

#[tokio::test]
async fn a_database_that_is_out_of_reach_is_no_reason_to_set_anything_aside() {
    let (_home, folder) = folder();
    let server = Scripted::start(|_| {
        let problem = Problem::new(ErrorCode::DatabaseUnavailable, "Later.", "c");
        http("503 X", &format!("{CORRELATION}retry-after: 59\r\n"), &serde_json::to_string(&problem).unwrap())
    })
    .await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    for _ in 0..7 {
        assert_eq!(api.replay().await.set_aside, 0);
    }
}

#[tokio::test]
async fn a_full_outbox_is_said_plainly_and_does_not_keep_anything_from_being_sent() {
    for bounds in [Bounds { entries: 2, bytes: 1 << 20 }, Bounds { entries: 100, bytes: 900 }] {
        let (_home, folder) = folder();
        let server = Scripted::start(silent).await;
        let api = server.api(&folder, bounds);
        deliver(&api, "one").await.unwrap_err();
        deliver(&api, "two").await.unwrap_err();
        let error = api.deliver_note(&note("three")).await.unwrap_err();
        assert!(matches!(error, ClientError::NotKept { .. }), "{error}");
        let text = error.to_string();
        for part in ["neither recorded nor queued", "is full: it holds 2 entries", "can't reach the Context API"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(api.waiting().await.queued, 2);
        server.now_answers(takes);
        assert_eq!(deliver(&api, "four").await.unwrap(), "four");
        let titles = server.titles();
        assert!(titles.ends_with(&["one".to_owned(), "two".to_owned(), "four".to_owned()]), "{titles:?}");
    }
}

#[tokio::test]
async fn a_disk_that_takes_nothing_keeps_nothing_from_being_sent_at_once() {
    let (_home, folder) = folder();
    std::fs::write(&folder, "a file where the folder should be").unwrap();
    let server = Scripted::start(takes).await;
    let api = server.api(&folder, Bounds::default());
    assert_eq!(deliver(&api, "one").await.unwrap(), "one");
    server.now_answers(silent);
    let text = api.deliver_note(&note("two")).await.unwrap_err().to_string();
    assert!(text.contains("neither recorded nor queued") && text.contains("can't be used"), "{text}");
}

#[tokio::test]
async fn a_secret_is_not_queued_either() {
    let (home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    let secret = format!("it is {KEY}");
    let error = api.deliver_note(&note_saying("one", &secret)).await.unwrap_err();
    assert!(error.to_string().starts_with("The note was not sent: /content has the value of"), "{error}");
    assert!(server.titles().is_empty());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_held_is_sent_as_new_or_dropped() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "old").await.unwrap_err();
    let queue = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let file = queue.join("000000000001.json");
    let mut entry: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    entry["queued_at"] = serde_json::json!("2020-01-01T00:00:00.000Z");
    std::fs::write(&file, entry.to_string()).unwrap();
    server.now_answers(takes);
    assert_eq!(api.replay().await.held, 1);
    assert_eq!(api.waiting().await.held.len(), 1);
    assert_eq!(api.resolve_held(Word::Send).await.unwrap(), 1);
    assert_eq!(api.replay().await.delivered, 1);
    let keys: std::collections::BTreeSet<String> =
        server.asked.lock().unwrap().iter().map(|(_, key)| key.clone()).collect();
    assert_eq!(keys.len(), 2, "a new key: the API may have forgotten the old one");
    assert_eq!(api.resolve_held(Word::Drop).await.unwrap(), 0);
}

#[tokio::test]
async fn writes_at_the_same_moment_each_get_their_own_answer() {
    let (_home, folder) = folder();
    let server = Scripted::start(takes).await;
    // Each stands for a process: they share nothing but the folder.
    let writers = (0..12).map(|n| {
        let api = server.api(&folder, Bounds::default());
        tokio::spawn(async move {
            for round in 0..4 {
                let title = format!("{n} in {round}");
                assert_eq!(deliver(&api, &title).await.unwrap(), title);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let keys: std::collections::BTreeMap<String, String> = server.asked.lock().unwrap().iter().cloned().collect();
    let sent: std::collections::BTreeSet<(String, String)> = server.asked.lock().unwrap().iter().cloned().collect();
    assert_eq!((keys.len(), sent.len()), (48, 48), "each write under one key");
}
