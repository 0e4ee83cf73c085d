//! The constraint that a statement violated, parsed from the message of SQLite. Both engines report the same message,
//! D1 between its own prefix and the name of the result code.

use std::borrow::Cow;
use std::fmt;

/// Makes a violation from the name in the message.
type Kind = fn(Cow<'static, str>) -> Violated;

/// The message before the name of a constraint, and the kind of the constraint.
const KINDS: &[(&str, Kind)] = &[
    ("NOT NULL constraint failed: ", Violated::NotNull),
    ("CHECK constraint failed: ", Violated::Check),
    ("UNIQUE constraint failed: ", Violated::Unique),
];

/// A constraint of the schema that a statement violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violated {
    /// A `check`, by its name. SQLite reports the expression if the constraint has no name.
    Check(Cow<'static, str>),
    /// A primary key, a `unique` or a unique index: its columns as `table.column, table.column`, or the name of an
    /// index that has an expression.
    Unique(Cow<'static, str>),
    /// A `not null`, as `table.column`.
    NotNull(Cow<'static, str>),
    /// A foreign key. SQLite does not say which one.
    ForeignKey,
    /// The text of a `raise` in a trigger, or of a violation of another kind, such as text in an integer column.
    Raised(Cow<'static, str>),
}

impl Violated {
    /// Parses the message of an SQLite error about a constraint.
    pub fn parse(message: &str) -> Self {
        if message.contains("FOREIGN KEY constraint failed") {
            return Self::ForeignKey;
        }
        let named = KINDS.iter().find_map(|(before, kind)| Some((message.split_once(before)?.1, kind)));
        let Some((name, kind)) = named else { return Self::Raised(message.to_owned().into()) };
        let index = name.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\''));
        kind(index.unwrap_or(name).to_owned().into())
    }
}

impl fmt::Display for Violated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(name) => write!(f, "check {name}"),
            Self::Unique(key) => write!(f, "unique {key}"),
            Self::NotNull(column) => write!(f, "not null {column}"),
            Self::ForeignKey => write!(f, "foreign key"),
            Self::Raised(text) => write!(f, "raised {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_constraint_is_parsed_with_its_exact_name() {
        for (message, violated) in [
            ("CHECK constraint failed: token_scope", Violated::Check("token_scope".into())),
            ("CHECK constraint failed: n > 0", Violated::Check("n > 0".into())),
            ("UNIQUE constraint failed: t.a, t.b", Violated::Unique("t.a, t.b".into())),
            ("UNIQUE constraint failed: index 'one_live'", Violated::Unique("one_live".into())),
            ("NOT NULL constraint failed: t.a", Violated::NotNull("t.a".into())),
            ("FOREIGN KEY constraint failed", Violated::ForeignKey),
            ("the venture is closed", Violated::Raised("the venture is closed".into())),
            (
                "cannot store TEXT value in INTEGER column t.n",
                Violated::Raised("cannot store TEXT value in INTEGER column t.n".into()),
            ),
        ] {
            assert_eq!(Violated::parse(message), violated, "{message}");
        }
    }
}
