//! `launcher ps`: the agents on all machines of the fleet.

use std::io::Write as _;

use clap::Args;
use deckwatch_client::clean::clean_line;
use deckwatch_fleet::members::{LastAnswer, LastAnswers};
use deckwatch_fleet::remote::Failure;
use deckwatch_fleet::runs::RunRecord;
use deckwatch_fleet::runs::requests::ListRuns;
use deckwatch_fleet::status;
use deckwatch_machine::clock::{ago, now};
use deckwatch_protocol::{Host, Timestamp};
use serde_json::{Value, json};

use super::{ANSWER_TIMEOUT, ending};
use crate::error::LaunchError;
use crate::fleet::{Outcome, ask_every, members};
use crate::output::warn;
use crate::process_env::ProcessEnv;
use crate::{json_output, output, table};

/// The options of `launcher ps`.
#[derive(Debug, Args)]
pub(crate) struct Ps {
    /// Only these machines
    #[arg(value_name = "MACHINE")]
    machines: Vec<Host>,

    /// Also the runs that have ended
    #[arg(long)]
    all: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The runs of one machine, as far as they are known.
struct Listed {
    machine: Host,
    runs: Vec<RunRecord>,
    /// When an older answer arrived. `None` if the machine has answered now.
    as_of: Option<Timestamp>,
    failure: Option<Failure>,
}

/// Asks all machines at once, and shows the last answer of those that can't be reached.
pub(crate) fn run(ps: &Ps, env: &ProcessEnv) -> Result<(), LaunchError> {
    let outcomes = ask_every(members::named(&ps.machines, env)?, env, |remote, member| {
        let dirs = env.dirs.clone();
        async move { status::guarded(&member, &dirs, remote.call(&member, &ListRuns {}, ANSWER_TIMEOUT)).await }
    })?;
    let (of, failed) = (outcomes.len(), outcomes.iter().filter(|outcome| outcome.result.is_err()).count());
    let answers = LastAnswers::to("runs", &env.dirs);
    let mut listed: Vec<Listed> = outcomes.into_iter().map(|outcome| known(outcome, &answers)).collect();
    if !ps.all {
        for listed in &mut listed {
            listed.runs.retain(|run| !run.state.is_final());
        }
    }
    if ps.json {
        json_output::print(&json!({ "machines": listed.iter().map(as_json).collect::<Vec<_>>() }))?;
    } else {
        output::print(|out| write!(out, "{}", drawn(&listed)))?;
        listed.iter().for_each(warn_of_failure);
    }
    if failed == 0 { Ok(()) } else { Err(LaunchError::MembersFailed { failed, of }) }
}

fn known(outcome: Outcome<Vec<RunRecord>>, answers: &LastAnswers) -> Listed {
    let machine = outcome.member.hostname;
    match outcome.result {
        Ok(runs) => {
            // Without it, a later list of a machine that is off is empty.
            if let Err(error) = answers.keep(&machine, &runs, now()) {
                warn(&format!("the answer of {machine} can't be kept: {error}"));
            }
            Listed { machine, runs, as_of: None, failure: None }
        }
        Err(failure) => {
            let last: Option<LastAnswer<Vec<RunRecord>>> = answers.last(&machine);
            let as_of = last.as_ref().map(|last| last.taken_at);
            Listed { machine, runs: last.map(|last| last.answer).unwrap_or_default(), as_of, failure: Some(failure) }
        }
    }
}

fn drawn(listed: &[Listed]) -> String {
    let now = now();
    let rows: Vec<[String; 7]> = listed
        .iter()
        .flat_map(|listed| listed.runs.iter().map(move |run| (listed, run)))
        .map(|(listed, run)| {
            let stale = listed.as_of.map(|as_of| format!(", stale: as of {}", ago(as_of, now))).unwrap_or_default();
            let exit_code = run.state.exit_code().map(|code| format!(" with exit code {code}")).unwrap_or_default();
            let session = run.session.as_ref().map(|session| format!(", session {session}")).unwrap_or_default();
            [
                run.id.to_string(),
                listed.machine.to_string(),
                run.venture.to_string(),
                clean_line(run.agent.as_deref().unwrap_or("-")),
                run.workspace.to_string(),
                ago(run.started_at.unwrap_or(run.created_at), now),
                clean_line(&format!("{}{exit_code}{session}{stale}", run.state.name())),
            ]
        })
        .collect();
    if rows.is_empty() {
        return "no agents that were started from another machine are known\n".to_owned();
    }
    table::draw(
        ["RUN", "MACHINE", "VENTURE", "AGENT", "WORKSPACE", "STARTED", "STATE"],
        &rows,
        6,
        table::terminal_width(),
    )
}

fn warn_of_failure(listed: &Listed) {
    if let Some(failure) = &listed.failure {
        let shown = match listed.as_of {
            Some(as_of) => format!("its runs are as of {}", ago(as_of, now())),
            None => "its runs are not known".to_owned(),
        };
        warn(&clean_line(&format!("{}: {failure}; {shown}", listed.machine)));
    }
}

fn as_json(listed: &Listed) -> Value {
    let failure = listed.failure.as_ref();
    let age = listed.as_of.map(|as_of| now().seconds_since(as_of));
    json!({
        "hostname": listed.machine,
        "answers": failure.is_none(),
        "stale": listed.as_of.is_some(),
        "as_of": listed.as_of,
        "age_seconds": age,
        "failure": failure.map(|failure| json!({ "kind": ending::kind_of(failure), "message": failure.to_string() })),
        "runs": listed.runs,
    })
}
