//! Where a page of the list of documents begins: a scope, and the API's own cursor within it.

use std::fmt;

use deckwatch_protocol::{Cursor, DocScope, Violations};

use crate::trouble::Trouble;

/// The place of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DocListCursor {
    pub(super) scope: DocScope,
    /// `None` is the beginning of the scope.
    pub(super) within: Option<Cursor>,
}

impl DocListCursor {
    /// As an argument says it.
    pub(super) fn of_argument(text: &str) -> Result<Self, Trouble> {
        let wrong = "must be next_cursor of an answer before; without it the list begins";
        Self::parse(text).ok_or_else(|| Trouble::Arguments(Violations::at("/cursor", wrong)))
    }

    fn parse(text: &str) -> Option<Self> {
        let (scope, within) = text.split_once(':')?;
        let within = if within.is_empty() { None } else { Some(within.parse().ok()?) };
        Some(Self { scope: scope.parse().ok()?, within })
    }
}

impl fmt::Display for DocListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scope, self.within.as_ref().map_or("", Cursor::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_as_it_was_written() {
        for text in ["alpha:", "global:abc"] {
            assert_eq!(DocListCursor::parse(text).map(|cursor| cursor.to_string()).as_deref(), Some(text));
        }
        assert_eq!((DocListCursor::parse("abc"), DocListCursor::parse(":abc")), (None, None));
    }
}
