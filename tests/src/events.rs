//! The events of an engine.

use std::time::Duration;

use deckwatch_protocol::{Event, EventKind, EventPage, Operation};

use serde_json::json;

use crate::caller::Caller;
use crate::engine::Api;
use crate::test_request::TestRequest;

impl Api {
    /// The number of the newest event.
    pub async fn head(&self) -> u64 {
        self.events_page("limit=1").await.head
    }

    /// All events after `after`. Checks that their numbers have no gap.
    pub async fn events_after(&self, after: u64) -> Vec<Event> {
        let (mut events, mut next) = (Vec::new(), after);
        loop {
            let page = self.events_page(&format!("limit=100&after={next}")).await;
            events.extend(page.items);
            if page.next_after == page.head {
                break;
            }
            next = page.next_after;
        }
        assert!(events.iter().zip(after + 1..).all(|(event, seq)| event.seq == seq), "a gap: {events:?}");
        events
    }

    /// The kinds of all events after `after`.
    pub async fn kinds_after(&self, after: u64) -> Vec<EventKind> {
        self.events_after(after).await.into_iter().map(|event| event.kind).collect()
    }

    /// All events after `after`, as soon as there are `count`. A start of day appends some of its events after its answer.
    pub async fn events_once(&self, after: u64, count: usize) -> Vec<Event> {
        for _ in 0..500 {
            let events = self.events_after(after).await;
            if events.len() >= count {
                return events;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.events_after(after).await
    }

    /// Waits until the engine has done what earlier requests have left for after their answers. It works in order, and the
    /// log row of a read is part of this work.
    pub async fn after_answers(&self) {
        let read = self.admin().send(TestRequest::of(Operation::ListVentures)).await;
        let id = read.header("x-correlation-id").expect("each response has a correlation id").to_owned();
        for _ in 0..500 {
            let logged = "select count(*) as n from request_log where correlation_id = ?1";
            if self.db_count(logged, json!([id])).await > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the engine has not written the log row of {id} within 10 s");
    }

    /// One page of events, as an admin sees it.
    pub async fn events_page(&self, query: &str) -> EventPage {
        self.admin().send(TestRequest::of(Operation::ListEvents).query(query)).await.of(200)
    }
}
