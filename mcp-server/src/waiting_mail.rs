//! How many messages wait for the agent, for the reports of other tools.

use std::time::Duration;

use deckwatch_protocol::InboxFilter;

use crate::render::budget::clip;
use crate::render::clean::clean_line;
use crate::sentence::as_sentence;
use crate::session::Keeper;
use crate::total::Total;
use crate::trouble::Trouble;

/// A report does not wait longer for the number.
const TIME_LIMIT: Duration = Duration::from_secs(1);
/// The limit for the error.
const ERROR_COST: usize = 200;

impl Keeper {
    /// A line about the messages that the agent has not seen; `None` if there are none.
    pub(crate) async fn mail_line(&self) -> Option<String> {
        let counted = match tokio::time::timeout(TIME_LIMIT, self.count_mail()).await {
            Ok(counted) => counted.map_err(|trouble| trouble.to_string()),
            Err(_) => Err(format!("the API did not answer within {} s", TIME_LIMIT.as_secs())),
        };
        match counted {
            Ok(Total { count: 0, .. }) => None,
            Ok(Total { count: 1, at_least: false }) => Some("1 message waits for you: call `inbox`.".to_owned()),
            Ok(total) => Some(format!("{total} messages wait for you: call `inbox`.")),
            Err(why) => {
                let why = as_sentence(&clip(&clean_line(&why), ERROR_COST));
                Some(format!("It is not known whether messages wait for you: {why}"))
            }
        }
    }

    /// Counts the messages that the agent has not seen, without taking them.
    pub(crate) async fn count_mail(&self) -> Result<Total, Trouble> {
        let (api, place, me) = (self.identity.api().await?, self.identity.place().await?, self.identity.me().await?);
        let filter = InboxFilter {
            venture: place.venture.code.clone(),
            agent: me.agent.clone(),
            limit: 1_u64.try_into().ok(),
            cursor: None,
        };
        let page = api.list_inbox(&filter).await?;
        let count = usize::try_from(page.total).unwrap_or(usize::MAX);
        Ok(Total { count, at_least: page.total_is_minimum })
    }
}
