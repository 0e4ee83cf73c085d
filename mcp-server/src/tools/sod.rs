//! `sod`: starts the agent's day and reports everything that it needs to begin.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_client::outbox::HeldDecision;
use deckwatch_machine::checkout::{Checkout, CheckoutKind};
use deckwatch_protocol::{DayOutcome, DayStarted, Excerpt, HandoffId, IssueNumber, SessionId, Track, Violations, cut};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::sod_snapshot::{self, Start};
use super::{background_healing, day_extras, fence};
use crate::github::{Lane, Queue};
use crate::render::budget::{clip, cost};
use crate::render::context::gone_line;
use crate::render::sod::{DayExtras, Rendered, render};
use crate::render::{outbox, queue};
use crate::session::{Keeper, Live};
use crate::trouble::Trouble;

const DEFAULT_LIMIT: usize = 6_000;
const FULL_LIMIT: usize = 12_000;
/// A smaller limit is not tried.
const MIN_LIMIT: usize = 500;
/// How long the opening of a conversation waits for GitHub and for the weekly plan.
const OPENING_WAITS: Duration = Duration::from_millis(800);
/// The limit for a warning about the ventures file.
const WARNING_COST: usize = 400;

/// The arguments. All are optional.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    /// Your line of work, if the repository has several.
    #[deserr(default)]
    track: Option<Track>,
    /// The GitHub issue you work on.
    #[deserr(default)]
    issue_number: Option<IssueNumber>,
    /// `full`: up to 12,000 characters, not 6,000.
    #[deserr(default)]
    #[schemars(default)]
    detail: Detail,
    /// For waiting writes in the report, if a human says so.
    #[deserr(default)]
    #[schemars(default)]
    held: Held,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserr, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = Violations)]
enum Held {
    #[default]
    #[deserr(rename = "keep")]
    Keep,
    #[deserr(rename = "send")]
    Send,
    #[deserr(rename = "drop")]
    Drop,
    #[deserr(rename = "take_over")]
    TakeOver,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserr, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[deserr(rename_all = lowercase, error = Violations)]
enum Detail {
    #[default]
    Default,
    Full,
}

impl Detail {
    fn limit(self) -> usize {
        match self {
            Self::Default => DEFAULT_LIMIT,
            Self::Full => FULL_LIMIT,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// The whole report, as text.
    pub(super) report: String,
    /// `unavailable`: this is the API's last answer, and no session is started yet.
    outcome: SodOutcome,
    /// The age of the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    snapshot_age_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<SessionId>,
    #[schemars(skip)]
    agent: String,
    #[schemars(skip)]
    venture: String,
    #[schemars(skip)]
    repo: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_handoff_id: Option<HandoffId>,
    handoffs_to_you: u32,
    /// Absent when GitHub did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    p0_issues: Option<Count>,
    active_sessions: Count,
    #[schemars(skip)]
    executive_summaries: Count,
    #[schemars(skip)]
    documents: Count,
    #[schemars(skip)]
    documents_missing: u32,
    #[schemars(skip)]
    documents_stale: u32,
    /// Writes in the outbox of this machine, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    queued: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    correlation_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum SodOutcome {
    Created,
    Resumed,
    Unavailable,
}

#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
struct Count {
    #[schemars(skip)]
    shown: usize,
    total: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    total_is_minimum: bool,
}

impl Count {
    fn of<T>(list: &Excerpt<T>, shown: usize) -> Self {
        Self { shown, total: list.total, total_is_minimum: list.total_is_minimum }
    }
}

pub(super) async fn call(keeper: &Arc<Keeper>, arguments: Arguments) -> Result<Facts, Trouble> {
    let room = Room { characters: arguments.detail.limit(), bytes: None };
    day(keeper, arguments, room).await
}

/// The report in at most `bytes`, for the opening of a conversation. It waits less for what comes from GitHub.
pub(super) async fn at_opening(keeper: &Arc<Keeper>, bytes: usize) -> Result<String, Trouble> {
    let arguments = Arguments { track: None, issue_number: None, detail: Detail::Default, held: Held::Keep };
    let report = day(keeper, arguments, Room { characters: bytes, bytes: Some(bytes) }).await?.report;
    Ok(cut::to_bytes(&report, bytes).to_owned())
}

/// The room for a report.
#[derive(Clone, Copy)]
struct Room {
    characters: usize,
    /// Set for the opening of a conversation.
    bytes: Option<usize>,
}

impl Room {
    /// Renders a report that fits.
    fn fill(self, report: impl Fn(usize) -> Facts) -> Facts {
        let (mut limit, bytes) = (self.characters, self.bytes.unwrap_or(usize::MAX));
        loop {
            let facts = report(limit);
            let size = facts.report.len();
            if size <= bytes || limit < MIN_LIMIT {
                return facts;
            }
            // The report has characters of several bytes.
            limit = (limit * bytes / size).min(limit - limit / 10);
        }
    }
}

async fn day(keeper: &Arc<Keeper>, arguments: Arguments, room: Room) -> Result<Facts, Trouble> {
    let before = keeper.held();
    let decided = match arguments.held {
        Held::Send => keeper.resolve_held(HeldDecision::Send).await.map(|()| None)?,
        Held::Drop => keeper.resolve_held(HeldDecision::Drop).await.map(|()| None)?,
        Held::TakeOver => Some(outbox::taken_over(keeper.take_over().await?)),
        Held::Keep => None,
    };
    let loading = day_extras::Loading::begin(keeper, arguments.track);
    let mut started = sod_snapshot::start(keeper, arguments.track, arguments.issue_number).await?;
    let (waiting, unsent) = (keeper.waiting().await, keeper.unsent().await?);
    let client = keeper.identity.me().await.ok().map(|me| &me.client);
    let mut remarks: Vec<String> = decided.into_iter().chain(keeper.build.update_notice(client)).collect();
    remarks.extend(outbox::lines_with(&waiting, &unsent));
    remarks.extend(outbox::notes_line(&unsent.notes));
    let unsent = unsent.handoffs;
    remarks.extend(keeper.healing.take_report());
    let others = started.active_sessions();
    let gone = keeper.without_ended(&mut others.items).await;
    others.total = others.total.saturating_sub(u32::try_from(gone.len()).unwrap_or(u32::MAX));
    remarks.extend(gone_line(&gone));
    let checkout = keeper.identity.checkout().await?;
    remarks.extend(keeper.identity.ventures_warning(&checkout)?.map(|line| clip(&line, WARNING_COST)));
    let facts = match &started {
        Start::Day(day) => {
            remarks.extend(keeper.moved_notice());
            remarks.extend(self::remarks(&checkout, before.as_ref(), day));
            let extras = match room.bytes {
                Some(_) => loading.within(OPENING_WAITS).await,
                None => loading.whole().await?,
            };
            let extras = DayExtras { unsent, ..extras };
            let facts =
                room.fill(|limit| report(day, &extras, &|room| render(day, &extras, &remarks, &fence(), room), limit));
            background_healing::heal(keeper, &day.venture.code, &day.doc_audit);
            facts
        }
        Start::Last(last) => {
            let (day, extras) = (&last.snapshot.day, DayExtras { unsent, ..loading.so_far().await });
            let facts =
                room.fill(|limit| report(day, &extras, &|room| last.render(&extras, &remarks, &fence(), room), limit));
            let snapshot_age_seconds = Some(last.now.seconds_since(last.snapshot.taken_at));
            Facts {
                outcome: SodOutcome::Unavailable,
                snapshot_age_seconds,
                session_id: None,
                correlation_id: None,
                ..facts
            }
        }
    };
    let facts = Facts { queued: waiting.unreadable.is_none().then_some(waiting.queued), ..facts };
    keeper.reported(waiting).await;
    Ok(facts)
}

fn remarks(checkout: &Checkout, before: Option<&Live>, day: &DayStarted) -> Vec<String> {
    let outside = checkout.kind == CheckoutKind::NotARepository;
    let left = before.filter(|live| live.id != day.session.id);
    let remarks = [
        outside.then(|| "Note: this folder is not a git repository, so no branch or commit is recorded.".to_owned()),
        left.map(|live| format!("Note: your session {} has no handoff, and it gets no more heartbeats.", live.id)),
    ];
    remarks.into_iter().flatten().collect()
}

/// Keeps both forms of the answer within `limit`: subtracts the size of the other facts from the space for the text.
fn report(day: &DayStarted, extras: &DayExtras, render: &dyn Fn(usize) -> Rendered, limit: usize) -> Facts {
    // For the fields that the caller adds: the number of queued writes and the age of the answer.
    const RESERVED: usize = 20;
    let maximum = Rendered {
        text: String::new(),
        p0_issues: extras.p0.as_ref().map_or(0, |queue| queue::total(queue, Lane::P0).count),
        active_sessions: day.active_sessions.items.len(),
        executive_summaries: day.executive_summaries.excerpt.items.len(),
        docs: day.doc_index.items.len(),
    };
    let without_text = serde_json::to_string(&facts(day, extras, maximum)).unwrap_or_default();
    let room = limit.saturating_sub(cost_of_json(&without_text) + RESERVED);
    facts(day, extras, render(room))
}

/// The cost of JSON that is sent without another level of quoting.
fn cost_of_json(json: &str) -> usize {
    cost(json) - json.matches(['"', '\\']).count()
}

fn facts(day: &DayStarted, extras: &DayExtras, rendered: Rendered) -> Facts {
    let p0_total = |queue: &Queue| u32::try_from(queue::total(queue, Lane::P0).count).unwrap_or(u32::MAX);
    Facts {
        outcome: match day.outcome {
            DayOutcome::Created => SodOutcome::Created,
            DayOutcome::Resumed => SodOutcome::Resumed,
        },
        snapshot_age_seconds: None,
        session_id: Some(day.session.id.clone()),
        agent: day.session.agent.to_string(),
        venture: day.venture.code.to_string(),
        repo: day.session.repo.to_string(),
        last_handoff_id: day.last_handoff.as_ref().map(|handoff| handoff.id.clone()),
        handoffs_to_you: day.handoffs_to_you.total,
        p0_issues: extras.p0.as_ref().ok().map(|queue| Count {
            shown: rendered.p0_issues,
            total: p0_total(queue),
            total_is_minimum: !queue::gaps(queue).is_empty(),
        }),
        active_sessions: Count::of(&day.active_sessions, rendered.active_sessions),
        executive_summaries: Count::of(&day.executive_summaries.excerpt, rendered.executive_summaries),
        documents: Count::of(&day.doc_index, rendered.docs),
        documents_missing: day.doc_audit.counts().missing,
        documents_stale: day.doc_audit.counts().stale,
        queued: None,
        correlation_id: Some(day.correlation_id.clone()),
        report: rendered.text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::golden::assert_in_step;
    use crate::render::samples::{day, empty_day, extras, full_day, no_extras};
    use crate::render::team::{self, BUSY, RICH, busy_day, busy_extras};

    fn shown(day: &DayStarted, extras: &DayExtras, limit: usize) -> String {
        shown_with(day, extras, &[], limit)
    }

    fn shown_with(day: &DayStarted, extras: &DayExtras, remarks: &[String], limit: usize) -> String {
        let facts = report(day, extras, &|room| render(day, extras, remarks, &team::fence(), room), limit);
        assert!(serde_json::to_string(&facts).unwrap().encode_utf16().count() <= limit);
        facts.report
    }

    #[test]
    fn whole_days_are_in_step() {
        let (busy, rich) = (busy_day(BUSY), busy_day(RICH));
        assert_in_step("sod-brief", &shown(&busy, &busy_extras(), DEFAULT_LIMIT));
        assert_in_step("sod-full", &shown(&busy, &busy_extras(), FULL_LIMIT));
        let extras = DayExtras { unsent: vec![team::unsent()], ..busy_extras() };
        let mut remarks = vec!["Documents healed in the background: api.md: created, version 1.".to_owned()];
        remarks.extend(outbox::lines(&team::troubled_outbox()));
        assert_in_step("sod-rich", &shown_with(&rich, &extras, &remarks, DEFAULT_LIMIT));
        assert_in_step("sod-rich-full", &shown_with(&rich, &extras, &remarks, FULL_LIMIT));
        assert_in_step("sod-empty", &shown(&day(empty_day()), &no_extras(), DEFAULT_LIMIT));
    }

    #[test]
    fn both_forms_of_the_answer_stay_within_the_limit() {
        for text in ["x".repeat(4_000), "\"q\"\n😀\\".repeat(600)] {
            let day = day(full_day(&text));
            for limit in [DEFAULT_LIMIT, FULL_LIMIT] {
                let extras = extras(&text);
                let facts = report(&day, &extras, &|room| render(&day, &extras, &[], &fence(), room), limit);
                let json = serde_json::to_string(&facts).unwrap().encode_utf16().count();
                assert!(json <= limit && json * 100 >= limit * 95, "{json} of {limit}");
                assert!(facts.report.encode_utf16().count() <= limit);
                assert_eq!((facts.active_sessions.total, facts.documents.total), (137, 300));
                assert!(facts.active_sessions.shown > 0 && facts.active_sessions.shown < 137);
            }
        }
    }
}
