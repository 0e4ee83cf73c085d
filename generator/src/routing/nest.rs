//! Routes of `NestJS`: methods with decorators in controller classes.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::evaluate::source_of;
use super::framework;
use super::program::Program;
use super::router::RouterId;
use super::text::Text;
use super::value::{ClassValue, Scope, Value};
use crate::code::{Call, Expression, Function, Language, Located};

/// The decorators of methods that are routes.
const VERBS: [&str; 9] = ["Get", "Post", "Put", "Patch", "Delete", "Head", "Options", "All", "Sse"];

/// What the application and its modules say about all controllers.
#[derive(Default)]
struct Application {
    prefix: Text,
    versions: bool,
    default_version: Option<String>,
    /// The paths that `RouterModule` gives to the controllers of a class.
    paths: BTreeMap<*const crate::code::Class, Text>,
}

/// A decorator with the values of its arguments.
struct Decorator {
    name: String,
    argument: Option<Value>,
    line: usize,
}

impl Program<'_> {
    /// Adds the routes of all controllers.
    pub(super) fn add_controllers(&mut self) {
        let controllers: Vec<(Rc<ClassValue>, Decorator)> = self.controllers();
        if controllers.is_empty() {
            return;
        }
        let application = self.application();
        let framework = framework::of_package("@nestjs/core").unwrap_or(0);
        for (class, decorator) in controllers {
            let router = self.new_router(framework, Text::default());
            for prefix in prefixes(&decorator, &application, &class) {
                let child = self.new_router(framework, Text::default());
                self.routers.mount(router, prefix, child);
                self.add_methods(&class, child);
            }
        }
    }

    fn controllers(&mut self) -> Vec<(Rc<ClassValue>, Decorator)> {
        let is_own = |class: &&Rc<ClassValue>| self.language(class.scope.file) == Language::JavaScript;
        let classes: Vec<Rc<ClassValue>> = self.classes().iter().filter(is_own).cloned().collect();
        let mut found = Vec::new();
        for class in classes {
            let decorators = self.decorators(&class.class.decorators, &class.scope);
            found.extend(decorators.into_iter().find(|own| own.name == "Controller").map(|own| (class.clone(), own)));
        }
        found
    }

    fn decorators(&mut self, decorators: &[Located], scope: &Rc<Scope>) -> Vec<Decorator> {
        let mut found = Vec::new();
        for decorator in decorators {
            let (name, argument) = match &decorator.expression {
                Expression::Call(call) => (source_of(&call.callee), self.decorator_argument(call, scope)),
                _ => (source_of(decorator), None),
            };
            let name = name.rsplit('.').next().unwrap_or_default().to_owned();
            found.push(Decorator { name, argument, line: decorator.line });
        }
        found
    }

    fn decorator_argument(&mut self, call: &Call, scope: &Rc<Scope>) -> Option<Value> {
        let argument = call.arguments.first()?;
        let value = self.evaluate(&argument.value, scope);
        Some(match value {
            Value::Unknown | Value::Package(_) => Value::Text(Text::unknown(&source_of(&argument.value))),
            value => value,
        })
    }

    /// The routes of a class and of the classes that it inherits from.
    fn add_methods(&mut self, class: &Rc<ClassValue>, router: RouterId) {
        let mut own = BTreeSet::new();
        for class in class.lineage() {
            for (name, method) in &class.class.methods {
                if own.insert(name.clone()) {
                    self.add_method(&class, name, method, router);
                }
            }
        }
    }

    fn add_method(&mut self, class: &Rc<ClassValue>, name: &str, method: &Arc<Function>, router: RouterId) {
        self.called.insert(Arc::as_ptr(method));
        for decorator in self.decorators(&method.decorators, &class.scope) {
            if !VERBS.contains(&decorator.name.as_str()) {
                continue;
            }
            let method_name = match decorator.name.as_str() {
                "Sse" => "GET",
                "All" => framework::ANY,
                name => name,
            };
            let paths = decorator.argument.map(|argument| argument.texts()).unwrap_or_default();
            let paths = if paths.is_empty() { vec![Text::default()] } else { paths };
            for path in paths {
                self.add_class_route(router, method_name, path, name, class.scope.file, decorator.line);
            }
        }
    }

    /// The prefix, versions and paths of modules that the code of the application sets.
    fn application(&mut self) -> Application {
        let mut application = Application::default();
        let calls = super::calls::named(self.files, &["setGlobalPrefix", "enableVersioning", "register"]);
        for (file, name, call) in calls {
            let scope = self.scope_of(file);
            let Some(argument) = call.arguments.first() else { continue };
            match name {
                "setGlobalPrefix" => application.prefix = self.text_of(&argument.value, &scope),
                "enableVersioning" => self.versioning(&argument.value, &scope, &mut application),
                _ if source_of(&call.callee).starts_with("RouterModule") => {
                    let routes = self.evaluate(&argument.value, &scope);
                    self.module_paths(&routes, &Text::default(), &mut application);
                }
                _ => {}
            }
        }
        application
    }

    fn versioning(&mut self, options: &Located, scope: &Rc<Scope>, application: &mut Application) {
        let Expression::Record(entries) = &options.expression else { return };
        let key = |entry: &crate::code::Entry| entry.key.as_ref().map(source_of).unwrap_or_default();
        let kind = entries.iter().find(|entry| key(entry) == "type").map(|entry| source_of(&entry.value));
        application.versions = kind.is_none_or(|kind| kind.ends_with("URI"));
        let options = self.evaluate(options, scope);
        application.default_version =
            options.field("defaultVersion").and_then(|version| version.as_literal().map(str::to_owned));
    }

    /// `[{ path, module, children }]` of `RouterModule.register`.
    fn module_paths(&mut self, routes: &Value, prefix: &Text, application: &mut Application) {
        let Value::List(routes) = routes else { return };
        for route in routes.iter() {
            let own = route.field("path").and_then(|path| path.as_text().cloned()).unwrap_or_default();
            let path = prefix.joined(&own, false);
            if let Some(Value::Class(module)) = route.field("module") {
                for controller in self.controllers_of(&module) {
                    application.paths.insert(Arc::as_ptr(&controller.class), path.clone());
                }
            }
            if let Some(children) = route.field("children") {
                self.module_paths(&children, &path, application);
            }
        }
    }

    fn controllers_of(&mut self, module: &Rc<ClassValue>) -> Vec<Rc<ClassValue>> {
        let decorators = self.decorators(&module.class.decorators, &module.scope);
        let options =
            decorators.into_iter().find(|decorator| decorator.name == "Module").and_then(|found| found.argument);
        match options.and_then(|options| options.field("controllers")) {
            Some(Value::List(values)) => values
                .iter()
                .filter_map(|value| if let Value::Class(class) = value { Some(class.clone()) } else { None })
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// The prefixes of a controller: global prefix, version, path of the module, own path.
fn prefixes(decorator: &Decorator, application: &Application, class: &Rc<ClassValue>) -> Vec<Text> {
    let argument = decorator.argument.clone().unwrap_or(Value::Unknown);
    let options = matches!(argument, Value::Record(_));
    let own = if options { argument.field("path").unwrap_or(Value::Unknown).texts() } else { argument.texts() };
    let own = if own.is_empty() { vec![Text::default()] } else { own };
    let module = application.paths.get(&Arc::as_ptr(&class.class)).cloned().unwrap_or_default();
    let versions = versions(&argument, options, application);
    let mut prefixes = Vec::new();
    for version in versions {
        for path in &own {
            let version = version.as_deref().map(|version| Text::literal(&format!("v{version}"))).unwrap_or_default();
            let parts = [&version, &module, path];
            prefixes.push(parts.iter().fold(application.prefix.clone(), |prefix, part| prefix.joined(part, false)));
        }
    }
    prefixes
}

fn versions(argument: &Value, has_options: bool, application: &Application) -> Vec<Option<String>> {
    if !application.versions {
        return vec![None];
    }
    match argument.field("version").filter(|_| has_options) {
        Some(version) => {
            let known: Vec<Option<String>> =
                version.texts().iter().map(|text| text.as_literal().map(str::to_owned)).collect();
            // `VERSION_NEUTRAL` is not a text.
            if known.is_empty() { vec![None] } else { known }
        }
        None => vec![application.default_version.clone()],
    }
}
