//! What was not read, and why: counted, with the first names.

use std::collections::BTreeMap;

use deckwatch_secrets::clean::clean_line;

/// How many names of a reason are told.
const NAMED: usize = 5;

/// Why a file or folder was not read. The order is that of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its name is one that keys and passwords are kept under.
    LooksSecret,
    /// A symbolic link, wherever it leads.
    Link,
    /// A folder with a repository of its own.
    OtherRepository,
    /// A folder of packages that others wrote.
    Dependencies,
    /// A pipe, a socket, a device.
    Special,
    /// Below too many folders.
    TooDeep,
    /// One file that is too large to be written by hand.
    TooLarge,
    /// The files before it used the budget up.
    PastBudget,
    /// Holds a zero byte.
    Binary,
    /// Not UTF-8, in its name or its text.
    NotUtf8,
    /// The system refused.
    Unreadable,
    /// A manifest or specification that does not parse.
    Malformed,
}

impl Reason {
    /// After a count: "3 named like a secret".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LooksSecret => "named like a secret",
            Self::Link => "symbolic links",
            Self::OtherRepository => "repositories inside this one",
            Self::Dependencies => "folders of dependencies",
            Self::Special => "neither files nor folders",
            Self::TooDeep => "nested too deep",
            Self::TooLarge => "larger than 1 MiB",
            Self::PastBudget => "past the limit of bytes in all",
            Self::Binary => "binary",
            Self::NotUtf8 => "not UTF-8",
            Self::Unreadable => "not readable",
            Self::Malformed => "malformed",
        }
    }
}

/// The things that were not read for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// Why.
    pub reason: Reason,
    /// How many.
    pub count: usize,
    /// The first of them in the order of names, relative to the repository.
    pub first: Vec<String>,
}

/// Collects what was not read, in whatever order it is met.
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
            paths.truncate(NAMED);
            Skip { reason, count, first: paths }
        };
        self.by_reason.into_iter().map(skip).collect()
    }
}
