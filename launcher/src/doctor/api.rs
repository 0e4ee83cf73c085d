//! The Context API: whether it answers, takes the key, agrees on the time and is of this version.

use std::time::{Duration, Instant};

use deckwatch_client::variables::API_KEY;
use deckwatch_client::{Api, ClientError};
use deckwatch_protocol::{Health, ListVentures, Version};

use super::check::Check;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::list::now;
use crate::surroundings::Surroundings;

const PATIENCE: Duration = Duration::from_secs(5);
/// Clocks further apart than this make ages and logs hard to read.
const SKEW_SECONDS: u64 = 30;

/// Every check that needs the API; one when it does not answer.
pub(super) async fn check(endpoint: &Endpoint, surroundings: &Surroundings) -> Vec<Check> {
    let place = endpoint.describe(surroundings);
    let api = match context_api::reader(endpoint, surroundings) {
        Ok(Some(api)) => api,
        Ok(None) => return vec![Check::ok("api", format!("this machine's own; the first launch makes {place}"))],
        Err(error) => return vec![Check::failed_with("api", &error)],
    };
    let mut checks: Vec<Check> = outbox(&api).await.into_iter().collect();
    let begun = Instant::now();
    let health = match in_time(api.health()).await {
        Ok(health) => health,
        Err(why) => {
            checks.insert(0, Check::fail("api", why, unreachable_fix(endpoint)));
            return checks;
        }
    };
    let took = begun.elapsed();
    let answers = format!("{place} answers in {} ms, engine {}", took.as_millis(), health.engine);
    checks.insert(0, Check::ok("api", answers));
    checks.push(key(&api, endpoint).await);
    checks.extend(writes(&health));
    checks.push(clock(&health));
    checks.push(match in_time(api.version()).await {
        Ok(version) => versions(&version),
        Err(why) => Check::warn("versions", why, "try again"),
    });
    checks
}

/// What waits on this machine for this API and key; nothing where nothing does.
async fn outbox(api: &Api) -> Option<Check> {
    const NAME: &str = "outbox";
    let waiting = api.waiting().await;
    if let Some(why) = &waiting.unreadable {
        return Some(Check::fail(NAME, why.clone(), "mend the disk or the folder: nothing can wait there"));
    }
    let why = waiting.stopped.as_ref().map(|stopped| {
        format!("; none was taken since {}: {}. The next try is at {}", stopped.since, stopped.cause, stopped.again_at)
    });
    let parked = waiting.parked.iter().map(|one| format!("; a {} waits for a person: {}", one.what, one.cause));
    let skipped = waiting.skipped.iter().map(|one| format!("; {} is not sent: {}", one.path.display(), one.cause));
    let (held, aside) = (waiting.held.len(), waiting.set_aside.len());
    let detail = format!(
        "{} not recorded yet{}{}{}; {held} too old to be sent unasked; {aside} refused, in {}",
        waiting.queued,
        why.unwrap_or_default(),
        parked.collect::<String>(),
        skipped.collect::<String>(),
        waiting.path.display()
    );
    if waiting.queued + held + aside + waiting.skipped.len() == 0 {
        return None;
    }
    let fix =
        "mend what it names; what waits is then sent by itself while an agent runs, and `sod` says what became of it";
    Some(Check::warn(NAME, detail, fix))
}

async fn key(api: &Api, endpoint: &Endpoint) -> Check {
    match (in_time(api.list_ventures(&ListVentures::default())).await, endpoint) {
        (Ok(_), Endpoint::Embedded) => Check::ok("key", "none is needed on this machine alone"),
        (Ok(ventures), Endpoint::Remote { .. }) => {
            Check::ok("key", format!("accepted; {} ventures are registered", ventures.total))
        }
        (Err(why), _) => {
            Check::fail("key", why, format!("ask the API's admin for a key that holds, and export {API_KEY}"))
        }
    }
}

/// Whether another process keeps the API from writing.
fn writes(health: &Health) -> Option<Check> {
    let seconds = health.writes_wait_seconds?;
    let detail = format!("writes have waited for {seconds} s: another process holds the database");
    Some(Check::warn("writes", detail, "end that process; until then the API refuses what it can't write"))
}

fn clock(health: &Health) -> Check {
    let local = now();
    let apart = local.seconds_since(health.time).max(health.time.seconds_since(local));
    let detail = format!("{apart} s apart from the API's");
    if apart <= SKEW_SECONDS {
        return Check::ok("clock", detail);
    }
    Check::warn("clock", detail, "let this machine set its clock by the network (NTP)")
}

fn versions(version: &Version) -> Check {
    let own = env!("CARGO_PKG_VERSION");
    let detail =
        format!("API {} (commit {}), {} migrations", version.version, version.commit, version.migrations.len());
    if version.migrations.is_empty() {
        return Check::warn("versions", detail, "apply the migrations of this API's database");
    }
    if version.version != own {
        return Check::warn("versions", detail, format!("this launcher is {own}: bring both to the same version"));
    }
    Check::ok("versions", detail)
}

async fn in_time<T>(call: impl Future<Output = Result<T, ClientError>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

fn unreachable_fix(endpoint: &Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Embedded => "check the disk; `./scripts/backup restore` brings a backup back",
        Endpoint::Remote { .. } => {
            "check the network and the API's address; agents start without it and queue what they record"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_in_either_direction() {
        let at = |seconds| Health {
            status: "ok".into(),
            engine: "worker".into(),
            time: now().plus_seconds(seconds),
            writes_wait_seconds: None,
            notice: None,
            last_sweep: None,
        };
        assert!(format!("{:?}", clock(&at(10))).contains("Ok"));
        for seconds in [-90, 90] {
            assert!(format!("{:?}", clock(&at(seconds))).contains("Warn"), "{seconds}");
        }
    }

    #[test]
    fn writes_that_wait_are_told() {
        let mut health = Health {
            status: "ok".into(),
            engine: "embedded".into(),
            time: now(),
            writes_wait_seconds: None,
            notice: None,
            last_sweep: None,
        };
        assert!(writes(&health).is_none());
        health.writes_wait_seconds = Some(7);
        assert!(format!("{:?}", writes(&health)).contains("waited for 7 s"));
    }

    #[test]
    fn an_api_without_migrations_or_of_another_version_is_told() {
        let of = |version: &str, migrations: &[&str]| {
            let migrations = migrations.iter().map(ToString::to_string).collect();
            format!(
                "{:?}",
                versions(&Version { version: version.into(), commit: "c".into(), engine: "worker".into(), migrations })
            )
        };
        assert!(of(env!("CARGO_PKG_VERSION"), &["0001"]).contains("Ok"));
        assert!(of(env!("CARGO_PKG_VERSION"), &[]).contains("apply the migrations"));
        assert!(of("9.9.9", &["0001"]).contains("to the same version"));
    }
}
