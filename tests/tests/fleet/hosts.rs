//! The hosts of the harness are what the other tests take them for.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::{Duration, Instant};

use deckwatch_tests::{Fleet, Host};

const SSH: [&str; 4] = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=2"];

/// The exit code and the standard output of `hostname` on `to`, by SSH from `from`.
fn hostname_by_ssh(from: &Host, to: &Host) -> (Option<i32>, String) {
    let target = format!("{}@{}", to.user(), to.address());
    let output = from.run("ssh", &[&SSH[..], &[&target, "hostname"]].concat(), "", &[]);
    (output.code, output.stdout.trim().to_owned())
}

#[test]
fn each_host_has_a_name_a_user_and_a_home_of_its_own() {
    let fleet = Fleet::start(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    assert_ne!(mac.uid(), server.uid());
    assert_ne!(mac.host_key(), server.host_key());
    for host in fleet.hosts() {
        let script =
            r#"hostname; id -un; id -u; printf '%s\n' "$HOME" "$PWD"; env | wc -l; whoami; command -v launcher"#;
        let said = host.run("bash", &["-c", script], "", &[("ONE", "more")]).ok();
        let (name, user, uid, home) = (host.name(), host.user(), host.uid(), host.home());
        // bash adds PWD, SHLVL and _.
        assert_eq!(said, format!("{name}\n{user}\n{uid}\n{home}\n{home}\n9\n{user}\n{home}/.local/bin/launcher\n"));
        let metadata = host.path("").metadata().unwrap();
        assert_eq!((metadata.uid(), metadata.permissions().mode() & 0o777), (uid, 0o700));
        assert!(host.run("launcher", &["--version"], "", &[]).ok().starts_with("launcher "));
    }
    assert_eq!(mac.run("cat", &[], "in\n", &[]).ok(), "in\n");
    assert_eq!(mac.run("sh", &["-c", "exit 7"], "", &[]).code, Some(7));
    mac.write("notes/one.txt", "text");
    assert_eq!((mac.read("notes/one.txt"), server.path("notes").exists()), ("text".to_owned(), false));
    mac.share(std::path::Path::new(env!("CARGO_MANIFEST_DIR")), "/run/shared");
    assert!(mac.run("cat", &["/run/shared/Cargo.toml"], "", &[]).ok().contains("deckwatch-tests"));
}

#[test]
fn a_host_reaches_the_others_by_ssh_once_it_has_access() {
    let fleet = Fleet::start(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    assert_eq!(hostname_by_ssh(mac, server), (Some(255), String::new()));
    fleet.give_access("mac1");
    assert_eq!(hostname_by_ssh(mac, server), (Some(0), "server1".to_owned()), "{}", server.sshd_log());
    assert_eq!(hostname_by_ssh(server, mac), (Some(255), String::new()));
    server.cut();
    let started = Instant::now();
    assert_eq!(hostname_by_ssh(mac, server), (Some(255), String::new()));
    assert!(started.elapsed() > Duration::from_secs(1), "a host that is cut off does not answer at all");
    server.join();
    assert_eq!(hostname_by_ssh(mac, server).0, Some(0));
    server.hang();
    assert_eq!(hostname_by_ssh(mac, server).0, Some(255));
    server.resume();
    assert_eq!(hostname_by_ssh(mac, server).0, Some(0));
    server.write("kept.txt", "kept");
    server.stop();
    assert_eq!((hostname_by_ssh(mac, server).0, server.read("kept.txt").as_str()), (Some(255), "kept"));
    server.start();
    assert_eq!(hostname_by_ssh(mac, server).0, Some(0));
}

#[tokio::test]
async fn the_hosts_and_the_test_use_one_api() {
    let fleet = Fleet::start(&["mac1", "server1"]);
    let machine = fleet.approve("server1").await;
    assert_eq!(machine.approved.unwrap().tailscale_ip.as_str(), fleet.host("server1").address());
    let health = fleet.host("mac1").run("curl", &["-sS", &format!("{}/health", fleet.api_url())], "", &[]).ok();
    assert!(health.contains("ok"), "{health}");
}

#[test]
fn nothing_of_a_fleet_stays_behind() {
    let started = Instant::now();
    let fleet = Fleet::start(&["mac1", "server1", "server2", "laptop1"]);
    let time = started.elapsed();
    println!("four hosts started in {time:?}");
    assert!(time < Duration::from_secs(6), "four hosts took {time:?} to start");
    let id = fleet.host("mac1").run("readlink", &["/proc/self/ns/net"], "", &[]).ok();
    let second = Fleet::start(&["mac1"]);
    assert_ne!(second.host("mac1").run("readlink", &["/proc/self/ns/net"], "", &[]).ok(), id);
    let mut sleep = fleet.host("server1").command("sleep", &["1000"], &[]).spawn().unwrap();
    let folder = fleet.host("mac1").path("");
    drop(fleet);
    assert!(!sleep.wait().unwrap().success());
    assert!(!folder.exists());
    assert!(!processes_in_network(id.trim()), "a process of the fleet still runs");
}

/// Whether a process uses this network namespace.
fn processes_in_network(id: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("ns/net"));
    processes.filter_map(|link| std::fs::read_link(link).ok()).any(|network| network.to_str() == Some(id))
}
