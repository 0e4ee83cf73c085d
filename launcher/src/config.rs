//! The user's settings: `config.toml` in Deckwatch's config folder. No file means the defaults.

use std::io;
use std::path::{Path, PathBuf};

use deckwatch_client::dirs::Dirs;
use serde::Deserialize;

use crate::agent_cli::AgentCli;
use crate::error::LaunchError;

/// Settings that hold for every launch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where repositories are looked for; `~/dev` by default.
    pub(crate) dev_root: PathBuf,
    /// The agent to start when no flag names one.
    pub(crate) default_agent: Option<AgentCli>,
    /// The API of the team, unless the environment names one.
    pub(crate) api: Option<ApiSettings>,
}

/// Where the team's API is, and where its key comes from.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiSettings {
    /// The address, such as `https://context.example.com`.
    pub(crate) url: String,
    /// The environment variable that holds the key.
    #[serde(default = "default_key_env")]
    pub(crate) key_env: String,
}

/// What the file may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    dev_root: Option<PathBuf>,
    default_agent: Option<AgentCli>,
    api: Option<ApiSettings>,
}

impl Config {
    /// What holds without any settings.
    pub(crate) fn of_nobody(dirs: &Dirs) -> Self {
        Self { dev_root: dirs.home.join("dev"), default_agent: None, api: None }
    }

    /// Reads the user's settings.
    pub(crate) fn load(dirs: &Dirs) -> Result<Self, LaunchError> {
        let path = dirs.config.join("config.toml");
        let document = match std::fs::read_to_string(&path) {
            Ok(text) => parse(&path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Document::default(),
            Err(error) => return Err(LaunchError::Config { path, message: error.to_string() }),
        };
        let dev_root = document.dev_root.unwrap_or_else(|| PathBuf::from("~/dev"));
        let dev_root = below_home(&dev_root, &dirs.home);
        if !dev_root.is_absolute() {
            let message = "dev_root must start with / or ~/".to_owned();
            return Err(LaunchError::Config { path, message });
        }
        Ok(Self { dev_root, default_agent: document.default_agent, api: document.api })
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

fn default_key_env() -> String {
    "CONTEXT_API_KEY".to_owned()
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
    fn without_a_file_the_defaults_hold() {
        let expected = Config { dev_root: "/HOME/dev".into(), default_agent: None, api: None };
        assert_eq!(load(None).unwrap(), expected);
        assert_eq!(load(Some("")).unwrap(), expected);
    }

    #[test]
    fn every_setting_is_read() {
        let text =
            "dev_root = \"~/code\"\ndefault_agent = \"codex\"\n[api]\nurl = \"https://c.example\"\nkey_env = \"K\"\n";
        let api = ApiSettings { url: "https://c.example".to_owned(), key_env: "K".to_owned() };
        let expected = Config { dev_root: "/HOME/code".into(), default_agent: Some(AgentCli::Codex), api: Some(api) };
        assert_eq!(load(Some(text)).unwrap(), expected);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let cases = [
            ("\ndev_rot = \"x\"\n", "line 2: unknown field `dev_rot`"),
            ("default_agent = \"cursor\"", "line 1: unknown variant `cursor`"),
            ("a = \n", "line 1"),
            ("[api]\nkey_env = \"K\"", "missing field `url`"),
            ("dev_root = \"code\"", "must start with /"),
        ];
        for (text, expected) in cases {
            let error = load(Some(text)).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("config.toml"), "{error}");
        }
    }
}
