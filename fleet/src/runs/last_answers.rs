//! What each member answered last to each request, for times when it can't be reached.

use std::io;
use std::path::PathBuf;

use deckwatch_machine::digest::sha256_hex;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use deckwatch_protocol::{Host, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// An answer that is larger is not kept.
const MAX_BYTES: usize = 1024 * 1024;

/// The last answers of the members to one kind of request.
#[derive(Debug, Clone)]
pub struct LastAnswers {
    folder: PathBuf,
}

/// An answer of a member, with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAnswer<T> {
    /// When the answer arrived, by the clock of this machine.
    pub taken_at: Timestamp,
    /// The answer.
    pub answer: T,
}

impl LastAnswers {
    /// The answers to requests with this name, such as `health`.
    pub fn to(request: &str, dirs: &Dirs) -> Self {
        Self { folder: dirs.state.join("fleet/answers").join(request) }
    }

    /// Replaces the answer of a member.
    pub fn keep(&self, member: &Host, answer: &impl Serialize, now: Timestamp) -> io::Result<()> {
        let text = serde_json::to_vec(&LastAnswer { taken_at: now, answer })?;
        if text.len() > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the answer is larger than 1 MiB"));
        }
        Dirs::create(&self.folder)?;
        durable::write(&self.path(member), &text)
    }

    /// The last answer of a member. `None` if there is none, or if it can't be read.
    pub fn last<T: DeserializeOwned>(&self, member: &Host) -> Option<LastAnswer<T>> {
        serde_json::from_slice(&std::fs::read(self.path(member)).ok()?).ok()
    }

    fn path(&self, member: &Host) -> PathBuf {
        self.folder.join(format!("{}.json", file_stem(member)))
    }
}

/// The name of the files about a member. Hostnames ignore case, and are longer than some file systems allow.
fn file_stem(hostname: &Host) -> String {
    sha256_hex(hostname.as_str().to_ascii_lowercase().as_bytes()).chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_member_has_its_own_last_answer_to_each_request() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.path().into())).unwrap();
        let (health, runs) = (LastAnswers::to("health", &dirs), LastAnswers::to("runs", &dirs));
        let (mac, server): (Host, Host) = ("mac1.local".parse().unwrap(), "server1".parse().unwrap());
        let now = Timestamp::from_millis(1_795_248_000_000);
        health.keep(&mac, &"old", now).unwrap();
        health.keep(&mac, &"new", now.plus_seconds(9)).unwrap();
        let last = Some(LastAnswer { taken_at: now.plus_seconds(9), answer: "new".to_owned() });
        assert_eq!(health.last(&"MAC1.local".parse().unwrap()), last, "hostnames ignore case");
        assert_eq!(health.last::<String>(&server), None);
        assert_eq!(runs.last::<String>(&mac), None);
        assert_eq!(health.last::<u32>(&mac), None, "an answer of another version counts as none");
        health.keep(&mac, &"x".repeat(MAX_BYTES), now).unwrap_err();
        assert_eq!(health.last(&mac), last);
    }
}
