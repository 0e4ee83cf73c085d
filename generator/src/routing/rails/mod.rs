//! What the routes of Rails mean: blocks in blocks, each of which adds to the path.

mod resource;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use self::resource::Actions;
use super::evaluate::{Arguments, Place, source_of};
use super::framework::{self, Operation};
use super::program::{Program, Unresolved};
use super::router::RouterId;
use super::text::Text;
use super::value::{Closure, Scope, Value};
use crate::code::{Expression, Located};
use crate::paths;

/// The maximum depth of blocks.
const MAX_FRAMES: usize = 40;

/// The state of the evaluation of routes of Rails.
#[derive(Default)]
pub(super) struct RailsState {
    /// The router of the block that runs. `None` outside of the blocks that draw routes.
    router: Option<RouterId>,
    frames: Vec<Frame>,
    concerns: BTreeMap<String, Rc<Closure>>,
    /// The router of each application and engine, by its name.
    engines: HashMap<String, RouterId>,
    mounts: Vec<EngineMount>,
}

/// A block.
#[derive(Clone, Default)]
struct Frame {
    /// What the paths in the block begin with.
    path: Text,
    /// The paths of the resources whose block this is: of all of them, and of one.
    resource: Option<(Text, Text)>,
    /// The path before the outermost resource, for shallow routes.
    before_resources: Text,
    is_in_resource: bool,
    is_shallow: bool,
    /// The actions that a scope selects.
    actions: Option<Actions>,
}

/// An engine that is mounted. Its routes may be drawn later.
struct EngineMount {
    name: String,
    parent: RouterId,
    path: Text,
    place: Place,
}

impl Program<'_> {
    /// `Rails.application.routes.draw do … end`
    pub(super) fn rails_method(
        &mut self,
        object: &Located,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
        scope: &Rc<Scope>,
    ) -> Value {
        let source = source_of(object);
        if matches!(name, "draw" | "append" | "prepend")
            && let Some(owner) = source.strip_suffix(".routes")
        {
            self.draw(owner, arguments);
            return Value::Unknown;
        }
        let is_variable = !source.is_empty() && source.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if self.rails.router.is_some() && is_variable && rails().is_some_and(|rails| rails.operation(name).is_some()) {
            return self.rails_call(name, arguments, place, scope);
        }
        self.rails_blocks(arguments);
        Value::Unknown
    }

    fn draw(&mut self, owner: &str, arguments: &Arguments<'_>) {
        let is_application = owner.ends_with(".application") || owner.ends_with("Application");
        let owner = if is_application { "Rails.application" } else { owner.trim_start_matches("::") };
        let framework = framework::position_of("rails");
        let router = match self.rails.engines.get(owner) {
            Some(router) => *router,
            None => self.new_router(framework, Text::default()),
        };
        self.rails.engines.insert(owner.to_owned(), router);
        let before = self.rails.router.replace(router);
        let frames = std::mem::replace(&mut self.rails.frames, vec![Frame::default()]);
        self.rails_blocks(arguments);
        self.rails.frames = frames;
        self.rails.router = before;
    }

    /// A call without a receiver, such as `resources :users`.
    pub(super) fn rails_call(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
        scope: &Rc<Scope>,
    ) -> Value {
        let (Some(router), Some(rails)) = (self.rails.router, rails()) else {
            self.rails_blocks(arguments);
            return Value::Unknown;
        };
        let Some(operation) = rails.operation(name) else {
            // A block such as that of `constraints` adds nothing to the path.
            if arguments.functions().is_empty() {
                self.rails_unresolved(name, arguments, place);
            }
            self.rails_blocks(arguments);
            return Value::Unknown;
        };
        let frame = self.rails.frames.last().cloned().unwrap_or_default();
        match operation {
            Operation::Verb => self.rails_verbs(router, &[name.to_uppercase()], arguments, place),
            Operation::Methods => {
                let via = arguments.named(&["via"]).map(|via| via.texts()).unwrap_or_default();
                let named = via.iter().map(ToString::to_string);
                let methods: Vec<String> =
                    named.map(|name| if name == "all" { framework::ANY.to_owned() } else { name }).collect();
                let methods = if methods.is_empty() { vec![framework::ANY.to_owned()] } else { methods };
                self.rails_verbs(router, &methods, arguments, place);
            }
            Operation::Own => {
                let handler = handler(arguments);
                self.add_rails_route(router, "GET", &frame.path.joined(&Text::literal("/"), false), &handler, place);
            }
            Operation::Resources => self.rails_resources(router, arguments, place, true),
            Operation::OneResource => self.rails_resources(router, arguments, place, false),
            Operation::Namespace | Operation::Below => self.rails_scope(arguments, operation == Operation::Namespace),
            Operation::Member | Operation::Collection | Operation::NewResource => {
                let (all, one) = frame.resource.clone().unwrap_or_else(|| (frame.path.clone(), frame.path.clone()));
                let path = match operation {
                    Operation::Member => one,
                    Operation::Collection => all,
                    _ => all.joined(&Text::literal("new"), false),
                };
                self.rails_below(Frame { path, resource: None, ..frame }, arguments);
            }
            Operation::Shallow => self.rails_below(Frame { is_shallow: true, ..frame }, arguments),
            Operation::Concern => {
                if let (Some(name), Some(closure)) = (arguments.get(0).as_literal(), arguments.functions().first()) {
                    self.called.insert(std::sync::Arc::as_ptr(&closure.function));
                    self.rails.concerns.insert(name.to_owned(), closure.clone());
                }
            }
            Operation::UseConcerns => {
                let names: Vec<Text> = arguments.values.iter().flat_map(Value::texts).collect();
                self.rails_concerns(&names);
            }
            Operation::MountApp => self.rails_mount(router, &frame.path, arguments, place, scope),
            Operation::Include => self.rails_draw_file(arguments, place),
            Operation::Nothing => {}
            _ => self.rails_blocks(arguments),
        }
        Value::Unknown
    }

    /// Runs the blocks of a call with what its own block adds.
    fn rails_below(&mut self, frame: Frame, arguments: &Arguments<'_>) {
        if self.rails.frames.len() >= MAX_FRAMES {
            return;
        }
        self.rails.frames.push(frame);
        self.rails_blocks(arguments);
        self.rails.frames.pop();
    }

    fn rails_blocks(&mut self, arguments: &Arguments<'_>) {
        for closure in arguments.functions() {
            self.call_closure(&closure, Vec::new(), closure.this.clone());
        }
    }

    fn rails_concerns(&mut self, names: &[Text]) {
        for name in names {
            let concern = name.as_literal().and_then(|name| self.rails.concerns.get(name).cloned());
            if let Some(concern) = concern {
                self.call_closure(&concern, Vec::new(), None);
            }
        }
    }

    /// `get 'path', to: 'users#show'`, `get :search, on: :collection`, `get 'path' => 'users#show'`
    fn rails_verbs(&mut self, router: RouterId, methods: &[String], arguments: &Arguments<'_>, place: Place) {
        let frame = self.rails.frames.last().cloned().unwrap_or_default();
        let on = arguments.named(&["on"]);
        let base = match (on.as_ref().and_then(Value::as_literal), &frame.resource) {
            (Some("collection"), Some((all, _))) => all.clone(),
            (Some("member"), Some((_, one))) => one.clone(),
            (Some("new"), Some((all, _))) => all.joined(&Text::literal("new"), false),
            _ => frame.path.clone(),
        };
        let mut paths: Vec<Text> = Vec::new();
        for value in &arguments.values {
            match value {
                Value::Record(_) => paths.extend(Self::fields(value).keys().map(|path| Text::literal(path))),
                value => paths.extend(value.texts()),
            }
        }
        if let Some(Value::Text(path)) = arguments.named(&["path"]) {
            paths = vec![path];
        }
        if paths.is_empty() {
            paths.extend(arguments.expression(0).map(|value| Text::unknown(&source_of(value))));
        }
        let handler = handler(arguments);
        for path in paths {
            let path = base.joined(&without_format(&path), false).without_last_slash();
            let path = if path.is_empty() { Text::literal("/") } else { path };
            for method in methods {
                self.add_rails_route(router, method, &path, &handler, place);
            }
        }
    }

    /// Adds a route. A part that may be missing has the slash before it: `/(:locale)/users` is `(/:locale)/users`.
    fn add_rails_route(&mut self, router: RouterId, method: &str, path: &Text, handler: &str, place: Place) {
        let is_optional = path.as_literal().is_some_and(|path| path.starts_with("/(") && path.ends_with(')'));
        let moved = |text: &str| text.replace("/(/", "(/").replace("/(", "(/");
        let path = if is_optional { path.clone() } else { path.map_literals(moved) };
        self.add_route(router, method, path, handler, place);
    }

    /// `namespace :admin`, `scope '/admin'`, `scope path: 'admin'`
    fn rails_scope(&mut self, arguments: &Arguments<'_>, is_namespace: bool) {
        let mut frame = self.rails.frames.last().cloned().unwrap_or_default();
        let own = arguments.named(&["path"]);
        let replaces = own.is_some() && is_namespace;
        let positional = arguments.values.iter().filter(|_| !replaces).flat_map(Value::texts);
        for path in positional.chain(own.iter().flat_map(Value::texts)) {
            frame.path = frame.path.joined(&path, false);
        }
        frame.resource = None;
        if !frame.is_in_resource {
            frame.before_resources = frame.path.clone();
        }
        frame.is_shallow |= is_true(arguments, "shallow");
        frame.actions = Actions::of(arguments).or(frame.actions);
        self.rails_below(frame, arguments);
    }

    /// `mount Engine => '/path'`, `mount Engine, at: '/path'`
    fn rails_mount(
        &mut self,
        parent: RouterId,
        base: &Text,
        arguments: &Arguments<'_>,
        place: Place,
        scope: &Rc<Scope>,
    ) {
        let Some(first) = arguments.expression(0) else { return };
        let (name, path) = if let Expression::Record(entries) = &first.expression {
            let Some(entry) = entries.first() else { return };
            (entry.key.as_ref().map(source_of).unwrap_or_default(), self.text_of(&entry.value, scope))
        } else {
            let path = arguments.named(&["at", "path"]).and_then(|path| path.as_text().cloned());
            (source_of(first), path.unwrap_or_default())
        };
        let name = name.trim_start_matches("::").replace(".engine", "");
        self.rails.mounts.push(EngineMount { name, parent, path: base.joined(&path, false), place });
    }

    /// Mounts the engines of the repository. What another program serves is one row.
    pub(super) fn add_engines(&mut self) {
        for mount in std::mem::take(&mut self.rails.mounts) {
            if let Some(engine) = self.rails.engines.get(&mount.name).copied() {
                self.routers.mount(mount.parent, mount.path, engine);
            } else {
                let path = mount.path.joined(&Text::literal("*"), false);
                self.add_rails_route(mount.parent, framework::ANY, &path, &mount.name, mount.place);
            }
        }
    }

    /// `draw(:admin)` runs the file `config/routes/admin.rb`.
    fn rails_draw_file(&mut self, arguments: &Arguments<'_>, place: Place) {
        let name = arguments.get(0);
        let config = self.path_of(place.file).split("config/routes").next().unwrap_or_default().to_owned();
        let path = name.as_literal().map(|name| format!("{config}config/routes/{name}.rb"));
        let files = self.files;
        match path.and_then(|path| self.file_at(&path)).and_then(|file| Some((file, files.get(file)?))) {
            Some((file, source)) if self.rails.frames.len() < MAX_FRAMES => {
                let frame = self.rails.frames.last().cloned().unwrap_or_default();
                self.rails.frames.push(frame);
                self.block(&source.statements, &Scope::of_file(file));
                self.rails.frames.pop();
            }
            _ => self.rails_unresolved("draw", arguments, place),
        }
    }

    /// A call between routes that a package may have added, such as `devise_for :users`.
    fn rails_unresolved(&mut self, name: &str, arguments: &Arguments<'_>, place: Place) {
        let argument = arguments.expression(0).map(source_of).unwrap_or_default();
        let source = format!("{name}({argument})");
        self.unresolved.insert(Unresolved { file: place.file, line: place.line, source });
    }
}

/// Whether a file may declare routes of Rails.
pub(super) fn is_candidate(path: &str, text: &str) -> bool {
    format!("/{path}").contains("/config/routes") || text.contains(".routes.draw")
}

/// Whether a file says that the application has no pages.
pub(super) fn is_api_only(path: &str, text: &str) -> bool {
    let sets = |line: &str| line.trim_start().starts_with("config.api_only") && line.contains("true");
    paths::name(path) == "application.rb" && text.lines().any(sets)
}

fn rails() -> Option<&'static framework::Framework> {
    framework::all().get(framework::position_of("rails"))
}

fn is_true(arguments: &Arguments<'_>, name: &str) -> bool {
    let named = arguments.call.arguments.iter().find(|argument| argument.name.as_deref() == Some(name));
    named.is_some_and(|argument| source_of(&argument.value) == "true")
}

/// The path without the format that may follow it.
fn without_format(path: &Text) -> Text {
    path.map_literals(|text| text.strip_suffix("(.:format)").unwrap_or(text).to_owned())
}

/// The controller and its action: `to: 'users#show'` or `'path' => 'users#show'`.
fn handler(arguments: &Arguments<'_>) -> String {
    let named = arguments.named(&["to"]);
    let first = arguments.get(0);
    let after_arrow = || Program::fields(&first).into_values().next();
    let value = named.or_else(after_arrow);
    value.and_then(|value| value.as_literal().map(Program::short)).unwrap_or_default()
}
