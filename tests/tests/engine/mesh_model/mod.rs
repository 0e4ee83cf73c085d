//! A run of random steps through the API, against a plain model: agents start, restart and move, send and take messages, take
//! and release claims, while the clock jumps and the engine is killed. Each answer, each event, all claims and all open
//! deliveries must be those of the model.
//!
//! `DECKWATCH_MESH_STEPS` sets the number of steps, `DECKWATCH_MESH_SEED` repeats a run. Without them, a run has a new seed and
//! lasts at most 20 seconds. A run that fails is shortened, and the message has its seed and the steps that are left.

mod claims;
mod mail;
mod mail_steps;
mod model;
mod run;
mod step;

use std::time::{Duration, Instant};

use fastrand::Rng;

use self::run::Run;
use self::step::Step;

/// The time of a run without a given number of steps.
const BUDGET: Duration = Duration::from_secs(20);
/// The number of steps in a run of the model. A new run begins with an empty database.
const STEPS_OF_A_RUN: usize = 2_500;
/// How often a failed run is repeated to shorten it.
const SHORTENINGS: usize = 400;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// Runs the steps. An error says what differed, and at which step.
async fn failure_of(steps: &[Step]) -> Option<(usize, String)> {
    let mut run = Run::new().await;
    for (n, step) in steps.iter().enumerate() {
        if let Err(difference) = run.step(*step).await {
            return Some((n, difference));
        }
    }
    run.check_everything().await.err().map(|difference| (steps.len(), difference))
}

/// Leaves out steps as long as the rest still fails.
async fn shortened(mut steps: Vec<Step>) -> Vec<Step> {
    let (mut size, mut tries) = (steps.len() / 2, 0);
    while size > 0 && tries < SHORTENINGS {
        let mut start = 0;
        while start < steps.len() && tries < SHORTENINGS {
            let end = (start + size).min(steps.len());
            let rest: Vec<Step> = steps[..start].iter().chain(&steps[end..]).copied().collect();
            tries += 1;
            match failure_of(&rest).await {
                Some((n, _)) => steps = rest[..rest.len().min(n + 1)].to_vec(),
                None => start = end,
            }
        }
        size /= 2;
    }
    steps
}

#[tokio::test(flavor = "multi_thread")]
async fn random_steps_have_the_results_of_a_plain_model() {
    let seed = number("DECKWATCH_MESH_SEED").unwrap_or_else(|| Rng::new().u64(..));
    let steps = number("DECKWATCH_MESH_STEPS").and_then(|steps| usize::try_from(steps).ok());
    println!("DECKWATCH_MESH_SEED={seed}");
    let (mut rng, mut done, since) = (Rng::with_seed(seed), 0, Instant::now());
    while steps.map_or(since.elapsed() < BUDGET, |steps| done < steps) {
        let of_run = steps.map_or(STEPS_OF_A_RUN / 10, |steps| STEPS_OF_A_RUN.min(steps - done));
        let steps: Vec<Step> = (0..of_run).map(|_| Step::random(&mut rng)).collect();
        if let Some((n, difference)) = failure_of(&steps).await {
            let least = shortened(steps[..steps.len().min(n + 1)].to_vec()).await;
            let (_, of_least) = failure_of(&least).await.unwrap_or_default();
            panic!(
                "DECKWATCH_MESH_SEED={seed}, step {} of this run: {difference}\n\n{} steps are enough:\n{least:#?}\n{of_least}",
                n + 1,
                least.len()
            );
        }
        done += of_run;
    }
    println!("{done} steps in {:.1} s", since.elapsed().as_secs_f64());
}
