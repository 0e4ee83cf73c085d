//! The URIs of resources.

use std::fmt;

use deckwatch_protocol::{DocName, DocScope, HandoffId};

/// The URI template of documents.
pub(super) const DOC_TEMPLATE: &str = "deckwatch://docs/{scope}/{name}";
/// The URI template of handoffs.
pub(super) const HANDOFF_TEMPLATE: &str = "deckwatch://handoffs/{id}";
const SCHEME: &str = "deckwatch://";
const LATEST: &str = "latest";

/// A parsed URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Uri {
    /// A document.
    Doc(DocScope, DocName),
    /// A handoff.
    Handoff(HandoffId),
    /// The newest handoff of the repository that the agent works on.
    LatestHandoff,
}

impl Uri {
    /// `None` for any other URI.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(SCHEME)?.split('/');
        match (parts.next()?, parts.next()?, parts.next(), parts.next()) {
            ("docs", scope, Some(name), None) => Some(Self::Doc(scope.parse().ok()?, name.parse().ok()?)),
            ("handoffs", LATEST, None, None) => Some(Self::LatestHandoff),
            ("handoffs", id, None, None) => id.parse().ok().map(Self::Handoff),
            _ => None,
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Doc(scope, name) => write!(f, "{SCHEME}docs/{scope}/{name}"),
            Self::Handoff(id) => write!(f, "{SCHEME}handoffs/{id}"),
            Self::LatestHandoff => write!(f, "{SCHEME}handoffs/{LATEST}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_parsed_and_written_unchanged() {
        for text in [
            "deckwatch://docs/global/style.md",
            "deckwatch://docs/alpha/api.md",
            "deckwatch://handoffs/latest",
            "deckwatch://handoffs/ho_01JD0000000000000000000001",
        ] {
            assert_eq!(Uri::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_invalid_uri_is_none() {
        for text in [
            "",
            "deckwatch://",
            "deckwatch://docs/alpha",
            "deckwatch://docs/alpha/../x",
            "deckwatch://docs/alpha/.env",
            "deckwatch://handoffs/x",
            "deckwatch://handoffs/latest/1",
            "file:///etc/passwd",
        ] {
            assert_eq!(Uri::parse(text), None, "{text}");
        }
    }
}
