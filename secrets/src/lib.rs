//! Finds secrets in what is about to be stored or sent, and says where one stands.
//!
//! The API and the client look with the same `rules`, so that what a client takes is what the API takes. A client
//! adds the values that the launcher gave it. Text is read as it stands and as it may be shown or decoded (`views`), so
//! that no invisible character, escape, line break or base64 hides a secret. What was found is never repeated: a
//! finding names the place and the kind.

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
use deckwatch_protocol::pointer_step;
use serde_json::{Map, Value};

use self::rules::RULES;
use self::views::View;

/// What is named of a request at most: a pasted `.env` has more.
const MAX_FINDINGS: usize = 8;
const MAX_POINTER_CHARS: usize = 200;
/// No secret of a known kind is shorter.
const SHORTEST: usize = 8;

/// The scan for the known kinds alone. `None` where it can't be made, which a test excludes.
static KNOWN: LazyLock<Option<Scan>> = LazyLock::new(|| Scan::new(std::iter::empty()).ok());

/// Finds secrets. It has no `Debug`, as it may hold the values that it looks for.
pub struct Scan {
    /// The beginnings of [`RULES`], in order, then every value. The smallest of the library's automata, as the Worker
    /// carries its code.
    automaton: NFA,
    /// The name of each value.
    names: Vec<String>,
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

/// The secrets of known kinds in a JSON value, at most 8, the first of each field.
pub fn in_value(value: &Value) -> Vec<Finding> {
    KNOWN.as_ref().map_or_else(Vec::new, |scan| scan.in_value(value, ""))
}

/// The kind of the first secret of a known kind in `text`, if there is one.
pub fn in_text(text: &str) -> Option<Cow<'static, str>> {
    KNOWN.as_ref()?.in_text(text)
}

/// The names of the known kinds, each once.
pub fn kinds() -> Vec<&'static str> {
    let mut kinds: Vec<&str> = RULES.iter().map(|rule| rule.kind).collect();
    kinds.dedup();
    kinds
}

impl Scan {
    /// A scan for the known kinds and for these values by name.
    pub fn new<'a>(values: impl Iterator<Item = (&'a str, Vec<u8>)>) -> Result<Self, UnusableSecrets> {
        let (names, values): (Vec<String>, Vec<Vec<u8>>) = values.map(|(name, value)| (name.to_owned(), value)).unzip();
        let beginnings = RULES.iter().map(|rule| rule.beginning.as_bytes());
        let automaton = NFA::new(beginnings.chain(values.iter().map(Vec::as_slice)));
        Ok(Self { automaton: automaton.map_err(|error| UnusableSecrets(error.to_string()))?, names })
    }

    /// What stands in `value`, which itself stands at `pointer`: at most 8 findings, the first of each field.
    pub fn in_value(&self, value: &Value, pointer: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        self.value("", value, pointer, &mut found);
        found
    }

    /// The kind of the first secret in `text`, if there is one.
    pub fn in_text(&self, text: &str) -> Option<Cow<'static, str>> {
        if text.len() < SHORTEST {
            return None;
        }
        views::find(text, !self.names.is_empty(), &mut |view| self.in_view(view))
    }

    /// Looks through `value`, which is the value of `name`, if it has a name.
    fn value(&self, name: &str, value: &Value, pointer: &str, found: &mut Vec<Finding>) {
        match value {
            Value::String(text) => _ = self.field(&labelled(name, text), pointer, found),
            Value::Number(number) => _ = self.field(&number.to_string(), pointer, found),
            Value::Array(items) => self.items(name, items, pointer, found),
            Value::Object(fields) => {
                for (name, field) in fields {
                    // The pointer of what is below would repeat the name.
                    if self.field(name, pointer, found) {
                        continue;
                    }
                    let label = Some(name.as_str()).filter(|name| !name.eq_ignore_ascii_case("value"));
                    let label = label.or_else(|| name_beside(fields)).unwrap_or(name);
                    self.value(label, field, &format!("{pointer}/{}", pointer_step(name)), found);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// The texts of a list are lines of one text, such as those of a key, or a name and its value.
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

    /// Whether this text has one.
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

/// Adds what was found at `pointer`, unless there is enough.
fn add(kind: Option<Cow<'static, str>>, pointer: &str, found: &mut Vec<Finding>) {
    if found.len() < MAX_FINDINGS {
        let pointer = || pointer.chars().take(MAX_POINTER_CHARS).collect();
        found.extend(kind.map(|kind| Finding { pointer: pointer(), kind }));
    }
}

/// `text` after its name, as some kinds are known by their name. A name that is no word could change how `text` is read.
fn labelled<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    const LONGEST: usize = 64;
    let is_word = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if name.is_empty() || name.len() > LONGEST || !is_word {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{name}: {text}"))
}

/// The name of a `value` where the name is a field as well, as in lists of variables and headers.
fn name_beside(fields: &Map<String, Value>) -> Option<&str> {
    ["name", "key", "Name", "Key"].into_iter().find_map(|field| fields.get(field)?.as_str())
}

#[cfg(test)]
mod tests;
