//! Stored text made harmless to a terminal and to a reader: as it is looked through for secrets before it is stored.

pub(crate) use deckwatch_client::clean::{clean, clean_line};
