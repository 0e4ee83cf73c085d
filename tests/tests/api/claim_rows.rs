//! The rows that D1 reads for requests about claims and shared state, with few and with many rows stored.

use deckwatch_protocol::{Operation, StateEntry};
use deckwatch_tests::{Api, Caller, Holder, Response, TestRequest};
use serde_json::json;

use crate::row_counts::{MAX_READ, SKIPPED, rows};

const CLAIMS: &str = "
    with recursive n (i) as (select ?2 union all select i + 1 from n where i < cast(?1 as integer) + cast(?2 as integer) - 1)
    insert into claims (id, venture, repo, subject, place, session_id, fence, taken_at)
    select printf('clm_01%024d', i), ?3, ?4, printf('path:src/%07d/**', i), printf('path:src/%07d/', i), ?5, i,
      '2026-01-01T00:00:00.000Z' from n";

/// The rows of each request, by name.
async fn counted(api: &Api, full: &Holder) -> Vec<(String, (u64, u64))> {
    let mut counted: Vec<(String, (u64, u64))> = Vec::new();
    let agent = full.agent.colleague();
    let mut count = |name: &str, response: &Response| {
        assert!(response.status < 300 || response.status == 409, "{name}: {response}");
        counted.push((name.to_owned(), rows(response)));
    };
    let started = agent.start_day(json!({ "issue_number": 87 })).await;
    count("start_day", &started);
    let session = started.of::<deckwatch_protocol::DayStarted>(201).session.id;
    let holder = Holder { agent: agent.clone(), session };
    // Each subject lies behind a claim of a session with 50 claims, and is not within it.
    let subjects: Vec<String> = (0..10).map(|n| format!("path:around/{n:02}/b")).collect();
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    count("put_claims of 10 paths", &holder.claim(&subjects).await);
    count("put_claims, again", &holder.claim(&subjects).await);
    count("put_claims, held", &holder.claim(&["path:around/00/a/x"]).await);
    let claim = holder.claimed(&["issue:1"]).await.remove(0);
    count("release_claim", &holder.release(&claim).await);
    for query in ["limit=100".to_owned(), format!("limit=100&venture={}", agent.venture)] {
        let list = TestRequest::of(Operation::ListClaims).query(&query);
        count(&format!("list_claims {query}"), &api.admin().send(list).await);
    }
    let key = deckwatch_tests::fresh("key");
    let body = json!({ "session_id": holder.session, "epoch": 1, "value": 1 });
    let put = TestRequest::of(Operation::PutState).with(&agent.venture).with(&key).json(&body);
    let put = agent.send(put.header("if-none-match", "*")).await;
    put.of::<StateEntry>(201);
    count("put_state", &put);
    count("get_state", &agent.send(TestRequest::of(Operation::GetState).with(&agent.venture).with(&key)).await);
    count(
        "list_state",
        &agent.send(TestRequest::of(Operation::ListState).with(&agent.venture).query("limit=100")).await,
    );
    count("end_day", &agent.end_day(&holder.session, json!({})).await);
    counted
}

#[tokio::test]
async fn the_rows_of_a_request_do_not_depend_on_the_number_of_claims() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let full = api.agent().await.holder().await;
    for ten in 0..5 {
        let subjects: Vec<String> = (0..10).map(|n| format!("path:around/{n:02}/a{ten}")).collect();
        full.claimed(&subjects.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    let add = async |count: u32, first: u32| {
        let params = json!([count, first, full.agent.venture, full.agent.repo, full.session]);
        api.db_execute(CLAIMS, params).await;
    };
    add(2_000, 0).await;
    let few = counted(&api, &full).await;
    for part in 1..=10 {
        add(100_000, part * 100_000).await;
    }
    let many = counted(&api, &full).await;
    for ((name, few), (_, many)) in few.iter().zip(&many) {
        println!("{name}: {few:?} with 2,000 claims, {many:?} with 1,000,000");
        // The second time, the venture has a key and a session more.
        assert!(few.0.abs_diff(many.0) <= few.0 / 10 + 3, "{name}: {few:?} became {many:?}");
        assert!(many.0 <= MAX_READ, "{name} reads {} rows", many.0);
    }
}
