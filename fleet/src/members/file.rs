//! The list of members that a person writes, for a fleet without an API.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::Member;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
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
        /// What is wrong, with line and column.
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
    let file: MachinesFile = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
    for (index, member) in file.machines.iter().enumerate() {
        let is_same = |other: &Member| other.hostname.as_str().eq_ignore_ascii_case(member.hostname.as_str());
        if file.machines.iter().take(index).any(is_same) {
            return Err(malformed(format!("the machine {} is listed twice", member.hostname)));
        }
    }
    Ok(Some(file.machines))
}
