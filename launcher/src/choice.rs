//! Selects the venture and the repository: from the command line, from the current directory, or from the menu.

use std::path::Path;

use deckwatch_machine::checkout::{Checkout, CheckoutKind};
use deckwatch_machine::discovery::Repositories;
use deckwatch_machine::ventures::VentureEntry;

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::launch::Launch;
use crate::menu;
use crate::process_env::ProcessEnv;
use crate::target::Target;

/// Everything that the selection depends on.
pub(crate) struct Options<'a> {
    pub(crate) launch: &'a Launch,
    pub(crate) config: &'a Config,
    pub(crate) env: &'a ProcessEnv,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) catalogue: &'a Catalogue<'a>,
    /// The checkout of the current directory. `None` if git can't read it.
    pub(crate) here: Option<&'a Checkout>,
}

impl Options<'_> {
    /// The venture: the one on the command line, the one of the current repository, or the one chosen in the menu.
    pub(crate) fn venture(&self) -> Result<VentureEntry, LaunchError> {
        match &self.launch.target {
            Some(target) => self.named(target),
            None if self.env.interactive => self.ask(),
            None => Err(LaunchError::NoVentureNamed),
        }
    }

    /// The venture that the argument names.
    pub(crate) fn named(&self, target: &Target) -> Result<VentureEntry, LaunchError> {
        match (target, self.here) {
            (Target::Venture(code), _) => self.catalogue.by_code(code),
            (Target::Here, Some(here)) => self.catalogue.for_checkout(here, self.endpoint),
            (Target::Here, None) => Err(LaunchError::NotARepository(self.env.cwd.clone())),
        }
    }

    /// The repository in which the agent starts: the one that `--repo` names, the current one, or one below the dev root.
    /// Its name is spelled as in the venture.
    pub(crate) fn checkout(&self, venture: &VentureEntry) -> Result<Checkout, LaunchError> {
        let mut checkout = self.find_checkout(venture)?;
        checkout.repo = venture.spelling_of(&checkout.repo);
        Ok(checkout)
    }

    fn find_checkout(&self, venture: &VentureEntry) -> Result<Checkout, LaunchError> {
        if let Some(path) = &self.launch.repo {
            return repository_at(&self.env.cwd.join(path));
        }
        match self.here {
            Some(here) if venture.owns(&here.repo) => Ok(here.clone()),
            _ => repository_at(&Repositories::below(&self.config.dev_root)?.of_venture(venture)?),
        }
    }

    /// Shows the menu with all ventures. The cursor starts on the venture of the current repository. A repository without a
    /// venture is offered as well.
    fn ask(&self) -> Result<VentureEntry, LaunchError> {
        let mut ventures = self.catalogue.all()?;
        let here = self.here.filter(|here| here.kind != CheckoutKind::NotARepository);
        let owner = |ventures: &[VentureEntry]| {
            here.and_then(|here| ventures.iter().position(|venture| venture.owns(&here.repo)))
        };
        if owner(&ventures).is_none() && matches!(self.endpoint, Endpoint::Embedded) {
            let derived = here.map(|here| self.catalogue.derived(here)).transpose()?;
            ventures.extend(derived.flatten());
        }
        if ventures.is_empty() {
            return Err(LaunchError::NoVentures);
        }
        let at = owner(&ventures).unwrap_or_default();
        menu::choose(ventures, at)
    }
}

fn repository_at(path: &Path) -> Result<Checkout, LaunchError> {
    let checkout = Checkout::at(path)?;
    match checkout.kind {
        CheckoutKind::NotARepository => Err(LaunchError::NotARepository(checkout.root)),
        _ => Ok(checkout),
    }
}
