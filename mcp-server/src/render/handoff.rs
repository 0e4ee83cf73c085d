//! A stored handoff as a part of a rendering.

use deckwatch_client::outbox::UnsentHandoff;
use deckwatch_protocol::{Agent, Handoff, HandoffId, HandoffPayload, IssueNumber, Timestamp, Track};

use super::age::ago;
use super::budget::clip;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};

/// The handoff with its author and age, as `reader` gets it. What the next session needs first stands first.
pub(crate) fn part(handoff: &Handoff, title: &str, reader: &Agent, now: Timestamp, fence: &Fence) -> Part {
    let age = ago(handoff.created_at, now);
    let heading = format!("## {title}: {age}{}", for_whom(handoff.to_agent.as_ref(), reader));
    let more = format!("Call `handoffs` with id \"{}\" to read it whole.", handoff.id);
    Part { heading, more: more.into(), ..groups(handoff, now, fence) }
}

fn for_whom(to_agent: Option<&Agent>, reader: &Agent) -> String {
    match to_agent {
        None => String::new(),
        Some(agent) if agent == reader => ", to you".to_owned(),
        Some(agent) => format!(", to {agent}"),
    }
}

fn groups(handoff: &Handoff, now: Timestamp, fence: &Fence) -> Part {
    let about = group("author", None, vec![vec![about(handoff, now)]], 100);
    let summary = group("summary", Some("Summary:"), vec![fence.lines(handoff.summary.as_str())], 30);
    let summary = Group { cut: Cut::AtWord, ..summary };
    let mut groups = vec![about, summary];
    match &handoff.payload {
        Some(payload) => groups.extend(lists(payload, fence)),
        None => groups.push(group(
            "lists",
            None,
            vec![vec![format!("(its lists have {} bytes and are not in this answer)", handoff.payload_size_bytes)]],
            1,
        )),
    }
    Part { heading: String::new(), remark: None, holds: "last handoff", groups, more: "".into() }
}

/// Any handoff, under its id.
pub(crate) fn whole(handoff: &Handoff, now: Timestamp, fence: &Fence) -> Part {
    Part {
        heading: format!("## Handoff {} of {}", handoff.id, handoff.repo),
        holds: "handoff",
        more: "The API has all of it: GET /v1/handoffs/ID.".into(),
        ..groups(handoff, now, fence)
    }
}

/// The handoffs to the agent that reads; one that it has been shown whole, `above`, is only named.
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
            lines.push("  It is the last handoff, above.".to_owned());
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
        more: "Call `handoffs` with an id to read one whole.".into(),
    }
}

/// The handoffs that wait on this machine, as `reader` gets them: the API has none of them yet.
pub(crate) fn unsent(handoffs: &[UnsentHandoff], reader: &Agent, now: Timestamp, fence: &Fence) -> Part {
    let item = |handoff: &UnsentHandoff| {
        let UnsentHandoff { from_agent, queued_at, status, issue_number, track, repo, .. } = handoff;
        let whom = for_whom(handoff.to_agent.as_ref(), reader);
        let details = details(*issue_number, *track);
        let (status, age) = (status.as_str(), ago(*queued_at, now));
        let mut lines =
            vec![format!("From {from_agent} at {queued_at} ({age}){whom}, status {status}{details}, {repo}")];
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
        more: "Call `handoffs` to read them.".into(),
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
    let whom = handoff.to_agent.as_ref().map_or(String::new(), |agent| format!(", for {agent}"));
    format!(
        "From {} at {} ({}), status {}{}{whom}, {}",
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
    let mut groups = vec![
        Group { first: 3, ..group("next steps", Some("Next steps:"), bullets(&payload.next_steps), 25) },
        group("blocked", Some("Blocked:"), bullets(&payload.blocked), 20),
        group("in progress", Some("In progress:"), bullets(&payload.in_progress), 20),
        group("accomplished", Some("Accomplished:"), bullets(&payload.accomplished), 15),
        group("links", Some("Links:"), bullets(&payload.links), 10),
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
