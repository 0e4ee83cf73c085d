//! Tokens: keys that an admin mints, narrower than the keys an engine is started with.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::id::TokenId;
use crate::number::RateLimit;
use crate::operation::{Effect, Operation, Tier};
use crate::page::{Cursor, Limit, in_query};
use crate::text::{TokenName, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violation, Violations, at_most};

/// What a token may do. Scopes add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[deserr(error = Violations)]
pub enum Scope {
    /// Everything of the context tier.
    #[serde(rename = "context")]
    #[deserr(rename = "context")]
    Context,
    /// Everything.
    #[serde(rename = "admin")]
    #[deserr(rename = "admin")]
    Admin,
    /// Putting and deleting documents and their requirements, and nothing else.
    #[serde(rename = "docs:write")]
    #[deserr(rename = "docs:write")]
    DocsWrite,
    /// What the context tier reads.
    #[serde(rename = "read-only")]
    #[deserr(rename = "read-only")]
    ReadOnly,
}

impl Scope {
    /// Every scope.
    pub const ALL: &[Self] = &[Self::Context, Self::Admin, Self::DocsWrite, Self::ReadOnly];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Admin => "admin",
            Self::DocsWrite => "docs:write",
            Self::ReadOnly => "read-only",
        }
    }

    /// Whether a token with this scope may ask for `operation`.
    pub fn grants(self, operation: Operation) -> bool {
        match self {
            Self::Admin => true,
            Self::Context => operation.admits_context(),
            Self::ReadOnly => operation.tier() != Tier::Admin && operation.effect() == Effect::Read,
            Self::DocsWrite => {
                matches!(
                    operation,
                    Operation::PutDoc | Operation::DeleteDoc | Operation::PutRequirement | Operation::DeleteRequirement
                )
            }
        }
    }
}

/// A token as everybody but its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Token {
    /// Its id; the token itself carries the same characters.
    pub id: TokenId,
    /// What people call it.
    pub name: TokenName,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The one venture it sees; `null` is all of them.
    pub venture: Option<VentureCode>,
    /// Requests a minute that it may make.
    pub rate_limit_per_minute: RateLimit,
    /// When it stops to work; `null` is never.
    pub expires_at: Option<Timestamp>,
    /// When it was minted.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The actor that its holder is in records and in the log.
    pub actor_key_id: String,
    /// The actor who minted it.
    pub created_by: String,
}

/// A token that was just minted, with its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MintedToken {
    /// What to send as `Authorization: Bearer`. Shown here and nowhere else.
    pub token: String,
    /// Everything else about it.
    #[serde(flatten)]
    pub record: Token,
}

impl Token {
    /// Most scopes of one token.
    pub const MAX_SCOPES: usize = 4;
}

/// Mints a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = CreateToken::bounded -> Violations)]
pub struct CreateToken {
    /// What people call it.
    pub name: TokenName,
    /// What it may do: 1 to 4 scopes.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = Token::MAX_SCOPES)))]
    pub scopes: Vec<Scope>,
    /// The one venture it shall see; `null` is all of them.
    #[deserr(default)]
    #[serde(default)]
    pub venture: Option<VentureCode>,
    /// Requests a minute that it may make, 100 unless given.
    #[deserr(default)]
    #[serde(default)]
    pub rate_limit_per_minute: RateLimit,
    /// When it stops to work; `null` is never.
    #[deserr(default)]
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl CreateToken {
    fn bounded(self, at: ValuePointerRef) -> Result<Self, Violations> {
        at_most(at, &[("scopes", self.scopes.len(), Token::MAX_SCOPES)])?;
        if self.scopes.is_empty() {
            let detail = "must have at least 1 item".to_owned();
            return Err(Violations(vec![Violation { pointer: "/scopes".to_owned(), detail }]));
        }
        Ok(self)
    }
}

/// Which tokens `list_tokens` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ListTokens {
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// Where the page starts: the `next_cursor` of the page before.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_grants_what_it_says_and_no_more() {
        for operation in Operation::ALL {
            assert!(Scope::Admin.grants(*operation));
            assert_eq!(Scope::Context.grants(*operation), operation.admits_context(), "{}", operation.id());
            if Scope::ReadOnly.grants(*operation) {
                assert!(Scope::Context.grants(*operation) && operation.effect() == Effect::Read, "{}", operation.id());
            }
        }
    }
}
