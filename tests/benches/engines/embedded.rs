//! The embedded engine: the real server on a real disk, beside a bare sync of that disk.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use deckwatch_protocol::Operation;
use deckwatch_tests::{ServerProcess, program};
use serde_json::json;
use tempfile::TempDir;

use crate::day::{ADMIN_KEY, CONTEXT_KEY, Team, start_day};
use crate::load::{Call, Sample, Target, run};
use crate::report::Figure;

/// Writers at once in the comparison with a bare sync.
pub(crate) const WRITERS: usize = 8;
/// Connections of the load test.
pub(crate) const CONNECTIONS: usize = 200;
/// The most syncs that a start of day of 8 waits for, if they take longer than the processor's work for 8 of them.
const MOST_SYNCS: f64 = 2.0;
/// The unit of the times in `/proc/PID/stat`, in milliseconds. It is the same on every Linux.
const TICK: f64 = 10.0;

/// Measures the engine. The load test takes `load_time`.
pub(crate) async fn figures(load_time: Duration) -> Vec<Figure> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let server = ServerProcess::start(&program("deckwatch-server"), folder.path(), CONTEXT_KEY, ADMIN_KEY).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let target = Target { address, key: CONTEXT_KEY.to_owned() };
    let team = Team::new(&target, CONNECTIONS).await;
    let short = Duration::from_secs(3);

    let before = bare_sync(folder.path(), short);
    let (alone, heartbeats) = (start_days(&target, &team, 1, short).await, heartbeats(&target, &team, 1, short).await);
    let processor = processor_time(server.id());
    let together = start_days(&target, &team, WRITERS, short).await;
    let processor = processor_time(server.id()).zip(processor).map(|(after, before)| after - before);
    let after = bare_sync(folder.path(), short);
    let sync = f64::midpoint(before.percentile(50), after.percentile(50));

    // Writes share a sync, but not the thread that executes them. On a disk with fast syncs, this takes longer than a sync.
    let writers = f64::from(u32::try_from(WRITERS).unwrap());
    let computation = writers * processor.unwrap_or_default() / together.requests() / sync;
    let mut figures = vec![
        Figure::new("embedded: a bare sync, p50", sync, "ms"),
        Figure::new("embedded: heartbeat, 1 connection, p50", heartbeats.percentile(50), "ms"),
        Figure::new("embedded: start_day, 1 connection, p50", alone.percentile(50), "ms"),
        Figure::new("embedded: start_day, 8 connections, p50", together.percentile(50), "ms"),
        Figure::new("embedded: processor time of 8 start_days", computation, "syncs"),
        Figure::new("embedded: start_day, 8 connections, p50 in syncs", together.percentile(50) / sync, "syncs")
            .at_most(computation.max(MOST_SYNCS)),
        Figure::new("embedded: start_day, 8 connections", together.rate(), "/s").at_least(1_595.0),
    ];
    let load = mixed(&target, &team, CONNECTIONS, load_time).await;
    figures.extend([
        Figure::new("embedded: mixed requests, 200 connections", load.rate(), "/s").at_least(3_000.0),
        Figure::new("embedded: mixed requests, 200 connections, p50", load.percentile(50), "ms"),
        Figure::new("embedded: mixed requests, 200 connections, p99", load.percentile(99), "ms").at_most(100.0),
    ]);
    figures.extend(status(server.id()));
    figures
}

/// The most memory and the threads of a process. Nothing on a system without `/proc`.
pub(crate) fn status(process: u32) -> Vec<Figure> {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else { return Vec::new() };
    vec![
        Figure::portable("embedded: most memory", line(&status, "VmHWM:") / 1024.0, "MiB").at_most(64.0),
        Figure::portable("embedded: threads", line(&status, "Threads:"), "").at_most(18.0),
    ]
}

/// The processor time of a process so far, in milliseconds. Nothing on a system without `/proc`.
pub(crate) fn processor_time(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program is in parentheses and may contain spaces. The times are the fields 14 and 15.
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() * TICK).sum())
}

/// A number of `/proc/PID/status`.
fn line(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// What a write to this disk costs at least: a block at the end of a file, and its sync.
fn bare_sync(folder: &Path, duration: Duration) -> Sample {
    let file = File::create(folder.join("bare")).unwrap();
    let (started, mut times) = (Instant::now(), Vec::new());
    while started.elapsed() < duration {
        let at = Instant::now();
        file.write_all_at(&[7; 4096], 4096 * times.len() as u64).unwrap();
        file.sync_data().unwrap();
        times.push(at.elapsed());
    }
    Sample::new(times, started.elapsed())
}

pub(crate) async fn start_days(target: &Target, team: &Team, connections: usize, duration: Duration) -> Sample {
    let team = team.clone();
    run(target, connections, duration, move |connection, _| start_day(&team.agents[connection])).await
}

async fn heartbeats(target: &Target, team: &Team, connections: usize, duration: Duration) -> Sample {
    let team = team.clone();
    run(target, connections, duration, move |connection, _| {
        Call::of(Operation::Heartbeat, &team.agents[connection].session)
    })
    .await
}

/// What agents of a team send: of 20 requests, 12 are heartbeats, 5 are reads, 2 start a day and 1 is a handoff.
pub(crate) async fn mixed(target: &Target, team: &Team, connections: usize, duration: Duration) -> Sample {
    let team = team.clone();
    run(target, connections, duration, move |connection, request| {
        let agent = &team.agents[connection];
        match (connection + request) % 20 {
            0..12 => Call::of(Operation::Heartbeat, &agent.session),
            12..15 => Call::of(Operation::GetSession, &agent.session),
            15..17 => Call::of(Operation::ListHandoffs, "").with_query(&format!("repo={}&limit=5", agent.repo)),
            17..19 => start_day(agent),
            _ => Call::of(Operation::CreateHandoff, "").with(
                agent.next_key(),
                json!({ "session_id": agent.session, "handoff": { "summary": "so far", "status": "in_progress" } }),
            ),
        }
    })
    .await
}
