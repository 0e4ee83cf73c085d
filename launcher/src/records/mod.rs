//! `launcher log`, `launcher handoff` and `launcher notes`: show the records to a person, without an agent.
//!
//! They only read. Control characters in texts of other users are removed or escaped before they reach a terminal:
//! [`text`] does this for people, [`crate::json_output`] for programs. If a team's API can't be reached, [`offline`] has the earlier
//! answers that this machine keeps.

mod claims;
mod handoff;
mod log;
mod notes;
mod offline;
mod since;
pub(crate) mod source;
mod text;
mod unsent;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use deckwatch_protocol::{Agent, HandoffId, NoteId, NoteKind, NoteTag};

pub(crate) use self::claims::show as claims;
pub(crate) use self::handoff::show as handoff;
pub(crate) use self::log::pages;
pub(crate) use self::log::show as log;
pub(crate) use self::notes::show as notes;
use self::since::Since;
pub(crate) use self::source::{Source, Subject};
pub(crate) use self::text::{Text, when};
use crate::target::Target;
use crate::{claims_guard, completions};

/// What `launcher log --help` shows below the options.
pub(crate) const LOG_EXAMPLES: &str = "\
Examples:
  launcher log                          the records of the venture of this repository
  launcher log --venture alpha          those of alpha
  launcher log --all --since 2d         those of all ventures, of the last two days
  launcher log --agent mac1-claude-1    those of one agent
  launcher log --json                   for scripts: the fields of the API, and `kind`

Without a terminal, no line is cut. If a team's API can't be reached, the command shows what this machine keeps of \
earlier answers and says how old it is; it then exits with 18.";

/// What `launcher handoff --help` shows below the options.
pub(crate) const HANDOFF_EXAMPLES: &str = "\
Examples:
  launcher handoff                 the latest handoff of the repository you are in
  launcher handoff ho_01K...       the handoff with this id; `launcher log` shows the ids
  launcher handoff --json          for scripts: the fields of the API

Exit codes:
  18    the API can't be reached; what this machine keeps of it is shown
  20    there is no such handoff";

/// What `launcher notes --help` shows below the options.
pub(crate) const NOTES_EXAMPLES: &str = "\
Examples:
  launcher notes                     the notes of the venture of this repository, and the global ones
  launcher notes pricing europe      those that contain all of these words, the best first
  launcher notes --all --tag prd     those of all ventures with this tag
  launcher notes --kind memory       what agents remember about the venture
  launcher notes show note_01K...    one note in full
  launcher notes --json              for scripts: the fields of the API";

/// What `launcher claims --help` shows below the options.
pub(crate) const CLAIMS_EXAMPLES: &str = "\
Examples:
  launcher claims                  the claims of the venture of this repository
  launcher claims --all            those of all ventures
  launcher claims --json           for scripts: the fields of the API
  launcher claims guard install    git hooks that refuse an agent's commit to what another agent holds

The claims of this repository are kept on this machine for its git hooks. If a team's API can't be reached, the command \
shows them and says how old they are; it then exits with 18.";

/// The options that all these commands share.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Code of the venture, or `.` for the one of the repository you are in, which is the default
    #[arg(long, value_name = "VENTURE", add = ArgValueCandidates::new(completions::ventures))]
    venture: Option<Target>,

    /// Read the records of this machine, whatever API is configured
    #[arg(long)]
    local: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The options of `launcher log`.
#[derive(Debug, Args)]
pub(crate) struct Log {
    #[command(flatten)]
    selection: Selection,

    /// Show the records of all ventures
    #[arg(long, conflicts_with = "venture")]
    all: bool,

    /// Show the records of this agent only
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completions::agents))]
    agent: Option<Agent>,

    /// Show only records after this time: 30m, 12h, 2d, 1w, a date, or a time such as 2026-11-21T08:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,

    /// Show at most N records
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

/// The options of `launcher handoff`.
#[derive(Debug, Args)]
pub(crate) struct Handoff {
    /// The id of the handoff, ho_...; without it, the latest of the repository you are in
    #[arg(value_name = "ID", conflicts_with = "venture")]
    id: Option<HandoffId>,

    #[command(flatten)]
    selection: Selection,
}

/// The options of `launcher claims`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Claims {
    #[command(flatten)]
    selection: Selection,

    /// Show the claims of all ventures
    #[arg(long, conflicts_with = "venture")]
    all: bool,

    #[command(subcommand)]
    command: Option<ClaimsCommand>,
}

/// The subcommands of `launcher claims`.
#[derive(Debug, Subcommand)]
enum ClaimsCommand {
    /// Git hooks that keep an agent from committing to what another agent holds
    #[command(subcommand, after_help = claims_guard::EXAMPLES)]
    Guard(claims_guard::Guard),
}

/// The options of `launcher notes`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Notes {
    /// Words that the notes must contain
    #[arg(value_name = "QUERY")]
    query: Vec<String>,

    #[command(flatten)]
    selection: Selection,

    /// Show the notes of all ventures
    #[arg(long, conflicts_with = "venture")]
    all: bool,

    /// Show only notes with this tag
    #[arg(long)]
    tag: Option<NoteTag>,

    /// Show what agents remember in place of the notes of people: `--kind memory`
    #[arg(long, value_name = "KIND", default_value = "note", value_parser = parse_kind, hide_possible_values = true)]
    kind: NoteKind,

    /// Show the archived notes in place of the others
    #[arg(long)]
    archived: bool,

    /// Show at most N notes
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,

    #[command(subcommand)]
    command: Option<NotesCommand>,
}

fn parse_kind(text: &str) -> Result<NoteKind, String> {
    let kinds = [NoteKind::Note, NoteKind::Memory];
    kinds.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| "the kinds are note and memory".to_owned())
}

/// The subcommands of `launcher notes`.
#[derive(Debug, Subcommand)]
enum NotesCommand {
    /// Show one note in full
    Show {
        /// The id of the note, note_... or mem_...; `launcher notes` shows the ids
        #[arg(value_name = "ID")]
        id: NoteId,

        /// Read the records of this machine, whatever API is configured
        #[arg(long)]
        local: bool,

        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
