//! The errors of fetching secrets: what happened, where, and what to do. No error contains a secret or the text of an
//! answer.

use thiserror::Error;

use crate::exit_code::ExitCode;

/// The reason why some or all secrets are missing.
#[derive(Debug, Clone, Error)]
pub(crate) enum SecretsError {
    #[error("the address of Infisical can't be used: {0}")]
    Domain(String),
    #[error("no Infisical project is configured")]
    NotConfigured,
    #[error("there is no credential for Infisical{}", keyring_cause(.keyring.as_deref()))]
    NoCredential {
        /// Why the keyring could not be read, if it could not.
        keyring: Option<String>,
    },
    #[error("{source_name} returned no credential: {cause}")]
    Source { source_name: String, cause: String },
    #[error("{source_name} returned no key for the Context API: {cause}")]
    NoKey { source_name: String, cause: String },
    #[error("Infisical at {host} refused the credential of {source_name}: it is wrong or has expired")]
    Refused { host: String, source_name: String },
    #[error("Infisical at {host} can't be reached: {cause}")]
    Unreachable { host: String, cause: String },
    #[error("Infisical at {host} limits its requests (429){}", requested_pause(*.asks_to_wait))]
    Limited {
        host: String,
        /// The number of seconds that the server asks for.
        asks_to_wait: Option<u64>,
    },
    #[error("Infisical at {host} fails: it returned {status} to every attempt")]
    Failing { host: String, status: u16 },
    #[error("the server at {host} is not Infisical: {what}")]
    NotInfisical { host: String, what: String },
    #[error(
        "Infisical refused access to {folder} ({status}): the project, the environment or the folder does not exist, or the identity may not read it"
    )]
    NoSuchFolder { folder: String, status: u16 },
    #[error("the infisical command returned no secrets: {0}")]
    Cli(String),
    #[error("{folder} lacks {}", .names.join(", "))]
    Absent { folder: String, names: Vec<String> },
    #[error("the keyring can't be used: {0}")]
    Keyring(String),
    #[error("no usable credential was given: {0}")]
    BadCredential(String),
    #[error("this process can't send network requests: {0}")]
    Runtime(String),
}

impl SecretsError {
    /// What to do about the error. `None` if the message already says it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Domain(_) => "set INFISICAL_DOMAIN, or `domain` of [infisical] in config.toml, to an https address",
            Self::NotConfigured => {
                "set `project_id` of [infisical] in ~/.config/deckwatch/config.toml, or INFISICAL_PROJECT_ID"
            }
            Self::NoCredential { .. } => {
                "`launcher secrets login` stores a machine identity in the keyring; or set \
                 INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and _SECRET, or credential_command in config.toml, or run \
                 `infisical login`"
            }
            Self::Source { .. } => "run the command by itself; it must print a client id and its secret in time",
            Self::NoKey { .. } => {
                "`launcher secrets login --api-key` stores the key in the keyring; key_command must print it; or set \
                 CONTEXT_API_KEY"
            }
            Self::Refused { .. } => {
                "create a new client secret for the machine identity in Infisical, then `launcher secrets login`"
            }
            Self::Unreachable { .. } => {
                "check the network, and `domain` of [infisical] in ~/.config/deckwatch/config.toml; then start again"
            }
            Self::Limited { .. } => "wait, then start again; `--no-secrets` starts without asking Infisical",
            Self::Failing { .. } => {
                "check the state of that server, then start again; `--no-secrets` starts without it"
            }
            Self::NotInfisical { .. } => "correct INFISICAL_DOMAIN, or `domain` of [infisical] in config.toml",
            Self::NoSuchFolder { .. } => {
                "correct project_id, environment or path in config.toml, or let the machine identity read the folder"
            }
            Self::Cli(_) => "run `infisical login`, or `launcher secrets login` for a machine identity",
            Self::Absent { .. } => "add them to the folder in Infisical, or remove them from `secrets` of the venture",
            Self::Keyring(_) => {
                "unlock it (macOS over ssh: `security unlock-keychain`), or set \
                 INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and _SECRET instead"
            }
            Self::BadCredential(_) => {
                "give two lines, the client id and the client secret, or JSON with clientId and clientSecret"
            }
            Self::Runtime(_) => return None,
        };
        Some(hint.to_owned())
    }

    /// The exit code for this error.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Domain(_) | Self::NotConfigured => ExitCode::Config,
            Self::NoCredential { .. }
            | Self::Source { .. }
            | Self::NoKey { .. }
            | Self::Refused { .. }
            | Self::Cli(_)
            | Self::Keyring(_)
            | Self::BadCredential(_) => ExitCode::Credential,
            Self::Unreachable { .. }
            | Self::Limited { .. }
            | Self::Failing { .. }
            | Self::NotInfisical { .. }
            | Self::Runtime(_) => ExitCode::Infisical,
            Self::NoSuchFolder { .. } | Self::Absent { .. } => ExitCode::SecretMissing,
        }
    }
}

fn requested_pause(seconds: Option<u64>) -> String {
    seconds.map(|seconds| format!(" and asks to wait {seconds} s")).unwrap_or_default()
}

fn keyring_cause(cause: Option<&str>) -> String {
    cause.map(|cause| format!("; the keyring could not be read: {cause}")).unwrap_or_default()
}
