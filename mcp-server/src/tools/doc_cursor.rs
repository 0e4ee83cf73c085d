//! The cursor of the list of documents: a scope, and the API's cursor within it.

use std::fmt;

use deckwatch_protocol::{Cursor, DocScope, Violations};

use crate::trouble::Trouble;

/// The start of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DocListCursor {
    pub(super) scope: DocScope,
    /// `None` is the start of the scope.
    pub(super) within: Option<Cursor>,
}

impl DocListCursor {
    /// Parses an argument.
    pub(super) fn of_argument(text: &str) -> Result<Self, Trouble> {
        let wrong = "must be next_cursor of an earlier answer; leave it out for the first page";
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
    fn a_cursor_is_parsed_and_written_unchanged() {
        for text in ["alpha:", "global:abc"] {
            assert_eq!(DocListCursor::parse(text).map(|cursor| cursor.to_string()).as_deref(), Some(text));
        }
        assert_eq!((DocListCursor::parse("abc"), DocListCursor::parse(":abc")), (None, None));
    }
}
