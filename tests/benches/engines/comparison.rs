//! The engines of this checkout beside those of another commit, measured in turn in one run, because a machine differs from
//! itself a minute later.

use std::path::Path;
use std::time::Duration;

use deckwatch_tests::{ServerProcess, WorkerProcess, program};
use tempfile::TempDir;

use crate::day::{ADMIN_KEY, CONTEXT_KEY, Team};
use crate::embedded::{CONNECTIONS, WRITERS, mixed, start_days};
use crate::load::{Sample, Target};
use crate::report::Figure;
use crate::worker;

const ROUNDS: usize = 7;
const DURATION: Duration = Duration::from_secs(2);

/// Measures the embedded engine and the one in the folder `before`.
pub(crate) async fn embedded(before: &Path) -> Vec<Figure> {
    let (before, now) =
        (Server::start(&before.join("deckwatch-server")).await, Server::start(&program("deckwatch-server")).await);
    let mut measured = Comparison::default();
    for _ in 0..ROUNDS {
        for (side, server) in [&before, &now].into_iter().enumerate() {
            let days = start_days(&server.target, &server.team, WRITERS, DURATION).await;
            measured.add("embedded: start_day, 8 connections, p50", "ms", side, days.percentile(50));
            let load = mixed(&server.target, &server.team, CONNECTIONS, DURATION).await;
            measured.add("embedded: mixed requests, 200 connections", "/s", side, load.rate());
            for (name, sample) in [("all", None), ("heartbeats", Some("heartbeat")), ("start_days", Some("start_day"))]
            {
                let sample = sample.map_or_else(|| load.clone(), |operation| load.of(operation));
                for percent in [50, 99] {
                    let name = format!("embedded: mixed requests, {name}, p{percent}");
                    measured.add(&name, "ms", side, sample.percentile(percent));
                }
            }
        }
    }
    measured.figures()
}

/// Measures the Worker and the one of the checkout `before`.
pub(crate) async fn worker(before: &Path) -> Vec<Figure> {
    let keys = (CONTEXT_KEY.to_owned(), ADMIN_KEY.to_owned());
    let mut sides = Vec::new();
    for worker in [
        WorkerProcess::start_in(before, &keys, 1_000_000, &[]).await,
        WorkerProcess::start(&keys, 1_000_000, &[]).await,
    ] {
        let target = worker::target(&worker.url);
        let team = Team::new(&target, 1).await;
        sides.push((worker, target, team));
    }
    let mut measured = Comparison::default();
    for _ in 0..3 * ROUNDS {
        for (side, (_, target, team)) in sides.iter().enumerate() {
            let mut add = |name: &str, sample: &Sample| {
                measured.add(&format!("{name}, p50"), "ms", side, sample.percentile(50));
                measured.add(&format!("{name}, fastest tenth"), "ms", side, sample.percentile(10));
            };
            add("worker: heartbeat", &worker::heartbeats(target, team).await);
            add("worker: start_day that resumes", &worker::start_days(target, team).await);
        }
    }
    measured.figures()
}

/// A server of one side.
struct Server {
    _process: ServerProcess,
    _folder: TempDir,
    target: Target,
    team: Team,
}

impl Server {
    async fn start(program: &Path) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let process = ServerProcess::start(program, folder.path(), CONTEXT_KEY, ADMIN_KEY).await;
        let target = worker::target(&process.url);
        let team = Team::new(&target, CONNECTIONS).await;
        Self { _process: process, _folder: folder, target, team }
    }
}

/// The values of both sides by figure, in the order of the first measurement.
#[derive(Default)]
struct Comparison(Vec<(String, &'static str, [Vec<f64>; 2])>);

impl Comparison {
    fn add(&mut self, name: &str, unit: &'static str, side: usize, value: f64) {
        let known = self.0.iter().position(|(known, ..)| known == name).unwrap_or_else(|| {
            self.0.push((name.to_owned(), unit, Default::default()));
            self.0.len() - 1
        });
        self.0[known].2[side].push(value);
    }

    /// The medians of both sides, and the median of the quotients of each round.
    fn figures(self) -> Vec<Figure> {
        let figures = self.0.into_iter().flat_map(|(name, unit, [before, now])| {
            let quotients = before.iter().zip(&now).map(|(before, now)| now / before).collect();
            [
                Figure::new(format!("{name}, before"), median(before), unit),
                Figure::new(format!("{name}, now"), median(now), unit),
                Figure::new(format!("{name}, now beside before"), median(quotients), ""),
            ]
        });
        figures.collect()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
