//! The full screen: draws when something changes, and handles keys, signals and the network.

mod terminal;

use crossterm::event::EventStream;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{EventKind, MessageId, PersonName, Timestamp};
use futures_util::StreamExt as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Duration, MissedTickBehavior, interval};

use self::terminal::FullScreen;
use super::input::{Action, Choices, View};
use super::model::Model;
use super::model::detail::AgentKey;
use super::reply::{self, Sent};
use super::source::{News, Request, Source, time_of};
use super::views::{self, Palette, Scene};
use crate::context_api;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::runs;

/// How often the ages on the screen are drawn again.
const TICK: Duration = Duration::from_secs(1);
/// How many of the latest messages of an agent are read.
const MESSAGES: usize = 5;

/// Why the screen was left.
enum Left {
    Quit,
    /// To show this agent's run in the terminal.
    Attach(AgentKey),
}

/// Shows the screen until the person leaves.
pub(super) fn run(source: Source, place: &str, env: &ProcessEnv) -> Result<(), LaunchError> {
    let runtime = context_api::runtime()?;
    // The tasks of the screen wait while a run is shown.
    let tasks = LocalSet::new();
    let mut screen = tasks.block_on(&runtime, async { Screen::start(source, place.to_owned(), env) });
    loop {
        let left = shown(&runtime, &tasks, &mut screen)?;
        match left {
            Left::Quit => return Ok(()),
            Left::Attach(key) => screen.choices.notice = Some(attached(&screen, &key, env)),
        }
    }
}

/// Shows the screen in the terminal, and restores the terminal.
fn shown(runtime: &Runtime, tasks: &LocalSet, screen: &mut Screen) -> Result<Left, LaunchError> {
    let mut terminal = FullScreen::enter().map_err(LaunchError::Output)?;
    let left = tasks.block_on(runtime, screen.until_left(&mut terminal));
    drop(terminal);
    left
}

/// Shows the run of an agent in this terminal. Returns what came of it.
fn attached(screen: &Screen, key: &AgentKey, env: &ProcessEnv) -> String {
    let host = screen.model.row(&key.venture, &key.agent, now()).map(|row| row.session.host.clone());
    let Some(host) = host else { return format!("the machine of {} is not known", key.agent) };
    match runs::attach_to(&host, &key.venture, &key.agent, env) {
        Ok(()) => format!("you left {}", key.agent),
        Err(LaunchError::Detached) => format!("you left {}; it goes on", key.agent),
        Err(error) => format!("{} can't be shown: {error}", key.agent),
    }
}

/// The state of the screen.
struct Screen {
    model: Model,
    choices: Choices,
    place: String,
    palette: Palette,
    source: Source,
    /// Who sends the messages.
    person: Option<PersonName>,
    news: UnboundedReceiver<News>,
    requests: UnboundedSender<Request>,
    sent: (UnboundedSender<Sent>, UnboundedReceiver<Sent>),
}

impl Screen {
    /// Begins to read. Needs a set of tasks.
    fn start(source: Source, place: String, env: &ProcessEnv) -> Self {
        let palette = if env.var("NO_COLOR").is_some() { Palette::Plain } else { Palette::Colours };
        let (tell, news) = unbounded_channel();
        let (requests, asked) = unbounded_channel();
        spawn_local(source.clone().follow(tell, asked));
        let (model, choices) = (Model::default(), Choices::default());
        Self {
            model,
            choices,
            place,
            palette,
            source,
            person: reply::person(env),
            news,
            requests,
            sent: unbounded_channel(),
        }
    }

    async fn until_left(&mut self, terminal: &mut FullScreen) -> Result<Left, LaunchError> {
        let mut keys = EventStream::new();
        let (mut hangup, mut terminate) = (ending(SignalKind::hangup())?, ending(SignalKind::terminate())?);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.draw(terminal)?;
            tokio::select! {
                key = keys.next() => match key {
                    Some(Ok(event)) => {
                        let (width, height) = terminal.size().map_err(LaunchError::Output)?;
                        let now = now();
                        let last = views::last_line(&self.scene(now), width, height);
                        let action = self.choices.handle(&event, &self.model, now, last);
                        if let Some(left) = self.act(action) {
                            return Ok(left);
                        }
                    }
                    Some(Err(error)) => return Err(LaunchError::Output(error)),
                    // The terminal is gone.
                    None => return Ok(Left::Quit),
                },
                Some(news) = self.news.recv() => {
                    self.take(news);
                    while let Ok(news) = self.news.try_recv() {
                        self.take(news);
                    }
                }
                Some(sent) = self.sent.1.recv() => {
                    self.choices.notice = Some(sent.0);
                    self.open_again();
                }
                _ = tick.tick() => {}
                _ = hangup.recv() => return Ok(Left::Quit),
                _ = terminate.recv() => return Ok(Left::Quit),
            }
        }
    }

    fn draw(&self, terminal: &mut FullScreen) -> Result<(), LaunchError> {
        let scene = self.scene(now());
        terminal.draw(|buffer| views::draw(&scene, buffer)).map_err(LaunchError::Output)
    }

    fn scene(&self, now: Timestamp) -> Scene<'_> {
        let (model, choices, place) = (&self.model, &self.choices, self.place.as_str());
        Scene { model, choices, now, place, palette: self.palette }
    }

    fn take(&mut self, news: News) {
        match news {
            News::Link(link) => {
                let heard_at = link.heard_at.map(time_of);
                self.model.freshness.link(&link, heard_at);
            }
            News::Update(update) => {
                let concerns = self.opened().is_some_and(|key| update.concerns(key));
                self.model.apply(update);
                if concerns {
                    self.open_again();
                }
            }
        }
    }

    /// The agent in the view of one agent.
    fn opened(&self) -> Option<&AgentKey> {
        let detail = self.model.detail.as_ref().filter(|_| self.choices.view == View::Agent);
        detail.map(|detail| &detail.of)
    }

    fn open_again(&mut self) {
        if let Some(key) = self.opened().cloned() {
            self.open(key);
        }
    }

    fn open(&self, key: AgentKey) {
        let messages = self.messages_of(&key);
        // The source ends only with the screen.
        let _ = self.requests.send(Request::Detail(key, messages));
    }

    /// The latest messages from the agent and to it, newest first.
    fn messages_of(&self, key: &AgentKey) -> Vec<MessageId> {
        let messages = self.model.events.iter().rev().filter(|event| event.kind == EventKind::MessageSent);
        let own = messages.filter(|event| key.is_of(event)).filter_map(|event| event.subject.parse().ok());
        own.take(MESSAGES).collect()
    }

    fn act(&mut self, action: Action) -> Option<Left> {
        match action {
            Action::None => None,
            Action::Quit => Some(Left::Quit),
            Action::Attach(key) => Some(Left::Attach(key)),
            Action::Open(key) => {
                self.open(key);
                None
            }
            Action::ReadMachines => {
                let _ = self.requests.send(Request::Machines);
                None
            }
            Action::Send(key, text) => {
                spawn_local(reply::send(self.source.api.clone(), self.person.clone(), key, text, self.sent.0.clone()));
                None
            }
        }
    }
}

fn ending(kind: SignalKind) -> Result<Signal, LaunchError> {
    signal(kind).map_err(LaunchError::Output)
}
