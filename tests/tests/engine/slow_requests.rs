//! Requests that take long, by a caller with a good key: nobody else's heartbeat or read waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use deckwatch_api::{Database, DatabaseError, Engine, Param, Row, Settings, Statement};
use deckwatch_protocol::{Operation, SessionId};
use deckwatch_server::{Embedded, Sqlite, http as server_http};
use deckwatch_tests::{Agent, Api, Caller, Response, TestRequest, fresh};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::batches::{ENDLESS, taking};

const KEYS: (&str, &str) = ("the-context-key-of-a-test", "the-admin-key-of-a-test");
/// What a request names so that the database takes long over it.
const SLOW: &str = "takes-long";
/// How much longer than without them a heartbeat may take.
const ALLOWANCE: Duration = Duration::from_millis(50);

/// A database that takes long over the batches in which [`SLOW`] is bound.
struct Slow {
    inner: Sqlite,
    work: Statement,
}

#[async_trait]
impl Database for Slow {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let slow = Param::Text(SLOW.to_owned());
        if !statements.iter().any(|statement| statement.params.contains(&slow)) {
            return self.inner.batch(statements).await;
        }
        let longer: Vec<Statement> = statements.iter().chain([&self.work]).cloned().collect();
        let mut rows = self.inner.batch(&longer).await?;
        rows.pop();
        Ok(rows)
    }

    fn has_separate_readers(&self) -> bool {
        self.inner.has_separate_readers()
    }
}

/// An engine over HTTP on such a database, with an agent that has a session.
struct Site {
    _folder: TempDir,
    agent: Agent,
    session: SessionId,
}

impl Site {
    async fn taking(work: Statement) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("context.db");
        let settings = Settings::from_vars(Engine::Embedded, |name| match name {
            "CONTEXT_API_KEY" => Some(KEYS.0.to_owned()),
            "ADMIN_API_KEY" => Some(KEYS.1.to_owned()),
            "RATE_LIMIT_PER_MINUTE" => Some("1000000".to_owned()),
            _ => None,
        });
        let engine = Embedded::on(Slow { inner: Sqlite::open(&path).unwrap(), work }, settings.unwrap());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(server_http::serve(engine, listener, std::future::pending()));
        let agent = Api::at(&url, KEYS, &path).agent().await;
        let session = agent.started().await.session.id;
        Self { _folder: folder, agent, session }
    }

    /// How long heartbeats take, one after the other, while `during` runs.
    async fn beats_during<T>(&self, during: impl Future<Output = T>) -> (Vec<Duration>, T) {
        let mut during = std::pin::pin!(during);
        let mut beats = Vec::new();
        loop {
            let started = Instant::now();
            let mut beat = std::pin::pin!(self.agent.heartbeat(&self.session));
            let done = tokio::select! {
                done = &mut during => Some(done),
                answer = &mut beat => {
                    answer.of::<Value>(200);
                    None
                }
            };
            if let Some(done) = done {
                // The last one counts as well: it may be the one that waits.
                beat.await.of::<Value>(200);
                beats.push(started.elapsed());
                return (beats, done);
            }
            beats.push(started.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Reads that take long, and how long each took.
    async fn slow_reads(&self, number: usize) -> Vec<(Response, Duration)> {
        let mut reads = JoinSet::new();
        for _ in 0..number {
            let agent = self.agent.clone();
            reads.spawn(async move {
                let started = Instant::now();
                let list = TestRequest::of(Operation::ListNotes).query(format!("tag={SLOW}"));
                (agent.send(list).await, started.elapsed())
            });
        }
        reads.join_all().await
    }

    /// How long ordinary reads take, one after the other, while `during` runs.
    async fn reads_during<T>(&self, during: impl Future<Output = T>) -> (Vec<Duration>, T) {
        let mut during = std::pin::pin!(during);
        let mut reads = Vec::new();
        loop {
            let started = Instant::now();
            let read = self.agent.send(TestRequest::of(Operation::ListVentures));
            tokio::select! {
                done = &mut during => return (reads, done),
                read = read => read.of::<Value>(200),
            };
            reads.push(started.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Keeps two processors busy for as long as long reads may: what other programs do to a heartbeat is not ours to mend.
async fn busy_processors() {
    let ends = Arc::new(AtomicBool::new(false));
    let burners: Vec<_> = (0..2)
        .map(|_| {
            let ends = Arc::clone(&ends);
            std::thread::spawn(move || while !ends.load(Ordering::Relaxed) {})
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(5)).await;
    ends.store(true, Ordering::Relaxed);
    for burner in burners {
        burner.join().unwrap();
    }
}

fn quantile(times: &[Duration], hundredths: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[(sorted.len() * hundredths / 100).min(sorted.len() - 1)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_heartbeat_and_no_other_read_waits_for_reads_that_take_long() {
    let site = Site::taking(Statement::new(ENDLESS)).await;
    let mut rounds = Vec::new();
    // The machine itself may be busy in one of the two measurements; a queue would show in each round.
    for _ in 0..5 {
        let (alone, ()) = site.beats_during(busy_processors()).await;
        let (beats, (reads, slow)) = site.beats_during(site.reads_during(site.slow_reads(8))).await;
        for (answer, waited) in &slow {
            // Each waits for at most 5 seconds, and reads for at most 5.
            assert!((4900..10_500).contains(&waited.as_millis()), "{waited:?}");
            assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true));
        }
        let turned_away = slow.iter().filter(|(answer, _)| answer.json()["code"] == "overloaded").count();
        // Two of them read. Two more may get their places at the end of their wait.
        assert!((4..=6).contains(&turned_away), "{turned_away}");
        assert!(reads.iter().max() < Some(&Duration::from_secs(1)), "{:?}", reads.iter().max());
        let (most, most_alone) = (*beats.iter().max().unwrap(), *alone.iter().max().unwrap());
        assert!(most < Duration::from_secs(1), "{most:?}");
        rounds.push(format!(
            "p50 {:?} p99 {:?} most {most:?}; without: p50 {:?} p99 {:?} most {most_alone:?}",
            quantile(&beats, 50),
            quantile(&beats, 99),
            quantile(&alone, 50),
            quantile(&alone, 99),
        ));
        if most <= most_alone + ALLOWANCE {
            return;
        }
    }
    panic!("in each round, a heartbeat waited: {rounds:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_heartbeat_passes_the_writes_that_wait_behind_one_that_takes_long() {
    let (work, takes) = taking(Duration::from_millis(700)).await;
    let site = Site::taking(work).await;
    let slow_writes = async {
        let mut writes = JoinSet::new();
        for _ in 0..5 {
            let agent = site.agent.clone();
            let put = TestRequest::of(Operation::PutVenture).with(fresh("v")).json(&json!({ "name": SLOW }));
            writes.spawn(async move { agent.api().admin().send(put).await.status });
        }
        writes.join_all().await
    };
    let (beats, statuses) = site.beats_during(slow_writes).await;
    assert!(statuses.iter().all(|status| [201, 503].contains(status)), "{statuses:?}");
    // One that takes long runs; the others wait behind the heartbeat.
    let most = beats.iter().max().unwrap();
    assert!(*most < takes * 5 / 2, "{most:?}, where a write takes {takes:?}");
}
