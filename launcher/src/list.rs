//! `launcher --list`: the ventures and where their repositories are, for people and for scripts.

use std::io::{self, Write};
use std::path::PathBuf;

use deckwatch_client::discovery::Repositories;
use deckwatch_client::ventures::VentureEntry;
use serde::Serialize;

use crate::surroundings::Surroundings;

/// The ventures, each with the repository that would be opened.
#[derive(Serialize)]
pub(crate) struct Listing {
    /// The file they were read from; `null` when they are the API's.
    file: Option<PathBuf>,
    ventures: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    code: String,
    name: String,
    github_org: Option<String>,
    repos: Vec<String>,
    capabilities: Vec<String>,
    /// `null` when it was not found or is there more than once.
    path: Option<PathBuf>,
}

impl Listing {
    /// Puts ventures and found repositories together.
    pub(crate) fn new(file: Option<PathBuf>, ventures: &[VentureEntry], repositories: &Repositories) -> Self {
        let listed = |venture: &VentureEntry| Listed {
            code: venture.code.to_string(),
            name: venture.name.to_string(),
            github_org: venture.github_org.as_ref().map(ToString::to_string),
            repos: venture.repos.iter().map(ToString::to_string).collect(),
            capabilities: venture.capabilities.iter().map(ToString::to_string).collect(),
            path: repositories.of_venture(venture).ok(),
        };
        Self { file, ventures: ventures.iter().map(listed).collect() }
    }

    /// For scripts.
    pub(crate) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        writeln!(out)
    }

    /// For people.
    pub(crate) fn write_table(&self, out: &mut impl Write, surroundings: &Surroundings) -> io::Result<()> {
        let mut rows = vec![["VENTURE".to_owned(), "NAME".to_owned(), "REPOSITORIES".to_owned(), "HERE".to_owned()]];
        rows.extend(self.ventures.iter().map(|venture| {
            let here = venture.path.as_deref().map_or_else(|| "-".to_owned(), |path| surroundings.shown(path));
            [venture.code.clone(), venture.name.clone(), venture.repos.join(", "), here]
        }));
        let width =
            |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let [code, name, repos] = [0, 1, 2].map(|column| width(column).unwrap_or_default());
        for [a, b, c, d] in &rows {
            writeln!(out, "{a:code$}  {b:name$}  {c:repos$}  {d}")?;
        }
        Ok(())
    }
}
