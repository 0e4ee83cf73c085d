//! The checkout that the launcher was installed from, as `scripts/start` wrote it down.
//!
//! What is found there is built and run, so it is looked at first: it must be a checkout of Deckwatch still, and of
//! this user alone.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use deckwatch_client::COMMIT;
use tokio::process::Command;
use tokio::time::timeout;

use crate::surroundings::Surroundings;

/// Below the state folder: `checkout=PATH` and `programs=PATH`, a line each.
const RECORD: &str = "install";
const LONGEST_RECORD: usize = 16 * 1024;
/// What a checkout of Deckwatch has, beside its name in the manifests.
const INSTALLER: &str = "scripts/start";
const WRITABLE_BY_ALL: u32 = 0o002;
/// Counting commits takes milliseconds; a slow disk must not keep the agent from starting.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the programs come from, and where they go.
pub(crate) struct Source {
    /// The root of the checkout.
    pub(super) checkout: PathBuf,
    /// The folder that this launcher was installed in.
    pub(super) programs: PathBuf,
}

impl Source {
    /// The one that is written down; the error says why there is none to use.
    pub(super) fn of(surroundings: &Surroundings) -> Result<Self, String> {
        let unknown = || "the launcher was not installed by scripts/start, so its checkout is not known".to_owned();
        let record = std::fs::read_to_string(surroundings.dirs.state.join(RECORD)).map_err(|_| unknown())?;
        let folder = |key: &str| {
            let mut values = record.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            values.next().map(PathBuf::from).filter(|path| path.is_absolute() && record.len() <= LONGEST_RECORD)
        };
        let (checkout, programs) = folder("checkout").zip(folder("programs")).ok_or_else(unknown)?;
        // A launcher from elsewhere, such as one under development, is not to be replaced.
        if surroundings.program_folder() != programs.canonicalize().ok() {
            return Err(unknown());
        }
        refusal(&checkout).map_or(Ok(()), |why| Err(format!("{} {why}", surroundings.shown(&checkout))))?;
        Ok(Self { checkout, programs })
    }

    /// The checkout as people write it.
    pub(super) fn shown(&self, surroundings: &Surroundings) -> String {
        surroundings.shown(&self.checkout)
    }

    /// How many commits of the checkout this launcher was built without; `None` when it has them all, or nobody knows.
    pub(super) fn commits_not_built(&self, surroundings: &Surroundings) -> Option<u64> {
        let mut git = Command::new(surroundings.program("git")?);
        git.arg("-C").arg(&self.checkout).args(["rev-list", "--count", &format!("{COMMIT}..HEAD"), "--"]);
        git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
        git.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let output = runtime.block_on(async { timeout(PATIENCE, git.output()).await }).ok()?.ok()?;
        let count = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
        (output.status.success() && count > 0).then_some(count)
    }
}

/// Why nothing may be built there.
fn refusal(checkout: &Path) -> Option<&'static str> {
    let names = [("launcher", env!("CARGO_PKG_NAME")), ("mcp-server", "deckwatch-mcp-server")];
    let is_ours = |(folder, name): (&str, &str)| package(&checkout.join(folder)).as_deref() == Some(name);
    if !names.into_iter().all(is_ours) || !checkout.join(INSTALLER).is_file() {
        return Some("is not a checkout of Deckwatch any more");
    }
    let ours_alone = |path: &Path| {
        let meta = path.metadata()?;
        io::Result::Ok(meta.uid() == this_user()? && meta.mode() & WRITABLE_BY_ALL == 0)
    };
    let looked_at = ["", "Cargo.toml", "launcher", "mcp-server", INSTALLER].map(|inner| checkout.join(inner));
    let safe = looked_at.iter().all(|path| ours_alone(path).unwrap_or(false));
    (!safe).then_some("can be changed by other users, so nothing is built there")
}

/// The name of the package in a folder.
fn package(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let manifest: toml_edit::DocumentMut = text.parse().ok()?;
    Some(manifest.get("package")?.get("name")?.as_str()?.to_owned())
}

/// Whoever owns what this process makes.
fn this_user() -> io::Result<u32> {
    Ok(tempfile::tempfile()?.metadata()?.uid())
}
