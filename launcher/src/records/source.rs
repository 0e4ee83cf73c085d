//! Where the records of a command are stored, and which venture or repository they belong to.

use deckwatch_client::clean::clean_line;
use deckwatch_client::{ClientError, ContextClient};
use deckwatch_machine::checkout::{Checkout, CheckoutKind};
use deckwatch_machine::ventures::{VentureEntry, VenturesFile};
use deckwatch_protocol::{RepoName, VentureCode};

use super::offline::Offline;
use crate::catalogue::{self, Catalogue};
use crate::config::Config;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::target::{self, Target};
use crate::venture_cache::{self, CacheUse};

/// The API that a command reads, and the directory in which it runs.
pub(crate) struct Source<'a> {
    pub(crate) env: &'a ProcessEnv,
    pub(crate) endpoint: Endpoint,
    /// `None` if this machine has no database yet, and therefore no records.
    pub(crate) client: Option<ContextClient>,
    here: Option<Checkout>,
    file: Option<VenturesFile>,
}

/// What the records belong to: a venture, a repository without a known venture, or everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subject {
    pub(crate) venture: Option<VentureCode>,
    /// The repository of the current directory, spelled as in its venture.
    pub(crate) repo: Option<RepoName>,
}

/// The answer of the API, or the records that this machine keeps if the API can't be reached.
pub(super) enum Answer<T> {
    Current(T),
    Offline(Offline),
}

impl<'a> Source<'a> {
    pub(crate) fn open(local: bool, target: Option<&Target>, env: &'a ProcessEnv) -> Result<Self, LaunchError> {
        let (config, vault) = Config::with_vault(env)?;
        Self::of_endpoint(Endpoint::of_launch(local, env, &config, &vault)?, target, env)
    }

    /// The same with this API.
    pub(crate) fn of_endpoint(
        endpoint: Endpoint,
        target: Option<&Target>,
        env: &'a ProcessEnv,
    ) -> Result<Self, LaunchError> {
        endpoint.unlock()?;
        let here = target::here(target, env)?;
        let file = catalogue::file(None, env, here.as_ref())?;
        let client = context_api::client(&endpoint, env)?;
        Ok(Self { env, endpoint, client, here, file })
    }

    /// The venture that is named, otherwise the venture of the current repository.
    pub(crate) fn subject(&self, named: Option<&Target>, all: bool) -> Result<Subject, LaunchError> {
        if all {
            return Ok(Subject::default());
        }
        if let Some(Target::Venture(code)) = named {
            return Ok(Subject { venture: Some(code.clone()), repo: None });
        }
        let here = self.here.as_ref().filter(|here| here.kind != CheckoutKind::NotARepository);
        match here {
            Some(here) => Ok(self.subject_of(&here.repo)),
            None if named.is_some() => Err(LaunchError::NotARepository(self.env.cwd.clone())),
            None => Ok(Subject::default()),
        }
    }

    fn subject_of(&self, repo: &RepoName) -> Subject {
        let of_file = self.file.as_ref().and_then(|file| file.venture_of(repo)).cloned();
        // If the API does not answer, reading the records reports it later.
        let of_api = || self.registered().ok()?.into_iter().find(|venture| venture.owns(repo));
        match of_file.or_else(of_api) {
            Some(venture) => Subject { repo: Some(venture.spelling_of(repo)), venture: Some(venture.code) },
            None => Subject { venture: None, repo: Some(repo.clone()) },
        }
    }

    /// The ventures of the API. The cached ones are enough to find the venture of a repository.
    fn registered(&self) -> Result<Vec<VentureEntry>, LaunchError> {
        match venture_cache::last_known(&self.endpoint, self.env) {
            Some((ventures, _)) => Ok(ventures),
            None => venture_cache::registered(&self.endpoint, self.env, CacheUse::Update),
        }
    }

    /// Asks the API. Returns `Offline` if it can't be reached.
    pub(super) fn ask<T>(
        &self,
        subject: &Subject,
        client: &ContextClient,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<Answer<T>, LaunchError> {
        match context_api::wait(call) {
            Ok(answer) => Ok(Answer::Current(answer)),
            Err(LaunchError::Unreachable(cause)) => {
                let repos = self.repos_of(subject);
                let offline = context_api::runtime()?.block_on(Offline::of(client, cause, &repos, subject));
                Ok(Answer::Offline(offline))
            }
            Err(other) => Err(other),
        }
    }

    /// The repositories for which this machine may keep an answer.
    fn repos_of(&self, subject: &Subject) -> Vec<RepoName> {
        let cached = venture_cache::last_known(&self.endpoint, self.env);
        let cached = cached.map(|(ventures, _)| ventures).unwrap_or_default();
        let in_file = self.file.iter().flat_map(|file| &file.ventures);
        let wanted =
            in_file.chain(&cached).filter(|venture| subject.venture.as_ref().is_none_or(|code| *code == venture.code));
        let mut repos: Vec<RepoName> = subject.repo.iter().cloned().collect();
        for repo in wanted.flat_map(|venture| &venture.repos) {
            if !repos.contains(repo) {
                repos.push(repo.clone());
            }
        }
        repos
    }

    /// Returns an error if the named venture does not exist. Without this, a wrong code would look like no records.
    pub(crate) fn must_exist(&self, named: Option<&Target>) -> Result<(), LaunchError> {
        let Some(Target::Venture(code)) = named else { return Ok(()) };
        let request_ventures = || venture_cache::registered(&self.endpoint, self.env, CacheUse::Update);
        let catalogue = Catalogue { file: self.file.clone(), request_ventures: &request_ventures };
        catalogue.by_code(code).map(drop)
    }

    /// Where the records are stored, for messages.
    pub(crate) fn describe(&self) -> String {
        match &self.endpoint {
            Endpoint::Embedded => self.env.shown(&self.env.database()),
            Endpoint::Remote { url, .. } => url.clone(),
        }
    }
}

impl Subject {
    /// The subject as a part of a sentence.
    pub(crate) fn describe(&self) -> String {
        match (&self.venture, &self.repo) {
            (Some(venture), _) => format!("venture {venture}"),
            (None, Some(repo)) => format!("repository {}", clean_line(repo.as_str())),
            (None, None) => "all ventures".to_owned(),
        }
    }
}
