//! The number of items in a list of the API, which may be a lower bound.

use deckwatch_protocol::Excerpt;

/// The number of all items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) count: usize,
    /// Whether the count is only a lower bound.
    pub(crate) at_least: bool,
}

impl Total {
    /// The total of a list that the API shortened.
    pub(crate) fn of<T>(list: &Excerpt<T>) -> Self {
        Self { count: usize::try_from(list.total).unwrap_or(usize::MAX), at_least: list.total_is_minimum }
    }

    /// An exact count.
    pub(crate) fn exactly(count: usize) -> Self {
        Self { count, at_least: false }
    }
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bound = if self.at_least { "at least " } else { "" };
        write!(f, "{bound}{}", self.count)
    }
}
