//! The keys of the agent, and the opening of the sealed messages that it has taken.

use deckwatch_client::sealed::{AgentKeys, KeyPair, open};
use deckwatch_machine::agent_folder::ApiName;
use deckwatch_machine::clock::now;
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{DeliveryReport, InboxItem, Message, PublicKey, ReportInbox, ReportedStatus};

use crate::identity::Identity;
use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

/// Why a sealed message is refused.
const NO_KEY: &str = "key_unavailable";

impl Identity {
    /// The public key to which messages for the agent are sealed. Without one, they are refused, but the day starts.
    pub(crate) async fn public_key(&self) -> Option<PublicKey> {
        let read = async {
            let (api, dirs, agent) = (self.api_name()?, Dirs::from_env()?, self.me().await?.agent.clone());
            Ok::<_, Trouble>(blocking(move || KeyPair::of_agent(&dirs, &api, &agent)).await??.public_key().clone())
        };
        let without = |trouble: &Trouble| log::warn!("messages can't be sealed for this agent: {trouble}");
        read.await.inspect_err(without).ok()
    }

    /// The keys of the agent.
    pub(crate) async fn keys(&self) -> Result<&AgentKeys, Trouble> {
        let find = async || {
            let (api, dirs, agent) = (self.api_name()?, Dirs::from_env()?, self.me().await?.agent.clone());
            let venture = self.place().await?.venture.code.clone();
            Ok(blocking(move || AgentKeys::of_agent(&dirs, &api, &venture, &agent)).await??)
        };
        self.keys.get_or_try_init(find).await
    }

    fn api_name(&self) -> Result<ApiName, Trouble> {
        Ok(ApiName::from_vars(|name| self.environment().var(name), &Dirs::from_env()?))
    }
}

impl Keeper {
    /// The messages of a take with their texts. One that this machine has no key for is refused instead, and its sender is told.
    pub(crate) async fn opened_or_refused(&self, mut items: Vec<InboxItem>) -> Result<Vec<InboxItem>, Trouble> {
        for item in &mut items {
            self.open_message(&mut item.message).await;
        }
        let (unopened, opened): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| is_unopened(&item.message));
        let refused = |item: &InboxItem| DeliveryReport {
            delivery_id: item.delivery_id.clone(),
            status: ReportedStatus::Refused,
            at: now(),
            partial: false,
            reason: NO_KEY.parse().ok(),
        };
        for part in unopened.chunks(ReportInbox::MAX_ITEMS) {
            self.report_mail(self.fence().await?, part.iter().map(refused).collect()).await?;
        }
        Ok(opened)
    }

    /// Opens a message, if it is sealed and not opened yet. A message that was opened has its text, and stays marked as sealed;
    /// its subject, which a sealed message never has, says that the key of its sender has changed.
    pub(crate) async fn open_message(&self, message: &mut Message) {
        if !is_unopened(message) {
            return;
        }
        let opened = async {
            let (keys, api) = (self.identity.keys().await?, self.identity.api().await?);
            Ok::<_, Trouble>(open(api, keys, &self.fence().await?.session_id, message).await)
        };
        match opened.await {
            Ok(Some(opened)) => {
                message.body = opened.text.parse().ok();
                message.subject = opened.changed_key.map(|changed| changed.to_string());
            }
            Ok(None) => {}
            Err(trouble) => log::warn!("the sealed message {} can't be opened: {trouble}", message.id),
        }
    }
}

/// Whether the message is sealed and could not be opened.
pub(crate) fn is_unopened(message: &Message) -> bool {
    message.sealed.is_some() && message.body.is_none()
}
