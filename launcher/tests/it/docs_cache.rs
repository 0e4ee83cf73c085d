//! Tests of `launcher docs cache` on the database of this machine, and without an API.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, SystemTime};

use deckwatch_client::{Api, ApiConfig, ClientError};
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{DocScope, DocType, PutDoc, SessionFilter};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::launching::closed_port;
use crate::world::{Run, World};

const CACHE: &str = "home/.cache/deckwatch/docs";

/// Runs requests against the database in the world's home, with all rights.
fn at_the_api<T>(world: &World, work: impl AsyncFnOnce(Api) -> Result<T, ClientError>) -> T {
    let home = world.path("home").into_os_string();
    let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.clone())).unwrap();
    let config = ApiConfig::from_vars(|_| None, &dirs, &"ann-test-1".parse().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { work(Api::connect(config)).await }).unwrap()
}

fn put(world: &World, scope: &str, name: &str, content: &str) {
    let (scope, name): (DocScope, _) = (scope.parse().unwrap(), name.parse().unwrap());
    let doc = PutDoc {
        content: content.parse().unwrap(),
        doc_type: DocType::Markdown,
        title: None,
        source_repo: None,
        source_path: None,
    };
    at_the_api(world, async |api| api.put_doc(&scope, &name, &doc).await);
}

fn delete(world: &World, scope: &str, name: &str) {
    at_the_api(world, async |api| api.delete_doc(&scope.parse().unwrap(), &name.parse().unwrap()).await);
}

/// A world whose database has the ventures and these documents.
fn with_docs(docs: &[(&str, &str, &str)]) -> World {
    let world = World::new();
    let _ = world.run(&["ventures", "sync"]).succeeds();
    for (scope, name, content) in docs {
        put(&world, scope, name, content);
    }
    world
}

fn cache(world: &World) -> Value {
    serde_json::from_str(&world.run(&["docs", "cache", "alpha", "--json"]).succeeds().stdout).unwrap()
}

fn outcomes(report: &Value) -> Vec<String> {
    let word = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let rows = report["docs"].as_array().unwrap().iter();
    rows.map(|row| format!("{}/{} {}", word(row, "scope"), word(row, "name"), word(row, "outcome"))).collect()
}

#[test]
fn the_copies_equal_the_documents_and_each_scope_has_its_own_files() {
    let world =
        with_docs(&[("alpha", "api.md", "Alpha's."), ("global", "api.md", "Everyone's."), ("beta", "b.md", "x")]);
    assert_eq!(outcomes(&cache(&world)), ["alpha/api.md created", "global/api.md created"]);
    assert_eq!(world.read(&format!("{CACHE}/alpha/api.md")), "Alpha's.");
    assert_eq!(world.read(&format!("{CACHE}/global/api.md")), "Everyone's.");
    let mode = world.path(CACHE).join("alpha/api.md").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(world.path(CACHE)).unwrap().count(), 2, "no other venture's");
    assert_eq!(std::fs::read_dir(world.path(CACHE).join("alpha")).unwrap().count(), 1, "nothing unfinished is left");
}

#[test]
fn changed_documents_are_fetched_and_deleted_ones_removed() {
    let world = with_docs(&[("alpha", "a.md", "one"), ("alpha", "b.md", "two"), ("alpha", "c.md", "three")]);
    cache(&world);
    put(&world, "alpha", "b.md", "two, again");
    delete(&world, "alpha", "c.md");
    world.write(&format!("{CACHE}/alpha/a.md"), "written over by hand");
    world.write(&format!("{CACHE}/alpha/.mine"), "no document's name");
    let second = cache(&world);
    assert_eq!(outcomes(&second), ["alpha/a.md updated", "alpha/b.md updated", "alpha/c.md removed"]);
    assert_eq!(world.read(&format!("{CACHE}/alpha/a.md")), "one");
    assert!(!world.path(CACHE).join("alpha/c.md").exists() && world.path(CACHE).join("alpha/.mine").exists());
    assert_eq!(outcomes(&cache(&world)), ["alpha/a.md unchanged", "alpha/b.md unchanged"]);
}

#[test]
fn no_session_is_started_and_no_database_is_created() {
    let world = World::new();
    let said = world.run(&["docs", "cache", "alpha"]).succeeds().stdout;
    assert!(said.starts_with("0 documents in ~/.cache/deckwatch/docs"), "{said}");
    assert!(!world.path("home/.local/share/deckwatch/context.db").exists());

    let world = with_docs(&[("alpha", "a.md", "one")]);
    cache(&world);
    let sessions = at_the_api(&world, async |api| api.list_sessions(&SessionFilter::default()).await);
    assert_eq!(sessions.total, 0);
}

#[test]
fn without_the_api_the_copies_stay_and_their_age_is_shown() {
    let world = with_docs(&[("alpha", "a.md", "one"), ("global", "g.md", "all")]);
    cache(&world);
    let old = SystemTime::now() - Duration::from_hours(3);
    let copy = std::fs::File::options().write(true).open(world.path(CACHE).join("alpha/a.md")).unwrap();
    copy.set_modified(old).unwrap();
    let offline = |args: &[&str]| {
        let mut launcher = world.launcher(args);
        launcher.env("CONTEXT_API_URL", closed_port());
        launcher.env("CONTEXT_API_KEY", "0123456789abcdef0123456789abcdef");
        Run::of(&mut launcher)
    };
    let run = offline(&["docs", "cache", "alpha"]);
    run.refuses(18, &["2 of 2 documents are missing or may be out of date; run it again"]);
    let said = run.stdout;
    assert!(said.contains("can't reach the Context API"), "{said}");
    assert!(said.contains("alpha/a.md   stale, copied 3 h ago"), "{said}");
    let report: Value = serde_json::from_str(&offline(&["docs", "cache", "alpha", "--json"]).stdout).unwrap();
    assert_eq!(outcomes(&report), ["alpha/a.md stale", "global/g.md stale"]);
    assert!(report["docs"][0]["age_seconds"].as_u64().unwrap() >= 3 * 3600);
    assert_eq!(report["docs"][0]["error"], json!(null));
    assert_eq!(world.read(&format!("{CACHE}/alpha/a.md")), "one");

    let beta = offline(&["docs", "cache", "beta", "--json"]).stdout;
    assert_eq!(outcomes(&serde_json::from_str(&beta).unwrap()), ["global/g.md stale"]);
    std::fs::remove_dir_all(world.path(CACHE)).unwrap();
    let nothing = offline(&["docs", "cache", "alpha"]);
    assert_eq!(nothing.code, Some(18), "{}", nothing.stderr);
    assert!(nothing.stderr.contains("can't reach the Context API"), "{}", nothing.stderr);
}

/// A stub of the API with 150 documents of alpha. It counts requests for single documents and refuses some requests.
struct Limited {
    url: String,
    /// The number of requests that are answered before some are refused.
    until: Arc<AtomicUsize>,
    /// The number of requests that are refused after that.
    refused: Arc<AtomicUsize>,
    /// The number of documents that were sent.
    sent: Arc<AtomicUsize>,
}

/// The header of every answer of the API.
const MARK: &str = "x-correlation-id: corr_x\r\n";

impl Limited {
    /// Starts an API that refuses requests itself and says how long to wait.
    fn start(retry_after: u64) -> Self {
        Self::refusing(&format!("x-correlation-id: corr_x\r\nretry-after: {retry_after}\r\n"))
    }

    /// Starts an API that refuses with these headers. Without `x-correlation-id`, the refusal looks like one of a proxy.
    fn refusing(refusal: &str) -> Self {
        let refusal = refusal.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let [until, refused, sent] = std::array::from_fn(|_| Arc::new(AtomicUsize::new(0)));
        let limited = Self { url, until: until.clone(), refused: refused.clone(), sent: sent.clone() };
        let take = |left: &AtomicUsize| left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut request = [0; 16 * 1024];
                let length = stream.read(&mut request).unwrap();
                let line = String::from_utf8_lossy(&request[..length]);
                let path = line.split(' ').nth(1).unwrap_or_default();
                let (status, headers, body) = match () {
                    () if !take(&until) && take(&refused) => (429, refusal.as_str(), too_many()),
                    () if path.starts_with("/v1/docs?") => (200, MARK, listed(path)),
                    () => {
                        sent.fetch_add(1, SeqCst);
                        (200, MARK, document(path.rsplit('/').next().unwrap(), true))
                    }
                };
                let body = body.to_string();
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}\
                     connection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).unwrap();
            }
        });
        limited
    }

    /// Runs the command while the stub answers `until` requests and then refuses `refused` requests.
    fn run(&self, world: &World, until: usize, refused: usize) -> Run {
        self.until.store(until, SeqCst);
        self.refused.store(refused, SeqCst);
        self.sent.store(0, SeqCst);
        let mut launcher = world.launcher(&["docs", "cache", "alpha", "--json"]);
        Run::of(launcher.env("CONTEXT_API_URL", &self.url).env("CONTEXT_API_KEY", "k".repeat(64)))
    }

    fn sent(&self) -> usize {
        self.sent.load(SeqCst)
    }
}

fn too_many() -> Value {
    json!({"type": "urn:deckwatch:error:rate_limited", "title": "Rate limited", "status": 429,
        "detail": "Too many requests.", "code": "rate_limited", "correlation_id": "corr_x"})
}

fn document(name: &str, whole: bool) -> Value {
    let now = "2026-01-01T00:00:00.000Z";
    let content = format!("This is {name}.");
    let hash = Sha256::digest(&content).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let mut doc = json!({"scope": "alpha", "name": name, "title": name, "doc_type": "markdown", "version": 1,
        "content_hash": hash, "size_bytes": content.len(), "updated_at": now, "source_repo": null,
        "source_path": null, "created_at": now, "actor_key_id": "0123456789abcdef"});
    if whole {
        doc["content"] = json!(content);
    }
    doc
}

/// Two pages of documents of alpha, and no global documents.
fn listed(path: &str) -> Value {
    let (names, next) = match path {
        path if path.contains("scope=global") => (0..0, Value::Null),
        path if path.contains("cursor=") => (100..150, Value::Null),
        _ => (0..100, json!("second")),
    };
    let items: Vec<Value> = names.map(|n| document(&format!("doc-{n}.md"), false)).collect();
    json!({"items": items, "total": 150, "next_cursor": next})
}

#[test]
fn the_command_waits_for_an_api_that_limits_requests() {
    let (world, api) = (World::new(), Limited::start(0));
    // The client itself makes four attempts.
    let report = api.run(&world, 97, 5).succeeds().stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((api.sent(), &report["trouble"]), (150, &Value::Null));
    assert!(outcomes(&report).iter().all(|row| row.ends_with(".md created")), "{report:#}");
    assert_eq!(world.read(&format!("{CACHE}/alpha/doc-149.md")), "This is doc-149.md.");
}

#[test]
fn documents_missing_after_a_limit_are_named_and_the_next_run_continues() {
    let (world, api) = (World::new(), Limited::start(3600));
    let run = api.run(&world, 100, 100);
    run.refuses(18, &["53 of 150 documents are missing or may be out of date; run it again"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(report["trouble"].as_str().unwrap().contains("rate_limited"), "{report:#}");
    assert_eq!(outcomes(&report).iter().filter(|row| row.ends_with(" missing")).count(), 53);

    world.write(&format!("{CACHE}/alpha/doc-1.md"), "changed by hand, so its hash is another");
    let second = api.run(&world, 0, 0).succeeds().stdout;
    let second: Value = serde_json::from_str(&second).unwrap();
    assert_eq!(api.sent(), 54, "what is here already is not sent again");
    let count = |outcome: &str| outcomes(&second).iter().filter(|row| row.ends_with(outcome)).count();
    assert_eq!((count(" created"), count(" updated"), count(" unchanged")), (53, 1, 96));
    assert_eq!(world.read(&format!("{CACHE}/alpha/doc-1.md")), "This is doc-1.md.");
}

#[test]
fn without_a_code_the_venture_of_the_current_repository_is_used() {
    let world = with_docs(&[("alpha", "a.md", "one")]);
    let mut launcher = world.launcher(&["docs", "cache"]);
    launcher.current_dir(world.path("home/dev/alpha"));
    let said = Run::of(&mut launcher).succeeds().stdout;
    assert!(said.starts_with("alpha/a.md  created\n1 document in"), "{said}");
    let nowhere = world.run(&["docs", "cache"]);
    assert_ne!(nowhere.code, Some(0), "{}", nowhere.stdout);
}

#[test]
fn the_command_also_waits_for_a_proxy_that_limits_requests() {
    let in_a_second = "date: Fri, 27 Nov 2026 15:00:00 GMT\r\nretry-after: Fri, 27 Nov 2026 15:00:01 GMT\r\n";
    for (refusal, least) in [("retry-after: 1\r\n", 1), (in_a_second, 1), ("", 5)] {
        let (world, api) = (World::new(), Limited::refusing(refusal));
        let began = std::time::Instant::now();
        // The client makes four attempts of each request before the run waits.
        let run = api.run(&world, 20, 4).succeeds();
        assert!(began.elapsed() >= Duration::from_secs(least), "{refusal:?}");
        assert_eq!(api.sent(), 150, "{refusal:?}: {}", run.stderr);
    }
}
