//! One agent: what it does, its claims, its last handoff, its messages.

use deckwatch_protocol::{Handoff, InboxItem, MessageRecord, Timestamp};

use super::canvas::{Line, Look, wrapped};
use super::{Scene, age, board};
use crate::top::model::board::Row;
use crate::top::model::detail::{AgentKey, Detail};

/// The lines of the view.
pub(super) fn lines(scene: &Scene, width: u16) -> Vec<Line> {
    let Some(key) = scene.choices.agent(scene.model, scene.now) else {
        return vec![("no agent is selected".to_owned(), Look::Dim)];
    };
    let mut page = PageText { lines: Vec::new(), width };
    match scene.model.row(&key.venture, &key.agent, scene.now) {
        Some(row) => page.session(&row, scene),
        None => page.line(&format!("{} was not heard of lately", key.agent), Look::Bold),
    }
    page.claims(scene, &key);
    match scene.model.detail.as_ref().filter(|detail| detail.of == key) {
        Some(detail) => page.detail(detail, scene),
        None => page.line("its handoff and messages are being read", Look::Dim),
    }
    page.lines
}

/// The lines of the view, wrapped.
struct PageText {
    lines: Vec<Line>,
    width: u16,
}

impl PageText {
    fn line(&mut self, text: &str, look: Look) {
        self.lines.extend(wrapped(text, self.width).into_iter().map(|line| (line, look)));
    }

    fn head(&mut self, text: &str) {
        self.lines.push((String::new(), Look::Plain));
        self.line(text, Look::Bold);
    }

    fn item(&mut self, text: &str) {
        let lines = wrapped(text, self.width.saturating_sub(4));
        let marks = std::iter::once("  - ").chain(std::iter::repeat("    "));
        self.lines.extend(lines.into_iter().zip(marks).map(|(line, mark)| (format!("{mark}{line}"), Look::Plain)));
    }

    fn session(&mut self, row: &Row, scene: &Scene) {
        let session = row.session;
        let (state, look) = board::state(row, scene);
        self.line(&format!("{}  {state}", session.agent), look);
        if let Some(line) = row.line() {
            self.line(&line, Look::Plain);
        }
        let issue = session.issue_number.map(|number| format!("issue #{number}"));
        let branch = session.branch.as_ref().map(|branch| format!("branch {branch}"));
        let track = session.track.map(|track| format!("track {}", track.get()));
        let place = [Some(format!("{} {}", session.venture, session.repo)), issue, branch, track];
        self.line(&place.into_iter().flatten().collect::<Vec<_>>().join(", "), Look::Plain);
        let version = session.client_version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let program = format!("{}{version} on {}", session.client, session.host);
        let (began, heard) = (when(session.created_at, scene), when(row.heard_at, scene));
        self.line(&format!("{program}, started {began}, last heard {heard}"), Look::Dim);
        if let Some(reason) = &session.take_over_reason {
            self.line(&format!("took this name over: {reason}"), Look::Plain);
        }
        let groups: Vec<String> = session.groups.0.iter().map(|(name, role)| format!("@{name}:{role}")).collect();
        let mode = format!("messages: {}", session.mode.as_str());
        let until =
            session.dnd_until.filter(|until| *until > scene.now).map(|until| format!("not disturbed until {until}"));
        let parts = std::iter::once(mode).chain(until).chain(groups).collect::<Vec<_>>();
        self.line(&parts.join(", "), Look::Dim);
    }

    fn claims(&mut self, scene: &Scene, key: &AgentKey) {
        let own = || scene.model.claims.iter().filter(|claim| claim.agent == key.agent && claim.venture == key.venture);
        self.head(&format!("Claims: {}", own().count()));
        for claim in own() {
            let state = if claim.is_stale(scene.now) { "silent, free to take" } else { "held" };
            self.item(&format!("{} in {}, {state}, taken {}", claim.subject, claim.repo, when(claim.since, scene)));
        }
    }

    fn detail(&mut self, detail: &Detail, scene: &Scene) {
        match &detail.handoff {
            Ok(Some(handoff)) => self.handoff(handoff, scene),
            Ok(None) => self.head("Last handoff: none"),
            Err(error) => self.head(&format!("Last handoff: not known: {error}")),
        }
        match &detail.inbox {
            Ok((items, total)) => {
                self.head(&format!("Messages that wait for it: {total}"));
                for item in items {
                    self.waiting(item, scene);
                }
            }
            Err(error) => self.head(&format!("Messages that wait for it: not known: {error}")),
        }
        let hidden = if detail.hidden > 0 {
            format!(", and {} that this key may not read", detail.hidden)
        } else {
            String::new()
        };
        self.head(&format!("Latest messages: {}{hidden}", detail.messages.len()));
        for record in &detail.messages {
            self.message(record, scene);
        }
        // No event says that a message was shown or acknowledged.
        self.line(&format!("Handoff and messages: read {}", when(detail.read_at, scene)), Look::Dim);
    }

    fn handoff(&mut self, handoff: &Handoff, scene: &Scene) {
        let when = when(handoff.created_at, scene);
        self.head(&format!("Last handoff: {}, {when}", handoff.status.as_str()));
        self.line(handoff.summary.as_str(), Look::Plain);
        let Some(payload) = &handoff.payload else { return };
        for (name, items) in [
            ("blocked", &payload.blocked),
            ("next steps", &payload.next_steps),
            ("in progress", &payload.in_progress),
            ("accomplished", &payload.accomplished),
        ] {
            if !items.is_empty() {
                self.line(name, Look::Dim);
                for item in items {
                    self.item(item);
                }
            }
        }
    }

    fn waiting(&mut self, item: &InboxItem, scene: &Scene) {
        let message = &item.message;
        let text = message.subject.as_deref().or(message.body.as_deref()).unwrap_or("(sealed)");
        let (from, kind, status) = (&message.from, message.kind.as_str(), item.status.as_str());
        self.item(&format!("{status} {}: {kind} from {from}: {text}", age(message.sent_at, scene.now)));
    }

    fn message(&mut self, record: &MessageRecord, scene: &Scene) {
        let message = &record.message;
        let text = message.subject.as_deref().or(message.body.as_deref()).unwrap_or("(sealed)");
        let states: Vec<String> = record
            .deliveries
            .iter()
            .map(|delivery| format!("{} {}", delivery.agent, delivery.status.as_str()))
            .collect();
        let (from, kind, when) = (&message.from, message.kind.as_str(), age(message.sent_at, scene.now));
        self.item(&format!("{when}: {kind} from {from} [{}]: {text}", states.join(", ")));
    }
}

/// An age as a part of a sentence.
fn when(then: Timestamp, scene: &Scene) -> String {
    match age(then, scene.now).as_str() {
        "now" => "just now".to_owned(),
        age => format!("{age} ago"),
    }
}
