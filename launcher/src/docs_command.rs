//! The subcommands of `launcher docs`.

use clap::Subcommand;

use crate::{docs_cache, docs_push};

/// What can be done with documents.
#[derive(Debug, Subcommand)]
pub(crate) enum DocsCommand {
    /// Copy the documents of a venture and the global ones to a folder
    #[command(after_help = docs_cache::EXAMPLES)]
    Cache(docs_cache::Cache),

    /// Store files of the repository you are in as documents
    #[command(after_help = docs_push::EXAMPLES)]
    Push(docs_push::Push),
}
