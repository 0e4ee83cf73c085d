//! When the agent was woken, so that a storm of messages never keeps it running, and which conversation is woken.

use std::io;
use std::path::PathBuf;

use deckwatch_protocol::{ActivityState, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AgentFolder, files};

/// How often an agent is woken within [`WINDOW_SECONDS`].
const MAX_WAKES: usize = 3;
const WINDOW_SECONDS: u64 = 60;
/// How long a new conversation is left alone: its first hooks show what waits, and a first prompt may follow.
const OPENING_SECONDS: u64 = 4;

/// The last times at which the agent was woken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Wakes {
    at: Vec<Timestamp>,
    /// Since when the agent was idle when it was woken last.
    idle_since: Option<Timestamp>,
}

impl AgentFolder {
    /// Whether the agent should be woken now: it is idle, a hook would show it a message, it was not woken since it is idle,
    /// and not too often within a minute.
    pub fn should_wake(&self, now: Timestamp) -> io::Result<bool> {
        // Almost always there is no mail, and nothing else is read.
        if self.mail_names()?.is_empty() {
            return Ok(false);
        }
        let Some(idle_since) = self.idle_since()? else { return Ok(false) };
        if !self.turn()?.has_ended && now.seconds_since(idle_since) < OPENING_SECONDS {
            return Ok(false);
        }
        let wakes: Wakes = files::read_json(&self.wakes_file())?.unwrap_or_default();
        let recent = wakes.at.iter().filter(|at| now.seconds_since(**at) < WINDOW_SECONDS).count();
        Ok(recent < MAX_WAKES && wakes.idle_since != Some(idle_since) && self.has_unread()?)
    }

    /// Records that the agent is woken now.
    pub fn wakes(&self, now: Timestamp) -> io::Result<()> {
        let mut wakes: Wakes = files::read_json(&self.wakes_file())?.unwrap_or_default();
        wakes.at.retain(|at| now.seconds_since(*at) < WINDOW_SECONDS);
        wakes.at.push(now);
        wakes.idle_since = self.idle_since()?;
        files::replace_json(&self.wakes_file(), &wakes)
    }

    /// Records the conversation of the agent, as its tool names it.
    pub fn set_conversation(&self, conversation: &str) -> io::Result<()> {
        files::replace_json(&self.conversation_file(), &conversation)
    }

    /// The conversation of the agent.
    pub fn conversation(&self) -> io::Result<Option<String>> {
        files::read_json(&self.conversation_file())
    }

    fn idle_since(&self) -> io::Result<Option<Timestamp>> {
        let seen = self.presence()?.filter(|seen| seen.state == ActivityState::Idle);
        Ok(seen.map(|seen| seen.at))
    }

    fn wakes_file(&self) -> PathBuf {
        self.path.join("wakes.json")
    }

    fn conversation_file(&self) -> PathBuf {
        self.path.join("conversation.json")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Folder, folder, item};
    use super::super::{SeenPresence, Turn};
    use super::*;
    use crate::clock::now;

    fn is(folder: &AgentFolder, state: ActivityState, at: Timestamp) {
        folder.saw(&SeenPresence { state, detail: None, at }).unwrap();
    }

    #[test]
    fn only_an_idle_agent_with_mail_is_woken_once_until_it_has_worked() {
        let Folder { folder, .. } = &folder();
        let start = now();
        let later = |millis| Timestamp::from_millis(start.as_millis() + millis);
        folder.set_turn(&Turn { has_ended: true, ..Turn::default() }).unwrap();
        is(folder, ActivityState::Idle, start);
        assert!(!folder.should_wake(start).unwrap(), "there is no mail");
        folder.put_mail(&item(1, "next", start)).unwrap();
        assert!(folder.should_wake(start).unwrap());
        folder.wakes(start).unwrap();
        assert!(!folder.should_wake(later(30_000)).unwrap(), "it was woken, and has not worked since");
        is(folder, ActivityState::Working, later(1));
        assert!(!folder.should_wake(later(1)).unwrap(), "it works");
        is(folder, ActivityState::Idle, later(2));
        assert!(folder.should_wake(later(2)).unwrap());
    }

    #[test]
    fn a_storm_wakes_at_most_three_times_within_a_minute() {
        let Folder { folder, .. } = &folder();
        let start = now();
        let later = |millis| Timestamp::from_millis(start.as_millis() + millis);
        folder.put_mail(&item(1, "next", start)).unwrap();
        folder.set_turn(&Turn { has_ended: true, ..Turn::default() }).unwrap();
        let mut woken = 0;
        for turn in 0..100 {
            is(folder, ActivityState::Idle, later(turn * 10));
            if folder.should_wake(later(turn * 10)).unwrap() {
                folder.wakes(later(turn * 10)).unwrap();
                woken += 1;
            }
            is(folder, ActivityState::Working, later(turn * 10 + 5));
        }
        assert_eq!(woken, MAX_WAKES);
        is(folder, ActivityState::Idle, later(70_000));
        assert!(folder.should_wake(later(70_000)).unwrap());
    }

    #[test]
    fn a_new_conversation_is_left_alone_for_a_moment() {
        let Folder { folder, .. } = &folder();
        let start = now();
        folder.put_mail(&item(1, "next", start)).unwrap();
        is(folder, ActivityState::Idle, start);
        assert!(!folder.should_wake(start).unwrap());
        assert!(folder.should_wake(Timestamp::from_millis(start.as_millis() + 4_000)).unwrap());
    }
}
