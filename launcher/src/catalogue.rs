//! The list of ventures, and how a venture is found: first in the ventures file, then in the API.

use std::path::Path;

use deckwatch_client::clean::clean_line;
use deckwatch_machine::checkout::{Checkout, CheckoutKind};
use deckwatch_machine::ventures::{self, VentureEntry, VenturesFile};
use deckwatch_protocol::VentureCode;

use crate::background_server;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;

/// Asks the API for the ventures that are registered there.
pub(crate) type RequestVentures<'a> = &'a dyn Fn() -> Result<Vec<VentureEntry>, LaunchError>;

/// The ventures that can be started.
pub(crate) struct Catalogue<'a> {
    /// The ventures file, if one was found.
    pub(crate) file: Option<VenturesFile>,
    /// Asks the API. It is called only if the file does not have the answer.
    pub(crate) request_ventures: RequestVentures<'a>,
}

impl Catalogue<'_> {
    /// All ventures of the file. Without a file, all ventures of the API.
    pub(crate) fn all(&self) -> Result<Vec<VentureEntry>, LaunchError> {
        match &self.file {
            Some(file) => Ok(file.ventures.clone()),
            None => (self.request_ventures)(),
        }
    }

    /// The venture with this code.
    pub(crate) fn by_code(&self, code: &VentureCode) -> Result<VentureEntry, LaunchError> {
        if let Some(venture) = self.file.as_ref().and_then(|file| file.venture(code)) {
            return Ok(venture.clone());
        }
        let in_file = self.file.iter().flat_map(|file| &file.ventures);
        let registered = match (self.request_ventures)() {
            Ok(registered) => registered,
            Err(error) => {
                let Some(file) = &self.file else { return Err(error) };
                let known = in_file.map(|venture| venture.code.clone()).collect();
                let (code, file, cause) = (code.clone(), file.path.clone(), Box::new(error));
                return Err(LaunchError::VentureNotInFile { code, file, known, cause });
            }
        };
        let mut known: Vec<VentureCode> = Vec::new();
        for venture in in_file.chain(&registered) {
            if !known.contains(&venture.code) {
                known.push(venture.code.clone());
            }
        }
        let found = registered.iter().find(|venture| venture.code == *code).cloned();
        found.ok_or_else(|| LaunchError::UnknownVenture { code: code.clone(), known })
    }

    /// The venture of the current repository. In the database of this machine, an unknown repository becomes a venture of
    /// its own. In a team's API, only an admin registers ventures, so an unknown repository is an error.
    pub(crate) fn for_checkout(&self, here: &Checkout, endpoint: &Endpoint) -> Result<VentureEntry, LaunchError> {
        if here.kind == CheckoutKind::NotARepository {
            return Err(LaunchError::NotARepository(here.root.clone()));
        }
        if let Some(venture) = self.file.as_ref().and_then(|file| file.venture_of(&here.repo)) {
            return Ok(venture.clone());
        }
        let found = match endpoint {
            Endpoint::Embedded => self.derived(here)?,
            Endpoint::Remote { .. } => (self.request_ventures)()?.into_iter().find(|venture| venture.owns(&here.repo)),
        };
        found.ok_or_else(|| LaunchError::NoVentureOf { repo: here.repo.clone() })
    }

    /// The venture that the database of this machine has for the repository, or a new one with the name of the repository.
    pub(crate) fn derived(&self, here: &Checkout) -> Result<Option<VentureEntry>, LaunchError> {
        let mut known = (self.request_ventures)()?;
        known.extend(self.file.iter().flat_map(|file| file.ventures.iter().cloned()));
        Ok(VentureEntry::of_repo_among(&here.repo, &known))
    }
}

/// Finds the ventures file: the one that the flag or the environment names, else the first one that exists.
pub(crate) fn file(
    flag: Option<&Path>,
    env: &ProcessEnv,
    here: Option<&Checkout>,
) -> Result<Option<VenturesFile>, LaunchError> {
    let flag = flag.map(|path| env.cwd.join(path));
    let named = flag.or_else(|| background_server::ventures_variable(env));
    let root = here.map(|here| here.root.as_path());
    Ok(ventures::find(named.as_deref(), &env.dirs, root)?)
}

/// A warning about fields in the file that Deckwatch does not know. `None` if it knows every field.
pub(crate) fn unknown_fields(file: &VenturesFile, env: &ProcessEnv) -> Option<String> {
    file.unknown_fields_warning(&env.shown(&file.path)).map(|warning| clean_line(&warning))
}
