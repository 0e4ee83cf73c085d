//! The last answer of the registry, so that a machine without a network still knows its fleet.

use std::io;
use std::path::PathBuf;

use deckwatch_machine::digest::sha256_hex;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use deckwatch_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::Registered;

/// The file with the last answer of one API.
#[derive(Debug, Clone)]
pub struct KeptList {
    file: PathBuf,
}

/// An answer with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// When the answer arrived, by the clock of this machine.
    pub taken_at: Timestamp,
    /// The answer.
    pub registered: Registered,
}

impl KeptList {
    /// The file for the API at `url`.
    pub fn of(dirs: &Dirs, url: &str) -> Self {
        Self { file: dirs.state.join("fleet/members").join(format!("{}.json", sha256_hex(url.as_bytes()))) }
    }

    /// Replaces the answer. After a crash, the file has the old answer or the new one.
    pub fn keep(&self, registered: &Registered, now: Timestamp) -> io::Result<()> {
        self.file.parent().map_or(Ok(()), Dirs::create)?;
        durable::write(&self.file, &serde_json::to_vec(&Taken { taken_at: now, registered: registered.clone() })?)
    }

    /// The last answer. `None` if there is none, or if it can't be read.
    pub fn last(&self) -> Option<Taken> {
        serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_answer_is_kept_for_its_api_and_only_for_this_user() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.path().into())).unwrap();
        let kept = KeptList::of(&dirs, "https://one.example.com");
        assert_eq!(kept.last(), None);
        let now = Timestamp::from_millis(1_795_248_000_000);
        for taken_at in [now, now.plus_seconds(60)] {
            kept.keep(&Registered::default(), taken_at).unwrap();
            assert_eq!(kept.last(), Some(Taken { taken_at, registered: Registered::default() }));
        }
        assert_eq!(kept.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(KeptList::of(&dirs, "https://two.example.com").last(), None);
        std::fs::write(&kept.file, "{").unwrap();
        assert_eq!(kept.last(), None, "a damaged file counts as none");
    }
}
