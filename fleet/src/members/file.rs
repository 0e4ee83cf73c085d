//! The list of members that a person writes, for a fleet without an API.

use std::io;
use std::path::{Path, PathBuf};

use deckwatch_protocol::Violations;
use deserr::Deserr;
use thiserror::Error;

use super::Member;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

#[derive(Deserr)]
#[deserr(deny_unknown_fields, error = Violations)]
struct MachinesFile {
    machines: Vec<Member>,
}

/// The file of machines can't be used.
#[derive(Debug, Error)]
pub enum MachinesFileError {
    /// The file can't be read.
    #[error("{} can't be read: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not have the right form.
    #[error("{}: {message}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong: every wrong field by its JSON pointer, or the line and the column.
        message: String,
    },
}

/// The members that the file at `path` lists: `{"machines": [{"hostname", "user", "tailscale_ip", "os", "arch", …}]}`.
/// `None` if there is no such file.
pub fn read_file(path: &Path) -> Result<Option<Vec<Member>>, MachinesFileError> {
    let unreadable = |source| MachinesFileError::Unreadable { path: path.to_owned(), source };
    let malformed = |message| MachinesFileError::Malformed { path: path.to_owned(), message };
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        Ok(file) if file.len() > MAX_BYTES => return Err(malformed(format!("the file has over {MAX_BYTES} bytes"))),
        Ok(_) => {}
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse(&text).map(Some).map_err(malformed)
}

fn parse(text: &str) -> Result<Vec<Member>, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let file: MachinesFile =
        deserr::deserialize(value).map_err(|violations: Violations| format!("{violations}. Correct the file"))?;
    for (index, member) in file.machines.iter().enumerate() {
        let is_same = |other: &Member| other.hostname.as_str().eq_ignore_ascii_case(member.hostname.as_str());
        if file.machines.iter().take(index).any(is_same) {
            return Err(format!("/machines/{index}/hostname: the machine {} is listed twice", member.hostname));
        }
    }
    Ok(file.machines)
}

#[cfg(test)]
mod tests {
    use deckwatch_protocol::SshPublicKey;
    use serde_json::{Value, json};

    use super::*;

    fn machine(change: &Value) -> Value {
        let mut machine = json!({
            "hostname": "server1", "user": "ann", "tailscale_ip": "100.64.0.2", "os": "linux", "arch": "x86_64",
        });
        for (name, value) in change.as_object().unwrap() {
            machine[name] = value.clone();
        }
        machine
    }

    fn parsed(machines: &[Value]) -> Result<Vec<Member>, String> {
        parse(&json!({ "machines": machines }).to_string())
    }

    #[test]
    fn a_machine_has_its_fields() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPIf+hLT5ten+/HeZHAl8g8BPY5APK6zF9QFtix/FENF";
        let members = parsed(&[
            machine(&json!({})),
            machine(
                &json!({ "hostname": "mac1.local", "ssh_public_key": format!("{key} a comment"), "host_key": key }),
            ),
        ]);
        let [server, mac] = &members.unwrap()[..] else { panic!("two machines") };
        assert_eq!((server.hostname.as_str(), &server.ssh_public_key, &server.host_key), ("server1", &None, &None));
        assert_eq!(mac.ssh_public_key.as_ref().map(SshPublicKey::as_str), Some(key));
        assert_eq!(mac.host_key, mac.ssh_public_key);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let hostile =
            ["a\nProxyCommand x", "-oProxyCommand=x", "$(id)", "`id`", "a b", "\"", "'", "%h", "*", "", "a;b"];
        for value in hostile.map(str::to_owned).into_iter().chain(["x".repeat(300)]) {
            for field in ["hostname", "user", "tailscale_ip", "os", "arch", "ssh_public_key", "host_key"] {
                let error =
                    parsed(&[machine(&json!({})), machine(&json!({ "hostname": "b", field: value }))]).unwrap_err();
                assert!(error.contains(&format!("/machines/1/{field}: ")), "{field} {value:?}: {error}");
                assert!(!error.contains("ProxyCommand"), "the value must not be repeated: {error}");
            }
        }
        let error = parsed(&[machine(&json!({ "user": "-l", "arch": 7, "port": 22 }))]).unwrap_err();
        for field in ["/machines/0/user", "/machines/0/arch", "/machines/0/port"] {
            assert!(error.contains(field), "{field}: {error}");
        }
        assert!(parse(r#"{"machines": [], "version": 1}"#).unwrap_err().contains("/version"));
        assert!(parse(r#"{"machines": [{}]}"#).unwrap_err().contains("/machines/0/hostname"));
        assert!(parse("{").unwrap_err().contains("line 1"));
    }

    #[test]
    fn a_machine_that_is_listed_twice_is_named() {
        let error = parsed(&[machine(&json!({})), machine(&json!({ "hostname": "SERVER1" }))]).unwrap_err();
        assert_eq!(error, "/machines/1/hostname: the machine SERVER1 is listed twice");
    }
}
