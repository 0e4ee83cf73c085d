//! `launcher fleet list`: the machines, and whether each answers.

use std::io::Write as _;

use clap::Args;
use deckwatch_client::clean::clean_line;
use deckwatch_fleet::host::hello::{Greeting, Hello};
use deckwatch_fleet::members::Waiting;
use deckwatch_protocol::Host;
use serde_json::{Value, json};

use super::every::{all_succeeded, failure_json};
use super::members::{Origin, Roster};
use super::{ANSWER_TIMEOUT, Outcome, ask_every, members};
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::{json_output, output, table};

/// The options of `launcher fleet list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only these machines
    #[arg(value_name = "MACHINE")]
    machines: Vec<Host>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(list: &List, env: &ProcessEnv) -> Result<(), LaunchError> {
    let mut roster = members::roster(env)?;
    members::select(&mut roster, &list.machines)?;
    let Roster { members, waiting, origin } = roster;
    let outcomes =
        ask_every(members, env, |remote, member| async move { remote.call(&member, &Hello {}, ANSWER_TIMEOUT).await })?;
    if list.json {
        json_output::print(&as_json(&outcomes, &waiting, &origin))?;
    } else {
        output::print(|out| writeln!(out, "{}", drawn(&outcomes, &waiting)))?;
    }
    all_succeeded(&outcomes)
}

fn drawn(outcomes: &[Outcome<Greeting>], waiting: &[Waiting]) -> String {
    let changes = |hostname: &Host| waiting.iter().any(|waiting| waiting.hostname == *hostname);
    let mut rows: Vec<_> = outcomes
        .iter()
        .map(|Outcome { member, result }| {
            let state = match result {
                Ok(greeting) => format!("answers, Deckwatch {}", greeting.version),
                Err(failure) => failure.to_string(),
            };
            let change = if changes(&member.hostname) { "; its new access waits for approval" } else { "" };
            let state = format!("{state}{change}");
            let system = format!("{}/{}", member.os, member.arch);
            [member.hostname.to_string(), member.tailscale_ip.to_string(), system, clean_line(&state)]
        })
        .collect();
    rows.extend(waiting.iter().filter(|waiting| !waiting.is_member).map(|waiting| {
        [waiting.hostname.to_string(), String::new(), String::new(), "waits for an admin's approval".to_owned()]
    }));
    table::draw(["MACHINE", "ADDRESS", "SYSTEM", "STATE"], &rows, 3, table::terminal_width())
}

fn as_json(outcomes: &[Outcome<Greeting>], waiting: &[Waiting], origin: &Origin) -> Value {
    let machines = outcomes.iter().map(|Outcome { member, result }| {
        let version = result.as_ref().ok().map(|greeting| &greeting.version);
        json!({
            "hostname": member.hostname, "tailscale_ip": member.tailscale_ip, "os": member.os, "arch": member.arch,
            "answers": result.is_ok(), "version": version,
            "failure": failure_json(result),
        })
    });
    let (source, as_of) = match origin {
        Origin::Registry => ("registry", None),
        Origin::LastAnswer { taken_at } => ("last_answer", Some(taken_at)),
        Origin::File => ("file", None),
    };
    json!({ "source": source, "as_of": as_of, "machines": machines.collect::<Vec<_>>(), "waiting": waiting })
}
