//! What a search looks for: texts become terms, in one way for what is stored and for what is asked.
//!
//! `fold` takes away what readers don't tell apart, `words` cuts a text into pieces, `terms` makes of them what is
//! indexed of a note, `query` what is asked of the index, and `excerpt` shows where a note fits. Knows no SQL.

mod excerpt;
mod fold;
mod query;
mod script;
mod stem;
mod terms;
mod words;

pub(crate) use excerpt::{EXCERPT_WINDOW, ExcerptBudget};
pub(crate) use query::{Matching, Query, QueryTerm};
pub(crate) use terms::{ContentTerms, TitleTerms};
