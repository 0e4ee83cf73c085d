//! Which ventures there are, and which one is meant: the file first, the API only when the file does not tell.

use std::path::Path;

use deckwatch_client::checkout::{Checkout, CheckoutKind};
use deckwatch_client::clean::clean_line;
use deckwatch_client::ventures::{self, VentureEntry, VenturesFile};
use deckwatch_protocol::VentureCode;

use crate::background_server;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::surroundings::Surroundings;

/// Asks the API for the ventures that are registered there.
pub(crate) type AskApi<'a> = &'a dyn Fn() -> Result<Vec<VentureEntry>, LaunchError>;

/// The ventures that can be started.
pub(crate) struct Catalogue<'a> {
    /// The file that the order of places led to.
    pub(crate) file: Option<VenturesFile>,
    /// The last resort.
    pub(crate) ask_api: AskApi<'a>,
}

impl Catalogue<'_> {
    /// All of them: of the file, or of the API when there is no file.
    pub(crate) fn all(&self) -> Result<Vec<VentureEntry>, LaunchError> {
        match &self.file {
            Some(file) => Ok(file.ventures.clone()),
            None => (self.ask_api)(),
        }
    }

    /// The venture with this code.
    pub(crate) fn by_code(&self, code: &VentureCode) -> Result<VentureEntry, LaunchError> {
        if let Some(venture) = self.file.as_ref().and_then(|file| file.venture(code)) {
            return Ok(venture.clone());
        }
        let in_file = self.file.iter().flat_map(|file| &file.ventures);
        let registered = match (self.ask_api)() {
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

    /// The venture of the repository in hand. On this machine's own database an unknown repository is a
    /// venture of its own; a team's API is not filled with ventures that nobody decided on.
    pub(crate) fn of_checkout(&self, here: &Checkout, endpoint: &Endpoint) -> Result<VentureEntry, LaunchError> {
        if here.kind == CheckoutKind::NotARepository {
            return Err(LaunchError::NotARepository(here.root.clone()));
        }
        if let Some(venture) = self.file.as_ref().and_then(|file| file.venture_of(&here.repo)) {
            return Ok(venture.clone());
        }
        let found = match endpoint {
            Endpoint::Embedded => self.derived(here)?,
            Endpoint::Remote { .. } => (self.ask_api)()?.into_iter().find(|venture| venture.owns(&here.repo)),
        };
        found.ok_or_else(|| LaunchError::NoVentureOf { repo: here.repo.clone() })
    }

    /// The venture that this machine's own database has for the repository, or a new one named after it.
    pub(crate) fn derived(&self, here: &Checkout) -> Result<Option<VentureEntry>, LaunchError> {
        let mut known = (self.ask_api)()?;
        known.extend(self.file.iter().flat_map(|file| file.ventures.iter().cloned()));
        Ok(VentureEntry::of_repo_among(&here.repo, &known))
    }
}

/// The ventures file: the one that a flag or the environment names, else the first that is there.
pub(crate) fn file(
    flag: Option<&Path>,
    surroundings: &Surroundings,
    here: Option<&Checkout>,
) -> Result<Option<VenturesFile>, LaunchError> {
    let flag = flag.map(|path| surroundings.cwd.join(path));
    let named = flag.or_else(|| background_server::named_ventures(surroundings));
    let root = here.map(|here| here.root.as_path());
    Ok(ventures::find(named.as_deref(), &surroundings.dirs, root)?)
}

/// What a person should know of fields in the file that are not used; `None` when every field is known.
pub(crate) fn unknown_fields(file: &VenturesFile, surroundings: &Surroundings) -> Option<String> {
    const MOST_SHOWN: usize = 5;
    let count = file.unknown_fields.len();
    let shown = file.unknown_fields.iter().take(MOST_SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = if count > MOST_SHOWN { format!(" and {} more", count - MOST_SHOWN) } else { String::new() };
    let path = surroundings.shown(&file.path);
    (count > 0)
        .then(|| clean_line(&format!("{path} has fields that Deckwatch does not know and ignores: {shown}{more}")))
}
