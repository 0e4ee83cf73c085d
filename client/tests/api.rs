//! Tests of the typed API against correct and faulty servers.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use deckwatch_client::{Api, ApiConfig, ClientError, DocRead};
use deckwatch_protocol::{
    Agent, ApproveMachine, AuditFilter, DocFilter, DocName, DocOutcome, DocScope, DocType, ErrorCode, Host,
    LatestHandoffFilter, ListDocVersions, ListVentures, MachineFilter, MachineStatus, PutDoc, PutRequirement,
    PutVenture, RegisterMachine, RequirementFilter, SessionFilter, SessionStatus, SshConfigFilter, StartDay,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

const KEY: &str = "0123456789abcdef";

/// A server that sends the scripted responses in order and repeats the last one. It records the requests.
struct Scripted {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    async fn answering(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 64 * 1024];
                let read = stream.read(&mut request).await.unwrap();
                let nth = {
                    let mut log = log.lock().unwrap();
                    log.push(String::from_utf8_lossy(&request[..read]).to_lowercase());
                    log.len() - 1
                };
                let answer = answers.get(nth).or(answers.last()).unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, asked }
    }

    fn api(&self) -> Api {
        Api::connect(ApiConfig::remote(&self.url, KEY).unwrap())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A response of the API, with a correlation id.
fn http(status: &str, headers: &str, body: &str) -> String {
    let mark = if headers.contains("x-correlation-id") { "" } else { "x-correlation-id: corr_x\r\n" };
    without_correlation_id(status, &format!("{mark}{headers}"), body)
}

/// A response of a proxy or another service, without a correlation id.
fn without_correlation_id(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

fn problem(code: ErrorCode) -> String {
    serde_json::to_string(&deckwatch_protocol::Problem::new(code, "Because.", "corr_x")).unwrap()
}

fn venture() -> PutVenture {
    PutVenture { name: "Alpha".parse().unwrap(), github_org: None, repos: vec![], capabilities: vec![] }
}

const VENTURE: &str = r#"{"code":"alpha","name":"Alpha","github_org":null,"repos":[],"capabilities":[],
    "created_at":"2026-11-21T00:00:00.000Z","updated_at":"2026-11-21T00:00:00.000Z","from_a_newer_api":1}"#;

fn header(request: &str, name: &str) -> String {
    let line = request.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(": ").map(|(_, value)| value.to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn all_attempts_of_a_write_have_the_same_key() {
    let passing = http("503 Service Unavailable", "retry-after: 0\r\n", &problem(ErrorCode::DatabaseUnavailable));
    let server = Scripted::answering(&[&passing, "", &http("201 Created", "", VENTURE)]).await;
    let made = server.api().put_venture(&"alpha".parse().unwrap(), &venture()).await.unwrap();
    assert_eq!(made.code.as_str(), "alpha");
    let asked = server.asked();
    assert_eq!(asked.len(), 3, "a 503, a closed connection, a response");
    for name in ["idempotency-key", "x-correlation-id"] {
        assert!(!header(&asked[0], name).is_empty(), "{name}");
        assert!(asked.iter().all(|request| header(request, name) == header(&asked[0], name)), "{name}");
    }
}

#[tokio::test]
async fn two_calls_have_two_keys() {
    let server = Scripted::answering(&[&http("200 OK", "", VENTURE)]).await;
    for _ in 0..2 {
        server.api().put_venture(&"alpha".parse().unwrap(), &venture()).await.unwrap();
    }
    let keys: Vec<String> = server.asked().iter().map(|request| header(request, "idempotency-key")).collect();
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn an_unreachable_api_fails_fast_and_the_error_names_the_url() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let started = Instant::now();
    let error = Api::connect(ApiConfig::remote(&url, KEY).unwrap()).health().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&url), "{error}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_call_to_a_silent_host_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let call = tokio::spawn(async move { Api::connect(ApiConfig::remote(&url, KEY).unwrap()).health().await });
    let (_held_open, _) = listener.accept().await.unwrap();
    // From here on, the paused clock jumps to the next timer.
    tokio::time::pause();
    let error = timeout(Duration::from_secs(30), call).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_refusal_is_not_retried_and_names_the_fields() {
    let mut refusal = deckwatch_protocol::Problem::new(ErrorCode::InvalidRequest, "1 field is not valid.", "corr_x");
    refusal.errors.push(deckwatch_protocol::Violation { pointer: "/name".into(), detail: "is required".into() });
    let body = serde_json::to_string(&refusal).unwrap();
    let server = Scripted::answering(&[&http("400 Bad Request", "", &body)]).await;
    let error = server.api().list_ventures(&ListVentures::default()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::InvalidRequest));
    assert!(error.to_string().contains("/name is required"), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_api_of_another_version_is_named_as_the_cause() {
    let own = env!("CARGO_PKG_VERSION");
    let mut unknown_field =
        deckwatch_protocol::Problem::new(ErrorCode::InvalidRequest, "1 field is not valid.", "corr_x");
    let detail = "is not a field of this request; the fields are name, repos".into();
    unknown_field.errors.push(deckwatch_protocol::Violation { pointer: "/new".into(), detail });
    let unknown_field = serde_json::to_string(&unknown_field).unwrap();
    let older = format!("older than this program, which is Deckwatch {own}: ask its operator to deploy");
    for (status, body, said) in [
        ("404 Not Found", problem(ErrorCode::UnknownRoute), older.as_str()),
        ("405 Method Not Allowed", problem(ErrorCode::MethodNotAllowed), &older),
        ("400 Bad Request", unknown_field, &older),
        ("200 OK", r#"{"items": "changed"}"#.to_owned(), "`launcher doctor` compares them"),
        ("409 Conflict", r#"{"type":"urn:deckwatch:error:new_rule","status":409,"detail":"No.","code":"new_rule","correlation_id":"corr_x"}"#.to_owned(), "update Deckwatch"),
    ] {
        let server = Scripted::answering(&[&http(status, "", &body)]).await;
        let error = server.api().list_ventures(&ListVentures::default()).await.unwrap_err().to_string();
        assert!(error.contains(said), "{status}: {error}");
    }
    let server = Scripted::answering(&[&http("404 Not Found", "", &problem(ErrorCode::VentureNotFound))]).await;
    let error = server.api().list_ventures(&ListVentures::default()).await.unwrap_err().to_string();
    assert!(!error.contains("older"), "{error}");
}

#[tokio::test]
async fn a_long_rate_limit_is_reported_at_once() {
    let full = http("429 Too Many Requests", "retry-after: 59\r\n", &problem(ErrorCode::RateLimited));
    let server = Scripted::answering(&[&full]).await;
    let error = server.api().list_ventures(&ListVentures::default()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::RateLimited));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_failure_is_not_retried_and_has_a_correlation_id() {
    let body = problem(ErrorCode::InternalError);
    let server = Scripted::answering(&[&http("500 Oops", "x-correlation-id: corr_y\r\n", &body)]).await;
    let error = server.api().list_ventures(&ListVentures::default()).await.unwrap_err();
    let ClientError::Failed { correlation_id, .. } = error else { panic!("{error}") };
    assert_eq!(correlation_id.as_deref(), Some("corr_y"));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_response_of_a_portal_is_not_treated_as_the_api() {
    for status in ["200 OK", "302 Found", "401 Unauthorized", "403 Forbidden", "404 Not Found", "500 Oops"] {
        let page = without_correlation_id(status, "content-type: text/html\r\n", "<html>Log in to the hotel");
        let error = Scripted::answering(&[&page]).await.api().health().await.unwrap_err();
        assert!(error.is_outage() && matches!(error, ClientError::NotTheApi { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&status[..3]) && !text.contains("hotel"), "{text}");
    }
}

#[tokio::test]
async fn an_invalid_response_of_the_api_is_a_failure_and_not_an_outage() {
    let odd = http("200 OK", "x-correlation-id: corr_y\r\n", "null");
    let error = Scripted::answering(&[&odd]).await.api().health().await.unwrap_err();
    assert!(matches!(error, ClientError::Failed { .. }) && !error.is_outage(), "{error}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Scripted::answering(&[&http("200 OK", "", "{}")]).await;
    let location = format!("location: {}/health\r\n", elsewhere.url);
    let server = Scripted::answering(&[&without_correlation_id("302 Found", &location, "")]).await;
    assert!(matches!(server.api().health().await, Err(ClientError::NotTheApi { status: 302, .. })));
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_missing_handoff_is_not_an_error() {
    let server = Scripted::answering(&[&http("404 Not Found", "", &problem(ErrorCode::HandoffNotFound))]).await;
    assert_eq!(server.api().latest_handoff(&LatestHandoffFilter::default()).await.unwrap(), None);
}

#[tokio::test]
async fn agents_of_one_machine_share_the_embedded_engine() {
    let home = tempfile::tempdir().unwrap();
    let database = home.path().join("data/context.db");
    let day = |agent: &Agent| {
        let (client, host) = ("claude".parse().unwrap(), "mac1.local".parse().unwrap());
        StartDay {
            branch: Some("dev/ü".parse().unwrap()),
            ..StartDay::new(
                agent.clone(),
                client,
                host,
                "alpha".parse().unwrap(),
                "example-org/alpha.js".parse().unwrap(),
            )
        }
    };
    let agents: [Agent; 2] = ["mac1.local-claude-1".parse().unwrap(), "mac1.local-claude-2".parse().unwrap()];
    let [one, two] = agents.clone().map(|agent| Api::connect(ApiConfig::embedded(database.clone(), &agent).unwrap()));
    one.put_venture(&"alpha".parse().unwrap(), &venture()).await.unwrap();
    let days = agents.each_ref().map(day);
    let (first, _) = tokio::join!(one.start_day(&days[0]), two.start_day(&days[1]));
    let again = one.start_day(&days[0]).await.unwrap();
    assert_eq!(first.unwrap().session.id, again.session.id);
    assert_eq!(again.active_sessions.items[0].agent, agents[1]);
    let filter = SessionFilter { status: Some(SessionStatus::Active), ..SessionFilter::default() };
    assert_eq!(two.list_sessions(&filter).await.unwrap().total, 2);
}

#[tokio::test]
async fn a_machine_is_registered_approved_listed_and_retired() {
    let home = tempfile::tempdir().unwrap();
    let agent: Agent = "mac1-claude-1".parse().unwrap();
    let api = Api::connect(ApiConfig::embedded(home.path().join("context.db"), &agent).unwrap());
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPIf+hLT5ten+/HeZHAl8g8BPY5APK6zF9QFtix/FENF";
    let host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN6fWYh2Vqk4kqU0o1Wq5J6cHAcF7DgxnkV0ZyM0Mh1M";
    let hostname: Host = "mac1.local".parse().unwrap();
    let machine = RegisterMachine {
        os: "macos".parse().unwrap(),
        arch: "arm64".parse().unwrap(),
        tailscale_ip: "100.64.0.7".parse().unwrap(),
        user: "tom".parse().unwrap(),
        ssh_public_key: key.parse().unwrap(),
        ssh_host_key: Some(host_key.parse().unwrap()),
        role: None,
        meta: deckwatch_protocol::Meta::default(),
    };
    let registered = api.register_machine(&hostname, &machine).await.unwrap();
    let pending = registered.pending.unwrap();
    let access = ApproveMachine {
        user: pending.user,
        tailscale_ip: pending.tailscale_ip,
        fingerprint: pending.fingerprint,
        host_key_fingerprint: pending.host_key_fingerprint,
    };
    api.approve_machine(&hostname, &access).await.unwrap();
    assert_eq!(api.machine_heartbeat(&hostname).await.unwrap().status, MachineStatus::Approved);
    assert_eq!(api.list_machines(&MachineFilter::default()).await.unwrap().total, 1);
    let all = api.ssh_config(&SshConfigFilter::default()).await.unwrap();
    assert_eq!(all.authorized_keys, [format!("{key} mac1.local")]);
    assert_eq!(all.known_hosts, [format!("mac1.local,100.64.0.7 {host_key}")]);
    let others = SshConfigFilter { host: Some(hostname.clone()), cursor: None };
    assert_eq!(api.ssh_config(&others).await.unwrap().ssh_config, "");
    assert!(api.retire_machine(&hostname).await.unwrap().retired_at.is_some());
}

#[tokio::test]
async fn a_venture_is_put_and_deleted() {
    let home = tempfile::tempdir().unwrap();
    let agent: Agent = "mac1-claude-1".parse().unwrap();
    let api = Api::connect(ApiConfig::embedded(home.path().join("context.db"), &agent).unwrap());
    let made = api.put_venture(&"alpha".parse().unwrap(), &venture()).await.unwrap();
    assert_eq!(api.delete_venture(&made.code).await.unwrap().code, made.code);
    assert_eq!(api.list_ventures(&ListVentures::default()).await.unwrap().total, 0);
    let never = api.delete_venture(&"beta".parse().unwrap()).await.unwrap_err();
    assert_eq!(never.code(), Some(ErrorCode::VentureNotFound));
}

#[tokio::test]
async fn a_requirement_is_put_listed_audited_and_deleted() {
    let home = tempfile::tempdir().unwrap();
    let agent: Agent = "mac1-claude-1".parse().unwrap();
    let api = Api::connect(ApiConfig::embedded(home.path().join("context.db"), &agent).unwrap());
    api.put_venture(&"alpha".parse().unwrap(), &venture()).await.unwrap();
    let put = PutRequirement {
        venture: "alpha".parse().ok(),
        required: false,
        ..PutRequirement::of("{venture}-*.md".parse().unwrap())
    };
    let made = api.put_requirement(&put).await.unwrap();
    let filter = RequirementFilter { venture: "alpha".parse().ok(), limit: "1".parse().ok(), cursor: None };
    assert_eq!(api.list_requirements(&filter).await.unwrap().items, std::slice::from_ref(&made));
    let audit = AuditFilter { venture: "alpha".parse().ok(), ..AuditFilter::default() };
    let audited = api.audit_docs(&audit).await.unwrap().items.remove(0);
    assert_eq!((audited.missing.total, audited.optional.items[0].name.as_str()), (1, "alpha-*.md"));
    assert_eq!(api.delete_requirement(&made.id).await.unwrap().id, made.id);
    let again = api.delete_requirement(&made.id).await.unwrap_err();
    assert_eq!(again.code(), Some(ErrorCode::RequirementNotFound));
    assert_eq!(api.audit_docs(&audit).await.unwrap().items[0].optional.total, 0);
}

#[tokio::test]
async fn a_known_document_is_not_sent_again() {
    let server =
        Scripted::answering(&[&http("304 Not Modified", "x-correlation-id: corr_y\r\netag: \"cafe\"\r\n", "")]).await;
    let (scope, name): (DocScope, DocName) = ("alpha".parse().unwrap(), "api.md".parse().unwrap());
    let read = server.api().get_doc(&scope, &name, Some("cafe")).await.unwrap();
    assert_eq!(read, DocRead::NotModified);
    let asked = &server.asked()[0];
    assert!(asked.starts_with("get /v1/docs/alpha/api.md http/1.1"), "{asked}");
    assert_eq!(header(asked, "if-none-match"), "\"cafe\"");
    let unasked = server.api().get_doc(&scope, &name, None).await.unwrap_err();
    assert!(matches!(unasked, ClientError::Failed { .. }), "{unasked}");
    assert_eq!(header(&server.asked()[1], "if-none-match"), "");
}

#[tokio::test]
async fn a_document_is_created_changed_read_and_deleted_on_the_embedded_engine() {
    let home = tempfile::TempDir::new().unwrap();
    let agent: Agent = "mac1-claude-1".parse().unwrap();
    let api = Api::connect(ApiConfig::embedded(home.path().join("context.db"), &agent).unwrap());
    let (scope, name): (DocScope, DocName) = ("global".parse().unwrap(), "style.md".parse().unwrap());
    let text = |content: &str| PutDoc {
        content: content.parse().unwrap(),
        doc_type: DocType::Markdown,
        title: None,
        source_repo: None,
        source_path: None,
    };
    let first = api.put_doc(&scope, &name, &text("# Style")).await.unwrap();
    assert_eq!((first.outcome, first.doc.summary.title.as_str()), (DocOutcome::Created, "Style"));
    assert_eq!(api.put_doc(&scope, &name, &text("# Style")).await.unwrap().outcome, DocOutcome::Unchanged);
    let second = api.put_doc(&scope, &name, &text("# Other")).await.unwrap();
    let read = |known: String| {
        let (api, scope, name) = (api.clone(), scope.clone(), name.clone());
        async move { api.get_doc(&scope, &name, Some(&known)).await.unwrap() }
    };
    assert_eq!(read(second.doc.summary.content_hash.clone()).await, DocRead::NotModified);
    let DocRead::Read(found) = read(first.doc.summary.content_hash).await else { panic!("the document has changed") };
    assert_eq!((found.content.as_str(), &found.doc), ("# Other", &second.doc));
    assert_eq!(api.list_docs(&DocFilter::default()).await.unwrap().items, [second.doc]);
    assert!(api.delete_doc(&scope, &name).await.unwrap().deleted);
    let gone = api.get_doc(&scope, &name, None).await.unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::DocNotFound));
    let versions = api.list_doc_versions(&scope, &name, &ListDocVersions::default()).await.unwrap();
    assert_eq!(versions.items.iter().map(|version| version.version).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(api.get_doc_version(&scope, &name, "1".parse().unwrap()).await.unwrap().content, "# Style");
}
