//! The forms of a statement that is composed from optional filters.
//!
//! Each composing function takes its filters as a struct of [`filters!`]. The same struct gives every combination of
//! its filters, so that a test prepares every statement that a request can compose, without a list of examples.

use crate::database::{Param, Statement};

/// The values of a filter that give different statements.
pub(super) trait Forms: Sized {
    /// One value for each form.
    fn forms() -> Vec<Self>;
}

/// The value of a parameter does not change the statement.
impl Forms for Param {
    fn forms() -> Vec<Self> {
        vec![Self::Null]
    }
}

impl Forms for bool {
    fn forms() -> Vec<Self> {
        vec![false, true]
    }
}

impl<T: Forms> Forms for Option<T> {
    fn forms() -> Vec<Self> {
        std::iter::once(None).chain(T::forms().into_iter().map(Some)).collect()
    }
}

/// Declares the filters of a composed statement. Its forms are all combinations of the forms of its fields.
macro_rules! filters {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        struct $name {
            $($field: $kind,)*
        }

        impl $crate::store::forms::Forms for $name {
            fn forms() -> Vec<Self> {
                let mut all = Vec::new();
                $crate::store::forms::filters!(@each all, $name, ($($field: $kind,)*), ($($field,)*));
                all
            }
        }
    };
    (@each $all:ident, $name:ident, ($field:ident: $kind:ty, $($rest:tt)*), ($($every:ident,)*)) => {
        for $field in <$kind as $crate::store::forms::Forms>::forms() {
            $crate::store::forms::filters!(@each $all, $name, ($($rest)*), ($($every,)*));
        }
    };
    (@each $all:ident, $name:ident, (), ($($every:ident,)*)) => {
        $all.push($name { $($every: $every.clone(),)* })
    };
}
pub(super) use filters;

/// The statements that `compose` composes, for every form of its filters.
pub(super) fn every_form<F: Forms, S: IntoIterator<Item = Statement>>(
    name: &str,
    compose: impl Fn(&F) -> S,
) -> Vec<(String, String)> {
    let statements = F::forms().into_iter().flat_map(|filters| compose(&filters));
    statements.enumerate().map(|(n, statement)| (format!("{name} {n}"), statement.sql.into_owned())).collect()
}
