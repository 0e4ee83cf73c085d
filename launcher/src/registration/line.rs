//! The line that tells which files a registration has written.

use std::path::Path;

use super::Registration;
use crate::agent_cli::AgentCli;
use crate::process_env::ProcessEnv;

impl Registration {
    /// The line about the files that were written: the file, or how many and in which folders. `None` if none was written.
    pub(crate) fn line(&self, cli: AgentCli, written: &[&Path], env: &ProcessEnv) -> Option<String> {
        let place = match written {
            [] => return None,
            [file] => env.shown(file),
            files => {
                let folders: Vec<String> = folders(files).into_iter().map(|folder| env.shown(folder)).collect();
                format!("{} files in {}", files.len(), folders.join(" and "))
            }
        };
        let removed = match self.replaced.as_slice() {
            [] => String::new(),
            keys => format!("; removed from its entry: {}", keys.join(", ")),
        };
        Some(format!("registered Deckwatch with {} in {place}{removed}", cli.title()))
    }
}

/// The folders of the files, without those below another one of them.
fn folders<'a>(files: &[&'a Path]) -> Vec<&'a Path> {
    let mut folders: Vec<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    // A folder is before those below it.
    folders.sort_unstable();
    folders.dedup_by(|below, above| below.starts_with(above));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_below_another_one_is_not_named() {
        let files = ["/h/mcp/plugin/hooks/hooks.json", "/h/mcp/claude.json", "/h/commands/sod.md", "/h/mcp-old/x"];
        let named = folders(&files.map(Path::new));
        assert_eq!(named, ["/h/commands", "/h/mcp", "/h/mcp-old"].map(Path::new));
    }
}
