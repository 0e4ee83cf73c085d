//! Automatic approval of machines, and long lists of them.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use deckwatch_protocol::Operation;
use deckwatch_server::Sqlite;
use serde_json::{Value, json};

use crate::lab::{TestApi, machine_with};

fn lab(auto_approve: &'static str) -> TestApi {
    let vars = move |name: &str| (name == "AUTO_APPROVE_MACHINES").then(|| auto_approve.to_owned());
    TestApi::with_variables(Arc::new(Sqlite::in_memory().unwrap()), vars)
}

async fn registered(lab: &TestApi, user: &str) -> Value {
    let answer = lab.ask(Operation::RegisterMachine, ("mac1", ""), Some(&machine_with(user))).await;
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn with_auto_approve_machines_a_registration_is_approved_at_once_without_an_approver() {
    let lab = lab("true");
    for user in ["tom", "ann"] {
        let machine = registered(&lab, user).await;
        assert_eq!((&machine["status"], &machine["pending"]), (&json!("approved"), &Value::Null));
        assert_eq!((&machine["approved"]["user"], &machine["approved"]["approved_by"]), (&json!(user), &Value::Null));
        let config = lab.ask(Operation::SshConfig, ("", ""), None).await.json();
        assert!(config["ssh_config"].as_str().unwrap().contains(&format!("User {user}\n")), "{config}");
    }
    lab.ask(Operation::RetireMachine, ("mac1", ""), None).await;
    assert_eq!(registered(&lab, "ann").await["status"], "approved");
}

#[tokio::test]
async fn without_the_setting_no_machine_is_approved_automatically() {
    for value in ["", "false"] {
        let lab = lab(value);
        assert_eq!(registered(&lab, "tom").await["status"], "pending");
        assert_eq!(lab.ask(Operation::SshConfig, ("", ""), None).await.json()["shown"], 0);
    }
}

#[tokio::test]
async fn a_list_of_several_pages_contains_every_machine_once() {
    let lab = lab("true");
    for n in 0..1003 {
        let answer = lab.ask(Operation::RegisterMachine, (&format!("host-{n}"), ""), Some(&machine_with("tom"))).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let mut lines = Vec::new();
    let mut query = "for=HOST-7".to_owned();
    let mut shown = Vec::new();
    loop {
        let page = lab.ask(Operation::SshConfig, ("", &query), None).await.json();
        assert_eq!((&page["total"], &page["total_is_minimum"]), (&json!(750), &json!(true)));
        assert_eq!(
            page["ssh_config"].as_str().unwrap().matches("Host host-").count(),
            page["authorized_keys"].as_array().unwrap().len()
        );
        shown.push(page["shown"].as_u64().unwrap());
        lines.extend(page["authorized_keys"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        query = format!("for=HOST-7&cursor={next}");
    }
    assert_eq!(shown, [200, 200, 200, 200, 200, 2]);
    let hosts: Vec<&str> = lines.iter().map(|line| line.split(' ').next_back().unwrap()).collect();
    let expected: Vec<String> = (0..1003).filter(|n| *n != 7).map(|n| format!("host-{n}")).collect();
    assert_eq!(hosts, expected, "the machines must be in the order of registration");
}

/// The longest key that the API accepts: a security key with a long name of its application.
fn longest_key() -> String {
    let part = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let blob = [part(b"sk-ssh-ed25519@openssh.com"), part(&[7; 32]), part(&[b'a'; 2159])].concat();
    let key = format!("sk-ssh-ed25519@openssh.com {}", STANDARD.encode(blob));
    assert!((2997..=3000).contains(&key.len()), "{}", key.len());
    key
}

#[tokio::test]
async fn a_page_of_the_largest_machines_fits_in_a_value_of_d1() {
    let lab = lab("true");
    let key = longest_key();
    let largest = json!({
        "os": "linux", "arch": "x86_64", "tailscale_ip": "fd7a:115c:a1e0:1111:2222:3333:4444:5555", "user": "u".repeat(64),
        "ssh_public_key": key, "ssh_host_key": key,
    });
    for n in 0..200 {
        let hostname = format!("{n:0>253}");
        assert_eq!(lab.ask(Operation::RegisterMachine, (&hostname, ""), Some(&largest)).await.status, 201);
    }
    let page = lab.ask(Operation::SshConfig, ("", ""), None).await;
    assert_eq!(page.json()["shown"], 200, "a full page");
    assert!(page.text.len() < 2_000_000, "{} bytes", page.text.len());
}
