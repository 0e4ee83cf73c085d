//! Where the messages of a person are stored, and which venture they belong to.

use deckwatch_client::{Api, ClientError};
use deckwatch_protocol::{ErrorCode, VentureCode};

use super::Place;
use crate::config::Config;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::message_error::MessageError;
use crate::process_env::ProcessEnv;
use crate::records::{Source, Subject};

/// The API that a person uses, and the ventures of a command.
pub(super) struct PersonSource<'a> {
    source: Source<'a>,
    pub(super) subject: Subject,
}

impl<'a> PersonSource<'a> {
    /// Opens the API with the key of a person: the admin key, or else the usual key, which may be a token of a person.
    pub(super) fn open(place: &Place, all: bool, env: &'a ProcessEnv) -> Result<Self, LaunchError> {
        let (config, vault) = Config::with_vault(env)?;
        let endpoint = if place.local {
            Endpoint::of_launch(true, env, &config, &vault)?
        } else {
            Endpoint::of_reader(env, &config, &vault)?
        };
        let named = place.venture.as_ref();
        let source = Source::of_endpoint(endpoint, named, env)?;
        let subject = source.subject(named, all)?;
        Ok(Self { source, subject })
    }

    /// The API. `None` if this machine has no database yet, and therefore no messages and no events.
    pub(super) fn api(&self) -> Option<&Api> {
        self.source.client.as_ref().map(deckwatch_client::ContextClient::api)
    }

    /// The venture of the command. Fails if it is not known.
    pub(super) fn venture(&self) -> Result<&VentureCode, LaunchError> {
        match (&self.subject.venture, &self.subject.repo) {
            (Some(venture), _) => Ok(venture),
            // On this machine, the first launch makes a venture of the repository.
            (None, Some(repo)) if matches!(self.source.endpoint, Endpoint::Embedded) => {
                Err(MessageError::NoAgentYet(repo.clone()).into())
            }
            (None, Some(repo)) => Err(LaunchError::NoVentureOf { repo: repo.clone() }),
            (None, None) => Err(MessageError::NoVenture.into()),
        }
    }

    /// The venture of the command, or with `all` every registered one.
    pub(super) fn ventures(&self, all: bool) -> Result<Vec<VentureCode>, LaunchError> {
        if !all {
            return Ok(vec![self.venture()?.clone()]);
        }
        Ok(context_api::registered(&self.source.endpoint, self.source.env)?.into_iter().map(|one| one.code).collect())
    }

    /// The error for the venture of the command, if the API does not know it.
    pub(super) fn unknown_venture(&self, place: &Place) -> Option<LaunchError> {
        self.source.must_exist(place.venture.as_ref()).err()
    }

    /// Where the records are stored, for messages.
    pub(super) fn describe(&self) -> String {
        self.source.describe()
    }
}

/// The error of a request of a person.
pub(super) fn refused(error: ClientError) -> LaunchError {
    match error {
        ClientError::Refused(problem) if problem.code == ErrorCode::Forbidden => {
            MessageError::NotAPerson(problem.detail).into()
        }
        other => context_api::as_launch_error(other),
    }
}
