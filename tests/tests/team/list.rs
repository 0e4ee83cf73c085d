//! `launcher --list` with a team's API shows the active agents and the last session of each venture.

use std::process::Stdio;

use deckwatch_tests::program;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};

use crate::members::{ADMIN_KEY, CONTEXT_KEY, Team};

#[tokio::test]
async fn the_list_shows_the_active_agents_and_the_last_session() {
    let team = Team::new().await;
    let ventures = r#"{"ventures": [{"code": "alpha", "name": "Alpha"}, {"code": "beta", "name": "Beta"}]}"#;
    team.write(".config/deckwatch/ventures.json", ventures);
    let synced = team.run(&["ventures", "sync"], &[("ADMIN_API_KEY", ADMIN_KEY)]).await;
    assert_eq!(synced.code, Some(0), "{}", synced.stderr);
    for agent in ["mac1-claude-1", "mac2-codex-1"] {
        team.start_day(agent, "alpha").await;
    }

    let key = [("CONTEXT_API_KEY", CONTEXT_KEY)];
    let list: Value = serde_json::from_str(&team.run(&["--list", "--json"], &key).await.stdout).unwrap();
    let [alpha, beta] = [0, 1].map(|number| &list["ventures"][number]);
    assert_eq!(alpha["active_agents"], json!(["mac2-codex-1", "mac1-claude-1"]));
    assert_eq!(alpha["last_session"]["agent"], "mac2-codex-1");
    assert_eq!(alpha["last_session"]["status"], "active");
    assert_eq!([&beta["active_agents"], &beta["last_session"]], [&json!([]), &Value::Null]);

    let table = team.run(&["--list"], &key).await;
    assert!(table.stdout.contains("just now      mac2-codex-1, mac1-claude-1"), "{}", table.stdout);
    let refused = team.run(&["--list"], &[("CONTEXT_API_KEY", "0123456789abcdef0123456789abcdef")]).await;
    assert!(refused.stderr.contains("sessions are unknown: the Context API refused"), "{}", refused.stderr);
    assert!(refused.stdout.contains("unknown       unknown"), "{}", refused.stdout);
}

/// A shell that stands for an agent's CLI, and the MCP server that it starts.
fn agent(team: &Team) -> tokio::process::Child {
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", "\"$0\"; :"]).arg(program("deckwatch-mcp")).current_dir(team.path("")).env_clear();
    shell.env("HOME", team.path("")).env("PATH", std::env::var_os("PATH").unwrap()).process_group(0).kill_on_drop(true);
    shell.envs([("DECKWATCH_AGENT", "mac1-claude-1"), ("DECKWATCH_VENTURE", "alpha")]);
    shell.envs([("CONTEXT_API_URL", team.server.url.as_str()), ("CONTEXT_API_KEY", CONTEXT_KEY)]);
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// The agent starts its day. It runs on as long as the pipes are kept.
async fn start_day(agent: &mut tokio::process::Child) -> (ChildStdin, Lines<BufReader<ChildStdout>>) {
    let (mut input, output) = (agent.stdin.take().unwrap(), agent.stdout.take().unwrap());
    let mut lines = BufReader::new(output).lines();
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "claude-code", "version": "1"}});
    let calls = [("initialize", hello), ("tools/call", json!({"name": "sod", "arguments": {}}))];
    for (number, (method, params)) in calls.into_iter().enumerate() {
        let request = json!({"jsonrpc": "2.0", "id": number, "method": method, "params": params});
        input.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let answer = lines.next_line().await.unwrap().unwrap();
        assert!(!answer.contains("\"isError\":true"), "{answer}");
    }
    (input, lines)
}

#[tokio::test]
async fn the_list_tells_idle_agents_and_those_that_were_killed_apart() {
    let team = Team::new().await;
    team.write(".config/deckwatch/ventures.json", r#"{"ventures": [{"code": "alpha", "name": "Alpha"}]}"#);
    let synced = team.run(&["ventures", "sync"], &[("ADMIN_API_KEY", ADMIN_KEY)]).await;
    assert_eq!(synced.code, Some(0), "{}", synced.stderr);
    team.start_day("mac2-codex-1", "alpha").await;
    let database = rusqlite::Connection::open(team.path("server/context.db")).unwrap();
    let silence = "update sessions set last_heartbeat_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-20 minutes')";
    database.execute(silence, []).unwrap();
    let mut agent = agent(&team);
    let _pipes = start_day(&mut agent).await;

    let key = [("CONTEXT_API_KEY", CONTEXT_KEY)];
    let table = team.run(&["--list"], &key).await.stdout;
    assert!(table.contains("mac1-claude-1, mac2-codex-1 (idle, seen 20 min ago)"), "{table}");

    let group = format!("-{}", agent.id().unwrap());
    assert!(std::process::Command::new("kill").args(["-KILL", "--", &group]).status().unwrap().success());
    agent.wait().await.unwrap();
    let table = team.run(&["--list"], &key).await.stdout;
    assert!(table.contains("mac1-claude-1 (gone), mac2-codex-1 (idle"), "{table}");
    let list: Value = serde_json::from_str(&team.run(&["--list", "--json"], &key).await.stdout).unwrap();
    let alpha = &list["ventures"][0];
    assert_eq!(alpha["active_agents"], json!(["mac2-codex-1"]), "the API was told by the list before");
    assert_eq!(alpha["agents"][0]["presence"], "idle");
    assert_eq!(alpha["last_session"]["status"], "abandoned");
}
