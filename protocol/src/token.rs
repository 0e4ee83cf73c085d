//! Tokens: API keys that an admin creates. They have fewer rights than the keys in the configuration of the engine.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::activity::Uuid;
use crate::id::TokenId;
use crate::number::RateLimit;
use crate::page::{Cursor, Limit, in_query};
use crate::person::PersonName;
use crate::text::{Agent, TokenName, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violation, Violations, at_most};

/// A right of a token. A token with several scopes has all of their rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[deserr(error = Violations)]
pub enum Scope {
    /// All operations of the context tier.
    #[serde(rename = "context")]
    #[deserr(rename = "context")]
    Context,
    /// All operations.
    #[serde(rename = "admin")]
    #[deserr(rename = "admin")]
    Admin,
    /// Only storing and deleting documents and requirements.
    #[serde(rename = "docs:write")]
    #[deserr(rename = "docs:write")]
    DocsWrite,
    /// All operations of the context tier that read.
    #[serde(rename = "read-only")]
    #[deserr(rename = "read-only")]
    ReadOnly,
    /// A person: all operations of the context tier, and messages as `human:<name of the token>`, without a session.
    #[serde(rename = "human")]
    #[deserr(rename = "human")]
    Human,
}

impl Scope {
    /// Every scope.
    pub const ALL: &[Self] = &[Self::Context, Self::Admin, Self::DocsWrite, Self::ReadOnly, Self::Human];

    /// The value on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Admin => "admin",
            Self::DocsWrite => "docs:write",
            Self::ReadOnly => "read-only",
            Self::Human => "human",
        }
    }
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Token {
    /// The id of the token. The secret contains the same characters.
    pub id: TokenId,
    /// The display name of the token.
    pub name: TokenName,
    /// The rights of the token.
    pub scopes: Vec<Scope>,
    /// The only venture that the token gives access to. `null` means all ventures.
    pub venture: Option<VentureCode>,
    /// The number of requests that the token may send per minute.
    pub rate_limit_per_minute: RateLimit,
    /// When the token expires. `null` means never.
    pub expires_at: Option<Timestamp>,
    /// When the token was created.
    pub created_at: Timestamp,
    /// When the token was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When the token was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The id of the actor that the token stands for in records and in the log.
    pub actor_key_id: String,
    /// The actor that created the token.
    pub created_by: String,
    /// The only agent that may use the token. `null` for a token that an admin created.
    #[serde(default)]
    pub agent: Option<Agent>,
    /// The only machine that may use the token.
    #[serde(default)]
    pub machine_id: Option<Uuid>,
}

/// A token that was just created, with its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MintedToken {
    /// The secret to send as `Authorization: Bearer`. Only this response contains it.
    pub token: String,
    /// The token without its secret.
    #[serde(flatten)]
    pub record: Token,
}

impl Token {
    /// The maximum number of scopes of one token.
    pub const MAX_SCOPES: usize = 4;

    /// The seconds for which the token of an agent is valid after each exchange.
    pub const OF_AGENT_SECONDS: i64 = 7 * 24 * 60 * 60;

    /// The number of requests that the token of an agent may send per minute.
    pub const OF_AGENT_RATE: u32 = 200;
}

/// Exchanges the caller's key for the token of one agent on one machine, or renews that token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct CreateAgentToken {
    /// The only venture that the token gives access to.
    pub venture: VentureCode,
    /// The only agent that may use the token.
    pub agent: Agent,
    /// The only machine that may use the token: the `machine_id` of `start_day`.
    pub machine_id: Uuid,
}

/// Creates a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = CreateToken::bounded -> Violations)]
pub struct CreateToken {
    /// The display name of the token. With the scope `human`, it is the name of the person: up to 64 letters, digits, `.`, `_`
    /// and `-`, starting with a letter or a digit.
    pub name: TokenName,
    /// The rights of the token: 1 to 4 scopes.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = Token::MAX_SCOPES)))]
    pub scopes: Vec<Scope>,
    /// The only venture that the token gives access to. `null` means all ventures.
    #[deserr(default)]
    #[serde(default)]
    pub venture: Option<VentureCode>,
    /// The number of requests that the token may send per minute. The default is 100.
    #[deserr(default)]
    #[serde(default)]
    pub rate_limit_per_minute: RateLimit,
    /// When the token expires. `null` means never.
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
        if self.scopes.contains(&Scope::Human) {
            let name = self.name.as_str().parse::<PersonName>();
            name.map_err(|invalid| {
                Violations::at("/name", format!("names a person, because of the scope `human`: it {invalid}"))
            })?;
        }
        Ok(self)
    }
}

/// Selects the page of tokens that `list_tokens` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ListTokens {
    /// The number of tokens on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}
