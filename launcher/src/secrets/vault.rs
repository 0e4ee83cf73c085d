//! The configured Infisical of a team. Fetches a folder with the credential of this machine.
//!
//! It sends no request before the first fetch, and logs in only once.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use deckwatch_machine::ventures::VentureEntry;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::Secret;
use super::cli_export;
use super::folder::Folder;
use super::identity::{Found, Identity, Sources};
use super::infisical::{Infisical, ListError, MAX_TOTAL_PAUSE};
use super::keyring::{Item, Keyring};
use super::listing::Listing;
use super::settings::{InfisicalSettings, host_of};
use crate::output::say;
use crate::process_env::ProcessEnv;
use crate::secrets_error::SecretsError;

/// The time limit for all requests of one fetch. Pauses that Infisical asks for do not count.
const TIMEOUT: Duration = Duration::from_secs(15);
/// After this time, the launcher prints what it is waiting for.
const PROGRESS_DELAY: Duration = Duration::from_secs(1);

/// The Infisical of a team.
pub(crate) struct Vault {
    settings: InfisicalSettings,
    sources: Sources,
    cli: Option<PathBuf>,
    /// The session of the first login. Later folders use it again.
    session: RefCell<Option<Session>>,
    /// Why Infisical did not answer, so that a second folder does not wait again.
    unavailable: RefCell<Option<SecretsError>>,
}

/// The identity of this process and its access token.
struct Session {
    found: Found,
    token: Option<Secret>,
}

impl Vault {
    /// Creates the vault from the configuration and the environment. Sends no request.
    pub(crate) fn of(env: &ProcessEnv, configured: &InfisicalSettings) -> Self {
        let settings = configured.with_variables(env);
        Self {
            sources: Sources::of(env, settings.credential_command.clone()),
            cli: env.program("infisical"),
            session: RefCell::new(None),
            unavailable: RefCell::new(None),
            settings,
        }
    }

    /// The folder of a venture. `None` if no project is configured.
    pub(crate) fn folder_of(&self, venture: &VentureEntry) -> Option<Folder> {
        self.settings.folder_of(venture)
    }

    /// A folder of the project that all ventures share.
    pub(crate) fn shared_folder(&self, path: &str) -> Option<Folder> {
        self.settings.shared_folder(path)
    }

    /// The keyring of this machine, if it has one.
    pub(crate) fn keyring(&self) -> Option<&Keyring> {
        self.sources.keyring.as_ref()
    }

    /// The keyring item for the machine identity of this Infisical.
    pub(crate) fn item(&self) -> Result<Item, SecretsError> {
        Ok(Item::identity(&host_of(&self.settings.base()?)))
    }

    /// The host and the source of the credential, for messages. Sends no request.
    pub(crate) fn describe(&self) -> String {
        let host = self.settings.base().map_or_else(|error| error.to_string(), |base| host_of(&base));
        let ways = self.ways();
        let way =
            if ways.is_empty() { "no credential".to_owned() } else { format!("credential of {}", ways.join(" or ")) };
        format!("{host}, {way}")
    }

    /// Whether there is a credential to log in with, as far as is known without a request.
    pub(crate) fn has_credential(&self) -> bool {
        !self.ways().is_empty()
    }

    fn ways(&self) -> Vec<&str> {
        let mut ways: Vec<&str> = self.sources.describe().into_iter().collect();
        if self.cli.is_some() && ways.first().is_none_or(|way| *way == "the keyring") {
            ways.push("the infisical command");
        }
        ways
    }

    /// Fetches the secrets of a folder.
    pub(crate) fn fetch(&self, folder: &Folder) -> Result<Listing, SecretsError> {
        wait(self.fetch_now(folder))
    }

    /// Tests whether Infisical accepts an identity, before it is stored.
    pub(crate) fn try_identity(&self, identity: Identity) -> Result<(), SecretsError> {
        let found = Found { identity, source_name: "this login".to_owned() };
        wait(async {
            let deadline = Instant::now() + TIMEOUT;
            let infisical = Infisical::new(self.settings.base()?, deadline);
            self.until(deadline, infisical.log_in(&found)).await.map(drop)
        })
    }

    async fn fetch_now(&self, folder: &Folder) -> Result<Listing, SecretsError> {
        let base = self.settings.base()?;
        if let Some(error) = self.unavailable.borrow().clone() {
            return Err(error);
        }
        let known = self.session.take();
        let mut session = match known {
            Some(session) => session,
            None => match (self.find(&base).await?, &self.cli) {
                ((Some(found), _), _) => Session { found, token: None },
                ((None, _), Some(cli)) => return self.export(cli, folder).await,
                ((None, keyring), None) => return Err(SecretsError::NoCredential { keyring }),
            },
        };
        let deadline = Instant::now() + TIMEOUT;
        let infisical = Infisical::new(base, deadline);
        let listing = self.until(deadline, self.list(&infisical, &mut session, folder)).await;
        self.session.replace(Some(session));
        if let Err(
            error @ (SecretsError::Unreachable { .. } | SecretsError::Limited { .. } | SecretsError::Failing { .. }),
        ) = &listing
        {
            self.unavailable.replace(Some(error.clone()));
        }
        listing
    }

    async fn find(&self, base: &Url) -> Result<(Option<Found>, Option<String>), SecretsError> {
        let whom = self.sources.describe().unwrap_or_default();
        with_progress(whom, self.sources.find(&host_of(base))).await
    }

    async fn export(&self, cli: &Path, folder: &Folder) -> Result<Listing, SecretsError> {
        let exporting = cli_export::export(cli, self.settings.domain.as_deref(), folder, TIMEOUT);
        with_progress("the infisical command", exporting).await
    }

    /// Lists a folder with the current token. If the token has expired, logs in again once.
    async fn list(
        &self,
        infisical: &Infisical,
        session: &mut Session,
        folder: &Folder,
    ) -> Result<Listing, SecretsError> {
        loop {
            let known = session.token.take();
            let fresh = known.is_none();
            let token = match known {
                Some(token) => token,
                None => infisical.log_in(&session.found).await?,
            };
            let listing = match infisical.list(&token, folder).await {
                Err(ListError::Token) if !fresh => continue,
                Err(ListError::Token) => return Err(self.refused_error(&session.found)),
                Err(ListError::Other(error)) => Err(error),
                Ok(listing) => Ok(listing),
            };
            session.token = Some(token);
            return listing;
        }
    }

    fn refused_error(&self, found: &Found) -> SecretsError {
        SecretsError::Refused { host: self.host(), source_name: found.source_name.clone() }
    }

    fn host(&self) -> String {
        self.settings.base().map(|base| host_of(&base)).unwrap_or_default()
    }

    async fn until<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, SecretsError>>,
    ) -> Result<T, SecretsError> {
        let host = self.host();
        let whom = format!("Infisical at {host}, for at most {} s", TIMEOUT.as_secs());
        // Each request ends at the deadline. Pauses that Infisical asks for move the deadline.
        let answer = timeout_at(deadline + MAX_TOTAL_PAUSE, with_progress(&whom, work)).await;
        answer.unwrap_or_else(|_| {
            let cause = format!("it did not answer within {} seconds", TIMEOUT.as_secs());
            Err(SecretsError::Unreachable { host, cause })
        })
    }
}

/// Runs the work. If it takes longer than a second, prints what the launcher is waiting for.
async fn with_progress<T>(whom: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if let Ok(answer) = timeout(PROGRESS_DELAY, &mut work).await {
        return answer;
    }
    say(&format!("waiting for {whom} …"));
    work.await
}

/// Runs work that has its own time limit.
pub(crate) fn wait<T>(work: impl Future<Output = Result<T, SecretsError>>) -> Result<T, SecretsError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| SecretsError::Runtime(error.to_string()))?.block_on(work)
}
