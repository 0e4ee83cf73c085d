//! `launcher send`, `launcher inbox` and `launcher watch`: a person writes to agents, reads what they wrote, and follows what
//! happens.
//!
//! A person has no session. The engine knows a person by an admin key, or by a token with the scope `human`.

mod inbox;
mod send;
mod source;
mod watch;

use clap::Args;
use clap::builder::PossibleValuesParser;
use clap_complete::engine::ArgValueCandidates;
use deckwatch_protocol::{EventKind, MessageId, MessageKind, PersonName, Priority};

pub(crate) use self::inbox::run as inbox;
pub(crate) use self::send::run as send;
pub(crate) use self::watch::run as watch;
use crate::completions;
use crate::target::Target;

/// What `launcher send --help` shows below the options.
pub(crate) const SEND_EXAMPLES: &str = "\
Examples:
  launcher send mac1-claude-1 \"Please rebase on main.\"
                                  to one agent
  launcher send @frontend mac2-codex-1 --kind question \"Who owns the CSS?\"
                                  to a group and an agent
  launcher send @all --priority now - <note.md
                                  the text of a file, also to agents that do not want to be disturbed
  launcher send --reply-to msg_01K... \"Yes.\"
                                  to the sender of that message

The last argument is the text. You send as `human:<name>`: with the admin key in ADMIN_API_KEY, or with a token of the scope \
`human` in CONTEXT_API_KEY or [api]. An agent sees the message at its next turn; if it is away, the message waits for it. \
A person can't send sealed messages.

Exit codes:
  2     the command line is wrong
  18    the message was not sent, or it is not known whether it was";

/// What `launcher inbox --help` shows below the options.
pub(crate) const INBOX_EXAMPLES: &str = "\
Examples:
  launcher inbox                   the unread messages to people of the venture of this repository
  launcher inbox --all             those of all ventures
  launcher inbox --keep            leave them unread
  launcher inbox msg_01K...        one message in full, also one that was read
  launcher inbox msg_01K... --ack  the same, and tell its sender that you have seen it
  launcher inbox --json            for scripts: the fields of the API

What is shown is marked as read for all people of the team, because they have one mailbox. `launcher send --reply-to` answers.

Exit codes:
  18    the API did not answer, or the key is not that of a person
  20    there is no such message";

/// What `launcher watch --help` shows below the options.
pub(crate) const WATCH_EXAMPLES: &str = "\
Examples:
  launcher watch                                    what happens in the venture of this repository
  launcher watch --all                              in all ventures
  launcher watch --kinds agent_waiting,work_done    only these kinds of events
  launcher watch --json | jq .subject               one JSON object a line

It shows each event as it happens, with its time in UTC, until Ctrl-C ends it with exit code 0. If the API goes away, it says so \
and goes on when the API is back, without a gap. docs/api.md explains the kinds of events.";

/// Which venture a command is about.
#[derive(Debug, Args)]
struct Place {
    /// Code of the venture, or `.` for the one of the repository you are in, which is the default
    #[arg(long, value_name = "VENTURE", add = ArgValueCandidates::new(completions::ventures))]
    venture: Option<Target>,

    /// Use the records of this machine, whatever API is configured
    #[arg(long)]
    local: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The options of `launcher send`.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The recipients (agents, @group, @group:role, @all, human), and last the text, or `-` for standard input
    #[arg(value_name = "TO|TEXT", required = true, add = ArgValueCandidates::new(completions::agents))]
    arguments: Vec<String>,

    /// What the message is; the default is `note`, or `answer` with --reply-to
    #[arg(long, value_name = "KIND", value_parser = kind_parser())]
    kind: Option<MessageKind>,

    /// `now` also reaches agents that do not want to be disturbed
    #[arg(long, value_name = "PRIORITY", value_parser = priority_parser(), default_value = "next")]
    priority: Priority,

    /// The message that this one answers
    #[arg(long, value_name = "ID")]
    reply_to: Option<MessageId>,

    /// Ask the recipients to acknowledge the message
    #[arg(long)]
    ack: bool,

    /// Your name, if you send with an admin key; the default is the name of your user
    #[arg(long, value_name = "NAME")]
    name: Option<PersonName>,

    #[arg(long, hide = true)]
    sealed: bool,

    #[command(flatten)]
    place: Place,
}

/// The options of `launcher inbox`.
#[derive(Debug, Args)]
pub(crate) struct Inbox {
    /// The message to show in full; without it, the unread ones
    #[arg(value_name = "ID", conflicts_with_all = ["all", "limit"])]
    id: Option<MessageId>,

    /// Acknowledge it
    #[arg(long, requires = "id")]
    ack: bool,

    /// Leave what is shown unread
    #[arg(long, conflicts_with = "ack")]
    keep: bool,

    /// Show the messages of all ventures
    #[arg(long, conflicts_with = "venture")]
    all: bool,

    /// Show at most N messages
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,

    #[command(flatten)]
    place: Place,
}

/// The options of `launcher watch`.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Show only events of these kinds, with commas between them
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = event_parser())]
    kinds: Vec<EventKind>,

    /// Show the events of all ventures, and those of the whole team
    #[arg(long, conflicts_with = "venture")]
    all: bool,

    #[command(flatten)]
    place: Place,
}

fn kind_parser() -> impl clap::builder::TypedValueParser<Value = MessageKind> {
    words(MessageKind::ALL, MessageKind::as_str)
}

fn priority_parser() -> impl clap::builder::TypedValueParser<Value = Priority> {
    words(&[Priority::Next, Priority::Now], Priority::as_str)
}

fn event_parser() -> impl clap::builder::TypedValueParser<Value = EventKind> {
    words(EventKind::ALL, EventKind::as_str)
}

/// Accepts exactly the words of these values. clap then lists them, completes them, and suggests the nearest one.
fn words<T: Copy + std::marker::Send + Sync>(
    all: &'static [T],
    word: fn(T) -> &'static str,
) -> impl clap::builder::TypedValueParser<Value = T> {
    use clap::builder::TypedValueParser as _;
    PossibleValuesParser::new(all.iter().map(|one| word(*one)))
        .try_map(move |given| all.iter().copied().find(|one| word(*one) == given).ok_or("is not one of the values"))
}
