//! The name of this machine, made once and kept.
//!
//! The name of a host changes with the network on some systems (`mac1.local`, `mac1.fritz.box`). An agent is named after
//! its machine, so the first name is kept in the state folder. A home may be on a file system that several machines
//! share: what is kept is told by an id that the operating system gives the machine.

use std::io;
use std::path::PathBuf;

use deckwatch_protocol::Host;

use crate::digest::sha256_hex;
use crate::dirs::Dirs;

const ID_CHARS: usize = 32;

/// Where the name of one machine is kept.
pub(super) struct KeptName {
    file: PathBuf,
}

impl KeptName {
    /// Of this machine, whose host has this name now; `None` where the system gives a machine no id.
    pub(super) fn of_this_machine(dirs: &Dirs, now: &Host) -> Option<Self> {
        let id = machine_id()?;
        // Containers of one image can have one id. Their names don't change with the network.
        Some(Self::of(dirs, &if is_container() { format!("{id}\n{now}") } else { id }))
    }

    /// The id itself is not written down: some programs treat it as confidential.
    fn of(dirs: &Dirs, id: &str) -> Self {
        let name: String = sha256_hex(format!("deckwatch\n{id}").as_bytes()).chars().take(ID_CHARS).collect();
        Self { file: dirs.state.join("machines").join(name) }
    }

    pub(super) fn read(&self) -> Option<Host> {
        std::fs::read_to_string(&self.file).ok()?.trim().parse().ok()
    }

    /// Keeps the name unless one is kept. Of two that ask at once, one is kept.
    pub(super) fn keep(&self, name: &Host) -> io::Result<()> {
        if self.read().is_some() {
            return Ok(());
        }
        Dirs::create(self.file.parent().unwrap_or(&self.file))?;
        let unfinished = self.file.with_extension(std::process::id().to_string());
        std::fs::write(&unfinished, format!("{name}\n"))?;
        let linked = std::fs::hard_link(&unfinished, &self.file);
        std::fs::remove_file(&unfinished)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(target_os = "linux")]
fn machine_id() -> Option<String> {
    let id = std::fs::read_to_string("/etc/machine-id").ok()?;
    let id = id.trim();
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}

#[cfg(not(target_os = "linux"))]
fn machine_id() -> Option<String> {
    sysinfo::Product::uuid().filter(|id| !id.is_empty())
}

/// Whether this process runs in a container, as far as the usual marks say.
fn is_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| std::path::Path::new(mark).exists())
        || std::env::var_os("container").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_machine_is_kept_and_another_machine_has_its_own() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.path().into())).unwrap();
        let [first, second]: [Host; 2] = ["mac1.local", "mac1.fritz.box"].map(|name| name.parse().unwrap());
        let machine = KeptName::of(&dirs, "1");
        assert_eq!(machine.read(), None);
        for name in [&first, &second] {
            machine.keep(name).unwrap();
            assert_eq!(machine.read().as_ref(), Some(&first));
        }
        let other = KeptName::of(&dirs, "2");
        other.keep(&second).unwrap();
        assert_eq!([machine.read(), other.read()], [Some(first), Some(second)]);
    }
}
