//! The environment variables that people, the launcher, an agent and its MCP server share.
//!
//! Each name is defined only here, so that all programs use the same one.

/// The URL of the Context API. Unset means the embedded engine.
pub const API_URL: &str = "CONTEXT_API_URL";
/// The key of the Context API.
pub const API_KEY: &str = "CONTEXT_API_KEY";
/// The key of an admin. Agents never get it.
pub const ADMIN_KEY: &str = "ADMIN_API_KEY";

/// The code of the venture that the agent works on.
pub const VENTURE: &str = "DECKWATCH_VENTURE";
/// The repository that the agent works in, in its venture's spelling.
pub const REPO: &str = "DECKWATCH_REPO";
/// The repositories of the venture at the agent's launch, separated by commas.
pub const REPOS: &str = "DECKWATCH_REPOS";
/// The agent's name: `<host>-<cli>-<slot>`.
pub const AGENT: &str = "DECKWATCH_AGENT";
/// The launch that the agent's name belongs to: an id of the process that holds the slot.
pub const LAUNCH: &str = "DECKWATCH_LAUNCH";
/// What another machine of the fleet asked this launch to start. The agent does not get it.
pub const LAUNCH_REQUEST: &str = "DECKWATCH_LAUNCH_REQUEST";
/// The agent's tool, such as `claude`.
pub const CLIENT: &str = "DECKWATCH_CLIENT";
/// The value of [`CLIENT`] in `launcher demo`, which leaves nothing behind in the user's repository.
pub const DEMO_CLIENT: &str = "demo";
/// The line of work.
pub const TRACK: &str = "DECKWATCH_TRACK";
/// The number of the issue.
pub const ISSUE: &str = "DECKWATCH_ISSUE";
/// The groups of the agent, with its role in each: `frontend:lead,reviewers:member`.
pub const GROUPS: &str = "DECKWATCH_GROUPS";
/// Why the agent goes on under a name that belongs to another machine or owner.
pub const TAKE_OVER: &str = "DECKWATCH_TAKE_OVER";
/// The actor of the shared key that the token of this agent was exchanged for. The last answers of the API are kept under it.
pub const KEY_ACTOR: &str = "DECKWATCH_KEY_ACTOR";
/// When the key of the API expires, if it is the token of this agent. The MCP server renews it.
pub const TOKEN_EXPIRES_AT: &str = "DECKWATCH_TOKEN_EXPIRES_AT";
/// The id of the agent tool's conversation that the MCP server serves.
pub const CONVERSATION: &str = "DECKWATCH_CONVERSATION";
/// The prefix of the agent's branches.
pub const BRANCH_PREFIX: &str = "DECKWATCH_BRANCH_PREFIX";
/// Set to `1` if the launch registered our hooks with the agent tool: they print what the MCP server takes for the agent.
pub const HOOKS: &str = "DECKWATCH_HOOKS";
/// How an agent that waits for a prompt can be woken when mail arrives: `hook`, `queue`, or `tmux` with the socket and the
/// pane. Not set if there is no way.
pub const WAKE: &str = "DECKWATCH_WAKE";
/// Set while `launcher mcp doctor` proves the hooks: the file in which each hook records that it ran.
pub const HOOK_PROOF: &str = "DECKWATCH_HOOK_PROOF";
/// Set for an agent that was started with `--local`. A launcher that is started inside it stays local too.
pub const LOCAL: &str = "DECKWATCH_LOCAL";
/// The names of the variables that hold secrets, separated by commas. Their values never leave the machine.
pub const SECRETS: &str = "DECKWATCH_SECRETS";

/// The repository with the releases of Deckwatch, in GitHub's API.
pub const RELEASES_URL: &str = "DECKWATCH_RELEASES_URL";
/// A token for that repository. Agents never get it.
pub const RELEASES_TOKEN: &str = "DECKWATCH_RELEASES_TOKEN";

/// The path of the ventures file.
pub const VENTURES: &str = "DECKWATCH_VENTURES";
/// The folder in which Deckwatch searches for repositories.
pub const DEV_ROOT: &str = "DECKWATCH_DEV_ROOT";
/// The path of the weekly plan, relative to its repository.
pub const PLAN: &str = "DECKWATCH_PLAN";
