//! One agent of the demo: a `deckwatch-mcp` process and an MCP client that calls its tools.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use deckwatch_machine::variables;
use deckwatch_protocol::Agent;
use rmcp::model::{CallToolRequestParams, JsonObject};
use rmcp::service::RunningService;
use rmcp::{RoleClient, ServiceExt as _};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::demo_error::DemoError;
use crate::environment;

/// Everything is local, so an answer takes milliseconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An agent of the demo.
pub(super) struct DemoAgent {
    agent: Agent,
    service: RunningService<RoleClient, ()>,
    server: Child,
}

/// The answer of a tool.
pub(super) struct Answer {
    /// The text that an agent reads.
    pub(super) report: String,
    facts: Value,
}

impl DemoAgent {
    /// Starts the server for `agent` in `repository`. Its records and state are below `folder`.
    pub(super) async fn start(
        agent: &Agent,
        server: &Path,
        repository: &Path,
        folder: &Path,
    ) -> Result<Self, DemoError> {
        let broken = |cause: String| DemoError::Server { agent: agent.clone(), cause };
        let mut command = Command::new(server);
        for name in environment::AGENT_VARIABLES.into_iter().chain([
            variables::API_URL,
            variables::API_KEY,
            "CLAUDE_PROJECT_DIR",
        ]) {
            command.env_remove(name);
        }
        command.current_dir(repository).env("XDG_DATA_HOME", folder).env("XDG_STATE_HOME", folder);
        command.env(variables::AGENT, agent.as_str()).env(variables::CLIENT, variables::DEMO_CLIENT);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut server = command.spawn().map_err(|error| broken(error.to_string()))?;
        let (Some(stdout), Some(stdin)) = (server.stdout.take(), server.stdin.take()) else {
            return Err(broken("it has no pipes".to_owned()));
        };
        let service = timeout(TIMEOUT, ().serve((stdout, stdin))).await;
        let service = service.map_err(|_| broken("it did not answer".to_owned()))?;
        let service = service.map_err(|error| broken(error.to_string()))?;
        Ok(Self { agent: agent.clone(), service, server })
    }

    /// Calls a tool in the same way as an agent CLI.
    pub(super) async fn call(&self, tool: &'static str, arguments: JsonObject) -> Result<Answer, DemoError> {
        let broken = |cause: String| DemoError::Server { agent: self.agent.clone(), cause };
        let call = self.service.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments));
        let result = timeout(TIMEOUT, call).await.map_err(|_| broken(format!("{tool} did not answer")))?;
        let result = result.map_err(|error| broken(error.to_string()))?;
        let texts = result.content.iter().filter_map(|block| Some(block.as_text()?.text.clone()));
        let report = texts.collect::<Vec<_>>().join("\n");
        if result.is_error == Some(true) {
            return Err(DemoError::Tool { agent: self.agent.clone(), tool, answer: report });
        }
        Ok(Answer { report, facts: result.structured_content.unwrap_or_default() })
    }

    /// Closes the pipe, as an agent CLI does when it ends, and waits until the server has ended.
    pub(super) async fn stop(self) {
        let Self { service, mut server, .. } = self;
        // The server ends when its pipe closes. A server that does not end is killed when it is dropped.
        let _ = service.cancel().await;
        let _ = timeout(TIMEOUT, server.wait()).await;
    }
}

impl Answer {
    /// A field of the structured answer, as text.
    pub(super) fn fact(&self, name: &str) -> String {
        self.facts.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Returns an error if the answer does not contain `sign`.
    pub(super) fn must_contain(&self, agent: &Agent, sign: &str, what: &str) -> Result<(), DemoError> {
        if !sign.is_empty() && self.report.contains(sign) {
            return Ok(());
        }
        Err(DemoError::NotSeen { agent: agent.clone(), what: what.to_owned() })
    }
}
