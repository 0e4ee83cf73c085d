//! `launcher handoff`: shows one handoff in full, by its id or the latest of a repository.

use deckwatch_client::{Api, ClientError};
use deckwatch_machine::clock::now;
use deckwatch_protocol::{ErrorCode, Handoff as Record, HandoffId, LatestHandoffFilter, Timestamp};

use super::offline::Offline;
use super::source::{Answer, Source, Subject};
use super::text::{Text, when};
use super::{Handoff, unsent};
use crate::error::LaunchError;
use crate::output;
use crate::pager;
use crate::process_env::ProcessEnv;
use crate::{json_output, table};

/// Shows the handoff.
pub(crate) fn show(handoff: &Handoff, env: &ProcessEnv) -> Result<(), LaunchError> {
    let named = handoff.selection.venture.as_ref();
    let source = Source::open(handoff.selection.local, named, env)?;
    let subject = source.subject(named, false)?;
    let Some(client) = &source.client else {
        source.must_exist(named)?;
        return Err(missing(handoff.id.as_ref(), &source, &subject));
    };
    match source.ask(&subject, client, read(client.api(), handoff.id.as_ref(), &subject))? {
        Answer::Current(Some(record)) => print(handoff, Some(&record), None, env),
        Answer::Current(None) => {
            source.must_exist(named)?;
            Err(missing(handoff.id.as_ref(), &source, &subject))
        }
        Answer::Offline(offline) => {
            let kept = offline.handoffs();
            let wanted = match &handoff.id {
                Some(id) => kept.into_iter().find(|kept| kept.id == *id),
                None => kept.into_iter().next(),
            };
            let has_unsent = handoff.id.is_none() && !offline.unsent_handoffs().is_empty();
            match wanted.cloned() {
                Some(record) => print(handoff, Some(&record), Some(&offline), env)?,
                None if has_unsent && !handoff.selection.json => print(handoff, None, Some(&offline), env)?,
                None => output::say("this machine does not keep that handoff"),
            }
            Err(offline.error())
        }
    }
}

async fn read(api: &Api, id: Option<&HandoffId>, subject: &Subject) -> Result<Option<Record>, ClientError> {
    let Some(id) = id else {
        let (venture, repo) = (subject.venture.clone(), subject.repo.clone());
        let latest = LatestHandoffFilter { venture, repo, ..LatestHandoffFilter::default() };
        let Some(latest) = api.latest_handoff(&latest).await? else { return Ok(None) };
        // A list leaves out a large payload. A request for one handoff always returns it.
        return if latest.payload.is_some() { Ok(Some(latest)) } else { api.get_handoff(&latest.id).await.map(Some) };
    };
    match api.get_handoff(id).await {
        Err(error) if error.code() == Some(ErrorCode::HandoffNotFound) => Ok(None),
        read => read.map(Some),
    }
}

fn missing(id: Option<&HandoffId>, source: &Source, subject: &Subject) -> LaunchError {
    let place = source.describe();
    let what = match (id, &subject.repo) {
        (Some(id), _) => format!("handoff {id} in {place}"),
        (None, Some(repo)) => format!("handoff of {repo} in {place}"),
        (None, None) if subject.venture.is_none() => format!("handoff in {place}"),
        (None, None) => format!("handoff of {} in {place}", subject.describe()),
    };
    LaunchError::NoSuchRecord { what }
}

fn print(
    handoff: &Handoff,
    record: Option<&Record>,
    offline: Option<&Offline>,
    env: &ProcessEnv,
) -> Result<(), LaunchError> {
    if handoff.selection.json {
        return json_output::print(&record);
    }
    let width = table::terminal_width();
    let mut text = Text::new(width);
    if let Some(offline) = offline {
        offline.introduce(&mut text, "the latest handoff of each repository");
        if handoff.id.is_none() {
            unsent::write_handoffs(&mut text, &offline.unsent_handoffs(), width);
        }
    }
    if let Some(record) = record {
        write(&mut text, record, now());
    }
    pager::show(&text.into_string(), env)
}

fn write(text: &mut Text, record: &Record, now: Timestamp) {
    text.heading(&format!("Handoff {}", record.id));
    text.field("from", record.from_agent.as_str());
    if let Some(agent) = &record.to_agent {
        text.field("to", agent.as_str());
    }
    text.field("written", &when(record.created_at, now));
    text.field("status", record.status.as_str());
    text.field("venture", record.venture.as_str());
    text.field("repository", record.repo.as_str());
    if let Some(track) = record.track {
        text.field("track", &track.to_string());
    }
    if let Some(issue) = record.issue_number {
        text.field("issue", &issue.to_string());
    }
    text.field("session", record.session_id.as_str());
    text.heading("Summary");
    text.paragraphs(record.summary.as_str());
    let Some(payload) = &record.payload else {
        text.heading("Lists");
        text.paragraphs(&format!("{} bytes, which this machine does not keep", record.payload_size_bytes));
        return;
    };
    for (heading, items) in [
        ("Accomplished", &payload.accomplished),
        ("In progress", &payload.in_progress),
        ("Blocked", &payload.blocked),
        ("Next steps", &payload.next_steps),
        ("Links", &payload.links),
    ] {
        if !items.is_empty() {
            text.heading(heading);
            for item in items {
                text.item(item);
            }
        }
    }
    let extra = serde_json::to_string_pretty(&payload.extra).unwrap_or_default();
    if !matches!(extra.as_str(), "" | "{}" | "null") {
        text.heading("Extra");
        text.verbatim(&extra);
    }
}
