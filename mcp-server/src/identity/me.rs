//! The agent itself: its name, its machine, its CLI, its slot and its conversation.

use deckwatch_machine::agent::{Conversation, Conversations, SharedServer, Slot, SlotRequest, slot_number, this_host};
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::variables;
use deckwatch_protocol::{Agent, Client, ClientSessionId, ClientVersion, Host, Session, cut};

use super::{Identity, named_after};
use crate::trouble::{Trouble, blocking};

/// The agent's CLI, as the handshake names it.
#[derive(Debug, Clone)]
pub(crate) struct Cli {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The agent itself.
#[derive(Debug, Clone)]
pub(crate) struct Me {
    pub(crate) agent: Agent,
    pub(crate) host: Host,
    pub(crate) client: Client,
    pub(crate) client_version: Option<ClientVersion>,
    /// `None` when the launcher set the name and holds the slot.
    pub(crate) slot: Option<u32>,
}

impl Identity {
    /// The CLI's id of its conversation: from the CLI itself, or else from the launcher.
    pub(crate) fn client_session_id(&self, me: &Me) -> Option<ClientSessionId> {
        // An agent that Claude Code started inherits its variables, and so the id of another conversation.
        let own = (me.client.as_str() == "claude").then(|| self.environment.var("CLAUDE_CODE_SESSION_ID")).flatten();
        let conversation = own.and_then(|id| id.parse().ok()).or_else(|| self.conversation.get().cloned());
        conversation.or_else(|| self.environment.var(variables::CONVERSATION)?.parse().ok())
    }

    /// Saves the slot of this conversation, so that the launcher finds it when the conversation is resumed.
    pub(crate) async fn remember(&self, session: &Session) {
        let (Ok(me), Ok(dirs)) = (self.me().await, Dirs::from_env()) else { return };
        let (Some(id), Some(slot)) = (self.client_session_id(me), me.slot.or_else(|| slot_number(&me.agent))) else {
            return;
        };
        let conversation =
            Conversation { venture: session.venture.clone(), repo: session.repo.clone(), track: session.track, slot };
        let (host, client) = (me.host.clone(), me.client.clone());
        let kept = blocking(move || Conversations::of(&dirs, &host, &client).keep(&id, &conversation)).await;
        if let Ok(Err(error)) = kept {
            log::warn!("could not save the slot of this conversation: {error}");
        }
    }

    pub(super) async fn find_me(&self) -> Result<Me, Trouble> {
        self.of_this_launch().await?;
        let cli = self.cli.get();
        let client = self.environment.setting::<Client>(variables::CLIENT)?;
        let client = client.unwrap_or_else(|| client_named(cli.map_or("", |cli| &cli.name)));
        let host = this_host();
        let (agent, slot) = match self.environment.setting::<Agent>(variables::AGENT)? {
            Some(agent) => (agent, None),
            None => self.claim_slot(&host, &client).await.map(|slot| (slot.agent, Some(slot.number)))?,
        };
        let client_version = cli.and_then(|cli| cli.version.parse().ok());
        Ok(Me { agent, host, client, client_version, slot })
    }

    /// Claims a slot for the CLI's process, so that a restarted server gets the same name. A CLI's background server is
    /// the parent of the servers of many sessions. In that case this process holds the slot itself.
    async fn claim_slot(&self, host: &Host, client: &Client) -> Result<Slot, Trouble> {
        let checkout = self.checkout().await?;
        let venture = match self.venture_on_this_machine(&checkout)? {
            Some((entry, _)) => entry.code,
            None => named_after(&checkout.repo)?.code,
        };
        let (dirs, parent) = (Dirs::from_env()?, std::os::unix::process::parent_id());
        let (host, client) = (host.clone(), client.clone());
        let claim = move || {
            let holder = SharedServer::of_process(parent).map_or(parent, |_| std::process::id());
            Slot::claim(&dirs, &host, &client, &venture, holder, SlotRequest::Any)
        };
        Ok(blocking(claim).await??)
    }
}

/// The client for the name that a CLI sends in the handshake.
fn client_named(name: &str) -> Client {
    let known = [("claude-code", "claude"), ("gemini-cli-mcp-client", "gemini"), ("codex-mcp-client", "codex")];
    let short = known.iter().find(|(long, _)| *long == name).map_or(name, |(_, short)| short);
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let safe: String = short.chars().map(safe).collect();
    let trimmed = safe.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    cut::to_chars(trimmed, Client::MAX_CHARS).parse().unwrap_or_else(|_| unnamed())
}

#[expect(clippy::expect_used, reason = "a constant that the tests parse")]
fn unnamed() -> Client {
    "agent".parse().expect("a good name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_clis_are_known_and_others_keep_their_name() {
        let cases = [
            ("claude-code", "claude"),
            ("gemini-cli-mcp-client", "gemini"),
            ("codex-mcp-client", "codex"),
            ("Some IDE (beta)", "Some-IDE--beta-"),
            ("", "agent"),
            ("😀", "agent"),
            ("-x", "x"),
        ];
        for (name, client) in cases {
            assert_eq!(client_named(name).as_str(), client);
        }
        assert_eq!(client_named(&"x".repeat(100)).as_str().len(), Client::MAX_CHARS);
    }
}
