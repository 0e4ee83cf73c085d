//! An agent with its records in the team's API: it works the same, and its key is only in memory.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use deckwatch_protocol::{Operation, Venture};
use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use deckwatch_tests::{Api, Caller as _, ServerProcess, TestRequest, fresh, program};
use serde_json::json;

use crate::machine::Machine;
use crate::running::command_lines;

crate::with_every_agent![a_day_over_http_stores_the_key_nowhere, a_local_launch_keeps_its_records_from_the_teams_api];

async fn a_day_over_http_stores_the_key_nowhere(machine: Machine) {
    let (key, admin_key) = (fresh("context-key"), fresh("admin-key"));
    let data = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(&program("deckwatch-server"), data.path(), &key, &admin_key).await;
    let admin = Api::at(&server.url, (&key, &admin_key), &data.path().join("context.db")).admin();
    let venture = TestRequest::of(Operation::PutVenture).with("alpha").json(&json!({ "name": "Alpha" }));
    let _: Venture = admin.send(venture).await.of(201);
    let machine = machine.and_variable("CONTEXT_API_URL", &server.url).and_variable("CONTEXT_API_KEY", &key);

    let handoff = json!({ "summary": "Half of the API is documented", "status": "in_progress" });
    let script = Script::default().call("sod", json!({})).call("handoff", handoff).wait();
    let model = ScriptedModel::start(script).await;
    let agent = machine.launch(&model);
    let results = model.results(2).await;
    assert!(results[1].contains("is recorded"), "{results:?}");
    assert!(command_lines().iter().any(|line| line.contains(machine.path("bin/deckwatch-mcp").to_str().unwrap())));
    for line in command_lines() {
        assert!(!line.contains(&key), "a command line contains the key: {line}");
    }
    model.release();
    agent.success().await;
    assert!(
        !machine.path(".local/share/deckwatch/context.db").exists(),
        "the embedded engine was used instead of the API"
    );
    for file in files_below(&machine.path("")) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!holds(&bytes, key.as_bytes()), "{} contains the key", file.display());
    }

    let next = ScriptedModel::start(Script::default().call("sod", json!({}))).await;
    machine.launch(&next).success().await;
    let seen = &next.results(1).await[0];
    assert!(seen.contains("Half of the API is documented"), "{seen}");
}

/// The agent CLI starts the real MCP server, which inherits what the launch gives to the agent.
async fn a_local_launch_keeps_its_records_from_the_teams_api(machine: Machine) {
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    api.set_nonblocking(true).unwrap();
    let url = format!("http://{}", api.local_addr().unwrap());
    let machine = machine.and_variable("CONTEXT_API_URL", &url).and_variable("CONTEXT_API_KEY", &fresh("context-key"));
    machine.write(".config/deckwatch/config.toml", &format!("[api]\nurl = \"{url}\"\n"));

    let handoff = json!({ "summary": "A side project", "status": "in_progress" });
    let script = Script::default().call("sod", json!({})).call("handoff", handoff);
    let model = ScriptedModel::start(script).await;
    machine.launch_with(&model, &["--local"]).success().await;
    let results = model.results(2).await;
    assert!(results[1].contains("is recorded"), "{results:?}");
    assert!(machine.path(".local/share/deckwatch/context.db").exists(), "{results:?}");
    assert!(api.accept().is_err(), "the team's API was asked");
}

/// Every file below a folder, except the installed programs.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && entry.file_name() != "bin" {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
