//! Evaluates the code of a repository as far as it declares routes.
//!
//! Every file runs once, in the order of the paths; an import runs the file that it names first. Then the functions that
//! nothing called run, with parameters of which only the type is known. Both branches of a condition run.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::go::GoState;
use super::laravel::LaravelState;
use super::modules::Modules;
use super::procedures::Procedures;
use super::rails::RailsState;
use super::router::{FoundRoute, RouterId, RouterRoute, Routers};
use super::rust::{Crates, Filters, Items};
use super::text::Text;
use super::value::{ClassValue, Closure, Record, Scope, Value};
use crate::code::{Function, Imported, Language, Statement};
use crate::paths;

/// The maximum number of expressions that are evaluated for one repository.
const MAX_STEPS: usize = 4_000_000;
/// The maximum number of them for one file or function that nothing called. A library with functions that call each
/// other in many ways would else take what all others need.
const MAX_STEPS_OF_ONE: usize = 500_000;
/// The maximum depth of calls.
pub(super) const MAX_CALL_DEPTH: usize = 40;

/// A file of the repository.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) language: Language,
    pub(crate) statements: Vec<Statement>,
    /// Whether the functions that nothing calls may add routes.
    pub(crate) runs_alone: bool,
    /// Whether the file compares the path of a request by hand.
    pub(crate) compares_paths: bool,
}

/// The state of a file's evaluation.
#[derive(Clone)]
pub(super) struct Module {
    pub(super) exports: Rc<Record>,
    /// The value that `module.exports = …` sets.
    pub(super) replaced: Rc<std::cell::RefCell<Option<Value>>>,
    scope: Rc<Scope>,
}

/// A call that looks like a route, on a value that is not known to be a router.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unresolved {
    pub(crate) file: usize,
    pub(crate) line: usize,
    pub(crate) source: String,
}

/// The state of an evaluation.
pub(super) struct Program<'a> {
    pub(super) files: &'a [SourceFile],
    pub(super) modules: &'a Modules,
    pub(super) crates: &'a Crates,
    by_path: HashMap<&'a str, usize>,
    states: HashMap<usize, Module>,
    pub(super) routers: Routers,
    /// The functions of the repository in the order in which they were met, and the values that were made of them.
    closures: Vec<Rc<Closure>>,
    classes: Vec<Rc<ClassValue>>,
    pub(super) called: HashSet<*const Function>,
    pub(super) stack: Vec<*const Function>,
    pub(super) steps: usize,
    /// The number of steps at which the file or function that runs now ends.
    limit: usize,
    /// The files whose evaluation a limit ended.
    unfinished: BTreeSet<usize>,
    pub(super) unresolved: BTreeSet<Unresolved>,
    pub(super) procedures: Procedures,
    /// The items of Rust.
    pub(super) items: Items,
    pub(super) filters: Filters,
    /// The functions whose attributes are part of a router.
    pub(super) registered: HashSet<*const Function>,
    /// The routers that functions made before another one called them.
    alone: HashMap<*const Function, Vec<RouterId>>,
    /// The functions that add no routes.
    irrelevant: HashSet<*const Function>,
    /// The types of variables that hold functions, such as `FastifyPluginAsync`.
    pub(super) types_of_functions: HashMap<*const Function, String>,
    /// The function or class below the decorator that is evaluated.
    pub(super) decorated: Option<Value>,
    pub(super) go: GoState,
    pub(super) rails: RailsState,
    pub(super) laravel: LaravelState,
    /// The arguments with names of the function that is called next.
    pub(super) named: Vec<(String, Value)>,
    /// The routers whose paths end without a slash.
    pub(super) slashless: HashSet<RouterId>,
    /// The classes of the repository that routers are objects of.
    pub(super) router_classes: HashMap<RouterId, Rc<ClassValue>>,
    /// The file and line of the call that is evaluated.
    pub(super) place: (usize, usize),
    main_frameworks: HashMap<usize, Option<usize>>,
    /// The framework that most files of a language import.
    usual_framework: Vec<(Language, usize)>,
    /// The lines of exports, by file and name.
    pub(super) export_lines: HashMap<(usize, String), usize>,
}

/// What the evaluation of a repository found.
pub(crate) struct Found {
    pub(crate) routes: BTreeSet<FoundRoute>,
    pub(crate) unresolved: BTreeSet<Unresolved>,
    /// The files whose evaluation a limit ended, or that it left out.
    pub(crate) unfinished: BTreeSet<usize>,
    /// Whether another limit ended the evaluation early.
    pub(crate) is_partial: bool,
}

impl<'a> Program<'a> {
    pub(super) fn new(files: &'a [SourceFile], modules: &'a Modules, crates: &'a Crates) -> Self {
        Self {
            files,
            modules,
            crates,
            by_path: files.iter().enumerate().map(|(index, file)| (file.path.as_str(), index)).collect(),
            states: HashMap::new(),
            routers: Routers::default(),
            closures: Vec::new(),
            classes: Vec::new(),
            called: HashSet::new(),
            stack: Vec::new(),
            steps: 0,
            limit: MAX_STEPS,
            unfinished: BTreeSet::new(),
            unresolved: BTreeSet::new(),
            procedures: Procedures::default(),
            items: Items::default(),
            filters: Filters::default(),
            registered: HashSet::new(),
            alone: HashMap::new(),
            irrelevant: super::rust::irrelevant(files),
            types_of_functions: HashMap::new(),
            decorated: None,
            go: GoState::default(),
            rails: RailsState::default(),
            laravel: LaravelState::default(),
            named: Vec::new(),
            slashless: HashSet::new(),
            router_classes: HashMap::new(),
            place: (0, 0),
            main_frameworks: HashMap::new(),
            usual_framework: usual_frameworks(files),
            export_lines: HashMap::new(),
        }
    }

    pub(super) fn run(mut self, imports: &[Vec<usize>]) -> Found {
        self.declare_items();
        self.declare_packages();
        for file in 0..self.files.len() {
            if self.states.contains_key(&file) {
                continue;
            }
            self.limited(file, |program| drop(program.module(file)));
        }
        self.add_controllers();
        self.add_compared_paths();
        self.run_unused_classes();
        self.run_rust_files();
        self.run_uncalled(imports);
        self.add_engines();
        // Files of PHP have the same limit as all others together.
        let steps = std::mem::take(&mut self.steps);
        self.run_laravel();
        let was_cut = self.is_at_limit();
        self.steps = self.steps.max(steps);
        self.add_java_routes();
        self.add_attribute_tables();
        self.add_filters();
        self.add_unregistered();
        let (mut routes, is_full) = self.routers.routes();
        routes.extend(self.procedure_routes());
        routes.extend(self.file_routes());
        let is_partial = is_full || was_cut || self.is_at_limit();
        Found { routes, unresolved: self.unresolved, unfinished: self.unfinished, is_partial }
    }

    /// Runs a part of the program within the limit of steps for one file or function.
    fn limited(&mut self, file: usize, run: impl FnOnce(&mut Self)) {
        self.limit = MAX_STEPS.min(self.steps.saturating_add(MAX_STEPS_OF_ONE));
        run(self);
        if self.is_at_limit() {
            self.unfinished.insert(file);
        }
        self.limit = MAX_STEPS;
    }

    /// Whether the limit of steps is reached.
    pub(super) fn is_at_limit(&self) -> bool {
        self.steps >= self.limit
    }

    /// The file with this path.
    pub(super) fn file_at(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// The classes of the repository.
    pub(super) fn classes(&self) -> &[Rc<ClassValue>] {
        &self.classes
    }

    /// The framework that a file, or else most of the repository, imports.
    pub(super) fn main_framework(&mut self, file: usize) -> Option<usize> {
        if let Some(known) = self.main_frameworks.get(&file) {
            return *known;
        }
        let files = self.files;
        let language = self.language(file);
        let own = files.get(file).and_then(|source| imported_frameworks(source).first().copied());
        let usual = || self.usual_framework.iter().find(|(own, _)| *own == language).map(|(_, framework)| *framework);
        let main = own.or_else(usual);
        self.main_frameworks.insert(file, main);
        main
    }

    /// Adds a route of a method of a class.
    pub(super) fn add_class_route(
        &mut self,
        router: RouterId,
        method: &str,
        path: Text,
        handler: &str,
        file: usize,
        line: usize,
    ) {
        if let Some(router) = self.routers.get_mut(router) {
            let route = RouterRoute { method: method.to_uppercase(), path, file, line, handler: handler.to_owned() };
            router.routes.push(route);
        }
    }

    /// Sets the variables of a file that is not run as a whole.
    pub(super) fn set_scope(&mut self, file: usize, scope: &Rc<Scope>) {
        let module = Module { exports: Rc::default(), replaced: Rc::default(), scope: scope.clone() };
        self.states.insert(file, module);
    }

    /// The functions of Rust.
    pub(super) fn rust_closures(&self) -> Vec<Rc<Closure>> {
        let closures = self.closures.iter().filter(|closure| closure.scope.module.is_some());
        closures.filter(|closure| !closure.function.decorators.is_empty()).cloned().collect()
    }

    /// Runs a file once, and returns what it exports.
    pub(super) fn module(&mut self, file: usize) -> Module {
        if let Some(module) = self.states.get(&file) {
            return module.clone();
        }
        if self.language(file) == Language::Python {
            return self.python_module(file);
        }
        let scope = Scope::of_file(file);
        let module = Module { exports: Rc::default(), replaced: Rc::default(), scope: scope.clone() };
        let holder = Record::default();
        holder.fields.borrow_mut().insert("exports".to_owned(), Value::Record(module.exports.clone()));
        scope.set("exports", Value::Record(module.exports.clone()));
        scope.set("module", Value::Record(Rc::new(holder)));
        self.states.insert(file, module.clone());
        let files = self.files;
        // Files of PHP run later, each below the prefix with which another one loads it.
        if let Some(source) = files.get(file).filter(|source| source.language != Language::Php) {
            self.block(&source.statements, &scope);
        }
        if let Some(value) = scope.get("module").and_then(|module| module.field("exports"))
            && !matches!(&value, Value::Record(record) if Rc::ptr_eq(record, &module.exports))
        {
            *module.replaced.borrow_mut() = Some(value);
        }
        module
    }

    /// Runs a file of Python. Its variables are what it exports.
    fn python_module(&mut self, file: usize) -> Module {
        let path = self.path_of(file);
        let is_package = paths::name(path) == "__init__.py";
        let scope = Scope::exporting(file, is_package.then(|| paths::folder(path).to_owned()));
        let module = Module { exports: scope.variables(), replaced: Rc::default(), scope: scope.clone() };
        self.states.insert(file, module.clone());
        let files = self.files;
        if let Some(source) = files.get(file) {
            self.block(&source.statements, &scope);
        }
        module
    }

    /// The language of a file.
    pub(super) fn language(&self, file: usize) -> Language {
        self.files.get(file).map_or_else(Language::default, |file| file.language)
    }

    /// Makes a value of a function, and remembers that it exists.
    pub(super) fn closure(&mut self, function: &Arc<Function>, scope: &Rc<Scope>, this: Option<Value>) -> Rc<Closure> {
        let closure = Rc::new(Closure { function: function.clone(), scope: scope.clone(), this });
        if !self.called.contains(&Arc::as_ptr(function)) {
            self.closures.push(closure.clone());
        }
        closure
    }

    /// Makes a value of a class, and remembers that it exists.
    pub(super) fn add_class(&mut self, class: ClassValue) -> Rc<ClassValue> {
        let class = Rc::new(class);
        self.classes.push(class.clone());
        class
    }

    /// Makes an object of each class that the code makes no object of.
    fn run_unused_classes(&mut self) {
        let mut next = 0;
        while let Some(class) = self.classes.get(next).cloned() {
            next += 1;
            let is_used = class.class.methods.iter().any(|(_, method)| self.called.contains(&Arc::as_ptr(method)));
            let is_idle = class.scope.module.is_some() || !self.runs_alone(class.scope.file);
            if is_used || is_idle || self.is_at_limit() {
                continue;
            }
            let constructor = class.class.methods.iter().find(|(name, _)| name == "constructor");
            let parameters = constructor.map(|(_, function)| function.parameters.clone()).unwrap_or_default();
            let arguments = parameters.iter().map(|parameter| self.adopted(class.scope.file, parameter)).collect();
            let object = self.instance(&class, arguments);
            for (_, method) in &class.class.methods {
                self.closure(method, &class.scope, Some(object.clone()));
            }
        }
    }

    /// Runs the functions that nothing has called. A function that another one may call is left to that one: functions
    /// whose names are used come last, files that import others come before those, and files that load whole folders are
    /// first.
    fn run_uncalled(&mut self, imports: &[Vec<usize>]) {
        let (used, ranks) = (super::mentions::used_names(self.files), ranks(imports));
        let used_inside = super::go::used_in_own_packages(self.files);
        let mut waiting = BTreeSet::new();
        let mut next = 0;
        loop {
            while let Some(closure) = self.closures.get(next) {
                let is_used = closure.function.name.as_ref().is_some_and(|name| used.contains(name.as_str()));
                let file = closure.scope.file;
                let is_loader = self.files.get(file).is_some_and(loads_folders);
                let name = closure.function.name.as_deref().unwrap_or_default();
                let is_inner = used_inside.contains(&(paths::folder(self.path_of(file)), name));
                let rank = ranks.get(file).copied().unwrap_or(0);
                waiting.insert((is_used && !is_loader, !is_loader, is_inner, rank, next));
                next += 1;
            }
            let Some((.., index)) = waiting.pop_first() else { return };
            if let Some(closure) = self.closures.get(index).cloned() {
                self.run_alone(&closure);
            }
        }
    }

    fn run_alone(&mut self, closure: &Rc<Closure>) {
        let is_called = self.called.contains(&Arc::as_ptr(&closure.function));
        if is_called || self.is_irrelevant(closure) {
            return;
        }
        let arguments = closure.function.parameters.iter();
        let arguments: Vec<Value> = arguments.map(|parameter| self.adopted(closure.scope.file, parameter)).collect();
        let takes_router = arguments.iter().any(|argument| matches!(argument, Value::Router(_)));
        if !takes_router && !self.runs_alone(closure.scope.file) {
            return;
        }
        let mut made = Value::Unknown;
        self.limited(closure.scope.file, |program| {
            made = program.call_closure(closure, arguments, closure.this.clone());
        });
        if closure.scope.module.is_some() {
            let mut routers = Vec::new();
            made.routers(&mut routers);
            self.alone.insert(Arc::as_ptr(&closure.function), routers);
        }
    }

    /// Forgets the routers that a function made when it ran alone, since another function calls it now.
    pub(super) fn forget_alone(&mut self, function: *const Function) {
        for router in self.alone.remove(&function).unwrap_or_default() {
            self.routers.hide(router);
        }
    }

    /// Whether a function adds no routes.
    pub(super) fn is_irrelevant(&self, closure: &Closure) -> bool {
        self.irrelevant.contains(&Arc::as_ptr(&closure.function))
    }

    fn runs_alone(&self, file: usize) -> bool {
        self.files.get(file).is_some_and(|file| file.runs_alone)
    }

    pub(super) fn path_of(&self, file: usize) -> &'a str {
        let files = self.files;
        files.get(file).map_or("", |file| file.path.as_str())
    }

    /// Makes a router.
    pub(super) fn new_router(&mut self, framework: usize, prefix: Text) -> RouterId {
        let keeps_slash = super::framework::all().get(framework).is_some_and(|framework| framework.keeps_slash);
        self.routers.add(framework, prefix, keeps_slash)
    }

    pub(super) fn scope_of(&mut self, file: usize) -> Rc<Scope> {
        self.module(file).scope
    }
}

/// The framework that most files of each language import.
fn usual_frameworks(files: &[SourceFile]) -> Vec<(Language, usize)> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for framework in files.iter().flat_map(imported_frameworks) {
        *counts.entry(framework).or_default() += 1;
    }
    let mut most: Vec<(usize, usize)> = counts.into_iter().collect();
    most.sort_by_key(|(framework, count)| (std::cmp::Reverse(*count), *framework));
    let frameworks = super::framework::all();
    most.iter().filter_map(|(index, _)| Some((frameworks.get(*index)?.language, *index))).collect()
}

/// The frameworks whose packages a file imports.
fn imported_frameworks(file: &SourceFile) -> Vec<usize> {
    let mut found = Vec::new();
    for statement in &file.statements {
        if let Statement::Import { module, name, .. } = statement {
            let name = if let Imported::Name(name) = name { name } else { "" };
            found.extend(super::framework::of_import(file.language, module, name));
        }
    }
    super::calls::each_expression(&file.statements, &mut |located| {
        if let crate::code::Expression::Call(call) = &located.expression
            && super::evaluate::source_of(&call.callee) == "require"
            && let Some(argument) = call.arguments.first()
        {
            found.extend(super::framework::of_package(&super::evaluate::source_of(&argument.value)));
        }
    });
    if file.language == Language::Python && found.is_empty() {
        super::calls::each_expression(&file.statements, &mut |located| {
            if let crate::code::Expression::Member(object, _) = &located.expression {
                found.extend(super::framework::of_module(&super::evaluate::source_of(object)));
            }
        });
    }
    found
}

/// The order of files in which a file comes before those that it imports. Circles are cut.
fn ranks(imports: &[Vec<usize>]) -> Vec<usize> {
    let mut ranks = vec![0; imports.len()];
    let mut is_seen = vec![false; imports.len()];
    let mut next = imports.len();
    for start in 0..imports.len() {
        // Depth first, without recursion: a file gets its rank after all files that it imports.
        let mut stack = vec![(start, 0)];
        while let Some((file, at)) = stack.pop() {
            let Some(seen) = is_seen.get_mut(file).filter(|seen| at > 0 || !**seen) else { continue };
            *seen = true;
            if let Some(target) = imports.get(file).and_then(|targets| targets.get(at)) {
                stack.push((file, at + 1));
                stack.push((*target, 0));
            } else {
                next = next.saturating_sub(1);
                ranks.iter_mut().skip(file).take(1).for_each(|rank| *rank = next);
            }
        }
    }
    ranks
}

/// Whether a file loads the files of a folder as plugins.
fn loads_folders(file: &SourceFile) -> bool {
    let is_loader = |module: &str| module == "@fastify/autoload";
    file.statements.iter().any(|statement| matches!(statement, Statement::Import { module, .. } if is_loader(module)))
}
