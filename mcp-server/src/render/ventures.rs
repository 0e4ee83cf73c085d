//! Ventures, each with its place on this machine.

use std::path::{Path, PathBuf};

use deckwatch_client::ventures::VentureEntry;
use deckwatch_protocol::{RepoName, VentureCode};

use super::budget::clip;
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};

const PATH_COST: usize = 200;
const REPOS_COST: usize = 200;

/// A venture and where it is.
pub(crate) struct Known {
    pub(crate) venture: VentureEntry,
    pub(crate) place: Place,
}

/// Where a venture's repository is.
pub(crate) enum Place {
    Here(PathBuf),
    /// More than one clone, and nothing decides between them.
    Several(Vec<PathBuf>),
    /// Not below the folder that was looked through.
    Missing,
    /// That folder can't be read.
    Unknown,
    NoRepositories,
}

/// Every venture in one or two lines.
pub(crate) fn part(known: &[Known], own: Option<&VentureCode>, fence: &Fence) -> Part {
    let items = known.iter().map(|known| item(known, own, fence)).collect();
    let total = Total::exactly(known.len());
    Part {
        heading: "## Ventures".to_owned(),
        remark: None,
        holds: "ventures as people named them",
        groups: vec![Group::of("ventures", items, total, Cut::Never)],
        more: "`launcher --list` lists them all.".into(),
    }
}

fn item(known: &Known, own: Option<&VentureCode>, fence: &Fence) -> Vec<String> {
    let venture = &known.venture;
    let yours = if own == Some(&venture.code) { " (yours)" } else { "" };
    let repos: Vec<&str> = venture.repos.iter().map(RepoName::as_str).collect();
    let repos = if repos.is_empty() { "no repositories".to_owned() } else { clip(&repos.join(", "), REPOS_COST) };
    let name = clip(&fence.line(venture.name.as_str()), 100);
    vec![format!("- {}{yours}: {name}; {repos}", venture.code), format!("  {}", place(known, fence))]
}

fn place(known: &Known, fence: &Fence) -> String {
    let shown = |path: &Path| clip(&fence.line(&path.display().to_string()), PATH_COST);
    match &known.place {
        Place::Here(path) => format!("installed in {}", shown(path)),
        Place::Several(paths) => {
            let first: Vec<String> = paths.iter().take(3).map(|path| shown(path)).collect();
            let others = paths.len().saturating_sub(first.len());
            let others = if others > 0 { format!(", and {others} more") } else { String::new() };
            format!("installed in {} folders: {}{others}", paths.len(), first.join(", "))
        }
        Place::Missing => {
            let clone = known.venture.repos.first();
            let clone = clone.map_or(String::new(), |repo| format!("; git clone git@github.com:{repo}.git"));
            format!("not found below that folder{clone}")
        }
        Place::Unknown => "not known whether it is on this machine: that folder can't be read".to_owned(),
        Place::NoRepositories => "nothing to install: add its repos to the ventures file".to_owned(),
    }
}
