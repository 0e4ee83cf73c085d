//! Claims: which agent works on an issue or on paths of a repository, so that no other one does.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::id::{ClaimId, SessionId};
use crate::number::Epoch;
use crate::page::{Cursor, Limit, in_query};
use crate::text::{Agent, ClaimReason, ClaimSubject, RepoName, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations, at_most};

/// The characters that begin the first wildcard of a path.
const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

impl ClaimSubject {
    /// What subjects are compared by: two subjects overlap if the place of one begins with the place of the other. The
    /// place of a path is its literal prefix, which ends before the first wildcard. `None` if this prefix is empty. The
    /// place of an issue has an end, so that issue 87 does not overlap issue 8.
    pub fn place(&self) -> Option<String> {
        let Some(path) = self.as_str().strip_prefix("path:") else { return Some(format!("{};", self.as_str())) };
        let literal = path.split(WILDCARDS).next().unwrap_or_default();
        (!literal.is_empty()).then(|| format!("path:{literal}"))
    }

    /// Whether a claim on this subject covers the file at `path`, relative to the root of the repository.
    pub fn covers(&self, path: &str) -> bool {
        let place = self.place();
        place.as_deref().and_then(|place| place.strip_prefix("path:")).is_some_and(|literal| path.starts_with(literal))
    }
}

/// An agent's claim on an issue or on paths. It is held until `until`, or until its holder's day ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Claim {
    /// The id of the claim.
    pub id: ClaimId,
    /// The venture of the claim.
    pub venture: VentureCode,
    /// The repository of the claim.
    pub repo: RepoName,
    /// The issue or the paths.
    pub subject: ClaimSubject,
    /// The agent that holds the claim.
    pub agent: Agent,
    /// The session that holds the claim.
    pub session_id: SessionId,
    /// A number that is greater than that of every claim taken before. A program that gets work from two holders can tell
    /// by it which one is the later holder.
    pub fence: u64,
    /// Why the claim was taken from an earlier holder that no longer answered. `null` if it was free.
    #[serde(default)]
    pub reason: Option<ClaimReason>,
    /// When the claim was taken.
    pub since: Timestamp,
    /// The holder's last heartbeat plus 45 minutes. After this time another agent may take the claim.
    pub until: Timestamp,
}

impl Claim {
    /// The maximum number of subjects of a request.
    pub const MAX_SUBJECTS: usize = 10;
    /// The maximum number of claims of a session.
    pub const MAX_PER_SESSION: u32 = 50;

    /// Whether the holder has been silent for so long that another agent may take the claim.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.until < now
    }
}

/// Takes claims: all of the subjects, or none of them. A subject that the session already holds does not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = PutClaims::checked -> Violations)]
pub struct PutClaims {
    /// The session that takes the claims.
    pub session_id: SessionId,
    /// The epoch of the session.
    pub epoch: Epoch,
    /// The repository of the subjects. `null` means the repository of the session.
    #[deserr(default)]
    #[serde(default)]
    pub repo: Option<RepoName>,
    /// The issues and paths, at most 10.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = Claim::MAX_SUBJECTS)))]
    pub subjects: Vec<ClaimSubject>,
    /// True to take claims whose holder has sent no heartbeat for 45 minutes.
    #[deserr(default)]
    #[serde(default)]
    pub take: bool,
    /// Why the claims of a silent holder are taken. Required if `take` is true.
    #[deserr(default)]
    #[serde(default)]
    pub reason: Option<ClaimReason>,
}

impl PutClaims {
    fn checked(self, at: ValuePointerRef) -> Result<Self, Violations> {
        at_most(at, &[("subjects", self.subjects.len(), Claim::MAX_SUBJECTS)])?;
        if self.subjects.is_empty() {
            return Err(Violations::at("/subjects", "must have at least 1 item"));
        }
        if self.take && self.reason.is_none() {
            return Err(Violations::at("/reason", "is required if take is true"));
        }
        Ok(self)
    }
}

/// The claims that a request named, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClaimsTaken {
    /// One claim for each subject.
    pub items: Vec<Claim>,
}

/// Names the session that changes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct FenceQuery {
    /// The session.
    pub session_id: SessionId,
    /// The epoch of the session.
    #[deserr(try_from(String) = epoch_in_query -> Invalid)]
    pub epoch: Epoch,
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is deserr's")]
fn epoch_in_query(text: String) -> Result<Epoch, Invalid> {
    text.parse()
}

/// The claim that a request released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClaimReleased {
    /// The id of the claim.
    pub id: ClaimId,
    /// When it was released.
    pub released_at: Timestamp,
}

/// Selects the claims that `list_claims` shows.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ClaimFilter {
    /// Show only claims of this venture.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// Show only claims in this repository.
    #[deserr(default)]
    pub repo: Option<RepoName>,
    /// The number of claims on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> ClaimSubject {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_subject_is_an_issue_or_a_path() {
        for text in ["issue:87", "path:src/api/**", "path:a", "path:a/", "path:*.md", "path:.github/x", "path:ü/..."] {
            of(text);
        }
        for text in
            ["", "issue:0", "issue:087", "issue:", "issue:+1", "path:", "path:/a", "path:a//b", "path:../a", "a"]
        {
            assert!(text.parse::<ClaimSubject>().is_err(), "{text}");
        }
        for text in [
            "path:a/./b",
            "path:..",
            "path:a\\b",
            "path:a\nb",
            "path:/",
            "Path:a",
            &format!("path:{}", "a".repeat(252)),
        ] {
            assert!(text.parse::<ClaimSubject>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_pattern_agrees_with_the_check() {
        let pattern = regex::Regex::new(&ClaimSubject::PATTERN.replace(r"\u00", r"\x")).unwrap();
        for text in [
            "issue:1",
            "issue:01",
            "issue:",
            "path:a",
            "path:a/b/",
            "path:.a",
            "path:..a",
            "path:.",
            "path:..",
            "path:...",
            "path:a/..",
            "path:a/..b/c",
            "path:/a",
            "path://",
            "path:a//",
            "path:a\\",
            "path:a\u{85}",
            "x:1",
        ] {
            assert_eq!(pattern.is_match(text), text.parse::<ClaimSubject>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn a_place_ends_before_the_first_wildcard() {
        let place = |text: &str| of(text).place();
        assert_eq!(place("path:src/api/**").as_deref(), Some("path:src/api/"));
        assert_eq!(place("path:src/a?i").as_deref(), Some("path:src/a"));
        assert_eq!(place("path:src/main.rs").as_deref(), Some("path:src/main.rs"));
        assert_eq!(place("path:**/x"), None);
        assert_eq!(place("path:{a,b}"), None);
        let (eight, long) = (place("issue:8").unwrap(), place("issue:87").unwrap());
        assert!(!long.starts_with(&eight));
    }

    #[test]
    fn a_claim_covers_the_files_under_its_literal_prefix() {
        assert!(of("path:src/api/**").covers("src/api/a/b.rs"));
        assert!(of("path:src/main.rs").covers("src/main.rs"));
        assert!(!of("path:src/api/**").covers("src/app.rs"));
        assert!(!of("issue:87").covers("issue:87"));
    }
}
