//! The files of a person keep every line.

use std::os::unix::fs::MetadataExt as _;

use deckwatch_tests::{Host, HostOutput};

use super::{entry, login, machine, mesh, mesh_json, problems, ssh, started, write_machines};

#[test]
fn existing_files_keep_every_line() {
    let fleet = started(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    let (mac_key, server_key) = (mac.make_user_key(), server.make_user_key());
    // Another form of the entry, Windows line ends, and no line end at the end of the file.
    let access = server.read(".ssh/authorized_keys");
    let keys = format!(
        "# mine\r\nfrom=\"100.64.0.0/10\",command=\"echo \\\"a b\\\"\" {mac_key} two words\r\n\r\n{access}# end"
    );
    server.write(".ssh/authorized_keys", &keys);
    mac.write(".ssh/authorized_keys", "ssh-rsa not-a-key\n# end");
    let config = "\n# mine\nHost old\r\n  User tom\n  Include config.d/*";
    mac.write("dotfiles/ssh_config", config);
    mac.run("ln", &["-s", "../dotfiles/ssh_config", ".ssh/config"], "", &[]).ok();
    server.write(".ssh/config", "include ~/.ssh/config.d/*\n");
    server.run("chmod", &["664", ".ssh/config", ".ssh/authorized_keys"], "", &[]).ok();
    server.run("chmod", &["775", ".ssh"], "", &[]).ok();
    server.run("chmod", &["go-w", ".ssh", ".ssh/authorized_keys"], "", &[]).ok();

    let (report, _) = mesh_json(mac, &[]);
    assert_eq!(server.read(".ssh/authorized_keys"), keys, "{report}");
    assert_eq!(server.read(".ssh/config"), "include ~/.ssh/config.d/*\n");
    assert_eq!(server.path(".ssh/config").metadata().unwrap().mode() & 0o777, 0o644);
    assert_eq!(mac.read(".ssh/authorized_keys"), format!("ssh-rsa not-a-key\n# end\n{server_key} server1\n"));
    assert!(mac.path(".ssh/config").symlink_metadata().unwrap().is_symlink());
    assert_eq!(mac.read("dotfiles/ssh_config"), format!("Include config.d/*\n\n{config}"));
    assert_eq!(mac.path("dotfiles/ssh_config").metadata().unwrap().mode() & 0o777, 0o644);
    // A key that a person has disabled stays disabled, and the run says so.
    mac.write(".ssh/authorized_keys", format!("#{server_key}\n"));
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, mac.read(".ssh/authorized_keys")), (Some(30), format!("#{server_key}\n")), "{report}");
    assert!(problems(&report, "mac1").contains(&"disabled_key"), "{report}");
}

#[test]
fn permissions_that_stop_ssh_are_mended_or_reported() {
    let fleet = started(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    mac.write(".ssh/authorized_keys", "");
    mac.run("chmod", &["666", ".ssh/authorized_keys"], "", &[]).ok();
    mac.run("chmod", &["775", ".ssh"], "", &[]).ok();
    // A person who writes a file read-only wants nobody to change it.
    server.write(".ssh/config", "# mine\n");
    server.run("chmod", &["444", ".ssh/config"], "", &[]).ok();
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!(
        (code, problems(&report, "server1"), problems(&report, "mac1")),
        (Some(31), vec!["refused", "host_key"], vec![])
    );
    let message = machine(&report, "server1")["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("~/.ssh/config can't be used: it is read-only"), "{message}");
    assert_eq!(server.read(".ssh/config"), "# mine\n");
    let mode = |file: &str| mac.path(file).metadata().unwrap().mode() & 0o777;
    assert_eq!((mode(".ssh"), mode(".ssh/authorized_keys")), (0o755, 0o644));
    server.run("chmod", &["644", ".ssh/config"], "", &[]).ok();
    assert_eq!(mesh_json(mac, &[]).1, Some(0));
    mac.run("chmod", &["777", "."], "", &[]).ok();
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "mac1"), problems(&report, "server1")), (Some(30), vec!["home"], vec![]));
    assert_eq!(login(&report, "server1", "mac1")["failure"]["kind"], "authentication", "{report}");
}

#[test]
fn two_runs_at_once_add_each_key_once() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let mac = fleet.host("mac1");
    let outputs: Vec<HostOutput> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| mesh(mac, &[]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for output in outputs {
        assert_eq!(output.code, Some(0), "{output:?}");
    }
    for host in fleet.hosts() {
        let text = host.read(".ssh/authorized_keys");
        for other in fleet.hosts().iter().filter(|other| other.name() != host.name()) {
            assert_eq!(text.matches(&other.user_key().unwrap()).count(), 1, "{}: {text}", host.name());
        }
    }
}

#[test]
fn an_existing_key_is_never_replaced() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, bare, locked) = (fleet.host("mac1"), fleet.host("server1"), fleet.host("server2"));
    let key = bare.make_user_key();
    let make = ["-q", "-t", "ed25519", "-N", "a passphrase", "-f", ".ssh/id_ed25519"];
    locked.run("ssh-keygen", &make, "", &[]).ok();
    for host in [bare, locked] {
        std::fs::remove_file(host.path(".ssh/id_ed25519.pub")).unwrap();
    }
    let private = |host: &Host| host.read(".ssh/id_ed25519");
    let before = (private(bare), private(locked));
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "server1"), problems(&report, "server2")), (Some(30), vec![], vec!["refused"]));
    let message = machine(&report, "server2")["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("has a passphrase"), "{message}");
    assert!(mac.read(".ssh/authorized_keys").contains(&key));
    assert_eq!(login(&report, "server1", "mac1")["result"], "ok", "{report}");
    assert_eq!((private(bare), private(locked)), before);
}

#[test]
fn a_hostname_may_have_capital_letters_and_dots() {
    let fleet = started(&["mac1", "Server-B.local"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("Server-B.local"));
    assert_eq!(mesh_json(mac, &[]).1, Some(0));
    assert_eq!((ssh(mac, "Server-B.local"), ssh(mac, "server-b.local")), (server.name().into(), server.name().into()));
}

#[test]
fn a_machine_that_has_left_the_fleet_leaves_the_fragments() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    mesh(mac, &[]).ok();
    let keys = server.read(".ssh/authorized_keys");
    write_machines(mac, &[entry(mac), entry(server)]);
    mesh(mac, &[]).ok();
    for file in [".ssh/config.d/fleet-mesh", ".ssh/known_hosts.fleet-mesh"] {
        assert!(!server.read(file).contains("server2"));
    }
    assert_eq!(server.read(".ssh/authorized_keys"), keys);
}

#[test]
fn settings_of_the_user_do_not_break_a_run() {
    let fleet = started(&["mac1", "server1"]);
    let mac = fleet.host("mac1");
    mac.write(".ssh/config", "Host *\n  RemoteCommand tmux new -A\n  RequestTTY force\n  ForwardAgent yes\n");
    fleet.host("server1").write(".bashrc", "echo Welcome; echo 'a greeting' >&2\n");
    assert_eq!(mesh_json(mac, &[]).1, Some(0));
}
