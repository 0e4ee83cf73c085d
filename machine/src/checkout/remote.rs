//! Derives the name of a repository from the URL of its remote.
//!
//! The host is not part of the name. A repository is `owner/name`, independent of how it was cloned.

use std::path::Path;

use deckwatch_protocol::{RepoName, cut};
use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization as _;

use crate::digest::sha256_hex;

/// The owner of repositories without a remote on a host.
const LOCAL: &str = "local";
const MAX_SEGMENTS: usize = 6;
const MAX_FOLDER_CHARS: usize = 100;
/// The prefix of a name that consists only of a digest.
const NAMELESS: &str = "name-";
const DIGEST_CHARS: usize = 8;

/// The repository of a remote: `https://…`, `ssh://…`, `git@host:owner/name.git`, or a path.
///
/// `None` if the remote gives no name.
pub fn repo_from_remote(url: &str) -> Option<RepoName> {
    let address = Address::parse(url.trim());
    let is_url = url.contains("://");
    let named: Vec<String> = address.path.split('/').filter_map(|text| remote_segment(text, is_url)).collect();
    let (last, owners) = named.split_last()?;
    let last = last.strip_suffix(".git").unwrap_or(last);
    let mut segments: Vec<&str> = owners.iter().map(String::as_str).collect();
    segments.push(last);
    let host = segment(address.host);
    let name = match (host, segments.as_slice()) {
        (None, _) => format!("{LOCAL}/{last}"),
        (Some(host), [only]) => format!("{host}/{only}"),
        (Some(_), several) => {
            several.iter().skip(several.len().saturating_sub(MAX_SEGMENTS)).copied().collect::<Vec<_>>().join("/")
        }
    };
    name.parse().ok()
}

/// Whether a name belongs to a repository without a host.
pub(super) fn is_local(repo: &RepoName) -> bool {
    repo.as_str().strip_prefix(LOCAL).is_some_and(|rest| rest.starts_with('/'))
}

/// The URL without password, token and query, so that it can be shown and recorded.
pub fn without_credentials(url: &str) -> String {
    let url: String = url.trim().chars().filter(|c| !c.is_control()).collect();
    if let Some((scheme, rest)) = url.split_once("://") {
        let rest = if is_web(scheme) { before_query(rest) } else { rest };
        let (authority, path) = split_authority(rest);
        // For https, the user name can be a token. For ssh, it is part of the address.
        let authority = if is_web(scheme) { host_of(authority) } else { &without_password(authority) };
        return format!("{scheme}://{authority}{path}");
    }
    let (authority, path) = split_authority(&url);
    format!("{}{path}", without_password(authority))
}

/// The remote that names the repository.
pub(super) fn preferred<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let rank = |name: &str| match name {
        "origin" => 0,
        "upstream" => 1,
        _ => 2,
    };
    names.min_by_key(|name| (rank(name), *name))
}

/// `local/<folder>`, for a folder without a remote.
pub(super) fn local_repo(folder: &Path) -> RepoName {
    let name = folder.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let name = segment(name.strip_suffix(".git").unwrap_or(&name)).unwrap_or_default();
    format!("{LOCAL}/{}", cut::to_chars(&name, MAX_FOLDER_CHARS)).parse().unwrap_or_else(|_| unnamed())
}

#[expect(clippy::expect_used, reason = "a constant that the tests parse")]
fn unnamed() -> RepoName {
    "local/unnamed".parse().expect("a good name")
}

struct Address<'a> {
    /// Empty for a path on this machine.
    host: &'a str,
    path: &'a str,
}

impl<'a> Address<'a> {
    fn parse(url: &'a str) -> Self {
        if let Some((scheme, rest)) = url.split_once("://") {
            let rest = if is_web(scheme) { before_query(rest) } else { rest };
            let (authority, path) = split_authority(rest);
            let host = host_of(authority);
            let port = host.rfind(':').filter(|at| !host[*at..].contains(']'));
            return Self { host: port.map_or(host, |at| &host[..at]), path };
        }
        // `user@host:path`. With a slash before the colon, it is a path on this machine.
        let (authority, _) = split_authority(url);
        let colon = authority.rfind("]:").map(|at| at + 1).or_else(|| authority.find(':'));
        match colon {
            Some(at) => Self { host: host_of(&url[..at]), path: &url[at + 1..] },
            None => Self { host: "", path: url },
        }
    }
}

fn is_web(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}

fn before_query(rest: &str) -> &str {
    rest.split(['?', '#']).next().unwrap_or(rest)
}

fn split_authority(rest: &str) -> (&str, &str) {
    rest.find('/').map_or((rest, ""), |at| rest.split_at(at))
}

fn host_of(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn without_password(authority: &str) -> String {
    match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    }
}

/// Replaces the characters that a repository's name can't have. `None` if the text is empty. If no ASCII letter or digit
/// is left, the result is a digest of the text, so that names in every script work. The text is normalised, because
/// Unicode can write some letters in two ways.
fn segment(text: &str) -> Option<String> {
    let text: String = text.trim_start_matches('~').nfc().collect();
    if matches!(text.as_str(), "" | "." | ".." | ".git") {
        return None;
    }
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = text.chars().map(safe).collect();
    let is_usable = name.chars().any(|c| c.is_ascii_alphanumeric());
    Some(if is_usable { name } else { format!("{NAMELESS}{}", digest_of(&text)) })
}

/// The same for a segment of a remote's path. If it has other than ASCII characters, a digest is added, because the path
/// is all that distinguishes two remotes.
fn remote_segment(text: &str, is_url: bool) -> Option<String> {
    let decoded = if is_url { percent_decode_str(text).decode_utf8_lossy() } else { text.into() };
    let text: String = decoded.nfc().collect();
    let (stem, end) = text.strip_suffix(".git").map_or((text.as_str(), ""), |stem| (stem, ".git"));
    let name = segment(stem)?;
    let is_whole = stem.is_ascii() || name.starts_with(NAMELESS);
    Some(if is_whole { format!("{name}{end}") } else { format!("{name}-{}{end}", digest_of(stem)) })
}

fn digest_of(text: &str) -> String {
    cut::to_chars(&sha256_hex(text.as_bytes()), DIGEST_CHARS).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(url: &str) -> Option<String> {
        repo_from_remote(url).map(|repo| repo.to_string())
    }

    #[test]
    fn all_forms_of_a_url_give_the_same_name() {
        for url in [
            "https://github.com/example-org/alpha.js",
            "https://github.com/example-org/alpha.js.git",
            "https://github.com/example-org/alpha.js/",
            "https://ann:s3cret@github.com:443/example-org/alpha.js.git?x=1#y",
            "HTTPS://github.com/example-org/alpha.js.git",
            "git@github.com:example-org/alpha.js.git",
            "github.com:example-org/alpha.js",
            "git@github.com:/example-org/alpha.js.git",
            "ssh://git@github.com/example-org/alpha.js.git",
            "ssh://git@github.com:2222/example-org/alpha.js.git",
            "git+ssh://git@github.com/example-org/alpha.js",
            "ssh://git@ssh.github.com:443/example-org/alpha.js.git",
            "org-1234567@github.com:example-org/alpha.js.git",
            "git@ghe.example.com:example-org/alpha.js.git",
            "https://ghe.example.com:8443/example-org/alpha.js.git",
            "ssh://git@ghe.example.com:2222/example-org/alpha.js.git",
            "git://github.com/example-org/alpha.js.git",
            "git@[2001:db8::1]:example-org/alpha.js.git",
            "ssh://git@[2001:db8::1]:22/example-org/alpha.js.git",
            "  git@github.com:example-org/alpha.js.git\n",
        ] {
            assert_eq!(name(url).as_deref(), Some("example-org/alpha.js"), "{url}");
        }
    }

    #[test]
    fn unusual_urls_get_a_name() {
        let cases = [
            ("https://gitlab.com/group/sub/project.git", "group/sub/project"),
            ("https://h/a/b/c/d/e/f/g/h", "c/d/e/f/g/h"),
            ("git@host:alpha.git", "host/alpha"),
            ("ssh://host:2222/~ann/alpha.git", "ann/alpha"),
            ("https://dev.azure.com/org/My Project/_git/repo", "org/My-Project/_git/repo"),
            ("https://github.com/example-org/.github", "example-org/.github"),
            ("/srv/git/alpha.git", "local/alpha"),
            ("../alpha", "local/alpha"),
            ("/home/ann/dev/alpha/.git", "local/alpha"),
            ("file:///srv/git/alpha.git", "local/alpha"),
            ("./a:b", "local/a-b"),
        ];
        for (url, expected) in cases {
            assert_eq!(name(url).as_deref(), Some(expected), "{url}");
        }
    }

    #[test]
    fn a_url_without_a_name_gives_none() {
        for url in ["", "/", "https://github.com", "https://github.com/", "git@host:", "..", "https://h/.git"] {
            assert_eq!(name(url), None, "{url:?}");
        }
        assert_eq!(name(&format!("https://h/a/{}", "x".repeat(300))), None);
    }

    #[test]
    fn credentials_are_removed_from_a_url() {
        let cases = [
            ("https://ghp_token@github.com/a/b.git", "https://github.com/a/b.git"),
            ("https://ann:s3cret@github.com/a/b?token=x#y", "https://github.com/a/b"),
            ("https://ann:p@ss@github.com/a/b", "https://github.com/a/b"),
            ("ssh://git:s3cret@host:22/a/b", "ssh://git@host:22/a/b"),
            ("git@github.com:a/b.git", "git@github.com:a/b.git"),
            ("ann:s3cret@host:a/b", "ann@host:a/b"),
            ("/srv/a@b/c", "/srv/a@b/c"),
        ];
        for (url, expected) in cases {
            assert_eq!(without_credentials(url), expected);
        }
    }

    #[test]
    fn any_folder_name_gives_a_local_name() {
        let long = "x".repeat(300);
        let cases = [
            ("/a/web app", "local/web-app"),
            ("/a/bare.git", "local/bare"),
            ("/", "local/unnamed"),
            ("/a/..", "local/unnamed"),
        ];
        for (folder, expected) in cases {
            assert_eq!(local_repo(Path::new(folder)).as_str(), expected);
        }
        assert_eq!(local_repo(Path::new(&long)).as_str().len(), "local/".len() + MAX_FOLDER_CHARS);
    }

    #[test]
    fn names_in_any_script_give_a_repository() {
        let folders = ["日本語", "中国語", "مشروع", "🚀", "---", "プロジェクト.git"];
        let names: std::collections::BTreeSet<_> = folders.iter().map(|folder| local_repo(Path::new(folder))).collect();
        assert_eq!(names.len(), folders.len());
        for name in names {
            assert!(crate::ventures::VentureEntry::of_repo(&name).is_some(), "{name}");
        }
        assert_eq!(local_repo(Path::new("cafe\u{301}")), local_repo(Path::new("caf\u{e9}")));
        assert_eq!(local_repo(Path::new("büro")).as_str(), "local/b-ro");
    }

    #[test]
    fn encoded_and_plain_urls_give_the_same_name() {
        let same = ["https://h/org/My%20Project.git", "ssh://git@h/org/My Project", "git@h:org/My Project.git"];
        for url in same {
            assert_eq!(name(url).as_deref(), Some("org/My-Project"), "{url}");
        }
        let same = ["https://h/org/b%C3%BCro", "https://h/org/bu%CC%88ro.git", "git@h:org/büro"];
        let names: Vec<_> = same.iter().map(|url| name(url).unwrap()).collect();
        assert!(names[0].starts_with("org/b-ro-") && names.iter().all(|name| *name == names[0]), "{names:?}");
        assert_ne!(name("https://h/org/日本語"), name("https://h/org/中国語"));
        assert_eq!(name("https://h/org/日本語.git"), name("https://h/org/日本語"));
    }

    #[test]
    fn origin_is_preferred_then_upstream_then_the_first_by_name() {
        assert_eq!(preferred(["zed", "upstream", "origin"].into_iter()), Some("origin"));
        assert_eq!(preferred(["zed", "upstream"].into_iter()), Some("upstream"));
        assert_eq!(preferred(["zed", "abe"].into_iter()), Some("abe"));
        assert_eq!(preferred([].into_iter()), None);
    }
}
