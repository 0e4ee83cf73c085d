//! Writes the addresses, users and host keys of the other machines into this user's SSH configuration.

use std::fmt::Write as _;

use deckwatch_protocol::SshPublicKey;
use serde::{Deserialize, Serialize};

use super::FileChange;
use super::key::{USUAL_FILES, find};
use super::ssh_folder::SshFolder;
use crate::host::{Answers, Connection};
use crate::members::Member;
use crate::wire::{Refusal, Request};

const CONFIG: &str = "config";
const INCLUDE: &str = "Include config.d/*";
const FRAGMENT_FOLDER: &str = "config.d";
const FRAGMENT: &str = "config.d/fleet-mesh";
/// Not in the folder of the fragment, because `ssh` would read it as configuration there.
const KNOWN_HOSTS: &str = "known_hosts.fleet-mesh";
const HEADER: &str = "# `launcher fleet mesh` replaces this file. Write your own settings into ~/.ssh/config.\n";

/// Asks a machine to know the others.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployConfig {
    /// The other machines.
    pub others: Vec<Member>,
    /// The key that this machine logs in with.
    pub key: Option<SshPublicKey>,
    /// Only say what would change.
    pub dry_run: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The changes, made or planned.
    pub changes: Vec<FileChange>,
}

impl Request for DeployConfig {
    const NAME: &'static str = "mesh_deploy_config";
    type Item = ();
    type Answer = Deployment;
}

impl Answers for DeployConfig {
    async fn answer(self, _: &mut Connection) -> Result<Deployment, Refusal> {
        let mut folder = SshFolder::to_change(self.dry_run)?;
        folder.create_folder(FRAGMENT_FOLDER)?;
        let identities = identities(&folder, self.key.as_ref())?;
        // A fragment names the file of host keys, so that file is written first.
        folder.replace(KNOWN_HOSTS, known_hosts(&self.others).as_bytes())?;
        folder.replace(FRAGMENT, fragment(&self.others, &identities).as_bytes())?;
        let config = folder.read(CONFIG)?.unwrap_or_default();
        let folder_path = folder.path("").to_string_lossy().trim_end_matches('/').to_owned();
        if includes_fragment(&String::from_utf8_lossy(&config), &folder_path) {
            folder.replace(CONFIG, &config)?;
        } else {
            let separator = if config.is_empty() { "" } else { "\n" };
            folder.replace(CONFIG, &[INCLUDE.as_bytes(), b"\n", separator.as_bytes(), &config].concat())?;
        }
        Ok(Deployment { changes: folder.into_changes() })
    }
}

/// The files of keys that the fragment must name: none if `ssh` finds the key by itself. Naming one file stops `ssh` from
/// trying the usual ones, so these are named too.
fn identities(folder: &SshFolder, key: Option<&SshPublicKey>) -> Result<Vec<String>, Refusal> {
    let Some(found) = find(folder, key)?.filter(|found| !USUAL_FILES.contains(&found.file.as_str())) else {
        return Ok(Vec::new());
    };
    let usual = USUAL_FILES.iter().filter(|file| folder.path(file).exists()).map(|file| (*file).to_owned());
    Ok(std::iter::once(found.file).chain(usual).collect())
}

fn known_hosts(others: &[Member]) -> String {
    let known = others.iter().filter_map(|other| Some((&other.hostname, other.host_key.as_ref()?)));
    let lines: Vec<String> = known.map(|(hostname, key)| format!("{hostname} {}\n", key.as_str())).collect();
    lines.concat()
}

/// A `Host` block for each machine. The values need no quotes, because their types allow only plain words.
fn fragment(others: &[Member], identities: &[String]) -> String {
    let mut text = HEADER.to_owned();
    for other in others {
        let Member { hostname, tailscale_ip, user, .. } = other;
        // `ssh` compares these names letter by letter, and people write a hostname in small letters.
        let small = hostname.as_str().to_ascii_lowercase();
        let names = if small == hostname.as_str() { small } else { format!("{hostname} {small}") };
        let _ = write!(text, "\nHost {names}\n  HostName {tailscale_ip}\n  User {user}\n");
        if other.host_key.is_some() {
            let _ = write!(
                text,
                "  HostKeyAlias {hostname}\n  UserKnownHostsFile ~/.ssh/{KNOWN_HOSTS}\n  GlobalKnownHostsFile \
                 /dev/null\n  StrictHostKeyChecking yes\n"
            );
        }
        for file in identities {
            let _ = writeln!(text, "  IdentityFile ~/.ssh/{file}");
        }
    }
    text
}

/// Whether the configuration includes the fragment for every host.
fn includes_fragment(config: &str, folder: &str) -> bool {
    let wanted: Vec<String> = ["config.d/*", FRAGMENT]
        .iter()
        .flat_map(|name| [(*name).to_owned(), format!("~/.ssh/{name}"), format!("{folder}/{name}")])
        .collect();
    let mut for_every_host = true;
    for line in config.lines() {
        let line = line.trim_start_matches('\u{feff}').trim();
        let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
        let (keyword, value) = line.split_at(end);
        let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=').trim();
        match keyword.to_ascii_lowercase().as_str() {
            "host" => for_every_host = value == "*",
            "match" => for_every_host = value.eq_ignore_ascii_case("all"),
            "include" if for_every_host => {
                let mut files = value.split_whitespace().map(|file| file.trim_matches('"'));
                if files.any(|file| wanted.iter().any(|name| name == file)) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_include_is_found_in_every_form_that_applies_to_all_hosts() {
        for config in [
            "Include config.d/*",
            "\u{feff}include ~/.ssh/config.d/*\r\n",
            "# mine\n\n  INCLUDE=\"config.d/*\" other/*\nHost a\n",
            "Include other\nInclude a /home/tom/.ssh/config.d/*",
            "Host a\n  User b\nHost *\n  Include config.d/*\n",
            "Match all\nInclude = config.d/fleet-mesh",
        ] {
            assert!(includes_fragment(config, "/home/tom/.ssh"), "{config:?}");
        }
        for config in [
            "",
            "# Include config.d/*",
            "Host mac1\n  Include config.d/*",
            "Match host a\nInclude config.d/*",
            "Include config.d/mine",
            "IncludeX config.d/*",
        ] {
            assert!(!includes_fragment(config, "/home/tom/.ssh"), "{config:?}");
        }
    }
}
