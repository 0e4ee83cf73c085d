//! `claim`: takes, releases and lists claims on issues and paths of the repository.

use std::borrow::Cow;

use deckwatch_client::api::{Api, ClientError};
use deckwatch_protocol::{
    Claim, ClaimFilter, ClaimReason, ClaimSubject, ErrorCode, Fence as SessionFence, FenceQuery, Invalid, PutClaims,
    Timestamp, Violations,
};
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::{fence, now};
use crate::claims_copy;
use crate::identity::WorkContext;
use crate::render::claims;
use crate::render::clean::clean_line;
use crate::render::fence::{Fence, WARNING};
use crate::render::part::Total;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The size limit of the report.
const LIMIT: usize = 6_000;
/// How many pages of 100 claims are read.
const MAX_PAGES: usize = 10;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    action: Action,
    /// `87` or `src/api/**`.
    #[deserr(default)]
    #[schemars(default, example = &["87", "src/api/**"])]
    subjects: Vec<Subject>,
    #[deserr(default)]
    reason: Option<ClaimReason>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserr, JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
enum Action {
    Take,
    #[deserr(rename = "take_over")]
    TakeOver,
    Release,
    List,
}

/// An issue or a path, as an agent writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Subject(ClaimSubject);

impl Subject {
    /// `87`, `#87` and `issue:87` are the issue; everything else is a path, with or without `path:`.
    fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let number = text.strip_prefix('#').unwrap_or(text);
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let canonical: Cow<str> = if is_number {
            format!("issue:{number}").into()
        } else if text.starts_with("issue:") || text.starts_with("path:") {
            text.into()
        } else {
            format!("path:{}", text.strip_prefix("./").unwrap_or(text)).into()
        };
        canonical.parse().map(Self)
    }
}

impl Deserr<Violations> for Subject {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
        let number = match &value {
            Value::Integer(number) => Some(number.to_string()),
            _ => None,
        };
        let text = number.map_or_else(|| String::deserialize_from_value(value, at), Ok)?;
        Self::parse(&text).map_err(|invalid| {
            deserr::take_cf_content(<Violations as deserr::MergeWithError<Invalid>>::merge(None, invalid, at))
        })
    }
}

impl JsonSchema for Subject {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Subject".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": ClaimSubject::MAX_CHARS })
    }
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// What happened, as text.
    pub(super) report: String,
    /// The subjects that you hold.
    #[schemars(skip)]
    held: Vec<ClaimSubject>,
}

pub(super) async fn call(keeper: &Keeper, arguments: Arguments) -> Result<Facts, Trouble> {
    arguments.check()?;
    let Arguments { action, subjects, reason } = arguments;
    let subjects: Vec<ClaimSubject> = subjects.into_iter().map(|subject| subject.0).collect();
    match action {
        Action::Take | Action::TakeOver => take(keeper, subjects, reason).await,
        Action::Release => release(keeper, &subjects).await,
        Action::List => list(keeper).await,
    }
}

impl Arguments {
    fn check(&self) -> Result<(), Trouble> {
        let wrong = |pointer: &str, detail: &str| Err(Trouble::Arguments(Violations::at(pointer, detail)));
        let takes = matches!(self.action, Action::Take | Action::TakeOver);
        match (self.subjects.len(), self.reason.is_some()) {
            (0, _) if takes => wrong("/subjects", "is required"),
            (1.., _) if self.action == Action::List => wrong("/subjects", "is not allowed for this action"),
            (count, _) if count > Claim::MAX_SUBJECTS => wrong("/subjects", "must have at most 10 items"),
            (_, false) if self.action == Action::TakeOver => wrong("/reason", "is required"),
            (_, true) if self.action != Action::TakeOver => wrong("/reason", "is not allowed for this action"),
            _ => Ok(()),
        }
    }
}

async fn take(keeper: &Keeper, subjects: Vec<ClaimSubject>, reason: Option<ClaimReason>) -> Result<Facts, Trouble> {
    let SessionFence { session_id, epoch } = keeper.fence().await?;
    let (api, place) = (keeper.identity.api().await?, keeper.identity.place().await?);
    let take = PutClaims {
        session_id: session_id.clone(),
        epoch,
        repo: Some(place.repo.clone()),
        subjects,
        take: reason.is_some(),
        reason,
    };
    let taken = match api.put_claims(&take).await {
        Err(ClientError::Refused(problem)) if problem.code == ErrorCode::ClaimHeld && !problem.held.is_empty() => {
            // The git hooks of this machine then know what the agent was told.
            claims_copy::refresh(keeper).await;
            return Err(Trouble::ClaimHeld(held_by_others(&problem.held, place, now(), &fence())));
        }
        taken => taken?,
    };
    claims_copy::refresh(keeper).await;
    let held: Vec<ClaimSubject> = taken.items.iter().map(|claim| claim.subject.clone()).collect();
    let until = taken.items.iter().map(|claim| claim.until).min();
    let until = until.map_or(String::new(), |until| format!(" until {until}, and longer while your session is active"));
    let report = format!(
        "You hold {} of {}{until}. Other agents see that. `release` them when you are done; the end of your day does too.",
        subjects_line(&held),
        place.repo
    );
    Ok(Facts { report, held })
}

/// The claims of others that a request met.
fn held_by_others(held: &[Claim], place: &WorkContext, now: Timestamp, fence: &Fence) -> String {
    let total = Total::exactly(held.len());
    let part = claims::held_part(held, total, &place.repo, now, fence).fit(fence, LIMIT);
    let is_stale = held.iter().any(|claim| claim.is_stale(now));
    let advice = if is_stale {
        "An agent that is silent for 45 minutes may have ended: call `claim` with action `take_over` and a `reason` to take its \
         claims."
    } else {
        "Work on something else, or ask the agent with `send`."
    };
    format!("nothing was taken, because others hold some of it. {advice}\n{WARNING}\n{}", part.lines.join("\n"))
}

async fn release(keeper: &Keeper, subjects: &[ClaimSubject]) -> Result<Facts, Trouble> {
    let session = keeper.fence().await?;
    let (api, place) = (keeper.identity.api().await?, keeper.identity.place().await?);
    let all = all_claims(api, place).await?;
    let (own, others): (Vec<Claim>, Vec<Claim>) =
        all.into_iter().partition(|claim| claim.session_id == session.session_id);
    let (named, kept): (Vec<Claim>, Vec<Claim>) =
        own.into_iter().partition(|claim| subjects.is_empty() || subjects.contains(&claim.subject));
    let query = FenceQuery { session_id: session.session_id, epoch: session.epoch };
    let mut released = Vec::new();
    for claim in named {
        match api.release_claim(&claim.id, &query).await {
            Ok(_) => released.push(claim.subject),
            // It ended in the meantime.
            Err(error) if error.code() == Some(ErrorCode::ClaimNotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    claims_copy::refresh(keeper).await;
    let not_held: Vec<&ClaimSubject> = subjects.iter().filter(|subject| !released.contains(subject)).collect();
    let mut lines = vec![match released.as_slice() {
        [] => "Nothing was released.".to_owned(),
        released => format!("Released: {}.", subjects_line(released)),
    }];
    for subject in not_held {
        let holder = others.iter().find(|claim| claim.subject == *subject);
        let holder = holder.map_or_else(
            || "no one holds it".to_owned(),
            |claim| format!("{} holds it", clean_line(claim.agent.as_str())),
        );
        lines.push(format!("You did not hold {}: {holder}.", clean_line(subject.as_str())));
    }
    Ok(Facts { report: lines.join("\n"), held: kept.into_iter().map(|claim| claim.subject).collect() })
}

async fn list(keeper: &Keeper) -> Result<Facts, Trouble> {
    let (api, place) = (keeper.identity.api().await?, keeper.identity.place().await?);
    let own = keeper.find().await?.map(|live| live.id);
    let filter = ClaimFilter { repo: None, ..filter(place) };
    let page = api.list_claims(&filter).await?;
    let held = page.items.iter().filter(|claim| Some(&claim.session_id) == own.as_ref());
    let held: Vec<ClaimSubject> = held.map(|claim| claim.subject.clone()).collect();
    if page.items.is_empty() {
        let report = format!("There are no claims in venture {}.", place.venture.code);
        return Ok(Facts { report, held });
    }
    let count = usize::try_from(page.total).unwrap_or(usize::MAX);
    let total = Total { count, at_least: page.total_is_minimum };
    let fence = fence();
    let part = claims::part(&page.items, total, own.as_ref(), &place.repo, now(), &fence).fit(&fence, LIMIT);
    Ok(Facts { report: format!("{WARNING}\n\n{}", part.lines.join("\n")), held })
}

fn filter(place: &WorkContext) -> ClaimFilter {
    ClaimFilter {
        venture: Some(place.venture.code.clone()),
        repo: Some(place.repo.clone()),
        limit: 100.try_into().ok(),
        cursor: None,
    }
}

/// The claims in the repository.
async fn all_claims(api: &Api, place: &WorkContext) -> Result<Vec<Claim>, Trouble> {
    let (mut filter, mut claims) = (filter(place), Vec::new());
    for _ in 0..MAX_PAGES {
        let page = api.list_claims(&filter).await?;
        claims.extend(page.items);
        let Some(cursor) = page.next_cursor else { break };
        filter.cursor = Some(cursor);
    }
    Ok(claims)
}

fn subjects_line(subjects: &[ClaimSubject]) -> String {
    subjects.iter().map(|subject| clean_line(subject.as_str())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_written_like_an_agent_writes_it() {
        for (text, subject) in [
            ("87", "issue:87"),
            (" #87", "issue:87"),
            ("issue:87", "issue:87"),
            ("src/api/**", "path:src/api/**"),
            ("./src/main.rs", "path:src/main.rs"),
            ("path:src/", "path:src/"),
        ] {
            assert_eq!(Subject::parse(text).unwrap().0.as_str(), subject, "{text}");
        }
        for text in ["", "0", "087", "#", "/etc", "../x", "a//b"] {
            let parsed = Subject::parse(text);
            assert!(parsed.is_err() || text == "#", "{text}: {parsed:?}");
        }
    }
}
