//! `launcher self update`: replaces the installed programs by those of a release.
//!
//! It verifies the checksum of what it downloads, runs the new programs once, and replaces all of them together
//! ([`program_set`]). Programs that Homebrew, cargo or a checkout installed are left to them.

mod archive;
mod program_set;
mod release;

use std::fs::{File, TryLockError};
use std::path::Path;

use clap::{Args, Subcommand};
use deckwatch_fleet::installation::LOCK;
use deckwatch_machine::agent::old_servers;
use deckwatch_machine::dirs::Dirs;
use semver::Version;

use self::program_set::{Interrupted, PROGRAMS, ProgramSet};
use self::release::{Release, Repository};
use crate::context_api;
use crate::error::LaunchError;
use crate::output::{self, say, warn};
use crate::process_env::ProcessEnv;
use crate::program_source::ProgramSource;
use crate::update_error::UpdateError;

const EXAMPLES: &str = "\
Examples:
  launcher self update                    install the newest release
  launcher self update --check            show the installed and the newest version, and change nothing
  launcher self update --version 1.2.3    install this release, also an older one
  launcher self update --rollback         go back to the programs before the last update

The launcher, deckwatch-mcp, deckwatch-server and dev-session are replaced together. The checksum of the download is verified. \
It comes from the release too, so it shows that the download is whole, not who built it: --attestation verifies that, with \
GitHub's program gh.

DECKWATCH_RELEASES_URL is the repository in GitHub's API, for GitHub Enterprise: https://HOST/api/v3/repos/OWNER/NAME. \
DECKWATCH_RELEASES_TOKEN is a token for a private repository.";

/// What can be done with the installed programs.
#[derive(Debug, Subcommand)]
pub(crate) enum SelfCommand {
    /// Replace the installed programs by those of a release, or go back
    Update(Update),
}

/// The options of `launcher self update`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Update {
    /// Install this version instead of the newest
    #[arg(long, value_name = "VERSION", value_parser = version)]
    version: Option<Version>,

    /// Show the installed and the newest version, and change nothing
    #[arg(long)]
    check: bool,

    /// Go back to the programs before the last update
    #[arg(long, conflicts_with_all = ["version", "check", "attestation"])]
    rollback: bool,

    /// Also verify with gh that the repository's workflow built the archive
    #[arg(long)]
    attestation: bool,
}

/// Runs a command.
pub(crate) fn run(command: &SelfCommand, env: &ProcessEnv) -> Result<(), LaunchError> {
    let SelfCommand::Update(update) = command;
    let source = ProgramSource::of(env);
    let folder = env.program_folder().ok_or(UpdateError::NoFolder)?;
    if update.check {
        return check(update, &source, env);
    }
    if source != ProgramSource::Release {
        let (folder, origin) = (env.shown(&folder), source.describe(env));
        return Err(UpdateError::NotOurs { folder, origin, fix: source.how_to_update(env) }.into());
    }
    // The lock is held until this function returns. A crash also releases it.
    let _lock = lock(&env.dirs)?;
    let set = ProgramSet { folder };
    match set.finish_interrupted()? {
        Some(Interrupted::Finished) => say("finished an update that was interrupted"),
        Some(Interrupted::GivenUp) => say("gave up an update that was interrupted: the programs were replaced since"),
        None => {}
    }
    let done = if update.rollback { roll_back(&set, env) } else { install(update, &set, env) }?;
    report(done.as_deref())
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text.trim_start_matches('v')).map_err(|error| format!("{error}; a version is such as 1.2.3"))
}

/// The version of this launcher.
fn own_version() -> Version {
    Version::parse(env!("CARGO_PKG_VERSION")).unwrap_or(Version::new(0, 0, 0))
}

fn check(update: &Update, source: &ProgramSource, env: &ProcessEnv) -> Result<(), LaunchError> {
    let repository = Repository::of(env)?;
    let release = context_api::runtime()?.block_on(repository.release(update.version.as_ref()))?;
    let own = own_version();
    let advice = if release.version > own {
        format!("to update, {}", source.how_to_update(env))
    } else {
        "there is nothing to update".to_owned()
    };
    let found = if update.version.is_some() { "named" } else { "newest" };
    output::print(|out| {
        use std::io::Write as _;
        writeln!(out, "installed: {own}\n{found}: {}\n{advice}", release.version)
    })
}

/// Installs a release. Returns what was done, or `None` if it is installed already.
fn install(update: &Update, set: &ProgramSet, env: &ProcessEnv) -> Result<Option<String>, LaunchError> {
    let name = archive::name()?;
    let repository = Repository::of(env)?;
    let runtime = context_api::runtime()?;
    let release = runtime.block_on(repository.release(update.version.as_ref()))?;
    let own = own_version();
    // Programs of another version are left from an installation that was interrupted.
    let whole = set_has(set, &own);
    if whole && (release.version == own || (update.version.is_none() && release.version < own)) {
        say(&format!(
            "{own} is installed; the {} is {}",
            if update.version.is_some() { "named release" } else { "newest release" },
            release.version
        ));
        return Ok(None);
    }
    say(&format!("downloading {name} of {} from {}", release.tag, repository.name()));
    let prepared = set.prepare()?;
    let archive = prepared.path().join(&name);
    let bytes = runtime.block_on(download(&repository, &release, &name))?;
    std::fs::write(&archive, bytes).map_err(|cause| UpdateError::Folder { folder: set.folder.clone(), cause })?;
    if update.attestation {
        archive::verify_attestation(&archive, &repository.name(), env)?;
    }
    archive::unpack(&archive, prepared.path(), &release.tag, env)?;
    std::fs::remove_file(&archive).map_err(|cause| UpdateError::Folder { folder: set.folder.clone(), cause })?;
    archive::check_programs(prepared.path(), &release.version)?;
    set.install(prepared)?;
    let verified = if update.attestation {
        "the checksum and the attestation were verified"
    } else {
        "the checksum was verified, the attestation was not (--attestation)"
    };
    Ok(Some(format!("{own} was replaced by {} in {}; {verified}", release.version, env.shown(&set.folder))))
}

/// Whether each installed program has this version.
fn set_has(set: &ProgramSet, version: &Version) -> bool {
    let programs = PROGRAMS.into_iter().filter(|name| name.starts_with("deckwatch-"));
    programs.into_iter().all(|name| archive::version_of(&set.folder.join(name)).is_ok_and(|found| found == *version))
}

async fn download(repository: &Repository, release: &Release, name: &str) -> Result<bytes::Bytes, UpdateError> {
    let checksums = repository.download(release, archive::CHECKSUMS).await?;
    let bytes = repository.download(release, name).await?;
    archive::verify(&release.tag, name, &bytes, &checksums)?;
    Ok(bytes)
}

fn roll_back(set: &ProgramSet, env: &ProcessEnv) -> Result<Option<String>, LaunchError> {
    let folder = env.shown(&set.folder);
    let prepared = set.prepare_earlier()?.ok_or_else(|| UpdateError::NothingKept(folder.clone()))?;
    let version = archive::version_of(&prepared.path().join("launcher"));
    let version = version.map_err(|cause| UpdateError::BadProgram { program: "launcher", cause })?;
    set.install(prepared)?;
    Ok(Some(format!("{version} is back in {folder}; --rollback again undoes this")))
}

/// Reports what was done, and which servers still run the earlier programs.
fn report(done: Option<&str>) -> Result<(), LaunchError> {
    let Some(done) = done else { return Ok(()) };
    output::print(|out| {
        use std::io::Write as _;
        writeln!(out, "{done}")
    })?;
    for server in old_servers() {
        let of = server.agent.as_ref().map_or(String::new(), |agent| format!(" of {agent}"));
        warn(&format!(
            "{} (process {}){of} still runs the earlier program: {}",
            server.program, server.pid, server.restart
        ));
    }
    Ok(())
}

/// The lock that a build of the programs holds too.
fn lock(dirs: &Dirs) -> Result<File, UpdateError> {
    let failed = |cause| UpdateError::Folder { folder: dirs.state.clone(), cause };
    Dirs::create(&dirs.state).map_err(failed)?;
    let file = open(&dirs.state.join(LOCK)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(UpdateError::Busy),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    File::options().create(true).write(true).truncate(false).open(path)
}
