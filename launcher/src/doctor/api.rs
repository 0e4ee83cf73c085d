//! Checks the Context API: its answer, the key, its clock, its version and its notice to the operator.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use deckwatch_client::clean::clean_line;
use deckwatch_client::{Api, ClientError};
use deckwatch_machine::clock::now;
use deckwatch_machine::variables::API_KEY;
use deckwatch_protocol::{ErrorCode, Health, ListVentures, Version};

use super::outbox;
use crate::check::Check;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::process_env::ProcessEnv;
use crate::program_source::ProgramSource;

const TIMEOUT: Duration = Duration::from_secs(5);
/// Clocks further apart than this make ages and logs hard to read.
const MAX_CLOCK_SKEW_SECONDS: u64 = 30;

/// Runs every check that needs the API. If the API does not answer, only one check is returned for it.
pub(super) async fn check(endpoint: &Endpoint, env: &ProcessEnv) -> Vec<Check> {
    let place = endpoint.describe(env);
    let client = match context_api::client(endpoint, env) {
        Ok(Some(client)) => client,
        Ok(None) => {
            return vec![Check::ok("api", format!("the database of this machine; the first launch creates {place}"))];
        }
        Err(error) => return vec![Check::failed_with("api", &error)],
    };
    let mut checks: Vec<Check> = outbox::check(&client).await;
    let api = client.api();
    let begun = Instant::now();
    let health = match with_timeout(api.health()).await {
        Ok(health) => health,
        Err(failure) => {
            checks.insert(0, Check::fail("api", failure.what(), failure.fix(endpoint)));
            return checks;
        }
    };
    let took = begun.elapsed();
    let answers = format!("{place} answers in {} ms, engine {}", took.as_millis(), health.engine);
    checks.insert(0, Check::ok("api", answers));
    checks.push(key(api, endpoint).await);
    checks.extend(writes(&health));
    checks.extend(notice(&health));
    checks.push(clock(&health));
    checks.push(match with_timeout(api.version()).await {
        Ok(version) => versions(&version, env),
        Err(failure) => Check::warn("versions", failure.what(), failure.fix(endpoint)),
    });
    checks
}

async fn key(api: &Api, endpoint: &Endpoint) -> Check {
    match (with_timeout(api.list_ventures(&ListVentures::default())).await, endpoint) {
        (Ok(_), Endpoint::Embedded) => Check::ok("key", "the database of this machine needs no key"),
        (Ok(ventures), Endpoint::Remote { .. }) => {
            Check::ok("key", format!("accepted; {}", registered(ventures.total)))
        }
        (Err(failure), _) => Check::fail("key", failure.what(), failure.fix(endpoint)),
    }
}

fn registered(ventures: u32) -> String {
    if ventures == 1 { "1 venture is registered".to_owned() } else { format!("{ventures} ventures are registered") }
}

/// Warns if another process keeps the API from writing.
fn writes(health: &Health) -> Option<Check> {
    let seconds = health.writes_wait_seconds?;
    let detail = format!("writes have waited for {seconds} s: another process has locked the database");
    Some(Check::warn("writes", detail, "end that process; until then the API refuses writes"))
}

/// Warns with the text that the API has for its operator.
fn notice(health: &Health) -> Option<Check> {
    let notice = health.notice.as_deref()?;
    Some(Check::warn("notice", clean_line(notice), "do it on the machine of the API, or ask its operator"))
}

fn clock(health: &Health) -> Check {
    let local = now();
    let apart = local.seconds_since(health.time).max(health.time.seconds_since(local));
    let detail = format!("differs by {apart} s from the clock of the API");
    if apart <= MAX_CLOCK_SKEW_SECONDS {
        return Check::ok("clock", detail);
    }
    Check::warn("clock", detail, "synchronise the clock of this machine with NTP")
}

fn versions(version: &Version, env: &ProcessEnv) -> Check {
    let own = env!("CARGO_PKG_VERSION");
    let detail =
        format!("API {} (commit {}), {} migrations", version.version, version.commit, version.migrations.len());
    if version.migrations.is_empty() {
        return Check::warn("versions", detail, "apply the migrations of this API's database");
    }
    match version.compared_with(own) {
        Ordering::Equal => Check::ok("versions", detail),
        Ordering::Less => {
            let fix = format!(
                "the API is older than this launcher, which is {own}: ask its operator to deploy {own}; until then, some \
                 requests may be refused"
            );
            Check::warn("versions", detail, fix)
        }
        Ordering::Greater => {
            let how = ProgramSource::of(env).how_to_update(env);
            Check::warn("versions", detail, format!("this launcher is {own}, older than the API: {how}"))
        }
    }
}

/// The reason why a call has no answer.
enum Failure {
    Slow,
    Error(ClientError),
}

async fn with_timeout<T>(call: impl Future<Output = Result<T, ClientError>>) -> Result<T, Failure> {
    match tokio::time::timeout(TIMEOUT, call).await {
        Ok(answer) => answer.map_err(Failure::Error),
        Err(_) => Err(Failure::Slow),
    }
}

impl Failure {
    fn what(&self) -> String {
        match self {
            Self::Slow => format!("no answer within {} s", TIMEOUT.as_secs()),
            // The fix is in its own line.
            Self::Error(ClientError::Unreachable { endpoint, cause, .. }) => {
                format!("can't reach the Context API at {endpoint}: {cause}")
            }
            Self::Error(error) => error.to_string(),
        }
    }

    fn fix(&self, endpoint: &Endpoint) -> String {
        match (self, endpoint) {
            (Self::Slow, Endpoint::Embedded) => {
                "see the check `database`; if it is ok, the database was busy: run this again".to_owned()
            }
            (_, Endpoint::Embedded) => "check the disk; `./scripts/backup restore` brings a backup back".to_owned(),
            (Self::Error(error), _) if error.asks_to_wait().is_some() => {
                let seconds = error.asks_to_wait().unwrap_or_default().as_secs().max(1);
                format!("run this again in {seconds} s; agents that share a key share its rate, so give each its own")
            }
            (Self::Error(error), _) if error.code() == Some(ErrorCode::Unauthorized) => {
                format!("ask the API's admin for a valid key, and export {API_KEY}")
            }
            (Self::Error(error), _) if error.code() == Some(ErrorCode::Forbidden) => {
                "ask the API's admin for a key with the scope context".to_owned()
            }
            (Self::Slow | Self::Error(ClientError::Unreachable { .. }), _) => {
                "check the network and the API's address; agents start without it and queue what they record".to_owned()
            }
            (Self::Error(_), _) => "check the API's address, then ask its operator".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_and_a_newer_api_are_told_apart() {
        let env = ProcessEnv::of_this_process().unwrap();
        for (version, said) in [
            ("0.0.1", "the API is older than this launcher"),
            ("99.0.0", "older than the API: run "),
            (env!("CARGO_PKG_VERSION"), "\"fix\":null"),
        ] {
            let version = Version {
                version: version.to_owned(),
                commit: "0123".to_owned(),
                engine: "worker".to_owned(),
                migrations: vec!["0001_a.sql".to_owned()],
            };
            let check = serde_json::to_string(&versions(&version, &env)).unwrap();
            assert!(check.contains(said), "{check}");
        }
    }
}
