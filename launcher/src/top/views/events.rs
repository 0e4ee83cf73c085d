//! The events, newest first.

use super::canvas::{Canvas, Look};
use super::{Scene, age, frame};
use crate::event_line;

pub(super) fn draw(scene: &Scene, canvas: &mut Canvas) {
    let room = usize::from(canvas.lines());
    let first = scene.choices.line.saturating_sub(room.saturating_sub(1));
    let mut is_empty = true;
    for ((at, event), y) in scene.choices.events(scene.model).enumerate().skip(first).take(room).zip(frame::HEADER..) {
        is_empty = false;
        canvas.put((0, y), 4, &age(event.at, scene.now), Look::Dim);
        let venture = event.venture.as_ref().map(|venture| format!("{venture} ")).unwrap_or_default();
        let text =
            if canvas.is_wide() { format!("{venture}{}", event_line::line(event)) } else { event_line::line(event) };
        canvas.put((5, y), canvas.width(), &text, Look::Plain);
        if at == scene.choices.line {
            canvas.select(y);
        }
    }
    if is_empty {
        canvas.put((0, frame::HEADER), canvas.width(), "no events yet, or none passes the filter", Look::Dim);
    }
}
