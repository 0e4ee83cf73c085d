//! The environment variables that an agent and its server get, inherit, or do not get.

use deckwatch_machine::variables;

/// The variables that describe the launch. One that a launch does not set is removed, so that the agent does not
/// inherit it.
pub(crate) const AGENT_VARIABLES: [&str; 19] = [
    variables::VENTURE,
    variables::REPO,
    variables::REPOS,
    variables::AGENT,
    variables::LAUNCH,
    variables::LAUNCH_REQUEST,
    variables::CLIENT,
    variables::TRACK,
    variables::ISSUE,
    variables::GROUPS,
    variables::TAKE_OVER,
    variables::TOKEN_EXPIRES_AT,
    variables::KEY_ACTOR,
    variables::CONVERSATION,
    variables::HOOKS,
    variables::WAKE,
    variables::VENTURES,
    variables::DEV_ROOT,
    variables::SECRETS,
];

/// The variables that the user may set for the server: for GitHub and for the weekly plan. The agent inherits them; the
/// launcher never sets or removes them.
pub(crate) const USER_VARIABLES: [&str; 4] = ["GITHUB_API_URL", "GH_HOST", "GH_CONFIG_DIR", variables::PLAN];
/// The variables for a GitHub token that `gh` reads.
pub(crate) const GITHUB_TOKENS: [&str; 4] =
    ["GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];

/// The client id of the launcher's machine identity, in the variable that Infisical's command line tool reads.
pub(crate) const INFISICAL_CLIENT_ID: &str = "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID";
/// The client secret of that identity.
pub(crate) const INFISICAL_CLIENT_SECRET: &str = "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET";

/// The variables that an agent never gets: keys that give access to the records and secrets of others.
pub(crate) const WITHHELD_VARIABLES: [&str; 9] = [
    variables::ADMIN_KEY,
    "GITHUB_APP_ID",
    "GITHUB_APP_PRIVATE_KEY",
    variables::RELEASES_TOKEN,
    "GITHUB_WEBHOOK_SECRET",
    "INFISICAL_TOKEN",
    "INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN",
    INFISICAL_CLIENT_ID,
    INFISICAL_CLIENT_SECRET,
];
