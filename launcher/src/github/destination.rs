//! Where the secrets of a new App go: into the Worker, by wrangler on its standard input, or to standard output. They are
//! never in a file, in an argument or in the environment of another program.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::github_error::GitHubError;
use crate::output;
use crate::process_env::ProcessEnv;
use crate::secrets::Secret;
use crate::secrets::program;

/// The version that `npx` runs if wrangler is not installed: the one of scripts/deploy.
const WRANGLER: &str = "wrangler@4.164.0";
/// How long wrangler may take. The first run of `npx` downloads it.
const TIME_LIMIT: Duration = Duration::from_mins(3);

/// The names under which the engines expect the secrets.
pub(super) const APP_ID: &str = "GITHUB_APP_ID";
pub(super) const PRIVATE_KEY: &str = "GITHUB_APP_PRIVATE_KEY";
pub(super) const WEBHOOK_SECRET: &str = "GITHUB_WEBHOOK_SECRET";

/// The secrets of an App.
pub(super) struct AppSecrets {
    pub(super) id: u64,
    pub(super) private_key: Secret,
    pub(super) webhook_secret: Secret,
}

/// Where they go.
pub(super) enum Destination {
    /// A Worker of Cloudflare, by its name.
    Worker { name: String, program: PathBuf, first: Vec<String> },
    /// Standard output, as lines `NAME='value'`.
    StandardOutput,
}

#[derive(Deserialize)]
struct StoredSecret {
    name: String,
}

impl Destination {
    /// The Worker of this name. The error says that neither wrangler nor npx is installed.
    pub(super) fn worker(name: &str, env: &ProcessEnv) -> Result<Self, GitHubError> {
        let name = name.to_owned();
        if let Some(program) = env.program("wrangler") {
            return Ok(Self::Worker { name, program, first: Vec::new() });
        }
        let Some(program) = env.program("npx") else {
            return Err(GitHubError::Setup(
                "neither wrangler nor npx is installed, so the secrets can't be given to the Worker: install Node.js, or use \
                 --print"
                    .to_owned(),
            ));
        };
        Ok(Self::Worker { name, program, first: vec!["--yes".to_owned(), WRANGLER.to_owned()] })
    }

    /// Checks that secrets can be stored there, before an App exists. Returns a warning.
    pub(super) async fn check(&self) -> Result<Option<String>, GitHubError> {
        let Self::Worker { name, .. } = self else { return Ok(None) };
        output::say(&format!("asking Cloudflare whether the Worker {name} is there; this takes up to 3 minutes"));
        let listed = self.wrangler(&["secret", "list"], "").await.map_err(|cause| {
            GitHubError::Setup(format!(
                "the Worker {name} can't be reached by wrangler: {cause}. Log in with `wrangler login`, or set \
                 CLOUDFLARE_API_TOKEN; --print shows the secrets instead"
            ))
        })?;
        let json = listed.find('[').and_then(|at| listed.get(at..)).unwrap_or("[]");
        let stored: Vec<StoredSecret> = serde_json::from_str(json).unwrap_or_default();
        let replaced: Vec<&str> = [APP_ID, PRIVATE_KEY, WEBHOOK_SECRET]
            .into_iter()
            .filter(|name| stored.iter().any(|stored| stored.name == *name))
            .collect();
        let warning = format!(
            "the Worker {name} has the secrets of an App already ({}); those of the new App replace them",
            replaced.join(", ")
        );
        Ok((!replaced.is_empty()).then_some(warning))
    }

    /// Stores the secrets, all or none.
    pub(super) async fn store(&self, secrets: &AppSecrets) -> Result<(), String> {
        let (key, webhook) = (secrets.private_key.expose(), secrets.webhook_secret.expose());
        match self {
            Self::Worker { .. } => {
                let all = json!({ APP_ID: secrets.id.to_string(), PRIVATE_KEY: key, WEBHOOK_SECRET: webhook });
                let all = Zeroizing::new(all.to_string());
                self.wrangler(&["secret", "bulk"], &all).await.map(drop)
            }
            Self::StandardOutput => {
                let one_line = Zeroizing::new(key.trim_end().replace("\r\n", "\n").replace('\n', "\\n"));
                let text = Zeroizing::new(format!(
                    "{APP_ID}={}\n{WEBHOOK_SECRET}='{webhook}'\n{PRIVATE_KEY}='{}'\n",
                    secrets.id, *one_line
                ));
                output::print(|out| std::io::Write::write_all(out, text.as_bytes())).map_err(|error| error.to_string())
            }
        }
    }

    async fn wrangler(&self, verb: &[&str], input: &str) -> Result<String, String> {
        let Self::Worker { name, program, first } = self else { return Ok(String::new()) };
        let mut command = Command::new(program);
        command.args(first).args(verb).args(["--name", name]);
        command.envs([("WRANGLER_SEND_METRICS", "false"), ("NO_COLOR", "1"), ("CI", "1")]);
        let result = program::run(&mut command, input, TIME_LIMIT).await?;
        if result.succeeded {
            return Ok(result.output.to_string());
        }
        let said = [result.error_text, program::one_line(result.output.as_bytes())];
        let said = said.into_iter().find(|text| !text.is_empty());
        Err(format!("wrangler failed: {}", said.unwrap_or_else(|| "it gave no reason".to_owned())))
    }

    /// Where the secrets are afterwards, for people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Worker { name, .. } => format!("stored in the Worker {name}"),
            Self::StandardOutput => "printed; give them to the environment of deckwatch-server".to_owned(),
        }
    }
}
