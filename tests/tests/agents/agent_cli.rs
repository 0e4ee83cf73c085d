//! The differences between the agent CLIs: settings, arguments, the address of the model.

use std::path::{Path, PathBuf};

use deckwatch_tests::scripted_model::ScriptedModel;
use serde_json::{Value, json};

/// Any key works, because the model on loopback checks none.
const MODEL_KEY: &str = "a-key-that-nobody-checks";
/// The end of a key, as Claude Code stores it for a key that the user has approved.
const MODEL_KEY_SUFFIX: &str = "y-that-nobody-checks";

/// The first prompt of every conversation.
pub(crate) const PROMPT: &str = "Play your part.";

/// An agent CLI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentCli {
    Claude,
    Codex,
    Gemini,
}

impl AgentCli {
    /// The CLI's program, which is also the client's name in the records.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
        }
    }

    /// The path of the user's settings below the home folder.
    pub(crate) fn settings_file(self) -> &'static str {
        match self {
            Self::Claude => ".claude.json",
            Self::Codex => ".codex/config.toml",
            Self::Gemini => ".gemini/settings.json",
        }
    }

    /// A user's settings with the user's own MCP server, started as `server script`, and with a comment that only a
    /// person would write.
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

    /// A text in the user's settings that the CLI ignores. Claude Code's file allows no comment.
    pub(crate) fn own_text(self) -> &'static str {
        match self {
            Self::Claude => "hasCompletedOnboarding",
            Self::Codex => "# My own settings.",
            Self::Gemini => "// My own settings.",
        }
    }

    /// Whether a signal to the first process alone ends the CLI. Gemini CLI runs in a child process. Its first process
    /// ignores signals, because it expects that the child gets them too, as from a terminal.
    pub(crate) fn is_ended_by_signal_to_first_process(self) -> bool {
        self != Self::Gemini
    }

    /// The name under which the CLI offers the tool `ping` of the user's own server.
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

    /// The arguments for a conversation without a terminal.
    pub(crate) fn arguments(self, model: &ScriptedModel) -> Vec<String> {
        let arguments: &[&str] = match self {
            Self::Claude => &[
                "-p",
                PROMPT,
                "--allowedTools=mcp__deckwatch__sod,mcp__deckwatch__handoff,mcp__deckwatch__context,Bash",
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

    /// The user's settings for a conversation in a terminal. They contain the model's address, because an option would
    /// change how Codex starts, and they answer all questions before the first prompt. `hook` runs for every prompt.
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
                    "customApiKeyResponses": {{"approved": ["{MODEL_KEY_SUFFIX}"], "rejected": []}}}}"#
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

    /// A file of the user with a hook of their own at every prompt, for `existing` settings in that file.
    pub(crate) fn own_hook(self, command: &str, existing: &str) -> (&'static str, String) {
        let hooks = |event: &str| json!({ event: [{ "hooks": [command_hook(command)] }] });
        match self {
            Self::Claude => (".claude/settings.json", json!({ "hooks": hooks("UserPromptSubmit") }).to_string()),
            Self::Codex => (".codex/hooks.json", json!({ "hooks": hooks("UserPromptSubmit") }).to_string()),
            Self::Gemini => {
                let own = format!("{{\n  // My own hook.\n  \"hooks\": {},", hooks("BeforeAgent"));
                (self.settings_file(), existing.replacen('{', &own, 1))
            }
        }
    }

    /// The arguments for a conversation in a terminal that starts with a prompt.
    pub(crate) fn arguments_at_terminal(self) -> &'static [&'static str] {
        match self {
            Self::Claude => &["--permission-mode=default", "--allowedTools=mcp__deckwatch,Bash,Task,Agent", PROMPT],
            Self::Codex => &[PROMPT],
            Self::Gemini => &["-m", "gemini-2.5-flash", "--approval-mode=yolo", "-i", PROMPT],
        }
    }

    /// The text that ends a conversation.
    pub(crate) fn exit_command(self) -> &'static str {
        match self {
            Self::Claude => "/exit",
            Self::Codex | Self::Gemini => "/quit",
        }
    }

    /// The environment variables that direct the CLI to the model and block all other connections.
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

    /// The path of the installed CLI. Prints the reason if it is not installed.
    pub(crate) fn installed(self) -> Option<PathBuf> {
        let Some(folder) = std::env::var_os("DECKWATCH_TEST_AGENTS").filter(|folder| !folder.is_empty()) else {
            println!("skipped: DECKWATCH_TEST_AGENTS does not name a folder with {}", self.program());
            return None;
        };
        let program = PathBuf::from(folder).join("node_modules/.bin").join(self.program());
        if !program.exists() {
            println!("skipped: {} could not be installed: {} does not exist", self.program(), program.display());
            return None;
        }
        Some(program)
    }
}

fn command_hook(command: &str) -> Value {
    json!({ "type": "command", "command": command })
}
