//! Tries to log in to the other machines, as a person on this machine would.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use deckwatch_protocol::{Host, SshPublicKey};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::key::{find, identity};
use super::ssh_folder::SshFolder;
use crate::host::{Answers, Connection};
use crate::remote::{classify, last_line};
use crate::ssh::{CONNECTION_FAILED, login_trial};
use crate::wire::{Refusal, Request};

/// Logins at once. An SSH server refuses some if many others begin at the same time.
const AT_ONCE: usize = 6;
/// The time for one login.
const TIMEOUT: Duration = Duration::from_secs(8);
/// Attempts at a login that the SSH server broke off, as it does when it is busy.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
/// The words of OpenSSH's messages about a connection that the SSH server broke off before the login.
const BROKEN_OFF: [&str; 3] = ["kex_exchange_identification", "connection reset", "connection closed"];

/// Asks a machine to log in to others.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TryLogins {
    /// The other machines, in the order in which they are tried.
    pub targets: Vec<Host>,
    /// The key that this machine logs in with.
    pub key: Option<SshPublicKey>,
}

/// The results, in the order of the targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logins {
    /// A result for each target.
    pub results: Vec<LoginResult>,
}

/// The result of one login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginResult {
    /// The machine that was logged in to.
    pub target: Host,
    /// The kind of failure, as in [`crate::remote::Failure::kind`], and what `ssh` said. `None` if the login succeeded.
    pub failure: Option<(String, String)>,
}

impl Request for TryLogins {
    const NAME: &'static str = "mesh_try_logins";
    type Item = ();
    type Answer = Logins;
}

impl Answers for TryLogins {
    async fn answer(self, _: &mut Connection) -> Result<Logins, Refusal> {
        let folder = SshFolder::to_read()?;
        let Some(found) = find(&folder, self.key.as_ref())? else {
            return Err(Refusal::machine("this machine has no SSH key"));
        };
        let key = Arc::new(identity(&folder, &found.file));
        let free = Arc::new(Semaphore::new(AT_ONCE));
        let mut logins = JoinSet::new();
        for (place, target) in self.targets.into_iter().enumerate() {
            let (key, free): (Arc<PathBuf>, _) = (Arc::clone(&key), Arc::clone(&free));
            logins.spawn(async move {
                let _place = free.acquire().await;
                let failure = log_in(&target, &key).await.err();
                (place, LoginResult { target, failure })
            });
        }
        let mut results = logins.join_all().await;
        results.sort_by_key(|(place, _)| *place);
        Ok(Logins { results: results.into_iter().map(|(_, result)| result).collect() })
    }
}

async fn log_in(target: &Host, key: &Path) -> Result<(), (String, String)> {
    let mut attempt = 1;
    loop {
        let result = tokio::time::timeout(TIMEOUT, log_in_once(target, key)).await;
        let late = || Err(("unreachable".to_owned(), format!("no login within {} s", TIMEOUT.as_secs())));
        let result = result.unwrap_or_else(|_| late());
        let broken_off = |message: &str| {
            let message = message.to_lowercase();
            BROKEN_OFF.iter().any(|words| message.contains(words))
        };
        if attempt == ATTEMPTS || !result.as_ref().is_err_and(|(_, message)| broken_off(message)) {
            return result;
        }
        tokio::time::sleep(PAUSE * attempt).await;
        attempt += 1;
    }
}

async fn log_in_once(target: &Host, key: &Path) -> Result<(), (String, String)> {
    let output = login_trial(target, key).output().await;
    let output = output.map_err(|error| ("no_ssh".to_owned(), format!("ssh can't be started: {error}")))?;
    let message = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(()),
        Some(CONNECTION_FAILED) => Err((classify(&message).kind().to_owned(), last_line(&message))),
        code => {
            let code = code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
            Err(("refused".to_owned(), format!("the login shell ended with {code}")))
        }
    }
}
