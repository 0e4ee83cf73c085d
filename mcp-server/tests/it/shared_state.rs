//! The shared values through the tool: no agent overwrites what it has not read.

use serde_json::json;

use crate::harness::{Machine, Mcp};
use crate::server::Server;

fn pair(machine: &Machine, server: &Server) -> [Mcp; 2] {
    ["mac1-claude-1", "mac1-codex-1"].map(|name| {
        let mut agent = server.agent(machine, name);
        let _ = agent.call("sod", &json!({})).good();
        agent
    })
}

#[test]
fn a_write_of_an_old_version_is_refused_with_the_present_value() {
    let (machine, server) = (Machine::new(), Server::started());
    let [mut claude, mut codex] = pair(&machine, &server);
    let set = |value: &str, version: Option<u32>| json!({"action": "set", "key": "deploy.port", "value": value, "version": version});
    assert_eq!(claude.call("state", &set("8787", None)).good().facts["version"], 1);
    let taken = codex.call("state", &set("1", None)).trouble();
    assert!(taken.contains("expected no such key") && taken.contains("version 1 now"), "{taken}");
    assert_eq!(codex.call("state", &set("{\"port\": 1}", Some(1))).good().facts["version"], 2);
    let old = claude.call("state", &set("2", Some(1))).trouble();
    assert!(old.contains("named version 1") && old.contains("call again with version 2"), "{old}");
    assert!(old.contains("|   \"port\": 1"), "{old}");
    let read = claude.call("state", &json!({"action": "get", "key": "deploy.port"})).good();
    assert_eq!(read.facts["version"], 2);
    let deleted = claude.call("state", &json!({"action": "delete", "key": "deploy.port", "version": 2})).good();
    assert!(deleted.text.contains("is deleted"), "{}", deleted.text);
    let gone = codex.call("state", &set("3", Some(2))).trouble();
    assert!(gone.contains("does not exist now"), "{gone}");
    assert!(codex.call("state", &json!({"action": "get", "key": "deploy.port"})).trouble().contains("state_not_found"));
}

#[test]
fn of_agents_that_race_for_a_version_one_writes_it() {
    let (machine, server) = (Machine::new(), Server::started());
    let mut agents = pair(&machine, &server);
    for version in 0..10_u32 {
        let known = (version > 0).then_some(version);
        let asked: Vec<u64> = agents
            .iter_mut()
            .enumerate()
            .map(|(n, agent)| {
                let arguments = json!({"action": "set", "key": "k", "value": n.to_string(), "version": known});
                agent.ask("tools/call", &json!({"name": "state", "arguments": arguments}))
            })
            .collect();
        let mut written = 0;
        for (agent, id) in agents.iter_mut().zip(asked) {
            written += usize::from(agent.answer_to(id)["result"]["isError"] != true);
        }
        assert_eq!(written, 1, "version {version}");
    }
}

#[test]
fn a_value_is_json_and_a_large_one_is_read_in_parts() {
    let (machine, server) = (Machine::new(), Server::started());
    let [mut claude, mut codex] = pair(&machine, &server);
    for (key, value) in [("a", json!("\"text\"")), ("b", json!({"as": "it is"})), ("c", json!("null")), ("d", json!(7))]
    {
        let _ = claude.call("state", &json!({"action": "set", "key": key, "value": value})).good();
    }
    let listed = codex.call("state", &json!({"action": "list"})).good();
    for line in
        ["| a: version 1, 6 bytes", "| b: version 1, 14 bytes", "| c: version 1, 4 bytes", "| d: version 1, 1 bytes"]
    {
        assert!(listed.text.contains(line), "{}", listed.text);
    }
    let plain = claude.call("state", &json!({"action": "set", "key": "e", "value": "plain text"})).trouble();
    assert!(plain.contains("/value: must be JSON; write a text in quotation marks"), "{plain}");
    let items: Vec<String> = (0..4_000).map(|n| format!("item {n}")).collect();
    let _ = claude.call("state", &json!({"action": "set", "key": "large", "value": items})).good();
    let (mut read, mut cursor) = (String::new(), json!("0"));
    while cursor.is_string() {
        let part = codex.call("state", &json!({"action": "get", "key": "large", "cursor": cursor})).good();
        assert!(part.text.len() <= 9_000, "{}", part.text.len());
        let lines = part.text.lines().filter_map(|line| line.strip_prefix("| "));
        read.extend(lines.map(|line| format!("{line}\n")));
        cursor = part.facts["next_cursor"].clone();
    }
    assert_eq!(serde_json::from_str::<Vec<String>>(&read).unwrap(), items);
    let too_large = claude.call("state", &json!({"action": "set", "key": "f", "value": vec!["x"; 30_000]})).trouble();
    assert!(too_large.contains("/value: must have at most 64 KiB as compact JSON"), "{too_large}");
}

#[test]
fn arguments_that_do_not_fit_the_action_are_named() {
    let (machine, server) = (Machine::new(), Server::started());
    let [mut claude, _codex] = pair(&machine, &server);
    for (arguments, part) in [
        (json!({"action": "get"}), "/key: is required"),
        (json!({"action": "set", "key": "a"}), "/value: is required"),
        (json!({"action": "delete", "key": "a"}), "/version: is required"),
        (json!({"action": "list", "key": "a"}), "/key: is not allowed"),
        (json!({"action": "get", "key": "a", "value": "1"}), "/value: is not allowed"),
        (json!({"action": "get", "key": "a b"}), "/key: must"),
    ] {
        let trouble = claude.call("state", &arguments).trouble();
        assert!(trouble.contains(part), "{arguments}: {trouble}");
    }
}
