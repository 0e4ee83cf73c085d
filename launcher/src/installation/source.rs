//! The checkout that the launcher was installed from. `scripts/start` stores its path.
//!
//! The launcher builds and runs the code of the checkout. It therefore first checks that the folder is still a checkout
//! of Deckwatch and that only this user can change it.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use deckwatch_client::COMMIT;
use tokio::process::Command;
use tokio::time::timeout;

use crate::process_env::ProcessEnv;

/// The file in the state folder. It has the lines `checkout=PATH` and `programs=PATH`.
const RECORD: &str = "install";
const MAX_RECORD_BYTES: usize = 16 * 1024;
/// A file of every Deckwatch checkout. It is checked in addition to the package names in the manifests.
const INSTALLER: &str = "scripts/start";
const WRITABLE_BY_ALL: u32 = 0o002;
/// Counting commits takes milliseconds; a slow disk must not keep the agent from starting.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Where the programs are built, and where they are installed.
pub(crate) struct Source {
    /// The root of the checkout.
    pub(super) checkout: PathBuf,
    /// The folder that this launcher was installed in.
    pub(super) programs: PathBuf,
}

impl Source {
    /// The stored checkout. The error says why none can be used.
    pub(super) fn of(env: &ProcessEnv) -> Result<Self, String> {
        let unknown = || "the launcher was not installed by scripts/start, so its checkout is not known".to_owned();
        let record = std::fs::read_to_string(env.dirs.state.join(RECORD)).map_err(|_| unknown())?;
        let folder = |key: &str| {
            let mut values = record.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            values.next().map(PathBuf::from).filter(|path| path.is_absolute() && record.len() <= MAX_RECORD_BYTES)
        };
        let (checkout, programs) = folder("checkout").zip(folder("programs")).ok_or_else(unknown)?;
        // A launcher in another folder, such as a development build, is not replaced.
        if env.program_folder() != programs.canonicalize().ok() {
            return Err(unknown());
        }
        refusal(&checkout).map_or(Ok(()), |why| Err(format!("{} {why}", env.shown(&checkout))))?;
        Ok(Self { checkout, programs })
    }

    /// The path of the checkout for messages.
    pub(super) fn shown(&self, env: &ProcessEnv) -> String {
        env.shown(&self.checkout)
    }

    /// The number of commits in the checkout that this launcher does not contain. `None` if there are none or git fails.
    pub(super) fn commits_not_built(&self, env: &ProcessEnv) -> Option<u64> {
        let mut git = Command::new(env.program("git")?);
        git.arg("-C").arg(&self.checkout).args(["rev-list", "--count", &format!("{COMMIT}..HEAD"), "--"]);
        git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
        git.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let output = runtime.block_on(async { timeout(TIMEOUT, git.output()).await }).ok()?.ok()?;
        let count = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
        (output.status.success() && count > 0).then_some(count)
    }
}

/// The reason why nothing may be built in the checkout.
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

/// The user id of this process, read from a file that it creates.
fn this_user() -> io::Result<u32> {
    Ok(tempfile::tempfile()?.metadata()?.uid())
}
