//! The outbox against an API that is scripted: what stops it, what it sets aside, what it can't hold.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use deckwatch_client::outbox::{Bounds, Delivery, NoteWrite, Occasion, Word};
use deckwatch_client::{Api, ApiConfig, ClientError};
use deckwatch_protocol::{Again, CreateNote, ErrorCode, Note, Problem};
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
        let replayed = api.replay(Occasion::Asked).await;
        assert!(replayed.stopped.is_some() && replayed.set_aside == 0, "{replayed:?}");
        server.now_answers(takes);
        assert_eq!(api.replay(Occasion::Asked).await.delivered, 1);
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

/// What is no word of the API about the entry: its failures, what a proxy says, what can't be understood.
const PASSING: &[Answer] = &[
    fails,
    silent,
    portal,
    |_| problem(ErrorCode::DatabaseUnavailable),
    |_| problem(ErrorCode::RateLimited),
    |_| problem(ErrorCode::Unauthorized),
    |_| http("400 X", "", "<html>Bad Request"),
    |_| http("403 X", "", "<html>Blocked by the firewall"),
    |_| http("403 X", "", &serde_json::to_string(&Problem::new(ErrorCode::Forbidden, "No.", "c")).unwrap()),
    |_| http("404 X", "", "404 page not found"),
    |_| http("408 X", CORRELATION, ""),
    |_| http("413 X", "", "<html>Request Entity Too Large"),
    |_| http("425 X", CORRELATION, "Too Early"),
    |_| http("429 X", "", "error code: 1015"),
    |_| http("502 X", "", "<html>Bad Gateway"),
    |_| http("520 X", "", "error code: 520"),
    |_| http("400 X", CORRELATION, r#"{"code":"a_code_of_next_year"}"#),
    |_| http("201 Created", "", "{}"),
];

#[tokio::test]
async fn what_is_no_refusal_of_the_api_sets_nothing_aside_however_often() {
    let all = PASSING.iter().enumerate().map(|(n, answer)| tokio::spawn(sets_nothing_aside(n, *answer)));
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

async fn sets_nothing_aside(n: usize, answer: Answer) {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    deliver(&api, "two").await.unwrap_err();
    server.now_answers(answer);
    for _ in 0..7 {
        let replayed = api.replay(Occasion::Asked).await;
        assert!(replayed.stopped.is_some() && replayed.set_aside + replayed.parked == 0, "{n}: {replayed:?}");
    }
    let waiting = api.waiting().await;
    assert_eq!((waiting.queued, waiting.parked.len(), waiting.set_aside.len()), (2, 0, 0), "{n}: {waiting:?}");
    assert!(waiting.stopped.is_some_and(|stopped| !stopped.cause.is_empty()), "{n}");
    server.now_answers(takes);
    assert_eq!(api.replay(Occasion::Asked).await.delivered, 2);
    assert!(server.titles().ends_with(&["one".to_owned(), "two".to_owned()]));
    assert_eq!(api.waiting().await.stopped, None);
}

#[tokio::test]
async fn every_code_of_the_api_does_to_an_entry_what_its_table_says() {
    let codes = ErrorCode::ALL.iter().filter(|code| code.status() < 500);
    for one in codes.map(|code| tokio::spawn(does_what_its_table_says(*code))).collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

async fn does_what_its_table_says(code: ErrorCode) {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, code.as_str()).await.unwrap_err();
    deliver(&api, "good").await.unwrap_err();
    server.now_answers(|title| {
        let refused = ErrorCode::ALL.iter().find(|code| code.as_str() == title);
        refused.map_or_else(|| takes(title), |code| problem(*code))
    });
    let replayed = api.replay(Occasion::Asked).await;
    let waiting = api.waiting().await;
    let became = (replayed.delivered, waiting.queued, waiting.parked.len(), waiting.set_aside.len());
    let expected = match code.again() {
        Again::Never => (1, 0, 0, 1),
        Again::AfterAPerson => (1, 1, 1, 0),
        Again::Later | Again::AfterAPersonForAll => (0, 2, 0, 0),
    };
    assert_eq!(became, expected, "{}", code.as_str());
}

/// A problem with a code of next year.
fn odd(status: u16) -> String {
    let problem = serde_json::json!({"type": "urn:deckwatch:error:note_too_odd", "title": "Odd", "status": status,
        "detail": "Too odd.", "code": "note_too_odd", "correlation_id": "corr_0a0b0c0d-0000-4000-8000-000000000001"});
    http(&format!("{status} X"), CORRELATION, &problem.to_string())
}

#[tokio::test]
async fn a_refusal_with_an_unknown_code_does_what_its_status_says() {
    let all = [400, 401, 403, 404, 409, 422, 425, 429].map(|status| tokio::spawn(does_what_its_status_says(status)));
    for one in all {
        one.await.unwrap();
    }
}

async fn does_what_its_status_says(status: u16) {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, &status.to_string()).await.unwrap_err();
    deliver(&api, "good").await.unwrap_err();
    server.now_answers(|title| title.parse().map_or_else(|_| takes(title), odd));
    let delivered = api.replay(Occasion::Asked).await.delivered;
    let waiting = api.waiting().await;
    let became = (delivered, waiting.queued, waiting.parked.len(), waiting.set_aside.len());
    let expected = match status {
        401 | 425 | 429 => (0, 2, 0, 0),
        403 => (1, 1, 1, 0),
        _ => (1, 0, 0, 1),
    };
    assert_eq!(became, expected, "{status}: {waiting:?}");
    assert!(waiting.set_aside.iter().all(|one| one.reason == "note_too_odd"), "{waiting:?}");
}

#[tokio::test]
async fn a_fresh_write_that_is_refused_with_an_unknown_code_is_not_called_queued() {
    let (_home, folder) = folder();
    let server = Scripted::start(|_| odd(422)).await;
    let api = server.api(&folder, Bounds::default());
    let error = api.deliver_note(&note("one")).await.unwrap_err();
    assert!(error.to_string().contains("refused (note_too_odd): Too odd. [corr_"), "{error}");
    assert_eq!(api.waiting().await.queued, 0);
    // Without the API's mark it is not the API's word.
    server.now_answers(|_| odd(422).replace(CORRELATION, ""));
    assert!(deliver(&api, "two").await.unwrap_err().contains("something in between"));
}

#[tokio::test]
async fn what_waits_for_a_person_is_sent_once_the_person_has_acted() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    server.now_answers(|_| problem(ErrorCode::VentureNotRegistered));
    assert_eq!(api.replay(Occasion::Asked).await.parked, 1);
    assert_eq!(api.replay(Occasion::Asked).await.parked, 0, "not tried again at once");
    let waiting = api.waiting().await;
    assert!(waiting.parked[0].cause.contains("venture_not_registered"), "{waiting:?}");
    server.now_answers(takes);
    move_back(&folder, "json");
    assert_eq!(api.replay(Occasion::ByItself).await.delivered, 1);
    let asked = server.asked.lock().unwrap();
    assert!(asked.iter().all(|(_, key)| *key == asked[0].1), "the same key each time");
}

#[tokio::test]
async fn what_was_promised_stays_promised_when_it_is_said_again_with_a_key_that_does_not_hold() {
    for code in [ErrorCode::Unauthorized, ErrorCode::Forbidden, ErrorCode::VentureNotRegistered] {
        let (_home, folder) = folder();
        let server = Scripted::start(silent).await;
        let api = server.api(&folder, Bounds::default());
        deliver(&api, code.as_str()).await.unwrap_err();
        server.now_answers(|title| problem(*ErrorCode::ALL.iter().find(|code| code.as_str() == title).unwrap()));
        let cause = deliver(&api, code.as_str()).await.unwrap_err();
        assert!(cause.contains(code.as_str()), "{cause}");
        assert_eq!(api.waiting().await.queued, 1, "{}", code.as_str());
    }
}

#[tokio::test]
async fn a_pause_that_the_api_asks_for_is_kept_by_every_process_and_ends() {
    let (_home, folder) = folder();
    let server = Scripted::start(|_| {
        let problem = Problem::new(ErrorCode::DatabaseUnavailable, "The quota is used up. Repeat it.", "c");
        http("503 X", &format!("{CORRELATION}retry-after: 99999999\r\n"), &serde_json::to_string(&problem).unwrap())
    })
    .await;
    let (one, other) = (server.api(&folder, Bounds::default()), server.api(&folder, Bounds::default()));
    deliver(&one, "one").await.unwrap_err();
    for _ in 0..5 {
        let stopped = other.replay(Occasion::ByItself).await.stopped.unwrap();
        assert!(stopped.contains("The quota is used up. [corr_") && !stopped.contains("Repeat"), "{stopped}");
    }
    deliver(&other, "two").await.unwrap_err();
    assert_eq!(server.titles(), ["one"], "nobody else asks");
    let stopped = one.waiting().await.stopped.unwrap();
    assert_eq!(stopped.again_at.seconds_since(stopped.since), 3600, "not for ever");
    assert_eq!(one.replay(Occasion::Asked).await.delivered, 0);
    assert_eq!(server.titles(), ["one", "one"], "who asks is not held off");
    server.now_answers(takes);
    move_back(&folder, "pause");
    assert_eq!(other.replay(Occasion::ByItself).await.delivered, 2);
}

/// As if everything in files of this name had happened a day ago.
fn move_back(folder: &Path, ending: &str) {
    for file in std::fs::read_dir(queue(folder)).unwrap().map(|file| file.unwrap().path()) {
        if file.to_string_lossy().ends_with(ending) {
            let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let entry = json.as_object_mut().unwrap();
            let times = match entry.get_mut("parked") {
                Some(parking) => parking.as_object_mut().unwrap(),
                None => entry,
            };
            for name in ["tried_at", "again_at"] {
                times.insert(name.to_owned(), "2026-01-01T00:00:00.000Z".into());
            }
            std::fs::write(&file, json.to_string()).unwrap();
        }
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
    assert!(text.contains("not known whether the note is recorded") && text.contains("can't be used"), "{text}");
}

#[tokio::test]
async fn a_write_that_may_have_happened_is_sent_under_the_same_key_when_it_is_said_again() {
    for (answer, is_mended) in [(silent as Answer, false), (portal, false), (fails, false), (silent, true)] {
        let (_home, folder) = folder();
        std::fs::write(&folder, "a file where the folder should be").unwrap();
        let server = Scripted::start(answer).await;
        let api = server.api(&folder, Bounds::default());
        for _ in 0..2 {
            let error = api.deliver_note(&note("one")).await.unwrap_err();
            assert!(matches!(error, ClientError::Unsure { .. }), "{error}");
            assert!(error.to_string().contains("not known whether the note is recorded"), "{error}");
        }
        if is_mended {
            std::fs::remove_file(&folder).unwrap();
        }
        server.now_answers(takes);
        assert_eq!(deliver(&api, "one").await.unwrap(), "one");
        let keys = || server.asked.lock().unwrap().iter().map(|(_, key)| key.clone()).collect::<Vec<_>>();
        assert!(keys().iter().all(|key| *key == keys()[0]), "{:?}", keys());
        assert_eq!(deliver(&api, "one").await.unwrap(), "one");
        assert_ne!(keys().last(), keys().first(), "what is recorded and said again is another write");
    }
}

/// The one queue below `folder`.
fn queue(folder: &Path) -> PathBuf {
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

#[tokio::test]
async fn a_file_that_can_not_be_read_is_reported_and_stops_no_other() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    let queue = queue(&folder);
    let text = std::fs::read(queue.join("000000000001.json")).unwrap();
    // A folder can't be read as a file, whoever runs this.
    std::fs::create_dir(queue.join("000000000000.json")).unwrap();
    std::fs::write(queue.join("5.json"), &text).unwrap();
    server.now_answers(takes);
    assert_eq!(deliver(&api, "two").await.unwrap(), "two");
    assert!(server.titles().ends_with(&["one".to_owned(), "two".to_owned()]));
    let waiting = api.waiting().await;
    let skipped: Vec<_> = waiting.skipped.iter().map(|one| one.path.strip_prefix(&queue).unwrap()).collect();
    assert_eq!((waiting.queued, skipped), (0, vec![Path::new("5.json"), Path::new("000000000000.json")]));
    assert!(waiting.skipped.iter().all(|one| !one.cause.is_empty()), "{waiting:?}");
    assert_eq!(std::fs::read(queue.join("5.json")).unwrap(), text, "it stays as it is");
}

#[tokio::test]
async fn an_entry_behind_the_largest_number_is_not_written_over_it() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    let queue = queue(&folder);
    let last = queue.join(format!("{}.json", u64::MAX));
    std::fs::rename(queue.join("000000000001.json"), &last).unwrap();
    let text = std::fs::read(&last).unwrap();
    assert!(matches!(api.deliver_note(&note("two")).await, Err(ClientError::NotKept { .. })));
    assert_eq!(std::fs::read(&last).unwrap(), text);
}

#[tokio::test]
async fn nothing_overtakes_what_may_wait_in_a_folder_that_can_not_be_listed() {
    let (home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    let (queue, away) = (queue(&folder), home.path().join("away"));
    // A link to itself can't be listed, whoever runs this.
    std::fs::rename(&queue, &away).unwrap();
    std::os::unix::fs::symlink(&queue, &queue).unwrap();
    server.now_answers(takes);
    let text = api.deliver_note(&note("two")).await.unwrap_err().to_string();
    for part in ["neither recorded nor queued", "older writes may wait", "Mend the disk or the folder"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    std::fs::remove_file(&queue).unwrap();
    std::fs::rename(&away, &queue).unwrap();
    assert_eq!(deliver(&api, "two").await.unwrap(), "two");
    assert!(server.titles().ends_with(&["one".to_owned(), "two".to_owned()]));
    assert_eq!(server.titles().iter().filter(|title| *title == "two").count(), 1);
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
    edit(&queue(&folder).join("000000000001.json"), "queued_at", "2020-01-01T00:00:00.000Z".into());
    server.now_answers(takes);
    assert_eq!(api.replay(Occasion::Asked).await.held, 1);
    assert_eq!(api.waiting().await.held.len(), 1);
    assert_eq!(api.resolve_held(Word::Send).await.unwrap(), 1);
    assert_eq!(api.replay(Occasion::Asked).await.delivered, 1);
    let keys: std::collections::BTreeSet<String> =
        server.asked.lock().unwrap().iter().map(|(_, key)| key.clone()).collect();
    assert_eq!(keys.len(), 2, "a new key: the API may have forgotten the old one");
    assert_eq!(api.resolve_held(Word::Drop).await.unwrap(), 0);
}

/// Changes a field of an entry.
fn edit(file: &Path, field: &str, value: serde_json::Value) {
    let mut entry: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    entry.as_object_mut().unwrap().insert(field.to_owned(), value);
    std::fs::write(file, entry.to_string()).unwrap();
}

#[tokio::test]
async fn what_is_held_is_sent_in_the_order_it_was_written() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    for (days, day) in ["mon", "tue"].iter().enumerate() {
        for n in 1..=2 {
            deliver(&api, &format!("{day}-{n}")).await.unwrap_err();
            let written = format!("2020-01-0{}T00:00:0{n}.000Z", days + 1);
            edit(&queue(&folder).join(format!("00000000000{n}.json")), "queued_at", written.into());
        }
        api.replay(Occasion::Asked).await;
        assert_eq!(api.waiting().await.held.len(), 2 * (days + 1), "the queue is empty, and its numbers start again");
    }
    server.now_answers(takes);
    assert_eq!(api.resolve_held(Word::Send).await.unwrap(), 4);
    assert_eq!(api.replay(Occasion::Asked).await.delivered, 4);
    assert!(
        server.titles().ends_with(&["mon-1", "mon-2", "tue-1", "tue-2"].map(str::to_owned)),
        "{:?}",
        server.titles()
    );
}

#[tokio::test]
async fn what_is_held_and_can_not_be_read_is_reported_and_stays() {
    for word in [Word::Send, Word::Drop] {
        let (_home, folder) = folder();
        let server = Scripted::start(silent).await;
        let api = server.api(&folder, Bounds::default());
        for n in 1..=2 {
            deliver(&api, &format!("old {n}")).await.unwrap_err();
            edit(&queue(&folder).join(format!("00000000000{n}.json")), "queued_at", "2020-01-01T00:00:00.000Z".into());
        }
        api.replay(Occasion::Asked).await;
        assert_eq!(api.waiting().await.held.len(), 2);
        let newer = queue(&folder).join("held/000000000002-0.json");
        edit(&newer, "version", 2.into());
        let text = std::fs::read(&newer).unwrap();
        assert_eq!(api.resolve_held(word).await.unwrap(), 1);
        assert_eq!(std::fs::read(&newer).unwrap(), text, "{word:?}");
        let waiting = api.waiting().await;
        let skipped: Vec<_> = waiting.skipped.iter().map(|one| one.path.as_path()).collect();
        assert_eq!((waiting.held.len(), skipped), (0, vec![newer.as_path()]), "{word:?}");
    }
}

#[tokio::test]
async fn what_was_reported_stays_where_it_is_and_the_oldest_report_goes_first() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    server.now_answers(|_| problem(ErrorCode::InvalidRequest));
    assert_eq!(api.replay(Occasion::Asked).await.set_aside, 1);
    let set_aside = queue(&folder).join("set-aside");
    // As an older version left them, with names behind that of the one that is reported now.
    let moved = |number: u32| set_aside.join(format!("reported/000000000{number}-0.json"));
    std::fs::create_dir(set_aside.join("reported")).unwrap();
    for number in 100..300 {
        std::fs::write(moved(number), "{}").unwrap();
        let age = std::time::Duration::from_hours(u64::from(number));
        let file = std::fs::File::options().append(true).open(moved(number)).unwrap();
        file.set_modified(std::time::SystemTime::now() - age).unwrap();
    }
    let refused = api.waiting().await.set_aside;
    let path = refused[0].path.clone();
    let text = std::fs::read(&path).unwrap();
    api.reported(refused).await;
    assert_eq!(std::fs::read(&path).unwrap(), text);
    assert!(!moved(299).exists() && moved(298).exists(), "200 are kept, by their age");
    assert_eq!(api.waiting().await.set_aside, []);
    // Once it is the oldest, it goes too, and its mark with it.
    let mark = set_aside.join("reported").join(path.file_name().unwrap());
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    std::fs::File::options().append(true).open(&mark).unwrap().set_modified(long_ago).unwrap();
    std::fs::write(moved(299), "{}").unwrap();
    api.reported(Vec::new()).await;
    assert!(!path.exists() && !mark.exists());
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
