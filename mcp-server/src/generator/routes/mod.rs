//! `api`.
use std::collections::BTreeSet;

use super::document::Document;
use super::tree::Tree;

pub(super) fn write(_tree: &mut Tree) -> (Document, BTreeSet<String>) {
    (Document::new("API", "x"), BTreeSet::new())
}
