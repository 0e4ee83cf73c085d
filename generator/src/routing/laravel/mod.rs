//! What the routes of Laravel and Lumen mean: calls of `Route`, groups with a prefix, and files that a provider loads.

mod files;
mod resource;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use self::resource::Resource;
use super::evaluate::{Arguments, Place, source_of};
use super::framework::{self, Framework, Operation};
use super::program::{Program, Unresolved};
use super::router::RouterId;
use super::text::Text;
use super::value::{Scope, Value};
use crate::code::{Expression, Located};

/// The maximum depth of groups.
const MAX_GROUPS: usize = 40;
/// Texts of which a file that declares routes has one.
const MARKERS: [&str; 6] = ["Route::", "$router->", "$app->", "withRouting(", "loadRoutesFrom(", "$api->"];

/// The state of the evaluation of routes of Laravel.
#[derive(Default)]
pub(super) struct LaravelState {
    /// The router of all routes.
    router: Option<RouterId>,
    /// The prefixes of the groups that run.
    groups: Vec<Text>,
    /// The prefixes that chains of calls have set, and the resources that they describe.
    chains: HashMap<RouterId, Chain>,
    /// The files that have run.
    loaded: HashSet<usize>,
    /// Whether the last call was one of the class `Route`, and not of a variable.
    is_class: bool,
    /// Whether the files of PHP run.
    has_run: bool,
}

/// What a chain of calls describes: `Route::prefix('admin')->group(…)`, `Route::resource(…)->only(…)`.
enum Chain {
    Group(Text),
    Resource(Resource),
}

/// Whether a file may declare routes of Laravel.
pub(super) fn is_candidate(path: &str, text: &str) -> bool {
    MARKERS.iter().any(|marker| text.contains(marker)) && !path.ends_with(".blade.php")
}

fn laravel() -> Option<&'static Framework> {
    framework::all().get(framework::position_of("laravel"))
}

/// Whether an object is the router: `Route`, or a variable that usually is one.
fn is_router(object: &Located) -> bool {
    let source = source_of(object);
    let source = source.replace("this.", "this->");
    is_class(object)
        || laravel().is_some_and(|laravel| laravel.is_module(&source) || laravel.is_module(&source.replace('.', "->")))
}

/// Whether an object is the class `Route`.
fn is_class(object: &Located) -> bool {
    matches!(&object.expression, Expression::Name(name) if name == "Route")
}

impl Program<'_> {
    /// A call of a method in PHP on a value that is not known.
    pub(super) fn laravel_method(
        &mut self,
        object: &Located,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        if !self.laravel.has_run {
            return Value::Unknown;
        }
        match name {
            "withRouting" => self.with_routing(arguments, place),
            "loadRoutesFrom" => self.load_file(&arguments.get(0)),
            "routes" if source_of(object) == "Auth" => self.laravel_unresolved("Auth::routes", arguments, place),
            _ if is_router(object) => {
                self.laravel.is_class = is_class(object);
                return self.laravel_call(None, name, arguments, place);
            }
            _ => drop(self.call_functions(arguments)),
        }
        Value::Unknown
    }

    /// The next call of a chain.
    pub(super) fn laravel_chain(
        &mut self,
        chain: RouterId,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        if let Some(Chain::Resource(resource)) = self.laravel.chains.get_mut(&chain) {
            if resource.change(name, arguments) {
                self.add_resource(chain);
            }
            return Value::Resource(chain, Text::default());
        }
        self.laravel_call(Some(chain), name, arguments, place)
    }

    fn laravel_call(&mut self, chain: Option<RouterId>, name: &str, arguments: &Arguments<'_>, place: Place) -> Value {
        let Some(laravel) = laravel() else { return Value::Unknown };
        let set = chain.and_then(|chain| self.laravel.chains.get(&chain));
        let own = if let Some(Chain::Group(prefix)) = set { prefix.clone() } else { Text::default() };
        let base = self.laravel.groups.last().cloned().unwrap_or_default().joined(&own, false);
        let Some(operation) = laravel.operation(name) else {
            // The methods of a variable may be those of anything.
            if arguments.functions().is_empty() && (chain.is_some() || self.laravel.is_class) {
                self.laravel_unresolved(name, arguments, place);
            }
            return self.call_functions(arguments);
        };
        let router = self.laravel_router();
        self.mark_called_unless_group(operation, arguments);
        match operation {
            Operation::Verb => self.laravel_verbs(router, &[name.to_uppercase()], 0, &base, arguments, place),
            Operation::GetAlone => self.laravel_verbs(router, &["GET".to_owned()], 0, &base, arguments, place),
            Operation::Any => self.laravel_verbs(router, &[framework::ANY.to_owned()], 0, &base, arguments, place),
            Operation::Methods => {
                let methods: Vec<String> = arguments.get(0).texts().iter().map(ToString::to_string).collect();
                self.laravel_verbs(router, &methods, 1, &base, arguments, place);
            }
            Operation::Fallback => {
                let path = base.joined(&Text::literal("{fallbackPlaceholder}"), false);
                self.add_route(router, "GET", path, &laravel_handler(arguments, 0), place);
            }
            Operation::Group => self.laravel_group(&base, arguments),
            Operation::OwnPrefix | Operation::Copy => {
                let own = if operation == Operation::OwnPrefix {
                    own.joined(&Self::laravel_path(0, arguments), false)
                } else {
                    own
                };
                // Groups in the arguments of an old form: `Route::domain('x', function () {…})`.
                let chain = self.laravel_router_alone();
                self.laravel.chains.insert(chain, Chain::Group(own));
                return Value::Resource(chain, Text::default());
            }
            Operation::Resources | Operation::OneResource => {
                return self.laravel_resources(name, &base, arguments, place);
            }
            _ => {}
        }
        Value::Unknown
    }

    /// The router of all routes. Their paths are complete.
    fn laravel_router(&mut self) -> RouterId {
        if let Some(router) = self.laravel.router {
            return router;
        }
        let router = self.laravel_router_alone();
        self.laravel.router = Some(router);
        router
    }

    fn laravel_router_alone(&mut self) -> RouterId {
        self.new_router(framework::position_of("laravel"), Text::default())
    }

    pub(super) fn is_laravel_chain(&self, router: RouterId) -> bool {
        self.laravel.chains.contains_key(&router)
    }

    /// Handlers run for each request, so they add no routes.
    fn mark_called_unless_group(&mut self, operation: Operation, arguments: &Arguments<'_>) {
        if operation != Operation::Group {
            self.mark_called(arguments);
        }
    }

    fn laravel_path(at: usize, arguments: &Arguments<'_>) -> Text {
        match arguments.get(at) {
            Value::Text(text) => text,
            _ => arguments.expression(at).map(|value| Text::unknown(&source_of(value))).unwrap_or_default(),
        }
    }

    fn laravel_verbs(
        &mut self,
        router: RouterId,
        methods: &[String],
        at: usize,
        base: &Text,
        arguments: &Arguments<'_>,
        place: Place,
    ) {
        if arguments.len() <= at {
            return;
        }
        let path = base.joined(&Self::laravel_path(at, arguments), false).without_last_slash();
        let path = if path.is_empty() { Text::literal("/") } else { path };
        let handler = laravel_handler(arguments, at + 1);
        for method in methods {
            self.add_route(router, method, path.clone(), &handler, place);
        }
    }

    /// `group(function () {…})`, `group(['prefix' => 'admin'], function () {…})`, `group(base_path('routes/api.php'))`
    fn laravel_group(&mut self, base: &Text, arguments: &Arguments<'_>) {
        if self.laravel.groups.len() >= MAX_GROUPS {
            return;
        }
        let prefix = arguments.get(0).field("prefix").and_then(|prefix| prefix.as_text().cloned());
        let path = prefix.map_or_else(|| base.clone(), |prefix| base.joined(&prefix, false));
        self.laravel.groups.push(path);
        for closure in arguments.functions() {
            self.call_closure(&closure, Vec::new(), closure.this.clone());
        }
        if let Some(file) = arguments.values.last() {
            self.load_file(file);
        }
        self.laravel.groups.pop();
    }

    /// A call that a package may have added, such as `Route::auth()`.
    fn laravel_unresolved(&mut self, name: &str, arguments: &Arguments<'_>, place: Place) {
        let argument = arguments.expression(0).map(source_of).unwrap_or_default();
        let source = format!("{name}({argument})");
        self.unresolved.insert(Unresolved { file: place.file, line: place.line, source });
    }

    /// A function of PHP or of Laravel.
    pub(super) fn php_function(&mut self, name: &str, arguments: &Arguments<'_>, scope: &Rc<Scope>) -> Value {
        match name {
            "base_path" | "app_path" | "realpath" => self.laravel_folder(name, arguments, scope),
            "env" | "config" => arguments.values.get(1).cloned().unwrap_or(Value::Unknown),
            "require" => {
                self.load_file(&arguments.get(0));
                Value::Unknown
            }
            "sprintf" | "trim" | "rtrim" | "ltrim" if arguments.len() == 1 => arguments.get(0),
            "array_merge" => {
                let lists = arguments.values.iter().filter_map(|value| match value {
                    Value::List(values) => Some(values.as_ref().clone()),
                    _ => None,
                });
                Value::List(Rc::new(lists.flatten().collect()))
            }
            _ => {
                if self.laravel.has_run {
                    self.call_functions(arguments);
                }
                Value::Unknown
            }
        }
    }
}

/// The controller and its method: `[UserController::class, 'index']`, `'UserController@index'`.
fn laravel_handler(arguments: &Arguments<'_>, at: usize) -> String {
    let Some(expression) = arguments.expression(at) else { return String::new() };
    let name = match (&expression.expression, arguments.get(at)) {
        (Expression::Function(_), _) => String::new(),
        (_, Value::Text(text)) => text.to_string(),
        (Expression::List(elements), _) => {
            let parts: Vec<String> = elements.iter().map(|element| source_of(&element.value)).collect();
            parts.join("@").replace("::class", "")
        }
        _ => source_of(expression).replace("::class", ""),
    };
    Program::short(&name)
}
