//! The sweep after a long absence: it works in chunks and in the end leaves nothing to do.

use std::sync::Arc;

use deckwatch_api::{Settings, Statement, SweepCounts};
use deckwatch_protocol::{BearerKey, Operation};
use deckwatch_server::{Embedded, Sqlite};
use serde_json::{Value, json};

use crate::lab::{TestApi, Trouble};

/// A lab whose database contains `count` stale sessions of `alpha`.
async fn lab_with_silent_sessions(count: u32) -> (TestApi, Sqlite) {
    let database = Sqlite::in_memory().unwrap();
    let lab = TestApi::on(Arc::new(database.clone()));
    lab.register_alpha().await;
    let fill = "
        with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1)
        insert into sessions (id, agent, client, host, venture, repo, status, created_at, last_heartbeat_at, actor_key_id,
          creation_correlation_id)
        select printf('sess_00%024d', i), 'agent-' || i, 'claude', 'mac1', 'alpha', 'example-org/alpha', 'active',
          '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'a', 'c' from n";
    database.run(&[Statement::new(fill).bind(count)]).unwrap();
    (lab, database)
}

#[tokio::test]
async fn one_sweep_clears_several_chunks_and_the_next_has_nothing_to_do() {
    let (lab, _database) = lab_with_silent_sessions(2_500).await;
    assert_eq!(lab.app().sweep().await.unwrap().sessions, 2_500);
    assert_eq!(lab.app().sweep().await.unwrap(), SweepCounts::default());
}

#[tokio::test]
async fn an_interrupted_sweep_is_reported_and_the_next_one_continues() {
    let (lab, database) = lab_with_silent_sessions(7_500).await;
    assert_eq!(last_sweep(&lab).await, Value::Null);
    lab.expect_trouble_after(2, Trouble::Unreachable);
    lab.app().sweep().await.unwrap_err();
    let interrupted = last_sweep(&lab).await;
    assert_eq!((&interrupted["finished_at"], &interrupted["more"]), (&Value::Null, &json!(true)), "{interrupted}");
    assert_eq!(interrupted["sessions"], 1_000, "the record of the run counts the chunks before the last one");
    lab.ask(Operation::CreateNote, ("", ""), Some(&json!({ "title": "T", "content": "osprey" }))).await;
    database.run(&[Statement::new("insert into notes_to_index (note_id) select id from notes")]).unwrap();
    let before = lab.statements();
    assert_eq!(lab.app().sweep().await.unwrap().sessions, 3_000);
    // Cloudflare's free plan allows so many queries in one invocation. Each statement of a batch is one.
    let queries = lab.statements() - before;
    assert!(queries < 50, "a full run of the sweep has {queries} queries");
    let full = last_sweep(&lab).await;
    assert_eq!((&full["more"], &full["sessions"]), (&json!(true), &json!(3_000)), "{full}");
    assert_eq!(lab.app().sweep().await.unwrap().sessions, 2_500);
    assert_eq!(last_sweep(&lab).await["more"], false);
}

async fn last_sweep(lab: &TestApi) -> Value {
    lab.ask(Operation::Health, ("", ""), None).await.json()["last_sweep"].clone()
}

#[tokio::test]
async fn the_embedded_engine_sweeps_when_it_starts_and_every_ten_minutes() {
    let (_lab, database) = lab_with_silent_sessions(1).await;
    let engine = Embedded::on(database.clone(), Settings::in_process(&BearerKey::new("0123456789abcdef").unwrap()));
    let left = || {
        let active = "select count(*) as n from sessions where status = 'active'";
        database.run(&[Statement::new(active)]).unwrap()[0][0]["n"].clone()
    };
    let sweeping = async {
        while left() != 0 {
            tokio::task::yield_now().await;
        }
        let revive = "update sessions set status = 'active', ended_at = null, end_reason = null";
        database.run(&[Statement::new(revive)]).unwrap();
        // Time is paused and nothing else waits, so the clock jumps to the next tick.
        tokio::time::pause();
        let paused = tokio::time::Instant::now();
        while left() != 0 {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        paused.elapsed()
    };
    let waited = tokio::select! {
        () = engine.keep_swept() => unreachable!("the sweeping never ends by itself"),
        waited = sweeping => waited,
    };
    assert!((500..700).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test]
async fn a_start_of_day_abandons_a_limited_number_of_sessions_and_shows_none_of_them() {
    let (lab, database) = lab_with_silent_sessions(120).await;
    let answer = lab.ask(deckwatch_protocol::Operation::StartDay, ("", ""), Some(&crate::lab::day_of("new"))).await;
    assert_eq!(answer.json()["active_sessions"]["total"], 0);
    let left = "select count(*) as n from sessions where status = 'active' and agent <> 'new'";
    let rows = database.run(&[Statement::new(left)]).unwrap();
    assert_eq!(rows[0][0]["n"], 115);
    let lost = "select count(*) as n from events e join sessions s on s.id = e.subject
        where e.kind = 'session_lost' and s.status = 'abandoned'";
    assert_eq!(database.run(&[Statement::new(lost)]).unwrap()[0][0]["n"], 5);
}

#[tokio::test]
async fn expired_rows_are_deleted_and_others_are_kept() {
    let lab = TestApi::new();
    lab.register_alpha().await;
    lab.start("agent-1").await;
    assert_eq!(lab.app().sweep().await.unwrap(), SweepCounts::default());
    lab.pass_seconds(46 * 60);
    assert_eq!(lab.app().sweep().await.unwrap(), SweepCounts { sessions: 1, ..SweepCounts::default() });
    lab.pass_seconds(23 * 60 * 60);
    assert_eq!(lab.app().sweep().await.unwrap(), SweepCounts { rates: 1, ..SweepCounts::default() });
    // The keys have expired, but a key is deleted on the day after.
    lab.pass_seconds(60 * 60);
    assert_eq!(lab.app().sweep().await.unwrap(), SweepCounts::default());
    lab.pass_seconds(24 * 60 * 60);
    assert_eq!(lab.app().sweep().await.unwrap(), SweepCounts { keys: 2, ..SweepCounts::default() });
    lab.pass_seconds(7 * 24 * 60 * 60);
    assert_eq!(lab.app().sweep().await.unwrap(), SweepCounts { log: 2, ..SweepCounts::default() });
}

#[tokio::test]
async fn a_note_without_an_index_is_reported_by_a_search_and_found_after_the_sweep() {
    let database = Sqlite::in_memory().unwrap();
    let lab = TestApi::on(Arc::new(database.clone()));
    let note = json!({ "title": "T", "content": "osprey" });
    let id = lab.ask(Operation::CreateNote, ("", ""), Some(&note)).await.json()["id"].as_str().unwrap().to_owned();
    // The state that a migration leaves.
    for sql in [
        "insert into note_search (note_search) values ('delete-all')",
        "delete from note_terms",
        "insert into notes_to_index (note_id) select id from notes",
    ] {
        database.run(&[Statement::new(sql)]).unwrap();
    }
    let found = async |q: &str| {
        let page = lab.ask(Operation::ListNotes, ("", &format!("q={q}")), None).await.json();
        (page["total"].clone(), page["total_is_minimum"].clone())
    };
    assert_eq!(found("osprey").await, (json!(0), json!(true)));
    // After a change, the note still waits. The sweep indexes its new text.
    lab.ask(Operation::UpdateNote, (&id, ""), Some(&json!({ "content": "heron" }))).await;
    assert_eq!(found("heron").await, (json!(0), json!(true)));
    lab.app().sweep().await.unwrap();
    assert_eq!(found("heron").await, (json!(1), Value::Null));
    assert_eq!(found("osprey").await, (json!(0), Value::Null));
    let check = "insert into note_search (note_search, rank) values ('integrity-check', 1)";
    database.run(&[Statement::new(check)]).unwrap();
    lab.app().sweep().await.unwrap();
    assert_eq!(lab.ask(Operation::Health, ("", ""), None).await.json()["last_sweep"]["more"], false);
}
