//! A scripted API, and helpers that read and change the folder of the queue.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use deckwatch_client::outbox::{Bounds, Delivery, NoteWrite};
use deckwatch_client::{ApiConfig, ContextClient};
use deckwatch_protocol::{CreateNote, ErrorCode, Note, Problem};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

pub(crate) const KEY: &str = "0123456789abcdef";
pub(crate) const CORRELATION: &str = "x-correlation-id: corr_0a0b0c0d-0000-4000-8000-000000000001\r\n";

/// An API whose response to a note depends on the note's title.
pub(crate) struct Scripted {
    url: String,
    /// The titles and idempotency keys of the requests, in order.
    pub(crate) asked: Arc<Mutex<Vec<(String, String)>>>,
    answer: Arc<Mutex<Answer>>,
}

pub(crate) type Answer = fn(&str) -> String;

impl Scripted {
    pub(crate) async fn start(answer: Answer) -> Self {
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
                if request.starts_with("GET ") {
                    let empty = serde_json::json!({"items": [], "total": 0, "next_cursor": null}).to_string();
                    stream.write_all(http("200 OK", CORRELATION, &empty).as_bytes()).await.unwrap();
                    continue;
                }
                let (title, key) = (after("\"title\":\"", '"'), after("idempotency-key: ", '\r'));
                log.lock().unwrap().push((title.clone(), key));
                let answer = *answers.lock().unwrap();
                stream.write_all(answer(&title).as_bytes()).await.unwrap();
            }
        });
        Self { url, asked, answer }
    }

    pub(crate) fn now_answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// A client whose outboxes are in `folder`, as [`folder`] returns it.
    pub(crate) fn api(&self, folder: &Path, bounds: Bounds) -> ContextClient {
        ContextClient::connect(ApiConfig::remote(&self.url, KEY).unwrap(), folder.parent().unwrap(), bounds)
    }

    /// The URL of the API.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn titles(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(title, _)| title.clone()).collect()
    }
}

pub(crate) fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

pub(crate) fn takes(title: &str) -> String {
    let now = "2026-11-21T08:00:00.000Z";
    let note = serde_json::json!({"id": "note_01JD0000000000000000000001", "title": title, "content": "x", "size_bytes": 1, "tags": [],
        "venture": null, "version": 1, "archived_at": null, "created_at": now, "updated_at": now, "actor_key_id": "a",
        "creation_correlation_id": "c"});
    http("201 Created", CORRELATION, &note.to_string())
}

pub(crate) fn problem(code: ErrorCode) -> String {
    let problem = Problem::new(code, "Because.", "corr_0a0b0c0d-0000-4000-8000-000000000001");
    http(&format!("{} X", code.status()), CORRELATION, &serde_json::to_string(&problem).unwrap())
}

pub(crate) fn fails(_: &str) -> String {
    problem(ErrorCode::InternalError)
}

/// No response: the server closes the connection.
pub(crate) fn silent(_: &str) -> String {
    String::new()
}

pub(crate) fn portal(_: &str) -> String {
    http("200 OK", "content-type: text/html\r\n", "<html>Log in to the hotel")
}

pub(crate) fn note(title: &str) -> NoteWrite {
    note_saying(title, "x")
}

pub(crate) fn note_saying(title: &str, content: &str) -> NoteWrite {
    let (title, content) = (title.parse().unwrap(), content.parse().unwrap());
    NoteWrite::Create(CreateNote::new(title, content))
}

/// The title if the note was delivered, or the reason why it waits.
pub(crate) async fn deliver(api: &ContextClient, title: &str) -> Result<String, String> {
    match api.deliver_note(&note(title)).await.unwrap() {
        Delivery::Delivered(Note { title, .. }) => Ok(title.to_string()),
        Delivery::ResponseLost(lost) => Err(lost.cause),
        Delivery::Queued(queued) => Err(queued.cause),
    }
}

/// A home and the folder of its outboxes, which does not exist yet.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("outbox");
    (home, folder)
}

/// Moves the times in all files with this ending to the past.
pub(crate) fn move_back(folder: &Path, ending: &str) {
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

/// The only queue below `folder`.
pub(crate) fn queue(folder: &Path) -> PathBuf {
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

/// Changes a field of an entry.
pub(crate) fn edit(file: &Path, field: &str, value: serde_json::Value) {
    let mut entry: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    entry.as_object_mut().unwrap().insert(field.to_owned(), value);
    std::fs::write(file, entry.to_string()).unwrap();
}
