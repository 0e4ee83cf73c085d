//! The checkout that the launcher was installed from.
//!
//! The launcher builds and runs the code of the checkout. It therefore first checks that the folder is still a checkout
//! of Deckwatch and that only this user can change it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use deckwatch_client::COMMIT;
use deckwatch_fleet::installation::Installation;
use tokio::process::Command;
use tokio::time::timeout;

use crate::process_env::ProcessEnv;

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
        let installed = Installation::recorded(&env.dirs)
            // A launcher in another folder, such as a development build, is not replaced.
            .filter(|installed| env.program_folder() == installed.programs.canonicalize().ok())
            .ok_or("the launcher was not installed by scripts/start, so its checkout is not known")?;
        installed.refusal().map_or(Ok(()), |why| Err(format!("{} {why}", env.shown(&installed.checkout))))?;
        Ok(Self { checkout: installed.checkout, programs: installed.programs })
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
