//! Routers of Python that are created with others, or mounted on others.

use super::super::super::framework::{self, Operation};
use super::super::super::program::Program;
use super::super::super::router::RouterId;
use super::super::super::text::Text;
use super::super::super::value::Value;
use super::super::call::Arguments;
use super::super::operation::Place;

/// The names of arguments that are a prefix.
const PREFIXES: [&str; 3] = ["prefix", "url_prefix", "path"];
/// The names of arguments that are routers.
const ROUTERS: [&str; 9] = ["router", "app", "routes", "blueprint", "namespace", "ns", "subapp", "application", "api"];

impl Program<'_> {
    /// The prefix that a router is created with.
    pub(super) fn own_prefix(arguments: &Arguments<'_>) -> Option<Text> {
        arguments.named(&PREFIXES).and_then(|_| Self::text_at(arguments, usize::MAX, &PREFIXES))
    }

    /// Creates a router: `APIRouter(prefix="/users")`, `Starlette(routes=[…])`, `Api(app)`.
    pub(super) fn python_router(&mut self, framework: usize, name: &str, arguments: &Arguments<'_>) -> RouterId {
        let mut prefix = Self::own_prefix(arguments).filter(|prefix| prefix.to_string() != "{None}");
        if name == "Namespace" && prefix.is_none() {
            prefix = Self::text_at(arguments, 0, &["name"]).map(|name| Text::literal("/").joined(&name, false));
        }
        if name.starts_with("Nested") {
            return self.nested_router(framework, arguments);
        }
        let router = self.new_router(framework, prefix.unwrap_or_default());
        let listed = arguments
            .named(&["routes"])
            .or_else(|| arguments.values.iter().find(|value| matches!(value, Value::List(_))).cloned());
        let mut children = Vec::new();
        routers_in(&listed.unwrap_or(Value::Unknown), &mut children);
        for child in children {
            self.routers.mount(router, Text::default(), child);
        }
        if let Value::Router(above) = arguments.at(0, &["app", "blueprint"]) {
            self.routers.mount(above, Text::default(), router);
        }
        if arguments
            .expression_at(usize::MAX, &["trailing_slash"])
            .map(super::super::source_of)
            .is_some_and(|value| value == "False")
        {
            self.slashless.insert(router);
        }
        router
    }

    /// `include_router(router, prefix=…)`, `register_blueprint(blueprint, url_prefix=…)`, `mount(path, app)`
    pub(super) fn python_include(
        &mut self,
        router: RouterId,
        operation: Operation,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) {
        let mut children = Vec::new();
        for value in &arguments.values {
            routers_in(value, &mut children);
        }
        for (_, value) in arguments.named.iter().filter(|(name, _)| ROUTERS.contains(&name.as_str())) {
            routers_in(value, &mut children);
        }
        let prefix = if operation == Operation::MountApp && arguments.len() > 0 {
            Self::text_at(arguments, 0, &[])
        } else {
            let positional = || arguments.values.iter().find_map(|value| value.as_text().cloned());
            let named = || Self::own_prefix(arguments).or_else(positional);
            let prefix = arguments.named(&["prefix"]).and_then(|_| Self::text_at(arguments, usize::MAX, &["prefix"]));
            prefix.or_else(named)
        };
        let prefix = prefix.filter(|prefix| prefix.to_string() != "{None}");
        if children.is_empty() && operation == Operation::MountApp {
            let handler = Self::short(&Self::source_at(arguments, 1, &["app"]));
            self.add_route(router, framework::ANY, prefix.unwrap_or_default(), &handler, place);
            return;
        }
        if children.is_empty() {
            let source = Self::source_at(arguments, 0, &ROUTERS);
            self.add_not_understood(format!("{name}({source})"), place);
        }
        for child in children {
            match &prefix {
                Some(prefix) if operation == Operation::Register => {
                    self.routers.mount_at(router, prefix.clone(), child);
                }
                _ => self.routers.mount(router, prefix.clone().unwrap_or_default(), child),
            }
        }
    }

    /// `api.namespace(name, path=…)` creates a router and mounts it.
    pub(super) fn python_namespace(&mut self, router: RouterId, arguments: &Arguments<'_>) -> Value {
        let framework = self.routers.get(router).map_or(0, |router| router.framework);
        let child = self.python_router(framework, "Namespace", arguments);
        self.routers.mount(router, Text::default(), child);
        Value::Router(child)
    }

    /// `router.routes.append(route)`, which is an assignment to the routes.
    pub(in super::super) fn assign_routes(&mut self, router: RouterId, name: &str, value: &Value) {
        let mut children = Vec::new();
        if name == "routes" {
            routers_in(value, &mut children);
        }
        for child in children {
            self.routers.mount(router, Text::default(), child);
        }
    }

    /// `api.init_app(app)` mounts the router on the argument.
    pub(super) fn python_attach(&mut self, router: RouterId, arguments: &Arguments<'_>) {
        if let Value::Router(above) = arguments.at(0, &["app", "blueprint"]) {
            self.routers.mount(above, Text::default(), router);
        }
    }
}

/// The routers in a value.
pub(super) fn routers_in(value: &Value, found: &mut Vec<RouterId>) {
    match value {
        Value::Router(router) => found.push(*router),
        Value::List(values) => values.iter().for_each(|value| routers_in(value, found)),
        _ => {}
    }
}
