//! One headless run of an agent CLI against our model.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use deckwatch_machine::variables;
use serde_json::json;
use tokio::process::Command;

use crate::agent_cli::AgentCli;
use crate::environment;
use crate::process_env::ProcessEnv;

/// How long a turn may take. The agent CLI may start the user's own MCP servers first.
const TIMEOUT: Duration = Duration::from_mins(1);
const PROMPT: &str = "Answer the question of `launcher mcp doctor`.";
/// Any key will do, because our model checks none.
const KEY: &str = "no-key-is-needed";
/// The variables that would lead the agent CLI to another model.
const OTHER_MODELS: [&str; 7] = [
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_MODEL",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "GOOGLE_GENAI_USE_VERTEXAI",
    "GOOGLE_GENAI_USE_GCA",
];

pub(super) struct AgentRun<'a> {
    pub(super) cli: AgentCli,
    pub(super) program: &'a Path,
    pub(super) hook_args: &'a [OsString],
    /// The address of the model.
    pub(super) model: &'a str,
    /// An empty folder.
    pub(super) folder: &'a Path,
    /// The file in which each hook records that it ran.
    pub(super) log: &'a Path,
}

impl AgentRun<'_> {
    /// Runs the agent CLI until it ends. Its exit code does not matter: what the model has heard does.
    pub(super) async fn to_its_end(&self, env: &ProcessEnv) -> Result<(), String> {
        let work = self.folder.join("work");
        let failed = |error: std::io::Error| format!("{} can't be started: {error}", self.cli.title());
        std::fs::create_dir(&work).map_err(failed)?;
        if self.cli == AgentCli::Gemini {
            // The user's settings may select a login, and so another model. Those of the folder override them.
            let settings = json!({ "security": { "auth": { "selectedType": "gemini-api-key" } } });
            std::fs::create_dir(work.join(".gemini")).map_err(failed)?;
            std::fs::write(work.join(".gemini/settings.json"), settings.to_string()).map_err(failed)?;
        }
        let mut command = Command::new(self.program);
        command.args(self.hook_args).args(self.arguments()).current_dir(&work);
        for name in environment::AGENT_VARIABLES.into_iter().chain(environment::WITHHELD_VARIABLES).chain(OTHER_MODELS)
        {
            command.env_remove(name);
        }
        // The server of this run gets no API, and so can't take part in the records.
        command.env_remove(variables::API_URL).env_remove(variables::API_KEY);
        command.envs([("XDG_DATA_HOME", self.folder.join("data")), ("XDG_STATE_HOME", self.folder.join("state"))]);
        command.env(variables::HOOKS, "1").env(variables::HOOK_PROOF, self.log);
        command.env("NO_PROXY", no_proxy(env)).envs(self.variables());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let group = child.id();
        let ended = tokio::time::timeout(TIMEOUT, child.wait()).await;
        // What it started must not outlive the check.
        if let Some(group) = group.and_then(|group| rustix::process::Pid::from_raw(i32::try_from(group).ok()?)) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        match ended {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(format!("the turn took longer than {} seconds", TIMEOUT.as_secs())),
        }
    }

    fn arguments(&self) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        match self.cli {
            AgentCli::Claude => {
                // The user's settings may name another address. These settings override them.
                let address = json!({ "env": { "ANTHROPIC_BASE_URL": self.model, "ANTHROPIC_API_KEY": KEY } });
                let mut arguments = words(&["-p", PROMPT, "--allowedTools=Bash", "--no-session-persistence"]);
                arguments.extend([format!("--settings={address}"), "--max-turns=6".to_owned()]);
                arguments
            }
            AgentCli::Codex => {
                let provider = format!(
                    r#"model_providers.deckwatch_doctor={{name="doctor",base_url="{}/v1",wire_api="responses"}}"#,
                    self.model
                );
                let mut arguments = words(&["-c", &provider, "-c", "model_provider=\"deckwatch_doctor\""]);
                arguments.extend(words(&["-c", "model=\"deckwatch-doctor\"", "-c", "approval_policy=\"never\""]));
                // The only command that the model asks for is `true`.
                arguments.extend(words(&["exec", "--skip-git-repo-check", "--ephemeral", "-s", "danger-full-access"]));
                arguments.push(PROMPT.to_owned());
                arguments
            }
            AgentCli::Gemini => words(&["-m", "gemini-2.5-flash", "--approval-mode=yolo", "-o", "json", "-p", PROMPT]),
        }
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let model = self.model.to_owned();
        match self.cli {
            AgentCli::Claude => vec![
                ("ANTHROPIC_API_KEY", KEY.to_owned()),
                ("ANTHROPIC_BASE_URL", model),
                ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".to_owned()),
                ("DISABLE_AUTOUPDATER", "1".to_owned()),
            ],
            AgentCli::Codex => Vec::new(),
            AgentCli::Gemini => vec![
                ("GEMINI_API_KEY", KEY.to_owned()),
                ("GOOGLE_GEMINI_BASE_URL", model),
                ("GEMINI_CLI_TRUST_WORKSPACE", "true".to_owned()),
            ],
        }
    }
}

/// The hosts that are reached without a proxy, with this machine.
fn no_proxy(env: &ProcessEnv) -> String {
    let before = env.var("NO_PROXY").or_else(|| env.var("no_proxy"));
    before.into_iter().chain(["127.0.0.1".to_owned(), "localhost".to_owned()]).collect::<Vec<_>>().join(",")
}
