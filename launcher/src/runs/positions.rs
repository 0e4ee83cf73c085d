//! How far this machine has shown the output of each run, so that `launcher attach` continues there.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use deckwatch_fleet::runs::RunId;
use deckwatch_machine::dirs::Dirs;

use crate::process_env::ProcessEnv;

/// Positions of older runs are deleted. The machines delete their runs earlier.
const MAX_AGE: Duration = Duration::from_hours(10 * 24);

/// The positions in output and messages, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Positions {
    pub(super) output: u64,
    pub(super) messages: u64,
}

/// The file with the positions of one run.
pub(super) struct PositionsFile {
    path: PathBuf,
    file: Option<File>,
}

impl PositionsFile {
    pub(super) fn of(id: &RunId, env: &ProcessEnv) -> Self {
        Self { path: env.dirs.state.join("fleet/shown").join(id.as_str()), file: None }
    }

    /// The positions that were saved. Zero if there are none.
    pub(super) fn read(&self) -> Positions {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
        Positions { output: numbers.next().unwrap_or_default(), messages: numbers.next().unwrap_or_default() }
    }

    /// Saves the positions after something was shown. If that fails, a later `attach` repeats some output.
    pub(super) fn save(&mut self, positions: Positions) {
        if self.file.is_none() {
            self.file = self.create();
        }
        if let Some(file) = &mut self.file {
            // The numbers have a fixed width, so that one write replaces the last one.
            let line = format!("{:020} {:020}\n", positions.output, positions.messages);
            let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(line.as_bytes()));
        }
    }

    fn create(&self) -> Option<File> {
        let folder = self.path.parent()?;
        Dirs::create(folder).ok()?;
        let is_old = |path: &PathBuf| {
            let age = path.metadata().ok().and_then(|file| file.modified().ok()?.elapsed().ok());
            age.is_some_and(|age| age > MAX_AGE)
        };
        let files = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        for old in files.filter(is_old) {
            let _ = std::fs::remove_file(old);
        }
        File::options().create(true).write(true).truncate(false).open(&self.path).ok()
    }
}
