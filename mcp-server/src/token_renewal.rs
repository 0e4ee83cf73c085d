//! Renews the token that the launcher gave to this agent. The token stays the same and is valid for longer, so no other
//! process has to learn of it.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_machine::clock::now;
use deckwatch_machine::variables;
use deckwatch_protocol::{CreateAgentToken, Timestamp, Token, VentureCode};

use crate::session::Keeper;
use crate::trouble::Trouble;

/// How often the time is compared with the end of the token.
const CHECK: Duration = Duration::from_mins(10);
/// A token is renewed this long after it was exchanged or renewed.
const RENEWED_AFTER_SECONDS: i64 = 24 * 60 * 60;

/// Runs until the process ends. Without a token of an agent, there is nothing to do.
pub(crate) async fn run(keeper: Arc<Keeper>) {
    let expires_at = keeper.identity.environment().setting::<Timestamp>(variables::TOKEN_EXPIRES_AT);
    let Ok(Some(mut expires_at)) = expires_at else { return };
    loop {
        if is_due(expires_at, now()) {
            match renew(&keeper).await {
                Ok(Some(later)) => expires_at = later,
                Ok(None) => return,
                Err(trouble) => {
                    log::warn!("the token of this agent is valid until {expires_at} and was not renewed: {trouble}");
                }
            }
        }
        tokio::time::sleep(CHECK).await;
    }
}

fn is_due(expires_at: Timestamp, now: Timestamp) -> bool {
    now.plus_seconds(Token::OF_AGENT_SECONDS - RENEWED_AFTER_SECONDS) > expires_at
}

/// Renews the token. Returns when it expires, or `None` if it belongs to no launch.
async fn renew(keeper: &Keeper) -> Result<Option<Timestamp>, Trouble> {
    let identity = &keeper.identity;
    identity.of_this_launch().await?;
    let venture = identity.environment().setting::<VentureCode>(variables::VENTURE)?;
    let (Some(venture), Some(machine_id)) = (venture, identity.machine_id().await) else { return Ok(None) };
    let agent = identity.me().await?.agent.clone();
    let request = CreateAgentToken { venture, agent, machine_id };
    Ok(identity.api().await?.create_agent_token(&request).await?.record.expires_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_a_day_after_it_was_exchanged() {
        let start = Timestamp::from_millis(1_000_000_000_000);
        let expires_at = start.plus_seconds(Token::OF_AGENT_SECONDS);
        let after = |hours: i64| is_due(expires_at, start.plus_seconds(hours * 60 * 60));
        assert_eq!([0, 23, 24, 25, 24 * 8].map(after), [false, false, false, true, true]);
    }
}
