//! The doors that this server opens itself.

use std::process::Stdio;
use std::time::Duration;

use deckwatch_machine::variables;
use tokio::process::Command;

use super::WAKING_TEXT;

/// How long a door may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Gemini CLI treats keys without a pause as pasted text.
const BEFORE_ENTER: Duration = Duration::from_millis(700);
/// The variables that `codex queue` and `tmux` need. The agent's name and keys are not among them: what they start can be
/// no second agent.
const VARIABLES: [&str; 6] = ["HOME", "PATH", "USER", "LANG", "TMPDIR", "CODEX_HOME"];

/// A way to wake the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Door {
    /// `codex queue`, with the path of this program.
    Queue(String),
    /// A pane of a tmux server.
    Tmux { pane: String, socket: String },
}

impl Door {
    /// The door that the launcher named. `None` if there is none, or if the waiter of Claude Code is the door.
    pub(crate) fn of(var: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let named = var(variables::WAKE)?;
        match named.split_once(':')? {
            ("queue", program) => Some(Self::Queue(program.to_owned())),
            ("tmux", place) => {
                let (pane, socket) = place.split_once(':')?;
                Some(Self::Tmux { pane: pane.to_owned(), socket: socket.to_owned() })
            }
            _ => None,
        }
    }

    /// Wakes the agent with [`WAKING_TEXT`].
    pub(super) async fn wake(&self, conversation: &str) -> Result<(), String> {
        match self {
            Self::Queue(_) if conversation.is_empty() => Err("the conversation of Codex is not known".to_owned()),
            Self::Queue(program) => run(program, &["queue", "--thread", conversation, "--message", WAKING_TEXT]).await,
            Self::Tmux { pane, socket } => {
                run("tmux", &["-S", socket, "send-keys", "-t", pane, "-l", WAKING_TEXT]).await?;
                tokio::time::sleep(BEFORE_ENTER).await;
                run("tmux", &["-S", socket, "send-keys", "-t", pane, "Enter"]).await
            }
        }
    }
}

async fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.envs(VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))).kill_on_drop(true);
    let output = tokio::time::timeout(TIMEOUT, command.output()).await;
    let output = output.map_err(|_| format!("{program} did not end within {} seconds", TIMEOUT.as_secs()))?;
    let output = output.map_err(|error| format!("{program} can't be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_is_the_one_that_the_launcher_named() {
        let of = |value: &str| Door::of(|_| Some(value.to_owned()));
        assert_eq!(of("queue:/opt/bin/codex"), Some(Door::Queue("/opt/bin/codex".to_owned())));
        let tmux = Door::Tmux { pane: "%3".to_owned(), socket: "/tmp/tmux-0/a:b".to_owned() };
        assert_eq!(of("tmux:%3:/tmp/tmux-0/a:b"), Some(tmux));
        assert_eq!((of("hook"), of(""), of("other:x"), Door::of(|_| None)), (None, None, None, None));
    }
}
