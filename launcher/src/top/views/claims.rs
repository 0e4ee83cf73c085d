//! Claims and collisions.

use super::canvas::{Line, Look, is_wide};
use super::{Scene, age};

/// The lines of the view.
pub(super) fn lines(scene: &Scene, width: u16) -> Vec<Line> {
    let words = scene.choices.words();
    let passes = |text: &str| {
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    };
    let mut lines = Vec::new();
    let collisions = scene
        .model
        .collisions(scene.now)
        .into_iter()
        .map(|found| format!("{}: {} in {}", found.agents.join(", "), found.what, found.repo));
    let collisions: Vec<String> = collisions.filter(|text| passes(text)).collect();
    lines.push((format!("Collisions: {}", collisions.len()), Look::Bold));
    lines.extend(collisions.into_iter().map(|text| (text, Look::Urgent)));
    lines.push((String::new(), Look::Plain));
    let claims: Vec<_> = scene
        .model
        .claims
        .iter()
        .filter(|claim| passes(&format!("{} {} {}", claim.subject, claim.agent, claim.repo)))
        .collect();
    lines.push((format!("Claims: {}", claims.len()), Look::Bold));
    for claim in claims {
        let (subject, agent, repo) = (claim.subject.as_str(), claim.agent.as_str(), claim.repo.as_str());
        let (state, look) =
            if claim.is_stale(scene.now) { ("silent, free to take", Look::Doubtful) } else { ("held", Look::Plain) };
        let since = age(claim.since, scene.now);
        if is_wide(width) {
            lines.push((format!("{subject:<28} {agent:<20} {since:>4}  {state}  {repo}"), look));
        } else {
            lines.push((format!("{subject} {since}"), look));
            lines.push((format!(" {agent}, {state}, {repo}"), Look::Dim));
        }
    }
    lines
}
