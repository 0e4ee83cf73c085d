//! Handoffs: one of them, lists of them, and queued ones.

use std::borrow::Cow;

use deckwatch_client::outbox::UnsentHandoff;
use deckwatch_machine::clock::ago;
use deckwatch_protocol::{Agent, Handoff, HandoffId, HandoffPayload, IssueNumber, Timestamp, Track};

use super::budget::clip;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};
use super::piece::{Piece, StoredText};
use crate::own_database::OwnHandoffs;

/// The limits for a handoff in a list.
const ABOUT_COST: usize = 300;
const SUMMARY_COST: usize = 150;
/// About handoffs in this machine's own database.
pub(crate) const OWN: &str =
    "It was recorded on this machine, not in the API in use, so agents on other machines don't see it.";
const OWN_SEVERAL: &str =
    "They were recorded on this machine, not in the API in use, so agents on other machines don't see them.";
/// How to see omitted queued handoffs.
pub(crate) const MORE_UNSENT: &str = "Call `handoffs` to read more of them.";

/// The handoff with its author and age, for `reader`. The lists that the next session needs come first.
pub(crate) fn part(handoff: &Handoff, title: &str, reader: &Agent, now: Timestamp, fence: &Fence) -> Part {
    let age = ago(handoff.created_at, now);
    let heading = format!("## {title}: {age}{}", recipient_suffix(handoff.to_agent.as_ref(), reader));
    let more = format!("Call `handoffs` with id \"{}\" to read all of it.", handoff.id);
    Part { heading, more: more.into(), ..groups(handoff, now, fence) }
}

/// The newest handoff of this machine's own database, which has `total` handoffs of the repository.
pub(crate) fn own(newest: &Handoff, total: Total, reader: &Agent, now: Timestamp, fence: &Fence) -> Part {
    let others = match total.count {
        1 => String::new(),
        _ => format!(" That database has {total} handoffs of this repository; call `handoffs` to list the newest."),
    };
    let remark = format!("{OWN}{others}");
    Part { remark: Some(remark), ..part(newest, "Last handoff in this machine's own database", reader, now, fence) }
}

/// A list of the newest handoffs of this machine's own database.
pub(crate) fn own_list(own: &OwnHandoffs, now: Timestamp, fence: &Fence) -> Part {
    let newest: Vec<&Handoff> = own.newest.iter().collect();
    let list = list_part(&newest, own.total, "`launcher log --local` lists all of them.", now, fence);
    let heading = format!("## Handoffs of this repository in this machine's own database: {}", own.total);
    Part { heading, remark: Some(OWN_SEVERAL.to_owned()), ..list }
}

fn recipient_suffix(to_agent: Option<&Agent>, reader: &Agent) -> String {
    match to_agent {
        None => String::new(),
        Some(agent) if agent == reader => ", to you".to_owned(),
        Some(agent) => format!(", to {agent}"),
    }
}

fn groups(handoff: &Handoff, now: Timestamp, fence: &Fence) -> Part {
    let about = Group { cut: Cut::Never, ..group("author", None, vec![vec![about(handoff, now)]], 10) };
    let summary = group("summary", Some("Summary:"), vec![fence.lines(handoff.summary.as_str())], 30);
    let summary = Group { cut: Cut::AtWord, ..summary };
    let mut groups = vec![about, summary];
    match &handoff.payload {
        Some(payload) => groups.extend(lists(payload, fence)),
        None => groups.push(group(
            "lists",
            None,
            vec![vec![format!("(the lists have {} bytes and are not in this answer)", handoff.payload_size_bytes)]],
            1,
        )),
    }
    Part { heading: String::new(), remark: None, holds: "last handoff", groups, more: "".into() }
}

/// The handoff from character `offset`, as much as fits into `limit`.
pub(crate) fn piece(handoff: &Handoff, offset: usize, now: Timestamp, fence: &Fence, limit: usize) -> Piece {
    let text = text(handoff.summary.as_str(), handoff.payload.as_ref());
    let again = format!("handoffs with id {} and", handoff.id);
    let stored_text = StoredText { holds: "handoff", above: Vec::new(), text: &text, again };
    stored_text.piece(|_| format!("{}, {}", about(handoff, now), handoff.repo), offset, fence, limit)
}

/// The whole text, the summary first.
fn text(summary: &str, payload: Option<&HandoffPayload>) -> String {
    let mut text = format!("Summary:\n{summary}\n");
    let Some(payload) = payload else { return text };
    for (title, items) in titled(payload) {
        if !items.is_empty() {
            text.extend([title, "\n"]);
            text.extend(items.iter().map(|item| format!("- {}\n", item.replace('\n', "\n  "))));
        }
    }
    if !payload.extra.0.is_empty() {
        text.extend(["Extra:\n", &serde_json::to_string(&payload.extra).unwrap_or_default(), "\n"]);
    }
    text
}

/// The lists, in the order in which the next session needs them.
fn titled(payload: &HandoffPayload) -> [(&'static str, &[String]); 5] {
    [
        ("Next steps:", &payload.next_steps),
        ("Blocked:", &payload.blocked),
        ("In progress:", &payload.in_progress),
        ("Accomplished:", &payload.accomplished),
        ("Links:", &payload.links),
    ]
}

/// A page of a list of handoffs: the author, the age and the beginning of the summary of each.
pub(crate) fn list_part(
    handoffs: &[&Handoff],
    total: Total,
    more: &'static str,
    now: Timestamp,
    fence: &Fence,
) -> Part {
    let item = |handoff: &&Handoff| {
        let about = clip(&format!("{}, {}", about(handoff, now), handoff.repo), ABOUT_COST);
        vec![about, format!("  {}", clip(&fence.line(handoff.summary.as_str()), SUMMARY_COST))]
    };
    let items = handoffs.iter().map(item).collect();
    Part {
        heading: format!("## Handoffs: {total}"),
        remark: Some("Call `handoffs` with an id to read all of one.".to_owned()),
        holds: "handoffs",
        groups: vec![Group::of("handoffs", items, total, Cut::Never)],
        more: more.into(),
    }
}

/// The handoffs to the reading agent. The handoff `above` is already shown in the report, so it is only named.
pub(crate) fn to_you(
    handoffs: &[Handoff],
    total: Total,
    above: Option<&HandoffId>,
    now: Timestamp,
    fence: &Fence,
) -> Part {
    let item = |handoff: &Handoff| {
        let mut lines = vec![format!("{}, {}", self::about(handoff, now), handoff.repo)];
        if above == Some(&handoff.id) {
            lines.push("  This is the last handoff; see above.".to_owned());
            return lines;
        }
        lines.extend(content(handoff.summary.as_str(), handoff.payload.as_ref(), fence));
        lines
    };
    let items: Vec<Vec<String>> = handoffs.iter().map(item).collect();
    let handoffs = Group::of("handoffs", items, total, Cut::AtWord);
    Part {
        heading: format!("## Handoffs to you: {total}"),
        remark: None,
        holds: "handoffs to you",
        groups: vec![handoffs],
        more: "Call `handoffs` with an id to read all of one.".into(),
    }
}

/// The handoffs that are queued on this machine, for `reader`. The API does not have them yet. `more` says how to read
/// omitted ones.
pub(crate) fn unsent(
    handoffs: &[UnsentHandoff],
    reader: &Agent,
    more: Cow<'static, str>,
    now: Timestamp,
    fence: &Fence,
) -> Part {
    let item = |handoff: &UnsentHandoff| {
        let UnsentHandoff { from_agent, queued_at, status, issue_number, track, repo, .. } = handoff;
        let recipient = recipient_suffix(handoff.to_agent.as_ref(), reader);
        let details = details(*issue_number, *track);
        let (status, age) = (status.as_str(), ago(*queued_at, now));
        let mut lines =
            vec![format!("From {from_agent} at {queued_at} ({age}){recipient}, status {status}{details}, {repo}")];
        lines.extend(content(handoff.summary.as_str(), Some(&handoff.payload), fence));
        lines
    };
    let items: Vec<Vec<String>> = handoffs.iter().map(item).collect();
    let total = Total::exactly(items.len());
    Part {
        heading: format!("## Handoffs on this machine that are NOT SENT YET: {total}"),
        remark: Some("The API does not have them, so agents on other machines don't see them.".to_owned()),
        holds: "handoffs that are not sent yet",
        groups: vec![Group::of("handoffs", items, total, Cut::AtWord)],
        more,
    }
}

/// The summary and the lists, indented.
fn content(summary: &str, payload: Option<&HandoffPayload>, fence: &Fence) -> Vec<String> {
    let mut lines: Vec<String> = indented(fence.lines(summary)).collect();
    for Group { title, items, .. } in payload.iter().flat_map(|payload| lists(payload, fence)) {
        lines.extend(title.filter(|_| !items.is_empty()).map(|title| format!("  {title}")));
        lines.extend(indented(items.concat()));
    }
    lines
}

fn indented(lines: Vec<String>) -> impl Iterator<Item = String> {
    lines.into_iter().map(|line| format!("  {line}"))
}

fn about(handoff: &Handoff, now: Timestamp) -> String {
    let recipient = handoff.to_agent.as_ref().map_or(String::new(), |agent| format!(", for {agent}"));
    format!(
        "From {} at {} ({}), status {}{}{recipient}, {}",
        handoff.from_agent,
        handoff.created_at,
        ago(handoff.created_at, now),
        handoff.status.as_str(),
        details(handoff.issue_number, handoff.track),
        handoff.id
    )
}

fn details(issue: Option<IssueNumber>, track: Option<Track>) -> String {
    let optional = [issue.map(|issue| format!(", issue #{issue}")), track.map(|track| format!(", track {track}"))];
    optional.into_iter().flatten().collect()
}

fn lists(payload: &HandoffPayload, fence: &Fence) -> Vec<Group> {
    let bullets = |items: &[String]| items.iter().map(|item| bullet(fence, item)).collect();
    let of = |name, weight, (title, items): (&'static str, &[String])| group(name, Some(title), bullets(items), weight);
    let [next_steps, blocked, in_progress, accomplished, links] = titled(payload);
    let mut groups = vec![
        Group { first: 3, ..of("next steps", 25, next_steps) },
        of("blocked", 20, blocked),
        of("in progress", 20, in_progress),
        of("accomplished", 15, accomplished),
        of("links", 10, links),
    ];
    if !payload.extra.0.is_empty() {
        let json = serde_json::to_string(&payload.extra).unwrap_or_default();
        groups.push(group("extra", Some("Extra:"), vec![vec![clip(&fence.line(&json), 500)]], 5));
    }
    groups
}

/// An item with a dash before its first line and its other lines indented.
fn bullet(fence: &Fence, text: &str) -> Vec<String> {
    let mark = |n| if n == 0 { "- " } else { "  " };
    fence.lines(text).iter().enumerate().map(|(n, line)| format!("{}{line}", mark(n))).collect()
}

fn group(name: &'static str, title: Option<&'static str>, items: Vec<Vec<String>>, weight: usize) -> Group {
    let total = Total::exactly(items.len());
    Group { title, weight, ..Group::of(name, items, total, Cut::Oversized) }
}
