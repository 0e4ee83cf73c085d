//! The saved name of this machine.
//!
//! On some systems the hostname changes with the network (`mac1.local`, `mac1.fritz.box`). An agent's name contains the
//! name of its machine, so the first hostname is saved in the state folder. Several machines can share a home on a network
//! file system. Each machine's name is therefore saved under the machine id of the operating system.

use std::io;
use std::path::{Path, PathBuf};

use deckwatch_protocol::{Host, Uuid, cut};

use crate::digest::sha256_hex;
use crate::dirs::Dirs;
use crate::durable;

const ID_CHARS: usize = 32;

/// The file with the saved name of one machine.
pub(super) struct SavedName {
    file: PathBuf,
}

impl SavedName {
    /// The file for this machine. `now` is its current hostname. `None` if the system has no machine id.
    pub(super) fn of_this_machine(dirs: &Dirs, now: &Host) -> Option<Self> {
        let id = machine_id()?;
        // Containers of one image can share one id. Their hostnames do not change with the network.
        Some(Self::of(dirs, &if is_container() { format!("{id}\n{now}") } else { id }))
    }

    /// The file name is a digest of the id, because some programs treat the id as confidential.
    fn of(dirs: &Dirs, id: &str) -> Self {
        let digest = sha256_hex(format!("deckwatch\n{id}").as_bytes());
        Self { file: dirs.state.join("machines").join(cut::to_chars(&digest, ID_CHARS)) }
    }

    pub(super) fn read(&self) -> Option<Host> {
        std::fs::read_to_string(&self.file).ok()?.trim().parse().ok()
    }

    /// Saves the name, unless one is saved. If two processes save at once, one name wins.
    pub(super) fn save(&self, name: &Host) -> io::Result<()> {
        if self.read().is_some() {
            return Ok(());
        }
        Dirs::create(self.file.parent().unwrap_or(&self.file))?;
        match durable::create(&self.file, format!("{name}\n").as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }
}

/// The id that this machine sends to the API: a random UUID, saved beside its name. `now` is its current hostname, which
/// identifies a machine without an id of its operating system. If two processes make one at once, one of them wins.
pub(super) fn uuid_of_this_machine(dirs: &Dirs, now: &Host) -> io::Result<Uuid> {
    let name = SavedName::of_this_machine(dirs, now).unwrap_or_else(|| SavedName::of(dirs, now.as_str()));
    let file = name.file.with_extension("id");
    if let Some(saved) = read_uuid(&file) {
        return Ok(saved);
    }
    Dirs::create(file.parent().unwrap_or(&file))?;
    match durable::create(&file, format!("{}\n", random_uuid()?).as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    read_uuid(&file).ok_or_else(|| io::Error::other(format!("{} does not contain a UUID; delete it", file.display())))
}

fn read_uuid(file: &Path) -> Option<Uuid> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// A new random UUID.
pub fn random_uuid() -> io::Result<Uuid> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let text = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
    text.parse().map_err(|_| io::Error::other("a random UUID has a wrong form"))
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

/// Whether this process runs in a container, judged by the usual marker files and variable.
fn is_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| std::path::Path::new(mark).exists())
        || std::env::var_os("container").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_machine_keeps_its_first_name() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.path().into())).unwrap();
        let [first, second]: [Host; 2] = ["mac1.local", "mac1.fritz.box"].map(|name| name.parse().unwrap());
        let machine = SavedName::of(&dirs, "1");
        assert_eq!(machine.read(), None);
        for name in [&first, &second] {
            machine.save(name).unwrap();
            assert_eq!(machine.read().as_ref(), Some(&first));
        }
        let ids: Vec<_> = (0..2).map(|_| uuid_of_this_machine(&dirs, &first).unwrap()).collect();
        assert_eq!(ids[0], ids[1]);
        let other = SavedName::of(&dirs, "2");
        other.save(&second).unwrap();
        assert_eq!([machine.read(), other.read()], [Some(first), Some(second)]);
    }
}
