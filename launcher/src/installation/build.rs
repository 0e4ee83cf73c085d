//! Building the programs with cargo, which shows its own progress. Nothing is installed here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use deckwatch_machine::variables;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout_at;

use super::TIMEOUT;
use super::source::Source;
use crate::environment;
use crate::process_env::ProcessEnv;
use crate::secrets::name;

/// The programs to build. `scripts/start` installs the same ones. They are built together, so that all have one version.
const PROGRAMS: [&str; 3] = ["deckwatch-mcp", "deckwatch-server", "launcher"];
/// The packages of the programs, in the same order as in `scripts/start`. With other packages, cargo would choose other
/// features and build nearly everything again.
const PACKAGES: [&str; 3] = ["deckwatch-launcher", "deckwatch-mcp-server", "deckwatch-server"];
/// Cargo prints one line for each of a few hundred packages.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024 * 1024;

/// A message of cargo about one artifact.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The name and the file of each program.
pub(super) type Built = BTreeMap<String, PathBuf>;

/// Builds the programs. The error is one line that says why the build failed.
pub(super) fn build(source: &Source, env: &ProcessEnv, deadline: Instant) -> Result<Built, String> {
    let of_rustup = env.dirs.home.join(".cargo/bin/cargo");
    let cargo = env.program("cargo").or_else(|| of_rustup.is_file().then_some(of_rustup));
    let cargo = cargo.ok_or("cargo is missing: install Rust from https://rustup.rs")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let mut command = command(cargo, source, env);
    let built = runtime.block_on(async { timeout_at(deadline.into(), run(&mut command)).await });
    let built = built.map_err(|_| format!("the build took longer than {} minutes", TIMEOUT.as_secs() / 60))??;
    match PROGRAMS.into_iter().find(|name| !built.contains_key(*name)) {
        None => Ok(built),
        Some(missing) => Err(format!("cargo did not build {missing}")),
    }
}

/// Runs in the checkout, because its toolchain is configured there. Build scripts of dependencies get no key.
fn command(cargo: PathBuf, source: &Source, env: &ProcessEnv) -> Command {
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--message-format=json-render-diagnostics"]);
    command.arg("--bins").args(PACKAGES.iter().flat_map(|name| ["--package", name]));
    command.current_dir(&source.checkout).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let of_another_launch = name::inherited(env.var(variables::SECRETS).as_deref());
    let withheld = environment::WITHHELD_VARIABLES.into_iter().chain([variables::API_KEY]);
    for name in withheld.chain(of_another_launch.iter().map(String::as_str)) {
        command.env_remove(name);
    }
    command
}

async fn run(command: &mut Command) -> Result<Built, String> {
    let mut child = command.spawn().map_err(|error| format!("cargo can't be run: {error}"))?;
    let stdout = child.stdout.take().ok_or("cargo has no pipe")?;
    let mut lines = BufReader::new(stdout.take(MAX_OUTPUT_BYTES)).lines();
    let mut built = Built::new();
    while let Some(line) = lines.next_line().await.map_err(|error| format!("cargo: {error}"))? {
        // Cargo also reports build scripts and macros, and may print other lines. They are ignored.
        let Ok(Message { executable: Some(file), target: Some(target) }) = serde_json::from_str(&line) else {
            continue;
        };
        if PROGRAMS.contains(&target.name.as_str()) {
            built.insert(target.name, file);
        }
    }
    let status = child.wait().await.map_err(|error| format!("cargo: {error}"))?;
    if status.success() { Ok(built) } else { Err(format!("the build failed, cargo: {status}")) }
}
