//! A server whose program was replaced by an update goes on running the old one, and says so.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use deckwatch_protocol::{Health, Operation};
use deckwatch_tests::{Api, Caller, TestRequest, program};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

/// Puts a program that says `version` in the place of `binary`, as an update does.
fn replace(binary: &Path, version: &str) {
    let new = binary.with_extension("new");
    std::fs::write(&new, format!("#!/bin/sh\necho '{version}'\n")).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&new, binary).unwrap();
}

#[tokio::test]
async fn a_server_whose_program_was_replaced_says_so_in_health_and_once_in_its_log() {
    let folder = TempDir::new().unwrap();
    let binary = folder.path().join("deckwatch-server");
    std::fs::copy(program("deckwatch-server"), &binary).unwrap();
    let version = std::process::Command::new(&binary).arg("--version").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap().trim().to_owned();
    let mut server = Command::new(&binary);
    server.args(["--port", "0", "--data"]).arg(folder.path().join("data")).stdout(Stdio::piped());
    let mut server = server.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    let url = line.trim().strip_prefix("ready ").unwrap();
    let api = Api::at(url, ("unused-key-of-a-test", "unused-key-of-a-test"), folder.path());
    let notice = || async { api.anonymous().send(TestRequest::of(Operation::Health)).await.of::<Health>(200).notice };
    assert_eq!(notice().await, None);
    for new in ["deckwatch-server 9.9.9 (0123abc)", "deckwatch-server 9.9.10 (4567def)"] {
        replace(&binary, new);
        for _ in 0..3 {
            let notice = notice().await.unwrap();
            for part in [version.as_str(), new, binary.to_str().unwrap(), "Restart the process"] {
                assert!(notice.contains(part), "{part}: {notice}");
            }
        }
    }
    assert!(version.contains('(') && version.ends_with(')'), "it names its commit: {version}");
    server.start_kill().unwrap();
    let mut log = String::new();
    server.stderr.take().unwrap().read_to_string(&mut log).await.unwrap();
    assert_eq!(log.matches("an update replaced").count(), 2, "{log}");
}
