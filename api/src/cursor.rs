//! The mark of a cursor identifies its list. A cursor consists of the mark, a dot, and the position where the next
//! page starts. A cursor of another list, or of the same list with other filters, is refused, because it would skip
//! rows.

use std::sync::OnceLock;

use deckwatch_protocol::cut;

use crate::digest::{hex, sha256};

/// The prefix of all cursors of one list. It is computed when it is needed, because most requests need none.
#[derive(Debug, Clone)]
pub(crate) struct CursorMark {
    path: String,
    query: String,
    digits: OnceLock<String>,
}

impl CursorMark {
    const DIGITS: usize = 8;
    /// The number of characters before the position in a cursor.
    pub(crate) const CHARS: usize = Self::DIGITS + 1;

    /// The mark of the list at `path` with the filters of `query`. The filters are all parameters except `limit` and
    /// `cursor`, in any order.
    pub(crate) fn of(path: &str, query: &str) -> Self {
        Self { path: path.to_owned(), query: query.to_owned(), digits: OnceLock::new() }
    }

    fn digits(&self) -> &str {
        self.digits.get_or_init(|| self.compute())
    }

    fn compute(&self) -> String {
        let mut filters: Vec<_> = form_urlencoded::parse(self.query.as_bytes())
            .filter(|(name, _)| name != "limit" && name != "cursor")
            .map(|(name, value)| [name, value])
            .collect();
        filters.sort_unstable();
        let list = serde_json::json!([self.path, filters]).to_string();
        cut::to_chars(&hex(&sha256(list.as_bytes())), Self::DIGITS).to_owned()
    }

    /// The cursor of the page of this list that starts at `place`.
    pub(crate) fn cursor(&self, place: &str) -> String {
        format!("{}.{place}", self.digits())
    }

    /// The position in `cursor`; `None` if the cursor does not belong to this list.
    pub(crate) fn place<'a>(&self, cursor: &'a str) -> Option<&'a str> {
        cursor.strip_prefix(self.digits())?.strip_prefix('.')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_valid_for_one_list_with_its_filters() {
        let mark = CursorMark::of("/v1/notes", "venture=alpha&tag=a+b&limit=5");
        let cursor = mark.cursor("note_1");
        assert_eq!(cursor.len(), CursorMark::CHARS + "note_1".len());
        for same in ["tag=a%20b&venture=alpha", "limit=9&cursor=x&venture=alpha&tag=a+b"] {
            assert_eq!(CursorMark::of("/v1/notes", same).place(&cursor), Some("note_1"), "{same}");
        }
        for (path, query) in [
            ("/v1/notes", ""),
            ("/v1/notes", "venture=alpha"),
            ("/v1/notes", "venture=alpha&tag=a"),
            ("/v1/notes", "venture=alphatag&a+b="),
            ("/v1/docs", "venture=alpha&tag=a+b"),
        ] {
            assert_eq!(CursorMark::of(path, query).place(&cursor), None, "{path} {query}");
        }
        for hostile in ["", ".", "note_1", &cursor[..8], "😀.x", &cursor.to_uppercase()] {
            assert_eq!(mark.place(hostile), None, "{hostile}");
        }
    }
}
