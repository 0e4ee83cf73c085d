//! Removes characters from stored text that could harm a terminal or mislead a reader. The secret scan uses the same
//! cleaned text.

pub(crate) use deckwatch_client::clean::{clean, clean_line};
