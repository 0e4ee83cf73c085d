//! The settings for Infisical: `[infisical]` in config.toml and Infisical's own variables.

use std::collections::BTreeMap;

use deckwatch_machine::ventures::VentureEntry;
use deckwatch_protocol::VentureCode;
use serde::Deserialize;
use url::Url;

use super::folder::Folder;
use crate::process_env::ProcessEnv;
use crate::secrets_error::SecretsError;

const DEFAULT_DOMAIN: &str = "https://app.infisical.com";
/// The default of Infisical's own tool.
const DEFAULT_ENVIRONMENT: &str = "dev";

/// `[infisical]` of config.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InfisicalSettings {
    /// The address of Infisical; `https://app.infisical.com` by default.
    pub(crate) domain: Option<String>,
    /// The project that holds the ventures' folders.
    pub(crate) project_id: Option<String>,
    /// Its environment; `dev` by default.
    pub(crate) environment: Option<String>,
    /// A command that prints the machine identity, as a list of arguments. It is run without a shell.
    pub(crate) credential_command: Option<Vec<String>>,
    /// Settings for single ventures, which override the others.
    #[serde(default)]
    pub(crate) ventures: BTreeMap<VentureCode, VentureFolder>,
}

/// `[infisical.ventures.CODE]` of config.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VentureFolder {
    project_id: Option<String>,
    environment: Option<String>,
    path: Option<String>,
}

impl InfisicalSettings {
    /// The settings with Infisical's own variables applied, which override the file.
    pub(crate) fn with_variables(&self, env: &ProcessEnv) -> Self {
        let mut settings = self.clone();
        let set = |field: &mut Option<String>, variable: &str| {
            if let Some(value) = env.var(variable) {
                *field = Some(value);
                return true;
            }
            false
        };
        set(&mut settings.domain, "INFISICAL_DOMAIN");
        if set(&mut settings.project_id, "INFISICAL_PROJECT_ID") {
            settings.ventures.values_mut().for_each(|venture| venture.project_id = None);
        }
        if set(&mut settings.environment, "INFISICAL_ENVIRONMENT") {
            settings.ventures.values_mut().for_each(|venture| venture.environment = None);
        }
        settings
    }

    /// The folder of a venture. `None` if no project is configured for it.
    pub(crate) fn folder_of(&self, venture: &VentureEntry) -> Option<Folder> {
        let own = self.ventures.get(&venture.code).cloned().unwrap_or_default();
        let path = own.path.or_else(|| venture.infisical_path.clone());
        let path = path.unwrap_or_else(|| format!("/{}", venture.code));
        self.folder(own.project_id, own.environment, &path)
    }

    /// A folder of the project that all ventures share.
    pub(crate) fn shared_folder(&self, path: &str) -> Option<Folder> {
        self.folder(None, None, path)
    }

    fn folder(&self, project: Option<String>, environment: Option<String>, path: &str) -> Option<Folder> {
        let environment = environment.or_else(|| self.environment.clone());
        Some(Folder {
            project: project.or_else(|| self.project_id.clone())?,
            environment: environment.unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned()),
            path: format!("/{}", path.trim_matches('/')),
        })
    }

    /// The address of Infisical. It is safe to send a credential to it.
    pub(crate) fn base(&self) -> Result<Url, SecretsError> {
        let text = self.domain.as_deref().unwrap_or(DEFAULT_DOMAIN).trim_end_matches('/');
        let bad = |what: &str| SecretsError::Domain(what.to_owned());
        let url = Url::parse(text.strip_suffix("/api").unwrap_or(text)).map_err(|error| bad(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it must not hold a user or password"));
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_loopback(&url) => Ok(url),
            "http" => Err(bad("http would send the credential unencrypted; use https")),
            _ => Err(bad("it must begin with https://")),
        }
    }
}

/// The host name for errors and for the keyring.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn venture(path: Option<&str>) -> VentureEntry {
        let mut venture = VentureEntry::of_repo(&"example-org/alpha".parse().unwrap()).unwrap();
        venture.infisical_path = path.map(str::to_owned);
        venture
    }

    #[test]
    fn only_https_and_loopback_addresses_are_accepted() {
        let base = |domain: &str| InfisicalSettings { domain: Some(domain.into()), ..Default::default() }.base();
        for domain in ["http://vault.example", "http://10.0.0.1", "ftp://x", "https://u:p@x.example", "nonsense"] {
            assert!(base(domain).is_err(), "{domain}");
        }
        for domain in ["https://eu.infisical.com", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"] {
            assert!(base(domain).is_ok(), "{domain}");
        }
        assert_eq!(base("https://vault.example/api/").unwrap().as_str(), "https://vault.example/");
        assert_eq!(InfisicalSettings::default().base().unwrap().as_str(), "https://app.infisical.com/");
    }

    #[test]
    fn the_default_folder_of_a_venture_is_its_code() {
        let mut settings = InfisicalSettings::default();
        assert_eq!(settings.folder_of(&venture(None)), None);
        settings.project_id = Some("p-1".into());
        let folder = settings.folder_of(&venture(None)).unwrap();
        assert_eq!(folder.to_string(), "folder /alpha, environment dev, project p-1");
        assert_eq!(settings.folder_of(&venture(Some("team/alpha/"))).unwrap().path, "/team/alpha");

        let own = VentureFolder { project_id: Some("p-2".into()), environment: Some("prod".into()), path: None };
        settings.ventures.insert("alpha".parse().unwrap(), own);
        let folder = settings.folder_of(&venture(Some("/x"))).unwrap();
        assert_eq!(folder.to_string(), "folder /x, environment prod, project p-2");
        assert_eq!(settings.shared_folder("/").unwrap().to_string(), "folder /, environment dev, project p-1");
    }
}
