//! The machines of the fleet.

use deckwatch_protocol::Presence;

use super::canvas::{Line, Look, is_wide};
use super::{Scene, age};

/// The lines of the view.
pub(super) fn lines(scene: &Scene, width: u16) -> Vec<Line> {
    let words = scene.choices.words();
    let mut lines = Vec::new();
    for machine in &scene.model.machines {
        let hostname = machine.hostname.as_str();
        let is_here = |host: &str| host.eq_ignore_ascii_case(hostname);
        let active = scene.model.sessions().filter(|session| session.presence(scene.now) != Presence::Gone);
        let agents = active.filter(|session| is_here(session.host.as_str())).count();
        let role = machine.role.as_ref().map(|role| format!(", {role}")).unwrap_or_default();
        let (status, seen) = (machine.status.as_str(), age(machine.last_seen_at, scene.now));
        let text = format!("{agents:>3} agents  {} {}{role}, {status}, last seen {seen}", machine.os, machine.arch);
        if words.iter().all(|word| format!("{hostname} {text}").to_lowercase().contains(word.as_str())) {
            if is_wide(width) {
                lines.push((format!("{hostname:<20} {text}"), Look::Plain));
            } else {
                lines.push((hostname.to_owned(), Look::Bold));
                lines.push((text, Look::Dim));
            }
        }
    }
    if lines.is_empty() {
        lines.push(("no machines are registered, or none passes the filter".to_owned(), Look::Dim));
    }
    lines
}
