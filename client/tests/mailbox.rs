//! Messages of a machine: they wait on disk while the API is away, and are taken when an event says that there are some.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;
use std::time::Duration;

use deckwatch_api::{Engine, Settings};
use deckwatch_client::mailbox::Mailbox;
use deckwatch_client::outbox::{Bounds, Delivery, SendReason};
use deckwatch_client::{Api, ApiConfig, ContextClient};
use deckwatch_protocol::{
    ErrorCode, Fence, PutVenture, ReportInbox, SendMessage, Session, StartDay, TakeInbox, TakenInbox, VentureCode,
    Violations,
};
use deckwatch_server::{Embedded, http};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const KEY: &str = "the-admin-key-of-a-test";

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

    fn client(&self, data: &Path) -> ContextClient {
        let config = ApiConfig::remote(&format!("http://{}", self.address), KEY).unwrap();
        ContextClient::connect(config, data, Bounds::default())
    }
}

fn typed<T: deserr::Deserr<Violations>>(value: Value) -> T {
    deserr::deserialize(value).unwrap()
}

/// Starts the day of an agent on the venture `alpha`.
async fn session(api: &Api, agent: &str) -> Session {
    let code: VentureCode = "alpha".parse().unwrap();
    api.put_venture(&code, &typed::<PutVenture>(json!({ "name": "A venture" }))).await.unwrap();
    let day =
        json!({ "agent": agent, "client": "claude", "host": "mac1", "venture": code, "repo": "example-org/alpha" });
    api.start_day(&typed::<StartDay>(day)).await.unwrap().session
}

fn message(from: &Session, to: &str, body: &str) -> SendMessage {
    typed(json!({ "session_id": from.id, "epoch": from.epoch, "to": [to], "kind": "note", "body": body }))
}

async fn take(api: &Api, session: &Session) -> TakenInbox {
    api.take_inbox(&typed::<TakeInbox>(json!({ "session_id": session.id, "epoch": session.epoch }))).await.unwrap()
}

fn texts(taken: &TakenInbox) -> Vec<&str> {
    taken.items.iter().filter_map(|item| item.message.body.as_deref()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_reports_wait_on_disk_and_are_sent_once_and_in_order() {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = Server::start(folder.path(), "127.0.0.1:0").await;
    let address = server.address.clone();
    let client = server.client(data.path());
    let (from, to) = (session(client.api(), "a-claude-1").await, session(client.api(), "b-codex-1").await);
    let Delivery::Delivered(first) = client.deliver_message(&message(&from, "b-codex-1", "first")).await.unwrap()
    else {
        panic!("the API is there")
    };
    let taken = take(client.api(), &to).await;
    server.stop().await;
    for body in ["one", "two", "three"] {
        let delivery = client.deliver_message(&message(&from, "b-codex-1", body)).await.unwrap();
        assert!(matches!(delivery, Delivery::Queued(_)), "{delivery:?}");
    }
    let at = taken.items.first().unwrap().message.sent_at;
    let items = json!([{ "delivery_id": taken.items.first().unwrap().delivery_id, "status": "surfaced", "at": at }]);
    let report = typed::<ReportInbox>(json!({ "session_id": to.id, "epoch": to.epoch, "items": items }));
    assert!(matches!(client.deliver_report(&report).await.unwrap(), Delivery::Queued(_)));
    // An outdated report is dropped, because the next process reports the same messages.
    let mut outdated = report.clone();
    outdated.epoch = Some(7.try_into().unwrap());
    assert!(matches!(client.deliver_report(&outdated).await.unwrap(), Delivery::Queued(_)));
    assert_eq!(client.waiting().await.queued, 5);
    drop(client);
    let server = Server::start(folder.path(), &address).await;
    let client = server.client(data.path());
    client.replay(SendReason::Requested).await;
    let again = client.replay(SendReason::Requested).await;
    assert_eq!((again.delivered, again.set_aside), (0, 0), "{again:?}");
    let waiting = client.waiting().await;
    assert_eq!((waiting.queued, waiting.set_aside.len()), (0, 0), "{waiting:?}");
    assert_eq!(texts(&take(client.api(), &to).await), ["one", "two", "three"]);
    let record = client.api().get_message(&first.id).await.unwrap();
    assert!(record.deliveries.first().unwrap().surfaced_at.is_some(), "{record:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_with_a_secret_stays_on_the_machine() {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = Server::start(folder.path(), "127.0.0.1:0").await;
    let client = server.client(data.path());
    let from = session(client.api(), "a-claude-1").await;
    let token = format!("gh{}_{}", "p", "Zk3Qw8Rt5Yb1Nm7Lp2Xc9Vd4Gh6Js0Fa8Te3");
    let error = client.deliver_message(&message(&from, "human", &token)).await.unwrap_err().to_string();
    assert!(error.contains("/body") && !error.contains(&token), "{error}");
    assert_eq!(client.waiting().await.queued, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_takes_what_is_sent_when_an_event_says_so() {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = Server::start(folder.path(), "127.0.0.1:0").await;
    let client = server.client(data.path());
    let (from, to) = (session(client.api(), "a-claude-1").await, session(client.api(), "b-codex-1").await);
    client.deliver_message(&message(&from, "b-codex-1", "before")).await.unwrap();
    let fence = Fence { session_id: to.id.clone(), epoch: to.epoch };
    let mut mailbox = Mailbox::new(client.api().clone(), to.venture.clone(), to.agent.clone(), fence.clone());
    let mut next = async || timeout(Duration::from_secs(20), mailbox.next()).await.unwrap();
    assert_eq!(texts(&next().await.unwrap()), ["before"]);
    for body in ["one", "two"] {
        client.deliver_message(&message(&from, "human", "for people")).await.unwrap();
        client.deliver_message(&message(&from, "b-codex-1", body)).await.unwrap();
        assert_eq!(texts(&next().await.unwrap()), [body]);
    }
    // Another process goes on with the session.
    let newer = Fence { epoch: 9.try_into().unwrap(), ..fence };
    let mut stranger = Mailbox::new(client.api().clone(), to.venture, to.agent, newer);
    assert_eq!(stranger.next().await.unwrap_err().code(), Some(ErrorCode::Superseded));
    server.stop().await;
}
