//! A process of the real `deckwatch-server`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// A running `deckwatch-server`. It is killed when this is dropped.
pub struct ServerProcess {
    /// The base URL.
    pub url: String,
    child: Child,
}

impl ServerProcess {
    /// Starts `binary` on the database in `data` with these keys, and waits until it is ready.
    pub async fn start(binary: &Path, data: &Path, context_key: &str, admin_key: &str) -> Self {
        Self::start_with(binary, data, context_key, admin_key, Vec::new()).await
    }

    /// Like [`ServerProcess::start`], with more variables.
    pub async fn start_with(
        binary: &Path,
        data: &Path,
        context_key: &str,
        admin_key: &str,
        variables: Vec<(&'static str, OsString)>,
    ) -> Self {
        let mut child = Command::new(binary)
            .args(["--port", "0", "--data"])
            .arg(data)
            .env("CONTEXT_API_KEY", context_key)
            .env("ADMIN_API_KEY", admin_key)
            .env("RATE_LIMIT_PER_MINUTE", "1000000")
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("deckwatch-server did not start");
        let url = ready_url(child.stdout.take().unwrap()).await;
        Self { url, child }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("the process has ended")
    }

    /// Kills the process with SIGKILL and waits for its end.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// The URL in the line `ready URL`, which the process prints when it is ready.
pub(crate) async fn ready_url(stdout: impl AsyncRead + Unpin) -> String {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await.unwrap();
    line.trim()
        .strip_prefix("ready ")
        .unwrap_or_else(|| panic!("the process printed {line:?} instead of its URL"))
        .to_owned()
}
