//! Exchanges the shared key of the Context API for the token of one agent, so that the agent does not get the key.
//!
//! A launch must work although the API is down or older than the launcher. Then the agent gets the shared key, and a warning
//! says so. With `--require-secrets`, the launch fails instead.

use deckwatch_client::ClientError;
use deckwatch_machine::agent::machine_uuid;
use deckwatch_machine::variables;
use deckwatch_protocol::{Agent, CreateAgentToken, ErrorCode, MintedToken, VentureCode};

use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::launch_secrets::Granted;
use crate::output::warn;
use crate::process_env::ProcessEnv;
use crate::secrets::Secret;

/// The variables that an agent gets with its token.
pub(crate) type TokenVariables = Vec<(&'static str, String)>;

/// Replaces the shared key among the secrets by the token of this agent.
pub(crate) fn exchange(
    granted: &mut Granted,
    endpoint: &Endpoint,
    venture: &VentureCode,
    agent: &Agent,
    is_required: bool,
    env: &ProcessEnv,
) -> Result<TokenVariables, LaunchError> {
    // Without a key there is nothing to exchange: the embedded engine needs none, and a missing key was reported.
    let Some(key) = endpoint.var(variables::API_KEY) else { return Ok(Vec::new()) };
    let minted = match mint(endpoint, venture, agent, env) {
        Ok(minted) => minted,
        Err(error) if is_required => return Err(error),
        Err(error) => {
            warn(&format!(
                "the agent gets the shared key of the Context API, because it got no token of its own: {error}; with \
                 --require-secrets, the launch fails instead"
            ));
            return Ok(Vec::new());
        }
    };
    let mut variables = vec![(variables::KEY_ACTOR, deckwatch_client::actor_of(key))];
    variables.extend(minted.record.expires_at.map(|at| (variables::TOKEN_EXPIRES_AT, at.to_string())));
    granted.secrets.insert(variables::API_KEY, Secret::new(minted.token));
    Ok(variables)
}

fn mint(
    endpoint: &Endpoint,
    venture: &VentureCode,
    agent: &Agent,
    env: &ProcessEnv,
) -> Result<MintedToken, LaunchError> {
    let machine_id = machine_uuid(&env.dirs).map_err(|error| {
        LaunchError::Api(format!("this machine has no id in {}: {error}", env.dirs.state.display()))
    })?;
    let request = CreateAgentToken { venture: venture.clone(), agent: agent.clone(), machine_id };
    let api = context_api::writer(endpoint, env)?;
    context_api::wait(async {
        match api.create_agent_token(&request).await {
            Err(error) if is_too_old(&error) => Ok(None),
            answer => answer.map(Some),
        }
    })?
    .ok_or_else(|| {
        LaunchError::Api(
            "the Context API is older than this launcher and has no tokens of agents; deploy it again".to_owned(),
        )
    })
}

/// Whether the API does not have the operation.
fn is_too_old(error: &ClientError) -> bool {
    matches!(error.code(), Some(ErrorCode::UnknownRoute | ErrorCode::MethodNotAllowed))
}
