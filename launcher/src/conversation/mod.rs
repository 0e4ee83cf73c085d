//! The agent's conversation: it gets an id, so that a later launch can resume it with the same session.
//!
//! A session belongs to an agent, and the name of an agent depends on its slot. A launch that resumes a conversation
//! therefore gets the slot of that conversation, and with it the session. A fork gets another slot, and so is another
//! agent.

mod arguments;

use std::ffi::OsString;

use deckwatch_fleet::runs::requests::Resumes;
use deckwatch_machine::agent::{
    Conversation as Remembered, Conversations, SessionFiles, SlotRequest, new_conversation_id, this_host,
};
use deckwatch_machine::checkout::Checkout;
use deckwatch_protocol::{ClientSessionId, Track, VentureCode};

use self::arguments::{EarlierConversation, Intent, intent};
use crate::agent_cli::AgentCli;
use crate::process_env::ProcessEnv;

/// What the launcher knows about the conversation before it starts.
pub(crate) struct Conversation {
    /// Its id, if it is known before the agent CLI runs.
    pub(crate) id: Option<ClientSessionId>,
    /// The slot that its agent should get.
    pub(crate) wanted: SlotRequest,
    /// The track of the conversation that is resumed.
    pub(crate) track: Option<Track>,
    /// The arguments to add for the agent CLI.
    pub(crate) args: Vec<OsString>,
}

impl Conversation {
    /// Plans the conversation from the arguments for the agent CLI and the stored conversations. Changes nothing.
    pub(crate) fn plan(
        cli: AgentCli,
        args: &[OsString],
        venture: &VentureCode,
        checkout: &Checkout,
        env: &ProcessEnv,
    ) -> Self {
        let known = Conversations::of(&env.dirs, &this_host(), &cli.client());
        let earlier = |which: EarlierConversation| match which {
            EarlierConversation::Id(id) => Some(id),
            EarlierConversation::OtherName => None,
            EarlierConversation::Latest => {
                latest(cli, checkout, env).or_else(|| known.newest(venture, &checkout.repo).map(|(newest, _)| newest))
            }
        };
        let remembered = |id: &ClientSessionId| {
            let same_place = |found: &Remembered| found.venture == *venture && found.repo == checkout.repo;
            known.find(id).filter(same_place)
        };
        match intent(cli, args) {
            Intent::New(given) => Self::new(cli, given, SlotRequest::Any),
            Intent::Resume(which) => {
                let id = earlier(which);
                let before = id.as_ref().and_then(remembered);
                let wanted = before.as_ref().map_or(SlotRequest::Any, |before| SlotRequest::Exactly(before.slot));
                Self { id, wanted, track: before.and_then(|before| before.track), args: Vec::new() }
            }
            Intent::Fork(which, given) => {
                let before = earlier(which).as_ref().and_then(remembered);
                Self::new(cli, given, before.map_or(SlotRequest::Any, |before| SlotRequest::Except(before.slot)))
            }
            Intent::Unknown => Self { id: None, wanted: SlotRequest::Any, track: None, args: Vec::new() },
        }
    }

    /// A new conversation. Claude Code gets an id from the launcher. The other agent CLIs don't, because some versions of
    /// them take none.
    fn new(cli: AgentCli, given: Option<ClientSessionId>, wanted: SlotRequest) -> Self {
        let made = if given.is_none() && cli == AgentCli::Claude { new_conversation_id() } else { None };
        let args = made.iter().map(|id| OsString::from(format!("--session-id={id}"))).collect();
        Self { id: given.or(made), wanted, track: None, args }
    }
}

/// The earlier conversation that the arguments continue, if another machine can be asked for it.
pub(crate) fn resumed(cli: AgentCli, args: &[OsString]) -> Option<Resumes> {
    match intent(cli, args) {
        Intent::Resume(which) | Intent::Fork(which, _) => match which {
            EarlierConversation::Id(id) => Some(Resumes::Id(id)),
            EarlierConversation::Latest => Some(Resumes::Latest),
            EarlierConversation::OtherName => None,
        },
        Intent::New(_) | Intent::Unknown => None,
    }
}

/// The conversation that the agent CLI itself would resume: the newest of its own files for this repository. Where the
/// agent CLI changes their form, the conversation that the launcher stored is used.
fn latest(cli: AgentCli, checkout: &Checkout, env: &ProcessEnv) -> Option<ClientSessionId> {
    let files = SessionFiles::of(&cli.client(), &env.dirs, |name| env.path_var(name))?;
    files.newest_in(&checkout.root).map(|(id, _)| id)
}
