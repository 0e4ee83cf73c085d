//! The secret values that the launcher put into the environment, with their encodings.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use deckwatch_machine::variables;

/// Shorter values can occur in ordinary text.
const MIN_CHARS: usize = 8;
/// A value with fewer different characters, such as `00000000`, is not a secret.
const MIN_DIFFERENT: usize = 4;
const MAX_NAMES: usize = 1_000;

/// Common values of variables, which can occur in any text.
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

/// Secret values by the name of their variable. It has no `Debug`, so it can't be printed.
#[derive(Default)]
pub struct Injected(BTreeMap<String, String>);

impl Injected {
    /// Reads the variables named in `DECKWATCH_SECRETS` and the keys of Deckwatch.
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

    /// Adds the value of a variable, unless ordinary text can contain it by chance.
    pub fn insert(&mut self, name: &str, value: &str) {
        let value = value.trim();
        if is_distinctive(value) {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Each value in plain form, with `+` for spaces, and in base64.
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

fn is_distinctive(value: &str) -> bool {
    let mut different: Vec<char> = value.chars().collect();
    different.sort_unstable();
    different.dedup();
    let is_common = COMMON.iter().any(|common| value.eq_ignore_ascii_case(common));
    value.chars().count() >= MIN_CHARS && different.len() >= MIN_DIFFERENT && !is_common && !is_plain_address(value)
}

/// Whether the value is a URL with only scheme, host and port. Such a URL gives no access.
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

/// The base64 forms of `value` inside a longer text. `value` can start at three offsets within the groups of three bytes.
/// Each form has only the characters that depend on `value` alone.
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
