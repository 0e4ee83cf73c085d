//! The values of a YAML or JSON file, as far as a specification of routes is deep.

/// The maximum depth of values that are kept. A summary of a referenced operation has depth 5.
pub(super) const MAX_DEPTH: usize = 7;

/// A value with its line, counted from 1.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug, Clone, Default)]
pub(super) enum Value {
    /// A value that is too deep, an alias or nothing.
    #[default]
    Other,
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn entries(&self) -> &[(String, Self)] {
        if let Value::Mapping(entries) = &self.value { entries } else { &[] }
    }

    pub(super) fn list(&self) -> &[Self] {
        if let Value::List(values) = &self.value { values } else { &[] }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The text of a field. Empty if there is none.
    pub(super) fn text(&self, key: &str) -> &str {
        self.get(key).and_then(Self::as_text).unwrap_or_default()
    }

    /// The value at a pointer: `/paths/~1users`.
    pub(super) fn at(&self, pointer: &str) -> Option<&Self> {
        let keys = pointer.split('/').filter(|key| !key.is_empty());
        keys.map(|key| key.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}"))
            .try_fold(self, |node, key| node.get(&key))
    }
}
