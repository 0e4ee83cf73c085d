//! Installs, removes and checks the hooks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use deckwatch_machine::checkout::{Checkout, CheckoutKind};
use deckwatch_machine::durable;

use super::{Hook, git};
use crate::error::LaunchError;
use crate::output;
use crate::process_env::ProcessEnv;

/// Set in the configuration of a repository, to its name. Other repositories can share the folder of the hooks.
pub(super) const SETTING: &str = "deckwatch.claimsguard";
/// The second line of each hook.
const MARK: &str = "# Installed by `launcher claims guard install` of Deckwatch.";
/// What is added to the name of an earlier hook. Git runs only files whose name is that of a hook.
const EARLIER: &str = "before-deckwatch-claims";

/// The hook that git runs: the earlier hook with the same input, then the launcher. A missing launcher stops no commit.
const STUB: &str = r#"#!/bin/sh
# Installed by `launcher claims guard install` of Deckwatch.
input=
if [ HOOK = pre-push ] && ! [ -t 0 ]; then input=$(cat); fi
with_input() { if [ -n "$input" ]; then printf '%s\n' "$input"; fi | "$@"; }
if [ -x "$0.EARLIER" ]; then with_input "$0.EARLIER" "$@" || exit; fi
launcher=LAUNCHER
[ -x "$launcher" ] || launcher=$(command -v launcher) || {
  echo 'deckwatch: launcher is not installed, so claims are not checked' >&2
  exit 0
}
with_input "$launcher" claims guard hook HOOK
"#;

pub(super) fn install(env: &ProcessEnv) -> Result<(), LaunchError> {
    let checkout = repository(env)?;
    let folder = git::hooks_folder(&checkout.root)?;
    fs::create_dir_all(&folder).map_err(|error| not_written(&folder, &error))?;
    for hook in Hook::ALL {
        let path = folder.join(hook.name());
        let stub = stub(hook, env)?;
        if is_ours(&path) {
            if fs::read_to_string(&path).is_ok_and(|text| text == stub) {
                continue;
            }
        } else if path.symlink_metadata().is_ok() {
            keep(&path, hook)?;
        }
        durable::write_with_mode(&path, stub.as_bytes(), 0o755).map_err(|error| not_written(&path, &error))?;
    }
    git::configure(&checkout.root, &[SETTING, checkout.repo.as_str()])?;
    output::say(&format!("the hooks of {} are in {}", checkout.repo, env.shown(&folder)));
    Ok(())
}

pub(super) fn uninstall(env: &ProcessEnv) -> Result<(), LaunchError> {
    let checkout = repository(env)?;
    let folder = git::hooks_folder(&checkout.root)?;
    for hook in Hook::ALL {
        let path = folder.join(hook.name());
        if !is_ours(&path) {
            if path.symlink_metadata().is_ok() {
                output::say(&format!("{} is not a hook of this command, so it stays", env.shown(&path)));
            }
            continue;
        }
        let earlier = earlier(&path);
        let removed =
            if earlier.symlink_metadata().is_ok() { fs::rename(&earlier, &path) } else { fs::remove_file(&path) };
        removed.map_err(|error| not_written(&path, &error))?;
    }
    if git::guarded_repo(&checkout.root).is_some() {
        git::configure(&checkout.root, &["--unset-all", SETTING])?;
    }
    output::say(&format!("{} has no hooks of this command any more", checkout.repo));
    Ok(())
}

pub(super) fn check(env: &ProcessEnv) -> Result<(), LaunchError> {
    let checkout = repository(env)?;
    let folder = git::hooks_folder(&checkout.root)?;
    let mut problems = Vec::new();
    for hook in Hook::ALL {
        let path = folder.join(hook.name());
        if !is_ours(&path) {
            problems.push(format!("{} is not the hook of this command", env.shown(&path)));
        } else if fs::read_to_string(&path).is_ok_and(|text| text != stub(hook, env).unwrap_or_default()) {
            problems.push(format!("{} runs another launcher", env.shown(&path)));
        }
    }
    match git::guarded_repo(&checkout.root) {
        None => problems.push("the repository is not guarded".to_owned()),
        Some(repo) if !repo.eq_ignore_ascii_case(checkout.repo.as_str()) => {
            problems.push(format!("the repository was guarded as {repo} and is now {}", checkout.repo));
        }
        Some(_) => {}
    }
    if problems.is_empty() {
        output::print(|out| {
            use std::io::Write as _;
            writeln!(out, "The claims of {} are guarded by the hooks in {}.", checkout.repo, env.shown(&folder))
        })?;
        return Ok(());
    }
    Err(LaunchError::ClaimsGuard(problems.join("; ")))
}

/// Moves the hook that is there out of the way. It runs first.
fn keep(path: &Path, hook: Hook) -> Result<(), LaunchError> {
    let earlier = earlier(path);
    if earlier.symlink_metadata().is_ok() {
        return Err(LaunchError::ClaimsGuard(format!(
            "another program replaced the hook {}, and the earlier hook is in {}; make one hook of both in {}, and delete {}",
            path.display(),
            earlier.display(),
            earlier.display(),
            path.display()
        )));
    }
    fs::rename(path, &earlier).map_err(|error| not_written(path, &error))?;
    output::say(&format!("kept the hook {} that was there; it runs first", hook.name()));
    Ok(())
}

fn earlier(path: &Path) -> PathBuf {
    path.with_extension(EARLIER)
}

fn is_ours(path: &Path) -> bool {
    let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    is_file && fs::read_to_string(path).is_ok_and(|text| text.lines().nth(1) == Some(MARK))
}

fn stub(hook: Hook, env: &ProcessEnv) -> Result<String, LaunchError> {
    let launcher = env
        .own_program()
        .ok_or_else(|| LaunchError::ClaimsGuard("the path of the launcher is not known".to_owned()))?;
    let quoted = format!("'{}'", launcher.display().to_string().replace('\'', r"'\''"));
    Ok(STUB.replace("HOOK", hook.name()).replace("EARLIER", EARLIER).replace("LAUNCHER", &quoted))
}

fn repository(env: &ProcessEnv) -> Result<Checkout, LaunchError> {
    let checkout = Checkout::at(&env.cwd)?;
    if checkout.kind == CheckoutKind::NotARepository {
        return Err(LaunchError::NotARepository(env.cwd.clone()));
    }
    Ok(checkout)
}

fn not_written(path: &Path, error: &io::Error) -> LaunchError {
    LaunchError::NotWritten { path: path.to_owned(), message: error.to_string() }
}
