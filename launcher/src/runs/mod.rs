//! Agents on other machines: `launcher run`, `attach`, `ps` and `stop`, and `launcher VENTURE --on MACHINE`.
//!
//! The agent belongs to the machine that it runs on. These commands only ask for it and show what it writes, so a lost
//! connection ends nothing.

mod attach;
mod ending;
mod environment;
mod find;
mod place;
mod positions;
mod ps;
mod run;
mod session;
mod stop;
mod viewer;

use std::str::FromStr;
use std::time::Duration;

use deckwatch_fleet::runs::{InvalidRunId, RunId};
use deckwatch_protocol::{Agent, Host, VentureCode};

pub(crate) use self::attach::{Attach, run as attach, to_agent as attach_to};
pub(crate) use self::ps::{Ps, run as ps};
pub(crate) use self::run::{Run, run};
pub(crate) use self::session::open as session;
pub(crate) use self::stop::{Stop, run as stop};

/// What `launcher run --help` shows below the options.
pub(crate) const RUN_EXAMPLES: &str = "\
Examples:
  launcher run alpha --on mac1 -p \"fix the failing test\"
                                  run a headless agent there and show its events here
  launcher run alpha --on auto -p \"...\" --detach
                                  choose the machine with the most room, and return at once
  launcher run alpha --on mac1 --output text < prompt.txt
                                  read the prompt from standard input
  launcher run alpha --on mac1 -p \"...\" --model opus -- --permission-mode plan
                                  pass arguments to the agent CLI

Ctrl-C leaves the agent at work; `launcher attach` shows what it wrote since, `launcher stop` ends it.";

/// What `launcher attach --help` shows below the options.
pub(crate) const ATTACH_EXAMPLES: &str = "\
Examples:
  launcher attach run_01JD8M7T1K0000000000000000
                                  show what the run wrote since you left, and follow it
  launcher attach mac1:alpha      the newest agent of alpha on mac1, also in a terminal";

/// How long a machine may take for a short answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The run that a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunName {
    /// By its id.
    Id(RunId),
    /// The newest one of the venture on the machine.
    Newest(Host, VentureCode),
    /// The one of the agent on the machine. No command line names it.
    Agent(Host, VentureCode, Agent),
}

impl FromStr for RunName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((machine, venture)) => {
                let machine = machine.parse().map_err(|error| format!("the machine {error}"))?;
                Ok(Self::Newest(machine, venture.parse().map_err(|error| format!("the venture {error}"))?))
            }
            None => text.parse().map(Self::Id).map_err(|error: InvalidRunId| format!("{error}, or MACHINE:VENTURE")),
        }
    }
}
