//! The list of files and folders that were not read: for each reason their number and the first names.

use std::collections::BTreeMap;

use deckwatch_secrets::clean::clean_line;

/// The maximum number of names for each reason.
const MAX_NAMES: usize = 5;

/// Why a file or folder was not read. The document lists the reasons in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The name suggests that it contains keys or passwords.
    LooksSecret,
    /// It is a symbolic link. Links are never followed.
    Link,
    /// The folder is another repository.
    OtherRepository,
    /// The folder contains packages that the repository depends on.
    Dependencies,
    /// It is a pipe, a socket or a device.
    Special,
    /// It is nested in too many folders.
    TooDeep,
    /// The file is too large to be written by hand.
    TooLarge,
    /// The files before it used up the total limit of bytes.
    PastBudget,
    /// The file contains a zero byte.
    Binary,
    /// The name or the text is not UTF-8.
    NotUtf8,
    /// The operating system refused to read it.
    Unreadable,
    /// It is a manifest or specification that can't be parsed.
    Malformed,
    /// It is code with more nested brackets than people write, which the parser would read too slowly.
    TooNested,
    /// It is JavaScript that a program wrote for browsers.
    Minified,
    /// It has calls like those of a router, but the packages around it depend on no framework, or it is a component of a
    /// page: such calls are requests of a browser.
    Browser,
}

impl Reason {
    /// The reason as text after a count: "3 named like a secret".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LooksSecret => "named like a secret",
            Self::Link => "symbolic links",
            Self::OtherRepository => "repositories inside this one",
            Self::Dependencies => "folders of dependencies",
            Self::Special => "special files",
            Self::TooDeep => "too deeply nested",
            Self::TooLarge => "larger than 1 MiB",
            Self::PastBudget => "beyond the limit for the total size",
            Self::Binary => "binary",
            Self::NotUtf8 => "not UTF-8",
            Self::Unreadable => "not readable",
            Self::Malformed => "malformed",
            Self::TooNested => "code in more than 1,000 nested brackets",
            Self::Minified => "minified JavaScript",
            Self::Browser => {
                "code of browsers, as far as its package and its form say, with calls like those of a router"
            }
        }
    }
}

/// The files and folders that were not read for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// The reason.
    pub reason: Reason,
    /// The number of files and folders.
    pub count: usize,
    /// The first paths in sorted order, relative to the repository.
    pub first: Vec<String>,
}

/// Collects the files and folders that were not read. They may be added in any order.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    by_reason: BTreeMap<Reason, Vec<String>>,
}

impl Skipped {
    pub(super) fn add(&mut self, reason: Reason, path: &str) {
        self.by_reason.entry(reason).or_default().push(clean_line(path));
    }

    pub(super) fn list(self) -> Vec<Skip> {
        let skip = |(reason, mut paths): (Reason, Vec<String>)| {
            paths.sort_unstable();
            paths.dedup();
            let count = paths.len();
            paths.truncate(MAX_NAMES);
            Skip { reason, count, first: paths }
        };
        self.by_reason.into_iter().map(skip).collect()
    }
}
