//! The state of members, for commands that only read: a machine that can't be reached is shown from its last answer.

use std::time::Duration;

use deckwatch_machine::clock::{duration, now};
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::members::{Admission, Breaker, LastAnswer, LastAnswers, MAX_JITTER, Member, OpenBreaker, Pass};
use crate::remote::{Failure, Remote};
use crate::wire::Request;

/// What is known about the state of a member.
#[derive(Debug)]
pub enum Reading<T> {
    /// The member answered now.
    Fresh(T),
    /// The member did not answer now.
    Missing {
        /// Why.
        failure: Failure,
        /// Its last answer, which is stale. `None` if this machine has none.
        last: Option<LastAnswer<T>>,
    },
}

impl<T> Reading<T> {
    /// The answer, fresh or stale.
    pub fn answer(&self) -> Option<&T> {
        match self {
            Self::Fresh(answer) => Some(answer),
            Self::Missing { last, .. } => last.as_ref().map(|last| &last.answer),
        }
    }

    /// Whether the answer is an earlier one.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Missing { last: Some(_), .. })
    }

    /// The age of a stale answer in seconds.
    pub fn age_seconds(&self, now: Timestamp) -> Option<u64> {
        match self {
            Self::Missing { last: Some(last), .. } => Some(now.seconds_since(last.taken_at)),
            _ => None,
        }
    }

    /// Why there is no fresh answer.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Fresh(_) => None,
            Self::Missing { failure, .. } => Some(failure),
        }
    }
}

/// Asks a member for its state. A fresh answer is kept for later. A member that was unreachable three times is left alone
/// for a while, and only its last answer is returned.
pub async fn read<R>(remote: &Remote, member: &Member, request: &R, within: Duration, dirs: &Dirs) -> Reading<R::Answer>
where
    R: Request,
    R::Answer: Serialize + DeserializeOwned,
{
    let answers = LastAnswers::to(R::NAME, dirs);
    match guarded(member, dirs, remote.call(member, request, within)).await {
        Ok(answer) => {
            // An answer that can't be kept is still the answer.
            let _ = answers.keep(&member.hostname, &answer, now());
            Reading::Fresh(answer)
        }
        Err(failure) => Reading::Missing { failure, last: answers.last(&member.hostname) },
    }
}

/// Carries out a request unless the breaker of the member is open, and reports its result to the breaker.
pub async fn guarded<T>(
    member: &Member,
    dirs: &Dirs,
    request: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    // If the files of the breaker can't be used, requests are sent without it: they only take longer.
    let pass = match Breaker::of(&member.hostname, dirs).admit(now()) {
        Ok(Admission::Open(open)) => return Err(refused(&open, now())),
        Ok(Admission::Go(pass)) => Some(pass),
        Err(_) => None,
    };
    let result = request.await;
    if let Some(pass) = pass {
        let _ = report(pass, result.as_ref().err());
    }
    result
}

/// A failure other than an unreachable machine is an answer of the machine.
fn report(pass: Pass, failure: Option<&Failure>) -> std::io::Result<()> {
    match failure {
        Some(failure @ (Failure::Unreachable(_) | Failure::TimedOut(_))) => {
            pass.failed(&failure.to_string(), now(), fastrand::u16(0..=MAX_JITTER))
        }
        Some(Failure::NoSsh(_) | Failure::Lost(_)) => Ok(()),
        _ => pass.succeeded(),
    }
}

fn refused(open: &OpenBreaker, now: Timestamp) -> Failure {
    let next = match open.retry_at {
        None => "another command asks it now".to_owned(),
        Some(at) => match at.seconds_since(now) {
            seconds @ 0..60 => format!("it is asked again in {} s", seconds.max(1)),
            seconds => format!("it is asked again in {}", duration(seconds)),
        },
    };
    Failure::Unreachable(format!("{} requests failed, {next}. The last failure: {}", open.failures, open.cause))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::time::Instant;

    use deckwatch_machine::agent::this_host;

    use super::*;
    use crate::host::hello::{Greeting, Hello};
    use crate::wire::VERSION;

    const WITHIN: Duration = Duration::from_millis(300);

    /// A fleet of this machine only, with a stub as its far side.
    struct Alone {
        home: tempfile::TempDir,
        dirs: Dirs,
        member: Member,
        remote: Remote,
    }

    impl Alone {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.path().into())).unwrap();
            let member = Member {
                hostname: this_host(),
                user: "ann".parse().unwrap(),
                tailscale_ip: "100.64.0.2".parse().unwrap(),
                os: "linux".parse().unwrap(),
                arch: "x86_64".parse().unwrap(),
                ssh_public_key: None,
                host_key: None,
            };
            let remote = Remote::new(home.path().join("launcher")).unwrap();
            Self { home, dirs, member, remote }
        }

        fn answers(&self, version: &str) {
            let done = format!(r#"{{"done":{{"hostname":"server1","version":"{version}"}}}}"#);
            self.does(&format!("read -r _; echo '{done}'; read -r _ || :"));
        }

        fn does(&self, script: &str) {
            let path = self.home.path().join("launcher");
            let text = format!("#!/bin/sh\necho '{{\"deckwatch_fleet\":{VERSION}}}'\n{script}\n");
            deckwatch_machine::durable::write(&path, text.as_bytes()).unwrap();
            std::fs::set_permissions(Path::new(&path), std::fs::Permissions::from_mode(0o755)).unwrap();
        }

        async fn read(&self) -> Reading<Greeting> {
            read(&self.remote, &self.member, &Hello {}, WITHIN, &self.dirs).await
        }
    }

    #[tokio::test]
    async fn a_member_that_hangs_is_shown_from_its_last_answer_and_then_left_alone() {
        let alone = Alone::new();
        alone.does("sleep 5");
        let missing = alone.read().await;
        assert_eq!((missing.answer(), missing.is_stale(), missing.age_seconds(now())), (None, false, None));
        alone.answers("1.0.0");
        let fresh = alone.read().await;
        assert_eq!(fresh.answer().map(|greeting| greeting.version.as_str()), Some("1.0.0"), "{:?}", fresh.failure());
        assert!(!fresh.is_stale() && fresh.failure().is_none());
        alone.does("sleep 5");
        for _ in 0..3 {
            let stale = alone.read().await;
            assert_eq!(stale.answer(), fresh.answer());
            assert!(stale.is_stale() && stale.age_seconds(now()).is_some_and(|age| age < 60));
            assert_eq!(stale.failure(), Some(&Failure::TimedOut(WITHIN)));
        }
        let begun = Instant::now();
        let stale = alone.read().await;
        assert!(begun.elapsed() < WITHIN, "a member whose breaker is open is not asked");
        assert_eq!((stale.answer(), stale.failure().map(Failure::kind)), (fresh.answer(), Some("unreachable")));
        let said = stale.failure().unwrap().to_string();
        assert!(said.contains("3 requests failed, it is asked again in ") && said.contains("did not answer"), "{said}");
    }

    #[tokio::test]
    async fn a_member_that_refuses_is_reachable() {
        let alone = Alone::new();
        for _ in 0..5 {
            let failed = Err::<(), _>(Failure::Authentication("no key".to_owned()));
            let result = guarded(&alone.member, &alone.dirs, async { failed.clone() }).await;
            assert_eq!(result, failed);
        }
    }
}
