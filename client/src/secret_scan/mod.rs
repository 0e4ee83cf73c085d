//! Keeps secrets on this machine: looks through what is about to be sent and says where one stands.
//!
//! It knows the values that the launcher put into the environment, and the shapes of well-known kinds.
//! It works on decoded text, and on text as it will be shown, so a value that JSON's escapes or invisible characters
//! split is found. It never repeats what it found: a finding names the place and the kind.

mod injected;
mod rules;
mod shape;
mod views;

use std::borrow::Cow;
use std::fmt;

use aho_corasick::AhoCorasick;
use deckwatch_protocol::{Operation, pointer_step};
use serde_json::Value;

pub use self::injected::Injected;
use self::rules::RULES;

/// What is named of a request at most: a pasted `.env` has more.
const MAX_FINDINGS: usize = 8;
const MAX_POINTER_CHARS: usize = 200;

/// Finds secrets in a request before it is sent. It has no `Debug`, as it holds the values that it looks for.
pub struct SecretScan {
    /// The beginnings of [`RULES`], in order, then every form of every injected value.
    automaton: AhoCorasick,
    /// The variable behind each form.
    variables: Vec<String>,
}

/// The values to look for are too many for one search.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secrets of DECKWATCH_SECRETS can't be searched for: {0}")]
pub struct UnusableSecrets(String);

/// One secret and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// JSON pointer of the field; for a name that is itself a secret, of the object that has it.
    pub pointer: String,
    /// What it is, ready for a sentence: `what looks like a GitHub token`.
    pub kind: Cow<'static, str>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has {}", if self.pointer.is_empty() { "/" } else { &self.pointer }, self.kind)
    }
}

impl SecretScan {
    /// A scan for the known kinds and for `injected`.
    pub fn new(injected: &Injected) -> Result<Self, UnusableSecrets> {
        let forms: Vec<(&str, Vec<u8>)> = injected.forms().collect();
        let beginnings = RULES.iter().map(|rule| rule.beginning.as_bytes());
        let automaton = AhoCorasick::new(beginnings.chain(forms.iter().map(|(_, form)| form.as_slice())));
        let automaton = automaton.map_err(|error| UnusableSecrets(error.to_string()))?;
        let variables = forms.iter().map(|(name, _)| (*name).to_owned()).collect();
        Ok(Self { automaton, variables })
    }

    /// What stands in the free text of a request, at most 8 findings, the first of each field.
    pub fn request(&self, operation: Operation, body: &Value) -> Vec<Finding> {
        let mut found = Vec::new();
        match operation.id() {
            // What git and the machine are called is no free text: a variable may well hold a repository's name.
            "put_venture" => {}
            "start_day" | "update_session" => {
                if let Some(meta) = body.get("meta") {
                    self.value(meta, "/meta", &mut found);
                }
            }
            _ => self.value(body, "", &mut found),
        }
        found
    }

    /// The kind of the first secret in `text`, if there is one.
    pub fn text(&self, text: &str) -> Option<Cow<'static, str>> {
        self.as_it_stands(text).or_else(|| views::others(text).iter().find_map(|view| self.as_it_stands(view)))
    }

    fn value(&self, value: &Value, pointer: &str, found: &mut Vec<Finding>) {
        match value {
            Value::String(text) => _ = self.field(text, pointer, found),
            Value::Number(number) => _ = self.field(&number.to_string(), pointer, found),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(item, &format!("{pointer}/{index}"), found);
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    // The pointer of what is below would repeat the name.
                    if self.field(name, pointer, found) {
                        continue;
                    }
                    self.value(field, &format!("{pointer}/{}", pointer_step(name)), found);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Whether this text has one.
    fn field(&self, text: &str, pointer: &str, found: &mut Vec<Finding>) -> bool {
        if found.len() >= MAX_FINDINGS {
            return true;
        }
        let kind = self.text(text);
        let is_secret = kind.is_some();
        let pointer = || pointer.chars().take(MAX_POINTER_CHARS).collect();
        found.extend(kind.map(|kind| Finding { pointer: pointer(), kind }));
        is_secret
    }

    fn as_it_stands(&self, text: &str) -> Option<Cow<'static, str>> {
        self.automaton.find_overlapping_iter(text.as_bytes()).find_map(|hit| {
            let pattern = hit.pattern().as_usize();
            if let Some(rule) = RULES.get(pattern) {
                return rule.fits(text, hit.start()).then_some(Cow::Borrowed(rule.kind));
            }
            let variable = self.variables.get(pattern - RULES.len())?;
            Some(Cow::Owned(format!("the value of the variable {variable}")))
        })
    }
}

#[cfg(test)]
mod tests;
