//! The agent, its API, its venture and its repository. Each is looked up when first needed, then cached.
//!
//! The launcher sets them in `DECKWATCH_*`. A server that a person registered by hand finds them itself: the
//! agent's CLI from the MCP handshake, its number from a slot held for the CLI's process, the venture
//! from a ventures file, from the API, or from the repository's name.

mod launch;
mod me;

use std::path::PathBuf;
use std::sync::OnceLock;

use deckwatch_client::ContextClient;
use deckwatch_client::api::{Api, ApiConfig, Endpoint};
use deckwatch_client::clean::clean_line;
use deckwatch_client::outbox::Bounds;
use deckwatch_client::sealed::AgentKeys;
use deckwatch_client::snapshot::Snapshot;
use deckwatch_machine::agent::{machine_uuid, random_uuid};
use deckwatch_machine::checkout::{Checkout, CheckoutError, RecordNames};
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::variables;
use deckwatch_machine::ventures::{self, VentureEntry, VenturesFile};
use deckwatch_protocol::{ClientSessionId, ListVentures, RepoName, Uuid, Venture, VentureCode};
use tokio::sync::OnceCell;

pub(crate) use self::me::{Cli, Me};
use crate::environment::Environment;
use crate::github::GitHub;
use crate::trouble::{Trouble, blocking};

/// The agent's identity. A part that can't be found now is looked up again next time.
pub(crate) struct Identity {
    environment: Environment,
    github: GitHub,
    cli: OnceLock<Cli>,
    conversation: OnceLock<ClientSessionId>,
    me: OnceCell<Me>,
    client: OnceCell<ContextClient>,
    /// The keys of the agent, for sealed messages.
    pub(crate) keys: OnceCell<AgentKeys>,
    place: OnceCell<WorkContext>,
    /// This machine's own database, while another API is in use.
    pub(crate) own_database: OnceCell<Api>,
    /// The id of this process.
    start_id: Option<Uuid>,
    /// Set when this process is known to work in a repository of its launch. That does not change.
    in_launch_repo: OnceLock<()>,
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
        let (own_database, keys) = (OnceCell::new(), OnceCell::new());
        Self {
            github: GitHub::new(environment.clone()),
            environment,
            cli,
            conversation,
            me,
            client,
            keys,
            place,
            own_database,
            start_id: random_uuid().inspect_err(|error| log::warn!("this process has no id: {error}")).ok(),
            in_launch_repo,
        }
    }

    /// The id of this process, for the epoch of its session.
    pub(crate) fn start_id(&self) -> Option<Uuid> {
        self.start_id.clone()
    }

    /// The id of this machine. Without a state folder that can be written, the agent takes no name.
    pub(crate) async fn machine_id(&self) -> Option<Uuid> {
        let read = || Dirs::from_env().map_err(std::io::Error::other).and_then(|dirs| machine_uuid(&dirs));
        match blocking(read).await {
            Ok(Ok(id)) => Some(id),
            Ok(Err(error)) => {
                log::warn!("the name of the agent is not protected, because this machine has no id: {error}");
                None
            }
            Err(trouble) => {
                log::warn!("the name of the agent is not protected: {trouble}");
                None
            }
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

    /// The checkout as it is now. Branch and commit change while the agent works.
    pub(crate) async fn checkout(&self) -> Result<Checkout, Trouble> {
        let dir = self.environment.dir.clone();
        let mut checkout = blocking(move || Checkout::at(&dir)).await??;
        let named = self.environment.setting::<RepoName>(variables::REPO)?;
        checkout.repo = ventures::spelled_by(&named, &checkout.repo);
        Ok(checkout)
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
        // Read before the ventures: another server of this repository first registers a venture, then saves its names.
        let before = database_of(api).and_then(|database| checkout.record_names(&database));
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
        if let (false, Some(venture)) = (registered, venture_of(before, &entries)) {
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

    /// A warning about fields of the ventures file that Deckwatch does not know.
    pub(crate) fn ventures_warning(&self, checkout: &Checkout) -> Result<Option<String>, Trouble> {
        let file = self.ventures_file(checkout)?;
        let warning = file.and_then(|file| file.unknown_fields_warning(&file.path.display().to_string()));
        Ok(warning.map(|warning| format!("Warning: {}.", clean_line(&warning))))
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

/// The venture that was created for only this repository under its earlier name.
fn venture_of(before: Option<RecordNames>, entries: &[VentureEntry]) -> Option<VentureEntry> {
    let before = before?;
    entries.iter().find(|entry| entry.code == before.venture && entry.repos == [before.repo.clone()]).cloned()
}
