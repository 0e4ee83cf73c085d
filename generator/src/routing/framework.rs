//! What the names of each framework mean, from `frameworks.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A framework.
#[derive(Debug, Deserialize)]
pub(super) struct Framework {
    pub(super) name: String,
    pub(super) packages: Vec<String>,
    routers: Vec<String>,
    types: Vec<String>,
    /// Whether a path of only a slash is joined to a prefix with that slash.
    #[serde(default)]
    pub(super) keeps_slash: bool,
    operations: BTreeMap<String, Operation>,
}

/// What a method of a router does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Operation {
    /// Adds a route whose HTTP method is the name: `get(path, …handlers)`.
    Verb,
    /// Adds a route for `GET`, whatever the name.
    Get,
    /// Adds a route for all HTTP methods.
    Any,
    /// Adds a route for all HTTP methods and all paths below: `mount(path, handler)`.
    AnyBelow,
    /// Adds a route of a socket: `ws(path, …)`.
    Websocket,
    /// Adds routes: `on(methods, paths, handler)`.
    Methods,
    /// Adds a route that a record describes: `route({ method, url, handler })`.
    Definition,
    /// Mounts routers: `use([path], …routers)`.
    Mount,
    /// Calls a plugin with a router below a prefix: `register(plugin, { prefix })`.
    Plugin,
    /// Calls a function with a router below a prefix: `group(path, [options], function)`.
    Group,
    /// Returns a path whose methods follow: `route(path)`.
    Resource,
    /// Returns a router below a prefix: `basePath(path)`.
    Below,
    /// Changes the prefix of the router: `prefix(path)`.
    OwnPrefix,
}

#[derive(Deserialize)]
struct Frameworks {
    framework: Vec<Framework>,
}

static FRAMEWORKS: LazyLock<Vec<Framework>> = LazyLock::new(|| {
    let parsed: Result<Frameworks, _> = toml_edit::de::from_str(include_str!("frameworks.toml"));
    parsed.map(|frameworks| frameworks.framework).unwrap_or_default()
});

/// The method of a route that answers all methods, or those that its handler selects.
pub(super) const ANY: &str = "ANY";

/// All frameworks.
pub(super) fn all() -> &'static [Framework] {
    &FRAMEWORKS
}

/// The framework whose router a call makes, by the package and the last name of what is called.
pub(super) fn of_call(package: &str, name: &str) -> Option<usize> {
    all().iter().position(|framework| {
        framework.packages.iter().any(|own| own == package) && framework.routers.iter().any(|router| router == name)
    })
}

/// The framework of a package. `@fastify/` stands for all packages whose names begin so.
pub(super) fn of_package(package: &str) -> Option<usize> {
    let is_of = |own: &String| own == package || own.ends_with('/') && package.starts_with(own);
    all().iter().position(|framework| framework.packages.iter().any(is_of))
}

/// The package of the framework that has a router of this name.
pub(super) fn package_of_router(name: &str) -> Option<&'static str> {
    let has_name = |framework: &&Framework| name != "default" && framework.routers.iter().any(|router| router == name);
    all().iter().find(has_name).and_then(|framework| framework.packages.first()).map(String::as_str)
}

/// Whether a text names the package of a framework as a string.
pub(super) fn names_package(text: &str) -> bool {
    let named = |package: &String| {
        text.match_indices(package.as_str())
            .any(|(at, _)| text.get(..at).is_some_and(|before| before.ends_with(['\'', '"'])))
    };
    all().iter().any(|framework| framework.packages.iter().any(named))
}

impl Framework {
    pub(super) fn operation(&self, name: &str) -> Option<Operation> {
        self.operations.get(name).copied()
    }

    pub(super) fn has_type(&self, name: &str) -> bool {
        self.types.iter().any(|own| own == name)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_of_frameworks_is_valid() {
        let names: Vec<&str> = super::all().iter().map(|framework| framework.name.as_str()).collect();
        assert!(names.contains(&"express") && names.len() >= 8, "{names:?}");
    }
}
