//! Many agents take the same claims at the same time: each claim has one holder.

use std::collections::{BTreeMap, BTreeSet};

use deckwatch_protocol::{ClaimsTaken, ErrorCode};
use deckwatch_tests::{Api, Caller, Holder};
use serde_json::json;
use tokio::task::JoinSet;

/// How many agents race, for how many subjects, and how often.
struct Race {
    agents: usize,
    subjects: usize,
    rounds: usize,
}

impl Race {
    /// The whole race on the embedded engine, a smaller one on the Worker.
    fn of_engine() -> Self {
        if std::env::var_os("DECKWATCH_TEST_URL").is_none() {
            Self { agents: 20, subjects: 500, rounds: 20 }
        } else {
            Self { agents: 8, subjects: 40, rounds: 2 }
        }
    }
}

/// Asks for all subjects, ten at a time, beginning at a place of its own. Returns the fences of those that it got.
async fn race_for(holder: Holder, subjects: Vec<String>, first: usize) -> BTreeMap<String, u64> {
    let mut won = BTreeMap::new();
    for n in 0..subjects.len() / 10 {
        let at = (first + n * 10) % subjects.len();
        let ten: Vec<&str> = subjects.iter().cycle().skip(at).take(10).map(String::as_str).collect();
        let response = holder.agent.send(holder.ask_claim(&ten, json!({}))).await;
        if response.status == 200 {
            let taken = response.of::<ClaimsTaken>(200).items;
            assert_eq!(taken.len(), ten.len());
            won.extend(taken.into_iter().map(|claim| (claim.subject.to_string(), claim.fence)));
        } else {
            let code = response.refusal().code;
            assert!([ErrorCode::ClaimHeld, ErrorCode::TooManyClaims].contains(&code), "{response}");
        }
    }
    won
}

#[tokio::test(flavor = "multi_thread")]
async fn each_claim_has_one_winner_and_each_fence_is_used_once() {
    let api = Api::start_limited(1_000_000).await;
    let Race { agents, subjects, rounds } = Race::of_engine();
    // Half of the subjects are paths that lie next to each other.
    let subjects: Vec<String> =
        (1..=subjects).map(|n| if n % 2 == 0 { format!("issue:{n}") } else { format!("path:src/{n:03}/**") }).collect();
    let first = api.agent().await;
    let mut last_fence = 0;
    for _ in 0..rounds {
        let mut racing = JoinSet::new();
        let mut holders = Vec::new();
        for n in 0..agents {
            let holder = first.colleague().holder().await;
            holders.push(holder.clone());
            racing.spawn(race_for(holder, subjects.clone(), n * 7));
        }
        let won = racing.join_all().await;
        let all: Vec<&String> = won.iter().flat_map(BTreeMap::keys).collect();
        let once: BTreeSet<&String> = all.iter().copied().collect();
        assert_eq!(all.len(), once.len(), "a claim has two winners");
        assert!(!all.is_empty(), "nobody won");
        let fences: BTreeSet<u64> = won.iter().flat_map(BTreeMap::values).copied().collect();
        assert_eq!(fences.len(), all.len(), "a fence was used twice");
        assert!(fences.first().is_some_and(|fence| *fence > last_fence), "a fence was used again");
        last_fence = fences.last().copied().unwrap_or_default();
        let stored = "select count(*) as n from claims where venture = ?1";
        assert_eq!(api.db_count(stored, json!([first.venture])).await, all.len() as u64);
        for holder in holders {
            holder.agent.ended(&holder.session).await;
        }
        assert_eq!(api.db_count(stored, json!([first.venture])).await, 0);
    }
}
