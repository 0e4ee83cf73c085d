//! A program file that is replaced while its process runs.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::{Machine, Mcp};

/// The server, started from a copy of its program.
fn started_from(machine: &Machine, program: &Path) -> Mcp {
    let server = machine.command(&machine.repository("https://github.com/example-org/alpha.git"));
    std::fs::copy(server.get_program(), program).unwrap();
    let mut command = Command::new(program);
    command.env_clear().envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(server.get_current_dir().unwrap()).env("DECKWATCH_AGENT", "mac1-claude-1");
    command.env("DECKWATCH_CLIENT", "claude");
    Mcp::initialized(command)
}

#[test]
fn a_replaced_program_is_reported_once_with_how_to_restart() {
    for tool in ["sod", "context"] {
        let machine = Machine::new();
        let program = machine.folder("programs").join("deckwatch-mcp");
        let mut agent = started_from(&machine, &program);
        let before = agent.call(tool, &json!({})).good();
        assert!(!before.text.contains("rebuilt"), "{}", before.text);

        // Replace the file like an installation: write a new file and rename it.
        let new = program.with_extension("new");
        std::fs::copy(&program, &new).unwrap();
        std::fs::rename(&new, &program).unwrap();
        let answer = agent.call(tool, &json!({})).good();
        let line = answer.text.lines().find(|line| line.starts_with("deckwatch-mcp was rebuilt at ")).unwrap();
        assert!(line.contains(" UTC; this session still runs the old build. "), "{line}");
        assert!(line.ends_with("type /mcp in Claude Code, select deckwatch, and choose Reconnect."), "{line}");
        let again = agent.call(tool, &json!({})).good();
        assert!(!again.text.contains("rebuilt"), "{}", again.text);
    }
}

#[test]
fn an_error_reports_a_replaced_program_too() {
    let machine = Machine::new();
    let program = machine.folder("programs").join("deckwatch-mcp");
    let mut agent = started_from(&machine, &program);
    std::fs::remove_file(&program).unwrap();
    let text = agent.call("notes", &json!({"unknown": 1})).trouble();
    assert!(!text.contains("rebuilt"), "a missing file is not reported: {text}");
    std::fs::copy(machine.command(machine.home()).get_program(), &program).unwrap();
    let text = agent.call("notes", &json!({"unknown": 1})).trouble();
    assert!(text.contains("deckwatch-mcp was rebuilt at "), "{text}");
}
