//! The board.

use deckwatch_protocol::Branch;

use super::canvas::{Canvas, Look};
use super::{Scene, age, frame};
use crate::top::model::board::{Need, Row};

/// The columns of a wide line: state, agent, issue, branch, when it was heard. The rest is its last line.
const STATE: u16 = 13;
const AGENT: u16 = 18;
const ISSUE: u16 = 6;
const HEARD: u16 = 6;

pub(super) fn draw(scene: &Scene, canvas: &mut Canvas) {
    let rows = scene.choices.rows(scene.model, scene.now);
    if rows.is_empty() {
        let text = if scene.choices.filter.is_empty() {
            "no agents were heard of lately"
        } else {
            "no agent passes the filter"
        };
        canvas.put((0, frame::HEADER), canvas.width(), text, Look::Dim);
        return;
    }
    let selected = scene.choices.selected_in(&rows);
    let (wide, lines) = (canvas.is_wide(), canvas.lines());
    let (head, height) = if wide { (1, 1) } else { (0, 2) };
    let places = usize::from((lines.saturating_sub(head) / height).max(1));
    // The selected line stays visible.
    let first = selected.saturating_sub(places.saturating_sub(1));
    let top = frame::HEADER;
    if wide {
        wide_line(canvas, top, ["STATE", "AGENT", "ISSUE", "BRANCH", "HEARD", "LAST LINE"], [Look::Dim; 6]);
    }
    let ys = (top + head..=(top + lines).saturating_sub(height)).step_by(usize::from(height));
    for ((at, row), y) in rows.iter().enumerate().skip(first).zip(ys) {
        if wide {
            draw_wide(scene, canvas, y, row);
        } else {
            draw_narrow(scene, canvas, y, row);
        }
        if at == selected {
            (y..y + height).for_each(|y| canvas.select(y));
        }
    }
}

/// The state of a row, such as `waiting 12m`, or `working? 14m` if it may no longer be true.
pub(super) fn state(row: &Row, scene: &Scene) -> (String, Look) {
    let mark = if row.is_doubtful { "?" } else { "" };
    let look = match row.need {
        _ if row.is_doubtful => Look::Doubtful,
        Need::Waiting | Need::Blocked => Look::Urgent,
        Need::Working => Look::Good,
        Need::Unknown | Need::Idle => Look::Plain,
        Need::Away | Need::Gone | Need::Ended => Look::Dim,
    };
    (format!("{}{mark} {}", row.need.word(), age(row.since, scene.now)), look)
}

fn draw_wide(scene: &Scene, canvas: &mut Canvas, y: u16, row: &Row) {
    let (state, look) = state(row, scene);
    let session = row.session;
    let issue = session.issue_number.map(|number| format!("#{number}")).unwrap_or_default();
    let branch = session.branch.as_ref().map(Branch::as_str).unwrap_or_default();
    let heard = age(row.heard_at, scene.now);
    let line = row.line().unwrap_or_default();
    wide_line(
        canvas,
        y,
        [&state, session.agent.as_str(), &issue, branch, &heard, &line],
        [look, Look::Bold, Look::Plain, Look::Plain, Look::Dim, Look::Plain],
    );
}

fn wide_line(canvas: &mut Canvas, y: u16, texts: [&str; 6], looks: [Look; 6]) {
    let width = canvas.width();
    // More width is shared by the branch and the last line.
    let branch = 14 + width.saturating_sub(80) / 4;
    let widths = [STATE, AGENT + width.saturating_sub(80) / 8, ISSUE, branch, HEARD, width];
    let mut x = 0;
    for ((text, look), width) in texts.into_iter().zip(looks).zip(widths) {
        canvas.put((x, y), width.saturating_sub(1), text, look);
        x += width;
    }
}

fn draw_narrow(scene: &Scene, canvas: &mut Canvas, y: u16, row: &Row) {
    let (state, look) = state(row, scene);
    let session = row.session;
    let x = canvas.put((0, y), STATE, &state, look);
    let rest = canvas.width().saturating_sub(x + 1);
    canvas.put((x + 1, y), rest, session.agent.as_str(), Look::Bold);
    let issue = session.issue_number.map(|number| format!("#{number}"));
    let branch = session.branch.as_ref().map(ToString::to_string);
    // What it says matters most, so the branch is cut first.
    let parts: Vec<String> = [issue, row.line(), branch].into_iter().flatten().collect();
    canvas.put((1, y + 1), canvas.width(), &parts.join(" "), Look::Dim);
}
