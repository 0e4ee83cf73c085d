//! `launcher notices`: tells a person when an agent waits or is blocked, when work is done, or a pull request is opened.
//!
//! It runs until it is ended, follows the events of the API, and sends a notice about each change once. [`memory`] keeps
//! the number of the last event, [`receiver`] sends.

mod memory;
mod notice;
mod pace;
mod receiver;

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use deckwatch_client::http::{Http, HttpLimits};
use deckwatch_client::watch::{Watch, Watched};
use deckwatch_client::{Api, ClientError};
use deckwatch_machine::clock::now;
use deckwatch_machine::digest::sha256_hex;
use deckwatch_protocol::{Event, EventFilter, cut};
use tokio::time::{Instant, sleep, timeout_at};

use self::memory::{Memory, MemoryError};
use self::notice::Notice;
use self::pace::Pace;
use self::receiver::Way;
use crate::config::Config;
use crate::error::LaunchError;
use crate::notice_settings::{NoticesSettings, Receiver, SecretPlace};
use crate::output::{say, warn};
use crate::process_env::ProcessEnv;
use crate::records::source::Source;
use crate::secrets::Secret;
use crate::secrets::api_key::ApiKey;
use crate::secrets::vault::Vault;
use crate::target::Target;
use crate::{completions, context_api};

/// What `launcher notices --help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher notices --test         send a test notice to each receiver, and say whether it arrived
  launcher notices --all          send notices about the agents of all ventures, until Ctrl-C

The receivers are in ~/.config/deckwatch/config.toml:
  [notices]
  desktop = true                  a notification on this machine
  per_minute = 10                 more changes in a minute become one notice
  kinds = [\"agent_waiting\", \"agent_blocked\", \"work_done\", \"pull_request_opened\"]
  [notices.ntfy]
  url = \"https://ntfy.sh/TOPIC\"
  secret_keyring = true           its access token; or secret_env, secret_command, secret_infisical
  [notices.webhook]
  url = \"https://example.com/x\"   gets JSON, signed with the secret
  secret_env = \"DECKWATCH_WEBHOOK_KEY\"";

/// A change that is older is not sent after a restart.
const MAX_AGE_SECONDS: u64 = 60 * 60;
const LIMITS: HttpLimits =
    HttpLimits { connect: Duration::from_secs(5), whole: Duration::from_secs(15), answer_bytes: 64 * 1024 };
/// The pause after a failure to read a record.
const PAUSE: Duration = Duration::from_secs(5);

/// The options of `launcher notices`.
#[derive(Debug, Args)]
pub(crate) struct Notices {
    /// Code of the venture, or `.` for the one of the repository you are in, which is the default
    #[arg(long, value_name = "VENTURE", add = ArgValueCandidates::new(completions::ventures))]
    venture: Option<Target>,

    /// Send notices about the agents of all ventures
    #[arg(long, conflicts_with = "venture")]
    all: bool,

    /// Follow the records of this machine, whatever API is configured
    #[arg(long)]
    local: bool,

    /// Send a test notice to each receiver and end
    #[arg(long)]
    test: bool,
}

/// Sends notices until the process is ended.
pub(crate) fn run(notices: &Notices, env: &ProcessEnv) -> Result<(), LaunchError> {
    let (config, vault) = Config::with_vault(env)?;
    let ways = ways(&config.notices, &vault, env)?;
    if notices.test {
        return context_api::runtime()?.block_on(test(&ways));
    }
    let named = notices.venture.as_ref();
    let records = Source::open(notices.local, named, env)?;
    let subject = records.subject(named, notices.all)?;
    records.must_exist(named)?;
    let place = format!("{} in {}", subject.describe(), records.describe());
    let Some(client) = &records.client else { return Err(LaunchError::NoRecords(place)) };
    let memory = Memory::open(&env.dirs, &place).map_err(|error| unusable(error, &place))?;
    say(&format!("notices about {place} go to {}", ways.iter().map(Way::name).collect::<Vec<_>>().join(", ")));
    let limit = Pace::new(config.notices.per_minute);
    let sender = Sender { ways, http: Http::new(LIMITS), memory, pace: limit, place };
    context_api::runtime()?.block_on(follow(client.api(), subject.venture, &config.notices, sender))
}

/// The configured receivers, with their secrets.
fn ways(settings: &NoticesSettings, vault: &Rc<Vault>, env: &ProcessEnv) -> Result<Vec<Way>, LaunchError> {
    let path = env.dirs.config.join("config.toml");
    let wrong = |message: &str| LaunchError::Config { path: path.clone(), message: message.to_owned() };
    if settings.is_empty() {
        return Err(wrong("[notices] names no receiver: set desktop, [notices.ntfy] or [notices.webhook]"));
    }
    let mut ways = Vec::new();
    if settings.desktop {
        ways.push(Way::desktop(env).ok_or_else(|| {
            wrong("[notices] desktop: neither notify-send (of libnotify) nor osascript is installed; install it, or use another receiver")
        })?);
    }
    if let Some(ntfy) = &settings.ntfy {
        ways.push(Way::Ntfy { url: ntfy.url.clone(), token: secret(ntfy, vault, env)? });
    }
    if let Some(webhook) = &settings.webhook {
        let key = secret(webhook, vault, env)?.ok_or_else(|| wrong("[notices.webhook] needs a secret"))?;
        ways.push(Way::Webhook { url: webhook.url.clone(), key });
    }
    Ok(ways)
}

fn secret(receiver: &Receiver, vault: &Rc<Vault>, env: &ProcessEnv) -> Result<Option<Secret>, LaunchError> {
    match receiver.secret() {
        SecretPlace::None => Ok(None),
        SecretPlace::Variable(name) => {
            let path = env.dirs.config.join("config.toml");
            let message = format!("[notices] names {name} for a secret, and this variable is not set");
            let value = env.var(name).ok_or(LaunchError::Config { path, message })?;
            Ok(Some(Secret::new(value)))
        }
        SecretPlace::Source(source) => {
            let key = ApiKey::of_notices(source, &receiver.url, vault);
            Ok(Some(Secret::new(key.get()?.expose().to_owned())))
        }
    }
}

fn unusable(error: MemoryError, place: &str) -> LaunchError {
    match error {
        MemoryError::Busy => {
            LaunchError::Api(format!("another `launcher notices` already sends notices about {place}"))
        }
        MemoryError::Io(path, error) => LaunchError::NotWritten { path, message: error.to_string() },
    }
}

async fn test(ways: &[Way]) -> Result<(), LaunchError> {
    let (http, notice) = (Http::new(LIMITS), Notice::test(now()));
    let mut failed = 0;
    for way in ways {
        match way.send(&notice, "test", &http).await {
            Ok(()) => say(&format!("{}: sent", way.name())),
            Err(cause) => {
                failed += 1;
                warn(&format!("{}: not sent: {cause}", way.name()));
            }
        }
    }
    if failed == 0 { Ok(()) } else { Err(LaunchError::ChecksFailed { failed }) }
}

/// What is needed to send.
struct Sender {
    ways: Vec<Way>,
    http: Http,
    memory: Memory,
    pace: Pace,
    /// The API and the venture, for the ids of the notices.
    place: String,
}

/// Follows the events and sends the notices about them.
async fn follow(
    api: &Api,
    venture: Option<deckwatch_protocol::VentureCode>,
    settings: &NoticesSettings,
    mut sender: Sender,
) -> Result<(), LaunchError> {
    let after = if let Some(done) = sender.memory.done() {
        done
    } else {
        // Changes before the first start are not sent.
        let head = head(api).await?;
        sender.finish(head)?;
        head
    };
    let mut watch = Watch::new(api.clone(), venture, Some(after));
    let mut waiting: VecDeque<Notice> = VecDeque::new();
    loop {
        sender.send_waiting(&mut waiting).await?;
        let found = match sender.pace.next_at().filter(|_| !waiting.is_empty()) {
            // Nothing is lost if the watch is left.
            Some(free_at) => match timeout_at(free_at, watch.next()).await {
                Ok(found) => found,
                Err(_) => continue,
            },
            None => watch.next().await,
        };
        match found.map_err(context_api::as_launch_error)? {
            Watched::Events(events) => {
                let last = events.last().map(|event| event.seq);
                waiting.extend(notices_about(events, settings, api).await);
                if let (true, Some(last)) = (waiting.is_empty(), last) {
                    sender.finish(last)?;
                }
            }
            Watched::Gap => warn(
                "events were lost: they are no longer kept, or the database was restored. `launcher top` shows what holds now",
            ),
        }
    }
}

async fn head(api: &Api) -> Result<u64, LaunchError> {
    let page = api.list_events(&EventFilter { limit: 1.try_into().ok(), ..EventFilter::default() }).await;
    page.map(|page| page.head).map_err(context_api::as_launch_error)
}

/// The notices about those of the events that a person is told of.
async fn notices_about(events: Vec<Event>, settings: &NoticesSettings, api: &Api) -> Vec<Notice> {
    let (mut notices, mut old) = (Vec::new(), 0_usize);
    for event in events.into_iter().filter(|event| settings.kinds.contains(&event.kind)) {
        if now().seconds_since(event.at) > MAX_AGE_SECONDS {
            old += 1;
            continue;
        }
        notices.extend(read_about(&event, api).await);
    }
    if old > 0 {
        warn(&format!("{old} changes are older than an hour and were not sent; `launcher top` shows what holds now"));
    }
    notices
}

/// The notice about an event. While the API can't be reached, it is tried again.
async fn read_about(event: &Event, api: &Api) -> Option<Notice> {
    loop {
        match Notice::about(event, api).await {
            Ok(notice) => return notice,
            Err(error) => {
                warn(&format!("the record of event {} can't be read yet: {error}", event.seq));
                sleep(ClientError::asks_to_wait(&error).unwrap_or(PAUSE)).await;
            }
        }
    }
}

impl Sender {
    /// Sends what may be sent now. If more waits than may be sent, the rest becomes one notice.
    async fn send_waiting(&mut self, waiting: &mut VecDeque<Notice>) -> Result<(), LaunchError> {
        loop {
            let free = self.pace.free(Instant::now());
            if waiting.is_empty() || free == 0 {
                return Ok(());
            }
            let count = if free == 1 { waiting.len() } else { 1 };
            let notices: Vec<Notice> = waiting.drain(..count).collect();
            if let Some(notice) = Notice::of_several(&notices) {
                self.pace.count(Instant::now());
                self.send(&notice).await?;
            }
        }
    }

    /// Sends a notice to each receiver. A receiver that fails is reported, and does not hold up the others.
    async fn send(&mut self, notice: &Notice) -> Result<(), LaunchError> {
        let digest = sha256_hex(format!("{}\n{}", self.place, notice.seq).as_bytes());
        let delivery = cut::to_chars(&digest, 32).to_owned();
        for way in &self.ways {
            if self.memory.has_told(notice.seq, way.name()) {
                continue;
            }
            match way.send(notice, &delivery, &self.http).await {
                Ok(()) => {
                    say(&format!("{}: {}: {}", way.name(), notice.title, notice.text));
                    self.memory.told(notice.seq, way.name()).map_err(|error| self.memory.not_written(&error))?;
                }
                Err(cause) => warn(&format!("{}: not sent: {}: {cause}", way.name(), notice.title)),
            }
        }
        self.finish(notice.seq)
    }

    fn finish(&mut self, seq: u64) -> Result<(), LaunchError> {
        self.memory.finish(seq).map_err(|error| self.memory.not_written(&error))
    }
}
