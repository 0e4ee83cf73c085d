//! `deckwatch-mcp`: the MCP server that an agent's CLI starts and speaks with over standard input and output.
//!
//! It answers the handshake before it opens any file or connection. Standard output belongs to the protocol. Log lines
//! go to standard error. The process ends when its input closes or its parent ends.
//!
//! * [`wire`] reads and writes messages; [`server`] implements MCP.
//! * [`tools`], [`resources`] and [`prompts`] are the features that agents call.
//! * [`session`] and [`heartbeat`] manage the agent's session; [`joined`] records which processes work on it.
//! * [`mail_keeper`] takes messages for the hooks of the agent's CLI; [`opening`] starts the day for them.
//! * [`mailbox`] takes messages, [`mail`] keeps them until they are shown.
//! * [`delivery`] sends queued writes; [`offline`] reads the copies on this machine.
//! * [`identity`] finds the agent, its venture and its API; [`github`] reads the work queue.
//! * [`render`] writes the reports; [`budget`] measures and cuts their text.
//! * [`hook`] is called by the hooks of an agent's CLI, and shows messages at the agent's turn.
//! * [`generate`] prints a document of `deckwatch-generator`; [`healing`] stores such documents.

mod budget;
mod claims_copy;
mod delivery;
mod environment;
mod finding;
mod generate;
mod github;
mod healing;
mod heartbeat;
mod hook;
mod identity;
mod joined;
mod logging;
mod mail;
mod mail_keeper;
mod mailbox;
mod offline;
mod opening;
mod own_database;
mod pending;
mod plan;
mod progress;
mod prompts;
mod rebuilt;
mod records;
mod render;
mod resources;
mod schema;
mod sealing;
mod sentence;
mod server;
mod session;
mod token_renewal;
mod tools;
mod total;
mod trouble;
mod waiting_mail;
mod wake;
mod wire;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use deckwatch_client::COMMIT;
use rmcp::service::{QuitReason, ServerInitializeError};
use rmcp::transport::io::stdio_pipes;

use crate::environment::Environment;
use crate::identity::Identity;
use crate::server::Server;
use crate::session::Keeper;
use crate::wire::{Wire, Written};

const USAGE: &str = "\
deckwatch-mcp: the MCP server of Deckwatch. An agent's CLI starts it and speaks with it over standard input and output.

  launcher <venture>                           starts an agent with it
  claude mcp add deckwatch -- deckwatch-mcp    registers it by hand
  deckwatch-mcp generate <document>            prints project-instructions, api or schema of a repository
  deckwatch-mcp hook <cli> <event>             is called by the hooks of an agent's CLI

  --version  --help
";

/// How often to check that the parent process still runs.
const PARENT_CHECK: Duration = Duration::from_secs(2);
/// The time limit for an end of day, and for a report about messages, after the conversation has ended.
const LAST_WRITE: Duration = Duration::from_secs(5);
/// The time limit to tell the API that the agent has left.
const FAREWELL: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_ref().map(|argument| argument.to_str().unwrap_or_default()) {
        None => serve(),
        Some("generate") => generate::run(arguments),
        Some("hook") => hook::run(arguments),
        Some("--version" | "-V") => say(&format!("deckwatch-mcp {} ({COMMIT})\n", env!("CARGO_PKG_VERSION"))),
        Some("--help" | "-h") => say(USAGE),
        Some(_) => {
            eprint!("deckwatch-mcp does not know this argument.\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn say(text: &str) -> ExitCode {
    io::stdout().write_all(text.as_bytes()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

fn serve() -> ExitCode {
    logging::to_stderr();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            log::error!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let keeper = Arc::new(Keeper::new(Identity::new(Environment::of_this_process())));
    let served = runtime.block_on(async {
        let served = tokio::select! {
            served = converse(&keeper) => served,
            () = parent_is_gone() => Ok(()),
            () = asked_to_end() => Ok(()),
        };
        // The answer can't be delivered any more, but a handoff that is being sent must arrive.
        let _ = tokio::time::timeout(LAST_WRITE, keeper.idle()).await;
        let _ = tokio::time::timeout(LAST_WRITE, keeper.mail.reported()).await;
        let _ = tokio::time::timeout(FAREWELL, keeper.leave()).await;
        served
    });
    // A call that still waits for the API must not keep the process alive.
    runtime.shutdown_background();
    served.map_or_else(
        |error| {
            log::error!("{error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

/// Runs the conversation until the input closes.
async fn converse(keeper: &Arc<Keeper>) -> Result<(), String> {
    let written = Written::default();
    let (wire, server) = (Wire::new(stdio_pipes(), written.clone()), Server::new(Arc::clone(keeper), written));
    let running = match Box::pin(rmcp::serve_server(server, wire)).await {
        Ok(running) => running,
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(format!("the conversation did not start: {error}")),
    };
    match running.waiting().await {
        Ok(QuitReason::Closed | QuitReason::Cancelled) => Ok(()),
        Ok(_) | Err(_) => Err("the conversation ended unexpectedly".to_owned()),
    }
}

/// Waits for a signal to end: from an agent's CLI that stops the server, or from a terminal that closes.
async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()];
    let [Ok(mut terminate), Ok(mut hangup), Ok(mut interrupt)] = kinds.map(signal) else {
        log::warn!("could not listen for signals: a signal ends this process without telling the API");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Waits for the parent to end. The input may stay open then, if another process inherited the pipe.
async fn parent_is_gone() {
    let parent = std::os::unix::process::parent_id();
    let mut ticks = tokio::time::interval(PARENT_CHECK);
    while std::os::unix::process::parent_id() == parent {
        ticks.tick().await;
    }
}
