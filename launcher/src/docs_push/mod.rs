//! `launcher docs push`: stores files of a git repository as documents of the Context API.
//!
//! People and CI use the same command. It reads the commit that is checked out, compares it with the API's documents and
//! sends the difference, so it can be run again at any time. `docs/adr/0051` has the rules.

mod comparison;
mod mapping;
mod report;
mod send;
mod tree;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use deckwatch_client::{Api, ClientError};

use self::comparison::Comparison;
use self::mapping::Mapping;
use self::report::Report;
use self::tree::Tree;
use crate::config::Config;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::json_output;
use crate::output;
use crate::process_env::ProcessEnv;
use crate::wait_budget::WaitBudget;

/// The file that says which files become which documents.
const DOCS_FILE: &str = ".deckwatch/docs.toml";

/// The longest total wait if the API limits its requests. Enough for the first push of over a thousand documents, and less
/// than the time limit of the workflow.
const MAX_TOTAL_WAIT: Duration = Duration::from_mins(15);

/// What `--help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher docs push --dry-run                show what would be stored and deleted
  ADMIN_API_KEY=… launcher docs push          store every file that differs
  launcher docs push --since origin/main~1    only the files that changed since that commit

.deckwatch/docs.toml in the repository says which files become which documents:
  [[docs]]
  files = \"docs/adr/*.md\"      a path with * and **, from the top of the repository
  scope = \"global\"             or the code of a venture
  name = \"adr-{name}\"          {name} is the file's name, {path} its path with - for /

The first entry that matches a file decides; without `name`, the document has the file's name. The files are those of the \
commit that is checked out; uncommitted changes don't count. A document is deleted only if it was made from a file of this \
repository that an entry matches, and that file is gone. All other documents stay.

A team's API needs an admin's key, or a token that may write documents, in the variable ADMIN_API_KEY.

Exit codes:
  0     the API has the documents as the commit has the files
  10    the docs file is wrong
  18    a document could not be stored or deleted; the table says why";

/// The options of `launcher docs push`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Push {
    /// Compare every file that the docs file names; this is the default without --since
    #[arg(long, conflicts_with = "since")]
    all: bool,

    /// Compare only files that changed since this commit, also renamed and deleted ones
    #[arg(long, value_name = "COMMIT")]
    since: Option<String>,

    /// Read the mapping of files to documents from FILE
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Also replace documents of the same name that a person or another repository wrote
    #[arg(long)]
    adopt: bool,

    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Compares the files with the documents, sends the difference, and prints the report.
pub(crate) fn run(push: &Push, env: &ProcessEnv) -> Result<(), LaunchError> {
    let tree = Tree::open(&env.cwd)?;
    let docs_file = push.config.as_ref().map_or_else(|| tree.root.join(DOCS_FILE), |file| env.cwd.join(file));
    let mapping = Mapping::read(&docs_file)?;
    let paths: Vec<_> = tree.files.iter().map(|file| file.path.as_str()).collect();
    for pattern in mapping.unused(&paths) {
        output::warn(&format!("no file of this commit matches `{pattern}` of {}", env.shown(&docs_file)));
    }
    let changed = changed(push, &tree, &docs_file)?;
    let (endpoint, api) = connect(push, &tree, env)?;
    let report: Result<Report, ClientError> = context_api::runtime()?.block_on(async {
        let mut budget = WaitBudget::of(MAX_TOTAL_WAIT);
        let listed = match &api {
            Some(api) => send::listed(api, &mapping.scopes(), &mut budget).await?,
            None => Vec::new(),
        };
        let (changed, adopt) = (changed.as_ref(), push.adopt);
        let steps = Comparison { tree: &tree, mapping: &mapping, changed, listed: &listed, adopt }.steps();
        Ok(match &api {
            Some(api) if !push.dry_run => send::all(api, steps, &mut budget).await,
            _ => Report::planned(steps),
        })
    });
    let mut report = report.map_err(context_api::as_launch_error)?;
    (report.api, report.repo, report.dry_run) = (endpoint.describe(env), tree.repo.to_string(), push.dry_run);
    if push.json {
        json_output::print(&report)?;
    } else {
        let text = report.text();
        output::print(|out| std::io::Write::write_all(out, text.as_bytes()))?;
    }
    report.into_result()
}

/// The API. A dry run only reads: the usual key is enough, and there is no API if the local database does not exist.
fn connect(push: &Push, tree: &Tree, env: &ProcessEnv) -> Result<(Endpoint, Option<Api>), LaunchError> {
    let (config, vault) = Config::with_vault(env)?;
    let endpoint = if push.dry_run {
        Endpoint::of_reader(env, &config, &vault)?
    } else {
        Endpoint::of_admin(env, &config, &vault)?
    };
    if matches!(endpoint, Endpoint::Remote { .. }) && !tree.has_remote {
        // Another machine can have a repository of this name.
        return Err(LaunchError::Git(
            "it has no remote, so its documents could not be told from those of others; \
             add one: git remote add origin <url>"
                .to_owned(),
        ));
    }
    let api =
        if push.dry_run { context_api::reader(&endpoint, env)? } else { Some(context_api::writer(&endpoint, env)?) };
    Ok((endpoint, api))
}

/// The paths that count. `None` means every path: without `--since`, if that commit is not known, or if the docs file changed.
fn changed(push: &Push, tree: &Tree, docs_file: &Path) -> Result<Option<BTreeSet<String>>, LaunchError> {
    let Some(since) = &push.since else { return Ok(None) };
    let Some(changed) = tree.changed_since(since)? else {
        output::warn(&format!("this checkout does not have the commit {since}, so every file is compared"));
        return Ok(None);
    };
    let docs_file = docs_file.canonicalize().unwrap_or_else(|_| docs_file.to_owned());
    let is_docs_file = |path: &String| tree.root.join(path) == docs_file;
    Ok(Some(changed).filter(|changed| !changed.iter().any(is_docs_file)))
}
