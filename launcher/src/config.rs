//! The user's settings in `config.toml` in the config folder of Deckwatch. Without that file, the defaults apply.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::discovery::default_dev_root;
use deckwatch_machine::variables;
use serde::Deserialize;

use crate::agent_cli::AgentCli;
use crate::error::LaunchError;
use crate::fleet_settings::FleetSettings;
use crate::notice_settings::NoticesSettings;
use crate::process_env::ProcessEnv;
use crate::secrets::api_key::KeySource;
use crate::secrets::settings::InfisicalSettings;
use crate::secrets::vault::Vault;

/// The settings of every launch.
#[derive(Debug, PartialEq)]
pub(crate) struct Config {
    /// The folder in which repositories are searched; `~/dev` by default.
    pub(crate) dev_root: PathBuf,
    /// The agent that is started if no flag names one.
    pub(crate) default_agent: Option<AgentCli>,
    /// Whether launches register the hooks; `true` by default.
    pub(crate) hooks: bool,
    /// The API of the team. The environment overrides it.
    pub(crate) api: Option<ApiSettings>,
    /// Where the secrets of the ventures are stored.
    pub(crate) infisical: InfisicalSettings,
    /// The settings of the commands of the fleet.
    pub(crate) fleet: FleetSettings,
    /// Where a person is told of changes.
    pub(crate) notices: NoticesSettings,
}

/// The address of the team's API and the source of its key. At most one of the four sources is set.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiSettings {
    /// The address, such as `https://context.example.com`.
    pub(crate) url: String,
    /// The environment variable that holds the key. If no source is set, it is `CONTEXT_API_KEY`.
    key_env: Option<String>,
    /// A command that prints the key, as a list of arguments. It is run without a shell.
    key_command: Option<Vec<String>>,
    /// Whether the key is in the keyring.
    #[serde(default)]
    key_keyring: bool,
    /// The folder and name of the key in Infisical, such as `/deckwatch/CONTEXT_API_KEY`.
    key_infisical: Option<String>,
    /// Whether a launch fails if the agent gets no token of its own. Otherwise, it then gets the key.
    #[serde(default)]
    pub(crate) token_required: bool,
}

impl ApiSettings {
    /// The variable that holds the key. `None` if another source is set.
    pub(crate) fn key_env(&self) -> Option<&str> {
        match self.key_source() {
            Some(_) => self.key_env.as_deref(),
            None => Some(self.key_env.as_deref().unwrap_or(variables::API_KEY)),
        }
    }

    /// The source of the key if it is not a variable.
    pub(crate) fn key_source(&self) -> Option<KeySource> {
        let command = self.key_command.clone().map(KeySource::Command);
        let keyring = self.key_keyring.then_some(KeySource::Keyring);
        command.or(keyring).or_else(|| self.key_infisical.clone().map(KeySource::Infisical))
    }

    fn ways(&self) -> usize {
        let ways = [self.key_env.is_some(), self.key_command.is_some(), self.key_keyring, self.key_infisical.is_some()];
        ways.into_iter().filter(|way| *way).count()
    }
}

/// The file as it is parsed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    dev_root: Option<PathBuf>,
    default_agent: Option<AgentCli>,
    hooks: Option<bool>,
    api: Option<ApiSettings>,
    #[serde(default)]
    infisical: InfisicalSettings,
    #[serde(default)]
    fleet: FleetSettings,
    #[serde(default)]
    notices: NoticesSettings,
}

impl Config {
    /// Reads the settings and creates the vault that they describe.
    pub(crate) fn with_vault(env: &ProcessEnv) -> Result<(Self, Rc<Vault>), LaunchError> {
        let config = Self::load(&env.dirs)?;
        let vault = Rc::new(Vault::of(env, &config.infisical));
        Ok((config, vault))
    }

    /// The defaults, without any settings of a user.
    pub(crate) fn without_settings(dirs: &Dirs) -> Self {
        Self {
            dev_root: dirs.home.join("dev"),
            default_agent: None,
            hooks: true,
            api: None,
            infisical: InfisicalSettings::default(),
            fleet: FleetSettings::default(),
            notices: NoticesSettings::default(),
        }
    }

    /// Reads the user's settings.
    pub(crate) fn load(dirs: &Dirs) -> Result<Self, LaunchError> {
        let path = dirs.config.join("config.toml");
        let document = match std::fs::read_to_string(&path) {
            Ok(text) => parse(&path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Document::default(),
            Err(error) => return Err(LaunchError::Config { path, message: error.to_string() }),
        };
        let named = document.dev_root.map(|dev_root| below_home(&dev_root, &dirs.home));
        let dev_root = named.unwrap_or_else(|| default_dev_root(dirs));
        if !dev_root.is_absolute() {
            let message = "dev_root must start with / or ~/".to_owned();
            return Err(LaunchError::Config { path, message });
        }
        if document.api.as_ref().is_some_and(|api| api.ways() > 1) {
            let message = "[api] has more than one of key_env, key_command, key_keyring, key_infisical".to_owned();
            return Err(LaunchError::Config { path, message });
        }
        if let Some(message) = document.fleet.error().or_else(|| document.notices.error()) {
            return Err(LaunchError::Config { path, message });
        }
        let Document { default_agent, hooks, api, infisical, fleet, notices, .. } = document;
        Ok(Self { dev_root, default_agent, hooks: hooks.unwrap_or(true), api, infisical, fleet, notices })
    }
}

fn parse(path: &Path, text: &str) -> Result<Document, LaunchError> {
    toml_edit::de::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        LaunchError::Config { path: path.to_owned(), message: format!("line {line}: {}", error.message()) }
    })
}

fn below_home(path: &Path, home: &Path) -> PathBuf {
    path.strip_prefix("~").map_or_else(|_| path.to_owned(), |rest| home.join(rest))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn load(text: Option<&str>) -> Result<Config, LaunchError> {
        let home = tempfile::tempdir().unwrap();
        let path = OsString::from(home.path());
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| path.clone())).unwrap();
        if let Some(text) = text {
            std::fs::create_dir_all(&dirs.config).unwrap();
            std::fs::write(dirs.config.join("config.toml"), text).unwrap();
        }
        let mut config = Config::load(&dirs)?;
        if let Ok(rest) = config.dev_root.strip_prefix(home.path()) {
            config.dev_root = Path::new("/HOME").join(rest);
        }
        Ok(config)
    }

    #[test]
    fn without_a_file_the_defaults_apply() {
        let infisical = InfisicalSettings::default();
        let fleet = FleetSettings::default();
        let (dev_root, notices) = ("/HOME/dev".into(), NoticesSettings::default());
        let expected = Config { dev_root, default_agent: None, hooks: true, api: None, infisical, fleet, notices };
        assert_eq!(load(None).unwrap(), expected);
        assert_eq!(load(Some("")).unwrap(), expected);
    }

    #[test]
    fn every_setting_is_read() {
        let text = "dev_root = \"~/code\"\ndefault_agent = \"codex\"\nhooks = false\n[api]\nurl = \"https://c.example\"\nkey_env = \"K\"\n";
        let config = load(Some(text)).unwrap();
        assert_eq!((config.dev_root, config.default_agent), ("/HOME/code".into(), Some(AgentCli::Codex)));
        assert!(!config.hooks);
        let api = config.api.unwrap();
        assert_eq!((api.url.as_str(), api.key_env(), api.key_source()), ("https://c.example", Some("K"), None));
    }

    #[test]
    fn the_api_key_has_one_of_four_sources() {
        let api =
            |way: &str| load(Some(&format!("[api]\nurl = \"https://c.example\"\n{way}\n"))).map(|c| c.api.unwrap());
        for (way, variable, source) in [
            ("", Some("CONTEXT_API_KEY"), None),
            ("key_keyring = true", None, Some(KeySource::Keyring)),
            ("key_command = ['pass', 'a b']", None, Some(KeySource::Command(vec!["pass".into(), "a b".into()]))),
            ("key_infisical = '/x/K'", None, Some(KeySource::Infisical("/x/K".into()))),
        ] {
            let api = api(way).unwrap();
            assert_eq!((api.key_env(), api.key_source()), (variable, source), "{way}");
        }
        let error = api("key_keyring = true\nkey_infisical = 'K'").unwrap_err().to_string();
        assert!(error.contains("more than one of key_env"), "{error}");
    }

    #[test]
    fn secrets_are_configured_for_all_ventures_and_for_one() {
        let text = "[infisical]\nproject_id = 'p'\n[infisical.ventures.alpha]\npath = '/a'\nenvironment = 'prod'\n";
        let infisical = load(Some(text)).unwrap().infisical;
        assert_eq!(infisical.project_id.as_deref(), Some("p"));
        assert!(infisical.ventures.contains_key(&"alpha".parse().unwrap()));
    }

    #[test]
    fn limits_of_the_fleet_can_be_changed_one_by_one() {
        let text = "[fleet.health]\ndisk_free_percent = { warn = 20, bad = 7.5 }\n";
        let health = load(Some(text)).unwrap().fleet.health;
        assert_eq!((health.disk_free_percent.warn, health.disk_free_percent.bad), (20.0, 7.5));
        assert_eq!(health.load_per_cpu, FleetSettings::default().health.load_per_cpu);
    }

    #[test]
    fn errors_are_reported_with_their_line() {
        let cases = [
            ("\ndev_rot = \"x\"\n", "line 2: unknown field `dev_rot`"),
            ("default_agent = \"cursor\"", "line 1: unknown variant `cursor`"),
            ("a = \n", "line 1"),
            ("[api]\nkey_env = \"K\"", "missing field `url`"),
            ("dev_root = \"code\"", "must start with /"),
            ("[infisical]\ntoken = \"x\"", "unknown field `token`"),
            ("[fleet.health]\ndisk = 1", "unknown field `disk`"),
            ("[fleet.health]\nload_per_cpu = { warn = 1 }", "missing field `bad`"),
            ("[fleet.health]\nload_per_cpu = { warn = 2, bad = 1 }", "load_per_cpu: bad must be the worse"),
            ("[fleet.health]\ndisk_free_percent = { warn = nan, bad = 1 }", "must be numbers from 0 on"),
            ("[infisical]\ncredential_command = \"pass x\"", "line 2"),
        ];
        for (text, expected) in cases {
            let error = load(Some(text)).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("config.toml"), "{error}");
        }
    }
}
