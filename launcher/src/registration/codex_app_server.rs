//! Asks Codex about its hooks, and gives it the consent of a person, over `codex app-server` on pipes.
//!
//! Such a server starts no conversation and so no MCP server, listens on no socket, and ends with its input. It is not
//! the background server, which serves other sessions.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::context_api;
use crate::environment;
use crate::process_env::ProcessEnv;

/// How long Codex may take to start and to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Where Codex lists hooks that came as options.
const FROM_OPTIONS: &str = "sessionFlags";

/// A hook, as Codex lists it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedHook {
    /// Its name in Codex's configuration.
    pub(super) key: String,
    pub(super) current_hash: String,
    pub(super) enabled: bool,
    source: String,
    trust_status: String,
}

impl ListedHook {
    /// Whether Codex runs it.
    pub(super) fn is_trusted(&self) -> bool {
        ["trusted", "managed"].contains(&self.trust_status.as_str())
    }
}

#[derive(Deserialize)]
struct HooksList {
    data: Vec<FolderHooks>,
}

#[derive(Deserialize)]
struct FolderHooks {
    hooks: Vec<ListedHook>,
}

/// The hooks that these options add.
pub(super) fn hooks(
    codex: &Path,
    home: &Path,
    options: &[OsString],
    env: &ProcessEnv,
) -> Result<Vec<ListedHook>, String> {
    let result = ask(codex, home, options, env, "hooks/list", json!({ "cwds": [env.cwd] }))?;
    let list: HooksList = serde_json::from_value(result).map_err(|error| format!("Codex listed no hooks: {error}"))?;
    let all = list.data.into_iter().flat_map(|folder| folder.hooks);
    Ok(all.filter(|hook| hook.source == FROM_OPTIONS).collect())
}

/// Stores that a person agreed to the hooks with these hashes, which come from [`hooks`].
pub(super) fn trust(
    codex: &Path,
    home: &Path,
    hashes: &BTreeMap<String, String>,
    env: &ProcessEnv,
) -> Result<(), String> {
    let edits = hashes.iter().map(|(key, hash)| {
        let path = format!("hooks.state.{}.trusted_hash", Value::from(key.as_str()));
        json!({ "keyPath": path, "value": hash, "mergeStrategy": "upsert" })
    });
    let edits: Vec<Value> = edits.collect();
    ask(codex, home, &[], env, "config/batchWrite", json!({ "edits": edits })).map(drop)
}

fn ask(
    codex: &Path,
    home: &Path,
    options: &[OsString],
    env: &ProcessEnv,
    method: &str,
    params: Value,
) -> Result<Value, String> {
    let mut command = Command::new(codex);
    command.args(options).arg("app-server").current_dir(&env.cwd).env("CODEX_HOME", home);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    for name in environment::WITHHELD_VARIABLES {
        command.env_remove(name);
    }
    let conversation = async {
        let mut child = command.spawn().map_err(|error| format!("Codex can't be started: {error}"))?;
        let result = converse(&mut child, method, params).await;
        // Its input is closed, so it ends. If it does not, it is killed.
        let _ = child.wait().await;
        result
    };
    let runtime = context_api::runtime().map_err(|error| error.to_string())?;
    let answer = runtime.block_on(async { tokio::time::timeout(TIMEOUT, conversation).await });
    answer.map_err(|_| format!("Codex did not answer {method} within {} seconds", TIMEOUT.as_secs()))?
}

/// Sends the request after the handshake, and reads lines until its answer. Closes the input of Codex.
async fn converse(child: &mut Child, method: &str, params: Value) -> Result<Value, String> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("Codex has no pipes".to_owned());
    };
    let hello = json!({ "clientInfo": { "name": "deckwatch", "version": env!("CARGO_PKG_VERSION") } });
    for (id, method, params) in [(1, "initialize", hello), (2, method, params)] {
        let line = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let sent = input.write_all(format!("{line}\n").as_bytes()).await;
        sent.map_err(|error| format!("Codex did not read {method}: {error}"))?;
    }
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(mut message) = serde_json::from_str::<Value>(&line) else { continue };
        if message.get("id") != Some(&2.into()) {
            continue;
        }
        return match message.get("error").and_then(|error| error.get("message")).and_then(Value::as_str) {
            Some(error) => Err(format!("Codex refused {method}: {error}")),
            None => Ok(message.get_mut("result").map(Value::take).unwrap_or_default()),
        };
    }
    Err(format!("Codex did not answer {method}"))
}
