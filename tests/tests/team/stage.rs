//! A team with two agents in their sessions, and a terminal with `launcher top`.

use std::path::{Path, PathBuf};

use deckwatch_protocol::{Operation, Session};
use deckwatch_tests::{Agent, Api, Caller as _, Holder, TestRequest};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::members::{ADMIN_KEY, CONTEXT_KEY, Team};
use crate::terminal::Terminal;

/// An agent that tells its state.
pub(crate) struct Teller {
    pub(crate) holder: Holder,
}

/// Two agents of the venture `alpha`.
pub(crate) struct Stage {
    pub(crate) team: Team,
    pub(crate) api: Api,
    pub(crate) claude: Teller,
    pub(crate) codex: Teller,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let team = Team::new().await;
        let api = Api::at(&team.server.url, (CONTEXT_KEY, ADMIN_KEY), Path::new("unused"));
        let venture = TestRequest::of(Operation::PutVenture).with("alpha").json(&json!({ "name": "Alpha" }));
        let _: Value = api.admin().send(venture).await.of(201);
        let claude =
            teller(&api, "mac1-claude-1", json!({ "host": "mac1", "issue_number": 87, "branch": "dev/passkeys" }))
                .await;
        let codex = teller(
            &api,
            "mac2-codex-1",
            json!({ "host": "mac2", "client": "codex", "issue_number": 91, "branch": "dev/schema" }),
        )
        .await;
        Self { team, api, claude, codex }
    }

    /// Another agent of the venture, in its session.
    pub(crate) async fn teller(&self, name: &str, fields: Value) -> Teller {
        teller(&self.api, name, fields).await
    }

    /// `launcher top`, with the context key and these variables.
    pub(crate) fn command(&self, variables: &[(&str, &str)]) -> Command {
        let mut command = self.team.launcher(&["top", "--venture", "alpha"], &[("CONTEXT_API_KEY", CONTEXT_KEY)]);
        command.env("TERM", "xterm-256color").envs(variables.iter().copied());
        command
    }

    /// `launcher top` in a terminal.
    pub(crate) fn top(&self, size: (u16, u16), variables: &[(&str, &str)]) -> Terminal {
        Terminal::open(&self.command(variables), self.team.path("tmux"), size)
    }

    /// A data folder whose database is that of the server.
    pub(crate) fn embedded_data(&self) -> PathBuf {
        let data = self.team.path("data");
        std::fs::create_dir_all(&data).unwrap();
        std::os::unix::fs::symlink(self.team.path("server"), data.join("deckwatch")).unwrap();
        data
    }
}

impl Teller {
    /// The agent says what it does.
    pub(crate) async fn said(&self, state: &str, detail: Option<&str>) {
        let presence = json!({ "epoch": 1, "presence": { "state": state, "detail": detail } });
        let patch = TestRequest::of(Operation::UpdateSession).with(&self.holder.session).json(&presence);
        let _: Session = self.holder.agent.send(patch).await.of(200);
    }
}

/// An agent of the venture `alpha` in its session.
async fn teller(api: &Api, name: &str, fields: Value) -> Teller {
    let mut agent: Agent = api.agent_nowhere();
    (agent.name, agent.venture, agent.repo) = (name.to_owned(), "alpha".into(), "example-org/alpha".into());
    let day: Value = agent.send(agent.ask_start_day(fields)).await.of(201);
    let session = serde_json::from_value(day["session"]["id"].clone()).unwrap();
    Teller { holder: Holder { agent, session } }
}
