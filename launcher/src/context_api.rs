//! The launcher's requests to the Context API: list the ventures, and register them.
//!
//! Each request has a time limit. An API that does not answer delays a start by a few seconds at most.

use std::time::Duration;

use deckwatch_client::outbox::Bounds;
use deckwatch_client::{Api, ApiConfig, ClientError, ContextClient};
use deckwatch_machine::agent::this_host;
use deckwatch_machine::ventures::VentureEntry;
use deckwatch_protocol::{Agent, ErrorCode, ListVentures, Venture, cut};

use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;

const TIMEOUT: Duration = Duration::from_secs(5);
const PAGE: u64 = 100;

/// The ventures that are registered in the API. If the local database does not exist, returns none and does not create it.
pub(crate) fn registered(endpoint: &Endpoint, env: &ProcessEnv) -> Result<Vec<VentureEntry>, LaunchError> {
    let Some(api) = reader(endpoint, env)? else { return Ok(Vec::new()) };
    let ventures = wait(all_ventures(&api))?;
    Ok(ventures.into_iter().map(entry).collect())
}

/// The API to read from. `None` if the local database does not exist yet: reading does not create it.
pub(crate) fn reader(endpoint: &Endpoint, env: &ProcessEnv) -> Result<Option<Api>, LaunchError> {
    Ok(client(endpoint, env)?.map(|client| client.api().clone()))
}

/// The same, with the outbox and the last answers on this machine.
pub(crate) fn client(endpoint: &Endpoint, env: &ProcessEnv) -> Result<Option<ContextClient>, LaunchError> {
    if matches!(endpoint, Endpoint::Embedded) && !env.database().exists() {
        return Ok(None);
    }
    connect(endpoint, env).map(Some)
}

/// The API to write to. The local database is created if it does not exist.
pub(crate) fn writer(endpoint: &Endpoint, env: &ProcessEnv) -> Result<Api, LaunchError> {
    connect(endpoint, env).map(|client| client.api().clone())
}

/// Registers a venture, or updates it.
pub(crate) fn register(venture: &VentureEntry, endpoint: &Endpoint, env: &ProcessEnv) -> Result<(), LaunchError> {
    let client = connect(endpoint, env)?;
    wait(async { client.api().put_venture(&venture.code, &venture.registration()).await.map(drop) })
}

/// Registers the ventures in order. If the API can't be reached for one venture, the rest is not tried.
pub(crate) fn register_all(
    ventures: &[&VentureEntry],
    endpoint: &Endpoint,
    env: &ProcessEnv,
) -> Result<Vec<Result<(), ClientError>>, LaunchError> {
    let client = connect(endpoint, env)?;
    runtime()?.block_on(async {
        let mut answers = Vec::new();
        for venture in ventures {
            // The client limits the time of each call.
            let answer = client.api().put_venture(&venture.code, &venture.registration()).await.map(drop);
            let gone = matches!(answer, Err(ClientError::Unreachable { .. } | ClientError::NotTheApi { .. }));
            answers.push(answer);
            if gone {
                break;
            }
        }
        Ok(answers)
    })
}

async fn all_ventures(api: &Api) -> Result<Vec<Venture>, ClientError> {
    let mut ventures = Vec::new();
    let mut page = ListVentures { limit: PAGE.try_into().ok(), cursor: None };
    loop {
        let answer = api.list_ventures(&page).await?;
        ventures.extend(answer.items);
        if answer.next_cursor.is_none() {
            return Ok(ventures);
        }
        page.cursor = answer.next_cursor;
    }
}

fn connect(endpoint: &Endpoint, env: &ProcessEnv) -> Result<ContextClient, LaunchError> {
    endpoint.unlock()?;
    let vars = |name: &str| endpoint.var(name).map(str::to_owned);
    let config = ApiConfig::from_vars(vars, &env.dirs, &actor());
    let config = config.map_err(|error| LaunchError::Endpoint(error.to_string()))?;
    Ok(ContextClient::connect(config, &env.dirs.data, Bounds::default()))
}

/// The agent name that the embedded engine uses for these calls, because no agent is running yet.
fn actor() -> Agent {
    let (host, end) = (this_host(), "-launcher");
    format!("{}{end}", cut::to_chars(host.as_str(), Agent::MAX_CHARS - end.len()))
        .parse()
        .unwrap_or_else(|_| fallback_agent())
}

#[expect(clippy::expect_used, reason = "a constant of the right form")]
fn fallback_agent() -> Agent {
    "unnamed-launcher".parse().expect("a good name")
}

/// Waits for an answer, with a time limit.
pub(crate) fn wait<T>(work: impl Future<Output = Result<T, ClientError>>) -> Result<T, LaunchError> {
    let answer = runtime()?.block_on(async { tokio::time::timeout(TIMEOUT, work).await });
    let Ok(answer) = answer else {
        let text = format!("the Context API did not answer within {} seconds; try again", TIMEOUT.as_secs());
        return Err(LaunchError::Unreachable(text));
    };
    answer.map_err(as_launch_error)
}

/// The error of a request that the whole command needs.
pub(crate) fn as_launch_error(error: ClientError) -> LaunchError {
    match error {
        ClientError::Unreachable { .. } | ClientError::NotTheApi { .. } => LaunchError::Unreachable(error.to_string()),
        refused if refused.code() == Some(ErrorCode::Unauthorized) => LaunchError::KeyRefused(refused.to_string()),
        other => LaunchError::Api(other.to_string()),
    }
}

/// Creates the runtime for the network requests of this process.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, LaunchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| LaunchError::Api(format!("this process can't send network requests: {error}")))
}

fn entry(venture: Venture) -> VentureEntry {
    VentureEntry {
        code: venture.code,
        name: venture.name,
        github_org: venture.github_org,
        repos: venture.repos,
        capabilities: venture.capabilities,
        infisical_path: None,
        secrets: Vec::new(),
    }
}
