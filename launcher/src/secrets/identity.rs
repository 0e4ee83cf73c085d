//! The machine identity with which secrets are read from Infisical, and the sources that it can come from.
//!
//! It is never written to a file and never put on a command line.

use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

use super::Secret;
use super::keyring::{Item, Keyring};
use super::program;
use crate::environment::{INFISICAL_CLIENT_ID, INFISICAL_CLIENT_SECRET};
use crate::process_env::ProcessEnv;
use crate::secrets_error::SecretsError;

/// A password manager may ask the user first.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(15);

/// A machine identity with universal auth: a client id and a client secret.
pub(crate) struct Identity {
    pub(crate) client_id: Secret,
    pub(crate) client_secret: Secret,
}

impl Identity {
    /// Parses two lines, or JSON in the form of Infisical's documentation. The error never contains the text.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Document {
            #[serde(rename = "clientId", alias = "client_id")]
            client_id: Secret,
            #[serde(rename = "clientSecret", alias = "client_secret")]
            client_secret: Secret,
        }
        let (client_id, client_secret) = if text.trim_start().starts_with('{') {
            let document: Document =
                serde_json::from_str(text).map_err(|_| "the JSON lacks clientId or clientSecret")?;
            (document.client_id, document.client_secret)
        } else {
            let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let (Some(id), Some(secret), None) = (lines.next(), lines.next(), lines.next()) else {
                return Err("it does not have two lines");
            };
            (Secret::new(id.to_owned()), Secret::new(secret.to_owned()))
        };
        let usable =
            |secret: &Secret| !secret.expose().is_empty() && secret.expose().chars().all(|c| c.is_ascii_graphic());
        if usable(&client_id) && usable(&client_secret) {
            Ok(Self { client_id, client_secret })
        } else {
            Err("a part of it is empty or contains spaces")
        }
    }
}

/// The sources, in the order in which they are tried.
pub(super) struct Sources {
    environment: Option<(String, Secret)>,
    command: Option<Vec<String>>,
    pub(super) keyring: Option<Keyring>,
}

/// An identity and its source.
pub(super) struct Found {
    pub(super) identity: Identity,
    pub(super) source_name: String,
}

impl Sources {
    pub(super) fn of(env: &ProcessEnv, command: Option<Vec<String>>) -> Self {
        let environment = env.var(INFISICAL_CLIENT_ID).zip(env.var(INFISICAL_CLIENT_SECRET).map(Secret::new));
        Self { environment, command, keyring: Keyring::of(env) }
    }

    /// The identity of the first source that has one. If there is none, the second value says why the keyring could not be
    /// read.
    pub(super) async fn find(&self, host: &str) -> Result<(Option<Found>, Option<String>), SecretsError> {
        if let Some((id, secret)) = &self.environment {
            let identity =
                Identity { client_id: Secret::new(id.clone()), client_secret: Secret::new(secret.expose().to_owned()) };
            return Ok((Some(Found { identity, source_name: "the environment".to_owned() }), None));
        }
        if let Some(command) = &self.command {
            let source_name = "credential_command".to_owned();
            let failed = |cause: String| SecretsError::Source { source_name: source_name.clone(), cause };
            let output = output_of(command).await.map_err(failed)?;
            let identity = Identity::parse(output.expose()).map_err(|what| failed(what.to_owned()))?;
            return Ok((Some(Found { identity, source_name }), None));
        }
        let Some(keyring) = &self.keyring else { return Ok((None, None)) };
        match keyring.read(&Item::identity(host)).await {
            Ok(Some(text)) => {
                let source_name = "the keyring".to_owned();
                let failed =
                    |what: &str| SecretsError::Source { source_name: source_name.clone(), cause: what.to_owned() };
                let identity = Identity::parse(text.expose()).map_err(failed)?;
                Ok((Some(Found { identity, source_name }), None))
            }
            Ok(None) => Ok((None, None)),
            Err(cause) => Ok((None, Some(cause))),
        }
    }

    /// The source that would be used, for the plan. Reads no source.
    pub(super) fn describe(&self) -> Option<&'static str> {
        match self {
            Self { environment: Some(_), .. } => Some("the environment"),
            Self { command: Some(_), .. } => Some("credential_command"),
            Self { keyring: Some(_), .. } => Some("the keyring"),
            _ => None,
        }
    }
}

/// The output of a configured command. Its arguments may be secret, so messages contain only its name.
pub(super) async fn output_of(words: &[String]) -> Result<Secret, String> {
    let Some((name, args)) = words.split_first() else { return Err("the command is empty".to_owned()) };
    let mut command = Command::new(name);
    command.args(args);
    let result = program::run(&mut command, "", COMMAND_TIMEOUT).await?;
    if result.succeeded {
        return Ok(Secret::new(result.output.to_string()));
    }
    let said = if result.error_text.is_empty() { "it failed without a message".to_owned() } else { result.error_text };
    Err(format!("{name}: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_two_lines_are_read() {
        for text in [
            "id-1\ns3cr3t\n",
            "\r\n id-1 \r\n s3cr3t \r\n",
            r#"{"clientId": "id-1", "clientSecret": "s3cr3t"}"#,
            " {\"client_id\": \"id-1\", \"client_secret\": \"s3cr3t\", \"note\": 1}\n",
        ] {
            let identity = Identity::parse(text).unwrap_or_else(|what| panic!("{text:?}: {what}"));
            assert_eq!((identity.client_id.expose(), identity.client_secret.expose()), ("id-1", "s3cr3t"));
        }
    }

    #[test]
    fn other_text_is_refused_without_repeating_it() {
        for text in [
            "",
            "s3cr3t",
            "id\ns3cr3t\nmore",
            "{\"clientSecret\": \"s3cr3t\"}",
            "{s3cr3t",
            "id\ns3 cr3t",
            "id\n\u{1}s3cr3t",
        ] {
            let what = Identity::parse(text).err().unwrap();
            assert!(!what.contains("cr3t"), "{what}");
        }
    }
}
