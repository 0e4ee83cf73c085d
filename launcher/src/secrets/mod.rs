//! Secrets on their way to the agent: fetched into memory, to the child's environment, nowhere else.
//!
//! [`vault`] fetches a folder from Infisical, over its API ([`infisical`]) or with its command line tool
//! ([`cli_export`]); [`identity`] says as whom. [`grant`] is what one launch makes of it, [`verb`] is
//! `launcher secrets`. No type here that holds a value can be printed, no error carries one, and
//! nothing here writes a file.

pub(crate) mod api_key;
mod cli_export;
pub(crate) mod error;
mod folder;
pub(crate) mod grant;
mod identity;
mod infisical;
mod keyring;
mod listing;
mod name;
mod program;
pub(crate) mod settings;
mod unlocking;
pub(crate) mod vault;
pub(crate) mod verb;

use std::collections::BTreeMap;
use std::process::Command;

use deckwatch_client::variables;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// One value that must not be shown or stored; its memory is overwritten when it is no longer needed.
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a value as soon as it is read.
    pub(crate) fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for the one who must use it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// What the agent's environment gets beyond what may be seen.
#[derive(Default)]
pub(crate) struct Secrets(BTreeMap<String, Secret>);

impl Secrets {
    /// Adds one under the name of its variable.
    pub(crate) fn insert(&mut self, name: &str, secret: Secret) {
        self.0.insert(name.to_owned(), secret);
    }

    /// The variables' names, which may be shown.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Puts them and the list of their names into the environment of the program to be started, and only there.
    pub(crate) fn give_to(&self, command: &mut Command) {
        for (name, secret) in &self.0 {
            command.env(name, secret.expose());
        }
        if !self.0.is_empty() {
            command.env(variables::SECRETS, self.names().collect::<Vec<_>>().join(","));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};
    use std::marker::PhantomData;

    use super::*;

    /// Whether a type can be printed: the inherent constant is there only when it can, and then it wins.
    struct Printable<T>(PhantomData<T>);

    trait Silent {
        const DEBUG: bool = false;
        const DISPLAY: bool = false;
    }

    impl<T> Silent for Printable<T> {}

    impl<T: Debug> Printable<T> {
        const DEBUG: bool = true;
    }

    impl<T: Display> Printable<T> {
        const DISPLAY: bool = true;
    }

    #[test]
    fn no_type_that_holds_a_value_can_be_printed() {
        const { assert!(Printable::<String>::DEBUG && Printable::<String>::DISPLAY) };
        const { assert!(!Printable::<Secret>::DEBUG && !Printable::<Secret>::DISPLAY) };
        const { assert!(!Printable::<Secrets>::DEBUG && !Printable::<identity::Identity>::DEBUG) };
        const { assert!(!Printable::<listing::Listing>::DEBUG && !Printable::<grant::Granted>::DEBUG) };
        const { assert!(!Printable::<api_key::ApiKey>::DEBUG && !Printable::<program::Ran>::DEBUG) };
    }
}
