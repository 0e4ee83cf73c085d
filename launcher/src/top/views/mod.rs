//! Draws a view into a buffer. Pure: the same model, choices, time and size give the same cells.
//!
//! Every text goes through [`canvas::Canvas`], which removes control characters and cuts by columns.

mod agent;
mod board;
mod canvas;
mod claims;
mod events;
mod frame;
mod machines;
#[cfg(test)]
mod tests;

use deckwatch_protocol::Timestamp;
use ratatui_core::buffer::Buffer;

use self::canvas::{Canvas, Line};
use super::input::{Choices, View};
use super::model::Model;

pub(super) use self::canvas::Palette;

/// From this width on, a line has columns. Below it, each record has two lines.
const WIDE: u16 = 60;

/// What a drawing needs.
pub(super) struct Scene<'a> {
    pub(super) model: &'a Model,
    pub(super) choices: &'a Choices,
    pub(super) now: Timestamp,
    /// Where the records are, and of what.
    pub(super) place: &'a str,
    pub(super) palette: Palette,
}

/// Draws the whole screen.
pub(super) fn draw(scene: &Scene, buffer: &mut Buffer) {
    let canvas = &mut Canvas::new(buffer, scene.palette);
    frame::header(scene, canvas);
    frame::footer(scene, canvas);
    if scene.choices.has_help {
        return frame::help(canvas);
    }
    if !scene.model.freshness.has_read() {
        // An empty list would say that there is nothing.
        canvas.put((0, frame::HEADER), canvas.width(), "nothing was read yet", canvas::Look::Dim);
        return;
    }
    match scene.choices.view {
        View::Board => board::draw(scene, canvas),
        View::Events => events::draw(scene, canvas),
        View::Agent | View::Claims | View::Machines => canvas.list(&lines(scene, canvas.width()), scene.choices.line),
    }
}

/// The lines of a view that is a text.
fn lines(scene: &Scene, width: u16) -> Vec<Line> {
    match scene.choices.view {
        View::Agent => agent::lines(scene, width),
        View::Claims => claims::lines(scene, width),
        View::Machines => machines::lines(scene, width),
        View::Board | View::Events => Vec::new(),
    }
}

/// The last line that can be the first one on a screen of this size, in a view that is a text.
pub(super) fn last_line(scene: &Scene, width: u16, height: u16) -> usize {
    let room = height.saturating_sub(frame::HEADER + frame::FOOTER);
    lines(scene, width).len().saturating_sub(usize::from(room))
}

/// An age in at most four characters, such as `12m`. Under a minute it is `now`.
pub(super) fn age(then: Timestamp, now: Timestamp) -> String {
    short(now.seconds_since(then))
}

fn short(seconds: u64) -> String {
    match seconds {
        0..60 => "now".to_owned(),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", (seconds / 86_400).min(999)),
    }
}
