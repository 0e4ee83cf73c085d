//! The Worker on workerd with a local D1, beside a Worker that runs `select 1`.

use std::time::Duration;

use deckwatch_protocol::Operation;
use deckwatch_tests::{SelectOne, WorkerProcess};

use crate::day::{ADMIN_KEY, CONTEXT_KEY, Team, start_day};
use crate::load::{Call, Sample, Target, run};
use crate::report::Figure;

/// How often the measurements are repeated in turn. The smallest median of each counts, because other programs on the
/// machine only ever add time.
const ROUNDS: usize = 5;
const DURATION: Duration = Duration::from_secs(2);

/// Measures the Worker.
pub(crate) async fn figures() -> Vec<Figure> {
    let keys = (CONTEXT_KEY.to_owned(), ADMIN_KEY.to_owned());
    let worker = WorkerProcess::start(&keys, 1_000_000, &[]).await;
    let bare = SelectOne::start().await;
    let target =
        |url: &str| Target { address: url.trim_start_matches("http://").to_owned(), key: CONTEXT_KEY.to_owned() };
    let (worker_target, bare_target) = (target(&worker.url), target(&bare.url));
    let team = Team::new(&worker_target, 1).await;

    let mut medians = [f64::MAX; 4];
    for _ in 0..ROUNDS {
        let samples = [
            get(&bare_target, "/").await,
            get(&worker_target, Operation::Version.path()).await,
            heartbeats(&worker_target, &team).await,
            start_days(&worker_target, &team).await,
        ];
        for (median, sample) in medians.iter_mut().zip(samples) {
            *median = median.min(sample.percentile(50));
        }
    }
    let [select, no_database, heartbeat, resume] = medians;
    vec![
        Figure::new("worker: select 1, p50", select, "ms"),
        Figure::new("worker: no database, p50", no_database, "ms"),
        Figure::new("worker: heartbeat, p50", heartbeat, "ms"),
        Figure::new("worker: start_day that resumes, p50", resume, "ms"),
        Figure::portable("worker: heartbeat, p50 in selects", heartbeat / select, "selects").at_most(1.3),
        Figure::portable("worker: start_day that resumes, p50 in selects", resume / select, "selects").at_most(2.0),
    ]
}

async fn get(target: &Target, path: &'static str) -> Sample {
    run(target, 1, DURATION, move |_, _| Call {
        method: "GET",
        path: path.to_owned(),
        body: None,
        idempotency_key: None,
    })
    .await
}

async fn heartbeats(target: &Target, team: &Team) -> Sample {
    let team = team.clone();
    run(target, 1, DURATION, move |_, _| Call::of(Operation::Heartbeat, &team.agents[0].session)).await
}

async fn start_days(target: &Target, team: &Team) -> Sample {
    let team = team.clone();
    run(target, 1, DURATION, move |_, _| start_day(&team.agents[0])).await
}
