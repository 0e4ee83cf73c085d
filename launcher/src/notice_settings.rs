//! `[notices]` of config.toml: where a person wants to be told of changes.

use deckwatch_protocol::EventKind;
use serde::Deserialize;
use url::{Host, Url};

use crate::secrets::api_key::KeySource;

/// What a person is told of if nothing else is configured.
pub(crate) const KINDS: [EventKind; 4] =
    [EventKind::AgentWaiting, EventKind::AgentBlocked, EventKind::WorkDone, EventKind::PullRequestOpened];

/// `[notices]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NoticesSettings {
    /// Show notices on the desktop of this machine.
    pub(crate) desktop: bool,
    /// How many notices are sent in a minute at most.
    pub(crate) per_minute: u32,
    /// The kinds of events.
    pub(crate) kinds: Vec<EventKind>,
    pub(crate) ntfy: Option<Receiver>,
    pub(crate) webhook: Option<Receiver>,
}

impl Default for NoticesSettings {
    fn default() -> Self {
        Self { desktop: false, per_minute: 10, kinds: KINDS.to_vec(), ntfy: None, webhook: None }
    }
}

/// A receiver over HTTP. Its secret is the access token of ntfy, or the key that signs what is sent to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receiver {
    /// The address: of ntfy, that of the topic.
    pub(crate) url: String,
    /// The environment variable that holds the secret.
    secret_env: Option<String>,
    /// A command that prints the secret, as a list of arguments. It is run without a shell.
    secret_command: Option<Vec<String>>,
    /// Whether the secret is in the keyring.
    #[serde(default)]
    secret_keyring: bool,
    /// The folder and name of the secret in Infisical.
    secret_infisical: Option<String>,
}

/// Where a secret is.
pub(crate) enum SecretPlace<'a> {
    None,
    Variable(&'a str),
    Source(KeySource),
}

impl Receiver {
    pub(crate) fn secret(&self) -> SecretPlace<'_> {
        let source = self.secret_command.clone().map(KeySource::Command);
        let source = source.or_else(|| self.secret_keyring.then_some(KeySource::Keyring));
        match (&self.secret_env, source.or_else(|| self.secret_infisical.clone().map(KeySource::Infisical))) {
            (Some(variable), _) => SecretPlace::Variable(variable),
            (None, Some(source)) => SecretPlace::Source(source),
            (None, None) => SecretPlace::None,
        }
    }

    fn error(&self, name: &str) -> Option<String> {
        let ways = [
            self.secret_env.is_some(),
            self.secret_command.is_some(),
            self.secret_keyring,
            self.secret_infisical.is_some(),
        ];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            return Some(format!("[notices.{name}] has more than one source of the secret"));
        }
        let bad = |why: &str| Some(format!("[notices.{name}] url {why}"));
        let Ok(url) = Url::parse(&self.url) else { return bad("must be an absolute URL") };
        match url.scheme() {
            _ if url.password().is_some() || !url.username().is_empty() => {
                bad("must not contain a password; configure its secret instead")
            }
            "https" => None,
            "http" if is_loopback(&url) => None,
            _ => bad("must begin with https:// (or http:// on loopback), because others could read what is sent"),
        }
    }
}

impl NoticesSettings {
    /// What is wrong with the settings.
    pub(crate) fn error(&self) -> Option<String> {
        if !(1..=60).contains(&self.per_minute) {
            return Some("[notices] per_minute must be from 1 to 60".to_owned());
        }
        if self.webhook.as_ref().is_some_and(|webhook| matches!(webhook.secret(), SecretPlace::None)) {
            return Some(
                "[notices.webhook] needs a secret, which signs what is sent: secret_env, secret_command, \
                         secret_keyring or secret_infisical"
                    .to_owned(),
            );
        }
        let ntfy = self.ntfy.as_ref().and_then(|ntfy| ntfy.error("ntfy"));
        ntfy.or_else(|| self.webhook.as_ref().and_then(|webhook| webhook.error("webhook")))
    }

    /// Whether there is nowhere to send a notice.
    pub(crate) fn is_empty(&self) -> bool {
        !self.desktop && self.ntfy.is_none() && self.webhook.is_none()
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<NoticesSettings, String> {
        let settings: NoticesSettings = toml_edit::de::from_str(text).map_err(|error| error.to_string())?;
        settings.error().map_or(Ok(settings), Err)
    }

    #[test]
    fn nothing_is_sent_unless_it_is_configured() {
        let none = settings("").unwrap();
        assert!(none.is_empty());
        assert_eq!((none.per_minute, none.kinds.as_slice()), (10, &KINDS[..]));
        assert!(!settings("desktop = true").unwrap().is_empty());
    }

    #[test]
    fn wrong_settings_are_named() {
        for (text, expected) in [
            ("per_minute = 0", "per_minute must be from 1 to 60"),
            ("kinds = ['agent_asleep']", "unknown variant"),
            ("[webhook]\nurl = 'https://x.example'", "needs a secret"),
            ("[ntfy]\nurl = 'ntfy.sh/topic'", "must be an absolute URL"),
            ("[ntfy]\nurl = 'http://ntfy.sh/topic'", "must begin with https://"),
            ("[ntfy]\nurl = 'https://a:b@ntfy.sh/topic'", "must not contain a password"),
            ("[ntfy]\nurl = 'https://ntfy.sh/t'\nsecret_env = 'A'\nsecret_keyring = true", "more than one source"),
            ("[ntfy]\nurl = 'https://ntfy.sh/t'\ntoken = 'A'", "unknown field"),
        ] {
            let error = settings(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(settings("[ntfy]\nurl = 'http://127.0.0.1:9/topic'").is_ok());
    }
}
