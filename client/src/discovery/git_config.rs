//! Reading a repository's remote straight from its configuration file, hundreds of times faster than git.
//!
//! It reads the plain form that git itself writes. At anything else it gives up, and git is asked.

use std::fs;
use std::path::{Path, PathBuf};

/// What the file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remote {
    /// The address of `origin`.
    Url { url: String, is_worktree: bool },
    /// Only git can tell.
    AskGit,
}

/// Reads the address of `origin` of the repository at `root`.
pub(super) fn read_remote(root: &Path) -> Remote {
    let read = || {
        let (config, is_worktree) = config_of(root)?;
        let text = fs::read_to_string(config).ok()?;
        origin_in(&text).map(|url| Remote::Url { url, is_worktree })
    };
    read().unwrap_or(Remote::AskGit)
}

/// The configuration file, through the `.git` file of worktrees and submodules.
fn config_of(root: &Path) -> Option<(PathBuf, bool)> {
    let dot_git = root.join(".git");
    if dot_git.is_dir() {
        return Some((dot_git.join("config"), false));
    }
    let pointer = fs::read_to_string(dot_git).ok()?;
    let git_dir = root.join(pointer.strip_prefix("gitdir:")?.trim());
    match fs::read_to_string(git_dir.join("commondir")) {
        Ok(common) => Some((git_dir.join(common.trim()).join("config"), true)),
        Err(_) => Some((git_dir.join("config"), false)),
    }
}

/// `None` when there is no origin, or the file uses more than the plain form.
fn origin_in(text: &str) -> Option<String> {
    let mut in_origin = false;
    let mut url = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            let rewrites = ["[include", "[url"].iter().any(|section| line.to_ascii_lowercase().starts_with(section));
            if rewrites || !line.ends_with(']') {
                return None;
            }
            in_origin = line == "[remote \"origin\"]";
        } else if in_origin
            && let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("url")
        {
            // Quotes, escapes and comments have rules of their own; of several addresses git uses the first.
            if value.contains(['"', '\\', '#', ';']) || url.is_some() {
                return None;
            }
            url = Some(value.trim().to_owned());
        }
    }
    url.filter(|url| !url.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_git_writes_is_read() {
        let text = "[core]\n\tbare = false\n[remote \"upstream\"]\n\turl = u\n[remote \"origin\"]\n\
                    \turl = git@github.com:a/b.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"main\"]\n";
        assert_eq!(origin_in(text).as_deref(), Some("git@github.com:a/b.git"));
    }

    #[test]
    fn anything_else_is_left_to_git() {
        let origin = "[remote \"origin\"]\nurl = a:b/c\n";
        for text in [
            "",
            "[remote \"upstream\"]\nurl = a:b/c\n",
            "[remote \"origin\"] url = a:b/c\n",
            "[remote \"origin\"]\nurl = \"a:b/c\"\n",
            "[remote \"origin\"]\nurl = a:b/c # main\n",
            "[remote \"origin\"]\nurl = a:b/c\nurl = d:e/f\n",
            &format!("[include]\npath = other\n{origin}"),
            &format!("{origin}[IncludeIf \"gitdir:~/x/\"]\npath = other\n"),
            &format!("{origin}[url \"x\"]\ninsteadOf = a\n"),
        ] {
            assert_eq!(origin_in(text), None, "{text:?}");
        }
    }
}
