//! The last answers of GitHub on this machine, so that a repeated request costs nothing.
//!
//! All agents of this user share the folder. A file belongs to one address, token, repository and form of the request,
//! so that no agent reads what its own token may not see. Its name is a digest. A file is replaced whole; what can't be
//! read counts as missing, because GitHub has the truth.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use deckwatch_machine::digest::sha256_hex;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use deckwatch_protocol::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::answer::RepoAnswer;
use super::connection::Connection;
use super::trouble::GitHubTrouble;

/// How long an answer is used while nothing seems to change. The check misses some changes, for example a label that was
/// renamed, or an old issue that was deleted.
const REUSED_SECONDS: u64 = 10 * 60;
/// How long an answer is shown, with its age, while GitHub does not answer.
const SHOWN_SECONDS: u64 = 24 * 60 * 60;
/// How long GitHub's search may lag behind a change. A younger answer may miss it.
const SEARCH_LAG_SECONDS: i64 = 60;
/// How long requests pause at most.
const PAUSE_SECONDS: i64 = 60 * 60;
const MAX_BYTES: u64 = 256 * 1024;
const MAX_FILES: usize = 100;

/// The folder, and whose answers are read.
#[derive(Debug, Clone)]
pub(super) struct KeptAnswers {
    folder: PathBuf,
    /// The digest of address and token.
    owner: String,
}

/// The answer about one repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The name of the repository on GitHub.
    pub(super) name: String,
    /// The `ETag` of the last change. `None` if the answer must be read again.
    tag: Option<String>,
    pub(super) read_at: Timestamp,
    pub(super) answer: RepoAnswer,
}

/// Until when GitHub wants no requests.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pause {
    until: Timestamp,
    too_fast: bool,
}

impl Kept {
    /// An answer that was read at `read_at`, after a check with this result.
    pub(super) fn new(
        name: String,
        checked: Option<(String, Option<Timestamp>)>,
        read_at: Timestamp,
        answer: RepoAnswer,
    ) -> Self {
        let settled = |change: &Timestamp| read_at.as_millis() - change.as_millis() > SEARCH_LAG_SECONDS * 1000;
        let tag = checked.filter(|(_, change)| change.as_ref().is_none_or(settled)).map(|(tag, _)| tag);
        Self { name, tag, read_at, answer }
    }

    /// The tag to check with, unless the answer is too old.
    pub(super) fn tag(&self, now: Timestamp) -> Option<&str> {
        let is_new = self.read_at <= now && now.seconds_since(self.read_at) < REUSED_SECONDS;
        self.tag.as_deref().filter(|_| is_new)
    }

    /// Whether the answer may be shown with its age.
    pub(super) fn may_be_shown(&self, now: Timestamp) -> bool {
        self.read_at <= now && now.seconds_since(self.read_at) < SHOWN_SECONDS
    }
}

impl KeptAnswers {
    /// `None` without a home folder.
    pub(super) fn of(connection: &Connection) -> Option<Self> {
        let folder = Dirs::from_env().ok()?.cache.join("github");
        let owner = sha256_hex(format!("{}\n{}", connection.address.graphql, connection.token.expose()).as_bytes());
        Some(Self { folder, owner })
    }

    /// `shape` says what was asked about the repository.
    pub(super) fn read(&self, repo: &str, shape: &str) -> Option<Kept> {
        self.decoded(&self.answer_file(repo, shape))
    }

    /// Writes an answer. A full disk does not matter here.
    pub(super) fn write(&self, repo: &str, shape: &str, kept: &Kept) {
        self.encoded(&self.answer_file(repo, shape), kept);
        self.remove_oldest();
    }

    /// The reason to ask nothing now.
    pub(super) fn pause(&self, now: Timestamp) -> Option<GitHubTrouble> {
        let pause: Pause = self.decoded(&self.pause_file())?;
        let lasts = pause.until > now && pause.until <= now.plus_seconds(PAUSE_SECONDS);
        let until = Some(pause.until);
        lasts.then_some(if pause.too_fast {
            GitHubTrouble::TooFast { until }
        } else {
            GitHubTrouble::RateLimited { until }
        })
    }

    /// Remembers a limit of which the end is known.
    pub(super) fn remember(&self, trouble: &GitHubTrouble) {
        let pause = match trouble {
            GitHubTrouble::RateLimited { until: Some(until) } => Pause { until: *until, too_fast: false },
            GitHubTrouble::TooFast { until: Some(until) } => Pause { until: *until, too_fast: true },
            _ => return,
        };
        self.encoded(&self.pause_file(), &pause);
    }

    fn answer_file(&self, repo: &str, shape: &str) -> PathBuf {
        let key = format!("{}\n{}\n{shape}", self.owner, repo.to_ascii_lowercase());
        self.folder.join(format!("{}.json", sha256_hex(key.as_bytes())))
    }

    fn pause_file(&self) -> PathBuf {
        self.folder.join(format!("pause-{}.json", self.owner))
    }

    #[expect(clippy::unused_self, reason = "only the owner of a folder reads its files")]
    fn decoded<T: DeserializeOwned>(&self, file: &Path) -> Option<T> {
        let mut bytes = Vec::new();
        let file = fs::File::open(file).ok()?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    fn encoded(&self, file: &Path, value: &impl Serialize) {
        let Ok(bytes) = serde_json::to_vec(value) else { return };
        if bytes.len() as u64 > MAX_BYTES {
            return;
        }
        if let Err(error) = Dirs::create(&self.folder).and_then(|()| durable::write(file, &bytes)) {
            log::debug!("{} is not written: {error}", file.display());
        }
    }

    /// Keeps the newest files. What a killed process left behind is removed with the oldest.
    fn remove_oldest(&self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let age =
            |entry: &fs::DirEntry| entry.metadata().and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut files: Vec<_> = entries.map(|entry| (age(&entry), entry.path())).collect();
        if files.len() > MAX_FILES {
            files.sort_unstable_by(|a, b| b.cmp(a));
            for (_, file) in files.into_iter().skip(MAX_FILES) {
                let _ = fs::remove_file(file);
            }
        }
    }
}
