//! Recipients of messages: the addresses that a sender can write, and the agents that they stand for.

use std::fmt;
use std::str::FromStr;

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::activity::PublicKey;
use crate::group::{GroupName, Role};
use crate::id::SessionId;
use crate::person::{PersonName, Speaker};
use crate::text::{Agent, VentureCode, impl_text_traits, length, text};
use crate::violation::{Invalid, Violations};

text! {
    /// Who gets a message: the name of an agent, `@group` (with its sub-groups, `@frontend` also reaches `frontend/css`),
    /// `@group:role`, `@all`, `session:<id>` (the agent of this session), `human` (the people of the team), or `human:<name>`,
    /// which is how a person is shown as a sender. People have one mailbox, so the name is only shown.
    Recipient, max 136,
    pattern r"^([A-Za-z0-9][A-Za-z0-9._-]{0,127}|human:[A-Za-z0-9][A-Za-z0-9._-]{0,63}|session:sess_[0-7][0-9A-HJKMNP-TV-Z]{25}|@[a-z0-9][a-z0-9._/-]{0,63}(:[a-z0-9][a-z0-9._-]{0,63})?)$",
    |text| Address::parse(text).map(drop).ok_or(Invalid::new(
        "must be the name of an agent, @group, @group:role, @all, session:<id>, human or human:<name>",
    ))
}

/// What the text of a [`Recipient`] means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    /// The agent with this name.
    Agent(&'a str),
    /// The agents with an active session in this group or in one of its sub-groups.
    Group(&'a str),
    /// The agents with an active session that has this role in this group.
    Role(&'a str, &'a str),
    /// Every agent with an active session.
    All,
    /// The agent of the session with this id.
    Session(&'a str),
    /// The people of the team.
    Human,
}

impl<'a> Address<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        if let Some(group) = text.strip_prefix('@') {
            return match group.split_once(':') {
                None if group == "all" => Some(Self::All),
                None => group.parse::<GroupName>().is_ok().then_some(Self::Group(group)),
                Some((group, role)) => {
                    let is_role = group.parse::<GroupName>().is_ok() && role.parse::<Role>().is_ok();
                    is_role.then_some(Self::Role(group, role))
                }
            };
        }
        if let Some(id) = text.strip_prefix("session:") {
            return id.parse::<SessionId>().is_ok().then_some(Self::Session(id));
        }
        if let Some(name) = text.strip_prefix(Recipient::HUMAN_PREFIX) {
            return name.parse::<PersonName>().is_ok().then_some(Self::Human);
        }
        match text {
            Recipient::HUMAN => Some(Self::Human),
            name => name.parse::<Agent>().is_ok().then_some(Self::Agent(name)),
        }
    }
}

impl Recipient {
    /// The people of the team. An agent with this name can't be addressed and has no mailbox.
    pub const HUMAN: &str = "human";
    /// What stands before the name of a person who is the sender of a message.
    pub const HUMAN_PREFIX: &str = "human:";
    /// For how many days an agent is known after its last start of a day.
    pub const KNOWN_DAYS: i64 = 30;
    /// The maximum number of recipients that a request names.
    pub const MAX_NAMED: usize = 50;
    /// The maximum number of groups among them.
    pub const MAX_GROUPS: usize = 8;
    /// The maximum number of agents that get one message.
    pub const MAX_AGENTS: usize = 200;

    /// What the text means. A checked text always has a meaning.
    pub fn address(&self) -> Address<'_> {
        Address::parse(&self.0).unwrap_or(Address::Agent(&self.0))
    }
}

/// Recipients, with a comma between two of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipients(String);

impl Recipients {
    /// The maximum number of characters.
    pub const MAX_CHARS: usize = 4_000;

    /// These recipients. Fails if they are too many for a URL.
    pub fn of(recipients: &[Recipient]) -> Result<Self, Invalid> {
        recipients.iter().map(Recipient::as_str).collect::<Vec<_>>().join(",").parse()
    }

    /// Each recipient.
    pub fn parse_each(&self) -> Result<Vec<Recipient>, Invalid> {
        self.0.split(',').map(str::parse).collect()
    }
}

impl FromStr for Recipients {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.len() > Self::MAX_CHARS {
            return Err(Invalid::new("must have at most 4000 characters"));
        }
        let recipients = Self(text.to_owned());
        check_number(&recipients.parse_each()?)?;
        Ok(recipients)
    }
}

impl_text_traits!(Recipients, "^[A-Za-z0-9@][A-Za-z0-9@:,._/-]*$", Recipients::MAX_CHARS);

/// Refuses too many recipients.
pub(crate) fn check_number(to: &[Recipient]) -> Result<(), Invalid> {
    let is_group = |one: &&Recipient| matches!(one.address(), Address::Group(_) | Address::Role(..) | Address::All);
    match (to.len(), to.iter().filter(is_group).count()) {
        (0, _) => Err(Invalid::new("must have at least 1 recipient")),
        (n, _) if n > Recipient::MAX_NAMED => Err(Invalid::new("must have at most 50 recipients")),
        (_, groups) if groups > Recipient::MAX_GROUPS => Err(Invalid::new("must have at most 8 groups")),
        _ => Ok(()),
    }
}

/// Asks which agents a message would reach now.
#[derive(Debug, Clone, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = RecipientFilter::checked -> Violations)]
pub struct RecipientFilter {
    /// The session of the sender, if it is an agent. A group never includes the sender.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The venture, if a person asks: with an admin key, or with a token that has the scope `human`.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venture: Option<VentureCode>,
    /// The recipients, with a comma between two of them.
    pub to: Recipients,
}

impl RecipientFilter {
    fn checked(self, _: ValuePointerRef) -> Result<Self, Violations> {
        self.speaker()?;
        Ok(self)
    }

    /// Who asks.
    pub fn speaker(&self) -> Result<Speaker<'_>, Violations> {
        Speaker::of(self.session_id.as_ref(), self.venture.as_ref())
    }
}

/// An agent that a message would reach now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReachedAgent {
    /// The agent, or `human`.
    pub agent: String,
    /// The public key of its newest session. `null` if the agent has none: then no sealed message can be sent to it.
    pub public_key: Option<PublicKey>,
    /// Whether the agent has an active session on the venture. If not, a message waits for it.
    pub is_active: bool,
}

/// The agents that a message would reach now, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReachedAgents {
    /// The number of agents.
    pub total: u32,
    /// All of them.
    pub items: Vec<ReachedAgent>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_has_one_meaning() {
        let session = "session:sess_01KAY7B3G0000000000000000A";
        for (text, address) in [
            ("mac1-claude-1", Address::Agent("mac1-claude-1")),
            ("@frontend/css", Address::Group("frontend/css")),
            ("@frontend:lead", Address::Role("frontend", "lead")),
            ("@all", Address::All),
            ("human", Address::Human),
            ("human:ann.lee", Address::Human),
            (session, Address::Session("sess_01KAY7B3G0000000000000000A")),
        ] {
            assert_eq!(text.parse::<Recipient>().unwrap().address(), address, "{text}");
        }
        let long = format!("@{}", "a".repeat(65));
        for text in [
            "",
            "@",
            "@Front",
            "@a:",
            "@a:B",
            "@/a",
            "session:x",
            "human:",
            "human:a b",
            "humans:ann",
            "a b",
            "@a\"",
            &long,
        ] {
            assert!(text.parse::<Recipient>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_list_of_recipients_is_bounded() {
        assert_eq!("a,@b".parse::<Recipients>().unwrap().parse_each().unwrap().len(), 2);
        let groups = |n: usize| (0..n).map(|n| format!("@g{n}")).collect::<Vec<_>>().join(",");
        assert!(groups(8).parse::<Recipients>().is_ok() && groups(9).parse::<Recipients>().is_err());
        for text in ["", ",", "a,", "a,,b", "a, b", &vec!["a"; 51].join(",")] {
            assert!(text.parse::<Recipients>().is_err(), "{text:?}");
        }
    }
}
