//! The ventures file, and the repositories that it lists.

use clap::Command;
use deckwatch_client::checkout::Checkout;
use deckwatch_client::discovery::{DiscoveryError, Repositories};
use deckwatch_client::ventures::{VentureEntry, VenturesFile};

use super::check::Check;
use crate::catalogue;
use crate::config::Config;
use crate::surroundings::Surroundings;

const NAME: &str = "ventures";

/// Both checks, and the file for those that follow.
pub(super) fn check(
    config: &Config,
    verbs: &Command,
    surroundings: &Surroundings,
) -> (Vec<Check>, Option<VenturesFile>) {
    // What git can't read here is another check's finding.
    let here = Checkout::at(&surroundings.cwd).ok();
    match catalogue::file(None, surroundings, here.as_ref()) {
        Err(error) => (vec![Check::failed_with(NAME, &error)], None),
        Ok(None) => {
            let fix = "`launcher init` writes one; `launcher .` works without";
            (vec![Check::warn(NAME, "there is no ventures file", fix)], None)
        }
        Ok(Some(file)) => {
            let named = named(&file, verbs, surroundings);
            (vec![named, repositories(config, &file, surroundings)], Some(file))
        }
    }
}

/// A venture whose code is a word of the launcher's own can't be started by that word.
fn named(file: &VenturesFile, verbs: &Command, surroundings: &Surroundings) -> Check {
    let is_verb = |code: &str| verbs.get_subcommands().any(|verb| verb.get_name() == code);
    let hidden: Vec<&str> =
        file.ventures.iter().map(|venture| venture.code.as_str()).filter(|code| is_verb(code)).collect();
    let detail = format!("{} in {}", file.ventures.len(), surroundings.shown(&file.path));
    if let Some(unknown) = catalogue::unknown_fields(file, surroundings) {
        let fix = format!("correct or remove them; the known fields are {}", VentureEntry::FIELDS.join(", "));
        return Check::warn(NAME, unknown, fix);
    }
    if hidden.is_empty() {
        return Check::ok(NAME, detail);
    }
    let fix = "give it another code, or start it from the menu or in its repository with `launcher .`";
    Check::warn(NAME, format!("{detail}; {} is a word of the launcher's own", hidden.join(", ")), fix)
}

fn repositories(config: &Config, file: &VenturesFile, surroundings: &Surroundings) -> Check {
    const NAME: &str = "repositories";
    let root = surroundings.shown(&config.dev_root);
    if !config.dev_root.is_dir() {
        let fix = "make that folder and clone into it, or set dev_root in ~/.config/deckwatch/config.toml";
        return Check::warn(NAME, format!("{root}, where they are looked for, is not there"), fix);
    }
    let found = match Repositories::below(&config.dev_root) {
        Ok(found) => found,
        Err(error) => return Check::failed_with(NAME, &error.into()),
    };
    let missing: Vec<DiscoveryError> = file.ventures.iter().filter_map(|v| found.of_venture(v).err()).collect();
    let detail = format!(
        "{} of {} ventures can be started below {root}",
        file.ventures.len() - missing.len(),
        file.ventures.len()
    );
    if missing.is_empty() {
        return Check::ok(NAME, detail);
    }
    let fixes = missing.iter().map(|error| match error {
        DiscoveryError::NotFound { repos, .. } => match repos.first() {
            Some(repo) => format!("git clone git@github.com:{repo}.git"),
            None => error.to_string(),
        },
        DiscoveryError::Several { repo, .. } => format!("{repo} is there more than once: use --repo PATH"),
        other => format!("{other}: add them to `repos`, or use --repo PATH"),
    });
    Check::warn(NAME, detail, fixes.collect::<Vec<_>>().join("; "))
}
