//! Finds secrets in data that is about to be stored or sent, and names the field that contains one.
//!
//! The API and the client use the same `rules`, so that both accept the same requests. The client also searches for the
//! values that the launcher gave it. The search covers the text as it is, as it is displayed and as it can be decoded
//! (`views`). So invisible characters, escapes, line breaks and base64 can't hide a secret. A finding names the field
//! and the kind of secret, and never contains the secret.

pub mod clean;
mod escapes;
mod rules;
mod shape;
mod views;

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use aho_corasick::Input;
use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::noncontiguous::NFA;
use deckwatch_protocol::{cut, pointer_step};
use serde_json::{Map, Value};

use self::rules::RULES;
use self::views::View;

/// The maximum number of findings for a request. A pasted `.env` file contains more secrets.
const MAX_FINDINGS: usize = 8;
/// The maximum length of the pointer of a finding, in characters.
const MAX_POINTER_CHARS: usize = 200;
/// The minimum length of a secret, in bytes. Every secret of a known kind is at least as long.
const MIN_SECRET_BYTES: usize = 8;

/// The scan for the known kinds only. It is `None` if the automaton can't be built; a test shows that it can.
static KNOWN: LazyLock<Option<Scan>> = LazyLock::new(|| Scan::new(std::iter::empty()).ok());

/// A search for secrets. It has no `Debug`, because it may contain the values that it searches for.
pub struct Scan {
    /// Matches the prefixes of [`RULES`], in their order, and then every value. This automaton has the smallest code of
    /// the library, which matters for the size of the Worker.
    automaton: NFA,
    /// The name of each value.
    names: Vec<String>,
}

/// The values are too many or too long for one search.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the values of the variables in DECKWATCH_SECRETS can't be searched for: {0}; reduce their number or size")]
pub struct UnusableSecrets(String);

/// One secret that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The JSON pointer of the field. If the name of the field is itself a secret, the pointer of the object that
    /// contains the field.
    pub pointer: String,
    /// The kind of secret, worded as a part of a sentence: `what looks like a GitHub token`.
    pub kind: Cow<'static, str>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has {}", if self.pointer.is_empty() { "/" } else { &self.pointer }, self.kind)
    }
}

/// Finds secrets of known kinds in a JSON value: the first secret of each field, and at most 8.
pub fn in_value(value: &Value) -> Vec<Finding> {
    KNOWN.as_ref().map_or_else(Vec::new, |scan| scan.in_value(value, ""))
}

/// The kind of the first secret in `text`, if it contains one of a known kind.
pub fn in_text(text: &str) -> Option<Cow<'static, str>> {
    KNOWN.as_ref()?.in_text(text)
}

/// The descriptions of the known kinds, each once.
pub fn kinds() -> Vec<&'static str> {
    let mut kinds: Vec<&str> = RULES.iter().map(|rule| rule.kind).collect();
    kinds.dedup();
    kinds
}

impl Scan {
    /// Creates a scan for the known kinds and for these values, each with the name of its variable.
    pub fn new<'a>(values: impl Iterator<Item = (&'a str, Vec<u8>)>) -> Result<Self, UnusableSecrets> {
        let (names, values): (Vec<String>, Vec<Vec<u8>>) = values.map(|(name, value)| (name.to_owned(), value)).unzip();
        let prefixes = RULES.iter().map(|rule| rule.prefix.as_bytes());
        let automaton = NFA::new(prefixes.chain(values.iter().map(Vec::as_slice)));
        Ok(Self { automaton: automaton.map_err(|error| UnusableSecrets(error.to_string()))?, names })
    }

    /// Finds secrets in `value`, whose own JSON pointer is `pointer`: the first secret of each field, and at most 8.
    pub fn in_value(&self, value: &Value, pointer: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        self.value("", value, pointer, &mut found);
        found
    }

    /// The kind of the first secret in `text`, if it contains one.
    pub fn in_text(&self, text: &str) -> Option<Cow<'static, str>> {
        if text.len() < MIN_SECRET_BYTES {
            return None;
        }
        views::find(text, !self.names.is_empty(), &mut |view| self.in_view(view))
    }

    /// Searches `value`. `name` is the name of its field, or empty.
    fn value(&self, name: &str, value: &Value, pointer: &str, found: &mut Vec<Finding>) {
        match value {
            Value::String(text) => _ = self.field(&labelled(name, text), pointer, found),
            Value::Number(number) => _ = self.field(&number.to_string(), pointer, found),
            Value::Array(items) => self.items(name, items, pointer, found),
            Value::Object(fields) => {
                for (name, field) in fields {
                    // The name is a secret. The value is not searched, because its pointer would contain the name.
                    if self.field(name, pointer, found) {
                        continue;
                    }
                    let label = Some(name.as_str()).filter(|name| !name.eq_ignore_ascii_case("value"));
                    let label = label.or_else(|| sibling_name(fields)).unwrap_or(name);
                    self.value(label, field, &format!("{pointer}/{}", pointer_step(name)), found);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Searches a list. Its strings may be the lines of one text, such as a key, or a name and its value, so they are
    /// also searched together.
    fn items(&self, name: &str, items: &[Value], pointer: &str, found: &mut Vec<Finding>) {
        let lines: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
        let whole = self.in_text(&labelled(name, &lines.join("\n")));
        let before = found.len();
        for (index, item) in items.iter().enumerate() {
            if whole.is_some() || !item.is_string() {
                self.value(name, item, &format!("{pointer}/{index}"), found);
            }
        }
        if found.len() == before {
            add(whole, pointer, found);
        }
    }

    /// Searches the text of a field. Returns true if it contains a secret, or if no more findings are needed.
    fn field(&self, text: &str, pointer: &str, found: &mut Vec<Finding>) -> bool {
        if found.len() >= MAX_FINDINGS {
            return true;
        }
        let kind = self.in_text(text);
        let is_secret = kind.is_some();
        add(kind, pointer, found);
        is_secret
    }

    fn in_view(&self, view: &View) -> Option<Cow<'static, str>> {
        let text = view.text;
        let hits = self.automaton.try_find_overlapping_iter(Input::new(text));
        hits.into_iter().flatten().find_map(|hit| {
            let pattern = hit.pattern().as_usize();
            if let Some(rule) = RULES.get(pattern) {
                let may_count = rule.spans_lines() || !view.joins_lines;
                return (may_count && rule.fits(text, hit.start())).then_some(Cow::Borrowed(rule.kind));
            }
            let name = self.names.get(pattern - RULES.len())?;
            Some(Cow::Owned(format!("the value of the variable {name}")))
        })
    }
}

/// Adds a finding at `pointer`, unless the maximum is reached.
fn add(kind: Option<Cow<'static, str>>, pointer: &str, found: &mut Vec<Finding>) {
    if found.len() < MAX_FINDINGS {
        let pointer = || cut::to_chars(pointer, MAX_POINTER_CHARS).to_owned();
        found.extend(kind.map(|kind| Finding { pointer: pointer(), kind }));
    }
}

/// The text after its name, because some kinds of secrets are recognized by their name. A name that is not a simple
/// word is left out, because it could change the meaning of the text.
fn labelled<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    const LONGEST: usize = 64;
    let is_word = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if name.is_empty() || name.len() > LONGEST || !is_word {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{name}: {text}"))
}

/// The name for the field `value` of an object that has the name in another field, as in lists of variables and
/// headers.
fn sibling_name(fields: &Map<String, Value>) -> Option<&str> {
    ["name", "key", "Name", "Key"].into_iter().find_map(|field| fields.get(field)?.as_str())
}

#[cfg(test)]
mod tests;
