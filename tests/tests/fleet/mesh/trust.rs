//! Only approved machines, users, keys and host keys become part of the mesh.

use deckwatch_tests::{Fleet, fresh_public_key};
use serde_json::{Value, json};

use super::{all_files, entry, files, login, machine, mesh, mesh_json, problems, ssh, started, write_machines};

#[test]
fn a_hostile_value_in_any_field_is_refused_before_anything_is_done() {
    let fleet = started(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    let before = all_files(&fleet);
    let long = "x".repeat(300);
    let key = server.host_key();
    for field in ["hostname", "user", "tailscale_ip", "os", "arch", "ssh_public_key", "host_key"] {
        for value in [
            "a\nProxyCommand touch /tmp/hit",
            "a\"b",
            "a'b",
            "$(touch /tmp/hit)",
            "`id`",
            "-oProxyCommand=x",
            "",
            &long,
        ] {
            let mut hostile = entry(server);
            hostile[field] = json!(value);
            write_machines(mac, &[entry(mac), hostile]);
            let output = mesh(mac, &[]);
            assert_eq!((output.code, output.stdout.as_str()), (Some(29), ""), "{field} {value:?}: {output:?}");
            assert!(output.stderr.contains(field), "{field} {value:?}: {output:?}");
        }
    }
    assert_eq!(all_files(&fleet), before);
    // A comment may have any text, and goes nowhere.
    let mut commented = entry(server);
    commented["ssh_public_key"] = json!(format!("{} $(touch /tmp/hit) \"'", server.make_user_key()));
    commented["host_key"] = json!(format!("{key} `touch /tmp/hit`"));
    write_machines(mac, &[entry(mac), commented]);
    mesh(mac, &[]).ok();
    for host in fleet.hosts() {
        assert!(files(host).values().all(|(content, ..)| !String::from_utf8_lossy(content).contains("touch")));
        assert!(host.run("test", &["-e", "/tmp/hit"], "", &[]).code == Some(1));
    }
}

#[test]
fn a_machine_with_another_host_key_gets_nothing() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, server, wrong) = (fleet.host("mac1"), fleet.host("server1"), fleet.host("server2"));
    let mut entries: Vec<Value> = fleet.hosts().iter().map(entry).collect();
    entries[2]["host_key"] = json!(server.host_key());
    write_machines(mac, &entries);
    let before = files(wrong);
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "server2")), (Some(30), vec!["host_key"]), "{report}");
    assert_eq!(files(wrong), before);
    assert_eq!(login(&report, "server1", "server2")["failure"]["kind"], "host_key", "{report}");
    assert_eq!(login(&report, "server1", "mac1")["result"], "ok");
}

#[test]
fn a_machine_without_a_registered_host_key_is_reported_and_not_trusted() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    let mut entries: Vec<Value> = fleet.hosts().iter().map(entry).collect();
    entries[2].as_object_mut().unwrap().remove("host_key");
    write_machines(mac, &entries);
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "server2")), (Some(30), vec!["host_key"]), "{report}");
    let problem = machine(&report, "server2")["problems"][0]["message"].as_str().unwrap();
    assert!(problem.contains(&fleet.host("server2").host_key()), "the key to register is not named: {problem}");
    assert_eq!(login(&report, "server1", "server2")["failure"]["kind"], "host_key", "{report}");
    assert!(!server.path(".ssh/known_hosts").exists());
    assert_eq!(server.read(".ssh/known_hosts.fleet-mesh"), format!("mac1 {}\n", mac.host_key()));
    // The person's own known hosts still decide for the person.
    assert_eq!(ssh(mac, "server2"), "server2");
    // Nothing says who answers at the address of another machine.
    mac.write(".ssh/known_hosts", format!("{} {}\n", server.address(), server.host_key()));
    entries[2]["tailscale_ip"] = json!(server.address());
    entries[2]["user"] = json!(server.user());
    write_machines(mac, &entries);
    let (report, _) = mesh_json(mac, &[]);
    assert_eq!(problems(&report, "server2"), ["wrong_machine", "host_key"], "{report}");
    assert!(machine(&report, "server2")["changes"].as_array().unwrap().is_empty(), "{report}");
}

#[test]
fn the_approved_key_may_be_in_another_file_and_another_key_goes_nowhere() {
    let fleet = started(&["mac1", "server1", "server2"]);
    let (mac, server, other) = (fleet.host("mac1"), fleet.host("server1"), fleet.host("server2"));
    server.write(".ssh/notes.pub", "not a key");
    server.run("ssh-keygen", &["-q", "-t", "ecdsa", "-N", "", "-f", ".ssh/work-key"], "", &[]).ok();
    let work = server.read(".ssh/work-key.pub");
    let unapproved = other.make_user_key();
    let mut entries: Vec<Value> = fleet.hosts().iter().map(entry).collect();
    entries[1]["ssh_public_key"] = json!(work.trim());
    entries[2]["ssh_public_key"] = json!(fresh_public_key());
    write_machines(mac, &entries);
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "server1")), (Some(30), vec![]), "{report}");
    assert_eq!(ssh(server, "mac1"), "mac1");
    assert!(!server.path(".ssh/id_ed25519").exists());
    assert!(problems(&report, "server2").contains(&"key"), "{report}");
    assert!(!mac.read(".ssh/authorized_keys").contains(&unapproved));
    assert_eq!(login(&report, "server2", "mac1")["failure"]["kind"], "authentication", "{report}");
    assert_eq!(login(&report, "server1", "server2")["result"], "ok", "{report}");
}

#[test]
fn keys_go_only_to_the_registered_user() {
    let fleet = started(&["mac1", "server1"]);
    let (mac, server) = (fleet.host("mac1"), fleet.host("server1"));
    let mut entries: Vec<Value> = fleet.hosts().iter().map(entry).collect();
    entries[0]["user"] = json!("someone-else");
    write_machines(mac, &entries);
    let before = files(mac);
    let (report, code) = mesh_json(mac, &[]);
    assert_eq!((code, problems(&report, "mac1")), (Some(30), vec!["user"]), "{report}");
    assert_eq!(files(mac), before);
    assert!(server.read(".ssh/config.d/fleet-mesh").contains("User someone-else"));
}

#[tokio::test]
async fn only_approved_machines_of_the_registry_are_connected() {
    let fleet = Fleet::start(&["mac1", "server1", "server2"]);
    fleet.give_access("mac1");
    for name in ["mac1", "server1"] {
        fleet.approve(name).await;
    }
    fleet.register("server2").await;
    let before = files(fleet.host("server2"));
    let output = fleet.launcher("mac1", &["fleet", "mesh"]);
    let text = output.ok();
    assert!(text.starts_with("SSH mesh of 2 machines of the registry\n"), "{text}");
    assert!(text.contains("Left out until an admin approves it: the access of server2\n"), "{text}");
    assert_eq!(files(fleet.host("server2")), before);
    let waiting = fleet.host("server2").user_key().unwrap();
    for name in ["mac1", "server1"] {
        let host = fleet.host(name);
        assert!(files(host).values().all(|(content, ..)| !String::from_utf8_lossy(content).contains(&waiting)));
        assert!(!host.read(".ssh/config.d/fleet-mesh").contains("server2"));
    }
    fleet.approve("server2").await;
    let report: Value = serde_json::from_str(&fleet.launcher("mac1", &["fleet", "mesh", "--json"]).ok()).unwrap();
    assert_eq!(login(&report, "server2", "server1")["result"], "ok", "{report}");
    // A list from before the API went away may name a machine that was retired since.
    fleet.host("mac1").cut();
    let output = fleet.launcher("mac1", &["fleet", "mesh"]);
    assert_eq!(output.code, Some(29), "{output:?}");
    assert!(output.stderr.contains("may have been retired since"), "{output:?}");
    write_machines(fleet.host("mac1"), &[entry(fleet.host("mac1"))]);
    let text = fleet.launcher("mac1", &["fleet", "mesh"]).ok();
    assert!(text.starts_with("SSH mesh of 1 machine of machines.json\n"), "{text}");
}
