//! Bounded strings: every text field of a request has a type here that checks its length and format.
//!
//! The limits are Deckwatch's own. They keep a whole `start_day` answer far below the 2 MB that D1 allows for a row.
//! Lengths are in Unicode characters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::violation::Invalid;

/// Implements Display, serde, deserr and JSON schema for a newtype over `String` that has `FromStr<Err = Invalid>`.
macro_rules! impl_text_traits {
    ($name:ident, $pattern:expr, $max:expr) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl deserr::Deserr<crate::Violations> for $name {
            fn deserialize_from_value<V: deserr::IntoValue>(
                value: deserr::Value<V>,
                at: deserr::ValuePointerRef,
            ) -> Result<Self, crate::Violations> {
                match value {
                    deserr::Value::String(text) => {
                        text.parse().map_err(|invalid| crate::violation::invalid_at(invalid, at))
                    }
                    other => Err(crate::violation::wrong_kind(other, &[deserr::ValueKind::String], at)),
                }
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "minLength": 1, "maxLength": $max })
            }
        }
    };
}
pub(crate) use impl_text_traits;

/// Defines a bounded string: its limit, the pattern in its JSON schema, and the check that decides.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, max $max:literal, pattern $pattern:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The maximum number of characters.
            pub const MAX_CHARS: usize = $max;
            /// The format, as an ECMA-262 regular expression.
            pub const PATTERN: &'static str = $pattern;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                length(text, $max)?;
                let check: fn(&str) -> Result<(), Invalid> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl_text_traits!($name, $pattern, $max);
    };
}
pub(crate) use text;

text! {
    /// The name of a running agent: `<host>-<cli>-<slot>`, such as `mac1.local-claude-1`.
    Agent, max 128, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The hostname that a machine reports. `.local` names are valid.
    Host, max 253, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The agent CLI, such as `claude`, `gemini` or `codex`.
    Client, max 32, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The version that the agent CLI reports.
    ClientVersion, max 64, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// The id that the agent CLI gives to its conversation.
    ClientSessionId, max 128, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// The code of a venture, such as `alpha`.
    VentureCode, max 32, pattern r"^[a-z0-9][a-z0-9_-]*$", |text| {
        label(text)?;
        if text == "global" {
            return Err(Invalid::new("must not be `global`: this is the scope of documents for all ventures"));
        }
        let lower = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        lower.then_some(()).ok_or(Invalid::new("must be lower-case letters, digits, - or _, starting with a letter or digit"))
    }
}
text! {
    /// The display name of a venture.
    VentureName, max 100, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// The display name of a token.
    TokenName, max 100, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// One line that an agent or a person writes about its work: a summary, a detail or a reason.
    StatusLine, max 200, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// A search term for the request log: a correlation id, an actor or an operation.
    LogWord, max 64, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The name of a GitHub organisation or user.
    GithubOrg, max 100, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// A capability of a venture, such as `has_api`. Capabilities determine which documents must exist.
    Capability, max 50, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The name of a required document: `*` stands for any characters, `{venture}` for the code of the venture. If both
    /// are used, `{venture}` may occur only once, with at most 18 other characters, because D1 matches at most 50
    /// bytes.
    NamePattern, max 50, pattern r"^([A-Za-z0-9*]|\{venture\})([A-Za-z0-9._*-]|\{venture\})*$", |text| {
        let named = text.replace("{venture}", "v");
        let starts_well = named.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '*');
        if !starts_well || !named.bytes().all(|b| is_name_byte(b) || b == b'*') {
            return Err(Invalid::new(
                "must be letters, digits, dot, - or _, starting with a letter or digit; * stands for any characters, \
                {venture} for the code of the venture",
            ));
        }
        let codes = text.matches("{venture}").count();
        if text.contains('*') && (codes > 1 || codes == 1 && text.len() > 27) {
            return Err(Invalid::new("must contain {venture} only once and at most 18 other characters if it contains *"));
        }
        Ok(())
    }
}
text! {
    /// The name of a secret. The agent gets the secret in the environment variable of this name.
    SecretName, max 200, pattern r"^[A-Za-z_][A-Za-z0-9_]*$", |text| {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let good = text.chars().all(word) && !text.starts_with(|c: char| c.is_ascii_digit());
        good.then_some(()).ok_or(Invalid::new("must be letters, digits or _, not starting with a digit"))
    }
}
text! {
    /// The name of a repository: `owner/name`. It has up to six segments if the git host has nested groups.
    RepoName, max 200, pattern r"^([A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*|\.{3,})(/([A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*|\.{3,})){1,5}$", repo_name
}
text! {
    /// The name of a git branch.
    Branch, max 255, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// The hash of a git commit: 7 to 64 lower-case hexadecimal digits.
    CommitSha, max 64, pattern r"^[0-9a-f]{7,64}$", |text| {
        let hex = text.len() >= 7 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        hex.then_some(()).ok_or(Invalid::new("must be 7 to 64 lower-case hexadecimal digits"))
    }
}
text! {
    /// The summary of a handoff. It may have several lines.
    Summary, max 4000, pattern r"^[^\u0000]+$", no_nul
}
text! {
    /// One entry of a list in a handoff. It may have several lines.
    HandoffItem, max 4000, pattern r"^[^\u0000]+$", no_nul
}
text! {
    /// What a claim is on: an issue (`issue:87`), or paths of the repository (`path:src/api/**`). A path is relative to the
    /// root of the repository, with `/` between its segments.
    ClaimSubject, max 256,
    pattern r"^(issue:[1-9][0-9]{0,9}|path:([^/\\.\u0000-\u001f\u007f-\u009f][^/\\\u0000-\u001f\u007f-\u009f]*|\.[^/\\.\u0000-\u001f\u007f-\u009f][^/\\\u0000-\u001f\u007f-\u009f]*|\.\.[^/\\\u0000-\u001f\u007f-\u009f]+)(/([^/\\.\u0000-\u001f\u007f-\u009f][^/\\\u0000-\u001f\u007f-\u009f]*|\.[^/\\.\u0000-\u001f\u007f-\u009f][^/\\\u0000-\u001f\u007f-\u009f]*|\.\.[^/\\\u0000-\u001f\u007f-\u009f]+))*/?)$",
    crate::claim_subject::subject
}
text! {
    /// Why an agent takes a claim whose holder no longer answers. It may have several lines.
    ClaimReason, max 500, pattern r"^[^\u0000]+$", no_nul
}
text! {
    /// A key of the shared state of a venture, such as `deploy.lock`.
    StateKey, max 128, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The title of a note.
    NoteTitle, max 200, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// The text of a note. It has at most 500 KB as UTF-8.
    NoteContent, max 512_000, pattern r"^[^\u0000]+$", |text| {
        no_nul(text)?;
        (text.len() <= 512_000).then_some(()).ok_or(Invalid::new("must have at most 500 KB as UTF-8"))
    }
}
text! {
    /// A tag of a note.
    NoteTag, max 50, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// Search words with any separators between them. Percent-encoded, they fit into a URL of 16 KB together with the
    /// longest cursor.
    SearchText, max 1_000, pattern r"^[^\u0000]*[^\u0000\s][^\u0000]*$", |text| {
        no_nul(text)?;
        let blank = text.chars().all(char::is_whitespace);
        if blank { Err(Invalid::new("must have more than white space")) } else { Ok(()) }
    }
}
text! {
    /// The scope of a document: `global` or the code of a venture.
    DocScope, max 32, pattern r"^[a-z0-9][a-z0-9_-]*$", |text| {
        if text == DocScope::GLOBAL { Ok(()) } else { text.parse::<VentureCode>().map(drop) }
    }
}

impl DocScope {
    /// The scope of documents for all ventures.
    pub const GLOBAL: &str = "global";

    /// The scope of documents for all ventures.
    pub fn global() -> Self {
        Self(Self::GLOBAL.to_owned())
    }

    /// The scope of one venture.
    pub fn of(venture: &VentureCode) -> Self {
        Self(venture.as_str().to_owned())
    }

    /// The venture of this scope. `None` for the global scope.
    pub fn venture(&self) -> Option<VentureCode> {
        self.0.parse().ok()
    }
}

text! {
    /// The name of a document within its scope, such as `api.md`.
    DocName, max 128, pattern r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$", |text| {
        let named = !text.starts_with('.') && text.bytes().all(is_name_byte);
        named.then_some(()).ok_or(Invalid::new("must be letters, digits, dot, - or _, not starting with a dot"))
    }
}
text! {
    /// The title of a document.
    DocTitle, max 200, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// The content of a document. It has at most 1 MB as UTF-8.
    DocContent, max 1_048_576, pattern r"^[^\u0000]+$", |text| {
        no_nul(text)?;
        (text.len() <= 1_048_576).then_some(()).ok_or(Invalid::new("must have at most 1 MB as UTF-8"))
    }
}
text! {
    /// The path of the source of a document in its repository.
    SourcePath, max 500, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// An `http` or `https` URL.
    Link, max 2048, pattern r"^https?://[^\s\u0000-\u001f\u007f-\u009f]+$", |text| {
        one_line(text)?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match rest {
            Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(()),
            _ => Err(Invalid::new("must be an http:// or https:// address")),
        }
    }
}

/// Refuses an empty text and a text of more than `max` characters.
pub(crate) fn length(text: &str, max: usize) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::new("must not be empty"));
    }
    // The number of bytes is checked first, because it is slow to count the characters of a megabyte.
    if text.len() > max * 4 || text.chars().count() > max {
        return Err(Invalid::new(format!("must have at most {max} characters")));
    }
    Ok(())
}

/// Refuses a text that is not a simple name.
pub(crate) fn label(text: &str) -> Result<(), Invalid> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts_well && text.bytes().all(is_name_byte) {
        return Ok(());
    }
    Err(Invalid::new("must be letters, digits, dot, - or _, starting with a letter or digit"))
}

fn repo_name(text: &str) -> Result<(), Invalid> {
    let segments: Vec<&str> = text.split('/').collect();
    let named = |s: &&str| !s.is_empty() && *s != "." && *s != ".." && s.bytes().all(is_name_byte);
    if (2..=6).contains(&segments.len()) && segments.iter().all(named) {
        return Ok(());
    }
    Err(Invalid::new("must be owner/name, each of letters, digits, dot, - or _"))
}

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')
}

fn one_line(text: &str) -> Result<(), Invalid> {
    if text.contains(char::is_control) {
        return Err(Invalid::new("must be one line without control characters"));
    }
    Ok(())
}

fn no_nul(text: &str) -> Result<(), Invalid> {
    if text.contains('\0') {
        return Err(Invalid::new("must not contain the NUL character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts<T: FromStr>(texts: &[&str]) {
        for text in texts {
            assert!(text.parse::<T>().is_ok(), "{text:?} should be a {}", std::any::type_name::<T>());
        }
    }

    fn refuses<T: FromStr>(texts: &[&str]) {
        for text in texts {
            assert!(text.parse::<T>().is_err(), "{text:?} should not be a {}", std::any::type_name::<T>());
        }
    }

    #[test]
    fn names_of_real_fleets_are_accepted() {
        accepts::<Host>(&["mac1", "Toms-MacBook-Pro.local", "build_01.example.com"]);
        accepts::<Agent>(&["mac1-claude-1", "Toms-MacBook-Pro.local-codex-12"]);
        accepts::<RepoName>(&["example-org/alpha.js", "a/.github", "group/sub/project", "local/notes"]);
        accepts::<Branch>(&["main", "dev/mac1/fix-87", "feature/ü-😀"]);
    }

    #[test]
    fn names_with_unsafe_characters_are_refused() {
        refuses::<Host>(&["", "-oProxyCommand=x", "a b", "a\nHost *", "😀", &"h".repeat(254)]);
        refuses::<RepoName>(&["alpha", "a/b/../c", "./a", "a//b", "a/b c", "a/b\0"]);
        refuses::<Branch>(&["a\nb", "a\0b", ""]);
        refuses::<CommitSha>(&["abc", "ABCDEF0", &"a".repeat(65)]);
        refuses::<Link>(&["javascript:alert(1)", "https://", "https://a b", "https://a\nb"]);
        refuses::<NamePattern>(&[
            "a/b",
            "[",
            "]",
            "a[b]*",
            "?",
            ".a",
            "{venture",
            "{Venture}",
            "{}",
            "a b",
            "ü*",
            "a\0",
        ]);
        refuses::<VentureCode>(&["Alpha", "alpha.beta", "_x", "global"]);
    }

    #[test]
    fn document_names_and_scopes_are_safe_in_a_path() {
        accepts::<DocName>(&["api.md", "_index.json", "-", "README", "a..b", &"n".repeat(128)]);
        refuses::<DocName>(&["", ".", "..", ".env", "a/b", "a%2Fb", "a b", "a\0", "😀", &"n".repeat(129)]);
        accepts::<DocScope>(&["global", "alpha", "a-b_1"]);
        refuses::<DocScope>(&["", "Global", "..", "a.b", "a/b", &"s".repeat(33)]);
        assert_eq!("global".parse::<DocScope>().ok().and_then(|scope| scope.venture()), None);
    }

    #[test]
    fn a_document_has_at_most_1_mb_of_utf_8() {
        accepts::<DocContent>(&["x", &"x".repeat(1_048_576), &"😀".repeat(262_144)]);
        refuses::<DocContent>(&["", "a\0b", &"x".repeat(1_048_577), &format!("{}x", "😀".repeat(262_144))]);
    }

    #[test]
    fn a_pattern_with_a_wildcard_has_at_most_50_bytes_for_every_venture() {
        let of = |n: usize, rest: &str| format!("{}{rest}", "x".repeat(n));
        accepts::<NamePattern>(&["*", &"*".repeat(50), &of(49, "*"), "{venture}{venture}-a.md", &of(41, "{venture}")]);
        accepts::<NamePattern>(&[&of(17, "*{venture}"), "{venture}-runbook-*.md"]);
        refuses::<NamePattern>(&[&"*".repeat(51), &of(50, "*"), &of(18, "*{venture}"), "{venture}{venture}*"]);
    }

    /// The pattern in the JSON schema and the check accept the same texts.
    #[test]
    fn patterns_agree_with_the_checks() {
        let samples = [
            "a",
            "A",
            "9",
            ".",
            "-x",
            "a.b",
            "a_b-c",
            "a/b",
            "a b",
            "a\nb",
            "a\0b",
            "😀",
            "ü",
            "\u{85}",
            "a*.md",
            "*",
            "{venture}-x",
            "{venture",
            "[a]",
            "abcdef0",
            "abcdef",
            "ABCDEF01",
            "https://x.y/z?q=1",
            "http://",
            "a/b/c/d/e/f",
            "a/b/c/d/e/f/g",
        ];
        macro_rules! agree {
            ($($name:ident),*) => { $(
                // The regex crate has another syntax for escapes.
                let pattern = $name::PATTERN.replace(r"\u00", r"\x");
                let pattern = regex::Regex::new(&pattern).unwrap();
                for sample in samples {
                    let accepted = sample.parse::<$name>().is_ok();
                    assert_eq!(pattern.is_match(sample), accepted, "{}: {sample:?}", stringify!($name));
                }
            )* };
        }
        agree!(Agent, Host, Client, ClientVersion, VentureCode, VentureName, GithubOrg, Capability, NamePattern);
        agree!(RepoName, Branch, CommitSha, Summary, Link, NoteTitle, NoteContent, NoteTag, SearchText);
        agree!(DocScope, DocName, DocTitle, DocContent, SourcePath);
    }
}
