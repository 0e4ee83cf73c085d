//! Slots with real processes.

use std::ffi::OsString;
use std::process::{Child, Command};

use super::*;

struct Machine {
    dirs: Dirs,
    _home: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = OsString::from(home.path());
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| path.clone())).unwrap();
        Self { dirs, _home: home }
    }

    fn claim(&self, client: &str, venture: &str, pid: u32) -> Slot {
        self.claim_wanted(client, venture, pid, SlotRequest::Any)
    }

    fn claim_wanted(&self, client: &str, venture: &str, pid: u32, wanted: SlotRequest) -> Slot {
        let (host, client, venture) = ("mac1".parse().unwrap(), client.parse().unwrap(), venture.parse().unwrap());
        Slot::claim(&self.dirs, &host, &client, &venture, pid, wanted).unwrap()
    }
}

struct Process(Child);

impl Process {
    fn start() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn two_live_agents_never_share_a_slot() {
    let machine = Machine::new();
    let (one, two) = (Process::start(), Process::start());
    assert_eq!(machine.claim("claude", "alpha", one.pid()).agent.as_str(), "mac1-claude-1");
    assert_eq!(machine.claim("claude", "alpha", two.pid()).agent.as_str(), "mac1-claude-2");
}

#[test]
fn each_client_has_its_own_numbers() {
    let machine = Machine::new();
    let (one, two) = (Process::start(), Process::start());
    assert_eq!(machine.claim("claude", "alpha", one.pid()).number, 1);
    assert_eq!(machine.claim("codex", "alpha", two.pid()).agent.as_str(), "mac1-codex-1");
}

#[test]
fn a_process_that_asks_again_keeps_its_slot() {
    let machine = Machine::new();
    let (one, two) = (Process::start(), Process::start());
    machine.claim("claude", "alpha", one.pid());
    let first = machine.claim("claude", "alpha", two.pid());
    assert_eq!(machine.claim("claude", "beta", two.pid()), first);
}

#[test]
fn a_crashed_agent_gets_its_slot_back_for_its_venture() {
    let machine = Machine::new();
    let (alpha, beta) = (Process::start(), Process::start());
    machine.claim("claude", "alpha", alpha.pid());
    machine.claim("claude", "beta", beta.pid());
    drop((alpha, beta));

    let (beta, alpha, other) = (Process::start(), Process::start(), Process::start());
    assert_eq!(machine.claim("claude", "beta", beta.pid()).number, 2);
    assert_eq!(machine.claim("claude", "alpha", alpha.pid()).number, 1);
    assert_eq!(machine.claim("claude", "gamma", other.pid()).number, 3);
}

#[test]
fn the_wanted_slot_is_given_unless_another_agent_holds_it() {
    let machine = Machine::new();
    let (one, two) = (Process::start(), Process::start());
    assert_eq!(machine.claim_wanted("claude", "alpha", one.pid(), SlotRequest::Exactly(3)).number, 3);
    assert_eq!(machine.claim_wanted("claude", "alpha", two.pid(), SlotRequest::Exactly(3)).number, 1);
}

#[test]
fn an_excluded_slot_is_not_given_even_if_it_is_free() {
    let machine = Machine::new();
    let gone = Process::start();
    machine.claim("claude", "alpha", gone.pid());
    drop(gone);
    let next = Process::start();
    assert_eq!(machine.claim_wanted("claude", "alpha", next.pid(), SlotRequest::Except(1)).number, 2);
}

#[test]
fn a_free_slot_of_another_venture_is_used_before_a_new_one() {
    let machine = Machine::new();
    let gone = Process::start();
    machine.claim("claude", "alpha", gone.pid());
    drop(gone);
    let next = Process::start();
    assert_eq!(machine.claim("claude", "beta", next.pid()).number, 1);
}

#[test]
fn a_slot_with_a_malformed_file_is_free() {
    let machine = Machine::new();
    let folder = machine.dirs.state.join("slots/mac1");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in [("claude-1.json", "{"), ("claude-x.json", "{}"), ("claude-0.json", ""), ("notes.txt", "")] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let process = Process::start();
    assert_eq!(machine.claim("claude", "alpha", process.pid()).number, 1);
}

#[test]
fn many_agents_at_once_all_get_different_slots() {
    let machine = Machine::new();
    let processes: Vec<Process> = (0..16).map(|_| Process::start()).collect();
    let mut numbers: Vec<u32> = std::thread::scope(|scope| {
        let claims: Vec<_> = processes
            .iter()
            .map(|process| scope.spawn(|| machine.claim("claude", "alpha", process.pid()).number))
            .collect();
        claims.into_iter().map(|claim| claim.join().unwrap()).collect()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=16).collect::<Vec<u32>>());
}

#[test]
fn next_returns_the_slot_and_writes_nothing() {
    let machine = Machine::new();
    let (host, client, venture) = ("mac1".parse().unwrap(), "claude".parse().unwrap(), "alpha".parse().unwrap());
    let next = Slot::next(&machine.dirs, &host, &client, &venture, SlotRequest::Any).unwrap();
    assert_eq!(next.number, 1);
    assert!(!machine.dirs.state.exists());
}

#[test]
fn an_ended_process_gets_no_slot() {
    let machine = Machine::new();
    let gone = Process::start();
    let pid = gone.pid();
    drop(gone);
    let (host, client, venture) = ("mac1".parse().unwrap(), "claude".parse().unwrap(), "alpha".parse().unwrap());
    let refused = Slot::claim(&machine.dirs, &host, &client, &venture, pid, SlotRequest::Any);
    assert!(matches!(refused, Err(SlotError::NoSuchProcess(found)) if found == pid));
}

#[test]
fn the_longest_hostname_gives_a_valid_name() {
    let machine = Machine::new();
    let host: Host = "h".repeat(Host::MAX_CHARS).parse().unwrap();
    let (client, venture) = ("claude".parse().unwrap(), "alpha".parse().unwrap());
    let slot = Slot::claim(&machine.dirs, &host, &client, &venture, std::process::id(), SlotRequest::Any).unwrap();
    assert_eq!(slot.agent.as_str().len(), Agent::MAX_CHARS);
    assert!(slot.agent.as_str().ends_with("-claude-1"));
    assert_eq!(slot.host, host);
}

#[test]
fn the_error_names_unreadable_processes() {
    let error = processes_are_readable(None).unwrap_err().to_string();
    assert!(error.contains("make /proc readable") && !error.contains("has ended"), "{error}");
    assert!(processes_are_readable(RunningProcess::find(std::process::id()).as_ref()).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_holder_in_another_process_namespace_keeps_its_slot_for_a_day_or_until_reboot() {
    let machine = Machine::new();
    let (one, two) = (Process::start(), Process::start());
    machine.claim("claude", "alpha", one.pid());
    let file = machine.dirs.state.join("slots/mac1/claude-1.json");
    let record = std::fs::read_to_string(&file).unwrap().replace("\"namespace\":\"pid:[", "\"namespace\":\"pid:[9");
    // In this namespace, the id of its process belongs to another process or to none.
    drop(one);
    std::fs::write(&file, &record).unwrap();
    assert_eq!(machine.claim("claude", "alpha", two.pid()).number, 2);

    let next = |text: &str, age: u64| {
        std::fs::write(&file, text).unwrap();
        let then = SystemTime::now() - Duration::from_hours(age);
        File::options().write(true).open(&file).unwrap().set_modified(then).unwrap();
        let (host, client, venture) = ("mac1".parse().unwrap(), "claude".parse().unwrap(), "alpha".parse().unwrap());
        Slot::next(&machine.dirs, &host, &client, &venture, SlotRequest::Any).unwrap().number
    };
    assert_eq!(next(&record, 23), 3);
    assert_eq!(next(&record, 25), 1);
    assert_eq!(next(&record.replace("\"started\":\"", "\"started\":\"0"), 0), 1, "from an earlier boot");
}
