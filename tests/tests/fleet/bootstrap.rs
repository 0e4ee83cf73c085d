//! A fresh machine joins the fleet: `scripts/bootstrap-machine.sh` on a host, against a real API.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Instant;

use deckwatch_protocol::{Machine, MachineStatus, Operation, Page, SshPublicKey};
use deckwatch_tests::{Caller as _, Fleet, Host, HostOutput, TestRequest, ask_approve};

const CHECKOUT: &str = "/run/checkout";

/// Makes the host a machine with a checkout, whose programs cargo has built already. No key, no configuration.
fn prepare(host: &Host) {
    host.share(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")), CHECKOUT);
    for program in ["launcher", "deckwatch-mcp", "deckwatch-server"] {
        install(host, &format!("target/release/{program}"), &format!("exec /run/deckwatch/bin/{program} \"$@\""));
    }
    install(host, ".cargo/bin/cargo", "echo \"$*\" >>\"$HOME/cargo.log\"");
}

fn install(host: &Host, below_home: &str, script: &str) {
    host.write(below_home, format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(host.path(below_home), std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn install_tailscale(host: &Host) {
    install(host, ".local/bin/tailscale", &format!("[ \"$*\" = 'ip -4' ] && echo {}", host.address()));
}

fn bootstrap(fleet: &Fleet, host: &Host, args: &[&str], change: &[(&str, &str)]) -> HostOutput {
    let target = format!("{}/target", host.home());
    let variables = fleet.variables();
    let mut all: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.push(("CARGO_TARGET_DIR", &target));
    all.extend(change);
    host.run(&format!("{CHECKOUT}/scripts/bootstrap-machine.sh"), args, "", &all)
}

async fn machines(fleet: &Fleet) -> Vec<Machine> {
    let page: Page<Machine> = fleet.api().admin().send(TestRequest::of(Operation::ListMachines)).await.of(200);
    page.items
}

/// The content and the identity of every file that a second run must not touch.
fn kept(host: &Host) -> Vec<(String, u64)> {
    let files = [".ssh/id_ed25519", ".ssh/id_ed25519.pub", ".config/deckwatch/config.toml"];
    files.map(|file| (host.read(file), host.path(file).metadata().unwrap().ino())).to_vec()
}

#[tokio::test]
async fn a_fresh_machine_joins_by_one_command_and_a_second_run_changes_nothing() {
    let fleet = Fleet::start(&["mac1"]);
    let host = fleet.host("mac1");
    prepare(host);
    install_tailscale(host);
    let begun = Instant::now();
    let first = bootstrap(&fleet, host, &["--role", "build"], &[]);
    println!("first run, after the programs are built: {:?}\n{}{}", begun.elapsed(), first.stderr, first.stdout);
    let (stdout, stderr) = (first.stdout.clone(), first.stderr.clone());
    first.ok();
    for tick in [
        "=== Bootstrap ===",
        "✓ git, tmux, a C compiler and OpenSSH installed",
        "✓ Rust installed",
        "✓ launcher and MCP server built and linked",
    ] {
        assert!(stderr.lines().any(|line| line == tick), "{tick}\n{stderr}");
    }
    for tick in [
        "✓ launcher and deckwatch-mcp on PATH",
        "✓ user: dev1",
        "✓ SSH key: ~/.ssh/id_ed25519, SHA256:",
        "✓ SSH host key: SHA256:",
        &format!("✓ address: {}, from Tailscale", host.address()),
        &format!("✓ API reachable: {}", fleet.api_url()),
        "✓ configuration: ~/.config/deckwatch/config.toml, written now",
        "✓ MCP connected: ",
        "! machine registered: mac1 waits for an admin's approval",
    ] {
        assert!(stdout.lines().any(|line| line.starts_with(tick)), "{tick}\n{stdout}");
    }
    let [machine] = &machines(&fleet).await[..] else { panic!("one machine") };
    let pending = machine.pending.as_ref().unwrap();
    assert_eq!(
        (machine.hostname.as_str(), machine.os.as_str(), machine.role.as_ref().unwrap().as_str()),
        ("mac1", "linux", "build")
    );
    assert_eq!((pending.user.as_str(), pending.tailscale_ip.to_string()), ("dev1", host.address()));
    assert_eq!(pending.ssh_public_key.as_str(), host.user_key().unwrap());
    assert_eq!(pending.ssh_host_key.as_ref().map(SshPublicKey::as_str), Some(host.host_key().as_str()));
    let mode = |file: &str| host.path(file).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(".ssh"), mode(".ssh/id_ed25519")), (0o700, 0o600));
    assert!(
        !host.read(".config/deckwatch/config.toml").contains(fleet.api().context_key()),
        "the key must not be written"
    );

    let approved: Machine = fleet.api().admin().send(ask_approve(machine)).await.of(200);
    let before = kept(host);
    let begun = Instant::now();
    let second = bootstrap(&fleet, host, &["--json"], &[]);
    println!("second run: {:?}", begun.elapsed());
    let report: serde_json::Value = serde_json::from_str(&second.ok()).unwrap();
    assert_eq!((&report["ok"], &report["machine"]["status"]), (&true.into(), &"approved".into()), "{report}");
    let steps = report["checks"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["status"] == "ok" && step["fix"].is_null()), "{report}");
    assert_eq!(kept(host), before);
    let [again] = &machines(&fleet).await[..] else { panic!("one machine") };
    assert_eq!(*again, Machine { last_seen_at: again.last_seen_at, ..approved }, "a second run must change nothing");
}

#[tokio::test]
async fn a_step_that_fails_says_how_to_go_on_and_the_next_run_does() {
    let fleet = Fleet::start(&["mac1"]);
    let host = fleet.host("mac1");
    prepare(host);
    let nothing_there = "http://100.64.0.1:9";
    let failed = bootstrap(&fleet, host, &[], &[("CONTEXT_API_URL", nothing_there)]);
    println!("{}{}", failed.stdout, failed.stderr);
    assert_eq!(failed.code, Some(29));
    for said in [
        "✗ address: Tailscale is not installed",
        "run `tailscale up`",
        "✗ API reachable: can't reach the Context API",
        "! configuration: not written, because the API does not answer",
        "✓ MCP connected",
        "- machine registered",
    ] {
        assert!(failed.stdout.contains(said), "{said}\n{}", failed.stdout);
    }
    assert!(failed.stderr.contains("this machine is not registered: 2 steps failed"), "{}", failed.stderr);
    assert!(failed.stderr.contains("then run this again"), "{}", failed.stderr);
    assert_eq!(machines(&fleet).await, []);
    let key = host.user_key().unwrap();

    let wrong_key = "f".repeat(64);
    let refused = bootstrap(&fleet, host, &["--address", &host.address()], &[("CONTEXT_API_KEY", &wrong_key)]);
    assert_eq!(refused.code, Some(29));
    assert!(refused.stdout.contains("✗ API reachable: the Context API refused (unauthorized)"), "{}", refused.stdout);
    assert!(!refused.stdout.contains(&wrong_key) && !refused.stderr.contains(&wrong_key));

    bootstrap(&fleet, host, &["--address", &host.address()], &[]).ok();
    let [machine] = &machines(&fleet).await[..] else { panic!("one machine") };
    assert_eq!((machine.status, host.user_key().unwrap()), (MachineStatus::Pending, key));

    // The configuration is not changed for another API.
    let before = host.read(".config/deckwatch/config.toml");
    let elsewhere = bootstrap(&fleet, host, &["--address", &host.address()], &[("CONTEXT_API_URL", nothing_there)]);
    let said = format!("! configuration: ~/.config/deckwatch/config.toml names another API, {}", fleet.api_url());
    assert!(elsewhere.stdout.contains(&said), "{}", elsewhere.stdout);
    assert_eq!(host.read(".config/deckwatch/config.toml"), before);
}

#[tokio::test]
async fn values_of_programs_that_the_registry_does_not_accept_register_nothing() {
    let fleet = Fleet::start(&["mac1"]);
    let host = fleet.host("mac1");
    for (said, reason) in [
        ("echo 'tailscale is stopped' >&2; exit 1", "tailscale failed: tailscale is stopped"),
        ("printf '100.64.0.10\\\\nProxyCommand=x'", "gave no address"),
        ("echo '-oProxyCommand=x'", "gave no address"),
        ("echo 127.0.0.1", "gave no address"),
        ("yes | head -c 300", "gave no address"),
        ("exit 0", "gave no address"),
    ] {
        install(host, ".local/bin/tailscale", said);
        let failed = fleet.launcher("mac1", &["fleet", "bootstrap"]);
        assert_eq!(failed.code, Some(29), "{said}");
        assert!(failed.stdout.contains("✗ address: ") && failed.stdout.contains(reason), "{said}\n{}", failed.stdout);
        assert!(!failed.stdout.contains("ProxyCommand"), "{}", failed.stdout);
    }
    let address = host.address();
    let args =
        |file: &'static str| ["fleet", "bootstrap", "--address", &address, "--host-key", file].map(str::to_owned);
    for (content, reason) in
        [("", "must"), ("ssh-ed25519 AAAA", "must"), ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key")]
    {
        host.write("host.pub", content);
        let args = args("host.pub");
        let output = fleet.launcher("mac1", &args.each_ref().map(String::as_str));
        assert!(
            output.stdout.contains("! SSH host key: host.pub ") && output.stdout.contains(reason),
            "{}",
            output.stdout
        );
        output.ok();
    }
    let [machine] = &machines(&fleet).await[..] else { panic!("one machine") };
    assert_eq!(machine.pending.as_ref().unwrap().ssh_host_key, None);
    host.write(".ssh/id_ed25519.pub", "damaged");
    let args = args("host.pub");
    let output = fleet.launcher("mac1", &args.each_ref().map(String::as_str));
    assert!(
        output.stdout.contains("✗ SSH key: ") && output.stdout.contains("fix: check ~/.ssh/id_ed25519"),
        "{}",
        output.stdout
    );
    assert_eq!((output.code, host.read(".ssh/id_ed25519.pub").as_str()), (Some(29), "damaged"));
}

#[tokio::test]
async fn two_machines_become_a_fleet_as_the_documents_say() {
    let fleet = Fleet::start(&["mac1", "server1"]);
    let admin = [("CONTEXT_API_URL", fleet.api_url()), ("ADMIN_API_KEY", fleet.api().admin_key().to_owned())];
    let admin: Vec<(&str, &str)> = admin.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for name in ["mac1", "server1"] {
        install_tailscale(fleet.host(name));
        let said = fleet.launcher(name, &["fleet", "bootstrap"]).ok();
        let command = said.lines().find_map(|line| line.split_once("an admin runs: launcher ")).unwrap().1;
        let args: Vec<&str> = command.split(' ').collect();
        let [.., host_key] = args[..] else { panic!("{command}") };

        let shown = fleet.host("mac1").run("launcher", &["fleet", "approve", name], "", &admin).ok();
        assert!(shown.contains(&format!("  launcher {command}\n")), "{shown}");
        // Neither another key nor a missing one is approved, and the context key approves nothing.
        for wrong in [&args[..args.len() - 1], &[&args[..args.len() - 2], &[host_key, host_key]].concat()] {
            let refused = fleet.host("mac1").run("launcher", wrong, "", &admin);
            assert_eq!(refused.code, Some(18), "{}", refused.stderr);
            assert!(refused.stderr.contains("machine_changed"), "{}", refused.stderr);
        }
        assert_eq!(fleet.launcher("mac1", &args).code, Some(10), "the admin key is needed");
        let approved = fleet.host("mac1").run("launcher", &args, "", &admin).ok();
        assert!(approved.starts_with(&format!("{name} is approved.")), "{approved}");
    }
    // The first machine lets the second one in, and the second one connects both.
    let first = fleet.launcher("mac1", &["fleet", "mesh"]);
    assert!(matches!(first.code, Some(30 | 31)), "{}{}", first.stdout, first.stderr);
    let second = fleet.launcher("server1", &["fleet", "mesh"]);
    println!("{}{}", second.stdout, second.stderr);
    second.ok();
    for name in ["mac1", "server1"] {
        let listed = fleet.launcher(name, &["fleet", "list"]).ok();
        assert_eq!(listed.matches("answers, Deckwatch").count(), 2, "{listed}");
    }
}
