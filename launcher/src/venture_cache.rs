//! The last list of ventures that a team's API gave, for a start while the API can't be reached.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deckwatch_client::dirs::Dirs;
use deckwatch_client::ventures::{self, VentureEntry};
use serde_json::json;

use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::surroundings::Surroundings;

const MAX_NAME: usize = 120;

/// The ventures that the API knows; when it can't be reached, those that it knew when it last could, with a
/// word about their age.
pub(crate) fn registered(endpoint: &Endpoint, surroundings: &Surroundings) -> Result<Vec<VentureEntry>, LaunchError> {
    let answer = context_api::registered(endpoint, surroundings);
    let Endpoint::Remote { url, .. } = endpoint else { return answer };
    let file = file_for(url, surroundings);
    match answer {
        Ok(entries) => {
            // Without the memory only a later start without the API is poorer.
            let _ = save(&file, &entries);
            Ok(entries)
        }
        Err(LaunchError::Unreachable(why)) => match remembered(&file, surroundings) {
            Some((entries, age)) => {
                say(&format!(
                    "{why}\nlauncher: the ventures are those of {} ago; records wait for the API",
                    words(age)
                ));
                Ok(entries)
            }
            None => Err(LaunchError::Unreachable(why)),
        },
        Err(other) => Err(other),
    }
}

fn file_for(url: &str, surroundings: &Surroundings) -> PathBuf {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' };
    let name: String = url.chars().map(safe).take(MAX_NAME).collect();
    surroundings.dirs.cache.join("ventures").join(format!("{name}.json"))
}

/// In the form of a ventures file, so that it is checked like one when it is read.
fn save(file: &Path, entries: &[VentureEntry]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        Dirs::create(folder)?;
    }
    let unfinished = file.with_extension(std::process::id().to_string());
    std::fs::write(&unfinished, json!({ "ventures": entries }).to_string())?;
    std::fs::rename(unfinished, file)
}

fn remembered(file: &Path, surroundings: &Surroundings) -> Option<(Vec<VentureEntry>, Duration)> {
    let age = file.metadata().ok()?.modified().ok()?.elapsed().unwrap_or_default();
    let found = ventures::find(Some(file), &surroundings.dirs, None).ok()??;
    Some((found.ventures, age))
}

/// An age as people say it.
pub(crate) fn words(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// One that nobody can read is no failure.
fn say(line: &str) {
    let _ = writeln!(anstream::stderr(), "launcher: {line}");
}
