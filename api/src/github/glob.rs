//! Patterns of paths: `*` stands for characters of one name, `**` for any number of folders.

/// Whether `path` matches `pattern`. Upper and lower case are the same.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.to_lowercase(), path.to_lowercase());
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    folders_match(&pattern, &path)
}

fn folders_match(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), None) => folders_match(rest, path),
        (Some((&"**", rest)), Some((_, deeper))) => folders_match(rest, path) || folders_match(pattern, deeper),
        (Some((name, rest)), Some((found, deeper))) => {
            name_matches(name.as_bytes(), found.as_bytes()) && folders_match(rest, deeper)
        }
        _ => false,
    }
}

fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    // The last `*`, and where its text ends if it takes one more character. Only the last one needs another try.
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while place < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(wanted) if Some(wanted) == name.get(place) => (at, place) = (at + 1, place + 1),
            _ => match star {
                Some((of_star, taken)) => {
                    star = Some((of_star, taken + 1));
                    (at, place) = (of_star + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_names_and_folders() {
        for (pattern, path) in [
            ("**/auth/**", "src/auth/login.rs"),
            ("**/auth/**", "auth/login.rs"),
            ("**/*.css", "site.css"),
            ("**/*.css", "a/b/Site.CSS"),
            ("**/*token*", "api/src/tokens.rs"),
            ("docs/**", "docs/adr/0001.md"),
            ("**", "a/b"),
            ("*a*b", "xaybzb"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("**/auth/**", "src/author/login.rs"),
            ("*.css", "a/b.css"),
            ("docs/**", "src/docs/a.md"),
            ("*a*b", "xaybz"),
            ("", "a"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn a_hostile_path_takes_little_time() {
        let path = "a/".repeat(2_000) + &"a".repeat(2_000);
        assert!(!matches("**/*a*a*a*a*b", &path));
    }
}
