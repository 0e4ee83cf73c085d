//! Reads the queue of several repositories: from the kept answers where nothing has changed, else from GitHub.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_machine::clock::now;
use deckwatch_protocol::{RepoName, Timestamp};
use tokio::task::JoinSet;

use super::answer::{Queue, RepoAnswer};
use super::connection::{Checked, Connection};
use super::kept::{Kept, KeptAnswers};
use super::lane_cursor::LaneCursor;
use super::limits::REPOS_IN_A_QUERY;
use super::notice::Notice;
use super::query::{Asked, Form, Query};
use super::trouble::GitHubTrouble;

/// How long the kept answers may delay the queue.
const DISK: Duration = Duration::from_millis(300);

/// A repository while it is read.
struct Reading {
    repo: RepoName,
    /// The name on GitHub, as far as it is known.
    name: String,
    kept: Option<Kept>,
    /// The `ETag` and the time of the last change, from the check.
    checked: Option<(String, Option<Timestamp>)>,
    outcome: Outcome,
}

enum Outcome {
    Waits,
    /// Read now.
    Read(RepoAnswer),
    /// Read earlier, and nothing has changed since.
    Unchanged(RepoAnswer),
    /// Read earlier, and shown because GitHub does not answer.
    Earlier(RepoAnswer, Timestamp, GitHubTrouble),
    Failed(GitHubTrouble),
}

/// Reads these repositories.
pub(super) async fn read(
    connection: Arc<Connection>,
    repos: &[RepoName],
    form: &Form,
    cursor: Option<&LaneCursor>,
) -> Result<Queue, GitHubTrouble> {
    // A page that is not the first is read once.
    let kept = if cursor.is_none() { KeptAnswers::of(&connection) } else { None };
    let mut readings = start(repos, kept.clone(), form).await;
    let pause = match kept.clone() {
        Some(kept) => blocking(move || kept.pause(now())).await.flatten(),
        None => None,
    };
    let stopped = match pause {
        Some(trouble) => Err(trouble),
        None if kept.is_some() => check(&connection, &mut readings).await,
        None => Ok(()),
    };
    let stopped = match stopped {
        Ok(()) => ask(&connection, &mut readings, form, cursor).await,
        Err(trouble) => Err(trouble),
    };
    if let Err(trouble) = stopped {
        for reading in readings.iter_mut().filter(|reading| matches!(reading.outcome, Outcome::Waits)) {
            reading.outcome = Outcome::Failed(trouble.clone());
        }
    }
    fall_back(&mut readings);
    keep(kept, form, &readings).await;
    queue(readings, form)
}

async fn start(repos: &[RepoName], kept: Option<KeptAnswers>, form: &Form) -> Vec<Reading> {
    let (names, form) = (repos.to_vec(), form.clone());
    let found = blocking(move || {
        let readable = |repo: &RepoName, kept: &Kept| kept.answer.lanes(repo, &form.sections).is_ok();
        let read =
            |repo: &RepoName| kept.as_ref()?.read(repo.as_str(), &form.shape()).filter(|kept| readable(repo, kept));
        names.iter().map(read).collect::<Vec<_>>()
    });
    let found = found.await.unwrap_or_default().into_iter().chain(std::iter::repeat(None));
    let reading = |(repo, kept): (&RepoName, Option<Kept>)| Reading {
        repo: repo.clone(),
        name: kept.as_ref().map_or_else(|| repo.as_str().to_owned(), |kept| kept.name.clone()),
        kept,
        checked: None,
        outcome: Outcome::Waits,
    };
    repos.iter().zip(found).map(reading).collect()
}

/// Asks for each repository whether anything has changed. Takes the kept answer if not.
async fn check(connection: &Arc<Connection>, readings: &mut [Reading]) -> Result<(), GitHubTrouble> {
    let mut checks = JoinSet::new();
    for (index, reading) in readings.iter().enumerate() {
        let (connection, name) = (Arc::clone(connection), reading.name.clone());
        let tag = reading.kept.as_ref().and_then(|kept| kept.tag(now())).map(str::to_owned);
        checks.spawn(async move { (index, connection.check(&name, tag.as_deref()).await) });
    }
    while let Some(checked) = checks.join_next().await {
        let Ok((index, checked)) = checked else { continue };
        let Some(reading) = readings.get_mut(index) else { continue };
        match (checked?, &reading.kept) {
            (Checked::Unchanged, Some(kept)) => reading.outcome = Outcome::Unchanged(kept.answer.clone()),
            (Checked::Changed { tag, last_change }, _) => reading.checked = Some((tag, last_change)),
            (Checked::Unchanged | Checked::Unknown, _) => {}
        }
    }
    Ok(())
}

/// Queries the repositories that still wait. One that has another name now is asked again, by that name.
async fn ask(
    connection: &Arc<Connection>,
    readings: &mut [Reading],
    form: &Form,
    cursor: Option<&LaneCursor>,
) -> Result<(), GitHubTrouble> {
    for _ in 0..2 {
        let waiting: Vec<usize> = (0..readings.len())
            .filter(|index| readings.get(*index).is_some_and(|reading| matches!(reading.outcome, Outcome::Waits)))
            .collect();
        let mut queries = JoinSet::new();
        for part in waiting.chunks(REPOS_IN_A_QUERY) {
            let asked = part.iter().filter_map(|index| readings.get(*index)).map(|reading| Asked {
                repo: reading.repo.clone(),
                name: reading.name.clone(),
                after: form.cursors(cursor, &reading.repo),
            });
            let query = Query::of(asked.collect(), form);
            let (connection, part) = (Arc::clone(connection), part.to_vec());
            queries.spawn(async move { (part, query.answers(&connection).await) });
        }
        while let Some(answers) = queries.join_next().await {
            let Ok((part, answers)) = answers else { continue };
            for (index, answer) in part.into_iter().zip(answers?) {
                if let Some(reading) = readings.get_mut(index) {
                    reading.take(answer, form);
                }
            }
        }
    }
    Ok(())
}

impl Reading {
    /// Takes an answer. If the repository has another name, it waits for the answer by that name.
    fn take(&mut self, answer: Result<RepoAnswer, GitHubTrouble>, form: &Form) {
        let readable = answer.and_then(|answer| answer.lanes(&self.repo, &form.sections).map(|_| answer));
        match readable {
            Ok(answer) if !answer.name_with_owner.eq_ignore_ascii_case(&self.name) => {
                self.name.clone_from(&answer.name_with_owner);
                // The check was about the earlier name.
                self.checked = None;
            }
            Ok(answer) => self.outcome = Outcome::Read(answer),
            Err(trouble) => self.outcome = Outcome::Failed(trouble),
        }
    }
}

/// Takes the earlier answer about a repository if GitHub does not answer at the moment.
fn fall_back(readings: &mut [Reading]) {
    for reading in readings {
        if let (Outcome::Failed(trouble), Some(kept)) = (&reading.outcome, &reading.kept)
            && trouble.passes()
            && kept.may_be_shown(now())
        {
            reading.outcome = Outcome::Earlier(kept.answer.clone(), kept.read_at, trouble.clone());
        }
    }
}

/// Writes the new answers and the limits.
async fn keep(kept: Option<KeptAnswers>, form: &Form, readings: &[Reading]) {
    let Some(kept) = kept else { return };
    let (mut answers, mut troubles, shape) = (Vec::new(), Vec::new(), form.shape());
    for reading in readings {
        match &reading.outcome {
            Outcome::Read(answer) => {
                let new = Kept::new(reading.name.clone(), reading.checked.clone(), now(), answer.clone());
                answers.push((reading.repo.clone(), new));
            }
            Outcome::Failed(trouble) | Outcome::Earlier(_, _, trouble) => troubles.push(trouble.clone()),
            Outcome::Unchanged(_) | Outcome::Waits => {}
        }
    }
    blocking(move || {
        for (repo, answer) in answers {
            kept.write(repo.as_str(), &shape, &answer);
        }
        for trouble in troubles {
            kept.remember(&trouble);
        }
    })
    .await;
}

fn queue(readings: Vec<Reading>, form: &Form) -> Result<Queue, GitHubTrouble> {
    let mut queue = Queue::default();
    for reading in readings {
        let (answer, earlier) = match reading.outcome {
            Outcome::Read(answer) | Outcome::Unchanged(answer) => (answer, None),
            Outcome::Earlier(answer, read_at, why) => (answer, Some((read_at, why))),
            Outcome::Failed(trouble) => {
                queue.failed.push(trouble);
                continue;
            }
            Outcome::Waits => {
                queue.failed.push(GitHubTrouble::NoSuchRepo { repo: reading.repo });
                continue;
            }
        };
        match answer.lanes(&reading.repo, &form.sections) {
            Ok(lanes) => queue.lanes.extend(lanes),
            Err(trouble) => {
                queue.failed.push(trouble);
                continue;
            }
        }
        queue.notices.extend(answer.notices(&reading.repo));
        let earlier = earlier.map(|(read_at, why)| (reading.repo.clone(), read_at, why));
        queue.notices.extend(earlier.map(|(repo, read_at, why)| Notice::Earlier { repo, read_at, now: now(), why }));
        queue.repos.push(reading.repo);
    }
    match (queue.repos.is_empty(), queue.failed.first()) {
        (true, Some(trouble)) => Err(trouble.clone()),
        _ => Ok(queue),
    }
}

/// Runs work with files in another thread. `None` if the disk is too slow; the work then ends in the background.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::time::timeout(DISK, tokio::task::spawn_blocking(work)).await.ok()?.ok()
}
