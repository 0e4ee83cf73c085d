//! The steps of a run. They are data, so that a run that fails can be repeated and shortened.

use fastrand::Rng;

/// What happens next. A number selects among what there is, so that each step fits each state.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// An agent starts its day: in the process that runs, or in a new one, on a machine.
    Start {
        agent: usize,
        is_new: bool,
        machine: u8,
        takes_over: bool,
    },
    /// A process says that it is alive.
    Beat(By),
    /// A process changes how messages reach its agent.
    Update(By, u8),
    End(By),
    Send {
        by: By,
        to: [u8; 2],
        is_urgent: bool,
        minutes: u8,
    },
    Take {
        by: By,
        limit: u8,
        again: bool,
    },
    Report {
        by: By,
        of: [u8; 2],
        status: u8,
        minutes_ago: u8,
    },
    Claim {
        by: By,
        subjects: [u8; 2],
        takes: bool,
    },
    Release {
        by: By,
        of: u8,
    },
    /// The clock goes on, or back.
    Pass {
        seconds: i64,
    },
    Sweep,
    /// The engine is killed, and starts again on what is on its disk.
    Crash,
    /// The next write is not done, or it is done and its answer is lost. The client sends it again.
    Trouble {
        is_done: bool,
    },
}

/// A process of an agent: the newest one, or an older one that does not know that it was replaced.
#[derive(Debug, Clone, Copy)]
pub(super) struct By {
    pub(super) agent: usize,
    pub(super) older: u8,
}

impl Step {
    pub(super) fn random(rng: &mut Rng) -> Self {
        let agent = rng.usize(..super::model::AGENTS);
        let by = By { agent, older: if rng.u8(..5) == 0 { rng.u8(1..4) } else { 0 } };
        let two = [rng.u8(..), rng.u8(..)];
        match rng.u8(..100) {
            0..12 => {
                let (is_new, machine) = (rng.u8(..3) == 0, u8::from(rng.u8(..8) == 0));
                Self::Start { agent, is_new, machine, takes_over: rng.u8(..3) == 0 }
            }
            12..20 => Self::Beat(by),
            20..26 => Self::Update(by, rng.u8(..)),
            26..29 => Self::End(by),
            29..49 => Self::Send { by, to: two, is_urgent: rng.u8(..4) == 0, minutes: rng.u8(..) },
            49..63 => Self::Take { by, limit: rng.u8(1..8), again: rng.u8(..4) == 0 },
            63..75 => Self::Report { by, of: two, status: rng.u8(..8), minutes_ago: rng.u8(..30) },
            75..84 => Self::Claim { by, subjects: two, takes: rng.u8(..3) == 0 },
            84..88 => Self::Release { by, of: rng.u8(..) },
            88..95 => Self::Pass { seconds: seconds(rng) },
            95..97 => Self::Sweep,
            97 => Self::Crash,
            _ => Self::Trouble { is_done: rng.bool() },
        }
    }
}

fn seconds(rng: &mut Rng) -> i64 {
    match rng.u8(..10) {
        0..5 => rng.i64(1..60),
        5..8 => rng.i64(60..20 * 60),
        8 => rng.i64(40 * 60..50 * 60),
        _ => -rng.i64(1..10 * 60),
    }
}
