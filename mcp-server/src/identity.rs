//! The agent, its API, its venture and its repository. Each is looked up when first needed, then cached.
//!
//! The launcher sets them in `DECKWATCH_*`. A server that a person registered by hand finds them itself: the
//! agent's CLI from the MCP handshake, its number from a slot held for the CLI's process, the venture
//! from a ventures file, from the API, or from the repository's name.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use deckwatch_client::ContextClient;
use deckwatch_client::api::{Api, ApiConfig, Endpoint};
use deckwatch_client::outbox::Bounds;
use deckwatch_client::snapshot::Snapshot;
use deckwatch_machine::agent::{
    Conversation, Conversations, Lineage, SharedServer, Slot, SlotRequest, lineage_of, slot_number, this_host,
};
use deckwatch_machine::checkout::{Checkout, CheckoutError};
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::variables;
use deckwatch_machine::ventures::{self, VentureEntry, VenturesFile};
use deckwatch_protocol::{
    Agent, Client, ClientSessionId, ClientVersion, Host, ListVentures, RepoName, Session, Venture, VentureCode,
};
use tokio::sync::OnceCell;

use crate::environment::Environment;
use crate::github::GitHub;
use crate::trouble::{Trouble, blocking};

/// How often a running start of day checks that its launch still runs.
const LAUNCH_CHECK: Duration = Duration::from_secs(1);

/// The agent's identity. A part that can't be found now is looked up again next time.
pub(crate) struct Identity {
    environment: Environment,
    github: GitHub,
    cli: OnceLock<Cli>,
    conversation: OnceLock<ClientSessionId>,
    me: OnceCell<Me>,
    client: OnceCell<ContextClient>,
    place: OnceCell<WorkContext>,
    /// Set when this process is known to work in a repository of its launch. That does not change.
    in_launch_repo: OnceLock<()>,
}

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

/// What the agent works on.
#[derive(Debug, Clone)]
pub(crate) struct WorkContext {
    pub(crate) repo: RepoName,
    /// The venture, with the data to register it if it is not registered yet.
    pub(crate) venture: VentureEntry,
    pub(crate) source: VentureSource,
}

impl WorkContext {
    /// Records use the venture's spelling of the repository's name.
    fn of(repo: &RepoName, venture: VentureEntry, source: VentureSource) -> Self {
        Self { repo: venture.spelling_of(repo), venture, source }
    }
}

/// Where the venture is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VentureSource {
    /// `DECKWATCH_VENTURE`.
    Environment,
    /// A ventures file.
    File(PathBuf),
    /// The API: a venture there has the repository.
    Api,
    /// The repository's name. Only on the embedded engine.
    Repository,
}

impl Identity {
    pub(crate) fn new(environment: Environment) -> Self {
        let (cli, conversation) = (OnceLock::new(), OnceLock::new());
        let (me, client, place, in_launch_repo) = (OnceCell::new(), OnceCell::new(), OnceCell::new(), OnceLock::new());
        Self {
            github: GitHub::new(environment.clone()),
            environment,
            cli,
            conversation,
            me,
            client,
            place,
            in_launch_repo,
        }
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn github(&self) -> &GitHub {
        &self.github
    }

    /// Sets the agent's CLI. Only the first call counts.
    pub(crate) fn set_cli(&self, cli: Cli) {
        self.cli.get_or_init(|| cli);
    }

    /// Sets the conversation that a call belongs to, if the agent's CLI sends it. Only the first call counts.
    pub(crate) fn set_conversation(&self, conversation: &str) {
        if let Ok(id) = conversation.parse() {
            self.conversation.get_or_init(|| id);
        }
    }

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

    /// The checkout as it is now. Branch and commit change while the agent works.
    pub(crate) async fn checkout(&self) -> Result<Checkout, Trouble> {
        let dir = self.environment.dir.clone();
        let mut checkout = blocking(move || Checkout::at(&dir)).await??;
        let named = self.environment.setting::<RepoName>(variables::REPO)?;
        checkout.repo = ventures::spelled_by(&named, &checkout.repo);
        Ok(checkout)
    }

    /// Checks that the name, venture and API in the environment belong to a running launch of this process. Call it
    /// each time: a launch can end while a detached server still runs.
    pub(crate) async fn of_this_launch(&self) -> Result<(), Trouble> {
        let Some(agent) = self.environment.setting::<Agent>(variables::AGENT)? else { return Ok(()) };
        let (dirs, launch) = (Dirs::from_env()?, self.environment.var(variables::LAUNCH));
        let name = agent.clone();
        let lineage = blocking(move || lineage_of(&dirs, &this_host(), &name, launch.as_deref())).await??;
        let Some(launched) = self.environment.setting::<RepoName>(variables::REPO)? else { return Ok(()) };
        if lineage == Lineage::Unknown || self.in_launch_repo.get().is_some() {
            return Ok(());
        }
        // The process tree does not show the folder of the launch, so compare repositories.
        let checkout = self.checkout().await?;
        let owned = self.of_the_venture(&checkout)?;
        lineage.allows(&agent, &launched, &checkout.repo, owned)?;
        if lineage == Lineage::Descendant {
            self.in_launch_repo.get_or_init(|| ());
        }
        Ok(())
    }

    /// Whether a repository belongs to the venture of the launch, by the launcher's list or the ventures file.
    fn of_the_venture(&self, checkout: &Checkout) -> Result<bool, Trouble> {
        let repos = self.environment.var(variables::REPOS).unwrap_or_default();
        let code = self.environment.setting::<VentureCode>(variables::VENTURE)?;
        ventures::launch_owns(&repos, code.as_ref(), || self.ventures_file(checkout), &checkout.repo)
    }

    /// Runs work that may take long, such as retries while the API is down. Stops it when the launch ends.
    pub(crate) async fn while_launched<T>(&self, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        let ended = async {
            loop {
                if let Err(trouble) = self.of_this_launch().await {
                    return trouble;
                }
                tokio::time::sleep(LAUNCH_CHECK).await;
            }
        };
        tokio::select! {
            biased;
            trouble = ended => Err(trouble),
            done = work => done,
        }
    }

    pub(crate) async fn me(&self) -> Result<&Me, Trouble> {
        self.me.get_or_try_init(|| self.find_me()).await
    }

    /// The API, the outbox and the last answers.
    pub(crate) async fn client(&self) -> Result<&ContextClient, Trouble> {
        self.client.get_or_try_init(|| self.connect()).await
    }

    pub(crate) async fn api(&self) -> Result<&Api, Trouble> {
        Ok(self.client().await?.api())
    }

    pub(crate) async fn place(&self) -> Result<&WorkContext, Trouble> {
        self.place.get_or_try_init(|| self.find_place()).await
    }

    /// The same, if it is known without asking the API.
    pub(crate) async fn place_without_api(&self) -> Result<Option<WorkContext>, Trouble> {
        if let Some(place) = self.place.get() {
            return Ok(Some(place.clone()));
        }
        let checkout = self.checkout().await?;
        let repo = checkout.repo.clone();
        if let Some((venture, source)) = self.venture_on_this_machine(&checkout)? {
            return Ok(Some(WorkContext::of(&repo, venture, source)));
        }
        let last = self.client().await?.last_snapshot(&repo, None).await;
        Ok(last.map(|last| WorkContext::of(&repo, entry(last.day.venture), VentureSource::Api)))
    }

    /// Every known venture, and the source of the list: the ventures file, or else the API.
    pub(crate) async fn ventures(&self) -> Result<(String, Vec<VentureEntry>), Trouble> {
        let checkout = self.checkout().await?;
        if let Some(file) = self.ventures_file(&checkout)? {
            return Ok((file.path.display().to_string(), file.ventures));
        }
        let api = self.api().await?;
        Ok((format!("the API at {}", api.endpoint()), registered(api).await?))
    }

    /// The last start of day on this repository, if it was saved. Does not ask the API.
    pub(crate) async fn last_snapshot(&self) -> Result<Option<Snapshot>, Trouble> {
        let checkout = self.checkout().await?;
        let venture = self.venture_on_this_machine(&checkout)?.map(|(entry, _)| entry.code);
        Ok(self.client().await?.last_snapshot(&checkout.repo, venture.as_ref()).await)
    }

    async fn find_me(&self) -> Result<Me, Trouble> {
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

    async fn connect(&self) -> Result<ContextClient, Trouble> {
        let (agent, dirs) = (&self.me().await?.agent, Dirs::from_env()?);
        let config = ApiConfig::from_vars(|name| self.environment.var(name), &dirs, agent)?;
        Ok(ContextClient::connect(config, &dirs.data, Bounds::default()))
    }

    /// Finds the place. Claims the repository's name first, before any record uses it.
    async fn find_place(&self) -> Result<WorkContext, Trouble> {
        self.claim_name().await?;
        let checkout = self.checkout().await?;
        let repo = checkout.repo.clone();
        if let Some((venture, source)) = self.venture_on_this_machine(&checkout)? {
            return Ok(WorkContext::of(&repo, venture, source));
        }
        let api = self.api().await?;
        let entries = match registered(api).await {
            Err(Trouble::Api(error)) if error.is_outage() => {
                return self.place_without_api().await?.ok_or(Trouble::Api(error));
            }
            registered => registered?,
        };
        let registered = entries.iter().any(|venture| venture.owns(&repo));
        if !registered && !is_embedded(api) {
            return Err(Trouble::NoVenture { repo });
        }
        if let (false, Some(venture)) = (registered, Self::venture_before(api, &checkout, &entries)) {
            return Ok(WorkContext::of(
                &repo,
                VentureEntry { repos: vec![repo.clone()], ..venture },
                VentureSource::Repository,
            ));
        }
        let venture = VentureEntry::of_repo_among(&repo, &entries);
        let venture = venture.ok_or_else(|| Trouble::NoVenture { repo: repo.clone() })?;
        let source = if registered { VentureSource::Api } else { VentureSource::Repository };
        Ok(WorkContext::of(&repo, venture, source))
    }

    async fn claim_name(&self) -> Result<(), Trouble> {
        if self.is_demo().await? {
            return Ok(());
        }
        let (dir, dirs) = (self.environment.dir.clone(), Dirs::from_env()?);
        let claimed = blocking(move || {
            let mut checkout = Checkout::at(&dir)?;
            Ok::<_, CheckoutError>(checkout.claim_name(&dirs))
        });
        if let Err(error) = claimed.await?? {
            log::warn!("could not save the name of this repository: {error}");
        }
        Ok(())
    }

    /// Whether this is `launcher demo`, whose records are deleted when it ends. It must not change the repository.
    pub(crate) async fn is_demo(&self) -> Result<bool, Trouble> {
        Ok(self.me().await?.client.as_str() == variables::DEMO_CLIENT)
    }

    /// On the embedded engine: the venture that was created for only this repository under its earlier name.
    fn venture_before(api: &Api, checkout: &Checkout, entries: &[VentureEntry]) -> Option<VentureEntry> {
        let before = checkout.record_names(&database_of(api)?)?;
        entries.iter().find(|entry| entry.code == before.venture && entry.repos == [before.repo.clone()]).cloned()
    }

    /// The venture that the environment or a ventures file names.
    fn venture_on_this_machine(&self, checkout: &Checkout) -> Result<Option<(VentureEntry, VentureSource)>, Trouble> {
        let file = self.ventures_file(checkout)?;
        if let Some(code) = self.environment.setting::<VentureCode>(variables::VENTURE)? {
            let listed = file.as_ref().and_then(|file| file.venture(&code)).cloned();
            let entry = match listed {
                Some(entry) => entry,
                None => VentureEntry { code, ..named_after(&checkout.repo)? },
            };
            return Ok(Some((entry, VentureSource::Environment)));
        }
        let listed = file.and_then(|file| {
            let entry = file.venture_of(&checkout.repo).cloned()?;
            Some((entry, VentureSource::File(file.path)))
        });
        Ok(listed)
    }

    fn ventures_file(&self, checkout: &Checkout) -> Result<Option<VenturesFile>, Trouble> {
        let named = self.environment.var(variables::VENTURES).map(PathBuf::from);
        Ok(ventures::find(named.as_deref(), &Dirs::from_env()?, Some(&checkout.root))?)
    }
}

/// Whether the API is the engine inside this process. There every agent is an admin.
pub(crate) fn is_embedded(api: &Api) -> bool {
    matches!(api.endpoint(), Endpoint::InProcess { .. })
}

/// The path of the embedded engine's database; `None` for a remote API.
pub(crate) fn database_of(api: &Api) -> Option<String> {
    match api.endpoint() {
        Endpoint::InProcess { database } => Some(database.display().to_string()),
        Endpoint::Remote { .. } => None,
    }
}

/// Every venture that the API knows.
async fn registered(api: &Api) -> Result<Vec<VentureEntry>, Trouble> {
    let mut page = ListVentures { limit: 100.try_into().ok(), cursor: None };
    let mut entries = Vec::new();
    loop {
        let answer = api.list_ventures(&page).await?;
        entries.extend(answer.items.into_iter().map(entry));
        page.cursor = answer.next_cursor;
        if page.cursor.is_none() {
            return Ok(entries);
        }
    }
}

/// The client for the name that a CLI sends in the handshake.
fn client_named(name: &str) -> Client {
    let known = [("claude-code", "claude"), ("gemini-cli-mcp-client", "gemini"), ("codex-mcp-client", "codex")];
    let short = known.iter().find(|(long, _)| *long == name).map_or(name, |(_, short)| short);
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let safe: String = short.chars().map(safe).collect();
    let trimmed = safe.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let cut: String = trimmed.chars().take(Client::MAX_CHARS).collect();
    cut.parse().unwrap_or_else(|_| unnamed())
}

#[expect(clippy::expect_used, reason = "a constant that the tests parse")]
fn unnamed() -> Client {
    "agent".parse().expect("a good name")
}

fn named_after(repo: &RepoName) -> Result<VentureEntry, Trouble> {
    VentureEntry::of_repo(repo).ok_or_else(|| Trouble::NoVenture { repo: repo.clone() })
}

fn entry(venture: Venture) -> VentureEntry {
    let (name, github_org, repos) = (venture.name, venture.github_org, venture.repos);
    VentureEntry {
        code: venture.code,
        name,
        github_org,
        repos,
        capabilities: Vec::new(),
        infisical_path: None,
        secrets: Vec::new(),
    }
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
