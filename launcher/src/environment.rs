//! Which variables an agent and its server are given, may inherit, and must not get.

use deckwatch_client::variables;

/// What an agent is told of itself; one that is not set for a launch is removed, not inherited.
pub(crate) const OF_AGENT: [&str; 12] = [
    variables::VENTURE,
    variables::REPO,
    variables::REPOS,
    variables::AGENT,
    variables::LAUNCH,
    variables::CLIENT,
    variables::TRACK,
    variables::ISSUE,
    variables::CONVERSATION,
    variables::VENTURES,
    variables::DEV_ROOT,
    variables::SECRETS,
];

/// What the user may set for the server: GitHub, and where the weekly plan is. Inherited, never set or removed here.
pub(crate) const OF_USER: [&str; 4] = ["GITHUB_API_URL", "GH_HOST", "GH_CONFIG_DIR", variables::PLAN];
/// Tokens for GitHub under the names that `gh` knows.
pub(crate) const GITHUB_TOKENS: [&str; 4] =
    ["GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];

/// The launcher's own identity at Infisical, under the names that Infisical's tool knows.
pub(crate) const INFISICAL_CLIENT_ID: &str = "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID";
/// The secret of that identity.
pub(crate) const INFISICAL_CLIENT_SECRET: &str = "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET";

/// What an agent must not get, whoever set it: keys that decide over others' records and secrets.
pub(crate) const WITHHELD: [&str; 6] = [
    variables::ADMIN_KEY,
    "GITHUB_WEBHOOK_SECRET",
    "INFISICAL_TOKEN",
    "INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN",
    INFISICAL_CLIENT_ID,
    INFISICAL_CLIENT_SECRET,
];
