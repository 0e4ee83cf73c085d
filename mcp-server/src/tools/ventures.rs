//! `ventures`: the team's products, and where each is on this machine.

use std::path::PathBuf;

use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::discovery::{DiscoveryError, Repositories, default_dev_root};
use deckwatch_machine::variables::{self, DEV_ROOT};
use deckwatch_machine::ventures::VentureEntry;
use deckwatch_protocol::{VentureCode, Violations};
use deserr::Deserr;
use rmcp::model::{CallToolResult, JsonObject, Tool};
use schemars::JsonSchema;
use serde::Serialize;

use super::{answer, decode, fence, hints};
use crate::identity::Identity;
use crate::render::budget::line_cost;
use crate::render::clean::clean_line;
use crate::render::fence::WARNING;
use crate::render::ventures::{Known, VentureFolder, part};
use crate::schema;
use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

/// The size limit of the report. The other fields need less than 500 characters.
const LIMIT: usize = 8_000;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
#[schemars(deny_unknown_fields)]
struct Arguments {}

#[derive(Debug, Serialize, JsonSchema)]
struct Facts {
    /// Every venture, as text.
    report: String,
    total: usize,
    shown: usize,
    /// How many have a repository on this machine.
    installed: usize,
    /// The venture you work on.
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<VentureCode>,
}

pub(super) fn definition() -> Tool {
    let text = "The team's ventures: code, name, repositories, and the folder on this machine or how to clone it.";
    Tool::new("ventures", text, schema::of_arguments::<Arguments>())
        .with_title("Ventures")
        .with_raw_output_schema(schema::of_result::<Facts>().into())
        .with_annotations(hints().read_only(true).idempotent(true))
}

pub(super) async fn call(keeper: &Keeper, arguments: JsonObject) -> Result<CallToolResult, Trouble> {
    let Arguments {} = decode(arguments)?;
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
    let facts = facts(&known.await??, own, &source, &dev_root.display().to_string());
    Ok(answer(&facts, &facts.report))
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

fn facts(known: &[Known], own: Option<VentureCode>, source: &str, dev_root: &str) -> Facts {
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
    let mut shown = 0;
    if known.is_empty() {
        report.push(
            "Write ~/.config/deckwatch/ventures.json, or call `sod`, which registers this repository.".to_owned(),
        );
    } else {
        report.extend([WARNING.to_owned(), String::new()]);
        let spent: usize = report.iter().map(|line| line_cost(line)).sum();
        let fence = fence();
        let fitted = part(known, own.as_ref(), &fence).fit(&fence, LIMIT.saturating_sub(spent));
        shown = fitted.count;
        report.extend(fitted.lines);
    }
    Facts { report: report.join("\n"), total: known.len(), shown, installed, own }
}
