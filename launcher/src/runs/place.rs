//! Chooses the machine for an agent, and starts the agent there.
//!
//! With `--on auto`, all machines are asked for their room. The start then says how much room the machine had. If another
//! launcher has placed an agent there in the meantime, the machine refuses, and all are asked again. So the agents of
//! several launchers that place at the same time are spread evenly.

use std::cmp::Reverse;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use deckwatch_client::clean::clean_line;
use deckwatch_fleet::members::{LastAnswer, Member};
use deckwatch_fleet::remote::{Failure, Remote};
use deckwatch_fleet::runs::requests::{AskPlace, Place, Resumes};
use deckwatch_fleet::runs::{LaunchRequest, Variable};
use deckwatch_fleet::status::{self, Reading};
use deckwatch_fleet::wire::{Refusal, RefusalKind, Request};
use deckwatch_machine::clock::{ago, now};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::viewer::is_lost;
use crate::error::LaunchError;
use crate::fleet::{self, members};
use crate::output::warn;
use crate::placement::Placement;
use crate::process_env::ProcessEnv;

/// How long a machine may take to say how much room it has.
const ASK_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the others are waited for after the first machine with room has answered.
const OTHERS_GRACE: Duration = Duration::from_secs(5);
/// How long a start may take.
const START_TIMEOUT: Duration = Duration::from_secs(40);
/// How often a start is tried while other launchers place agents.
const MAX_ATTEMPTS: usize = 100;
/// How often a start is repeated after a lost connection.
const MAX_REPEATS: usize = 5;

/// What shall be placed.
pub(super) struct Wanted<'a> {
    pub(super) launch: &'a LaunchRequest,
    pub(super) environment: &'a [Variable],
    pub(super) resumes: Option<Resumes>,
}

/// How a start on one machine is asked for: whether it may wait for a place, and the least room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) queue: bool,
    pub(super) at_least_free: Option<u32>,
}

/// An agent that was started, and the connections that were used for it.
pub(super) struct Placed<A> {
    pub(super) member: Member,
    pub(super) answer: A,
    pub(super) remote: Remote,
}

/// Starts the agent on the machine, or on the one with the most room. `make` makes the request.
pub(super) async fn start<R: Request>(
    on: &Placement,
    wanted: &Wanted<'_>,
    env: &ProcessEnv,
    make: impl Fn(Terms) -> R,
) -> Result<Placed<R::Answer>, LaunchError> {
    let mut connections = Connections { remote: Arc::new(fleet::remote(env)?), env };
    let (member, answer) = match on {
        Placement::Machine(name) => {
            let mut found = members::named(std::slice::from_ref(name), env)?;
            let member = found.pop().ok_or_else(|| LaunchError::UnknownMember { name: name.clone(), meant: None })?;
            let request = make(Terms { queue: true, at_least_free: None });
            let machine = member.hostname.clone();
            let answer = connections.start(&member, &request).await;
            (member, answer.map_err(|failure| LaunchError::Remote { machine, failure })?)
        }
        Placement::Auto => connections.start_anywhere(wanted, make).await?,
    };
    let remote = Arc::into_inner(connections.remote).map_or_else(|| fleet::remote(env), Ok)?;
    Ok(Placed { member, answer, remote })
}

/// The connections of one placement.
struct Connections<'a> {
    remote: Arc<Remote>,
    env: &'a ProcessEnv,
}

impl Connections<'_> {
    async fn start_anywhere<R: Request>(
        &mut self,
        wanted: &Wanted<'_>,
        make: impl Fn(Terms) -> R,
    ) -> Result<(Member, R::Answer), LaunchError> {
        let mut candidates = members::all(self.env)?;
        let mut check = Some(wanted.environment.to_vec());
        let (mut last, mut is_first) = (None, true);
        for _ in 0..MAX_ATTEMPTS {
            let answers = self.ask(&candidates, wanted, check.as_ref()).await;
            if std::mem::take(&mut is_first) {
                // The check also finds the repository, without which the last conversation in it is not found.
                check = check.filter(|_| wanted.resumes.is_some());
                // The others can't start the agent, so they are not asked again.
                let can = |member: &Member| answers.iter().any(|(other, place)| other == member && is_offer(place));
                candidates.retain(can);
                answers.iter().for_each(warn_of_missing);
            }
            let (member, place) = best(answers, wanted)?;
            let free = place.room.free();
            let terms = Terms { queue: free == 0, at_least_free: (free > 0).then_some(free) };
            match self.start(&member, &make(terms)).await {
                Ok(answer) => return Ok((member, answer)),
                // Another launcher was faster.
                Err(failure) if is_full(&failure) && !terms.queue => last = Some((member.hostname, failure)),
                Err(failure) => return Err(LaunchError::Remote { machine: member.hostname, failure }),
            }
        }
        let (machine, failure) = last.ok_or_else(|| LaunchError::Fleet("no machine was tried".to_owned()))?;
        Err(LaunchError::Remote { machine, failure })
    }

    /// Sends the start. If the answer is lost, sends it again over a new connection: it has an id, so it starts nothing
    /// twice.
    async fn start<R: Request>(&mut self, member: &Member, request: &R) -> Result<R::Answer, Failure> {
        let mut repeats = 0;
        loop {
            match self.remote.call(member, request, START_TIMEOUT).await {
                Err(Failure::Lost(_)) if repeats < MAX_REPEATS => repeats += 1,
                Err(failure) if repeats > 0 && is_lost(&failure) && repeats < MAX_REPEATS => repeats += 1,
                started => return started,
            }
            let remote = fleet::remote(self.env).map_err(|error| Failure::NoSsh(error.to_string()))?;
            close(std::mem::replace(&mut self.remote, Arc::new(remote))).await;
        }
    }

    /// Asks all machines at once. Machines that take much longer than the first one with room are left out, and so are
    /// those that could not be reached several times just before.
    async fn ask(&self, candidates: &[Member], wanted: &Wanted<'_>, check: Option<&Vec<Variable>>) -> Answers {
        let mut asked = JoinSet::new();
        for member in candidates.iter().cloned() {
            let remote = Arc::clone(&self.remote);
            let (launch, resumes) = (wanted.launch.clone(), wanted.resumes.clone());
            let (request, dirs) = (AskPlace { launch, resumes, check: check.cloned() }, self.env.dirs.clone());
            asked.spawn(async move {
                let place = status::read(&remote, &member, &request, ASK_TIMEOUT, &dirs).await;
                (member, place)
            });
        }
        let mut answers = Answers::new();
        let mut deadline = Instant::now() + ASK_TIMEOUT * 2;
        while let Ok(Some(answer)) = timeout_at(deadline, asked.join_next()).await {
            let Ok((member, place)) = answer else { continue };
            let has_room = matches!(&place, Reading::Fresh(place) if place.room.free() > 0) && is_offer(&place);
            // A conversation can be on any of them.
            if has_room && wanted.resumes.is_none() {
                deadline = deadline.min(Instant::now() + OTHERS_GRACE);
            }
            answers.push((member, place));
        }
        let late = candidates.iter().filter(|member| !answers.iter().any(|(answered, _)| answered == *member)).cloned();
        let late: Vec<Member> = late.collect();
        let missing = || Reading::Missing { failure: Failure::TimedOut(OTHERS_GRACE), last: None };
        answers.extend(late.into_iter().map(|member| (member, missing())));
        asked.shutdown().await;
        answers
    }
}

type Answers = Vec<(Member, Reading<Place>)>;

/// Whether the machine says now that it could start the agent.
fn is_offer(place: &Reading<Place>) -> bool {
    matches!(place, Reading::Fresh(Place { refusal: None, .. }))
}

/// Says which machine is left out because it did not answer.
fn warn_of_missing((member, place): &(Member, Reading<Place>)) {
    if let Reading::Missing { failure, last } = place {
        warn(&clean_line(&format!("{} is left out: {}", member.hostname, missing_message(failure, last.as_ref()))));
    }
}

/// Why a machine has not answered, and what it answered last.
fn missing_message(failure: &Failure, last: Option<&LastAnswer<Place>>) -> String {
    let Some(LastAnswer { taken_at, answer }) = last else { return failure.to_string() };
    let room = answer.room.free();
    format!("{failure}. Its last answer, of {}, had room for {room} more agents", ago(*taken_at, now()))
}

fn is_full(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(refusal) if refusal.kind == RefusalKind::Full)
}

async fn close(remote: Arc<Remote>) {
    if let Some(remote) = Arc::into_inner(remote) {
        remote.close().await;
    }
}

/// The machine with the most room, among those that can start the agent. For an earlier conversation: the one that has it.
fn best(answers: Answers, wanted: &Wanted<'_>) -> Result<(Member, Place), LaunchError> {
    let mut failures = Vec::new();
    let mut offers = Vec::new();
    for (member, answer) in answers {
        let place = match answer {
            Reading::Fresh(place) => place,
            Reading::Missing { failure, last } => {
                failures.push((member, missing_message(&failure, last.as_ref()), failure));
                continue;
            }
        };
        let mut refused = |member, refusal: Refusal| {
            let failure = Failure::Refused(refusal);
            failures.push((member, failure.to_string(), failure));
        };
        match place {
            Place { refusal: Some(refusal), .. } => refused(member, refusal),
            place if wanted.resumes.is_some() && place.conversation.is_none() => {
                let message = "this machine does not have the conversation".to_owned();
                refused(member, Refusal::new(RefusalKind::VentureMissing, message));
            }
            place => offers.push((member, place)),
        }
    }
    let random = || RandomState::new().build_hasher().finish();
    let rank = |place: &Place| {
        // Loads that differ little are equal.
        let load = (place.load * 2.0).round().clamp(0.0, 1000.0).to_bits();
        (Reverse(place.conversation), Reverse(place.room.free()), place.room.queued, load, random())
    };
    offers.into_iter().min_by_key(|(_, place)| rank(place)).ok_or_else(|| no_place(failures))
}

/// The error when no machine can start the agent. Its kind is that of the machine that came closest. Each failure comes
/// with its message.
fn no_place(failures: Vec<(Member, String, Failure)>) -> LaunchError {
    let said = failures.iter().map(|(member, message, _)| format!("{}: {message}", member.hostname));
    let message = said.collect::<Vec<_>>().join("\n  ");
    let refused = failures.iter().position(|(_, _, failure)| matches!(failure, Failure::Refused(_)));
    let failure = failures.into_iter().nth(refused.unwrap_or_default()).map(|(_, _, failure)| failure);
    LaunchError::NoPlace {
        message,
        failure: failure.unwrap_or(Failure::Unreachable("there are no machines".to_owned())),
    }
}
