//! The rows that D1 reads and writes for requests that read or append events, whatever the number of events.

use deckwatch_protocol::{DayStarted, Operation};
use deckwatch_tests::{Api, Caller, TestRequest};
use serde_json::json;

use crate::row_counts::{EVENTS, SKIPPED, note, rows};

/// The rows of each request that reads or appends events, with the events that are there.
async fn rows_with_events(api: &Api) -> Vec<(String, (u64, u64))> {
    let agent = api.agent().await;
    let mut counted = Vec::new();
    let started = agent.start_day(json!({})).await;
    let session = started.of::<DayStarted>(201).session.id;
    counted.push(("start_day".to_owned(), rows(&started)));
    counted.push(("update_session".to_owned(), rows(&agent.update_session(&session, json!({ "branch": "b" })).await)));
    counted.push(("create_note".to_owned(), rows(&agent.send(note(&agent, &[])).await)));
    counted.push(("end_day".to_owned(), rows(&agent.end_day(&session, json!({ "status": "done" })).await)));
    let head = api.head().await;
    for query in ["", "&venture=many-0", "&venture=none", "&kinds=work_done"] {
        for after in [head - 1_000, head] {
            let ask = TestRequest::of(Operation::ListEvents).query(format!("limit=100&after={after}{query}"));
            let response = api.admin().send(ask).await;
            assert_eq!(response.status, 200, "{response}");
            counted.push((format!("list_events after {} before the head{query}", head - after), rows(&response)));
        }
    }
    counted
}

#[tokio::test]
async fn the_rows_of_a_request_do_not_depend_on_the_number_of_events() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let fill = async |count: u32| {
        let rows =
            "with recursive n (i) as (select 0 union all select i + 1 from n where i < cast(?1 as integer) - 1) ";
        api.db_execute(&format!("{rows}{EVENTS}"), json!([count])).await;
    };
    fill(2_000).await;
    let few = rows_with_events(&api).await;
    for _ in 0..10 {
        fill(100_000).await;
    }
    let many = rows_with_events(&api).await;
    for ((name, few), (_, many)) in few.iter().zip(&many) {
        println!("{name}: {few:?} with 2,000 events, {many:?} with 1,000,000");
        let is_flat = |few: u64, many: u64| few.abs_diff(many) * 10 <= few.max(10);
        assert!(is_flat(few.0, many.0) && is_flat(few.1, many.1), "{name}: {few:?} became {many:?}");
    }
}
