//! What stands around a view: where the records are, how old they are, the views, and the keys.

use super::canvas::{Canvas, Look, is_wide, wrapped};
use super::{Scene, short};
use crate::top::input::{Prompt, View};
use crate::top::model::freshness::Currency;

/// The lines above a view.
pub(super) const HEADER: u16 = 2;
/// The lines below a view.
pub(super) const FOOTER: u16 = 1;

const KEYS: &str = "Enter open  r reply  a attach  / filter  ? help  q quit";
const SHORT_KEYS: &str = "r reply  a attach  ? help  q quit";

const HELP: [(&str, &str); 11] = [
    ("1-5, Tab", "board, agent, claims, machines, events"),
    ("j k, arrows", "move; g and G: first and last line"),
    ("Enter", "open the selected agent"),
    ("Esc", "back to the board; on the board: no filter"),
    ("r", "send the agent a message"),
    ("a", "show the run of the agent in this terminal"),
    ("/", "filter by words: name, branch, #issue, state"),
    ("?", "this help"),
    ("q, Ctrl-C", "quit; agents go on"),
    ("working? 14m", "said 14 minutes ago, not heard since"),
    ("unknown", "active, but has not said what it does"),
];

/// The two lines above a view: the place with the age of the records, and the views.
pub(super) fn header(scene: &Scene, canvas: &mut Canvas) {
    let (text, look) = currency(&scene.model.freshness.at(scene.now));
    let width = canvas.width();
    // The age of the records is never cut away by a long name of the place.
    let age_width = u16::try_from(unicode_width::UnicodeWidthStr::width(text.as_str())).unwrap_or(u16::MAX).min(width);
    let room = (width - age_width).saturating_sub(1);
    canvas.put((width - age_width, 0), age_width, &text, look);
    canvas.put((0, 0), room, scene.place, Look::Bold);
    let mut x = 0;
    for (number, view) in View::ALL.into_iter().enumerate() {
        let look = if view == scene.choices.view { Look::Bold } else { Look::Dim };
        let marks = if view == scene.choices.view { ("[", "]") } else { (" ", " ") };
        let name = if canvas.is_wide() { view.name() } else { short_name(view) };
        x = canvas.put((x, 1), width, &format!("{}{} {name}{}", marks.0, number + 1, marks.1), look);
    }
    let rest = width.saturating_sub(x + 1);
    let notes = [
        (!scene.choices.filter.is_empty()).then(|| format!("filter: {}", scene.choices.filter)),
        scene.model.cut.clone(),
    ];
    let notes = notes.into_iter().flatten().collect::<Vec<_>>().join("; ");
    canvas.put((x + 1, 1), rest, &notes, Look::Doubtful);
}

fn short_name(view: View) -> &'static str {
    match view {
        View::Board => "brd",
        View::Agent => "agt",
        View::Claims => "clm",
        View::Machines => "mch",
        View::Events => "evt",
    }
}

/// What the screen says about the age of the records.
fn currency(currency: &Currency) -> (String, Look) {
    let heard = |seconds: &u64| match seconds {
        0..60 => format!("{seconds}s"),
        seconds => short(*seconds),
    };
    match currency {
        Currency::Reading => ("reading".to_owned(), Look::Doubtful),
        Currency::Live(_) => ("live".to_owned(), Look::Good),
        Currency::Polled(seconds) => (format!("asked every 30s, {} old", heard(seconds)), Look::Doubtful),
        Currency::Old(None, _) => ("NOT LIVE, nothing read".to_owned(), Look::Urgent),
        Currency::Old(Some(seconds), _) => (format!("NOT LIVE, {} old", heard(seconds)), Look::Urgent),
    }
}

/// The last line: what is typed, what came of the last action, why the records are old, or the keys.
pub(super) fn footer(scene: &Scene, canvas: &mut Canvas) {
    let (y, width) = (canvas.height().saturating_sub(1), canvas.width());
    match (&scene.choices.prompt, &scene.choices.notice, scene.model.freshness.at(scene.now)) {
        (Some(prompt), ..) => {
            let (label, text) = match prompt {
                Prompt::Message(to, text) => (format!("to {}: ", to.agent), text.as_str()),
                Prompt::Filter(text) => ("filter: ".to_owned(), text.as_str()),
            };
            let x = canvas.put((0, y), width / 2, &label, Look::Bold);
            // The end of the text is what is being typed.
            let room = width.saturating_sub(x);
            let shown = end_of(text, usize::from(room.saturating_sub(1)));
            let x = canvas.put((x, y), room, &shown, Look::Plain);
            canvas.put((x, y), 1, "▏", Look::Plain);
        }
        (None, Some(notice), _) => drop(canvas.put((0, y), width, notice, Look::Bold)),
        (None, None, Currency::Old(_, cause)) => {
            let text = format!("trying again: {cause}");
            canvas.put((0, y), width, &text, Look::Urgent);
        }
        _ => {
            let keys = if canvas.is_wide() { KEYS } else { SHORT_KEYS };
            canvas.put((0, y), width, keys, Look::Dim);
        }
    }
}

/// The last part of a text that fits into so many columns.
fn end_of(text: &str, columns: usize) -> String {
    let mut kept = text;
    while unicode_width::UnicodeWidthStr::width(kept) > columns {
        let mut chars = kept.chars();
        chars.next();
        kept = chars.as_str();
    }
    kept.to_owned()
}

/// The keys and what they do.
pub(super) fn help(canvas: &mut Canvas) {
    let width = canvas.width();
    let lines = HELP.iter().flat_map(|(key, text)| {
        if is_wide(width) { vec![format!("{key:<14}{text}")] } else { wrapped(&format!("{key}: {text}"), width) }
    });
    let lines: Vec<_> = lines.map(|line| (line, Look::Plain)).collect();
    canvas.list(&lines, 0);
}
