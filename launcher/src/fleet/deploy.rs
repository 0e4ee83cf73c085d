//! `launcher fleet deploy`: updates Deckwatch on every machine at once.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use deckwatch_client::clean::clean_line;
use deckwatch_fleet::host::deploy::{Deploy as Request, Deployed, Outcome as Deployment, Progress};
use deckwatch_fleet::members::Member;
use deckwatch_fleet::remote::{Event, Failure, Remote};
use deckwatch_protocol::{Host, cut};
use serde_json::{Value, json};

use super::health::describe;
use super::{ANSWER_TIMEOUT, Outcome, ask_every, members};
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::{json_output, output, table};

/// How long a machine may take: a little longer than it gives its build.
const TIMEOUT: Duration = Duration::from_mins(40);
/// The longest line of a build that is shown, in characters.
const MAX_LINE: usize = 300;
/// The number of characters of a commit that are shown.
const COMMIT: usize = 12;

/// The options of `launcher fleet deploy`.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// Only these machines
    #[arg(value_name = "MACHINE")]
    machines: Vec<Host>,

    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Print JSON; progress still goes to standard error
    #[arg(long)]
    json: bool,
}

pub(super) fn run(deploy: &Deploy, env: &ProcessEnv) -> Result<(), LaunchError> {
    let dry_run = deploy.dry_run;
    let outcomes = ask_every(members::named(&deploy.machines, env)?, env, |remote, member| async move {
        let answer = update(&remote, &member, dry_run);
        tokio::time::timeout(TIMEOUT, answer).await.unwrap_or(Err(Failure::TimedOut(TIMEOUT)))
    })?;
    if deploy.json {
        json_output::print(&as_json(&outcomes))?;
    } else {
        output::print(|out| write!(out, "{}", drawn(&outcomes)))?;
    }
    let failed = outcomes.iter().filter(|outcome| !succeeded(outcome)).count();
    if failed == 0 { Ok(()) } else { Err(LaunchError::MembersFailed { failed, of: outcomes.len() }) }
}

async fn update(remote: &Arc<Remote>, member: &Member, dry_run: bool) -> Result<Deployed, Failure> {
    let mut exchange = remote.open(member, &Request { dry_run }, ANSWER_TIMEOUT).await?;
    loop {
        match exchange.next().await? {
            Event::Item(Progress { line, .. }) => {
                let line = clean_line(&line);
                output::say(&format!("{}: {}", member.hostname, cut::to_chars(&line, MAX_LINE)));
            }
            Event::Done(deployed) => return Ok(deployed),
        }
    }
}

/// Whether the machine has, or would get, the newest build. A machine that was skipped has not.
fn succeeded(outcome: &Outcome<Deployed>) -> bool {
    let deployment = outcome.result.as_ref().map(|deployed| &deployed.outcome);
    matches!(deployment, Ok(Deployment::Current { .. } | Deployment::Planned { .. } | Deployment::Deployed { .. }))
}

fn drawn(outcomes: &[Outcome<Deployed>]) -> String {
    let rows: Vec<_> = outcomes
        .iter()
        .map(|Outcome { member, result }| {
            let (state, message) = match result {
                Ok(deployed) => described(&deployed.outcome),
                Err(failure) => (failure.kind(), failure.to_string()),
            };
            [member.hostname.to_string(), state.to_owned(), clean_line(&message)]
        })
        .collect();
    let mut text = table::draw(["MACHINE", "RESULT", "DETAILS"], &rows, 2, table::terminal_width());
    let servers: Vec<_> = outcomes.iter().flat_map(old_servers).collect();
    if !servers.is_empty() {
        let heads = ["MACHINE", "SERVER", "HOW TO RESTART IT"];
        text.push('\n');
        text.push_str(&table::draw(heads, &servers, 2, table::terminal_width()));
    }
    text
}

fn old_servers(Outcome { member, result }: &Outcome<Deployed>) -> Vec<[String; 3]> {
    let name = member.hostname.to_string();
    match result.as_ref().map(|deployed| &deployed.old_servers) {
        Ok(Some(servers)) => {
            let row = |server| [name.clone(), describe(server), clean_line(&server.restart)];
            servers.iter().map(row).collect()
        }
        Ok(None) => vec![[name, "not known".to_owned(), "the processes there could not be read in time".to_owned()]],
        Err(_) => Vec::new(),
    }
}

/// One word for the outcome, and its details.
fn described(outcome: &Deployment) -> (&'static str, String) {
    let short = |commit: &str| cut::to_chars(commit, COMMIT).to_owned();
    match outcome {
        Deployment::Skipped { message, .. } => ("skipped", message.clone()),
        Deployment::Current { commit } => ("current", format!("{} is built and installed", short(commit))),
        Deployment::Planned { from, to, .. } if from == to => ("planned", format!("would build {}", short(to))),
        Deployment::Planned { from, to, commits } => {
            let commits = commits.map_or("new commits".to_owned(), |commits| format!("{commits} commits"));
            ("planned", format!("would pull {commits}, from {} to {}, and build", short(from), short(to)))
        }
        Deployment::Deployed { from, to } if from == to => ("deployed", format!("built {}", short(to))),
        Deployment::Deployed { from, to } => ("deployed", format!("from {} to {}", short(from), short(to))),
        Deployment::Failed { message, .. } => ("failed", message.clone()),
    }
}

fn as_json(outcomes: &[Outcome<Deployed>]) -> Value {
    let machines = outcomes.iter().map(|outcome| {
        let Outcome { member, result } = outcome;
        let deployed = result.as_ref().ok();
        let failure = result.as_ref().err();
        json!({
            "hostname": member.hostname,
            "succeeded": succeeded(outcome),
            "result": deployed.map(|deployed| &deployed.outcome),
            "checkout": deployed.map(|deployed| &deployed.checkout),
            "old_servers": deployed.map(|deployed| &deployed.old_servers),
            "failure": failure.map(|failure| json!({ "kind": failure.kind(), "message": failure.to_string() })),
        })
    });
    json!({ "machines": machines.collect::<Vec<_>>() })
}
