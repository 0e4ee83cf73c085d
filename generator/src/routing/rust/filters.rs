//! Filters of warp: values that are joined with `and` and `or`, and are routes at the end.

use std::collections::HashSet;
use std::rc::Rc;

use super::super::evaluate::{Arguments, Place, source_of};
use super::super::framework::ANY;
use super::super::program::Program;
use super::super::text::Text;
use super::super::value::{PackageValue, Scope, Value};
use super::functions::METHODS;
use crate::code::{Call, Expression};

/// The index of a filter.
pub(in super::super) type FilterId = usize;

/// The maximum number of alternatives of one filter.
const MAX_ALTERNATIVES: usize = 2_000;
/// The name of the package.
const PACKAGE: &str = "warp";

/// One of the requests that a filter accepts.
#[derive(Debug, Clone, Default)]
struct Alternative {
    /// `None` if the filter does not look at the path.
    path: Option<Text>,
    method: Option<String>,
    place: Option<Place>,
}

/// All filters, and those that are part of another one.
#[derive(Default)]
pub(in super::super) struct Filters {
    all: Vec<Vec<Alternative>>,
    used: HashSet<FilterId>,
}

impl Program<'_> {
    fn filter(&mut self, alternatives: Vec<Alternative>) -> Value {
        self.filters.all.push(alternatives);
        Value::Filter(self.filters.all.len() - 1)
    }

    /// A function of warp that makes a filter.
    pub(super) fn filter_function(
        &mut self,
        package: &Rc<PackageValue>,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Option<Value> {
        if package.package != PACKAGE {
            return None;
        }
        let names: Vec<&str> = package.names.iter().map(String::as_str).collect();
        let path = |path: Text| vec![Alternative { path: Some(path), method: None, place: Some(place) }];
        if let (["serve"], Value::Filter(served)) = (names.as_slice(), arguments.get(0)) {
            self.filter_served(served, place);
            return None;
        }
        let alternatives = match names.as_slice() {
            ["path"] | ["path", "path"] => {
                let value = arguments.get(0);
                let text = value.as_text().cloned();
                let unknown = || arguments.expression(0).map(|value| Text::unknown(&source_of(value)));
                path(text.or_else(unknown).unwrap_or_default())
            }
            ["path", "param"] => path(Text::unknown(type_argument(&arguments.call.source))),
            ["path", "tail" | "peek"] => path(Text::literal("*")),
            ["path", "end"] => path(Text::default()),
            [method] if METHODS.contains(&method.to_uppercase().as_str()) => {
                vec![Alternative { path: None, method: Some(method.to_uppercase()), place: Some(place) }]
            }
            [
                "any" | "header" | "body" | "query" | "cookie" | "ws" | "fs" | "sse" | "method" | "addr" | "host"
                | "multipart" | "ext" | "cors" | "trace" | "log" | "filters" | "root" | "options",
                ..,
            ] => vec![Alternative { place: Some(place), ..Alternative::default() }],
            _ => return None,
        };
        Some(self.filter(alternatives))
    }

    /// A filter that is served answers all paths, if it looks at none.
    fn filter_served(&mut self, served: FilterId, place: Place) {
        for alternative in self.filters.all.get_mut(served).into_iter().flatten() {
            if alternative.path.is_none() {
                alternative.path = Some(Text::literal("/*"));
                alternative.place = alternative.place.or(Some(place));
            }
        }
    }

    /// `path!("users" / u32)`
    pub(super) fn filter_path(&mut self, call: &Call, place: Place, scope: &Rc<Scope>) -> Value {
        let mut path = Text::default();
        for segment in &call.arguments {
            let text = match &segment.value.expression {
                Expression::Unknown(source) if source == ".." => continue,
                Expression::Unknown(source) => Text::unknown(source),
                _ => self.text_of(&segment.value, scope),
            };
            path.push(&Text::literal("/"));
            path.push(&text);
        }
        self.filter(vec![Alternative { path: Some(path), method: None, place: Some(place) }])
    }

    /// A method of a filter. What does not join two filters returns the filter.
    pub(super) fn filter_method(
        &mut self,
        filter: FilterId,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        arguments.values.iter().for_each(|value| self.mark_handler(value));
        let other = if let Value::Filter(other) = arguments.get(0) { Some(other) } else { None };
        match (name, other) {
            ("and", Some(other)) => self.both(filter, other),
            ("or", Some(other)) => self.either_filter(filter, other),
            ("or", None) => {
                let source = arguments.expression(0).map(source_of).unwrap_or_default();
                self.not_understood(place, &format!("or({source})"));
                Value::Filter(filter)
            }
            _ => Value::Filter(filter),
        }
    }

    /// `unknown.and(filter)`, `unknown.or(filter)`
    pub(super) fn joined_with_unknown(&mut self, name: &str, arguments: &Arguments<'_>, place: Place) -> Option<Value> {
        let Value::Filter(other) = arguments.get(0) else { return None };
        if name == "or" {
            self.not_understood(place, &source_of(&arguments.call.callee));
        }
        Some(Value::Filter(other))
    }

    fn parts(&mut self, left: FilterId, right: FilterId) -> (Vec<Alternative>, Vec<Alternative>) {
        self.filters.used.extend([left, right]);
        let part = |filter: FilterId| self.filters.all.get(filter).cloned().unwrap_or_default();
        (part(left), part(right))
    }

    fn both(&mut self, left: FilterId, right: FilterId) -> Value {
        let (left, right) = self.parts(left, right);
        let mut joined = Vec::new();
        for first in &left {
            for second in right.iter().take(MAX_ALTERNATIVES.saturating_sub(joined.len())) {
                let path = match (&first.path, &second.path) {
                    (Some(before), Some(after)) => Some(Text::default().joined(before, false).joined(after, false)),
                    (path, None) | (None, path) => path.clone(),
                };
                let place = if second.path.is_some() || first.place.is_none() { second.place } else { first.place };
                joined.push(Alternative {
                    path,
                    method: first.method.clone().or_else(|| second.method.clone()),
                    place,
                });
            }
        }
        self.filter(joined)
    }

    pub(in super::super) fn either_filter(&mut self, left: FilterId, right: FilterId) -> Value {
        let (mut all, right) = self.parts(left, right);
        all.extend(right.into_iter().take(MAX_ALTERNATIVES.saturating_sub(all.len())));
        self.filter(all)
    }

    /// Adds the routes of the filters that are part of no other one.
    pub(in super::super) fn add_filters(&mut self) {
        for filter in 0..self.filters.all.len() {
            if self.filters.used.contains(&filter) {
                continue;
            }
            let alternatives = self.filters.all.get(filter).cloned().unwrap_or_default();
            for alternative in alternatives {
                let (Some(path), Some(place)) = (alternative.path, alternative.place) else { continue };
                let router = self.hand_router();
                self.add_route(router, alternative.method.as_deref().unwrap_or(ANY), path, "", place);
            }
        }
    }
}

/// `u32` of `warp::path::param::<u32>()`.
fn type_argument(source: &str) -> &str {
    let inside = source.split_once("::<").and_then(|(_, rest)| rest.rsplit_once('>'));
    inside.map_or("param", |(name, _)| name)
}
