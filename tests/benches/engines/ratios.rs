//! Bounds of the embedded engine that do not depend on the speed of the machine, so that `scripts/test` can check them.
//!
//! Each is a quotient of two measurements of the same run, or a count. If a busy machine breaks one, it is measured again.

use std::time::Duration;

use deckwatch_tests::{ServerProcess, program, slow_disk};
use tempfile::TempDir;

use crate::day::{ADMIN_KEY, CONTEXT_KEY, Team};
use crate::embedded::{CONNECTIONS, WRITERS, mixed, processor_time, start_days, status};
use crate::load::Target;
use crate::report::Figure;

/// How often a figure is measured until it keeps its bound. What slows the engine down breaks the bound every time.
const ROUNDS: usize = 3;
const DURATION: Duration = Duration::from_millis(1_500);
/// The time of a sync on the slow disk. It is so long that the syncs decide about the time of a request, not the
/// processor.
const SYNC: Duration = Duration::from_millis(50);
/// How many times [`bare_select`] a start of day may cost. It costs about 7, and 21 if its statements are prepared again for
/// each request.
const MOST_SELECTS: f64 = 13.0;

/// Measures the engine on a slow disk and on the disk of this machine.
pub(crate) async fn figures() -> Vec<Figure> {
    let mut figures = on_a_slow_disk().await;
    figures.extend(on_this_disk().await);
    figures
}

/// Writes that wait at the same time share a sync.
async fn on_a_slow_disk() -> Vec<Figure> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (_server, target) = start(&folder, slow_disk(SYNC)).await;
    let team = Team::new(&target, WRITERS).await;
    let days = async |connections| start_days(&target, &team, connections, DURATION).await;
    let sync = SYNC.as_secs_f64() * 1_000.0;
    vec![
        until_kept(
            |value| {
                Figure::portable("embedded: start_days of 8 connections beside 1, slow disk", value, "").at_least(2.5)
            },
            async || days(WRITERS).await.rate() / days(1).await.rate(),
        )
        .await,
        until_kept(
            |value| Figure::portable("embedded: start_day, 8 connections, slow disk, p50", value, "syncs").at_most(5.0),
            async || days(WRITERS).await.percentile(50) / sync,
        )
        .await,
    ]
}

/// What a request costs the processor, and what many connections cost the engine.
async fn on_this_disk() -> Vec<Figure> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (server, target) = start(&folder, Vec::new()).await;
    let team = Team::new(&target, CONNECTIONS).await;
    let process = server.id();
    let start_day = async || {
        let before = processor_time(process).unwrap();
        let sample = start_days(&target, &team, WRITERS, DURATION).await;
        (processor_time(process).unwrap() - before) / sample.requests()
    };
    let mut figures = vec![
        until_kept(
            |value| Figure::portable("embedded: processor time of a start_day", value, "selects").at_most(MOST_SELECTS),
            async || start_day().await / bare_select(),
        )
        .await,
        until_kept(
            |value| Figure::portable("embedded: mixed requests of 200 connections beside 8", value, "").at_least(0.3),
            async || {
                let few = mixed(&target, &team, WRITERS, DURATION).await;
                mixed(&target, &team, CONNECTIONS, DURATION).await.rate() / few.rate()
            },
        )
        .await,
        until_kept(
            |value| Figure::portable("embedded: mixed requests, 200 connections, p99", value, "means").at_most(10.0),
            async || {
                let load = mixed(&target, &team, CONNECTIONS, DURATION).await;
                load.percentile(99) / load.mean()
            },
        )
        .await,
    ];
    figures.extend(status(process));
    figures
}

async fn start(folder: &TempDir, variables: Vec<(&'static str, std::ffi::OsString)>) -> (ServerProcess, Target) {
    let program = program("deckwatch-server");
    let server = ServerProcess::start_with(&program, folder.path(), CONTEXT_KEY, ADMIN_KEY, variables).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    (server, Target { address, key: CONTEXT_KEY.to_owned() })
}

/// Measures a figure until it keeps its bound, at most [`ROUNDS`] times.
async fn until_kept(figure: impl Fn(f64) -> Figure, measure: impl AsyncFn() -> f64) -> Figure {
    let mut measured = figure(measure().await);
    for _ in 1..ROUNDS {
        if measured.is_good() {
            break;
        }
        measured = figure(measure().await);
    }
    measured
}

/// The processor time of a select that renders 1,000 rows as JSON, in milliseconds.
fn bare_select() -> f64 {
    const SELECTS: u32 = 1_000;
    let database = rusqlite::Connection::open_in_memory().unwrap();
    let mut select = database
        .prepare(
            "with recursive c (n) as (select 1 union all select n + 1 from c where n < 1000) \
             select json_group_array(json_object('n', n)) from c",
        )
        .unwrap();
    let before = thread_time();
    for _ in 0..SELECTS {
        let _: String = select.query_row([], |row| row.get(0)).unwrap();
    }
    (thread_time() - before) / f64::from(SELECTS)
}

/// The processor time of this thread so far, in milliseconds.
fn thread_time() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    statistics.split(' ').next().unwrap().parse::<f64>().unwrap() / 1_000_000.0
}
