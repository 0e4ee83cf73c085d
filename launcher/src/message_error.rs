//! The errors of `launcher send`, `inbox` and `watch`: what happened, what to do, which exit code.

use deckwatch_protocol::RepoName;
use thiserror::Error;

use crate::exit_code::ExitCode;

/// Why a person could not send or read messages.
#[derive(Debug, Error)]
pub(crate) enum MessageError {
    /// The command works on one venture, and none is known.
    #[error("it is not known which venture you mean")]
    NoVenture,
    /// No agent has been started in this repository yet, so the database of this machine does not know it.
    #[error("no agent has been started in {0} on this machine yet, so there are no messages and no events of it")]
    NoAgentYet(RepoName),
    /// There are recipients, but no text.
    #[error("there is no message: the last argument is its text")]
    NoText,
    /// There is a text, but no recipient.
    #[error("there is no recipient")]
    NoRecipient,
    /// An argument is not a recipient.
    #[error("`{word}` can't be a recipient: it {reason}")]
    BadRecipient { word: String, reason: String },
    /// The text is not valid.
    #[error("the message can't be sent: its text {0}")]
    BadText(String),
    /// Standard input could not be read.
    #[error("the message can't be read from standard input: {0}")]
    Input(#[source] std::io::Error),
    /// People have no key.
    #[error("a person can't send a sealed message")]
    Sealed,
    /// A message was not sent by someone who can be answered.
    #[error("{0} is a message of Deckwatch itself, which reads no answers")]
    NoReply(String),
    /// The API did not answer, and the message may have arrived.
    #[error("it is not known whether the message was sent: {0}")]
    Unknown(String),
    /// The key is not that of a person.
    #[error("this key can't send or read messages as a person: {0}")]
    NotAPerson(String),
    /// There is no such message, or this person can't read it.
    #[error("there is no message {0} that a person can read")]
    NoSuchMessage(String),
    /// The message did not go to people.
    #[error("the message {0} did not go to `human`, so it can't be acknowledged by a person")]
    NotToPeople(String),
}

impl MessageError {
    /// What to do about the error. `None` if the message already says it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoVenture => "name it with --venture CODE, or change to one of its repositories",
            Self::NoAgentYet(_) => "`launcher .` starts one",
            Self::NoText => {
                "`launcher send mac1-claude-1 \"Please rebase.\"`; `-` in the place of the text reads it from standard input"
            }
            Self::NoRecipient => {
                "name agents, @group, @all or human; with --reply-to, the sender of that message gets it"
            }
            Self::BadRecipient { .. } => "the last argument is the text, so put a text with spaces in quotation marks",
            Self::BadText(_) | Self::Input(_) | Self::NoReply(_) => return None,
            Self::Sealed => {
                "a sealed message is for the keys of agents, and people have none; docs/mesh.md says who can read a message"
            }
            Self::Unknown(_) => "ask the recipient before you send it again",
            Self::NotAPerson(_) => {
                "export ADMIN_API_KEY=<the admin key>, or give CONTEXT_API_KEY a token that an admin created with the scope \
                 `human`"
            }
            Self::NoSuchMessage(_) => "`launcher inbox` shows the unread messages with their ids",
            Self::NotToPeople(_) => "leave out --ack",
        };
        Some(hint.to_owned())
    }

    /// The exit code for this error.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoVenture | Self::NoAgentYet(_) => ExitCode::UnknownVenture,
            Self::NoText
            | Self::NoRecipient
            | Self::BadRecipient { .. }
            | Self::BadText(_)
            | Self::Input(_)
            | Self::Sealed
            | Self::NoReply(_)
            | Self::NotToPeople(_) => ExitCode::Usage,
            Self::Unknown(_) | Self::NotAPerson(_) => ExitCode::Api,
            Self::NoSuchMessage(_) => ExitCode::NoRecord,
        }
    }
}
