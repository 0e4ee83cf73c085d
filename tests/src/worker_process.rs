//! A Worker for one test: the built wasm on workerd, started by `worker/local/serve.mjs`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::server_process::ready_url;

/// A running Worker. It ends when this is dropped, because its standard input closes.
pub struct WorkerProcess {
    /// The base URL.
    pub url: String,
    pub(crate) control_url: String,
    child: Child,
    /// The checkout whose Worker runs.
    checkout: PathBuf,
    folder: TempDir,
    /// The arguments and the variables, for another start.
    arguments: (Vec<String>, Vec<(String, String)>),
}

impl WorkerProcess {
    /// Starts a Worker with the keys (context, admin) and waits until it is ready.
    pub async fn start(keys: &(String, String), rate: u32, options: &[&str]) -> Self {
        Self::start_with(keys, rate, options, &[]).await
    }

    /// Like [`WorkerProcess::start`], with more variables.
    pub async fn start_with(
        keys: &(String, String),
        rate: u32,
        options: &[&str],
        variables: &[(&str, String)],
    ) -> Self {
        Self::start_on(workspace(), TempDir::new().unwrap(), arguments(keys, rate, options, variables)).await
    }

    /// Starts the Worker of another checkout, which must be built.
    pub async fn start_in(checkout: &Path, keys: &(String, String), rate: u32, options: &[&str]) -> Self {
        Self::start_on(checkout, TempDir::new().unwrap(), arguments(keys, rate, options, &[])).await
    }

    /// Kills the Worker and starts it again on the same database.
    pub(crate) async fn restarted(mut self) -> Self {
        self.child.kill().await.unwrap();
        Self::start_on(&self.checkout, self.folder, self.arguments).await
    }

    async fn start_on(checkout: &Path, folder: TempDir, arguments: (Vec<String>, Vec<(String, String)>)) -> Self {
        let (control, log) = (folder.path().join("control"), folder.path().join("log"));
        let local = checkout.join("worker/local");
        let mut child = Command::new(node(&local))
            .arg(local.join("serve.mjs"))
            .args(&arguments.0)
            .args(["--port", "0", "--exit-with-stdin", "--data"])
            .arg(folder.path().join("data"))
            .arg("--control")
            .arg(&control)
            .envs(arguments.1.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).expect("the log file of the Worker could not be created"))
            .kill_on_drop(true)
            .spawn()
            .expect("node could not be started");
        let url = ready_url(child.stdout.take().unwrap()).await;
        let port = std::fs::read_to_string(&control).unwrap();
        let control_url = format!("http://127.0.0.1:{}", port.trim());
        Self { url, control_url, child, checkout: checkout.to_owned(), folder, arguments }
    }
}

/// The arguments and the variables of a Worker.
fn arguments(
    (context_key, admin_key): &(String, String),
    rate: u32,
    options: &[&str],
    variables: &[(&str, String)],
) -> (Vec<String>, Vec<(String, String)>) {
    let keys = [("CONTEXT_API_KEY", context_key.clone()), ("ADMIN_API_KEY", admin_key.clone())];
    let rate = [("RATE_LIMIT_PER_MINUTE", rate.to_string())];
    let variables = keys.into_iter().chain(rate).chain(variables.iter().cloned());
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).collect();
    (options.iter().map(|option| (*option).to_owned()).collect(), variables)
}

/// A Worker that only runs `select 1`, to compare times with. It ends when this is dropped.
pub struct SelectOne {
    /// The base URL.
    pub url: String,
    _child: Child,
    _folder: TempDir,
}

impl SelectOne {
    /// Starts the Worker and waits until it is ready.
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let local = workspace().join("worker/local");
        let mut child = Command::new(node(&local))
            .arg(local.join("select-one.mjs"))
            .arg("--data")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node could not be started");
        let url = ready_url(child.stdout.take().unwrap()).await;
        Self { url, _child: child, _folder: folder }
    }
}

impl WorkerProcess {
    /// The id of the process. workerd ends with it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the process has ended")
    }

    /// The log of the Worker.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

/// The Node from the npm packages, or else the machine's.
fn node(local: &Path) -> PathBuf {
    let packages = std::fs::read_dir(local.join("node_modules")).into_iter().flatten().flatten();
    let mut nodes = packages
        .filter(|package| package.file_name().to_string_lossy().starts_with("node-"))
        .map(|package| package.path().join("bin/node"));
    nodes.find(|node| node.exists()).unwrap_or_else(|| PathBuf::from("node"))
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
