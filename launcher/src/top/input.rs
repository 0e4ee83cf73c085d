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
        if !words.is_empty() {
            rows.retain(|row| row.contains(&words));
        }
        rows
    }

    /// The place of the selected agent in these rows. The first row is selected if that agent is not there.
    pub(super) fn selected_in(&self, rows: &[Row]) -> usize {
        let is_selected = |row: &Row| self.selected.as_ref().is_some_and(|key| *key == key_of(row));
        rows.iter().position(is_selected).unwrap_or_default()
    }

    /// Handles an event of the terminal. `last` is the last line to which a view without a selection can be moved.
    pub(super) fn handle(&mut self, event: &TerminalEvent, model: &Model, now: Timestamp, last: usize) -> Action {
        match event {
            TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => self.key(*key, model, now, last),
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

    fn key(&mut self, key: KeyEvent, model: &Model, now: Timestamp, last: usize) -> Action {
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
            code => self.move_by(code, model, now, last),
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
        if self.view == View::Board {
            self.filter.clear();
        } else {
            (self.view, self.line) = (View::Board, 0);
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

    fn move_by(&mut self, code: KeyCode, model: &Model, now: Timestamp, last: usize) {
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
            let last = if self.view == View::Events { self.events(model).count().saturating_sub(1) } else { last };
            self.line = step(self.line, last).min(last);
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

#[cfg(test)]
mod tests {
    use deckwatch_protocol::Session;
    use serde_json::json;

    use super::*;
    use crate::top::model::Update;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_795_248_000_000)
    }

    fn session(agent: &str, state: &str) -> Session {
        let presence = json!({ "state": state, "at": now(), "detail": null, "summary": null });
        serde_json::from_value(json!({
            "id": format!("sess_{:0>26}", agent.len()), "agent": agent, "client": "claude", "client_version": null,
            "client_session_id": null, "host": "mac1", "venture": "alpha", "repo": "example-org/alpha", "track": null,
            "issue_number": null, "branch": null, "commit_sha": null, "status": "active", "created_at": now(),
            "last_heartbeat_at": now(), "ended_at": null, "end_reason": null, "final_handoff_id": null,
            "actor_key_id": "0123456789abcdef", "creation_correlation_id": "corr_1", "meta": {}, "presence": presence,
        }))
        .unwrap()
    }

    fn model() -> Model {
        let mut model = Model::default();
        let sessions = [("a-b-1", "waiting"), ("aa-bb-11", "working"), ("aaa-bbb-111", "idle")];
        model.apply(Update::Sessions(sessions.map(|(agent, state)| session(agent, state)).into()));
        model
    }

    fn press(choices: &mut Choices, model: &Model, keys: &str) -> Action {
        let codes = keys.chars().map(|c| match c {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            '\t' => KeyCode::Tab,
            '\u{8}' => KeyCode::Backspace,
            c => KeyCode::Char(c),
        });
        let events = codes.map(|code| TerminalEvent::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        events.fold(Action::None, |_, event| choices.handle(&event, model, now(), 7))
    }

    fn key(agent: &str) -> AgentKey {
        AgentKey { venture: "alpha".parse().unwrap(), agent: agent.parse().unwrap() }
    }

    #[test]
    fn an_agent_stays_selected_when_the_order_changes() {
        let (mut model, mut choices) = (model(), Choices::default());
        assert_eq!(choices.agent(&model, now()), Some(key("a-b-1")));
        press(&mut choices, &model, "j");
        model.apply(Update::Session(Box::new(session("aaa-bbb-111", "blocked"))));
        assert_eq!(choices.agent(&model, now()), Some(key("aa-bb-11")));
        assert_eq!(press(&mut choices, &model, "\n"), Action::Open(key("aa-bb-11")));
        assert_eq!(choices.view, View::Agent);
        press(&mut choices, &model, "\u{1b}");
        assert_eq!(press(&mut choices, &model, "gja"), Action::Attach(key("aaa-bbb-111")), "the blocked one is second");
    }

    #[test]
    fn a_message_is_typed_and_sent_or_dropped() {
        let (model, mut choices) = (model(), Choices::default());
        assert_eq!(press(&mut choices, &model, "rqq\u{8}?\n"), Action::Send(key("a-b-1"), "q?".to_owned()));
        assert_eq!(press(&mut choices, &model, "r  \n"), Action::None, "an empty message is not sent");
        press(&mut choices, &model, "rx\u{1b}");
        assert_eq!((choices.prompt.clone(), press(&mut choices, &model, "q")), (None, Action::Quit));
        press(&mut choices, &model, "r");
        choices.handle(&TerminalEvent::Paste("two\nlines".to_owned()), &model, now(), 0);
        assert_eq!(
            choices.prompt,
            Some(Prompt::Message(key("a-b-1"), "two lines".to_owned())),
            "a paste does not send"
        );
    }

    #[test]
    fn a_text_is_not_moved_past_its_last_line() {
        let (model, mut choices) = (model(), Choices { view: View::Claims, ..Choices::default() });
        press(&mut choices, &model, "G");
        assert_eq!(choices.line, 7);
        press(&mut choices, &model, "jk");
        assert_eq!(choices.line, 6);
        assert_eq!((press(&mut choices, &model, "\t"), choices.line), (Action::ReadMachines, 0));
    }

    #[test]
    fn a_filter_limits_what_is_shown_until_it_is_cleared() {
        let (model, mut choices) = (model(), Choices::default());
        press(&mut choices, &model, "/IDLE aaa\n");
        let shown = |choices: &Choices| choices.rows(&model, now()).len();
        assert_eq!((shown(&choices), choices.agent(&model, now())), (1, Some(key("aaa-bbb-111"))));
        press(&mut choices, &model, "\u{1b}");
        assert_eq!(shown(&choices), 3);
        assert_eq!(press(&mut choices, &model, "?q"), Action::Quit);
    }
}
