//! Types the text that wakes an agent into its pane of tmux.

use std::time::Duration;

use super::WAKING_TEXT;
use super::program::run;

/// Gemini CLI treats keys without a pause as pasted text.
const BEFORE_ENTER: Duration = Duration::from_millis(700);
/// Codex has read what was pasted.
const AFTER_PASTE: Duration = Duration::from_millis(100);
/// The buffer of tmux, which is deleted after it was pasted.
const BUFFER: &str = "deckwatch-wake";
/// The first character of Codex's prompt.
const PROMPT: char = '›';
/// The column behind the prompt.
const PROMPT_COLUMN: &str = "2";

/// A pane of a tmux server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pane {
    id: String,
    socket: String,
}

impl Pane {
    /// The pane at a place such as `%3:/tmp/tmux-0/default`.
    pub(super) fn at(place: &str) -> Option<Self> {
        let (id, socket) = place.split_once(':')?;
        Some(Self { id: id.to_owned(), socket: socket.to_owned() })
    }

    /// Types the text.
    pub(super) async fn types(&self) -> Result<(), String> {
        self.tmux(&["send-keys", "-t", &self.id, "-l", WAKING_TEXT]).await?;
        tokio::time::sleep(BEFORE_ENTER).await;
        self.enter().await
    }

    /// Pastes the text into Codex's prompt. Fails if the prompt is not there or has a text: it would be sent too.
    pub(super) async fn pastes(&self) -> Result<(), String> {
        let place = "#{pane_in_mode},#{cursor_x},#{cursor_y}";
        let id = self.id.as_str();
        let look = ["display-message", "-p", "-t", id, place, ";", "capture-pane", "-p", "-e", "-t", id];
        if !shows_empty_prompt(&self.tmux(&look).await?) {
            return Err("the prompt of Codex is not empty or not shown".to_owned());
        }
        let paste = ["set-buffer", "-b", BUFFER, WAKING_TEXT, ";", "paste-buffer", "-p", "-d", "-b", BUFFER, "-t", id];
        self.tmux(&paste).await?;
        tokio::time::sleep(AFTER_PASTE).await;
        self.enter().await
    }

    async fn enter(&self) -> Result<(), String> {
        self.tmux(&["send-keys", "-t", &self.id, "Enter"]).await.map(drop)
    }

    async fn tmux(&self, arguments: &[&str]) -> Result<String, String> {
        run("tmux", &[&["-S", &self.socket], arguments].concat()).await
    }
}

/// Whether the cursor stands behind an empty prompt. The first line of `screen` has the mode and the cursor, the others are the
/// lines of the pane with their colours.
fn shows_empty_prompt(screen: &str) -> bool {
    let mut lines = screen.lines();
    let place: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let ["0", PROMPT_COLUMN, row] = place.as_slice() else { return false };
    row.parse().ok().and_then(|row| lines.nth(row)).is_some_and(is_empty_prompt)
}

/// Whether a line is the prompt without a text. A dim text is a hint of Codex.
fn is_empty_prompt(line: &str) -> bool {
    let (mut rest, mut is_dim, mut has_prompt) = (line, false, false);
    while let Some(c) = rest.chars().next() {
        if let Some(sequence) = rest.strip_prefix("\u{1b}[") {
            let Some((style, after)) = sequence.split_once('m') else { return false };
            is_dim = is_dim_after(style, is_dim);
            rest = after;
            continue;
        }
        match c {
            PROMPT if !has_prompt => has_prompt = true,
            ' ' => {}
            _ => return has_prompt && is_dim,
        }
        rest = rest.strip_prefix(c).unwrap_or_default();
    }
    has_prompt
}

/// Whether text is dim after the parameters of a style.
fn is_dim_after(style: &str, is_dim: bool) -> bool {
    let mut parameters = style.split(';');
    let mut is_dim = is_dim;
    while let Some(parameter) = parameters.next() {
        match parameter {
            "2" => is_dim = true,
            "" | "0" | "22" => is_dim = false,
            // A colour, whose parameters may look like styles.
            "38" | "48" => {
                let skipped = if parameters.next() == Some("2") { 3 } else { 1 };
                let _ = parameters.by_ref().nth(skipped - 1);
            }
            _ => {}
        }
    }
    is_dim
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codexs_empty_prompt_with_the_cursor_behind_it_is_taken_for_one() {
        let prompt = "\u{1b}[1m›\u{1b}[0m\u{1b}[39m\u{1b}[49m ";
        let hint = format!("{prompt}\u{1b}[2mAsk Codex to do anything");
        let draft = format!("{prompt}a draft");
        for (place, line, expected) in [
            ("0,2,1", hint.as_str(), true),
            ("0,2,1", prompt, true),
            // The cursor was moved to the beginning of a draft.
            ("0,2,1", &draft, false),
            ("0,2,1", &format!("{prompt}\u{1b}[38;5;2mcoloured"), false),
            ("0,2,1", &format!("{prompt}\u{1b}[2;38;2;1;2;3mhint"), true),
            ("0,9,1", &draft, false),
            ("1,2,1", &hint, false),
            ("0,2,0", &hint, false),
            ("0,2,7", &hint, false),
            ("0,2,1", "\u{1b}[2m  Allow? yes", false),
            ("0,2,1", "", false),
            ("", &hint, false),
        ] {
            assert_eq!(shows_empty_prompt(&format!("{place}\nabove\n{line}\nbelow\n")), expected, "{place} {line:?}");
        }
    }
}
