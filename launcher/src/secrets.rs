//! Secrets on their way to the agent: in memory, to the child's environment, nowhere else.
//!
//! Neither type can be printed, so no plan, log or error can show a value by accident.

use std::collections::BTreeMap;
use std::process::Command;

/// One value that must not be shown or stored.
pub(crate) struct Secret(String);

impl Secret {
    /// Wraps a value as soon as it is read.
    pub(crate) fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for the one who must use it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
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

    /// Puts them into the environment of the program to be started, and only there.
    pub(crate) fn give_to(&self, command: &mut Command) {
        for (name, secret) in &self.0 {
            command.env(name, secret.expose());
        }
    }
}
