//! Reads a repository's remote directly from its configuration file. This is hundreds of times faster than git.
//!
//! It reads the plain form that git writes. For any other form, the caller must run git.

use std::fs;
use std::path::{Path, PathBuf};

/// The result of reading the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remote {
    /// The URL of `origin`.
    Url { url: String, is_worktree: bool },
    /// The file is not in the plain form, so the caller must run git.
    AskGit,
}

/// Reads the URL of `origin` of the repository at `root`.
pub(super) fn read_remote(root: &Path) -> Remote {
    let read = || {
        let (config, is_worktree) = config_of(root)?;
        let text = fs::read_to_string(config).ok()?;
        origin_in(&text).map(|url| Remote::Url { url, is_worktree })
    };
    read().unwrap_or(Remote::AskGit)
}

/// The configuration file. For worktrees and submodules, it is found through their `.git` file.
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

/// The URL of `origin`. `None` if there is no origin, or if the file is not in the plain form.
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
            // Quotes, escapes, comments and several URLs have special rules in git.
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
    fn other_forms_are_left_to_git() {
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
