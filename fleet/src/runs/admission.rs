//! How many agents run at once on this machine, and who is next.
//!
//! The machine decides under a lock of its own, so that several launchers that place agents at the same time can't
//! overfill it. All agents that a launcher started count, also those that a person started here.

use deckwatch_machine::agent::{Slot, this_host};
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::VentureCode;
use serde::{Deserialize, Serialize};

use super::{RunId, RunRecord, RunState, Runs};
use crate::wire::{Refusal, RefusalKind};

/// The memory that one agent is expected to use, for the default limit.
const BYTES_PER_AGENT: u64 = 512 * 1024 * 1024;
/// How many agents share a processor core by default: they mostly wait for their model.
const AGENTS_PER_CORE: u64 = 4;

/// How many agents may run at once: `[fleet]` in `config.toml`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// On this machine. By default, 4 for each core and one for each 512 MiB of memory, whichever is less.
    pub max_agents: Option<u32>,
    /// For each venture on this machine. By default, as many as on the machine.
    pub max_agents_per_venture: Option<u32>,
}

impl Limits {
    fn of_machine(self) -> u32 {
        self.max_agents.unwrap_or_else(default_limit)
    }

    fn of_venture(self) -> u32 {
        self.max_agents_per_venture.unwrap_or(u32::MAX).min(self.of_machine())
    }
}

fn default_limit() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let by_memory = system.total_memory() / BYTES_PER_AGENT;
    u32::try_from((cores * AGENTS_PER_CORE).min(by_memory).max(2)).unwrap_or(u32::MAX)
}

/// How much room a machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// The agents that run.
    pub agents: u32,
    /// The most that may run.
    pub limit: u32,
    /// The agents that run for the venture.
    pub venture_agents: u32,
    /// The most that may run for the venture.
    pub venture_limit: u32,
    /// The runs that wait.
    pub queued: u32,
}

impl Room {
    /// How many more agents may start for the venture.
    pub fn free(&self) -> u32 {
        self.limit.saturating_sub(self.agents).min(self.venture_limit.saturating_sub(self.venture_agents))
    }

    /// Why no agent can start now.
    pub fn full_message(&self, venture: &VentureCode) -> String {
        if self.agents >= self.limit {
            format!("the machine runs {} agents, and its limit is {}", self.agents, self.limit)
        } else {
            format!(
                "the machine runs {} agents of {venture}, and the limit is {}",
                self.venture_agents, self.venture_limit
            )
        }
    }
}

/// The agents that run now, each with its venture, and the runs that wait.
struct Census {
    ventures: Vec<VentureCode>,
    queued: Vec<RunRecord>,
}

impl Census {
    fn take(runs: &Runs, dirs: &Dirs) -> Self {
        let live: Vec<RunRecord> = runs.all().into_iter().filter(RunRecord::is_live).collect();
        let (mut queued, running): (Vec<_>, Vec<_>) = live.into_iter().partition(|run| run.state == RunState::Queued);
        // The ids are from the clocks of other machines.
        queued.sort_by_key(|run| (run.created_at, run.id.clone()));
        let of_runs: Vec<u32> = running
            .iter()
            .flat_map(|run| [Some(run.holder.pid), run.process.as_ref().map(|process| process.pid)])
            .flatten()
            .collect();
        let others = Slot::held(dirs, &this_host()).into_iter().filter(|slot| !of_runs.contains(&slot.pid));
        let mut ventures: Vec<VentureCode> = running.into_iter().map(|run| run.venture).collect();
        ventures.extend(others.map(|slot| slot.venture));
        Self { ventures, queued }
    }

    fn room(&self, venture: &VentureCode, limits: Limits) -> Room {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Room {
            agents: count(self.ventures.len()),
            limit: limits.of_machine(),
            venture_agents: count(self.ventures.iter().filter(|other| *other == venture).count()),
            venture_limit: limits.of_venture(),
            queued: count(self.queued.len()),
        }
    }

    /// Lets the runs that wait start in their order, as far as there is room. Returns whether `id` is among them.
    fn admits(mut self, id: &RunId, limits: Limits) -> bool {
        let queued = std::mem::take(&mut self.queued);
        for run in queued {
            if self.room(&run.venture, limits).free() > 0 {
                if run.id == *id {
                    return true;
                }
                self.ventures.push(run.venture);
            }
        }
        false
    }
}

/// How much room this machine has for a venture.
pub fn room(venture: &VentureCode, limits: Limits, dirs: &Dirs) -> Room {
    Census::take(&Runs::of(dirs), dirs).room(venture, limits)
}

/// Gives a new run a place, or puts it in the queue. `record` is written under the lock. Returns the room that was left
/// before. It is refused if there is no place and it may not wait, or if there is less room than it asked for.
pub fn admit(
    record: &mut RunRecord,
    queue: bool,
    at_least_free: Option<u32>,
    limits: Limits,
    dirs: &Dirs,
) -> Result<Room, Refusal> {
    let runs = Runs::of(dirs);
    let _held = runs.lock()?;
    let mut census = Census::take(&runs, dirs);
    let room = census.room(&record.venture, limits);
    let free = room.free();
    let refused = |message: String| Err(Refusal::new(RefusalKind::Full, message));
    if let Some(wanted) = at_least_free
        && free < wanted
    {
        return refused(format!("the machine has room for {free} more agents now, less than it had a moment ago"));
    }
    // The runs that wait already come first.
    census.queued.push(record.clone());
    record.state = if census.admits(&record.id, limits) { RunState::Running } else { RunState::Queued };
    let never_has_room = room.limit == 0 || room.venture_limit == 0;
    if record.state == RunState::Queued && (!queue || never_has_room) {
        return refused(room.full_message(&record.venture));
    }
    runs.write(record)?;
    Ok(room)
}

/// Gives a run that waits its place, if it is its turn.
pub fn try_next(record: &mut RunRecord, limits: Limits, dirs: &Dirs) -> Result<bool, Refusal> {
    let runs = Runs::of(dirs);
    let _held = runs.lock()?;
    if !Census::take(&runs, dirs).admits(&record.id, limits) {
        return Ok(false);
    }
    record.state = RunState::Running;
    runs.write(record)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use deckwatch_machine::agent::RunningProcess;

    use super::super::{LaunchRequest, RunKind, Workspace};
    use super::*;

    const LIMITS: Limits = Limits { max_agents: Some(3), max_agents_per_venture: Some(2) };

    fn dirs(home: &std::path::Path) -> Dirs {
        Dirs::from_vars(|name| (name == "HOME").then(|| home.into())).unwrap()
    }

    fn new_run(venture: &str, runs: &Runs) -> RunRecord {
        let id = RunId::mint().unwrap();
        // Ids of the same millisecond have no order.
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(runs.create(&id).unwrap());
        let launch = LaunchRequest {
            venture: venture.parse().unwrap(),
            agent: None,
            model: None,
            output: None,
            track: None,
            issue: None,
            folder: None,
            workspace: Workspace::Shared,
            flags: Vec::new(),
            agent_args: Vec::new(),
        };
        let holder = RunningProcess::find(std::process::id()).unwrap();
        RunRecord::new(id, RunKind::Headless, &launch, holder)
    }

    #[test]
    fn a_machine_admits_up_to_its_limits_and_then_in_order() {
        let home = tempfile::tempdir().unwrap();
        let dirs = dirs(home.path());
        let runs = Runs::of(&dirs);
        let admitted = |venture: &str| {
            let mut run = new_run(venture, &runs);
            admit(&mut run, true, None, LIMITS, &dirs).unwrap();
            run
        };
        let first: Vec<RunRecord> = ["alpha", "alpha", "alpha", "beta", "beta"].map(admitted).into();
        let states: Vec<&str> = first.iter().map(|run| run.state.name()).collect();
        assert_eq!(states, ["running", "running", "queued", "running", "queued"]);
        let refused = admit(&mut new_run("gamma", &runs), false, None, LIMITS, &dirs).unwrap_err();
        assert_eq!(refused.message, "the machine runs 3 agents, and its limit is 3");

        let [alpha, _, mut third, _, mut fifth] = <[RunRecord; 5]>::try_from(first).unwrap();
        assert!(!try_next(&mut third, LIMITS, &dirs).unwrap() && !try_next(&mut fifth, LIMITS, &dirs).unwrap());
        runs.write(&RunRecord { state: RunState::Ended { exit_code: Some(0) }, ..alpha }).unwrap();
        assert!(!try_next(&mut fifth, LIMITS, &dirs).unwrap(), "it is behind the third run");
        assert!(try_next(&mut third, LIMITS, &dirs).unwrap());
    }

    #[test]
    fn a_run_of_a_full_venture_does_not_hold_up_another_venture() {
        let home = tempfile::tempdir().unwrap();
        let dirs = dirs(home.path());
        let runs = Runs::of(&dirs);
        let limits = Limits { max_agents: Some(3), max_agents_per_venture: Some(1) };
        let mut states = Vec::new();
        for venture in ["alpha", "alpha", "beta"] {
            let mut run = new_run(venture, &runs);
            admit(&mut run, true, None, limits, &dirs).unwrap();
            states.push(run.state.name());
        }
        assert_eq!(states, ["running", "queued", "running"]);
        let less = admit(&mut new_run("gamma", &runs), false, Some(2), limits, &dirs).unwrap_err();
        assert_eq!(less.kind, RefusalKind::Full);
    }

    #[test]
    fn of_many_who_ask_at_once_only_as_many_as_fit_are_admitted() {
        let home = tempfile::tempdir().unwrap();
        let dirs = dirs(home.path());
        let runs = Runs::of(&dirs);
        let asked: Vec<RunRecord> = (0..12).map(|_| new_run("alpha", &runs)).collect();
        let limits = Limits { max_agents: Some(5), max_agents_per_venture: None };
        let admitted = std::thread::scope(|scope| {
            let ask = |mut run: RunRecord| {
                let dirs = &dirs;
                scope.spawn(move || admit(&mut run, false, None, limits, dirs).is_ok())
            };
            let asked: Vec<_> = asked.into_iter().map(ask).collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).filter(|admitted| *admitted).count()
        });
        assert_eq!(admitted, 5);
    }

    #[test]
    fn the_default_is_at_least_two() {
        assert!(Limits::default().of_machine() >= 2);
    }
}
