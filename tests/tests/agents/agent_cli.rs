//! What the tests must know of each agent's command line tool: its settings, its arguments, its model's address.

use std::path::{Path, PathBuf};

use deckwatch_tests::scripted_model::ScriptedModel;
use serde_json::{Value, json};

/// Any key will do: the model on loopback asks for none.
const MODEL_KEY: &str = "a-key-that-nobody-checks";
/// What Claude Code keeps of a key that its person has approved.
const END_OF_MODEL_KEY: &str = "y-that-nobody-checks";

/// What every conversation starts with.
pub(crate) const PROMPT: &str = "Play your part.";

/// An agent's command line tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentCli {
    Claude,
    Codex,
    Gemini,
}

impl AgentCli {
    /// Its program, and the client's name in the records.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
        }
    }

    /// Where it keeps a user's settings, below the home.
    pub(crate) fn settings_file(self) -> &'static str {
        match self {
            Self::Claude => ".claude.json",
            Self::Codex => ".codex/config.toml",
            Self::Gemini => ".gemini/settings.json",
        }
    }

    /// A user's settings, with an MCP server of their own that `server` and `script` start, and words that only
    /// a person would write.
    pub(crate) fn settings(self, server: &Path, script: &Path) -> String {
        let (server, script) = (server.display(), script.display());
        match self {
            Self::Claude => format!(
                r#"{{
  "hasCompletedOnboarding": true,
  "mcpServers": {{"mine": {{"type": "stdio", "command": "{server}", "args": ["{script}"]}}}}
}}
"#
            ),
            Self::Codex => format!(
                r#"# My own settings.
model = "scripted"
model_provider = "loopback"

[model_providers.loopback] # for the tests
name = "loopback"
base_url = "http://127.0.0.1:9/v1"
wire_api = "responses"
env_key = "OPENAI_API_KEY"

[mcp_servers.mine]
command = "{server}"
args = ["{script}"]
"#
            ),
            Self::Gemini => format!(
                r#"{{
  // My own settings.
  "security": {{"auth": {{"selectedType": "gemini-api-key"}}}},
  "mcpServers": {{"mine": {{"command": "{server}", "args": ["{script}"]}}}}
}}
"#
            ),
        }
    }

    /// Words in a user's settings that mean nothing to the tool. Claude Code's file has no room for a comment.
    pub(crate) fn own_words(self) -> &'static str {
        match self {
            Self::Claude => "hasCompletedOnboarding",
            Self::Codex => "# My own settings.",
            Self::Gemini => "// My own settings.",
        }
    }

    /// Whether a signal to its process alone reaches it. Gemini CLI runs in a child of its first process, and
    /// that one ignores signals: it counts on the child's getting them too, as from a terminal.
    pub(crate) fn hears_signals_alone(self) -> bool {
        self != Self::Gemini
    }

    /// The name under which it offers the tool `ping` of the user's own server.
    pub(crate) fn own_tool(self) -> &'static str {
        match self {
            Self::Claude | Self::Codex => "mcp__mine__ping",
            Self::Gemini => "mcp_mine_ping",
        }
    }

    /// The name under which it offers a tool of Deckwatch's server.
    pub(crate) fn offered(self, tool: &str) -> String {
        match self {
            Self::Claude | Self::Codex => format!("mcp__deckwatch__{tool}"),
            Self::Gemini => format!("mcp_deckwatch_{tool}"),
        }
    }

    /// Arguments for one conversation without a person.
    pub(crate) fn arguments(self, model: &ScriptedModel) -> Vec<String> {
        let arguments: &[&str] = match self {
            Self::Claude => &[
                "-p",
                PROMPT,
                "--allowedTools=mcp__deckwatch__sod,mcp__deckwatch__handoff,mcp__deckwatch__context",
                "--output-format=json",
                "--max-turns=9",
            ],
            Self::Codex => &["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "--json"],
            Self::Gemini => &["-m", "gemini-2.5-flash", "--approval-mode=yolo", "-o", "json", "-p", PROMPT],
        };
        let mut arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        if self == Self::Codex {
            let provider = format!(r#"model_providers.loopback.base_url="{}/v1""#, model.url());
            arguments.extend(["-c".to_owned(), provider, PROMPT.to_owned()]);
        }
        arguments
    }

    /// A user's settings for working at a terminal, where nothing is asked before the first prompt: the model's
    /// address is in them, as an option would change how Codex starts. `hook` runs whenever a prompt is sent.
    pub(crate) fn settings_at_terminal(
        self,
        model: &ScriptedModel,
        folders: &[PathBuf],
        hook: &str,
    ) -> Vec<(&'static str, String)> {
        let url = model.url();
        let each = |text: &dyn Fn(String) -> String, between: &str| {
            folders.iter().map(|folder| text(folder.display().to_string())).collect::<Vec<_>>().join(between)
        };
        match self {
            Self::Claude => {
                let trusted = each(&|folder| format!(r#""{folder}": {{"hasTrustDialogAccepted": true}}"#), ", ");
                let person = format!(
                    r#"{{"hasCompletedOnboarding": true, "theme": "dark", "projects": {{{trusted}}},
                    "customApiKeyResponses": {{"approved": ["{END_OF_MODEL_KEY}"], "rejected": []}}}}"#
                );
                let hooks = json!({ "hooks": { "UserPromptSubmit": [{ "hooks": [command_hook(hook)] }] } });
                vec![(".claude.json", person), (".claude/settings.json", hooks.to_string())]
            }
            Self::Codex => {
                let trusted = each(&|folder| format!("[projects.'{folder}']\ntrust_level = 'trusted'\n"), "");
                let config = format!(
                    r#"model = "scripted"
model_provider = "loopback"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
[model_providers.loopback]
name = "loopback"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
{trusted}"#
                );
                let hooks = json!({ "hooks": { "UserPromptSubmit": [{ "hooks": [command_hook(hook)] }] } });
                vec![(".codex/config.toml", config), (".codex/hooks.json", hooks.to_string())]
            }
            Self::Gemini => {
                let hooks = json!({ "BeforeAgent": [{ "hooks": [command_hook(hook)] }] });
                let settings = json!({
                    "security": { "auth": { "selectedType": "gemini-api-key" } },
                    "general": { "enableAutoUpdate": false }, "hooks": hooks,
                });
                vec![(".gemini/settings.json", settings.to_string())]
            }
        }
    }

    /// Arguments for a conversation at a terminal that starts with a prompt.
    pub(crate) fn arguments_at_terminal(self) -> &'static [&'static str] {
        match self {
            Self::Claude => &["--permission-mode=default", "--allowedTools=mcp__deckwatch__sod,Bash", PROMPT],
            Self::Codex => &[PROMPT],
            Self::Gemini => &["-m", "gemini-2.5-flash", "--approval-mode=yolo", "-i", PROMPT],
        }
    }

    /// What a person types to leave.
    pub(crate) fn farewell(self) -> &'static str {
        match self {
            Self::Claude => "/exit",
            Self::Codex | Self::Gemini => "/quit",
        }
    }

    /// What leads it to the model, and keeps it from everything else.
    pub(crate) fn variables(self, model: &ScriptedModel) -> Vec<(&'static str, String)> {
        let url = || model.url().to_owned();
        let (key, on) = (MODEL_KEY.to_owned(), || "1".to_owned());
        match self {
            Self::Claude => vec![
                ("ANTHROPIC_API_KEY", key),
                ("ANTHROPIC_BASE_URL", url()),
                ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", on()),
                ("DISABLE_AUTOUPDATER", on()),
                ("ENABLE_TOOL_SEARCH", "false".to_owned()),
            ],
            Self::Codex => vec![("OPENAI_API_KEY", key)],
            Self::Gemini => vec![
                ("GEMINI_API_KEY", key),
                ("GOOGLE_GEMINI_BASE_URL", url()),
                ("GEMINI_CLI_TRUST_WORKSPACE", "true".to_owned()),
            ],
        }
    }

    /// The installed program; else says why there is none.
    pub(crate) fn installed(self) -> Option<PathBuf> {
        let Some(folder) = std::env::var_os("DECKWATCH_TEST_AGENTS").filter(|folder| !folder.is_empty()) else {
            println!("skipped: DECKWATCH_TEST_AGENTS names no folder with {}", self.program());
            return None;
        };
        let program = PathBuf::from(folder).join("node_modules/.bin").join(self.program());
        if !program.exists() {
            println!("skipped: {} could not be installed: there is no {}", self.program(), program.display());
            return None;
        }
        Some(program)
    }
}

fn command_hook(command: &str) -> Value {
    json!({ "type": "command", "command": command })
}
