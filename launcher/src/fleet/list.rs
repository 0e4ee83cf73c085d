//! `launcher fleet list`: the machines, and whether each answers.

use std::io::Write as _;

use clap::Args;
use deckwatch_client::clean::clean_line;
use deckwatch_fleet::host::hello::{Greeting, Hello};
use deckwatch_fleet::members::{Member, Waiting};
use deckwatch_fleet::status::{self, Reading};
use deckwatch_machine::clock::{ago, now};
use deckwatch_protocol::Host;
use serde_json::{Value, json};

use super::every::failure_json;
use super::members::{Origin, Roster};
use super::{ANSWER_TIMEOUT, ask_every, members};
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
    let outcomes = ask_every(members, env, |remote, member| {
        let dirs = env.dirs.clone();
        async move { Ok(status::read(&remote, &member, &Hello {}, ANSWER_TIMEOUT, &dirs).await) }
    })?;
    let listed: Vec<Listed> =
        outcomes.into_iter().filter_map(|outcome| Some((outcome.member, outcome.result.ok()?))).collect();
    if list.json {
        json_output::print(&as_json(&listed, &waiting, &origin))?;
    } else {
        output::print(|out| writeln!(out, "{}", drawn(&listed, &waiting)))?;
    }
    let failed = listed.iter().filter(|(_, reading)| reading.failure().is_some()).count();
    if failed == 0 { Ok(()) } else { Err(LaunchError::MembersFailed { failed, of: listed.len() }) }
}

/// A machine, and what it answered now or earlier.
type Listed = (Member, Reading<Greeting>);

fn drawn(listed: &[Listed], waiting: &[Waiting]) -> String {
    let changes = |hostname: &Host| waiting.iter().any(|waiting| waiting.hostname == *hostname);
    let mut rows: Vec<_> = listed
        .iter()
        .map(|(member, reading)| {
            let state = match reading {
                Reading::Fresh(greeting) => format!("answers, Deckwatch {}", greeting.version),
                Reading::Missing { failure, last: None } => failure.to_string(),
                Reading::Missing { failure, last: Some(last) } => {
                    let age = ago(last.taken_at, now());
                    format!("stale: answered {age}, Deckwatch {}; {failure}", last.answer.version)
                }
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

fn as_json(listed: &[Listed], waiting: &[Waiting], origin: &Origin) -> Value {
    let machines = listed.iter().map(|(member, reading)| {
        json!({
            "hostname": member.hostname, "tailscale_ip": member.tailscale_ip, "os": member.os, "arch": member.arch,
            "answers": reading.failure().is_none(), "version": reading.answer().map(|greeting| &greeting.version),
            "stale": reading.is_stale(), "age_seconds": reading.age_seconds(now()),
            "failure": failure_json(reading.failure()),
        })
    });
    let (source, as_of) = match origin {
        Origin::Registry => ("registry", None),
        Origin::LastAnswer { taken_at } => ("last_answer", Some(taken_at)),
        Origin::File => ("file", None),
    };
    json!({ "source": source, "as_of": as_of, "machines": machines.collect::<Vec<_>>(), "waiting": waiting })
}
