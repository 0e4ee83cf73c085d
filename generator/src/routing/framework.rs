//! What the names of each framework mean, from the tables in `frameworks`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use crate::code::Language;

/// A framework.
#[derive(Debug, Deserialize)]
pub(super) struct Framework {
    pub(super) name: String,
    #[serde(default)]
    pub(super) language: Language,
    pub(super) packages: Vec<String>,
    routers: Vec<String>,
    types: Vec<String>,
    /// Whether a path of only a slash is joined to a prefix with that slash.
    #[serde(default)]
    pub(super) keeps_slash: bool,
    operations: BTreeMap<String, Operation>,
    /// The types of which a value is only a part of a route.
    #[serde(default)]
    parts: Vec<String>,
    /// The functions of a router's type that make one.
    #[serde(default)]
    constructors: Vec<String>,
    /// What the functions of the package do, by their name or by the name of their type and their name. The result is a
    /// router with what the operation adds.
    #[serde(default)]
    functions: BTreeMap<String, Operation>,
    /// The modules of the package that have functions, by the names that code usually gives to them.
    #[serde(default)]
    modules: Vec<String>,
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
    /// Adds a route for `GET`, or for the methods in the arguments or of the handler: `route(path, methods=[…])`.
    Routed,
    /// Adds a route for the methods of the handler: `view(path)` above a class.
    View,
    /// Adds routes of a class: `add_resource(Class, *paths)`.
    Paths,
    /// Mounts routers: `include_router(router, prefix=…)`.
    Include,
    /// Mounts routers, or an application that is no router: `mount(path, app)`.
    MountApp,
    /// Mounts a router below a prefix that stands for its own one: `register_blueprint(blueprint, url_prefix=…)`.
    Register,
    /// Returns a new router below a name: `namespace(name)`.
    Namespace,
    /// Mounts the router itself on another one: `init_app(app)`.
    Attach,
    /// Adds a route or mounts patterns: `path(route, view)`.
    Pattern,
    /// The same with a regular expression: `re_path(expression, view)`.
    Expression,
    /// Adds the routes of a viewset: `register(prefix, viewset)`.
    Viewset,
    /// Adds routes of files: `Static(path, folder)`.
    Static,
    /// Begins a chain of calls that describes a route: `PathPrefix(path).Subrouter()`.
    Builder,
    /// Makes a router without a prefix.
    Router,
    /// Makes a router with the routes that the attributes of objects describe.
    Objects,
    /// Mounts a router of methods: `route([path], methods)`. Another value answers all methods.
    Route,
    /// Mounts a router below a path: `nest(path, router)`. Another value answers all paths below.
    Nest,
    /// Mounts routers and the routes of functions with attributes: `merge(router)`.
    Merge,
    /// Calls a function with the router: `configure(function)`.
    Configure,
    /// Answers what no route answers.
    Fallback,
    /// Adds a route at the path of the router, with the name as its HTTP method: `get(handler)`.
    OwnVerb,
    /// Adds routes at the path of the router: `on(MethodFilter::GET, handler)`.
    OwnMethods,
    /// Adds the HTTP method that a guard demands: `guard(guard::Get())`.
    Guard,
    /// Names the handler: `to(handler)`.
    To,
    /// Returns a router with the same routes.
    Copy,
    /// Returns the router and something else.
    Split,
    /// Makes a route without a method and a path, to which both are added.
    Own,
    /// Adds a route for `GET`, whatever the name, also without a handler: `url(path, …)`.
    GetAlone,
    /// Something that answers all paths below the path where it is mounted.
    Files,
    /// Returns no router, or does nothing for routes.
    Nothing,
    /// Adds the routes of resources: `resources :users`.
    Resources,
    /// Adds the routes of one resource: `resource :profile`.
    OneResource,
    /// Runs a block at the path of one of the resources: `member do`.
    Member,
    /// Runs a block at the path of the resources: `collection do`.
    Collection,
    /// Runs a block at the path of the page for a new resource: `new do`.
    NewResource,
    /// Runs a block at the path for what is nested in a resource: `nested do`.
    Nested,
    /// Runs a block whose nested resources have short paths: `shallow do`.
    Shallow,
    /// Names a block: `concern :commentable do`.
    Concern,
    /// Runs blocks with names: `concerns :commentable`.
    UseConcerns,
}

#[derive(Deserialize)]
struct Frameworks {
    framework: Vec<Framework>,
}

static FRAMEWORKS: LazyLock<Vec<Framework>> = LazyLock::new(|| {
    let parsed = TABLES.iter().filter_map(|table| toml_edit::de::from_str::<Frameworks>(table).ok());
    parsed.flat_map(|frameworks| frameworks.framework).collect()
});

/// The tables, one for each language.
const TABLES: [&str; 7] = [
    include_str!("frameworks/javascript.toml"),
    include_str!("frameworks/python.toml"),
    include_str!("frameworks/rust.toml"),
    include_str!("frameworks/go.toml"),
    include_str!("frameworks/ruby.toml"),
    include_str!("frameworks/php.toml"),
    include_str!("frameworks/java.toml"),
];

/// The method of a route that answers all methods, or those that its handler selects.
pub(super) const ANY: &str = "ANY";

/// Names that variables of any kind have too.
const HTTP_VERBS: [&str; 10] = ["get", "post", "put", "patch", "delete", "head", "options", "route", "view", "url"];

/// All frameworks.
pub(super) fn all() -> &'static [Framework] {
    &FRAMEWORKS
}

/// The framework with this name.
pub(super) fn position_of(name: &str) -> usize {
    all().iter().position(|framework| framework.name == name).unwrap_or(0)
}

/// The framework whose router a call makes, by the package and the last name of what is called.
pub(super) fn of_call(package: &str, name: &str) -> Option<usize> {
    all().iter().position(|framework| {
        framework.packages.iter().any(|own| is_package(own, package))
            && framework.routers.iter().any(|router| router == name)
    })
}

/// Whether a package is the one with this name, a module of it as in `fastapi.routing`, or a version as in `chi/v5`.
fn is_package(own: &str, package: &str) -> bool {
    let is_version = |rest: &str| rest.strip_prefix("/v").is_some_and(|version| version.parse::<u32>().is_ok());
    package.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || is_version(rest))
}

/// The framework of Go with a router of this type.
pub(super) fn of_go_type(package: &str, name: &str) -> Option<usize> {
    all().iter().position(|framework| {
        framework.language == Language::Go
            && framework.packages.iter().any(|own| is_package(own, package))
            && framework.has_type(name)
    })
}

/// The HTTP method that a constant of a package of Go names: `http.MethodGet`, `echo.GET`.
pub(super) fn method_constant(package: &str, name: &str) -> Option<&'static str> {
    let is_go = all().iter().any(|framework| {
        framework.language == Language::Go && framework.packages.iter().any(|own| is_package(own, package))
    });
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].into_iter();
    let named = |method: &&str| {
        name == *method || name.strip_prefix("Method").is_some_and(|rest| rest.eq_ignore_ascii_case(method))
    };
    methods.filter(|_| is_go).find(named)
}

/// The framework whose module Python code usually gives this name.
pub(super) fn of_module(name: &str) -> Option<usize> {
    all().iter().position(|framework| framework.modules.iter().any(|module| module == name))
}

/// What a function of a package does, and the framework of the package.
pub(super) fn function_of(package: &str, name: &str) -> Option<(usize, Operation)> {
    all().iter().enumerate().find_map(|(index, framework)| {
        let is_own = framework.packages.iter().any(|own| is_package(own, package));
        framework.functions.get(name).filter(|_| is_own).map(|operation| (index, *operation))
    })
}

/// The framework of a package. `@fastify/` stands for all packages whose names begin so.
pub(super) fn of_package(package: &str) -> Option<usize> {
    let is_of = |own: &String| is_package(own, package) || own.ends_with('/') && package.starts_with(own);
    all().iter().position(|framework| framework.packages.iter().any(is_of))
}

/// The package of the framework that has this name for a router, and in Python for a function or a module.
pub(super) fn package_of_name(name: &str, language: Language) -> Option<&'static str> {
    let has_name = |framework: &&Framework| {
        framework.language == language
            && name != "default"
            && (framework.routers.iter().chain(&framework.modules).any(|own| own == name)
                || framework.functions.contains_key(name) && !HTTP_VERBS.contains(&name))
    };
    all().iter().find(has_name).and_then(|framework| framework.packages.first()).map(String::as_str)
}

/// The packages of the frameworks of a language.
pub(super) fn packages(language: Language) -> impl Iterator<Item = &'static str> {
    let own = all().iter().filter(move |framework| framework.language == language);
    own.flat_map(|framework| &framework.packages).map(String::as_str)
}

/// The framework of an import. A path of Rust begins with the package.
pub(super) fn of_import(language: Language, module: &str, name: &str) -> Option<usize> {
    if language != Language::Rust {
        return of_package(module);
    }
    let package = if module.is_empty() { name } else { module.split("::").next().unwrap_or_default() };
    of_rust().find(|(_, framework)| framework.packages.iter().any(|own| own == package)).map(|(index, _)| index)
}

/// The frameworks of Rust with their indices.
fn of_rust() -> impl Iterator<Item = (usize, &'static Framework)> {
    all().iter().enumerate().filter(|(_, framework)| framework.language == Language::Rust)
}

/// Whether a crate is one of a framework of Rust.
pub(super) fn is_rust_package(name: &str) -> bool {
    of_rust().any(|(_, framework)| framework.packages.iter().any(|package| package == name))
}

/// Whether a framework of Rust has something of this name.
pub(super) fn is_usual_name(name: &str) -> bool {
    of_rust().any(|(_, framework)| framework.has_name(name))
}

/// Whether a crate has something of this name.
pub(super) fn knows(package: &str, name: &str) -> bool {
    of_rust().any(|(_, framework)| framework.packages.iter().any(|own| own == package) && framework.has_name(name))
}

/// The framework of Rust that gives a function of a crate a meaning.
pub(super) fn rust_call(package: &str, owner: &str, name: &str) -> Option<usize> {
    let has = |(_, framework): &(usize, &Framework)| {
        framework.packages.iter().any(|own| own == package) && framework.has_function(owner, name)
    };
    of_rust().find(has).map(|(index, _)| index)
}

/// The framework of a function whose crate is not known. `main` is preferred.
pub(super) fn guessed(main: Option<usize>, owner: &str, name: &str) -> Option<usize> {
    let has = |(_, framework): &(usize, &Framework)| framework.has_function(owner, name);
    of_rust()
        .filter(|(index, _)| Some(*index) == main)
        .find(has)
        .or_else(|| of_rust().find(has))
        .map(|(index, _)| index)
}

/// The framework with a router of this type. `main` is preferred.
pub(super) fn of_rust_type(main: Option<usize>, name: &str) -> Option<usize> {
    let has = |(_, framework): &(usize, &Framework)| framework.has_type(name);
    of_rust()
        .filter(|(index, _)| Some(*index) == main)
        .find(has)
        .or_else(|| of_rust().find(has))
        .map(|(index, _)| index)
}

/// Names of Rust that only code which declares routes has.
static DECLARING: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let mut names = BTreeSet::from(["routes!", "path!", "warp", "openapi_get_routes!"]);
    for (_, framework) in of_rust() {
        let types = framework.routers.iter().chain(&framework.parts).chain(&framework.types).map(String::as_str);
        names.extend(types);
        let declares = |operation: &Operation| {
            matches!(operation, Operation::Route | Operation::Nest | Operation::Merge | Operation::Configure)
        };
        let operations = framework.operations.iter().filter(|(_, operation)| declares(operation));
        names.extend(operations.map(|(name, _)| name.as_str()));
        let functions = framework.functions.keys().filter(|name| !name.contains("::"));
        names.extend(functions.map(String::as_str).filter(|name| !COMMON_NAMES.contains(name)));
    }
    names.retain(|name| !COMMON_NAMES.contains(name));
    names
});

/// Names of operations and functions that much other code has too.
const COMMON_NAMES: [&str; 26] = [
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "head",
    "options",
    "trace",
    "connect",
    "any",
    "on",
    "to",
    "method",
    "add",
    "append",
    "extend",
    "build",
    "custom",
    "route_service",
    "prefix",
    "path",
    "url",
    "resource",
    "scope",
    "routes",
    "at",
];

/// Whether code that has this name may declare routes.
pub(super) fn declares_routes(name: &str) -> bool {
    DECLARING.contains(name)
}

impl Framework {
    fn has_name(&self, name: &str) -> bool {
        let has = |names: &[String]| names.iter().any(|own| own == name);
        has(&self.routers)
            || has(&self.parts)
            || has(&self.modules)
            || self.function(name).is_some()
            || self.functions.keys().any(|own| own.split("::").next() == Some(name))
    }

    /// Whether `owner::name` makes a router or a part of one.
    fn has_function(&self, owner: &str, name: &str) -> bool {
        let is_constructor = self.is_router_type(owner) && self.constructors.iter().any(|own| own == name);
        let is_place = |names: &[String]| names.iter().any(|own| own == owner);
        let is_free = owner.is_empty() || is_place(&self.packages) || is_place(&self.modules);
        is_constructor
            || is_free && self.function(name).is_some()
            || self.functions.contains_key(&format!("{owner}::{name}"))
    }

    pub(super) fn is_router_type(&self, name: &str) -> bool {
        self.routers.iter().chain(&self.parts).any(|own| own == name)
    }

    pub(super) fn is_part_type(&self, name: &str) -> bool {
        self.parts.iter().any(|own| own == name)
    }

    /// `get` of `get_with`, `get_service` and `get_async`.
    fn without_suffix<'n>(&self, name: &'n str) -> Option<&'n str> {
        let suffixes = ["_with", "_service", "_async"];
        suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).filter(|_| self.language == Language::Rust)
    }

    pub(super) fn function(&self, name: &str) -> Option<Operation> {
        let plain = || self.functions.get(self.without_suffix(name)?);
        self.functions.get(name).or_else(plain).copied()
    }

    pub(super) fn operation(&self, name: &str) -> Option<Operation> {
        let plain = || self.operations.get(self.without_suffix(name)?);
        self.operations.get(name).or_else(plain).copied()
    }

    /// Whether code usually gives this name to something of the framework.
    pub(super) fn is_module(&self, name: &str) -> bool {
        self.modules.iter().any(|own| own == name)
    }

    pub(super) fn has_type(&self, name: &str) -> bool {
        self.types.iter().any(|own| own == name)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tables_of_frameworks_are_valid() {
        for table in super::TABLES {
            let frameworks = toml_edit::de::from_str::<super::Frameworks>(table).unwrap().framework;
            assert!(!frameworks.is_empty() && frameworks.iter().all(|framework| !framework.name.is_empty()), "{table}");
        }
    }
}
