//! The SSH configuration of the fleet, and the safety of the values in it.

use std::io::Write;
use std::process::{Command, Stdio};

use deckwatch_protocol::{ErrorCode, Operation, SshConfig};
use deckwatch_tests::{Caller, TestRequest, ask_register, cursor_at, fresh, fresh_public_key};
use serde_json::json;

use crate::machines::Fleet;

#[tokio::test]
async fn a_host_gets_all_approved_machines_except_itself() {
    let fleet = Fleet::new().await;
    let (here, there, waiting) = (fresh("here"), fresh("there"), fresh("waiting"));
    let key = fresh_public_key();
    fleet.approved(&here, json!({})).await;
    fleet.approved(&there, json!({ "ssh_public_key": key, "tailscale_ip": "100.64.1.2", "user": "ann" })).await;
    fleet.register(&waiting, json!({})).await;
    let config = fleet.ssh_config(&here).await;
    let block =
        format!("Host {there}\n  HostName 100.64.1.2\n  User ann\n  HostKeyAlias {there}\n  IdentitiesOnly yes\n");
    assert!(config.ssh_config.contains(&block), "{}", config.ssh_config);
    assert!(config.authorized_keys.contains(&format!("{key} {there}")));
    for absent in [&here, &waiting] {
        assert!(!config.ssh_config.contains(absent), "{absent}");
        assert!(!config.authorized_keys.iter().any(|line| line.contains(absent)), "{absent}");
    }
    let upper = fleet.ssh_config(&here.to_uppercase()).await;
    assert!(!upper.ssh_config.contains(&here), "the host itself must be excluded in any case of its name");
    fleet.retire(&there).await;
    assert!(!fleet.ssh_config(&here).await.ssh_config.contains(&there));
}

#[tokio::test]
async fn without_a_host_all_machines_are_listed() {
    let fleet = Fleet::new().await;
    let machine = fleet.approved(&fresh("only"), json!({})).await;
    let whole: SshConfig = fleet.api.admin().send(TestRequest::of(Operation::SshConfig)).await.of(200);
    assert!(whole.total >= 1 && whole.shown >= 1);
    let after = format!("cursor={}", cursor_at("/v1/machines/ssh-config", "", machine.id.as_str()));
    let rest: SshConfig = fleet.api.admin().send(TestRequest::of(Operation::SshConfig).query(after)).await.of(200);
    assert!(!rest.ssh_config.contains(machine.hostname.as_str()), "the page must start after its cursor");
    for (query, pointer) in [("for=-x", "/for"), ("for=", "/for"), ("cursor=%20", "/cursor"), ("host=x", "/host")] {
        let ask = TestRequest::of(Operation::SshConfig).query(query);
        fleet.api.admin().send(ask).await.problem_at(ErrorCode::InvalidRequest, &[pointer]);
    }
}

/// Texts that are more than one word in a configuration, a line of keys or a shell.
const HOSTILE: [&str; 28] = [
    "a\nProxyCommand touch /x",
    "a\rProxyCommand x",
    "a\n\nHost *\n  ProxyCommand x",
    "a\u{b}b",
    "a\u{c}b",
    "a\tb",
    "a b",
    " a",
    "a ",
    "\"a\"",
    "'a'",
    "a\"",
    "a\\",
    "a=b",
    "a,b",
    "a#b",
    "a*",
    "?",
    "!a",
    "%h",
    "%%",
    "$(id)",
    "${HOME}",
    "`id`",
    "-oProxyCommand=x",
    "ü",
    "a\u{2028}b",
    "a\u{a0}b",
];

#[tokio::test]
async fn no_value_can_add_a_line_or_an_option() {
    let fleet = Fleet::new().await;
    let key = fresh_public_key();
    for hostile in HOSTILE.iter().chain(&["ssh-rsa AAAA", ""]) {
        for field in ["user", "tailscale_ip", "os", "arch", "role"] {
            let ask = ask_register(&fresh("hostile"), json!({ field: hostile }));
            fleet.api.admin().send(ask).await.problem_at(ErrorCode::InvalidRequest, &[&format!("/{field}")]);
        }
        let escaped: String =
            hostile.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).map(char::from).collect();
        if !hostile.is_empty() {
            let ask = ask_register(&escaped, json!({}));
            fleet.api.admin().send(ask).await.problem_at(ErrorCode::InvalidRequest, &["/hostname"]);
        }
        // Before a key the text would be options, inside it the key is invalid, and after it the text is a comment and
        // is dropped.
        for text in [format!("{hostile} {key}"), format!("{hostile}{key}"), key.replacen('A', hostile, 1)] {
            for field in ["ssh_public_key", "ssh_host_key"] {
                if text != key {
                    let ask = ask_register(&fresh("hostile"), json!({ field: text }));
                    fleet.api.admin().send(ask).await.problem_at(ErrorCode::InvalidRequest, &[&format!("/{field}")]);
                }
            }
        }
        let hostname = fresh("commented");
        let host_key = if hostile.contains(char::is_control) { key.clone() } else { format!("{key} {hostile}") };
        let fields = json!({ "ssh_public_key": format!("{key} {hostile}"), "ssh_host_key": host_key });
        let ask = ask_register(&hostname, fields);
        let response = fleet.api.admin().send(ask).await;
        if response.status == 201 {
            fleet.approve(&response.of(201)).await;
            let config = fleet.ssh_config("nobody").await;
            assert!(config.authorized_keys.contains(&format!("{key} {hostname}")), "{hostile:?}");
            assert!(config.known_hosts.contains(&format!("{hostname},100.64.0.7 {key}")), "{hostile:?}");
        } else {
            response.problem_at(ErrorCode::InvalidRequest, &["/ssh_public_key"]);
        }
    }
    let config = fleet.ssh_config("nobody").await;
    for line in config.ssh_config.lines() {
        let words: Vec<&str> = line.trim_start().split(' ').collect();
        let plain = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:".contains(&b));
        assert!(
            matches!(words[..], ["Host" | "HostName" | "User" | "HostKeyAlias" | "IdentitiesOnly", value] if plain(value)),
            "{line:?}"
        );
    }
    assert!(config.known_hosts.iter().all(|line| line.split(' ').count() == 3 && !line.contains(char::is_control)));
    assert!(config.authorized_keys.iter().all(|line| line.split(' ').count() == 3 && !line.contains(char::is_control)));
}

/// The output of a program of OpenSSH for `input`. `None`, with a printed reason, if it is not installed.
fn openssh(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn ssh_accepts_the_configuration() {
    let fleet = Fleet::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let machines = [
        (format!("{}.local", fresh("Toms-MacBook")), "100.64.3.4", "tom"),
        (fresh("builder_01"), "fd7a:115c:a1e0::9", "_build.er"),
    ];
    for (hostname, address, user) in &machines {
        fleet.approved(hostname, json!({ "tailscale_ip": address, "user": user })).await;
    }
    let config = fleet.ssh_config("nobody").await.ssh_config;
    std::fs::write(&file, &config).unwrap();
    for (hostname, address, user) in &machines {
        let Some(understood) = openssh("ssh", &["-G", "-F", file.to_str().unwrap(), hostname], "") else { return };
        for setting in [
            format!("hostname {address}"),
            format!("user {user}"),
            format!("hostkeyalias {}", hostname.to_lowercase()),
            "identitiesonly yes".to_owned(),
        ] {
            assert!(understood.lines().any(|line| line == setting), "{setting}\n{understood}");
        }
        assert!(!understood.contains("proxycommand"), "{understood}");
    }
}

#[tokio::test]
async fn ssh_keygen_reads_each_key_with_its_approved_fingerprint() {
    let fleet = Fleet::new().await;
    let machine = fleet.approved(&fresh("keyed"), json!({})).await;
    let config = fleet.ssh_config("nobody").await;
    let line = config.authorized_keys.iter().find(|line| line.ends_with(machine.hostname.as_str())).unwrap();
    let Some(printed) = openssh("ssh-keygen", &["-lf", "-"], &format!("{line}\n")) else { return };
    let fingerprint = machine.approved.unwrap().fingerprint;
    assert_eq!(printed.trim(), format!("256 {fingerprint} {} (ED25519)", machine.hostname));
}

#[tokio::test]
async fn ssh_finds_the_host_key_of_a_machine_by_its_name_and_its_address() {
    let fleet = Fleet::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    let machines = [(format!("{}.local", fresh("Toms-MacBook")), "100.64.3.5"), (fresh("v6"), "fd7a:115c:a1e0::9")];
    let mut keys = Vec::new();
    for (hostname, address) in &machines {
        let key = fresh_public_key();
        fleet.approved(hostname, json!({ "tailscale_ip": address, "ssh_host_key": format!("{key} a comment") })).await;
        keys.push(key);
    }
    std::fs::write(&file, fleet.ssh_config("nobody").await.known_hosts.join("\n") + "\n").unwrap();
    for ((hostname, address), key) in machines.iter().zip(keys) {
        for name in [hostname.to_lowercase(), (*address).to_owned()] {
            let Some(found) = openssh("ssh-keygen", &["-F", &name, "-f", file.to_str().unwrap()], "") else { return };
            assert!(found.lines().any(|line| line.ends_with(&key)), "{name}: {found}");
        }
    }
}
