//! What a hook shows at a turn of the agent: the start of the day, events and messages, within 8,000 bytes a turn.

use std::io::{self, Write};

use deckwatch_machine::agent_folder::{Server, Taken, TakenEvents, Turn};
use deckwatch_machine::clock::now;

use super::answer::answer;
use super::caller::Caller;
use super::input::Input;
use super::message::Page;
use super::names::{HookCli, HookEvent};
use crate::render::fence::Fence;

/// The most bytes that a turn is shown.
pub(crate) const TURN_BYTES: usize = 8_000;
/// The most events that a turn is shown.
const TURN_EVENTS: usize = 5;
/// The line above events.
const EVENTS: &str = "Deckwatch: events that concern you.\n";
/// How often the end of a turn is continued in a row. Codex has no limit of its own.
const MAX_CONTINUED: u32 = 3;

/// Which turn an event belongs to.
pub(super) fn turn_of(event: HookEvent, input: &Input, last: &Turn) -> Turn {
    let goes_on = input.stop_hook_active == Some(true);
    match event {
        HookEvent::SessionStart => Turn { is_opening: true, ..last.next() },
        HookEvent::Prompt if last.is_opening => Turn { is_opening: false, ..last.clone() },
        HookEvent::Prompt => last.next(),
        // A turn without a prompt: something else than a person has woken the agent.
        HookEvent::AfterTool | HookEvent::TurnEnd if last.has_ended && !goes_on => last.next(),
        _ => Turn { is_opening: false, ..last.clone() },
    }
}

/// What a hook is about to show.
pub(super) struct Showing {
    text: String,
    taken: Option<Taken>,
    events: Option<TakenEvents>,
    /// The turn after this was shown.
    turn: Turn,
}

impl Showing {
    /// Collects what the agent has not seen, as far as the turn has room.
    pub(super) fn collect(caller: &Caller, event: HookEvent, turn: &Turn) -> io::Result<Self> {
        let mut showing = Self { text: String::new(), taken: None, events: None, turn: turn.clone() };
        if event == HookEvent::TurnEnd {
            // Only messages continue a turn.
            if turn.continued < MAX_CONTINUED {
                showing.add_mail(caller)?;
            }
            return Ok(showing);
        }
        if let Some(day) = caller.folder.take_day()? {
            showing.text += &day.text;
        }
        showing.add_events(caller)?;
        let stale = showing.add_mail(caller)?;
        showing.add_counts(caller, stale)?;
        Ok(showing)
    }

    fn room(&self) -> usize {
        TURN_BYTES.saturating_sub(self.turn.spent + self.text.len())
    }

    fn add_events(&mut self, caller: &Caller) -> io::Result<()> {
        let events = caller.folder.take_events(TURN_EVENTS.saturating_sub(self.turn.events))?;
        let lines = events.lines.iter().fold(String::new(), |lines, line| lines + "- " + line + "\n");
        if lines.is_empty() || lines.len() + EVENTS.len() > self.room() {
            return Ok(());
        }
        self.turn.events += events.lines.len();
        self.text.extend([format!("{EVENTS}{lines}")]);
        self.events = Some(events);
        Ok(())
    }

    /// Adds messages. Returns how many can't be shown, because their server is gone.
    fn add_mail(&mut self, caller: &Caller) -> io::Result<usize> {
        let mut page = Page::new(fence()?, self.room(), now());
        let taken = caller.folder.take(|item| page.add(item))?;
        if let Some(text) = page.finish(caller.agent.as_str(), taken.left) {
            self.text += &text;
        }
        let stale = taken.stale;
        self.taken = Some(taken).filter(|taken| !taken.items.is_empty());
        Ok(stale)
    }

    /// Adds how many messages wait that can't be shown now.
    fn add_counts(&mut self, caller: &Caller, stale: usize) -> io::Result<()> {
        if stale > 0 && !self.turn.said_gone && caller.folder.server()? == Server::Gone {
            self.turn.said_gone = true;
            let waits = if stale == 1 { "1 message waits".to_owned() } else { format!("{stale} messages wait") };
            self.text.extend([format!(
                "Deckwatch: {waits} for you, but the Deckwatch server of this session has ended. Restart this tool to get \
                 them.\n"
            )]);
        }
        let waiting = caller.folder.waiting()?;
        if waiting.count > 0 && waiting.count != self.turn.counted {
            let (least, n) = (if waiting.is_minimum { "more than " } else { "" }, waiting.count);
            let (messages, wait) = if n == 1 { ("message", "waits") } else { ("messages", "wait") };
            self.text.extend([format!(
                "Deckwatch: {least}{n} {messages} {wait} for you. Read them with the tool `inbox`.\n"
            )]);
        }
        self.turn.counted = waiting.count;
        Ok(())
    }

    /// Prints the answer, records what was shown, and updates `turn`. Whether something was shown.
    pub(super) fn print(
        mut self,
        cli: HookCli,
        event: HookEvent,
        own_name: &str,
        out: &mut impl Write,
        turn: &mut Turn,
    ) -> io::Result<bool> {
        let text = self.text.trim_end();
        let answer = if text.is_empty() { None } else { answer(cli, event, own_name, text) };
        let Some(answer) = answer else {
            turn.counted = self.turn.counted;
            return Ok(false);
        };
        out.write_all(format!("{answer}\n").as_bytes())?;
        out.flush()?;
        self.turn.spent += self.text.len();
        *turn = self.turn;
        if let Some(taken) = self.taken {
            taken.confirm()?;
        }
        if let Some(events) = self.events {
            events.confirm()?;
        }
        Ok(true)
    }
}

fn fence() -> io::Result<Fence> {
    let mut bits = [0; 8];
    getrandom::fill(&mut bits).map_err(io::Error::other)?;
    Ok(Fence::new(u64::from_ne_bytes(bits)))
}
