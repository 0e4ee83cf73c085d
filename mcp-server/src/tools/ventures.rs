//! `ventures`: the team's products, and where each is on this machine.

use std::path::PathBuf;

use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::discovery::{DiscoveryError, Repositories, default_dev_root};
use deckwatch_machine::variables::{self, DEV_ROOT};
use deckwatch_machine::ventures::VentureEntry;
use deckwatch_protocol::{VentureCode, Violations};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::fence;
use crate::identity::Identity;
use crate::render::budget::line_cost;
use crate::render::clean::clean_line;
use crate::render::fence::WARNING;
use crate::render::next_page::ListPage;
use crate::render::part::Total;
use crate::render::ventures::{Known, VentureFolder, part};
use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

/// The size limit of the report. The other fields need less than 500 characters.
const LIMIT: usize = 8_000;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    #[deserr(default)]
    cursor: Option<VentureCode>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// Every venture, as text.
    pub(super) report: String,
    total: usize,
    #[schemars(skip)]
    shown: usize,
    /// How many have a repository on this machine.
    #[schemars(skip)]
    installed: usize,
    /// The venture you work on.
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<VentureCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<VentureCode>,
}

pub(super) async fn call(keeper: &Keeper, Arguments { cursor }: Arguments) -> Result<Facts, Trouble> {
    let identity = &keeper.identity;
    let (source, entries) = identity.ventures().await?;
    let dev_root = dev_root(identity)?;
    let here = identity.checkout().await?;
    let looked = dev_root.clone();
    let known = blocking(move || -> Result<Vec<Known>, DiscoveryError> {
        let repositories = Repositories::below(&looked)?;
        let placed = |venture: VentureEntry| {
            let place =
                if venture.owns(&here.repo) { Ok(here.root.clone()) } else { repositories.of_venture(&venture) };
            Known { place: place_of(place), venture }
        };
        Ok(entries.into_iter().map(placed).collect())
    });
    let own = identity.place().await.ok().map(|place| place.venture.code.clone());
    facts(&known.await??, cursor.as_ref(), own, &source, &dev_root.display().to_string())
}

/// The folder that the launcher set, or else the default.
fn dev_root(identity: &Identity) -> Result<PathBuf, Trouble> {
    let named = identity.environment().var(variables::DEV_ROOT).map(PathBuf::from);
    match named.filter(|path| path.is_absolute()) {
        Some(path) => Ok(path),
        None => Ok(default_dev_root(&Dirs::from_env()?)),
    }
}

fn place_of(found: Result<PathBuf, DiscoveryError>) -> VentureFolder {
    match found {
        Ok(path) => VentureFolder::Here(path),
        Err(DiscoveryError::Several { paths, .. } | DiscoveryError::SeveralOfOrganisation { paths, .. }) => {
            VentureFolder::Several(paths)
        }
        Err(DiscoveryError::NoRepositories(_)) => VentureFolder::NoRepositories,
        Err(DiscoveryError::NotFound { .. } | DiscoveryError::NoneOfOrganisation { .. }) => VentureFolder::Missing,
        Err(DiscoveryError::DevRoot { .. }) => VentureFolder::Unknown,
    }
}

fn facts(
    known: &[Known],
    cursor: Option<&VentureCode>,
    own: Option<VentureCode>,
    source: &str,
    dev_root: &str,
) -> Result<Facts, Trouble> {
    let installed =
        known.iter().filter(|known| matches!(known.place, VentureFolder::Here(_) | VentureFolder::Several(_))).count();
    let (source, dev_root) = (clean_line(source), clean_line(dev_root));
    let mut report = vec![
        format!(
            "{} {}, {installed} found on this machine; the list is from {source}.",
            known.len(),
            if known.len() == 1 { "venture" } else { "ventures" }
        ),
        format!(
            "Deckwatch looked for clones in {dev_root}. To use another folder, set dev_root in \
             ~/.config/deckwatch/config.toml or {DEV_ROOT}."
        ),
    ];
    let later = match cursor {
        None => Some(known),
        Some(code) => known.iter().position(|known| known.venture.code == *code).and_then(|last| known.get(last + 1..)),
    };
    let wrong = "names a venture that is not in the list; leave it out for the first page";
    let later = later.ok_or_else(|| Trouble::Arguments(Violations::at("/cursor", wrong)))?;
    let (mut shown, mut next_cursor) = (0, None);
    if known.is_empty() {
        report.push(
            "Write ~/.config/deckwatch/ventures.json, or call `sod`, which registers this repository.".to_owned(),
        );
    } else {
        report.extend([WARNING.to_owned(), String::new()]);
        let spent: usize = report.iter().map(|line| line_cost(line)).sum();
        let fence = fence();
        let last = |shown: usize| shown.checked_sub(1).and_then(|last| later.get(last)).map(|last| &last.venture.code);
        let part = part(later, Total::exactly(known.len()), own.as_ref(), &fence);
        let page = ListPage::fit(part, &fence, LIMIT.saturating_sub(spent), false, |shown| {
            format!("`ventures` with cursor \"{}\"", last(shown).map_or("", VentureCode::as_str))
        });
        shown = page.shown;
        next_cursor = last(shown).filter(|_| page.goes_on).cloned();
        report.extend(page.lines);
    }
    Ok(Facts { report: report.join("\n"), total: known.len(), shown, installed, own, next_cursor })
}
