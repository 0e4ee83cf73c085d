//! A stored handoff as a part of a rendering.

use deckwatch_protocol::{Agent, Handoff, HandoffId, HandoffPayload, Timestamp};

use super::age::ago;
use super::budget::clip;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};

/// The handoff with its author and age, as `reader` gets it. What the next session needs first stands first.
pub(crate) fn part(handoff: &Handoff, reader: &Agent, now: Timestamp, fence: &Fence) -> Part {
    let whom = match &handoff.to_agent {
        None => String::new(),
        Some(agent) if agent == reader => ", to you".to_owned(),
        Some(agent) => format!(", to {agent}"),
    };
    let part = groups(handoff, now, fence);
    Part { heading: format!("## Last handoff: {}{whom}", ago(handoff.created_at, now)), ..part }
}

fn groups(handoff: &Handoff, now: Timestamp, fence: &Fence) -> Part {
    let about = group("author", None, vec![vec![about(handoff, now)]], 100);
    let summary = group("summary", Some("Summary:"), vec![fence.lines(handoff.summary.as_str())], 30);
    let mut groups = vec![about, summary];
    match &handoff.payload {
        Some(payload) => groups.extend(lists(payload, fence)),
        None => groups.push(group("lists", None, vec![vec![format!("{} bytes", handoff.payload_size_bytes)]], 1)),
    }
    Part {
        heading: String::new(),
        remark: None,
        holds: "last handoff",
        groups,
        more: "Call sod with detail \"full\" to see more.".into(),
    }
}

/// Any handoff, under its id.
pub(crate) fn whole(handoff: &Handoff, now: Timestamp, fence: &Fence) -> Part {
    Part {
        heading: format!("## Handoff {} of {}", handoff.id, handoff.repo),
        holds: "handoff",
        more: "The API has it whole: GET /v1/handoffs/{id}.".into(),
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
        lines.extend(indented(fence.lines(handoff.summary.as_str())));
        for Group { title, items, .. } in handoff.payload.iter().flat_map(|payload| lists(payload, fence)) {
            lines.extend(title.filter(|_| !items.is_empty()).map(|title| format!("  {title}")));
            lines.extend(indented(items.concat()));
        }
        lines
    };
    let items: Vec<Vec<String>> = handoffs.iter().map(item).collect();
    let handoffs = Group { total, ..group("handoffs", None, items, 1) };
    Part {
        heading: format!("## Handoffs to you: {total}"),
        remark: None,
        holds: "handoffs to you",
        groups: vec![handoffs],
        more: "The resource deckwatch://handoffs/ID is one whole.".into(),
    }
}

fn indented(lines: Vec<String>) -> impl Iterator<Item = String> {
    lines.into_iter().map(|line| format!("  {line}"))
}

fn about(handoff: &Handoff, now: Timestamp) -> String {
    let optional = [
        handoff.issue_number.map(|issue| format!(", issue #{issue}")),
        handoff.track.map(|track| format!(", track {track}")),
        handoff.to_agent.as_ref().map(|agent| format!(", for {agent}")),
    ];
    let details: String = optional.into_iter().flatten().collect();
    format!(
        "From {} at {} ({}), status {}{details}, {}",
        handoff.from_agent,
        handoff.created_at,
        ago(handoff.created_at, now),
        handoff.status.as_str(),
        handoff.id
    )
}

fn lists(payload: &HandoffPayload, fence: &Fence) -> Vec<Group> {
    let bullets = |items: &[String]| items.iter().map(|item| bullet(fence, item)).collect();
    let mut groups = vec![
        group("next steps", Some("Next steps:"), bullets(&payload.next_steps), 25),
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
    Group { name, title, items, total, cut: Cut::AtWord, names: Vec::new(), weight }
}
