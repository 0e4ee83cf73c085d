//! The members of the fleet that `launcher fleet` knows: from the registry, from its last answer, from a file.

use std::os::unix::fs::PermissionsExt as _;

use deckwatch_protocol::Machine;
use deckwatch_tests::{Api, Caller as _, ask_approve, ask_register, fresh_public_key};
use serde_json::{Value, json};

use crate::members::{ADMIN_KEY, CONTEXT_KEY, Run, Team};

const KEY: [(&str, &str); 1] = [("CONTEXT_API_KEY", CONTEXT_KEY)];

/// A team whose machines don't answer: `ssh` fails at once.
async fn team() -> Team {
    let team = Team::new().await;
    team.write("bin/ssh", "#!/bin/sh\necho 'ssh: connect to host x port 22: Connection refused' >&2\nexit 255\n");
    std::fs::set_permissions(team.path("bin/ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    team
}

async fn list(team: &Team, args: &[&str], variables: &[(&str, &str)]) -> Run {
    let path = format!("{}:{}", team.path("bin").display(), std::env::var("PATH").unwrap());
    let args = [&["fleet", "list"], args].concat();
    team.run(&args, &[&[("PATH", path.as_str())], variables].concat()).await
}

async fn register(team: &Team, hostname: &str, fields: Value) -> Machine {
    let response = api(team).admin().send(ask_register(hostname, fields)).await;
    response.of(response.status)
}

async fn approve(team: &Team, machine: &Machine) {
    api(team).admin().send(ask_approve(machine)).await.of::<Machine>(200);
}

fn api(team: &Team) -> Api {
    Api::at(&team.server.url, (CONTEXT_KEY, ADMIN_KEY), &team.path("server/context.db"))
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

fn hostnames(listed: &Value) -> Vec<&str> {
    listed["machines"].as_array().unwrap().iter().map(|machine| machine["hostname"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_approved_machine_of_the_registry_is_a_member_and_those_that_wait_are_named() {
    let team = team().await;
    for n in 0..103 {
        let machine = register(&team, &format!("host{n}"), json!({})).await;
        approve(&team, &machine).await;
    }
    register(&team, "host1", json!({ "ssh_public_key": fresh_public_key() })).await;
    register(&team, "newcomer", json!({})).await;
    let run = list(&team, &["--json"], &KEY).await;
    assert_eq!(run.code, Some(31), "{}", run.stderr);
    let listed = json_of(&run);
    let expected: Vec<String> = (0..103).map(|n| format!("host{n}")).collect();
    assert_eq!(hostnames(&listed), expected, "all pages, in the order of registration");
    let waiting = json!([{ "hostname": "host1", "is_member": true }, { "hostname": "newcomer", "is_member": false }]);
    assert_eq!((&listed["source"], &listed["as_of"], &listed["waiting"]), (&json!("registry"), &Value::Null, &waiting));

    let text = list(&team, &["host1", "newcomer"], &KEY).await.stdout;
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{text}"));
    assert!(line("host1").ends_with("; its new access waits for approval"), "{text}");
    assert!(line("newcomer").ends_with("waits for an admin's approval"), "{text}");
    let unknown = list(&team, &["host1", "newcomr"], &KEY).await;
    assert_eq!(unknown.code, Some(29));
    assert!(unknown.stderr.contains("did you mean `newcomer`?"), "{}", unknown.stderr);
}

#[tokio::test]
async fn without_the_api_the_members_of_its_last_answer_are_shown_with_their_age() {
    let team = team().await;
    let machine = register(&team, "server1", json!({ "ssh_host_key": fresh_public_key() })).await;
    approve(&team, &machine).await;
    team.write(".config/deckwatch/machines.json", r#"{"machines": []}"#);
    assert_eq!(hostnames(&json_of(&list(&team, &["--json"], &KEY).await)), ["server1"]);

    let refused = list(&team, &["--json"], &[("CONTEXT_API_KEY", &"f".repeat(64))]).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(18), ""), "a wrong key must be corrected");

    let folder = team.path(".local/state/deckwatch/fleet/members");
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!team.home_holds(CONTEXT_KEY));
    let mut kept: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let two_hours_ago = deckwatch_protocol::Timestamp::from_millis(now_millis() - 7_200_000).to_string();
    kept["taken_at"] = two_hours_ago.clone().into();
    std::fs::write(file, kept.to_string()).unwrap();

    kill(&team);
    let run = list(&team, &["--json"], &KEY).await;
    let listed = json_of(&run);
    assert_eq!(hostnames(&listed), ["server1"]);
    assert_eq!((&listed["source"], &listed["as_of"]), (&json!("last_answer"), &json!(two_hours_ago)));
    assert!(run.stderr.contains("warning: these are the members as of 2 h ago: can't reach"), "{}", run.stderr);
}

#[tokio::test]
async fn the_file_is_used_if_the_registry_has_no_machine_or_never_answered() {
    let team = team().await;
    let none = list(&team, &[], &KEY).await;
    assert_eq!(none.code, Some(29));
    assert!(none.stderr.contains("none is registered, and there is no"), "{}", none.stderr);
    let machine = json!({
        "hostname": "server1", "user": "ann", "tailscale_ip": "100.64.0.2", "os": "linux", "arch": "x86_64",
    });
    let file = ".config/deckwatch/machines.json";
    team.write(file, &json!({ "machines": [machine] }).to_string());
    let listed = json_of(&list(&team, &["--json"], &KEY).await);
    assert_eq!((hostnames(&listed), &listed["source"]), (vec!["server1"], &json!("file")));

    std::fs::remove_dir_all(team.path(".local")).unwrap();
    kill(&team);
    let run = list(&team, &["--json"], &KEY).await;
    assert_eq!(hostnames(&json_of(&run)), ["server1"]);
    assert!(run.stderr.contains("these are the members of ~/.config/deckwatch/machines.json: can't"), "{}", run.stderr);

    team.write(file, r#"{"machines": [{"hostname": "a\nProxyCommand x", "user": "-l", "port": 22}]}"#);
    let wrong = list(&team, &[], &KEY).await;
    for named in ["/machines/0/hostname: ", "/machines/0/user: ", "/machines/0/port: ", "/machines/0/tailscale_ip: "] {
        assert!(wrong.stderr.contains(named), "{named}\n{}", wrong.stderr);
    }
    assert_eq!((wrong.code, wrong.stderr.contains("ProxyCommand")), (Some(29), false));
    std::fs::remove_file(team.path(file)).unwrap();
    assert_eq!(list(&team, &[], &KEY).await.code, Some(18), "the cause is the error if nothing is known");
}

/// Ends the server at once.
fn kill(team: &Team) {
    let id = rustix::process::Pid::from_raw(i32::try_from(team.server.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
}

fn now_millis() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
