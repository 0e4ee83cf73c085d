//! The doors that this server opens itself.

use deckwatch_machine::variables;

use super::WAKING_TEXT;
use super::pane::Pane;
use super::program::run;

/// A way to wake the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Door {
    /// `codex queue`, with the path of this program.
    Queue(String),
    /// The prompt of Codex in a pane of tmux, if it is empty.
    Prompt(Pane),
    /// A pane of tmux.
    Tmux(Pane),
}

impl Door {
    /// The doors that the launcher named, one a line, in the order in which they are tried. None if the waiter of Claude Code is
    /// the door.
    pub(crate) fn all_of(var: impl Fn(&str) -> Option<String>) -> Vec<Self> {
        let named = var(variables::WAKE).unwrap_or_default();
        let door = |line: &str| match line.split_once(':')? {
            ("queue", program) => Some(Self::Queue(program.to_owned())),
            ("prompt", place) => Pane::at(place).map(Self::Prompt),
            ("tmux", place) => Pane::at(place).map(Self::Tmux),
            _ => None,
        };
        named.lines().filter_map(door).collect()
    }

    /// Wakes the agent with [`WAKING_TEXT`].
    pub(super) async fn wake(&self, conversation: &str) -> Result<(), String> {
        match self {
            Self::Queue(_) if conversation.is_empty() => Err("the conversation of Codex is not known".to_owned()),
            Self::Queue(program) => {
                run(program, &["queue", "--thread", conversation, "--message", WAKING_TEXT]).await.map(drop)
            }
            Self::Prompt(pane) => pane.pastes().await,
            Self::Tmux(pane) => pane.types().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doors_are_those_that_the_launcher_named() {
        let of = |value: &str| Door::all_of(|_| Some(value.to_owned()));
        let pane = Pane::at("%3:/tmp/tmux-0/a:b").unwrap();
        let queue = Door::Queue("/opt/bin/codex".to_owned());
        assert_eq!(of("queue:/opt/bin/codex"), std::slice::from_ref(&queue));
        assert_eq!(of("tmux:%3:/tmp/tmux-0/a:b"), [Door::Tmux(pane.clone())]);
        assert_eq!(of("prompt:%3:/tmp/tmux-0/a:b\nqueue:/opt/bin/codex"), [Door::Prompt(pane), queue]);
        for none in [of("hook"), of(""), of("other:x"), of("tmux:%3"), Door::all_of(|_| None)] {
            assert_eq!(none, []);
        }
    }
}
