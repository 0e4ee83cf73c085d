//! Ventures with their folders on this machine.

use std::path::{Path, PathBuf};

use deckwatch_machine::ventures::VentureEntry;
use deckwatch_protocol::{RepoName, VentureCode};

use super::budget::clip;
use super::fence::Fence;
use super::next_page::LAST_PAGE;
use super::part::{Cut, Group, Part, Total};

const PATH_COST: usize = 200;
const REPOS_COST: usize = 200;

/// A venture and its folder.
pub(crate) struct Known {
    pub(crate) venture: VentureEntry,
    pub(crate) place: VentureFolder,
}

/// The folder of a venture's repository on this machine.
pub(crate) enum VentureFolder {
    Here(PathBuf),
    /// Several clones.
    Several(Vec<PathBuf>),
    /// Not found in the searched folder.
    Missing,
    /// The searched folder can't be read.
    Unknown,
    NoRepositories,
}

/// The ventures from a page on, each in two lines.
pub(crate) fn part(known: &[Known], total: Total, own: Option<&VentureCode>, fence: &Fence) -> Part {
    let items = known.iter().map(|known| item(known, own, fence)).collect();
    Part {
        heading: "## Ventures".to_owned(),
        remark: None,
        holds: "ventures as people named them",
        groups: vec![Group::of("ventures", items, total, Cut::Never)],
        more: LAST_PAGE.into(),
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
        VentureFolder::Here(path) => format!("installed in {}", shown(path)),
        VentureFolder::Several(paths) => {
            let first: Vec<String> = paths.iter().take(3).map(|path| shown(path)).collect();
            let others = paths.len().saturating_sub(first.len());
            let others = if others > 0 { format!(", and {others} more") } else { String::new() };
            format!("installed in {} folders: {}{others}", paths.len(), first.join(", "))
        }
        VentureFolder::Missing => {
            let clone = known.venture.repos.first();
            let clone =
                clone.map_or(String::new(), |repo| format!("; to clone it: git clone git@github.com:{repo}.git"));
            format!("not found in that folder{clone}")
        }
        VentureFolder::Unknown => "unknown, because that folder can't be read".to_owned(),
        VentureFolder::NoRepositories => "add its repositories to the field `repos` of the ventures file".to_owned(),
    }
}
