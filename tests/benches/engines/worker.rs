//! The Worker on workerd with a local D1, beside a Worker that runs `select 1`.

use std::time::{Duration, Instant};

use deckwatch_protocol::Operation;
use deckwatch_tests::{SelectOne, WorkerProcess};

use crate::day::{ADMIN_KEY, CONTEXT_KEY, Team, start_day};
use crate::load::{Call, Sample, Target, run};
use crate::report::Figure;

/// The measurements are repeated in turn at least so often. The smallest value of each counts, because other programs on
/// the machine only ever add time.
const MIN_ROUNDS: usize = 5;
/// They are repeated until the bounds of the fastest requests are kept, at most for this time.
const MAX_TIME: Duration = Duration::from_secs(25);
/// The time of one measurement in a round.
const DURATION: Duration = Duration::from_millis(300);

/// The smallest times of one kind of request, in milliseconds.
struct Smallest {
    median: f64,
    /// The time that the fastest tenth of the requests did not exceed. On a busy machine, most requests wait for other
    /// programs, but not these.
    fastest: f64,
}

impl Smallest {
    fn add(&mut self, sample: &Sample) {
        self.median = self.median.min(sample.percentile(50));
        self.fastest = self.fastest.min(sample.percentile(10));
    }
}

/// Measures the Worker.
pub(crate) async fn figures() -> Vec<Figure> {
    let keys = (CONTEXT_KEY.to_owned(), ADMIN_KEY.to_owned());
    let worker = WorkerProcess::start(&keys, 1_000_000, &[]).await;
    let bare = SelectOne::start().await;
    let (worker_target, bare_target) = (target(&worker.url), target(&bare.url));
    let team = Team::new(&worker_target, 1).await;

    let mut smallest = [(); 6].map(|()| Smallest { median: f64::MAX, fastest: f64::MAX });
    let (started, mut rounds) = (Instant::now(), 0);
    loop {
        let samples = [
            get(&bare_target, "/ok").await,
            get(&bare_target, "/").await,
            get(&bare_target, "/write").await,
            get(&worker_target, Operation::Health.path()).await,
            heartbeats(&worker_target, &team).await,
            start_days(&worker_target, &team).await,
        ];
        smallest.iter_mut().zip(&samples).for_each(|(smallest, sample)| smallest.add(sample));
        rounds += 1;
        let ratios = ratios_of_fastest(&smallest);
        if started.elapsed() > MAX_TIME || rounds >= MIN_ROUNDS && ratios.iter().all(Figure::is_good) {
            return times(&smallest).into_iter().chain(ratios).collect();
        }
    }
}

/// The engine at `url`, with the context key.
pub(crate) fn target(url: &str) -> Target {
    Target { address: url.trim_start_matches("http://").to_owned(), key: CONTEXT_KEY.to_owned() }
}

fn times(smallest: &[Smallest; 6]) -> Vec<Figure> {
    let [ok, select, write, health, heartbeat, resume] = smallest.each_ref().map(|smallest| smallest.median);
    vec![
        Figure::new("worker: a Worker that answers ok, p50", ok, "ms"),
        Figure::new("worker: a Worker that runs select 1, p50", select, "ms"),
        Figure::new("worker: a Worker that writes the rows of a heartbeat, p50", write, "ms"),
        Figure::new("worker: health, which reads once, p50", health, "ms"),
        Figure::new("worker: heartbeat, p50", heartbeat, "ms"),
        Figure::new("worker: start_day that resumes, p50", resume, "ms"),
        Figure::new("worker: a Worker that writes the rows of a heartbeat, p50 in selects", write / select, "selects"),
        Figure::new("worker: heartbeat, p50 in selects", heartbeat / select, "selects").at_most(1.3),
        Figure::new("worker: start_day that resumes, p50 in selects", resume / select, "selects").at_most(2.0),
    ]
}

/// The bounds that decide on a busy machine too. They leave room for noise, and another batch exceeds them.
fn ratios_of_fastest(smallest: &[Smallest; 6]) -> Vec<Figure> {
    let [_, select, _, _, heartbeat, resume] = smallest.each_ref().map(|smallest| smallest.fastest);
    vec![
        Figure::portable("worker: heartbeat, fastest tenth in selects", heartbeat / select, "selects").at_most(1.8),
        Figure::portable("worker: start_day that resumes, fastest tenth in selects", resume / select, "selects")
            .at_most(3.3),
    ]
}

async fn get(target: &Target, path: &'static str) -> Sample {
    run(target, 1, DURATION, move |_, _| Call {
        name: "",
        method: "GET",
        path: path.to_owned(),
        body: None,
        idempotency_key: None,
    })
    .await
}

pub(crate) async fn heartbeats(target: &Target, team: &Team) -> Sample {
    let team = team.clone();
    run(target, 1, DURATION, move |_, _| Call::of(Operation::Heartbeat, &team.agents[0].session)).await
}

pub(crate) async fn start_days(target: &Target, team: &Team) -> Sample {
    let team = team.clone();
    run(target, 1, DURATION, move |_, _| start_day(&team.agents[0])).await
}
