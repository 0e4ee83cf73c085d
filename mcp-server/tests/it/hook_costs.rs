//! What a hook costs: processor time, wall time, memory.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::Machine;
use crate::hook_program::Hooked;
use crate::server::Server;

/// The bounds are wide, because this program is not optimised and the machine may be busy. `tests/speed/mesh.py` measures the
/// optimised one.
#[test]
fn a_hook_costs_little() {
    let (machine, server) = (Machine::new(), Server::started());
    let hooked = Hooked::new(&machine, &server);
    let input = json!({ "tool_response": { "content": "x".repeat(1_000_000) } }).to_string();
    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            let begun = Instant::now();
            assert!(hooked.run("after-tool", input.as_bytes()).stdout.is_empty());
            begun.elapsed()
        })
        .collect();
    times.sort();
    assert!(times[4] < Duration::from_millis(700), "{times:?}");
}

/// A hook with a large input needs no more memory than one with a small input.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_a_hook_does_not_depend_on_its_input() {
    let (machine, server) = (Machine::new(), Server::started());
    let hooked = Hooked::new(&machine, &server);
    let peak = |bytes: usize| {
        let mut child = hooked.command("after-tool").spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let text = json!({ "prompt": "y".repeat(bytes), "tool_response": [["x".repeat(bytes)]] }).to_string();
        // Without its last byte, the hook waits, and its memory can be read.
        input.write_all(&text.as_bytes()[..text.len() - 1]).unwrap();
        let peak = settled(|| peak_of(child.id()));
        input.write_all(b"}").unwrap();
        assert!(child.wait().unwrap().success());
        peak
    };
    let (small, large) = (peak(100), peak(1_000_000));
    assert!(large < small + 700, "{small} kB, {large} kB");
}

/// The most memory that a process has had, in kB.
#[cfg(target_os = "linux")]
fn peak_of(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The value once it has not grown for 300 ms: before, the program may still start or read.
#[cfg(target_os = "linux")]
fn settled(value: impl Fn() -> u64) -> u64 {
    let (mut last, mut since) = (0, Instant::now());
    while since.elapsed() < Duration::from_millis(300) {
        let now = value();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    last
}
