//! `preflight`: checks everything that a day needs, and says how to repair each problem.

use std::cmp::Ordering;
use std::time::Instant;

use deckwatch_client::api::Api;
use deckwatch_client::outbox::QueueStatus;
use deckwatch_machine::checkout::{Checkout, CheckoutKind, git_version};
use deckwatch_machine::variables;
use deckwatch_protocol::{ListVentures, Timestamp, Version, Violations};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::now;
use super::remedy::Remedy;
use crate::identity::{VentureSource, is_embedded};
use crate::render::budget::clip;
use crate::render::clean::clean_line;
use crate::session::Keeper;
use crate::total::Total;
use crate::trouble::{Trouble, blocking};

const TEXT_COST: usize = 300;
/// A larger clock difference makes ages and logs hard to read.
const SKEW_SECONDS: u64 = 30;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// Every check, as text.
    pub(super) report: String,
    /// No check failed.
    ok: bool,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Check {
    name: &'static str,
    status: Status,
    #[schemars(skip)]
    detail: String,
    /// What to do; absent when the check is ok.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warn,
    Fail,
}

impl Check {
    fn ok(name: &'static str, detail: impl AsRef<str>) -> Self {
        Self::new(name, Status::Ok, detail.as_ref(), None)
    }

    fn warn(name: &'static str, detail: impl AsRef<str>, fix: &str) -> Self {
        Self::new(name, Status::Warn, detail.as_ref(), Some(fix))
    }

    fn fail(name: &'static str, trouble: &Trouble) -> Self {
        Self::failed(name, &Remedy::of(trouble))
    }

    fn failed(name: &'static str, remedy: &Remedy) -> Self {
        Self::new(name, Status::Fail, &remedy.what, Some(&remedy.fix))
    }

    fn new(name: &'static str, status: Status, detail: &str, fix: Option<&str>) -> Self {
        let cleaned = |text: &str| clip(&clean_line(text), TEXT_COST);
        Self { name, status, detail: cleaned(detail), fix: fix.map(cleaned) }
    }
}

pub(super) async fn call(keeper: &Keeper, Arguments {}: Arguments) -> Result<Facts, Trouble> {
    // Check this machine, the API and GitHub in parallel.
    let (mut checks, api_checks, github) = tokio::join!(local_checks(keeper), api_checks(keeper), github(keeper));
    checks.extend(api_checks);
    checks.push(github);
    Ok(Facts { report: report(&checks), ok: checks.iter().all(|check| check.status != Status::Fail), checks })
}

/// The checks of this machine.
async fn local_checks(keeper: &Keeper) -> Vec<Check> {
    let mut checks = vec![Check::ok("server", format!("deckwatch-mcp {}", env!("CARGO_PKG_VERSION")))];
    checks.push(match blocking(git_version).await {
        Ok(Ok(version)) => Check::ok("git", version),
        Ok(Err(error)) => Check::fail("git", &error.into()),
        Err(trouble) => Check::fail("git", &trouble),
    });
    match keeper.identity.checkout().await {
        Ok(checkout) => checks.push(repository(&checkout)),
        Err(trouble) => checks.push(Check::fail("repository", &trouble)),
    }
    let me = match keeper.identity.of_this_launch().await {
        Ok(()) => keeper.identity.me().await,
        Err(trouble) => Err(trouble),
    };
    checks.push(match me {
        Ok(me) => {
            let held = me.slot.map_or("name set by the launcher".to_owned(), |slot| format!("slot {slot}"));
            Check::ok("agent", format!("{} ({held})", me.agent))
        }
        Err(trouble) => Check::fail("agent", &trouble),
    });
    checks
}

fn repository(checkout: &Checkout) -> Check {
    const NAME: &str = "repository";
    let root = checkout.root.display();
    match (checkout.kind, &checkout.remote, &checkout.branch) {
        (CheckoutKind::NotARepository, _, _) => {
            let detail = format!("{root} is not a git repository");
            Check::warn(
                NAME,
                detail,
                "start the agent inside a clone, or run `git init`; everything else works without it",
            )
        }
        (_, None, _) => {
            let detail = format!("{} has no remote", checkout.repo);
            Check::warn(
                NAME,
                detail,
                "run `git remote add origin <url>`, so that the repository has the same name on other machines",
            )
        }
        (_, Some(_), None) => Check::ok(NAME, format!("{}, detached HEAD", checkout.repo)),
        (_, Some(_), Some(branch)) => Check::ok(NAME, format!("{} on branch {branch}", checkout.repo)),
    }
}

/// The checks that need the API.
async fn api_checks(keeper: &Keeper) -> Vec<Check> {
    match keeper.identity.api().await {
        Ok(api) => checks_of_api(keeper, api).await,
        // The check `agent` reports it.
        Err(Trouble::ForeignLaunch(_)) => Vec::new(),
        Err(trouble) => vec![Check::fail("api", &trouble)],
    }
}

async fn checks_of_api(keeper: &Keeper, api: &Api) -> Vec<Check> {
    let (before, asked) = (now(), Instant::now());
    let health = match api.health().await {
        Ok(health) => health,
        Err(error) => {
            let failed = Check::failed("api", &Remedy::of_call(&error, api.endpoint()));
            return std::iter::once(failed).chain(outbox(keeper).await).collect();
        }
    };
    let took = asked.elapsed();
    let halfway = before.plus_seconds(i64::try_from(took.as_secs() / 2).unwrap_or(0));
    let endpoint = api.endpoint().to_string();
    let engine = if endpoint.contains(&health.engine) { String::new() } else { format!("; engine: {}", health.engine) };
    let mut checks = vec![
        Check::ok("api", format!("{endpoint} answers in {} ms{engine}", took.as_millis())),
        clock(halfway, health.time),
    ];
    checks.extend(outbox(keeper).await);
    let ventures = api.list_ventures(&ListVentures::default()).await;
    let is_accepted = ventures.is_ok();
    checks.push(match ventures {
        Ok(ventures) => Check::ok("key", format!("accepted; {}", registered(ventures.total))),
        Err(error) => Check::failed("key", &Remedy::of_call(&error, api.endpoint())),
    });
    checks.push(match api.version().await {
        Ok(version) => versions(&version),
        Err(error) => Check::failed("versions", &Remedy::of_call(&error, api.endpoint())),
    });
    // Without an accepted key, these checks would only repeat its error.
    if is_accepted {
        checks.push(venture(keeper, api).await);
        checks.push(session(keeper, api).await);
        checks.push(token(keeper, api));
        checks.push(messages(keeper, api).await);
    }
    checks
}

/// Whether handoffs and notes can be queued on this machine while the API is down. Tests it by writing a file.
async fn outbox(keeper: &Keeper) -> Option<Check> {
    const NAME: &str = "outbox";
    match keeper.queue_status().await {
        QueueStatus::NotNeeded => None,
        QueueStatus::Available => {
            Some(Check::ok(NAME, "handoffs and notes can wait on this machine while the API is down"))
        }
        QueueStatus::Unavailable(why) => {
            let fix = "repair that; until then, a handoff or note is lost if the API is down, so keep its text";
            Some(Check::new(NAME, Status::Fail, &why, Some(fix)))
        }
    }
}

/// Only the work queue needs GitHub, so a failure is only a warning.
async fn github(keeper: &Keeper) -> Check {
    const NAME: &str = "github";
    let remote = keeper.identity.checkout().await.ok().and_then(|checkout| checkout.remote);
    match keeper.identity.github().whoami(remote.as_deref()).await {
        Ok((login, source)) => Check::ok(NAME, format!("answers; the token from {source} belongs to {login}")),
        Err(trouble) => Check::warn(NAME, "no issues can be shown; everything else works", &trouble.to_string()),
    }
}

fn registered(ventures: u32) -> String {
    if ventures == 1 { "1 venture is registered".to_owned() } else { format!("{ventures} ventures are registered") }
}

fn clock(local: Timestamp, server: Timestamp) -> Check {
    let skew = local.seconds_since(server).max(server.seconds_since(local));
    let detail = format!("{skew} s away from the API's clock");
    if skew <= SKEW_SECONDS {
        return Check::ok("clock", detail);
    }
    Check::warn("clock", detail, "set this machine's clock from the network (NTP)")
}

fn versions(version: &Version) -> Check {
    let own = env!("CARGO_PKG_VERSION");
    let applied = version.migrations.len();
    let last = version.migrations.last().map_or("none", String::as_str);
    let detail =
        format!("API {} (commit {}), {applied} migrations, the last is {last}", version.version, version.commit);
    if applied == 0 {
        return Check::warn("versions", detail, "apply the migrations to this API's database; see docs/operations.md");
    }
    match version.compared_with(own) {
        Ordering::Equal => Check::ok("versions", detail),
        Ordering::Less => {
            let fix =
                format!("the API is older than this deckwatch-mcp {own}: deploy the API again; see docs/operations.md");
            Check::warn("versions", detail, &fix)
        }
        Ordering::Greater => {
            let fix = format!(
                "this deckwatch-mcp {own} is older than the API: update Deckwatch on this machine; `launcher self update --check` says how"
            );
            Check::warn("versions", detail, &fix)
        }
    }
}

async fn venture(keeper: &Keeper, api: &Api) -> Check {
    let place = match keeper.identity.place().await {
        Ok(place) => place,
        Err(trouble) => return failed_call("venture", &trouble, api),
    };
    let source = match &place.source {
        VentureSource::Environment => "from DECKWATCH_VENTURE".to_owned(),
        VentureSource::File(path) => format!("from {}", path.display()),
        VentureSource::Api => "from the API".to_owned(),
        VentureSource::Repository => "named after the repository; the first start of day registers it".to_owned(),
    };
    Check::ok("venture", format!("{} for {}, {source}", place.venture.code, place.repo))
}

async fn session(keeper: &Keeper, api: &Api) -> Check {
    const NAME: &str = "session";
    let live = match keeper.find().await {
        Ok(Some(live)) => live,
        Ok(None) => return Check::ok(NAME, "none; `sod` starts one"),
        Err(trouble) => return failed_call(NAME, &trouble, api),
    };
    match api.get_session(&live.id).await {
        Ok(session) if session.epoch > live.epoch => {
            let detail = format!("another process of this agent has taken over {}", live.id);
            let fix = "go on in the other process, or call `sod` here to take the session back";
            Check::new(NAME, Status::Fail, &detail, Some(fix))
        }
        Ok(_) => Check::ok(NAME, format!("{} is active", live.id)),
        Err(error) => failed_call(NAME, &error.into(), api),
    }
}

/// Whether the agent has a token of its own. The embedded engine needs none.
fn token(keeper: &Keeper, api: &Api) -> Check {
    const NAME: &str = "token";
    let environment = keeper.identity.environment();
    if is_embedded(api) {
        return Check::ok(NAME, "not needed for the database of this machine");
    }
    match environment.setting::<Timestamp>(variables::TOKEN_EXPIRES_AT) {
        Ok(Some(until)) => Check::ok(NAME, format!("of this agent, valid until {until} and renewed by itself")),
        Ok(None) => Check::warn(
            NAME,
            "the agent uses the key of the team",
            "start the agent with `launcher <venture>`, which gives it a token of its own",
        ),
        Err(invalid) => Check::fail(NAME, &invalid.into()),
    }
}

/// How messages reach the agent, and how many wait.
async fn messages(keeper: &Keeper, api: &Api) -> Check {
    const NAME: &str = "messages";
    let has_hooks = keeper.identity.environment().var(variables::HOOKS).as_deref() == Some("1");
    let way = if has_hooks {
        "shown at your turn by hooks"
    } else {
        "shown only by `inbox`, because no hooks are registered for this launch"
    };
    match keeper.count_mail().await {
        Ok(Total { count: 0, .. }) => Check::ok(NAME, format!("none waits; {way}")),
        Ok(total) => Check::ok(NAME, format!("{total} not seen yet, `inbox` reads them; {way}")),
        Err(trouble) => failed_call(NAME, &trouble, api),
    }
}

/// The failed check for an error of the API or of this machine.
fn failed_call(name: &'static str, trouble: &Trouble, api: &Api) -> Check {
    match trouble {
        Trouble::Api(error) => Check::failed(name, &Remedy::of_call(error, api.endpoint())),
        other => Check::fail(name, other),
    }
}

fn report(checks: &[Check]) -> String {
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let warnings = match count(Status::Warn) {
        1 => "1 warning".to_owned(),
        number => format!("{number} warnings"),
    };
    let mut lines =
        vec![format!("{} checks: {} ok, {warnings}, {} failed", checks.len(), count(Status::Ok), count(Status::Fail))];
    for check in checks {
        let mark = match check.status {
            Status::Ok => "ok  ",
            Status::Warn => "WARN",
            Status::Fail => "FAIL",
        };
        lines.push(format!("{mark} {}: {}", check.name, check.detail));
        lines.extend(check.fix.iter().map(|fix| format!("     fix: {fix}")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_fast_or_slow_is_a_warning() {
        let now = Timestamp::from_millis(1_795_248_000_000);
        assert_eq!(clock(now, now.plus_seconds(20)).status, Status::Ok);
        for seconds in [-90, 90] {
            let check = clock(now, now.plus_seconds(seconds));
            assert_eq!((check.status, check.detail.as_str()), (Status::Warn, "90 s away from the API's clock"));
        }
    }

    #[test]
    fn a_detail_is_one_clean_line() {
        let check = Check::ok("x", format!("a\nb\u{1b}[2Jc {}", "d".repeat(2_000)));
        assert!(check.detail.starts_with("a bc d") && check.detail.len() <= TEXT_COST + 2, "{}", check.detail);
    }
}
