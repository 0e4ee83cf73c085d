//! The primary rate limit, per token and resource, and the secondary one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::Answer;

/// How many requests that create content are accepted in a minute before the secondary limit.
const CHANGES_PER_MINUTE: usize = 80;
/// How long the secondary limit lasts.
const SECONDARY_SECONDS: i64 = 60;

/// The limits, and what each token used of them.
#[derive(Debug)]
pub struct Rates {
    /// REST requests per hour with a token.
    pub core: u64,
    /// GraphQL points per hour.
    pub graphql: u64,
    /// Searches per minute.
    pub search: u64,
    /// REST requests per hour without a token.
    pub anonymous: u64,
    /// Every request gets the secondary limit until this time, in seconds since 1970.
    pub secondary_until: Option<i64>,
    used: BTreeMap<(String, Resource), Window>,
    changes: BTreeMap<String, Vec<i64>>,
}

/// A resource with a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resource {
    Core,
    Search,
    GraphQl,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    limit: u64,
    used: u64,
    reset: i64,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            core: 5000,
            graphql: 5000,
            search: 30,
            anonymous: 60,
            secondary_until: None,
            used: BTreeMap::new(),
            changes: BTreeMap::new(),
        }
    }
}

impl Resource {
    const ALL: [Self; 3] = [Self::Core, Self::Search, Self::GraphQl];

    fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Search => "search",
            Self::GraphQl => "graphql",
        }
    }
}

impl Rates {
    /// How much of the primary limit of REST this token has used.
    pub fn core_used(&self, token: &str) -> u64 {
        self.used_of(token, Resource::Core)
    }

    /// How many points of GraphQL this token has used.
    pub fn graphql_used(&self, token: &str) -> u64 {
        self.used_of(token, Resource::GraphQl)
    }

    fn used_of(&self, token: &str, resource: Resource) -> u64 {
        self.used.get(&(token.to_owned(), resource)).map_or(0, |window| window.used)
    }

    /// The current window of this caller.
    pub(super) fn window(&mut self, caller: &str, resource: Resource, now: i64) -> Window {
        let limit = match resource {
            Resource::Core if caller.is_empty() => self.anonymous,
            Resource::Core => self.core,
            Resource::Search => self.search,
            Resource::GraphQl => self.graphql,
        };
        let length = if resource == Resource::Search { 60 } else { 3600 };
        let window = self.used.entry((caller.to_owned(), resource)).or_insert(Window { limit, used: 0, reset: 0 });
        if window.reset <= now {
            *window = Window { limit, used: 0, reset: now + length };
        }
        window.limit = limit;
        *window
    }

    /// The window in JSON, if this caller has one.
    pub(super) fn peek(&self, caller: &str, resource: Resource) -> Option<Value> {
        self.used.get(&(caller.to_owned(), resource)).map(|window| window.json())
    }

    /// Counts a request, or the points of a query.
    pub(super) fn count(&mut self, caller: &str, resource: Resource, points: u64, now: i64) -> Window {
        self.window(caller, resource, now);
        let window = self.used.get_mut(&(caller.to_owned(), resource)).unwrap();
        window.used += points;
        *window
    }

    /// The secondary limit, if it applies. A request that changes something counts.
    pub(super) fn secondary(&mut self, caller: &str, changes: bool, now: i64) -> Option<Answer> {
        let recent = self.changes.entry(caller.to_owned()).or_default();
        recent.retain(|at| *at > now - 60);
        if changes {
            recent.push(now);
            if recent.len() > CHANGES_PER_MINUTE {
                self.secondary_until = Some(now + SECONDARY_SECONDS);
            }
        }
        let until = self.secondary_until.filter(|until| *until > now)?;
        let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        Some(Answer::error(403, message).with("retry-after", (until - now).to_string()))
    }

    /// The body of `GET /rate_limit`.
    pub(super) fn overview(&mut self, caller: &str, now: i64) -> Value {
        let windows = Resource::ALL.map(|resource| (resource.name().to_owned(), self.window(caller, resource, now)));
        let resources: serde_json::Map<_, _> =
            windows.into_iter().map(|(name, window)| (name, window.json())).collect();
        let core = resources["core"].clone();
        json!({ "resources": resources, "rate": core })
    }
}

impl Window {
    pub(super) fn is_used_up(self) -> bool {
        self.used >= self.limit
    }

    pub(super) fn remaining(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    pub(super) fn used(self) -> u64 {
        self.used
    }

    fn json(self) -> Value {
        json!({ "limit": self.limit, "remaining": self.remaining(), "reset": self.reset, "used": self.used })
    }

    /// The headers of an answer.
    pub(super) fn headers(self, resource: Resource) -> [(&'static str, String); 5] {
        [
            ("x-ratelimit-limit", self.limit.to_string()),
            ("x-ratelimit-remaining", self.remaining().to_string()),
            ("x-ratelimit-used", self.used.min(self.limit).to_string()),
            ("x-ratelimit-reset", self.reset.to_string()),
            ("x-ratelimit-resource", resource.name().to_owned()),
        ]
    }
}
