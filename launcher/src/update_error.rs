//! The errors of `launcher self update`: what happened, and what to do. Until the last step, nothing has changed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The reason why the programs were not updated.
#[derive(Debug, Error)]
pub(crate) enum UpdateError {
    #[error("the programs in {folder} {origin}, so `launcher self update` does not replace them")]
    NotOurs { folder: String, origin: String, fix: String },
    #[error("the folder of this launcher is not known")]
    NoFolder,
    #[error("{variable} can't be used: {cause}")]
    Address { variable: &'static str, cause: String },
    #[error("there are no programs for {0}")]
    NoPlatform(String),
    #[error("another update or build of Deckwatch runs on this machine")]
    Busy,
    #[error("there is no {what} at {address}")]
    NotFound { what: String, address: String },
    #[error("{host} limits its requests{}", .wait.map_or(String::new(), |seconds| format!(" for {seconds} seconds")))]
    Limited { host: String, wait: Option<u64> },
    #[error("{address} answered {status}")]
    Refused { address: String, status: u16 },
    #[error("{address} can't be reached: {cause}")]
    Unreachable { address: String, cause: String },
    #[error("the release at {address} can't be read: {cause}")]
    BadRelease { address: String, cause: String },
    #[error("the release {tag} has no {name}")]
    NoAsset { tag: String, name: String },
    #[error("SHA256SUMS of the release {tag} has no checksum of {name}")]
    NoChecksum { tag: String, name: String },
    #[error("the checksum of {name} is {actual}, but the release {tag} says {expected}")]
    WrongChecksum { tag: String, name: String, expected: String, actual: String },
    #[error("the attestation of {name} could not be verified: {cause}")]
    Attestation { name: String, cause: String },
    #[error("the archive of the release {tag} can't be unpacked: {cause}")]
    Unpack { tag: String, cause: String },
    #[error("{program} of the new programs can't be used: {cause}")]
    BadProgram { program: &'static str, cause: String },
    #[error("cannot write in {}: {cause}", .folder.display())]
    Folder { folder: PathBuf, cause: io::Error },
    #[error("no earlier programs are kept in {0}")]
    NothingKept(String),
}

impl UpdateError {
    /// What to do about the error.
    pub(crate) fn hint(&self) -> String {
        let hint = match self {
            Self::NotOurs { fix, .. } => fix,
            Self::NoFolder => "start the launcher by its path",
            Self::Address { .. } => {
                "set it to an https address such as https://git.example.com/api/v3/repos/example-org/deckwatch, or unset it"
            }
            Self::NoPlatform(_) => "build Deckwatch from a checkout with ./scripts/start",
            Self::Busy => "wait until it ends, then run this again",
            Self::NotFound { .. } => "check the version; the releases page of the repository lists all versions",
            Self::Limited { .. } => {
                "wait, or set DECKWATCH_RELEASES_TOKEN to a token of GitHub, which has a higher limit"
            }
            Self::Refused { status: 401 | 403, .. } => {
                "set DECKWATCH_RELEASES_TOKEN to a token that may read the repository"
            }
            Self::Refused { .. } | Self::Unreachable { .. } => "check the network, then run this again",
            Self::BadRelease { .. } => {
                "check that DECKWATCH_RELEASES_URL is the address of a repository in GitHub's API"
            }
            Self::NoAsset { .. } | Self::NoChecksum { .. } => "choose another release with --version",
            Self::WrongChecksum { .. } => {
                "nothing was replaced. Run this again; if it happens again, the release was changed: report it"
            }
            Self::Attestation { .. } => "nothing was replaced. Without --attestation, only the checksum is verified",
            Self::Unpack { .. } | Self::BadProgram { .. } => {
                "nothing was replaced. Choose another release with --version"
            }
            Self::Folder { .. } => {
                "free space, or give this folder to your user; the installed programs work as before"
            }
            Self::NothingKept(_) => "`launcher self update --version V` installs the release that you name",
        };
        hint.to_owned()
    }
}
