//! Reads secrets with Infisical's own command line tool, if it is installed and logged in.
//!
//! The tool uses the login of the user, or a token in a variable. Neither is passed as an argument.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::folder::Folder;
use super::listing::Listing;
use super::program;
use crate::secrets_error::SecretsError;

/// Exports a folder. `domain` is the configured address. Without it, the login of the tool decides.
pub(super) async fn export(
    tool: &Path,
    domain: Option<&str>,
    folder: &Folder,
    time_limit: Duration,
) -> Result<Listing, SecretsError> {
    let mut command = Command::new(tool);
    command.args(["export", "--format=json", "--silent", "--expand=true", "--include-imports=true"]);
    command.arg("--secret-overriding=false");
    command.arg(format!("--env={}", folder.environment));
    command.arg(format!("--path={}", folder.path));
    command.arg(format!("--projectId={}", folder.project));
    command.env("INFISICAL_DISABLE_UPDATE_CHECK", "true");
    if let Some(domain) = domain {
        command.env("INFISICAL_DOMAIN", domain);
    }
    let result = program::run(&mut command, "", time_limit).await.map_err(SecretsError::Cli)?;
    if !result.succeeded {
        let said =
            if result.error_text.is_empty() { "it failed without a message".to_owned() } else { result.error_text };
        return Err(SecretsError::Cli(said));
    }
    Listing::from_export(&result.output)
        .ok_or_else(|| SecretsError::Cli("it printed something that is not the JSON of an export".to_owned()))
}
