//! A watch of the events: over a socket, without one, over a restart of the server, and with the embedded engine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deckwatch_api::{Engine, Settings};
use deckwatch_client::watch::{Watch, Watched};
use deckwatch_client::{Api, ApiConfig, ClientError};
use deckwatch_protocol::{
    Agent, CreateNote, EventKind, ListVentures, NoteFilter, PutVenture, RequestFilter, VentureCode,
};
use deckwatch_server::{Embedded, http};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

const KEY: &str = "the-admin-key-of-a-test";

/// A server in this process.
struct Server {
    address: String,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(folder: &Path, address: &str) -> Self {
        let settings = Settings::from_vars(Engine::Embedded, |name| match name {
            "ADMIN_API_KEY" => Some(KEY.to_owned()),
            "RATE_LIMIT_PER_MINUTE" => Some("1000000".to_owned()),
            _ => None,
        });
        let engine = Embedded::open(&folder.join("context.db"), settings.unwrap()).unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move { http::serve(engine, listener, async { drop(stopped.await) }).await });
        Self { address, stop: Some(stop), serving }
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        self.serving.await.unwrap();
    }

    fn api(&self) -> Api {
        api_at(&self.address)
    }
}

fn api_at(address: &str) -> Api {
    Api::connect(ApiConfig::remote(&format!("http://{address}"), KEY).unwrap())
}

fn json<T: deserr::Deserr<deckwatch_protocol::Violations>>(value: serde_json::Value) -> T {
    deserr::deserialize(value).unwrap()
}

async fn note(api: &Api, venture: Option<&VentureCode>) {
    let note = serde_json::json!({ "title": "T", "content": "C", "venture": venture });
    api.create_note(&json::<CreateNote>(note)).await.unwrap();
}

async fn venture(api: &Api, code: &str) -> VentureCode {
    let code: VentureCode = code.parse().unwrap();
    api.put_venture(&code, &json::<PutVenture>(serde_json::json!({ "name": "A venture" }))).await.unwrap();
    code
}

/// The numbers of the next events.
async fn next(watch: &mut Watch, limit: Duration) -> Vec<u64> {
    match timeout(limit, watch.next()).await.unwrap().unwrap() {
        Watched::Events(events) => events.iter().map(|event| event.seq).collect(),
        Watched::Gap => panic!("a gap"),
    }
}

/// Waits until the watch has looked for events and found none.
async fn idle(watch: &mut Watch, time: Duration) {
    assert!(timeout(time, watch.next()).await.is_err(), "an event that nothing has caused");
}

/// How often events were listed. The log row of a read is written 100 ms after its answer.
async fn lists(api: &Api) -> u32 {
    let filter = RequestFilter { operation: Some("list_events".parse().unwrap()), ..RequestFilter::default() };
    tokio::time::sleep(Duration::from_millis(500)).await;
    api.list_requests(&filter).await.unwrap().total
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_gets_each_event_of_its_venture_once_and_in_order() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), "127.0.0.1:0").await;
    let api = server.api();
    let (here, there) = (venture(&api, "here").await, venture(&api, "there").await);
    note(&api, Some(&here)).await;
    let mut watch = Watch::new(server.api(), Some(here.clone()), None);
    idle(&mut watch, Duration::from_millis(500)).await;
    assert!(watch.has_socket());
    assert_eq!(watch.after(), Some(1), "a new watch begins after the newest event");
    let mut slowest = Duration::ZERO;
    for n in 0..50 {
        note(&api, Some(&there)).await;
        let written = Instant::now();
        note(&api, Some(&here)).await;
        assert_eq!(next(&mut watch, Duration::from_secs(5)).await, [3 + 2 * n]);
        slowest = slowest.max(written.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    let mut all = Watch::new(server.api(), None, Some(0));
    let first = next(&mut all, Duration::from_secs(5)).await;
    assert_eq!(first, (1..=100).collect::<Vec<_>>());
    assert_eq!(next(&mut all, Duration::from_secs(5)).await, [101]);
    server.stop().await;
}

/// When a client has tried to open a socket.
type Attempts = Arc<Mutex<Vec<Instant>>>;

/// Passes requests to the server, and refuses those for a socket. Each connection has one request. Returns its address.
async fn refusing_proxy(server: String) -> (String, Attempts) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let attempts = Attempts::default();
    let seen = Arc::clone(&attempts);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (server, seen) = (server.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                if head.to_lowercase().contains("upgrade: websocket") {
                    seen.lock().unwrap().push(Instant::now());
                    let refusal = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                    return client.write_all(refusal.as_bytes()).await.unwrap();
                }
                let mut upstream = TcpStream::connect(server).await.unwrap();
                let closing = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
                upstream.write_all(closing.as_bytes()).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut upstream).await;
            });
        }
    });
    (address, attempts)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_tries_to_open_a_socket_after_longer_and_longer_pauses_with_jitter() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), "127.0.0.1:0").await;
    let pauses_of_a_watch = async || {
        let (address, attempts) = refusing_proxy(server.address.clone()).await;
        let mut watch = Watch::new(api_at(&address), None, Some(0));
        while attempts.lock().unwrap().len() < 4 {
            idle(&mut watch, Duration::from_millis(200)).await;
        }
        let attempts = attempts.lock().unwrap();
        attempts.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect::<Vec<_>>()
    };
    let [first, second] = <[_; 2]>::from(tokio::join!(pauses_of_a_watch(), pauses_of_a_watch()));
    for pauses in [&first, &second] {
        for (pause, least) in pauses.iter().zip([1.0, 2.0, 4.0]) {
            // The jitter is at most as long as the pause. The rest is the time of the machine.
            assert!((least..2.0 * least + 1.0).contains(pause), "{pauses:?}");
        }
    }
    let differs = first.iter().zip(&second).any(|(one, other)| (one - other).abs() > 0.05);
    assert!(differs, "two clients try at the same moments: {first:?} {second:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_polls_only_without_a_socket() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), "127.0.0.1:0").await;
    let api = server.api();
    let mut with_socket = Watch::new(server.api(), None, Some(0));
    idle(&mut with_socket, Duration::from_secs(1)).await;
    let before = lists(&api).await;
    idle(&mut with_socket, Duration::from_secs(33)).await;
    assert!(with_socket.has_socket());
    assert_eq!(lists(&api).await, before, "the watch has polled");
    let proxied = api_at(&refusing_proxy(server.address.clone()).await.0);
    let mut without = Watch::new(proxied, None, Some(0));
    idle(&mut without, Duration::from_secs(1)).await;
    assert!(!without.has_socket());
    let polled = lists(&api).await;
    note(&api, None).await;
    assert_eq!(next(&mut without, Duration::from_secs(35)).await, [1]);
    assert_eq!(lists(&api).await, polled + 1);
    assert_eq!(next(&mut with_socket, Duration::from_secs(5)).await, [1]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_after_a_restart_of_the_server() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::start(folder.path(), "127.0.0.1:0").await;
    let address = server.address.clone();
    let mut watch = Watch::new(api_at(&address), None, Some(0));
    for n in 0..3 {
        note(&server.api(), None).await;
        assert_eq!(next(&mut watch, Duration::from_secs(20)).await, [1 + 2 * n]);
        server.stop().await;
        idle(&mut watch, Duration::from_millis(500)).await;
        assert!(!watch.has_socket());
        server = Server::start(folder.path(), &address).await;
        note(&server.api(), None).await;
        assert_eq!(next(&mut watch, Duration::from_secs(40)).await, [2 + 2 * n]);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_says_that_events_may_be_missing_and_fails_with_a_wrong_key() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), "127.0.0.1:0").await;
    let api = server.api();
    note(&api, None).await;
    let mut watch = Watch::new(server.api(), None, Some(1_000));
    let found = timeout(Duration::from_secs(5), watch.next()).await.unwrap().unwrap();
    assert_eq!((found, watch.after()), (Watched::Gap, Some(1)));
    note(&api, None).await;
    assert_eq!(next(&mut watch, Duration::from_secs(5)).await, [2]);
    let url = format!("http://{}", server.address);
    let stranger = Api::connect(ApiConfig::remote(&url, "a-wrong-key-of-a-test").unwrap());
    let refused = timeout(Duration::from_secs(5), Watch::new(stranger, None, None).next()).await.unwrap();
    assert!(matches!(refused, Err(ClientError::Refused(_))), "{refused:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_the_embedded_engine_looks_at_the_database_and_lists_only_new_events() {
    let folder = TempDir::new().unwrap();
    let embedded = || {
        let agent: Agent = "mac1-claude-1".parse().unwrap();
        Api::connect(ApiConfig::embedded(folder.path().join("context.db"), &agent).unwrap())
    };
    let (own, other) = (embedded(), embedded());
    let mut watch = Watch::new(own.clone(), None, Some(0));
    note(&other, None).await;
    assert_eq!(next(&mut watch, Duration::from_secs(5)).await, [1]);
    idle(&mut watch, Duration::from_secs(1)).await;
    let before = lists(&other).await;
    for _ in 0..5 {
        // These change the database, but append no event.
        other.list_ventures(&ListVentures::default()).await.unwrap();
        other.list_notes(&NoteFilter::default()).await.unwrap();
        idle(&mut watch, Duration::from_millis(400)).await;
    }
    assert_eq!(lists(&other).await, before);
    for (n, api) in [&other, &own, &other].into_iter().enumerate() {
        let written = Instant::now();
        note(api, None).await;
        let found = timeout(Duration::from_secs(5), watch.next()).await.unwrap().unwrap();
        let Watched::Events(events) = found else { panic!("a gap") };
        let shown: Vec<_> = events.iter().map(|event| (event.seq, event.kind)).collect();
        assert_eq!(shown, [(2 + n as u64, EventKind::NoteSaved)]);
        assert!(written.elapsed() < Duration::from_secs(1), "{:?}", written.elapsed());
    }
}
