//! A circuit breaker for each member, so that commands don't wait again and again for a machine that is off.
//!
//! It is *closed* while the member answers. Three failures in a row *open* it: then requests are refused at once. After a
//! pause, one request is let through, the *probe*. If the probe succeeds, the breaker closes. If it fails, the breaker stays
//! open, for a pause twice as long. All processes of this machine share the state, which is in files; only one of them
//! probes at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;

use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use deckwatch_protocol::{Host, Timestamp};
use serde::{Deserialize, Serialize};

use super::file_stem;

/// Failures in a row that open the breaker.
const MAX_FAILURES: u32 = 3;
/// The first pause in milliseconds.
const FIRST_PAUSE: i64 = 30_000;
/// The longest pause in milliseconds.
const LONGEST_PAUSE: i64 = 300_000;
/// The largest jitter.
pub const MAX_JITTER: u16 = 1000;

/// The breaker of one member.
#[derive(Debug, Clone)]
pub struct Breaker {
    folder: PathBuf,
    stem: String,
}

/// Whether a request may be sent.
#[derive(Debug)]
pub enum Admission {
    /// Send it, and report its result.
    Go(Pass),
    /// Don't send it.
    Open(OpenBreaker),
}

/// Why a request is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBreaker {
    /// The number of requests that failed in a row.
    pub failures: u32,
    /// How the last of them failed.
    pub cause: String,
    /// When the next request may be sent. `None` if a probe runs now.
    pub retry_at: Option<Timestamp>,
}

/// The permission to send one request. If it is dropped without a result, the breaker stays as it is.
#[derive(Debug)]
pub struct Pass {
    breaker: Breaker,
    /// The lock of the probe. The operating system releases it if this process ends.
    probe: Option<File>,
}

/// What a file contains. A closed breaker without failures has no file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    failures: u32,
    cause: String,
    open: Option<Open>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Open {
    /// How often the breaker has opened since the last success.
    openings: u32,
    retry_at: Timestamp,
}

impl Breaker {
    /// The breaker of a member.
    pub fn of(member: &Host, dirs: &Dirs) -> Self {
        Self { folder: dirs.state.join("fleet/breakers"), stem: file_stem(member) }
    }

    /// Asks whether a request may be sent at `now`.
    pub fn admit(&self, now: Timestamp) -> io::Result<Admission> {
        let _turn = self.lock()?;
        let state = self.read();
        let Some(Open { retry_at, .. }) = state.open else { return Ok(Admission::Go(self.pass(None))) };
        let open = |retry_at| OpenBreaker { failures: state.failures, cause: state.cause.clone(), retry_at };
        let wait = retry_at.as_millis() - now.as_millis();
        // After a wait that is longer than any pause, the clock was set back.
        if (1..=LONGEST_PAUSE).contains(&wait) {
            return Ok(Admission::Open(open(Some(retry_at))));
        }
        let probe = self.file("probe")?;
        match probe.try_lock() {
            Ok(()) => Ok(Admission::Go(self.pass(Some(probe)))),
            Err(TryLockError::WouldBlock) => Ok(Admission::Open(open(None))),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn pass(&self, probe: Option<File>) -> Pass {
        Pass { breaker: self.clone(), probe }
    }

    /// Waits for the lock of the state. It is held for one read and one write at most.
    fn lock(&self) -> io::Result<File> {
        let file = self.file("lock")?;
        file.lock()?;
        Ok(file)
    }

    fn file(&self, ending: &str) -> io::Result<File> {
        Dirs::create(&self.folder)?;
        File::options().create(true).write(true).truncate(false).open(self.path(ending))
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.stem))
    }

    /// A file that is missing or damaged is a closed breaker.
    fn read(&self) -> State {
        let text = std::fs::read(self.path("json")).ok();
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    fn write(&self, state: &State) -> io::Result<()> {
        durable::write(&self.path("json"), &serde_json::to_vec(state)?)
    }
}

impl Pass {
    /// The member answered: the breaker closes.
    pub fn succeeded(self) -> io::Result<()> {
        let _turn = self.breaker.lock()?;
        match std::fs::remove_file(self.breaker.path("json")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The member did not answer. `jitter`, from 0 to [`MAX_JITTER`], spreads the next probes of many machines.
    pub fn failed(self, cause: &str, now: Timestamp, jitter: u16) -> io::Result<()> {
        let _turn = self.breaker.lock()?;
        let State { failures, open, .. } = self.breaker.read();
        if open.is_some() && self.probe.is_none() {
            // Another request has opened the breaker meanwhile.
            return Ok(());
        }
        let failures = failures.saturating_add(1);
        let openings = open.map_or(0, |open| open.openings).saturating_add(1);
        let open = (self.probe.is_some() || failures >= MAX_FAILURES)
            .then(|| Open { openings, retry_at: Timestamp::from_millis(now.as_millis() + pause(openings, jitter)) });
        self.breaker.write(&State { failures, cause: cause.to_owned(), open })
    }
}

/// The pause in milliseconds: it doubles with each opening, and the jitter shortens it by up to a quarter.
fn pause(openings: u32, jitter: u16) -> i64 {
    let doublings = openings.saturating_sub(1).min(10);
    let whole = (FIRST_PAUSE << doublings).min(LONGEST_PAUSE);
    whole - whole * i64::from(jitter.min(MAX_JITTER)) / (4 * i64::from(MAX_JITTER))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::path::Path;
    use std::process::{Command, Stdio};

    use super::*;

    const START: i64 = 1_795_248_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(START).plus_seconds(seconds)
    }

    fn breaker(home: &Path) -> Breaker {
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.into())).unwrap();
        Breaker::of(&"server1".parse().unwrap(), &dirs)
    }

    fn pass(breaker: &Breaker, seconds: i64) -> Pass {
        match breaker.admit(at(seconds)).unwrap() {
            Admission::Go(pass) => pass,
            Admission::Open(open) => panic!("open: {open:?}"),
        }
    }

    fn open(breaker: &Breaker, seconds: i64) -> OpenBreaker {
        match breaker.admit(at(seconds)).unwrap() {
            Admission::Go(pass) => panic!("closed: {pass:?}"),
            Admission::Open(open) => open,
        }
    }

    /// Opens the breaker at the start.
    fn opened(home: &Path) -> Breaker {
        let breaker = breaker(home);
        for _ in 0..3 {
            pass(&breaker, 0).failed("off", at(0), 0).unwrap();
        }
        breaker
    }

    #[test]
    fn three_failures_in_a_row_open_it() {
        let home = tempfile::tempdir().unwrap();
        let breaker = breaker(home.path());
        pass(&breaker, 0).failed("off", at(0), 0).unwrap();
        pass(&breaker, 0).failed("off", at(0), 0).unwrap();
        pass(&breaker, 0).succeeded().unwrap();
        for _ in 0..3 {
            pass(&breaker, 1).failed("it is off", at(1), 0).unwrap();
        }
        let expected = OpenBreaker { failures: 3, cause: "it is off".to_owned(), retry_at: Some(at(31)) };
        assert_eq!(open(&breaker, 1), expected);
        assert_eq!(open(&breaker, 30), expected);
        drop(pass(&breaker, 31));
        // The breaker of another member is closed.
        let other = Breaker { stem: "other".to_owned(), ..breaker };
        drop(pass(&other, 1));
    }

    #[test]
    fn a_failed_probe_opens_it_again_for_twice_as_long_up_to_five_minutes() {
        let home = tempfile::tempdir().unwrap();
        let breaker = opened(home.path());
        let mut now = 30;
        for expected in [60, 120, 240, 300, 300] {
            pass(&breaker, now).failed("off", at(now), 0).unwrap();
            assert_eq!(open(&breaker, now).retry_at, Some(at(now + expected)));
            now += expected;
        }
        assert_eq!(open(&breaker, now - 1).failures, 8);
        pass(&breaker, now).succeeded().unwrap();
        for _ in 0..2 {
            pass(&breaker, now).failed("off", at(now), 0).unwrap();
        }
        pass(&breaker, now).failed("off", at(now), 0).unwrap();
        assert_eq!(open(&breaker, now).retry_at, Some(at(now + 30)), "a success starts over");
    }

    #[test]
    fn jitter_shortens_a_pause_by_up_to_a_quarter() {
        assert_eq!([0, 500, 1000, u16::MAX].map(|jitter| pause(1, jitter)), [30_000, 26_250, 22_500, 22_500]);
        assert_eq!(
            [1, 2, 3, 4, 5, u32::MAX].map(|openings| pause(openings, 1000) * 4 / 3 / 1000),
            [30, 60, 120, 240, 300, 300]
        );
    }

    #[test]
    fn one_request_probes_and_the_others_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let breaker = opened(home.path());
        let probe = pass(&breaker, 30);
        assert_eq!(open(&breaker, 30).retry_at, None);
        drop(probe);
        let probe = pass(&breaker, 30);
        probe.succeeded().unwrap();
        drop(pass(&breaker, 30));
    }

    #[test]
    fn a_request_from_before_the_opening_does_not_lengthen_the_pause() {
        let home = tempfile::tempdir().unwrap();
        let late = pass(&breaker(home.path()), 0);
        let breaker = opened(home.path());
        late.failed("off", at(5), 0).unwrap();
        assert_eq!(open(&breaker, 5).retry_at, Some(at(30)));
    }

    #[test]
    fn a_clock_that_was_set_back_and_a_damaged_file_do_not_block_a_member() {
        let home = tempfile::tempdir().unwrap();
        let breaker = opened(home.path());
        drop(pass(&breaker, -3600));
        std::fs::write(breaker.path("json"), "{").unwrap();
        drop(pass(&breaker, 1));
    }

    /// The variable that makes this test a process that asks for a pass.
    const CHILD: &str = "DECKWATCH_TEST_BREAKER_HOME";

    #[test]
    fn one_of_four_processes_probes_and_a_killed_one_blocks_nobody() {
        const NAME: &str = "members::breaker::tests::one_of_four_processes_probes_and_a_killed_one_blocks_nobody";
        if let Some(home) = std::env::var_os(CHILD) {
            let admission = breaker(Path::new(&home)).admit(at(30)).unwrap();
            let said = if matches!(admission, Admission::Go(_)) { "CHILD probes" } else { "CHILD waits" };
            println!("\n{said}");
            std::io::stdout().flush().unwrap();
            let _ = std::io::stdin().read_line(&mut String::new());
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let breaker = opened(home.path());
        let mut children: Vec<_> = (0..4)
            .map(|_| {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["--exact", NAME, "--nocapture"]).env(CHILD, home.path());
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let said: Vec<String> = children
            .iter_mut()
            .map(|child| {
                let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
                lines.into_iter().find(|line| line.starts_with("CHILD ")).unwrap()
            })
            .collect();
        let probes = said.iter().filter(|line| *line == "CHILD probes").count();
        assert_eq!((probes, said.len()), (1, 4), "{said:?}");
        assert_eq!(open(&breaker, 30).retry_at, None);
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        drop(pass(&breaker, 30));
    }
}
