//! Heals documents: generates those that are missing or stale, if a requirement allows it and this repository has
//! their sources.
//!
//! It never overwrites a person's text. It replaces a document only if its `source_path` says that it was generated,
//! with the hash of its content, and its `source_repo` names this repository. A document that a person changed has
//! another hash. It replaces with `If-Match`, so a change by somebody else in between is kept. It uses only a
//! repository of the venture.

pub(crate) mod background;
mod healer;
pub(crate) mod outcome;

use std::collections::HashSet;

use deckwatch_protocol::AuditedDoc;

pub(crate) use self::healer::Healer;
use deckwatch_generator::Kind;

/// The documents of these requirements that can be healed: `auto_generate` is set, and the generator knows the name.
pub(crate) fn healable<'a>(scope: &str, audited: impl IntoIterator<Item = &'a AuditedDoc>) -> Vec<Kind> {
    let may_be = |doc: &&AuditedDoc| doc.auto_generate && doc.scope == scope;
    let names: HashSet<&str> = audited.into_iter().filter(may_be).map(|doc| doc.name.as_str()).collect();
    Kind::ALL.into_iter().filter(|kind| names.contains(kind.file_name().as_str())).collect()
}
