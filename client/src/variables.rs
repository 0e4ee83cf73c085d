//! The environment variables by which people, the launcher, an agent and its server understand each other.
//!
//! A name stands here once: what one program sets is what the other reads.

/// The address of the Context API; unset means the embedded engine.
pub const API_URL: &str = "CONTEXT_API_URL";
/// The key of the Context API.
pub const API_KEY: &str = "CONTEXT_API_KEY";
/// The key of an admin. No agent gets it.
pub const ADMIN_KEY: &str = "ADMIN_API_KEY";

/// The code of the venture that the agent works on.
pub const VENTURE: &str = "DECKWATCH_VENTURE";
/// The repository that the agent works in, as its venture writes it.
pub const REPO: &str = "DECKWATCH_REPO";
/// The repositories of the venture when the agent was launched, with commas.
pub const REPOS: &str = "DECKWATCH_REPOS";
/// The agent's name: `<host>-<cli>-<slot>`.
pub const AGENT: &str = "DECKWATCH_AGENT";
/// Which launch the agent's name was given to: an id of the process that holds its slot.
pub const LAUNCH: &str = "DECKWATCH_LAUNCH";
/// The agent's tool, such as `claude`.
pub const CLIENT: &str = "DECKWATCH_CLIENT";
/// The value of [`CLIENT`] in `launcher demo`, which leaves nothing behind in the user's repository.
pub const DEMO_CLIENT: &str = "demo";
/// The line of work.
pub const TRACK: &str = "DECKWATCH_TRACK";
/// The number of the issue.
pub const ISSUE: &str = "DECKWATCH_ISSUE";
/// The conversation of the agent's tool that the server serves.
pub const CONVERSATION: &str = "DECKWATCH_CONVERSATION";
/// How the agent's branches begin.
pub const BRANCH_PREFIX: &str = "DECKWATCH_BRANCH_PREFIX";
/// The names of the variables that hold secrets, with commas: no value of theirs leaves the machine.
pub const SECRETS: &str = "DECKWATCH_SECRETS";

/// The file of ventures.
pub const VENTURES: &str = "DECKWATCH_VENTURES";
/// The folder below which repositories are looked for.
pub const DEV_ROOT: &str = "DECKWATCH_DEV_ROOT";
/// The file of the weekly plan, inside its repository.
pub const PLAN: &str = "DECKWATCH_PLAN";
