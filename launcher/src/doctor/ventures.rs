//! Checks the ventures file, and the repositories that it lists.

use clap::Command;
use deckwatch_machine::checkout::Checkout;
use deckwatch_machine::discovery::{DiscoveryError, Repositories};
use deckwatch_machine::ventures::{VentureEntry, VenturesFile};

use crate::catalogue;
use crate::check_report::Check;
use crate::config::Config;
use crate::process_env::ProcessEnv;

const NAME: &str = "ventures";

/// Both checks, and the file for the later checks.
pub(super) fn check(config: &Config, verbs: &Command, env: &ProcessEnv) -> (Vec<Check>, Option<VenturesFile>) {
    // Another check reports a repository that git can't read.
    let here = Checkout::at(&env.cwd).ok();
    match catalogue::file(None, env, here.as_ref()) {
        Err(error) => (vec![Check::failed_with(NAME, &error)], None),
        Ok(None) => {
            let fix = "`launcher init` writes one; `launcher .` works without it";
            (vec![Check::warn(NAME, "there is no ventures file", fix)], None)
        }
        Ok(Some(file)) => {
            let named = named(&file, verbs, env);
            (vec![named, repositories(config, &file, env)], Some(file))
        }
    }
}

/// A venture whose code is the name of a command can't be started by its code.
fn named(file: &VenturesFile, verbs: &Command, env: &ProcessEnv) -> Check {
    let is_verb = |code: &str| verbs.get_subcommands().any(|verb| verb.get_name() == code);
    let hidden: Vec<&str> =
        file.ventures.iter().map(|venture| venture.code.as_str()).filter(|code| is_verb(code)).collect();
    let detail = format!("{} in {}", file.ventures.len(), env.shown(&file.path));
    if let Some(unknown) = catalogue::unknown_fields(file, env) {
        let fix = format!("correct or remove them; the known fields are {}", VentureEntry::FIELDS.join(", "));
        return Check::warn(NAME, unknown, fix);
    }
    if hidden.is_empty() {
        return Check::ok(NAME, detail);
    }
    let fix = "give the venture another code, or start it from the menu, or with `launcher .` in its repository";
    Check::warn(NAME, format!("{detail}; {} is also the name of a command of the launcher", hidden.join(", ")), fix)
}

fn repositories(config: &Config, file: &VenturesFile, env: &ProcessEnv) -> Check {
    const NAME: &str = "repositories";
    let root = env.shown(&config.dev_root);
    if !config.dev_root.is_dir() {
        let fix = "create it and clone your repositories into it, or set dev_root in ~/.config/deckwatch/config.toml";
        return Check::warn(
            NAME,
            format!("the folder {root}, in which repositories are searched, does not exist"),
            fix,
        );
    }
    let found = match Repositories::below(&config.dev_root) {
        Ok(found) => found,
        Err(error) => return Check::failed_with(NAME, &error.into()),
    };
    let missing: Vec<DiscoveryError> = file.ventures.iter().filter_map(|v| found.of_venture(v).err()).collect();
    let detail = format!(
        "the repositories of {} of {} ventures are below {root}",
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
        DiscoveryError::Several { repo, .. } => format!("there are several clones of {repo}: use --repo PATH"),
        DiscoveryError::NoRepositories(code) => {
            format!("add the repositories of {code} to its `repos`, or use --repo PATH")
        }
        other => format!("{other}: list the right one in `repos`, or use --repo PATH"),
    });
    Check::warn(NAME, detail, fixes.collect::<Vec<_>>().join("; "))
}
