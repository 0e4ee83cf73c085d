//! Reminds an agent to escalate: after the same failure several times, and when its work stands still.
//!
//! Activity is not progress: an agent can call tools for hours while its branch has no new commit. Each reminder is given
//! once for its cause.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use deckwatch_protocol::{Branch, CommitSha, EscalationReason};

/// After how many equal failures in a row the agent is reminded (docs/workflow.md).
const MAX_FAILURES: u32 = 3;
/// How long an agent may work on one problem (docs/workflow.md). The clock stops while the machine sleeps.
pub(crate) const TIME_BOX: Duration = Duration::from_mins(30);

/// What the tool calls of this process show about the progress of the work.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    failures: Mutex<Failures>,
    work: Mutex<Option<Work>>,
}

/// Failures in a row with the same message.
#[derive(Debug, Default)]
struct Failures {
    message: String,
    count: u32,
}

/// The state of the checkout since the last progress.
#[derive(Debug)]
struct Work {
    head: Head,
    since: Instant,
    reminded: bool,
}

/// The branch and the commit of the checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) branch: Option<Branch>,
    pub(crate) commit_sha: Option<CommitSha>,
}

impl Progress {
    /// Counts a call that failed with this message. The reminder comes with the third equal failure in a row. Words with
    /// digits don't count: times and correlation ids differ each time.
    pub(crate) fn failed(&self, message: &str) -> Option<String> {
        let has_digit = |word: &str| word.contains(|c: char| c.is_ascii_digit());
        let message = message.split_whitespace().filter(|word| !has_digit(word)).collect::<Vec<_>>().join(" ");
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.message == message {
            failures.count += 1;
        } else {
            *failures = Failures { message, count: 1 };
        }
        (failures.count == MAX_FAILURES).then(|| {
            format!(
                "This call has failed {MAX_FAILURES} times in a row with the same error. Stop repeating it: escalate, and \
                 say what you tried (/escalate). {}",
                handoff_call(EscalationReason::SameError)
            )
        })
    }

    /// A call succeeded.
    pub(crate) fn succeeded(&self) {
        *self.failures.lock().unwrap_or_else(PoisonError::into_inner) = Failures::default();
    }

    /// A day has begun. A later call changes nothing.
    pub(crate) fn begun(&self, head: Head, now: Instant) {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.get_or_insert(Work { head, since: now, reminded: false });
    }

    /// A handoff was recorded, which is progress.
    pub(crate) fn recorded(&self, head: Head, now: Instant) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = Some(Work { head, since: now, reminded: false });
    }

    /// Whether it is time to look at the checkout: only then git is asked.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.as_ref().is_some_and(|work| !work.reminded && now.duration_since(work.since) >= TIME_BOX)
    }

    /// Looks at the checkout. The reminder is given once until there is progress again.
    pub(crate) fn look(&self, head: Head, now: Instant) -> Option<String> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let work = work.as_mut()?;
        if work.head != head {
            *work = Work { head, since: now, reminded: false };
            return None;
        }
        let stood = now.duration_since(work.since);
        if work.reminded || stood < TIME_BOX {
            return None;
        }
        work.reminded = true;
        let branch = work.head.branch.as_ref().map_or(String::new(), |branch| format!(" on {branch}"));
        Some(format!(
            "For {} minutes, this session has had no new commit{branch} and no handoff. If you have worked on one problem \
             since then, the time-box of {} minutes is over: escalate (/escalate), or take another way. {}",
            stood.as_secs() / 60,
            TIME_BOX.as_secs() / 60,
            handoff_call(EscalationReason::TimeBox)
        ))
    }
}

/// How an agent without slash commands records the escalation.
fn handoff_call(reason: EscalationReason) -> String {
    format!(
        "An escalation is recorded by `handoff` with `keep_open` true, status `blocked` and `escalation` `{}`.",
        reason.as_str()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(branch: &str) -> Head {
        Head { branch: Some(branch.parse().unwrap()), commit_sha: None }
    }

    #[test]
    fn the_third_equal_failure_in_a_row_is_reminded_of_once() {
        let progress = Progress::default();
        assert_eq!((progress.failed("a [corr_1]"), progress.failed("a [corr_2]")), (None, None));
        assert!(progress.failed("a [corr_3]").is_some_and(|text| text.contains("failed 3 times in a row")));
        assert_eq!(progress.failed("a"), None);
        assert_eq!((progress.failed("b"), progress.failed("b"), progress.failed("a")), (None, None, None));
        progress.failed("a");
        progress.succeeded();
        assert_eq!((progress.failed("a"), progress.failed("a")), (None, None));
    }

    #[test]
    fn work_that_stands_still_is_reminded_of_once_until_there_is_progress() {
        let progress = Progress::default();
        let start = Instant::now();
        let after = |minutes| start + Duration::from_mins(minutes);
        assert!(!progress.is_due(after(600)), "the day has not begun");
        progress.begun(head("main"), start);
        progress.begun(head("main"), after(20));
        assert!(!progress.is_due(after(29)) && progress.is_due(after(31)));
        let text = progress.look(head("main"), after(41)).unwrap();
        assert!(
            text.starts_with("For 41 minutes, this session has had no new commit on main and no handoff."),
            "{text}"
        );
        assert_eq!(progress.look(head("main"), after(99)), None);
        assert!(!progress.is_due(after(99)));

        progress.recorded(head("main"), after(100));
        assert_eq!(progress.look(head("fix"), after(131)), None, "another branch is progress");
        assert_eq!(progress.look(head("fix"), after(140)), None);
        assert!(progress.look(head("fix"), after(161)).is_some());
    }
}
