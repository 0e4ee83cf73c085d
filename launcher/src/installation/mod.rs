//! The installed `deckwatch-mcp`: finds it, and replaces it if it is missing or from another build.
//!
//! It is built and installed from the checkout that the launcher was installed from. This happens only if a user is at
//! the terminal or asks for it, and never in CI. If it fails, an installed server stays unchanged and is used.

mod build;
mod replacement;
mod source;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use deckwatch_fleet::installation::LOCK;
use deckwatch_machine::dirs::Dirs;

use self::source::Source;
use crate::error::LaunchError;
use crate::launch::Launch;
use crate::output::{say, warn};
use crate::process_env::ProcessEnv;
use crate::program_source::ProgramSource;
use crate::server_build;

const SERVER: &str = "deckwatch-mcp";
/// A build without a cache takes minutes. A build that takes longer than this is stopped.
const TIMEOUT: Duration = Duration::from_mins(10);
/// The interval at which a launch checks whether another launch has finished its build.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The MCP server of a launch, and whether it may be built.
pub(crate) struct Server {
    found: Option<PathBuf>,
    /// The checkout to build it from. The error says why there is none.
    source: Result<Source, String>,
    may_build: bool,
}

impl Server {
    /// Finds the installed server, or the place where it will be installed. Changes nothing.
    pub(crate) fn find(launch: &Launch, env: &ProcessEnv) -> Result<Self, LaunchError> {
        let found = env.sibling(SERVER);
        let asked = launch.heal || (env.interactive && !launch.no_heal);
        let may_build = asked && env.var("CI").is_none();
        let source = Source::of(env);
        match (&found, &source) {
            (None, _) if !may_build => Err(LaunchError::ServerMissing),
            (None, Err(cause)) => Err(LaunchError::ServerNotBuilt { cause: cause.clone(), checkout: None }),
            _ => Ok(Self { found, source, may_build }),
        }
    }

    /// The path of its program. It may not exist yet.
    pub(crate) fn path(&self) -> PathBuf {
        match (&self.found, &self.source) {
            (Some(found), _) => found.clone(),
            (None, Ok(source)) => source.programs.join(SERVER),
            (None, Err(_)) => PathBuf::from(SERVER),
        }
    }

    /// What will be installed, for the plan. `None` if the server is installed.
    pub(crate) fn describe(&self, env: &ProcessEnv) -> Option<String> {
        let source = self.source.as_ref().ok().filter(|_| self.found.is_none())?;
        Some(format!("{SERVER}, built in {}", env.shown(&source.checkout)))
    }

    /// Installs or replaces the server if that is needed and allowed. Returns the path of its program.
    pub(crate) fn heal(&self, env: &ProcessEnv) -> Result<PathBuf, LaunchError> {
        let trouble = match &self.found {
            None => Some(format!("{SERVER} is missing")),
            Some(server) => server_build::difference(server),
        };
        let Some(trouble) = trouble else {
            self.name_commits_not_built(env);
            return Ok(self.path());
        };
        let source = match &self.source {
            Ok(source) if self.may_build => source,
            Ok(source) => {
                say(&format!("{trouble}; to update both, run ./scripts/start --install-only in {}", source.shown(env)));
                return Ok(self.path());
            }
            Err(_) => {
                let how = ProgramSource::of(env).how_to_update(env);
                say(&format!("{trouble}; to update both, {how}"));
                return Ok(self.path());
            }
        };
        let place = source.shown(env);
        say(&format!(
            "{trouble}; building it in {place}, which takes several minutes the first time (--no-heal skips this)"
        ));
        match (self.install(source, env), &self.found) {
            (Ok(()), _) => {
                say(&format!("installed {SERVER} in {}", env.shown(&source.programs)));
                Ok(source.programs.join(SERVER))
            }
            (Err(cause), Some(old)) => {
                warn(&format!("{SERVER} could not be replaced, so the old one is used: {cause}"));
                say(&format!("to see why, run ./scripts/start --install-only in {place}"));
                Ok(old.clone())
            }
            (Err(cause), None) => Err(LaunchError::ServerNotBuilt { cause, checkout: Some(place) }),
        }
    }

    fn install(&self, source: &Source, env: &ProcessEnv) -> Result<(), String> {
        let path = self.path();
        let before = server_build::build_of(&path);
        let deadline = Instant::now() + TIMEOUT;
        // The lock is held until this function returns. A crash also releases it.
        let (_turn, waited) = lock_build(&env.dirs, deadline)?;
        if waited && server_build::build_of(&path).is_some_and(|now| Some(now) != before) {
            return Ok(());
        }
        let programs = build::build(source, env, deadline)?;
        replacement::install(&programs, &source.programs)
    }

    /// Prints a message if the checkout has commits that the installed programs do not contain.
    fn name_commits_not_built(&self, env: &ProcessEnv) {
        let Ok(source) = &self.source else { return };
        if let Some(count) = source.commits_not_built(env) {
            let place = source.shown(env);
            let commits = if count == 1 { "the last commit" } else { &format!("the last {count} commits") };
            say(&format!(
                "the launcher and {SERVER} do not contain {commits} of {place}; to update them, run ./scripts/start --install-only there"
            ));
        }
    }
}

/// Waits until no other launch builds. Also returns whether it had to wait.
fn lock_build(dirs: &Dirs, deadline: Instant) -> Result<(File, bool), String> {
    let open = || {
        Dirs::create(&dirs.state)?;
        File::options().create(true).write(true).truncate(false).open(dirs.state.join(LOCK))
    };
    let lock = open().map_err(|error| write_error(&dirs.state, &error))?;
    let mut waited = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok((lock, waited)),
            Err(TryLockError::Error(error)) => return Err(write_error(&dirs.state, &error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(format!("another launch has been building for {} minutes", TIMEOUT.as_secs() / 60));
            }
            Err(TryLockError::WouldBlock) => {}
        }
        if !waited {
            say("another launch is building it; waiting for that");
        }
        waited = true;
        std::thread::sleep(POLL_INTERVAL);
    }
}

fn write_error(folder: &Path, error: &std::io::Error) -> String {
    format!("cannot write in {}: {error}", folder.display())
}
