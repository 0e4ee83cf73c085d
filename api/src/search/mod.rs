//! Converts texts to search terms, in the same way for stored texts and for queries.
//!
//! `fold` removes differences that readers ignore, `tokenize` splits a text into tokens, `terms` builds the index terms
//! of a note, `query` builds the index query, and `excerpt` shows where a note matches. This module contains no SQL.

mod excerpt;
mod fold;
mod query;
mod script;
mod stem;
mod terms;
mod tokenize;

pub(crate) use excerpt::{EXCERPT_MAX_CHARS, EXCERPT_WINDOW, ExcerptBudget};
pub(crate) use query::{Matching, Query, QueryTerm};
pub(crate) use terms::{ContentTerms, TitleTerms};
