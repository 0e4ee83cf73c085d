//! Bounded texts and numbers: every field that a stranger can fill has a type here, with its limit.
//!
//! The limits are Deckwatch's own, chosen so that a whole `start_day` answer stays far below the
//! 2 MB that D1 allows for a row. Lengths are in Unicode characters.

use std::fmt;
use std::str::FromStr;

use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::violation::{Invalid, Violations, invalid_at, wrong_kind};

/// Display, serde, deserr and JSON schema for a newtype over `String` that has `FromStr<Err = Invalid>`.
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

/// A bounded text: its limit, the pattern shown to clients, and the check that decides.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, max $max:literal, pattern $pattern:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Most characters.
            pub const MAX_CHARS: usize = $max;
            /// What it looks like, as an ECMA-262 regular expression.
            pub const PATTERN: &'static str = $pattern;

            /// The text itself.
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

text! {
    /// One running agent: `<host>-<cli>-<slot>`, such as `mac1.local-claude-1`.
    Agent, max 128, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// A hostname as the machine says it; `.local` names are as good as others.
    Host, max 253, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The agent's command line tool: `claude`, `gemini`, `codex`.
    Client, max 32, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The version that the agent's tool reports.
    ClientVersion, max 64, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// The id that the agent's tool gives its own conversation.
    ClientSessionId, max 128, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// The code of a venture, such as `alpha`.
    VentureCode, max 32, pattern r"^[a-z0-9][a-z0-9_-]*$", |text| {
        label(text)?;
        if text == "global" {
            return Err(Invalid::new("must not be global: that is the scope of every venture"));
        }
        let lower = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        lower.then_some(()).ok_or(Invalid::new("must be lower-case letters, digits, - or _, starting with a letter or digit"))
    }
}
text! {
    /// What people call a venture.
    VentureName, max 100, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// What people call a token.
    TokenName, max 100, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// A word to look for in the request log: a correlation id, an actor, an operation.
    LogWord, max 64, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// A GitHub organisation or user.
    GithubOrg, max 100, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// What a venture has, such as `has_api`: it decides which documents must exist.
    Capability, max 50, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The name of a secret, which is the variable that an agent gets it in.
    SecretName, max 200, pattern r"^[A-Za-z_][A-Za-z0-9_]*$", |text| {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let good = text.chars().all(word) && !text.starts_with(|c: char| c.is_ascii_digit());
        good.then_some(()).ok_or(Invalid::new("must be letters, digits or _, not starting with a digit"))
    }
}
text! {
    /// A repository: `owner/name`, with more segments where the host nests groups; dots are fine.
    RepoName, max 200, pattern r"^([A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*|\.{3,})(/([A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*|\.{3,})){1,5}$", repo_name
}
text! {
    /// A git branch.
    Branch, max 255, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// A git commit: 7 to 64 lower-case hexadecimal digits.
    CommitSha, max 64, pattern r"^[0-9a-f]{7,64}$", |text| {
        let hex = text.len() >= 7 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        hex.then_some(()).ok_or(Invalid::new("must be 7 to 64 lower-case hexadecimal digits"))
    }
}
text! {
    /// What a handoff says in short; may have several lines.
    Summary, max 4000, pattern r"^[^\u0000]+$", no_nul
}
text! {
    /// One thing accomplished, in progress, blocked or next; may have several lines.
    HandoffItem, max 4000, pattern r"^[^\u0000]+$", no_nul
}
text! {
    /// What a note is called.
    NoteTitle, max 200, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// What a note says; at most 500 KB as UTF-8.
    NoteContent, max 512_000, pattern r"^[^\u0000]+$", |text| {
        no_nul(text)?;
        (text.len() <= 512_000).then_some(()).ok_or(Invalid::new("must have at most 500 KB as UTF-8"))
    }
}
text! {
    /// A word that notes are found by.
    NoteTag, max 50, pattern r"^[^\u0000-\u001f\u007f-\u009f]+$", one_line
}
text! {
    /// What is searched for: words, whatever stands between them.
    SearchText, max 16_000, pattern r"^[^\u0000]+$", no_nul
}
text! {
    /// A web address.
    Link, max 2048, pattern r"^https?://[^\s\u0000-\u001f\u007f-\u009f]+$", |text| {
        one_line(text)?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match rest {
            Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(()),
            _ => Err(Invalid::new("must be an http:// or https:// address")),
        }
    }
}

fn length(text: &str, max: usize) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::new("must not be empty"));
    }
    // Bytes first: counting the characters of a megabyte is work for nothing.
    if text.len() > max * 4 || text.chars().count() > max {
        return Err(Invalid::new(format!("must have at most {max} characters")));
    }
    Ok(())
}

fn label(text: &str) -> Result<(), Invalid> {
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

/// A bounded whole number, read from JSON numbers and from query text.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $min:literal ..= $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u32);

        impl $name {
            /// Smallest value.
            pub const MIN: u32 = $min;
            /// Largest value.
            pub const MAX: u32 = $max;

            /// The number itself.
            pub fn get(self) -> u32 {
                self.0
            }
        }

        impl TryFrom<u64> for $name {
            type Error = Invalid;

            fn try_from(number: u64) -> Result<Self, Invalid> {
                match u32::try_from(number) {
                    Ok(n) if ($min..=$max).contains(&n) => Ok(Self(n)),
                    _ => Err(Invalid::new(concat!("must be a whole number from ", $min, " to ", $max))),
                }
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                // `parse` takes a leading plus; a number has one spelling here.
                let digits = text.bytes().all(|b| b.is_ascii_digit());
                let number = if digits { text.parse::<u64>().unwrap_or(u64::MAX) } else { u64::MAX };
                Self::try_from(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Deserr<Violations> for $name {
            fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
                match value {
                    Value::Integer(number) => Self::try_from(number).map_err(|invalid| invalid_at(invalid, at)),
                    Value::NegativeInteger(_) => Self::try_from(u64::MAX).map_err(|invalid| invalid_at(invalid, at)),
                    // JSON has one kind of number: 87.0 is a whole one.
                    Value::Float(number) if number.fract() == 0.0 => {
                        let whole = format!("{number:.0}").parse().unwrap_or(u64::MAX);
                        Self::try_from(whole).map_err(|invalid| invalid_at(invalid, at))
                    }
                    other => Err(wrong_kind(other, &[ValueKind::Integer], at)),
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
                schemars::json_schema!({ "type": "integer", "minimum": $min, "maximum": $max })
            }
        }
    };
}
pub(crate) use number;

number! {
    /// A line of work within a repository. Track 0 is a track; no track is `null`.
    Track, 0..=1_000_000
}
number! {
    /// A GitHub issue.
    IssueNumber, 1..=2_147_483_647
}
number! {
    /// An HTTP status.
    HttpStatus, 100..=599
}
number! {
    /// Requests a minute that a token may make.
    RateLimit, 1..=1_000_000
}

impl Default for RateLimit {
    fn default() -> Self {
        Self(100)
    }
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
    fn names_that_could_break_out_of_their_place_are_refused() {
        refuses::<Host>(&["", "-oProxyCommand=x", "a b", "a\nHost *", "😀", &"h".repeat(254)]);
        refuses::<RepoName>(&["alpha", "a/b/../c", "./a", "a//b", "a/b c", "a/b\0"]);
        refuses::<Branch>(&["a\nb", "a\0b", ""]);
        refuses::<CommitSha>(&["abc", "ABCDEF0", &"a".repeat(65)]);
        refuses::<Link>(&["javascript:alert(1)", "https://", "https://a b", "https://a\nb"]);
        refuses::<VentureCode>(&["Alpha", "alpha.beta", "_x", "global"]);
    }

    #[test]
    fn track_zero_is_a_track() {
        assert_eq!("0".parse::<Track>().map(Track::get), Ok(0));
        refuses::<Track>(&["-1", "+1", "x", "", "1.0", "NaN", "99999999999999999999"]);
        refuses::<IssueNumber>(&["0", "2147483648"]);
    }

    /// The pattern that clients see and the check that decides are the same rule.
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
                // The regex crate spells escapes differently.
                let pattern = $name::PATTERN.replace(r"\u00", r"\x");
                let pattern = regex::Regex::new(&pattern).unwrap();
                for sample in samples {
                    let accepted = sample.parse::<$name>().is_ok();
                    assert_eq!(pattern.is_match(sample), accepted, "{}: {sample:?}", stringify!($name));
                }
            )* };
        }
        agree!(Agent, Host, Client, ClientVersion, VentureCode, VentureName, GithubOrg, Capability);
        agree!(RepoName, Branch, CommitSha, Summary, Link, NoteTitle, NoteContent, NoteTag, SearchText);
    }
}
