//! The same request to many members at once.

use std::sync::Arc;

use deckwatch_fleet::members::Member;
use deckwatch_fleet::remote::{Failure, Remote};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::context_api;
use crate::error::LaunchError;
use crate::fleet;
use crate::process_env::ProcessEnv;

/// The most members that are asked at the same time. Machines that are down wait for the time limit of SSH, so that
/// fewer would make a large fleet slow.
const AT_ONCE: usize = 32;

/// What a member answered.
pub(crate) struct Outcome<T> {
    pub(crate) member: Member,
    pub(crate) result: Result<T, Failure>,
}

/// Asks all members at once. The outcomes are in the order of the members. A member that fails changes nothing for the
/// others.
pub(crate) fn ask_every<T, Asked>(
    members: Vec<Member>,
    env: &ProcessEnv,
    ask: impl Fn(Arc<Remote>, Member) -> Asked,
) -> Result<Vec<Outcome<T>>, LaunchError>
where
    T: Send + 'static,
    Asked: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let remote = Arc::new(fleet::remote(env)?);
    context_api::runtime()?.block_on(async {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked = JoinSet::new();
        for (place, member) in members.into_iter().enumerate() {
            let answer = ask(Arc::clone(&remote), member.clone());
            let turns = Arc::clone(&turns);
            asked.spawn(async move {
                let _turn = turns.acquire().await;
                (place, Outcome { member, result: answer.await })
            });
        }
        let mut outcomes = asked.join_all().await;
        outcomes.sort_by_key(|(place, _)| *place);
        if let Some(remote) = Arc::into_inner(remote) {
            remote.close().await;
        }
        Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    })
}

/// An error unless every member succeeded.
pub(crate) fn all_succeeded<T>(outcomes: &[Outcome<T>]) -> Result<(), LaunchError> {
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    if failed == 0 { Ok(()) } else { Err(LaunchError::MembersFailed { failed, of: outcomes.len() }) }
}

/// A failure as JSON, `null` without one.
pub(crate) fn failure_json(failure: Option<&Failure>) -> Value {
    failure.map_or(Value::Null, |failure| json!({ "kind": failure.kind(), "message": failure.to_string() }))
}
