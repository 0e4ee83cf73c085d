//! Fetches the secrets of a venture into memory and gives them to the agent through its environment only.
//!
//! [`vault`] fetches a folder from Infisical, through its API ([`infisical`]) or its command line tool ([`cli_export`]).
//! [`identity`] finds the credential. [`crate::launch_secrets`] decides what one launch gets.
//! [`crate::secrets_command`] is `launcher secrets`. No type here that contains a secret can be printed. No error contains a
//! secret, and nothing here writes a file.

pub(crate) mod api_key;
mod cli_export;
pub(crate) mod folder;
pub(crate) mod identity;
mod infisical;
pub(crate) mod keyring;
pub(crate) mod listing;
pub(crate) mod name;
pub(crate) mod program;
pub(crate) mod settings;
mod unlocking;
pub(crate) mod vault;

use std::collections::BTreeMap;
use std::process::Command;

use deckwatch_machine::variables;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A value that must not be shown or stored. Its memory is overwritten when it is dropped.
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a value as soon as it is read.
    pub(crate) fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself. Only code that needs it may call this.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// The secrets for the agent's environment.
#[derive(Default)]
pub(crate) struct Secrets(BTreeMap<String, Secret>);

impl Secrets {
    /// Adds a secret under the name of its variable.
    pub(crate) fn insert(&mut self, name: &str, secret: Secret) {
        self.0.insert(name.to_owned(), secret);
    }

    /// The names of the variables, which are not secret.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Adds the secrets and the list of their names to the environment of the program that is started.
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

    /// Detects whether a type can be printed: if it can, the inherent constant exists and takes precedence over the trait's.
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
        const { assert!(!Printable::<listing::Listing>::DEBUG && !Printable::<crate::launch_secrets::Granted>::DEBUG) };
        const { assert!(!Printable::<api_key::ApiKey>::DEBUG && !Printable::<program::ProgramResult>::DEBUG) };
    }
}
