//! What the person has chosen, and what a key does. Pure: the caller carries out the [`Action`].

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use deckwatch_protocol::{Timestamp, cut};

use super::model::Model;
use super::model::board::Row;
use super::model::detail::AgentKey;

/// The maximum number of characters of a message or a filter that is typed here.
const MAX_TYPED: usize = 4_000;
/// How far the page keys move.
const PAGE: usize = 10;

/// A view.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum View {
    #[default]
    Board,
    Agent,
    Claims,
    Machines,
    Events,
}

impl View {
    /// Every view, in the order of its number.
    pub(super) const ALL: [Self; 5] = [Self::Board, Self::Agent, Self::Claims, Self::Machines, Self::Events];

    /// The name on the screen.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Board => "board",
            Self::Agent => "agent",
            Self::Claims => "claims",
            Self::Machines => "machines",
            Self::Events => "events",
        }
    }

    fn next(self) -> Self {
        let at = Self::ALL.iter().position(|view| *view == self).unwrap_or_default();
        Self::ALL.iter().cycle().nth(at + 1).copied().unwrap_or_default()
    }
}

/// A line that the person types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prompt {
    /// A message to an agent.
    Message(AgentKey, String),
    /// The filter.
    Filter(String),
}

/// What the person has chosen.
#[derive(Debug, Default)]
pub(super) struct Choices {
    pub(super) view: View,
    /// The agent that is selected on the board. It stays selected when the order changes.
    pub(super) selected: Option<AgentKey>,
    /// The selected line of the other views, or the first line that is shown.
    pub(super) line: usize,
    pub(super) filter: String,
    pub(super) prompt: Option<Prompt>,
    pub(super) has_help: bool,
    /// What came of the last action.
    pub(super) notice: Option<String>,
}

/// What the caller does after a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    None,
    Quit,
    /// Read more about this agent.
    Open(AgentKey),
    /// Send this text to the agent.
    Send(AgentKey, String),
    /// Show the run of the agent in this terminal.
    Attach(AgentKey),
    /// Read the machines again: no event of a venture says that one has changed.
    ReadMachines,
}

impl Choices {
    /// The filter as words in lower case.
    pub(super) fn words(&self) -> Vec<String> {
        self.filter.to_lowercase().split_whitespace().map(str::to_owned).collect()
    }

    /// The rows of the board that pass the filter.
    pub(super) fn rows<'a>(&self, model: &'a Model, now: Timestamp) -> Vec<Row<'a>> {
        let words = self.words();
        let mut rows = model.board(now);
        rows.retain(|row| row.contains(&words));
        rows
    }

    /// The place of the selected agent in these rows. The first row is selected if that agent is not there.
    pub(super) fn selected_in(&self, rows: &[Row]) -> usize {
        let is_selected = |row: &Row| self.selected.as_ref().is_some_and(|key| *key == key_of(row));
        rows.iter().position(is_selected).unwrap_or_default()
    }

    /// Handles an event of the terminal.
    pub(super) fn handle(&mut self, event: &TerminalEvent, model: &Model, now: Timestamp) -> Action {
        match event {
            TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => self.key(*key, model, now),
            TerminalEvent::Paste(text) => {
                if let Some(typed) = self.typed() {
                    typed.push_str(&text.replace(['\r', '\n'], " "));
                    let kept = cut::to_chars(typed, MAX_TYPED).len();
                    typed.truncate(kept);
                }
                Action::None
            }
            _ => Action::None,
        }
    }

    fn typed(&mut self) -> Option<&mut String> {
        match self.prompt.as_mut()? {
            Prompt::Message(_, text) | Prompt::Filter(text) => Some(text),
        }
    }

    fn key(&mut self, key: KeyEvent, model: &Model, now: Timestamp) -> Action {
        let has_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if has_control && key.code == KeyCode::Char('c') {
            return Action::Quit;
        }
        if self.prompt.is_some() {
            return self.prompt_key(key.code, has_control);
        }
        self.notice = None;
        if std::mem::take(&mut self.has_help) && !matches!(key.code, KeyCode::Char('q')) {
            return Action::None;
        }
        match key.code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('?') => self.has_help = true,
            KeyCode::Char('/') => self.prompt = Some(Prompt::Filter(self.filter.clone())),
            KeyCode::Char(digit @ '1'..='5') => return self.show_number(digit, model, now),
            KeyCode::Tab => return self.show(self.view.next(), model, now),
            KeyCode::Esc => self.back(),
            KeyCode::Char('r') => return self.reply(model, now),
            KeyCode::Char('a') => return self.of_agent(model, now, Action::Attach),
            KeyCode::Enter if self.view == View::Board => return self.show(View::Agent, model, now),
            KeyCode::Enter if self.view == View::Events => return self.open_event(model),
            code => self.move_by(code, model, now),
        }
        Action::None
    }

    fn show_number(&mut self, digit: char, model: &Model, now: Timestamp) -> Action {
        let number = usize::try_from(digit.to_digit(10).unwrap_or(1)).unwrap_or(1);
        self.show(View::ALL.get(number - 1).copied().unwrap_or_default(), model, now)
    }

    fn show(&mut self, view: View, model: &Model, now: Timestamp) -> Action {
        (self.view, self.line) = (view, 0);
        match view {
            View::Agent => self.of_agent(model, now, Action::Open),
            View::Machines => Action::ReadMachines,
            View::Board | View::Claims | View::Events => Action::None,
        }
    }

    fn back(&mut self) {
        match self.view {
            View::Board => self.filter.clear(),
            _ => (self.view, self.line) = (View::Board, 0),
        }
    }

    fn reply(&mut self, model: &Model, now: Timestamp) -> Action {
        if let Some(key) = self.agent(model, now) {
            self.prompt = Some(Prompt::Message(key, String::new()));
        }
        Action::None
    }

    fn open_event(&mut self, model: &Model) -> Action {
        let Some(key) = self.agent_of_event(model) else { return Action::None };
        self.selected = Some(key.clone());
        (self.view, self.line) = (View::Agent, 0);
        Action::Open(key)
    }

    fn of_agent(&mut self, model: &Model, now: Timestamp, action: impl Fn(AgentKey) -> Action) -> Action {
        let key = self.agent(model, now);
        self.selected.clone_from(&key);
        key.map_or(Action::None, action)
    }

    /// The agent that a key is about.
    pub(super) fn agent(&self, model: &Model, now: Timestamp) -> Option<AgentKey> {
        match (self.view, &self.selected) {
            (View::Events, _) => self.agent_of_event(model),
            (View::Agent, Some(key)) => Some(key.clone()),
            _ => {
                let rows = self.rows(model, now);
                rows.get(self.selected_in(&rows)).map(key_of)
            }
        }
    }

    /// The agent of the selected event. The newest event is the first line.
    fn agent_of_event(&self, model: &Model) -> Option<AgentKey> {
        let event = self.events(model).nth(self.line)?;
        Some(AgentKey { venture: event.venture.clone()?, agent: event.agent.clone()? })
    }

    /// The events that pass the filter, newest first.
    pub(super) fn events<'a>(&self, model: &'a Model) -> impl Iterator<Item = &'a deckwatch_protocol::Event> + use<'a> {
        let words = self.words();
        model.events.iter().rev().filter(move |event| {
            let text = crate::event_line::line(event).to_lowercase();
            words.iter().all(|word| text.contains(word.as_str()))
        })
    }

    fn move_by(&mut self, code: KeyCode, model: &Model, now: Timestamp) {
        let step = |at: usize, last: usize| match code {
            KeyCode::Down | KeyCode::Char('j') => (at + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
            KeyCode::PageDown => (at + PAGE).min(last),
            KeyCode::PageUp => at.saturating_sub(PAGE),
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => last,
            _ => at,
        };
        if self.view == View::Board {
            let rows = self.rows(model, now);
            let at = step(self.selected_in(&rows), rows.len().saturating_sub(1));
            self.selected = rows.get(at).map(key_of);
        } else {
            // The drawing stops at the last line.
            let last = match self.view {
                View::Events => self.events(model).count().saturating_sub(1),
                _ => usize::from(u16::MAX),
            };
            self.line = step(self.line, last);
        }
    }

    fn prompt_key(&mut self, code: KeyCode, has_control: bool) -> Action {
        let Some(typed) = self.typed() else { return Action::None };
        match code {
            KeyCode::Char('u') if has_control => typed.clear(),
            KeyCode::Char(_) if has_control => {}
            KeyCode::Char(c) if typed.chars().count() < MAX_TYPED => typed.push(c),
            KeyCode::Backspace => drop(typed.pop()),
            KeyCode::Esc => self.prompt = None,
            KeyCode::Enter => return self.entered(),
            _ => {}
        }
        Action::None
    }

    fn entered(&mut self) -> Action {
        match self.prompt.take() {
            Some(Prompt::Filter(text)) => {
                (self.filter, self.line) = (text.trim().to_owned(), 0);
                Action::None
            }
            Some(Prompt::Message(to, text)) if !text.trim().is_empty() => {
                self.notice = Some(format!("sending to {}", to.agent));
                Action::Send(to, text.trim().to_owned())
            }
            _ => Action::None,
        }
    }
}

/// The agent of a row.
pub(super) fn key_of(row: &Row) -> AgentKey {
    AgentKey { venture: row.session.venture.clone(), agent: row.session.agent.clone() }
}
