//! `launcher docs cache`: copies the documents of a venture and the global ones to files, for work without the API.
//!
//! It only reads from the API, and starts no session. Changes in the copies are not sent back.

mod copies;
mod fetch;
mod report;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use deckwatch_client::doc_copies::DocCopies;
use deckwatch_protocol::DocScope;

use self::copies::Copies;
use self::report::Report;
use crate::choice::Options;
use crate::completions;
use crate::context_api;
use crate::error::LaunchError;
use crate::output;
use crate::target::Target;

/// What `--help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher docs cache alpha           the documents of alpha and the global ones
  launcher docs cache                 those of the repository you are in
  launcher docs cache alpha --json    for scripts

The copies are in ~/.cache/deckwatch/docs/<scope>/<name>. A document that was deleted in the API is deleted there too. \
Without the API the existing copies stay, and the command shows the age of each. If the API limits its requests, the \
command waits up to two minutes. It then names the missing documents and exits with 18; the next run continues from \
there.";

/// The options of `launcher docs cache`.
#[derive(Debug, Args)]
pub(crate) struct Cache {
    /// Code of the venture, or `.` for the one of the repository you are in
    #[arg(value_name = "VENTURE", add = ArgValueCandidates::new(completions::ventures), default_value = ".")]
    venture: Target,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Updates the copies and prints the report.
pub(crate) fn run(cache: &Cache, options: &Options) -> Result<(), LaunchError> {
    let venture = options.named(&cache.venture)?;
    options.endpoint.unlock()?;
    let scopes = [DocScope::of(&venture.code), DocScope::global()];
    let root = DocCopies::root(&options.env.dirs);
    let copies = scopes.map(|scope| Copies::of(&root, scope));
    let api = context_api::reader(options.endpoint, options.env)?;
    let report = match api {
        Some(api) => context_api::runtime()?.block_on(fetch::all(&api, &copies)),
        None => Report::default(),
    };
    let at = options.endpoint.describe(options.env);
    output::print(|out| {
        if cache.json {
            report.write_json(out, &root, &at)
        } else {
            report.write_text(out, &options.env.shown(&root), &at)
        }
    })?;
    report.into_result()
}
