//! `launcher watch`: the events of a venture as they happen, one line each.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use deckwatch_client::Api;
use deckwatch_client::clean::clean_line;
use deckwatch_client::watch::{Link, LinkWay, Watch as Events, Watched};
use deckwatch_protocol::{Event, EventFilter, EventKind, Limit, VentureCode, cut};
use serde_json::Value;

use super::Watch;
use super::source::PersonSource;
use crate::context_api;
use crate::error::LaunchError;
use crate::json_output;
use crate::message_error::MessageError;
use crate::output::{say, warn};
use crate::process_env::ProcessEnv;

/// Follows the events until Ctrl-C, or until nothing reads the output any more.
pub(crate) fn run(watch: &Watch, env: &ProcessEnv) -> Result<(), LaunchError> {
    let source = PersonSource::open(&watch.place, watch.all, env)?;
    if !watch.all {
        source.venture()?;
    }
    if let Some(unknown) = source.unknown_venture(&watch.place) {
        return Err(unknown);
    }
    let Some(api) = source.api() else { return Err(MessageError::NoVenture.into()) };
    // An API that can't be reached, or that refuses the key, is an error at the start. Later, the watch goes on.
    context_api::wait(api.list_events(&EventFilter {
        venture: source.subject.venture.clone(),
        limit: Limit::try_from(1).ok(),
        ..EventFilter::default()
    }))?;
    let place = format!("{} at {}", source.subject.describe(), source.describe());
    context_api::runtime()?.block_on(follow(watch, api, &source, &place))
}

async fn follow(watch: &Watch, api: &Api, source: &PersonSource<'_>, place: &str) -> Result<(), LaunchError> {
    let mut events = Events::new(api.clone(), source.subject.venture.clone(), None);
    let mut link = events.link();
    let mut reported = Reported::default();
    let stopped = tokio::signal::ctrl_c();
    tokio::pin!(stopped);
    loop {
        let next = events.next();
        tokio::pin!(next);
        let watched = loop {
            tokio::select! {
                _ = &mut stopped => return Ok(()),
                changed = link.changed() => if changed.is_ok() {
                    reported.report(&link.borrow_and_update(), place);
                },
                watched = &mut next => break watched.map_err(context_api::as_launch_error)?,
            }
        };
        match watched {
            Watched::Events(events) => {
                let shown = events.iter().filter(|one| watch.kinds.is_empty() || watch.kinds.contains(&one.kind));
                if !print(shown, watch)? {
                    return Ok(());
                }
            }
            Watched::Gap => warn("events may be missing: the API no longer has those since the last one"),
        }
    }
}

/// What was said last about how the watch learns of events.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Reported {
    #[default]
    Nothing,
    Live,
    Late,
    Away,
}

impl Reported {
    /// Says how the watch learns of events, once per change.
    fn report(&mut self, link: &Link, place: &str) {
        let now = match link {
            Link { trouble: Some(_), .. } => Self::Away,
            Link { way: LinkWay::Socket | LinkWay::Database, .. } => Self::Live,
            Link { no_socket: Some(_), .. } => Self::Late,
            _ => *self,
        };
        if now == *self {
            return;
        }
        let cause =
            link.trouble.as_ref().or(link.no_socket.as_ref()).map(|cause| clean_line(cause)).unwrap_or_default();
        match (now, *self) {
            (Self::Nothing, _) => {}
            (Self::Live, Self::Away) => say("the API is back"),
            (Self::Live, _) => say(&format!("following the events of {place}; Ctrl-C ends it")),
            (Self::Late, Self::Nothing) => say(&format!(
                "following the events of {place}, up to 30 s late, because no socket can be opened: {cause}"
            )),
            (Self::Late, _) => {
                say(&format!("no socket can be opened, so events are shown up to 30 s late: {cause}"));
            }
            (Self::Away, _) => {
                warn(&format!("the API does not answer, so no events are shown until it is back: {cause}"));
            }
        }
        *self = now;
    }
}

/// Prints events. Returns false if nothing reads the output any more.
fn print<'a>(events: impl Iterator<Item = &'a Event>, watch: &Watch) -> Result<bool, LaunchError> {
    let mut text = String::new();
    for event in events {
        text += &if watch.place.json { json_output::line(event)? } else { line(event, watch.all) };
        text.push('\n');
    }
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(LaunchError::Output(error)),
        Ok(()) => Ok(true),
    }
}

/// An event as a line: time, venture, kind, agent, subject, facts.
fn line(event: &Event, with_venture: bool) -> String {
    let (dim, style) = (Style::new().dimmed(), style(event.kind));
    let at = event.at.to_string();
    let time = at.get(11..19).unwrap_or(&at);
    let kind = event.kind.as_str();
    let mut parts = vec![format!("{dim}{time}{dim:#}"), format!("{style}{kind:<19}{style:#}")];
    if with_venture {
        let venture = event.venture.as_ref().map_or("all", VentureCode::as_str);
        parts.push(clean_line(venture));
    }
    let agent = event.agent.as_ref().map(ToString::to_string);
    let facts = event.data.iter().filter_map(|(name, value)| fact(name, value));
    parts.extend(agent.into_iter().chain([event.subject.clone()]).chain(facts).map(|part| clean_line(&part)));
    parts.join("  ")
}

/// A fact of an event. Lists show their first items.
fn fact(name: &str, value: &Value) -> Option<String> {
    const LONGEST: usize = 80;
    let text = match value {
        Value::Null | Value::Object(_) => return None,
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let words = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            words.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    };
    Some(format!("{name}={}", cut::to_chars(&text, LONGEST)))
}

/// What a person should look at stands out.
fn style(kind: EventKind) -> Style {
    match kind {
        EventKind::AgentWaiting | EventKind::AgentBlocked | EventKind::CheckFailed | EventKind::SessionLost => {
            AnsiColor::Yellow.on_default().bold()
        }
        EventKind::WorkDone | EventKind::PullRequestMerged => AnsiColor::Green.on_default(),
        _ => Style::new(),
    }
}
