//! Many agents that send each other messages while the engine is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deckwatch_protocol::{DayStarted, Operation, SessionId, TakenInbox};
use serde_json::json;
use tokio::sync::{Mutex, RwLock};
use tokio::task::JoinSet;

use crate::engine::Api;
use crate::response::Response;
use crate::shape::fresh_uuid;
use crate::test_request::TestRequest;

/// An engine that is killed and started again. A request holds the lock as a reader.
type Engine = Arc<RwLock<Option<Api>>>;

/// An agent that sends and receives.
#[derive(Clone)]
struct Member {
    name: String,
    session: SessionId,
    epoch: u64,
}

/// A message as its recipient got it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Received {
    from: String,
    to: String,
    number: usize,
    delivery: String,
}

/// Agents of one venture that send each other messages.
pub struct MailLoad {
    engine: Engine,
    /// Held while the engine is killed and started again, and while the test changes its database.
    control: Mutex<()>,
    members: Vec<Member>,
    messages: usize,
    sent: AtomicUsize,
}

impl MailLoad {
    /// Starts so many agents, of which each sends so many messages to random agents.
    pub async fn start(api: Api, agents: usize, messages: usize) -> Self {
        let first = api.agent().await;
        let mut members = Vec::new();
        for _ in 0..agents {
            let agent = first.colleague();
            let started: DayStarted = agent.started_with(json!({ "start_id": fresh_uuid() })).await;
            let epoch = u64::from(started.session.epoch.get());
            members.push(Member { name: agent.name.clone(), session: started.session.id, epoch });
        }
        drop(first);
        let engine = Arc::new(RwLock::new(Some(api)));
        Self { engine, control: Mutex::default(), members, messages, sent: AtomicUsize::new(0) }
    }

    /// Sends and receives all messages. Kills the engine `kills` times meanwhile: `process` returns the id of its process,
    /// and `restart` starts it again on its data. Checks that each message reached its recipient once, and that the messages of a
    /// sender to a recipient arrived in their order. Returns the engine.
    pub async fn run(
        self,
        kills: usize,
        process: impl Fn(&Api) -> u32,
        mut restart: impl AsyncFnMut(Api) -> Api,
    ) -> Api {
        let load = Arc::new(self);
        let (mut senders, mut receivers) = (JoinSet::new(), JoinSet::new());
        for member in &load.members {
            senders.spawn(Arc::clone(&load).send(member.clone()));
            receivers.spawn(Arc::clone(&load).receive(member.clone()));
        }
        let all = load.members.len() * load.messages;
        for kill in 1..=kills {
            while load.sent.load(Ordering::SeqCst) < all * kill / (kills + 1) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let _control = load.control.lock().await;
            let id = process(load.engine.read().await.as_ref().unwrap());
            let killed = std::process::Command::new("kill").args(["-KILL", &id.to_string()]).status().unwrap();
            assert!(killed.success());
            // The requests that were on their way fail now.
            let mut slot = load.engine.write().await;
            let killed = slot.take().unwrap();
            *slot = Some(restart(killed).await);
        }
        senders.join_all().await;
        let received: Vec<Received> = receivers.join_all().await.into_iter().flatten().collect();
        load.check(&received).await;
        load.engine.write().await.take().unwrap()
    }

    /// Sends a request once. `None` if the engine does not answer.
    async fn ask_once(&self, ask: &TestRequest) -> Option<Response> {
        let engine = self.engine.read().await;
        let response = engine.as_ref().unwrap().try_send(ask.clone()).await;
        response.filter(|response| response.status < 500)
    }

    /// Sends a request until the engine answers.
    async fn ask(&self, ask: &TestRequest) -> Response {
        loop {
            if let Some(response) = self.ask_once(ask).await {
                return response;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn send(self: Arc<Self>, member: Member) {
        let mut rng = fastrand::Rng::new();
        for number in 0..self.messages {
            let to = &self.members[rng.usize(..self.members.len())].name;
            let message = json!({
                "session_id": member.session, "epoch": member.epoch, "to": [to], "kind": "note",
                "body": format!("{} {number}", member.name),
            });
            let ask = TestRequest::of(Operation::SendMessage).json(&message);
            loop {
                let response = self.ask(&ask).await;
                if response.status == 201 {
                    break;
                }
                assert_eq!(response.status, 429, "{response}");
                // An agent may send 60 messages in a minute. The test does not wait for the next one.
                let _control = self.control.lock().await;
                let engine = self.engine.read().await;
                let forget = "update message_rates set sent = 0 where agent = ?1";
                engine.as_ref().unwrap().db_execute(forget, json!([member.name])).await;
            }
            self.sent.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn receive(self: Arc<Self>, member: Member) -> Vec<Received> {
        let (mut received, mut again) = (Vec::new(), false);
        loop {
            let is_complete = self.sent.load(Ordering::SeqCst) == self.members.len() * self.messages;
            let take = json!({ "session_id": member.session, "epoch": member.epoch, "limit": 20, "again": again });
            let ask = TestRequest::of(Operation::TakeInbox).json(&take);
            let Some(response) = self.ask_once(&ask).await else {
                // What the lost answer held may have been taken.
                again = true;
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            again = false;
            let taken: TakenInbox = response.of(200);
            if taken.items.is_empty() && is_complete {
                return received;
            }
            if taken.items.is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            received.extend(self.show(&member, &taken).await);
        }
    }

    /// Reports that the model has seen the messages.
    async fn show(&self, member: &Member, taken: &TakenInbox) -> Vec<Received> {
        if taken.items.is_empty() {
            return Vec::new();
        }
        let items = taken
            .items
            .iter()
            .map(|item| json!({ "delivery_id": item.delivery_id, "status": "surfaced", "at": item.message.sent_at }));
        let items: Vec<_> = items.collect();
        let report = json!({ "session_id": member.session, "epoch": member.epoch, "items": items });
        let reported = self.ask(&TestRequest::of(Operation::ReportInbox).json(&report)).await;
        assert_eq!(reported.status, 200, "{reported}");
        let received = taken.items.iter().map(|item| {
            let body = item.message.body.clone().unwrap_or_default();
            let (from, number) = body.split_once(' ').unwrap();
            Received {
                from: from.to_owned(),
                to: member.name.clone(),
                number: number.parse().unwrap(),
                delivery: item.delivery_id.to_string(),
            }
        });
        received.collect()
    }

    async fn check(&self, received: &[Received]) {
        let all = self.members.len() * self.messages;
        let distinct: BTreeSet<_> = received.iter().map(|one| (&one.from, one.number)).collect();
        assert_eq!((received.len(), distinct.len()), (all, all), "each message arrives once");
        let mut last = BTreeMap::new();
        for one in received {
            let before = last.insert((&one.from, &one.to), one.number);
            assert!(before.is_none_or(|before| before < one.number), "{one:?} after message {before:?} of its sender");
        }
        let engine = self.engine.read().await;
        let api = engine.as_ref().unwrap();
        let names: BTreeSet<_> = self.members.iter().map(|member| member.name.as_str()).collect();
        for (what, sql) in [
            ("messages", "select count(*) as n from messages where from_agent in (select value from json_each(?1))"),
            (
                "shown",
                "select count(*) as n from deliveries where status = 'surfaced' and agent in (select value from json_each(?1))",
            ),
            ("deliveries", "select count(*) as n from deliveries where agent in (select value from json_each(?1))"),
            (
                "events",
                "select count(distinct subject) as n from events where kind = 'message_sent' and agent in (select value from json_each(?1))",
            ),
        ] {
            assert_eq!(api.db_count(sql, json!([json!(names).to_string()])).await, all as u64, "{what}");
        }
    }
}
