//! The work on one delivery, from its claim to its end. A delivery is done only when GitHub has its labels.

use std::sync::Arc;

use deckwatch_protocol::{
    Classification, ClassificationId, ClassificationOutcome, ClassifiedKind, GradeSource, IssueNumber, QaGrade,
    RepoName, Timestamp,
};

use serde_json::{Value, json};

use super::access::Access;
use super::change;
use super::client::GithubError;
use super::criteria::{closed_issues, count};
use super::decision::{Move, asked_status, forward, grade_by_model, grade_by_person, is_repeated};
use super::event::{ClosedBy, EventFacts};
use super::item::{ChangedFiles, Item, ItemClient, Pull};
use super::labels::{Family, ItemState, LabelPlan, Wanted, furthest};
use super::model::{self, Question};
use super::rules::{Facts, Kind, Verdict};
use super::settings::{GithubSettings, ModelSettings};
use super::status::Status;
use crate::database::{Database, DatabaseError, Statement};
use crate::outbound::Outbound;
use crate::platform::{Clock, Entropy, random_bits};
use crate::store::classification::{self, NewClassification};
use crate::store::github_delivery::{self, ClaimedDelivery, NewDelivery, Released};
use crate::store::github_event::{self, Labelled};

/// How long an attempt holds its delivery. Its requests take less: each has a time limit.
const LEASE_SECONDS: i64 = 150;
/// The minutes before the next attempt. After the last attempt, the delivery is set aside.
const BACKOFF_MINUTES: [i64; 7] = [1, 5, 15, 60, 240, 720, 1_440];
/// A finished delivery is kept so long, because GitHub can repeat one for 3 days.
pub(crate) const KEEP_SECONDS: i64 = 7 * 24 * 60 * 60;
/// The longest pause that a rate limit of GitHub can ask for.
const MAX_PAUSE_SECONDS: i64 = 24 * 60 * 60;

/// The classifier of one engine.
pub(crate) struct Classifier {
    pub(crate) settings: GithubSettings,
    pub(crate) outbound: Arc<dyn Outbound>,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    access: Access,
}

/// An attempt that decided nothing.
enum Failure {
    Github(GithubError),
    Database(DatabaseError),
}

impl From<GithubError> for Failure {
    fn from(error: GithubError) -> Self {
        Self::Github(error)
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// What an attempt has decided: the statements that store it.
type Decided = Vec<Statement>;

/// A delivery in work.
struct Attempt {
    claimed: ClaimedDelivery,
    facts: EventFacts,
    repo: RepoName,
    number: IssueNumber,
    now: Timestamp,
    lease: Timestamp,
}

impl Classifier {
    pub(crate) fn new(
        settings: GithubSettings,
        outbound: Arc<dyn Outbound>,
        database: Arc<dyn Database>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { settings, outbound, database, clock, entropy, access: Access::default() }
    }

    /// Works on the delivery `first`, then on others that are due, at most `most` in all. If GitHub does not answer, the
    /// others wait for the next sweep.
    pub(crate) async fn work(&self, first: Option<&str>, most: usize) -> Result<(), DatabaseError> {
        let mut next = first;
        for _ in 0..most {
            let now = self.clock.now();
            let lease = now.plus_seconds(LEASE_SECONDS);
            let rows = self.database.batch(&[github_delivery::claim(next, now, lease)]).await?;
            let claimed = rows.first().and_then(|rows| rows.first()).and_then(ClaimedDelivery::of);
            match claimed {
                Some(claimed) => {
                    if !self.attempt(claimed, now, lease).await? {
                        return Ok(());
                    }
                }
                // Another delivery of the same issue is in work, and its process continues with this one.
                None if next.is_some() => {}
                None => return Ok(()),
            }
            next = None;
        }
        Ok(())
    }

    /// Returns whether GitHub answers.
    async fn attempt(&self, claimed: ClaimedDelivery, now: Timestamp, lease: Timestamp) -> Result<bool, DatabaseError> {
        let number = IssueNumber::try_from(u64::from(claimed.number));
        let (Some(facts), Ok(repo), Ok(number)) = (EventFacts::of_json(&claimed.facts), claimed.repo.parse(), number)
        else {
            let because = "the stored facts of the delivery can't be read";
            let released = Released::SetAside { forget_at: now.plus_seconds(KEEP_SECONDS), because };
            self.database.batch(&[github_delivery::release(&claimed.id, lease, &released)]).await?;
            return Ok(true);
        };
        let attempt = Attempt { claimed, facts, repo, number, now, lease };
        // An attempt that ended without a word, with its process, counts too.
        let is_over = usize::try_from(attempt.claimed.attempt).unwrap_or(usize::MAX) > BACKOFF_MINUTES.len() + 1;
        let decided = if is_over {
            let last = attempt.claimed.last_error.clone();
            Err(Failure::Github(GithubError::Unavailable(last.unwrap_or("each attempt was interrupted".to_owned()))))
        } else {
            self.decide(&attempt).await
        };
        let forget_at = now.plus_seconds(KEEP_SECONDS);
        let is_down =
            matches!(decided, Err(Failure::Github(GithubError::Unavailable(_) | GithubError::RateLimited { .. })));
        let statements = match decided {
            Ok(mut statements) => {
                statements.push(attempt.release(&Released::Done { forget_at }));
                statements
            }
            Err(Failure::Github(GithubError::Gone)) => vec![attempt.release(&Released::Done { forget_at })],
            // The lease ends by itself.
            Err(Failure::Database(error)) => return Err(error),
            Err(Failure::Github(error)) => self.failed(&attempt, &error),
        };
        self.database.batch(&statements).await?;
        Ok(!is_down)
    }

    /// The statements after a failure: another attempt later, or none, with a record for the admin.
    fn failed(&self, attempt: &Attempt, error: &GithubError) -> Decided {
        let (id, because) = (attempt.claimed.id.as_str(), error.to_string());
        log::warn!("attempt {} of the delivery {id} from GitHub failed: {because}", attempt.claimed.attempt);
        let tries = usize::try_from(attempt.claimed.attempt).unwrap_or(usize::MAX);
        let Some(minutes) = tries.checked_sub(1).and_then(|before| BACKOFF_MINUTES.get(before)) else {
            let forget_at = attempt.now.plus_seconds(KEEP_SECONDS);
            let mut new = attempt.classification(self, ClassificationOutcome::SetAside);
            new.reasons.push(because.clone());
            let state = attempt.claimed.state.clone().unwrap_or_else(|| json_text(&ItemState::default()));
            let released = Released::SetAside { forget_at, because: &because };
            return vec![attempt.insert(&new, state), attempt.release(&released)];
        };
        let mut at = attempt.now.plus_seconds(minutes * 60);
        if let GithubError::RateLimited { seconds, until } = error {
            let asked = seconds.map(|seconds| attempt.now.plus_seconds(seconds)).max(*until);
            let latest = attempt.now.plus_seconds(MAX_PAUSE_SECONDS);
            at = asked.map_or(at, |asked| asked.min(latest).max(at));
        }
        vec![attempt.release(&Released::Again { at, because: &because })]
    }

    async fn decide(&self, attempt: &Attempt) -> Result<Decided, Failure> {
        let Attempt { claimed, facts, .. } = attempt;
        let github = ItemClient {
            settings: &self.settings,
            outbound: self.outbound.as_ref(),
            clock: self.clock.as_ref(),
            access: &self.access,
            installation: facts.installation,
            repo: &claimed.repo,
            number: claimed.number,
        };
        let item = github.item().await?;
        if facts.closed_by.is_some() && item.is_pull() {
            // The pull request refers to another one, which has its own deliveries.
            return Ok(Vec::new());
        }
        let (pull, files) = match facts.kind {
            Kind::Issue => (None, ChangedFiles::default()),
            Kind::PullRequest => {
                let pull = github.pull().await?;
                let files = github.files(&pull).await?;
                (Some(pull), files)
            }
        };
        let labels = item.labels();
        let mut state = attempt.state(&labels);
        let by_person = self.is_by_person(facts).await?;
        if by_person {
            state.learn(facts);
        }
        let asked = asked_status(facts, &item, pull.as_ref());
        let mut new = attempt.classification(self, ClassificationOutcome::Done);
        let follow_ups = attempt.follow_ups(asked.as_ref(), &item);
        let status = move_status(asked, facts, &labels, &state, &mut new.reasons);
        let seen = Seen { item: &item, labels: &labels, files: &files, status: status.or(furthest(&labels)) };
        let verdict = self.judge(attempt, &seen, &state, &mut new).await;
        let wanted = Wanted {
            grade: format!("qa:{}", verdict.grade),
            needs: verdict.needs,
            test: verdict.test_required.then(|| "test:required".to_owned()),
            status,
            status_by_person: by_person && facts.action() == "labeled" && facts.label.as_deref().is_some_and(is_status),
        };
        new.status = seen.status.map(|status| status.name().to_owned());
        let plan = LabelPlan::of(&labels, &state, &wanted);
        self.write(attempt, &github, &plan).await?;
        state.own = plan.own_after(&labels, &state);
        let labelled = attempt.labelled(&plan, &labels, by_person, pull.as_ref());
        (new.labels_added, new.labels_removed, new.labels_kept) = (plan.add, plan.remove, plan.kept);
        let mut statements = attempt.decided(&new, &state, &follow_ups);
        statements.extend(labelled);
        Ok(statements)
    }

    /// Whether a person has caused the event, and not the account of the engine.
    async fn is_by_person(&self, facts: &EventFacts) -> Result<bool, GithubError> {
        if !facts.is_person || facts.label.is_none() {
            return Ok(false);
        }
        let own = self.access.login(&self.settings, self.outbound.as_ref()).await?;
        Ok(own.is_none_or(|own| !own.eq_ignore_ascii_case(&facts.sender)))
    }

    /// Applies the rules and, if one is configured, the model.
    async fn judge(&self, attempt: &Attempt, seen: &Seen<'_>, state: &ItemState, new: &mut Classification) -> Verdict {
        let Seen { item, labels, files, status } = seen;
        let facts = Facts {
            kind: attempt.facts.kind,
            title: item.title(),
            body: item.body(),
            labels,
            paths: &files.paths,
            has_all_paths: files.incomplete.is_none(),
            criteria: count(item.body()),
            status: *status,
        };
        let mut verdict = self.settings.rules.judge(&facts);
        new.reasons.append(&mut verdict.reasons);
        new.reasons.extend(files.incomplete.clone());
        if let Some(grade) = grade_by_person(labels, state) {
            new.reasons
                .push(format!("the grade is {grade}, because a person has set it; the rules say {}", verdict.grade));
            (new.grade, new.grade_by) = (grade_of(grade), Some(GradeSource::Human));
            return verdict;
        }
        let by_model = self.refine(attempt, seen, &verdict, new).await;
        new.grade_by = Some(if by_model.is_some() { GradeSource::Model } else { GradeSource::Rules });
        verdict.grade = by_model.unwrap_or(verdict.grade);
        new.grade = grade_of(verdict.grade);
        verdict
    }

    /// The grade of the model, not below the floor of the rules; `None` if the rules decide.
    async fn refine(
        &self,
        attempt: &Attempt,
        seen: &Seen<'_>,
        rules: &Verdict,
        new: &mut Classification,
    ) -> Option<u32> {
        let settings = self.settings.model.as_ref()?;
        let has_new_text = matches!(attempt.facts.action(), "opened" | "edited" | "synchronize" | "ready_for_review");
        let known = grade_by_model(&attempt.last_decision()).filter(|_| !has_new_text);
        let answer = match known {
            Some(grade) => Ok(grade),
            None => self.ask_model(settings, seen, rules.grade).await,
        };
        match answer {
            Ok(low) if low < rules.floor => {
                new.reasons.push(format!(
                    "the model says grade {low}, which is below the lowest grade that the rules allow, {}",
                    rules.floor
                ));
                Some(rules.floor)
            }
            Ok(grade) => {
                new.reasons.push(format!("the model says grade {grade}"));
                Some(grade)
            }
            Err(because) => {
                new.reasons.push(format!("the rules decide, because {because}"));
                None
            }
        }
    }

    async fn ask_model(&self, settings: &ModelSettings, seen: &Seen<'_>, grade: u32) -> Result<u32, &'static str> {
        let fence = format!("{:032x}", random_bits(self.entropy.as_ref()));
        let Seen { item, labels, files, .. } = seen;
        let question =
            Question { title: item.title(), body: item.body(), labels, paths: &files.paths, grade, fence: &fence };
        model::ask(settings, self.outbound.as_ref(), &question).await
    }

    /// Writes the labels: first the additions, so that the issue always has a label.
    async fn write(&self, attempt: &Attempt, github: &ItemClient<'_>, plan: &LabelPlan) -> Result<(), Failure> {
        if plan.is_empty() {
            return Ok(());
        }
        if !plan.add.is_empty() {
            let held = github_delivery::plan(&attempt.claimed.id, attempt.lease, &json_text(&plan.add));
            let rows = self.database.batch(&[held]).await?;
            if rows.first().is_none_or(Vec::is_empty) {
                return Err(
                    GithubError::Unavailable("the attempt took too long, and another one has begun".into()).into()
                );
            }
            github.add_labels(&plan.add).await?;
        }
        for label in &plan.remove {
            github.remove_label(label).await?;
        }
        Ok(())
    }
}

/// What an attempt sees of an issue.
struct Seen<'a> {
    item: &'a Item,
    labels: &'a [String],
    files: &'a ChangedFiles,
    /// The status after the decision.
    status: Option<Status>,
}

impl Attempt {
    /// What the classifier remembers about the issue. Labels of an interrupted attempt are its own.
    fn state(&self, labels: &[String]) -> ItemState {
        let state = self.claimed.state.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let mut state: ItemState = state.unwrap_or_default();
        let planned: Vec<String> = serde_json::from_str(&self.claimed.planned).unwrap_or_default();
        for label in planned {
            if labels.contains(&label) && !state.own.contains(&label) {
                state.own.push(label);
            }
        }
        state
    }

    /// The newest decision about the issue; null without one.
    fn last_decision(&self) -> Value {
        self.claimed.last_decision.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// A decision that says nothing yet.
    fn classification(&self, of: &Classifier, outcome: ClassificationOutcome) -> Classification {
        Classification {
            id: ClassificationId::mint(self.now, random_bits(of.entropy.as_ref())),
            venture: None,
            repo: self.repo.clone(),
            number: self.number,
            kind: match self.facts.kind {
                Kind::Issue => ClassifiedKind::Issue,
                Kind::PullRequest => ClassifiedKind::PullRequest,
            },
            event: self.facts.name.clone(),
            delivery_id: self.claimed.id.clone(),
            outcome,
            grade: None,
            grade_by: None,
            status: None,
            labels_added: Vec::new(),
            labels_removed: Vec::new(),
            labels_kept: Vec::new(),
            reasons: Vec::new(),
            created_at: self.now,
        }
    }

    /// The deliveries for the issues that the pull request closes, if the event moves its status.
    fn follow_ups(&self, asked: Option<&Move>, item: &Item) -> Vec<(String, u32, String)> {
        let Some(asked) = asked.filter(|_| self.facts.kind == Kind::PullRequest) else { return Vec::new() };
        // Only GitHub can say that a merge has closed an issue.
        let status = if asked.status == Status::Done { Status::Verified } else { asked.status };
        let numbers = closed_issues(item.body(), &self.claimed.repo);
        let others = numbers.into_iter().filter(|number| *number != self.claimed.number);
        let follow_up = |number| {
            let closed_by = ClosedBy { number: self.claimed.number, status: status.name().to_owned() };
            let facts = EventFacts { kind: Kind::Issue, label: None, closed_by: Some(closed_by), ..self.facts.clone() };
            (format!("{}/{number}", self.claimed.id), number, facts.to_json())
        };
        others.map(follow_up).collect()
    }

    /// The statements that store a decision, unless the last one said the same.
    fn decided(&self, new: &Classification, state: &ItemState, follow_ups: &[(String, u32, String)]) -> Decided {
        let mut statements = Vec::new();
        let state = json_text(state);
        let is_known = self.claimed.state.as_deref() == Some(state.as_str());
        if !is_known || !is_repeated(&serde_json::to_value(new).unwrap_or_default(), &self.last_decision()) {
            statements.push(self.insert(new, state));
        }
        statements.extend(follow_ups.iter().map(|(id, number, facts)| {
            let new =
                NewDelivery { id, repo: &self.claimed.repo, number: *number, facts, change_id: None, done_until: None };
            github_delivery::follow_up(&new, self.now, &self.claimed.id, self.lease)
        }));
        statements
    }

    /// The event of the labels that have changed: the one that the delivery tells, unless the classifier itself has changed
    /// it, and those of the plan, also of an attempt that was interrupted.
    fn labelled(&self, plan: &LabelPlan, before: &[String], by_person: bool, pull: Option<&Pull>) -> Option<Statement> {
        let planned: Vec<String> = serde_json::from_str(&self.claimed.planned).unwrap_or_default();
        let mut added: Vec<String> = planned.into_iter().filter(|label| before.contains(label)).collect();
        let mut removed = plan.remove.clone();
        let told = self.facts.label.clone().filter(|label| by_person || Family::of(label).is_none());
        if let Some(label) = told.filter(|_| self.claimed.tells_change) {
            if self.facts.action() == "labeled" { added.push(label) } else { removed.push(label) }
        }
        added.extend(plan.add.iter().cloned());
        if added.is_empty() && removed.is_empty() {
            return None;
        }
        let data = json!({
            "branch": pull.and_then(Pull::branch), "added": change::labels(&added), "removed": change::labels(&removed),
        });
        let of = Labelled { repo: &self.claimed.repo, number: self.claimed.number, data };
        Some(github_event::labelled(&of, self.now, &self.claimed.id, self.lease))
    }

    fn insert(&self, new: &Classification, state: String) -> Statement {
        let (id, number) = (&new.id, self.claimed.number);
        let grade = new.grade.map(QaGrade::get);
        let new = NewClassification { id, repo: &self.claimed.repo, number, grade, body: json_text(new), state };
        classification::insert(&new, &self.claimed.id, self.lease)
    }

    fn release(&self, released: &Released) -> Statement {
        github_delivery::release(&self.claimed.id, self.lease, released)
    }
}

/// The status that the issue moves to. The reason is added.
fn move_status(
    asked: Option<Move>,
    facts: &EventFacts,
    labels: &[String],
    state: &ItemState,
    reasons: &mut Vec<String>,
) -> Option<Status> {
    match forward(asked?, facts, labels, state) {
        Ok(Move { status, because }) => {
            reasons.push(format!("the status is {}, because {because}", status.name()));
            Some(status)
        }
        Err(why) => {
            reasons.push(why);
            None
        }
    }
}

fn is_status(label: &str) -> bool {
    label.starts_with("status:")
}

fn grade_of(grade: u32) -> Option<QaGrade> {
    QaGrade::try_from(u64::from(grade)).ok()
}

fn json_text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
