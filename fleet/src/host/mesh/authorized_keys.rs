//! Adds the keys of the other machines to `~/.ssh/authorized_keys`.
//!
//! Existing lines are never changed or removed, whatever they contain.

use deckwatch_protocol::{Host, SshPublicKey};
use serde::{Deserialize, Serialize};

use super::FileChange;
use super::ssh_folder::SshFolder;
use crate::host::{Answers, Connection};
use crate::wire::{Refusal, Request};

const FILE: &str = "authorized_keys";

/// Asks a machine to accept the keys of the others.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorize {
    /// The keys of the other machines.
    pub keys: Vec<KeyOf>,
    /// Only say what would change.
    pub dry_run: bool,
}

/// The key of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyOf {
    /// The machine.
    pub hostname: Host,
    /// The key that it logs in to other machines with.
    pub key: SshPublicKey,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// The changes, made or planned.
    pub changes: Vec<FileChange>,
    /// The machines whose keys a person has disabled with a `#`. They stay disabled.
    pub disabled: Vec<Host>,
}

impl Request for Authorize {
    const NAME: &'static str = "mesh_authorize";
    type Item = ();
    type Answer = Authorization;
}

impl Answers for Authorize {
    async fn answer(self, _: &mut Connection) -> Result<Authorization, Refusal> {
        let mut folder = SshFolder::to_change(self.dry_run)?;
        let text = folder.read(FILE)?.unwrap_or_default();
        let (mut lines, mut disabled) = (Vec::new(), Vec::new());
        for KeyOf { hostname, key } in &self.keys {
            match state(&text, key) {
                State::Accepted => {}
                State::Disabled => disabled.push(hostname.clone()),
                // Two machines can have the same key, if they share a home folder.
                State::Missing if lines.iter().any(|line: &String| line.starts_with(key.as_str())) => {}
                State::Missing => lines.push(format!("{} {hostname}", key.as_str())),
            }
        }
        folder.append(FILE, &lines)?;
        Ok(Authorization { changes: folder.into_changes(), disabled })
    }
}

/// What the file says about a key.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Accepted,
    Disabled,
    Missing,
}

fn state(text: &[u8], key: &SshPublicKey) -> State {
    let mut disabled = false;
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        match line.strip_prefix(b"#") {
            Some(comment) => disabled |= is_entry_of(comment.trim_ascii(), key),
            None if is_entry_of(line, key) => return State::Accepted,
            None => {}
        }
    }
    if disabled { State::Disabled } else { State::Missing }
}

/// Whether a line accepts this key, as sshd reads it: the key is at its start, or after options.
fn is_entry_of(line: &[u8], key: &SshPublicKey) -> bool {
    starts_with_key(line, key) || starts_with_key(after_options(line), key)
}

fn starts_with_key(line: &[u8], key: &SshPublicKey) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let entry = [words.next(), words.next()];
    key.as_str().split(' ').map(str::as_bytes).map(Some).eq(entry)
}

/// The rest of the line after its options. Options end at a space that is not in quotes.
fn after_options(line: &[u8]) -> &[u8] {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in line.iter().enumerate() {
        match byte {
            b'"' if escaped => escaped = false,
            b'"' => quoted = !quoted,
            b' ' | b'\t' if !quoted => return line.split_at(at).1.trim_ascii_start(),
            byte => escaped = *byte == b'\\',
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPIf+hLT5ten+/HeZHAl8g8BPY5APK6zF9QFtix/FENF";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN6fWYh2Vqk4kqU0o1Wq5J6cHAcF7DgxnkV0ZyM0Mh1M";

    fn state_in(text: &str) -> State {
        state(text.as_bytes(), &KEY.parse().unwrap())
    }

    #[test]
    fn an_entry_is_found_in_every_form_that_sshd_accepts() {
        for text in [
            format!("{KEY}\n"),
            KEY.to_owned(),
            format!("{KEY} tom@mac1\r\n"),
            format!("{KEY}\r\n"),
            format!("  \t{KEY}"),
            format!("{OTHER}\n\n# a comment\n{KEY} two words\n{OTHER}"),
            format!("{}\n", KEY.replace(' ', "  \t")),
            format!("no-pty,from=\"100.64.0.0/10\" {KEY} mac1"),
            format!("command=\"echo \\\"a b\\\" # {OTHER}\",no-pty\t{KEY}"),
            format!("# {KEY}\n{KEY}"),
        ] {
            assert_eq!(state_in(&text), State::Accepted, "{text:?}");
        }
        let latin1 = [b"# M\xfcnchen\n".as_slice(), KEY.as_bytes(), b" M\xfcnchen"].concat();
        assert_eq!(state(&latin1, &KEY.parse().unwrap()), State::Accepted);
    }

    #[test]
    fn a_key_that_only_looks_accepted_is_missing() {
        for text in [
            String::new(),
            OTHER.to_owned(),
            format!("{OTHER} {KEY}"),
            format!("command=\"{KEY}\" {OTHER}"),
            format!("{KEY}A"),
            KEY.replacen("ssh-ed25519 ", "ssh-rsa ", 1),
            format!("command=\"unfinished {KEY}"),
        ] {
            assert_eq!(state_in(&text), State::Missing, "{text:?}");
        }
    }

    #[test]
    fn a_key_behind_a_hash_sign_is_disabled() {
        for text in [format!("#{KEY}"), format!("  ## {OTHER}\n # {KEY} mac1\n"), format!("# no-pty {KEY}\n{OTHER}")] {
            assert_eq!(state_in(&text), State::Disabled, "{text:?}");
        }
    }
}
