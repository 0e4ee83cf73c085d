//! The hooks for Codex, as options of one launch, and the consent that Codex wants for them.
//!
//! Codex runs a hook only if its configuration has the hash of the hook, which records that a person agreed to it. The
//! launcher asks the person, and lets Codex compute and store the hashes: it makes up none. The options of a launch are a
//! layer of their own, so the hooks of the user are neither read nor changed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use deckwatch_machine::digest::sha256_hex;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use inquire::{Confirm, InquireError};
use serde::{Deserialize, Serialize};

use super::codex_app_server::{self, ListedHook};
use super::hooks::{command_line, events, timeout_seconds};
use crate::agent_cli::AgentCli;
use crate::error::LaunchError;
use crate::output::say;
use crate::process_env::ProcessEnv;

/// The hooks of one launch.
pub(crate) struct CodexHooks {
    /// The options that register them.
    pub(crate) args: Vec<OsString>,
    server: String,
    home: PathBuf,
    decisions: PathBuf,
}

/// Whether Codex runs the hooks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    Given,
    /// Nobody was asked yet.
    Unasked,
    /// A person has refused.
    Refused,
    /// It is not known, for this reason.
    Unknown(String),
}

/// Whether a person can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Person,
    /// Also if the person has refused before.
    PersonAgain,
    Nobody,
}

/// What is known of the hooks since Codex was last asked.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Decision {
    /// The hooks and the Codex that computed the hashes.
    identity: String,
    /// The hash of each hook, by its key in Codex's configuration.
    hashes: BTreeMap<String, String>,
    /// Whether a person refused these hashes.
    refused: bool,
}

impl CodexHooks {
    pub(super) fn plan(server: &str, home: PathBuf, env: &ProcessEnv) -> Self {
        let option = |(event, ours): &(&str, &str)| {
            let command = toml_edit::Value::from(command_line(server, AgentCli::Codex, ours));
            let timeout = timeout_seconds(ours);
            let hook = format!("[{{hooks=[{{type=\"command\",command={command},timeout={timeout}}}]}}]");
            [OsString::from("-c"), format!("hooks.{event}={hook}").into()]
        };
        let args = events(AgentCli::Codex).iter().flat_map(option).collect();
        let decisions = env.dirs.state.join("mcp/codex-hooks.json");
        Self { args, server: server.to_owned(), home, decisions }
    }

    /// What is known without asking Codex or a person.
    pub(crate) fn known_consent(&self, codex: &Path) -> Consent {
        let decision = self.decision();
        if decision.hashes.is_empty() || decision.identity != self.identity(codex) {
            Consent::Unasked
        } else if self.trusts(&decision.hashes) {
            Consent::Given
        } else if decision.refused {
            Consent::Refused
        } else {
            Consent::Unasked
        }
    }

    /// Finds out whether Codex runs the hooks, and asks the person once for each change of their hashes.
    pub(crate) fn consent(&self, codex: &Path, ask: Ask, env: &ProcessEnv) -> Result<Consent, LaunchError> {
        match self.known_consent(codex) {
            Consent::Refused if ask != Ask::PersonAgain => Ok(Consent::Refused),
            // Nobody has ever agreed, so Codex need not be started.
            Consent::Unasked if ask == Ask::Nobody && self.decision().hashes.is_empty() => Ok(Consent::Unasked),
            Consent::Unasked | Consent::Refused => match self.listed(codex, env) {
                Ok(listed) => self.new_consent(&listed, codex, ask, env),
                Err(why) => Ok(Consent::Unknown(why)),
            },
            known => Ok(known),
        }
    }

    fn new_consent(
        &self,
        listed: &[ListedHook],
        codex: &Path,
        ask: Ask,
        env: &ProcessEnv,
    ) -> Result<Consent, LaunchError> {
        let hashes: BTreeMap<String, String> =
            listed.iter().map(|hook| (hook.key.clone(), hook.current_hash.clone())).collect();
        let before = self.decision();
        let mut decision = Decision { identity: self.identity(codex), hashes, refused: false };
        if listed.iter().any(|hook| !hook.enabled) {
            return Ok(Consent::Refused);
        }
        decision.refused = ask != Ask::PersonAgain && before.refused && before.hashes == decision.hashes;
        let is_trusted = listed.iter().all(ListedHook::is_trusted);
        if !is_trusted && !decision.refused {
            if ask == Ask::Nobody {
                return Ok(Consent::Unasked);
            }
            match self.ask_person()? {
                None => return Ok(Consent::Unasked),
                Some(false) => decision.refused = true,
                Some(true) => {
                    if let Err(why) = self.store_consent(&decision.hashes, codex, env) {
                        return Ok(Consent::Unknown(why));
                    }
                }
            }
        }
        // If it can't be kept, the next launch asks Codex and the person again.
        if let Err(error) = self.keep(&decision) {
            say(&format!("the next launch asks again about the hooks: {}: {error}", env.shown(&self.decisions)));
        }
        Ok(if decision.refused { Consent::Refused } else { Consent::Given })
    }

    /// Our hooks, as Codex lists them. There is one for each event.
    fn listed(&self, codex: &Path, env: &ProcessEnv) -> Result<Vec<ListedHook>, String> {
        let ours = codex_app_server::hooks(codex, &self.home, &self.args, env)?;
        let (found, expected) = (ours.len(), events(AgentCli::Codex).len());
        if found == expected { Ok(ours) } else { Err(format!("Codex knows {found} of the {expected} hooks")) }
    }

    /// Lets Codex store the consent, and looks whether it did.
    fn store_consent(&self, hashes: &BTreeMap<String, String>, codex: &Path, env: &ProcessEnv) -> Result<(), String> {
        codex_app_server::trust(codex, &self.home, hashes, env)?;
        let is_stored = self.listed(codex, env)?.iter().all(ListedHook::is_trusted);
        if is_stored { Ok(()) } else { Err("Codex did not store your consent".to_owned()) }
    }

    /// The answer of the person. `None` if there is none, so that the next launch asks again.
    fn ask_person(&self) -> Result<Option<bool>, LaunchError> {
        let names: Vec<&str> = events(AgentCli::Codex).iter().map(|(event, _)| *event).collect();
        say(&format!(
            "Codex runs the hooks of Deckwatch only if you agree. They show the agent its day and its messages, and run \
             `{} hook codex EVENT` at {}, outside Codex's sandbox",
            self.server,
            names.join(", ")
        ));
        let question = Confirm::new("Let Codex run these hooks?").with_default(true);
        match question.with_help_message("--no-hooks starts without them, and without this question").prompt() {
            Err(InquireError::OperationInterrupted) => Err(LaunchError::Cancelled),
            answer => Ok(answer.ok()),
        }
    }

    /// Whether Codex's configuration has all these hashes, and disables none of the hooks.
    fn trusts(&self, hashes: &BTreeMap<String, String>) -> bool {
        let text = std::fs::read_to_string(self.home.join("config.toml")).unwrap_or_default();
        let Ok(document) = text.parse::<toml_edit::DocumentMut>() else { return false };
        let state = document.get("hooks").and_then(|hooks| hooks.get("state"));
        hashes.iter().all(|(key, hash)| {
            let hook = state.and_then(|state| state.get(key));
            let field = |name: &str| hook.and_then(|hook| hook.get(name));
            field("trusted_hash").and_then(toml_edit::Item::as_str) == Some(hash)
                && field("enabled").and_then(toml_edit::Item::as_bool) != Some(false)
        })
    }

    /// Another version of Codex may compute other hashes.
    fn identity(&self, codex: &Path) -> String {
        let program = codex.canonicalize().unwrap_or_else(|_| codex.to_owned());
        // npm gives the files of every version the same time of modification, but the time of the installation remains.
        let installed = program.metadata().map(|program| (program.ino(), program.ctime(), program.ctime_nsec())).ok();
        let (program, home) = (program.display(), self.home.display());
        sha256_hex(format!("{:?} {home} {program} {installed:?}", self.args).as_bytes())
    }

    fn decision(&self) -> Decision {
        let text = std::fs::read(&self.decisions).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn keep(&self, decision: &Decision) -> std::io::Result<()> {
        self.decisions.parent().map_or(Ok(()), Dirs::create)?;
        durable::write(&self.decisions, &serde_json::to_vec(decision)?)
    }
}
