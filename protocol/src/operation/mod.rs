//! The table of operations: one row for each operation, with the name that is used everywhere.
//!
//! [`operation_table!`](crate::operation_table) contains the rows. This module generates the enum [`Operation`] from them,
//! and [`endpoint`](crate::endpoint) the types of each operation. The router, the OpenAPI document, the client, the
//! documents and the tests follow from the same rows, so that none of them can miss an operation.

mod table;

use crate::error::ErrorCode;
use crate::event::EventKind;
use crate::token::Scope;

/// The maximum size of a request body in bytes, unless the table says otherwise.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The maximum size of the body that puts a document. JSON can need six bytes for each byte of the 1 MB of content, and
/// the rest is for the other fields.
pub const MAX_DOC_BODY_BYTES: usize = 7 * MAX_BODY_BYTES;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Every caller, without an API key.
    Public,
    /// Callers with a context key or an admin key.
    Context,
    /// Callers with an admin key.
    Admin,
}

/// How an operation affects the records. This determines what a retry needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Makes a change that may happen twice without harm. It takes no `Idempotency-Key`.
    Touch,
    /// Makes a change that must happen only once. It requires an `Idempotency-Key`.
    Write,
}

/// A conditional header that an operation accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// `If-Match`: the request fails if the record has changed since the client read it.
    IfUnchanged,
    /// `If-None-Match` of a read: the response is 304 if the client already has the record.
    UnlessKnown,
    /// `If-None-Match: *` of a write: the request fails if the record exists.
    IfAbsent,
}

macro_rules! operations {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $id:ident($($param:ident: $param_type:ident),*) $(query($query:ident))? $(body($body:ident))? -> $answer:ty {
            $method:ident $path:literal, $tier:ident, $effect:ident, [$($status:literal),+];
            $(example: $example:literal;)?
            $(missing: $missing:ident;)?
            $(naming: $naming:literal;)?
            $(refusals: $($refusal:ident),+;)?
            $(scopes: $($scope:ident),+;)?
            $(events: $($event:ident),+;)?
            $(etag: $etag:ident;)?
            $(conditional: $record:literal $($condition:ident),+;)?
            $(max_body: $max_body:expr;)?
            $(links: $($pointer:literal => [$($to:ident),+]),+;)?
        }
    )*) => {
        /// The operations of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Operation {
            /// Every operation, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name: of the handler, the client method, the OpenAPI operation and the log field.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => stringify!($id),)* }
            }

            /// The HTTP method.
            pub const fn method(self) -> &'static str {
                match self { $(Self::$name => stringify!($method),)* }
            }

            /// The path, with each parameter as `{name}`.
            pub const fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }

            /// The names of the parameters in the path, in order.
            pub const fn path_parameters(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$(stringify!($param)),*],)* }
            }

            /// Who may call the operation.
            pub const fn tier(self) -> Tier {
                match self { $(Self::$name => Tier::$tier,)* }
            }

            /// How the operation affects the records.
            pub const fn effect(self) -> Effect {
                match self { $(Self::$name => Effect::$effect,)* }
            }

            /// The description, as in the documentation.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)+).trim_ascii(),)* }
            }

            /// The statuses of a successful response. The last one is that of a new record, if the operation creates one.
            pub const fn statuses(self) -> &'static [u16] {
                match self { $(Self::$name => &[$($status),+],)* }
            }

            /// Whether the operation expects a JSON body.
            pub const fn takes_body(self) -> bool {
                match self { $(Self::$name => is_given!($($body)?),)* }
            }

            /// A valid body, as JSON. `None` if the operation takes no body, or if its body refers to a record.
            pub const fn example(self) -> Option<&'static str> {
                match self { $(Self::$name => last!(None $(, Some($example))?),)* }
            }

            /// The maximum size of the body in bytes.
            pub const fn max_body_bytes(self) -> usize {
                match self { $(Self::$name => last!(MAX_BODY_BYTES $(, $max_body)?),)* }
            }

            /// The error if the path names no existing record. `None` if the path may name a new record or none.
            pub const fn missing(self) -> Option<ErrorCode> {
                match self { $(Self::$name => last!(None $(, Some(ErrorCode::$missing))?),)* }
            }

            /// The path parameter that names a new record.
            pub const fn naming(self) -> Option<&'static str> {
                match self { $(Self::$name => last!(None $(, Some($naming))?),)* }
            }

            /// The error codes of this operation, in addition to those of its path and of its tier.
            pub const fn refusals(self) -> &'static [ErrorCode] {
                match self { $(Self::$name => &[$($(ErrorCode::$refusal),+)?],)* }
            }

            /// The scopes of a token that may call the operation, although its tier alone does not allow it.
            pub const fn scopes(self) -> &'static [Scope] {
                match self { $(Self::$name => &[$($(Scope::$scope),+)?],)* }
            }

            /// The kinds of the events that the operation may append.
            pub const fn events(self) -> &'static [EventKind] {
                match self { $(Self::$name => &[$($(EventKind::$event),+)?],)* }
            }

            /// Whether the answer has an `ETag`.
            pub const fn has_etag(self) -> bool {
                match self { $(Self::$name => is_given!($($etag)?),)* }
            }

            /// The conditional headers that the operation accepts.
            pub const fn conditions(self) -> &'static [Condition] {
                match self { $(Self::$name => &[$($(Condition::$condition),+)?],)* }
            }

            /// The word for the record that the conditional headers refer to.
            pub const fn record(self) -> &'static str {
                match self { $(Self::$name => last!("record" $(, $record)?),)* }
            }

            /// The OpenAPI links: the JSON pointer to a record in the answer, and the operations that take the parameters
            /// of their path from this record.
            pub const fn links(self) -> &'static [(&'static str, &'static [Self])] {
                match self { $(Self::$name => &[$($(($pointer, &[$(Self::$to),+])),+)?],)* }
            }
        }
    };
}

/// The last of its arguments: the first one is the default, the second one is the value in the row.
macro_rules! last {
    ($default:expr) => {
        $default
    };
    ($default:expr, $value:expr) => {
        $value
    };
}

/// Whether it has an argument.
macro_rules! is_given {
    () => {
        false
    };
    ($part:ident) => {
        true
    };
}

crate::operation_table!(operations);

impl Operation {
    /// Whether a context key may call the operation.
    pub fn admits_context(self) -> bool {
        self.tier() != Tier::Admin || self.scopes().contains(&Scope::Context)
    }

    /// Whether the operation accepts this conditional header.
    pub fn accepts(self, condition: Condition) -> bool {
        self.conditions().contains(&condition)
    }

    /// The path with these values in the place of its parameters. Ids, codes and names need no escaping.
    pub fn path_with(self, values: &[&str]) -> String {
        let mut values = values.iter();
        let fill = |segment| if is_parameter(segment) { values.next().copied().unwrap_or_default() } else { segment };
        self.path().split('/').map(fill).collect::<Vec<_>>().join("/")
    }

    /// The words that stand in other paths where this one has its last parameter. No name may be one of them, because the
    /// path of that name is another operation's.
    pub fn reserved_names(self) -> impl Iterator<Item = &'static str> {
        let own: Vec<&str> = self.path().split('/').collect();
        let place = own.iter().rposition(|segment| is_parameter(segment));
        Self::ALL.iter().filter_map(move |other| {
            let others: Vec<&'static str> = other.path().split('/').collect();
            let word = *others.get(place?)?;
            let same_place = others.len() == own.len() && others.get(..place?) == own.get(..place?);
            (same_place && !is_parameter(word)).then_some(word)
        })
    }
}

impl Scope {
    /// Whether a token with this scope may call `operation`.
    pub fn grants(self, operation: Operation) -> bool {
        match self {
            Self::Admin => true,
            Self::Context | Self::Human => operation.admits_context(),
            Self::ReadOnly => operation.tier() != Tier::Admin && operation.effect() == Effect::Read,
            Self::DocsWrite => operation.scopes().contains(&self),
        }
    }
}

/// Whether a segment of a path is a parameter.
fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_no_name_may_be_are_known() {
        let reserved = |operation: &Operation| -> Vec<_> {
            let path = operation.path();
            operation.reserved_names().map(|word| (path, word)).collect()
        };
        let mut all: Vec<_> = Operation::ALL.iter().flat_map(reserved).collect();
        all.sort_unstable();
        all.dedup();
        let (ids, names): (Vec<_>, Vec<_>) = all.into_iter().partition(|(path, _)| path.ends_with("/{id}"));
        // An id has a prefix, such as `ho_`, so it is none of these words.
        assert!(!ids.is_empty() && ids.iter().all(|(_, word)| !word.contains('_')), "{ids:?}");
        assert_eq!(names, [("/v1/machines/{hostname}", "ssh-config")]);
    }

    #[test]
    fn a_scope_grants_exactly_its_operations() {
        for operation in Operation::ALL {
            assert!(Scope::Admin.grants(*operation));
            assert_eq!(Scope::Context.grants(*operation), operation.admits_context(), "{}", operation.id());
            assert_eq!(Scope::Human.grants(*operation), Scope::Context.grants(*operation), "{}", operation.id());
            if Scope::ReadOnly.grants(*operation) {
                assert!(Scope::Context.grants(*operation) && operation.effect() == Effect::Read, "{}", operation.id());
            }
        }
    }

    #[test]
    fn the_path_has_exactly_the_parameters_of_the_row() {
        for operation in Operation::ALL {
            let in_path = operation.path().split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            assert_eq!(in_path.collect::<Vec<_>>(), operation.path_parameters(), "{}", operation.id());
            let named = operation.naming().is_none_or(|name| operation.path_parameters().last() == Some(&name));
            assert!(named, "{}: `naming` is not the last parameter", operation.id());
        }
        assert_eq!(Operation::GetDoc.path_with(&["alpha", "api.md"]), "/v1/docs/alpha/api.md");
    }

    #[test]
    fn links_lead_to_operations_that_take_a_parameter() {
        let links = |operation: &Operation| operation.links().iter().flat_map(|(_, to)| to.iter());
        for to in Operation::ALL.iter().flat_map(links) {
            assert!(!to.path_parameters().is_empty(), "{}", to.id());
        }
    }

    #[test]
    fn ids_and_routes_are_unique() {
        for (n, a) in Operation::ALL.iter().enumerate() {
            for b in &Operation::ALL[n + 1..] {
                assert_ne!(a.id(), b.id());
                assert_ne!((a.method(), a.path()), (b.method(), b.path()));
            }
        }
    }
}
