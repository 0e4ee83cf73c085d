//! The values that the launcher put into the environment, and the forms they are written in.

use crate::variables;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter values stand in ordinary text by chance.
const MIN_CHARS: usize = 8;
/// Fewer different characters make no secret: `00000000`.
const MIN_DIFFERENT: usize = 4;
const MAX_NAMES: usize = 1_000;

/// Values that many variables have and any text may hold.
const COMMON: &[&str] = &[
    "localhost",
    "127.0.0.1",
    "production",
    "development",
    "staging",
    "disabled",
    "required",
    "optional",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "eu-west-2",
    "eu-central-1",
    "ap-southeast-1",
    "postgres",
    "postgresql",
    "password",
    "changeme",
    "undefined",
    "info,debug",
    "application/json",
    "claude-code",
];

/// Secrets by the name of their variable. It can't be printed.
#[derive(Default)]
pub struct Injected(BTreeMap<String, String>);

impl Injected {
    /// The variables that `DECKWATCH_SECRETS` names, and Deckwatch's own keys.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let names = var(variables::SECRETS).unwrap_or_default();
        let mut injected = Self::default();
        let own = [variables::API_KEY, variables::ADMIN_KEY];
        for name in names.split(',').map(str::trim).take(MAX_NAMES).chain(own).filter(|name| !name.is_empty()) {
            if let Some(value) = var(name) {
                injected.insert(name, &value);
            }
        }
        injected
    }

    /// Adds the value of a variable, unless nobody could tell it from ordinary text.
    pub fn insert(&mut self, name: &str, value: &str) {
        let value = value.trim();
        if is_telling(value) {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Each value as it stands, with `+` for its spaces, and in base64.
    pub(super) fn forms(&self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        self.0.iter().flat_map(|(name, value)| {
            let mut forms = vec![value.clone().into_bytes()];
            if value.contains(' ') {
                forms.push(value.replace(' ', "+").into_bytes());
            }
            forms.extend(in_base64(value.as_bytes()));
            forms.sort();
            forms.dedup();
            forms.into_iter().map(move |form| (name.as_str(), form))
        })
    }
}

fn is_telling(value: &str) -> bool {
    let mut different: Vec<char> = value.chars().collect();
    different.sort_unstable();
    different.dedup();
    let is_common = COMMON.iter().any(|common| value.eq_ignore_ascii_case(common));
    value.chars().count() >= MIN_CHARS && different.len() >= MIN_DIFFERENT && !is_common && !is_plain_address(value)
}

/// A URL of scheme, host and port: it is where something is, not how to get in.
fn is_plain_address(value: &str) -> bool {
    url::Url::parse(value).is_ok_and(|url| {
        url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// What stands in the base64 of any text that holds `value`: for each of the three ways it can lie across
/// the groups of three bytes, the characters that depend on it alone.
fn in_base64(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..3_usize).flat_map(move |before| {
        let shifted: Vec<u8> = std::iter::repeat_n(0, before).chain(value.iter().copied()).collect();
        let of_others = (before * 8).div_ceil(6);
        let whole = shifted.len() * 8 / 6;
        [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|engine| {
            let encoded = engine.encode(&shifted).into_bytes();
            encoded.into_iter().take(whole).skip(of_others).collect()
        })
    })
}
