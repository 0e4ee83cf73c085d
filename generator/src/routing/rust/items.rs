//! The modules of the crates and their items. An item can be used before the line that declares it, and from everywhere.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::super::framework;
use super::super::program::Program;
use super::super::value::{ClassValue, Closure, PackageValue, Record, Scope, Value};
use crate::code::{Expression, Implementation, Imported, Language, Located, Pattern, Statement};

/// The maximum number of modules and globs that are searched for one name.
const MAX_SEARCHES: usize = 64;
/// The package of names that no import declares.
pub(super) const GUESSED: &str = "?";

/// The index of a module.
pub(in super::super) type ModuleId = usize;

/// A module.
struct Module {
    parent: Option<ModuleId>,
    root: ModuleId,
    items: HashMap<String, Vec<Rc<Item>>>,
    /// The paths of which all names are imported.
    globs: Vec<Rc<Glob>>,
    /// The names that were looked for in the globs.
    searched: RefCell<HashMap<String, Option<Value>>>,
}

/// All names of another module.
struct Glob {
    path: Vec<String>,
    value: RefCell<Option<Value>>,
    is_busy: Cell<bool>,
}

/// An implementation with the variables around it.
type Implemented = (Arc<Implementation>, Rc<Scope>);

/// An item of a module. The value of a constant or an import is found when it is used.
struct Item {
    file: usize,
    scope: Rc<Scope>,
    kind: Kind,
    value: RefCell<Option<Value>>,
    is_busy: Cell<bool>,
}

enum Kind {
    Known,
    Constant(Located),
    Import(Vec<String>),
}

/// All items of the repository.
#[derive(Default)]
pub(in super::super) struct Items {
    modules: Vec<Module>,
    /// The modules in which the name that is looked for was not found.
    visited: HashSet<ModuleId>,
    by_key: HashMap<String, ModuleId>,
    /// The functions that traits give to types of other crates, by name.
    pub(super) extensions: HashMap<String, Rc<Closure>>,
    /// The implementations of each class.
    implementations: HashMap<*const crate::code::Class, Vec<Implemented>>,
    /// The object of a class of which only the type is known.
    bare: HashMap<*const crate::code::Class, Value>,
}

impl Items {
    fn add(&mut self, key: &str, parent: Option<ModuleId>) -> ModuleId {
        if let Some(id) = self.by_key.get(key) {
            return *id;
        }
        let id = self.modules.len();
        let root = parent.and_then(|parent| self.modules.get(parent)).map_or(id, |parent| parent.root);
        self.modules.push(Module {
            parent,
            root,
            items: HashMap::new(),
            globs: Vec::new(),
            searched: RefCell::default(),
        });
        self.by_key.insert(key.to_owned(), id);
        id
    }

    fn insert(&mut self, module: ModuleId, name: &str, item: Item) {
        if let Some(module) = self.modules.get_mut(module) {
            module.items.entry(name.to_owned()).or_default().push(Rc::new(item));
        }
    }

    pub(in super::super) fn add_glob(&mut self, module: ModuleId, path: Vec<String>) {
        if let Some(module) = self.modules.get_mut(module) {
            let is_new = !module.globs.iter().any(|glob| glob.path == path);
            if is_new {
                module.globs.push(Rc::new(Glob { path, value: RefCell::default(), is_busy: Cell::new(false) }));
                module.searched.borrow_mut().clear();
            }
        }
    }

    pub(super) fn implementations_of(&self, class: &ClassValue) -> Vec<Implemented> {
        self.implementations.get(&Arc::as_ptr(&class.class)).cloned().unwrap_or_default()
    }
}

impl Program<'_> {
    /// Declares the items of all files, then the functions of types.
    pub(in super::super) fn declare_items(&mut self) {
        let files = self.files;
        let mut implementations = Vec::new();
        for (index, file) in files.iter().enumerate().filter(|(_, file)| file.language == Language::Rust) {
            let place = self.crates.place(&file.path);
            let mut key = format!("{}:", place.root);
            let mut module = self.items.add(&key, None);
            for (at, name) in place.names.iter().enumerate() {
                key.push_str(if at == 0 { "" } else { "::" });
                key.push_str(name);
                module = self.child(module, &key, name, index);
            }
            let scope = Scope::of_module(index, module);
            self.set_scope(index, &scope);
            self.declare(&file.statements, &key, module, &scope, &mut implementations);
        }
        // Implementations of traits take the functions that the traits define.
        for only_traits in [true, false] {
            for (implementation, scope) in &implementations {
                if implementation.is_trait == only_traits {
                    self.implement(implementation, scope);
                }
            }
        }
    }

    fn child(&mut self, parent: ModuleId, key: &str, name: &str, file: usize) -> ModuleId {
        if let Some(id) = self.items.by_key.get(key) {
            return *id;
        }
        let id = self.items.add(key, Some(parent));
        let item = Item::known(Scope::of_module(file, parent), Value::Module(id));
        self.items.insert(parent, name, item);
        id
    }

    fn declare(
        &mut self,
        statements: &[Statement],
        key: &str,
        module: ModuleId,
        scope: &Rc<Scope>,
        implementations: &mut Vec<Implemented>,
    ) {
        for statement in statements {
            match statement {
                Statement::Function(function) => {
                    let closure = Value::Function(self.closure(function, scope, None));
                    let name = function.name.clone().unwrap_or_default();
                    self.items.insert(module, &name, Item::known(scope.clone(), closure));
                }
                Statement::Class(class) => {
                    let class = self.declared_class(class, scope);
                    let name = class.class.name.clone().unwrap_or_default();
                    self.items.insert(module, &name, Item::known(scope.clone(), Value::Class(class)));
                }
                Statement::Let { pattern: Pattern::Name(name), value, .. } => {
                    self.items.insert(module, name, Item::later(scope.clone(), Kind::Constant(value.clone())));
                }
                Statement::Import { module: path, name, local } => {
                    let path = import_path(path, name);
                    if *name == Imported::Everything {
                        self.items.add_glob(module, path);
                    } else if local != "_" {
                        self.items.insert(module, local, Item::later(scope.clone(), Kind::Import(path)));
                    }
                }
                Statement::Module(inner) => {
                    let separator = if key.ends_with(':') { "" } else { "::" };
                    let key = format!("{key}{separator}{}", inner.name);
                    let child = self.child(module, &key, &inner.name, scope.file);
                    let inside = Scope::of_module(scope.file, child);
                    self.declare(&inner.body, &key, child, &inside, implementations);
                }
                Statement::Implementation(implementation) => {
                    implementations.push((implementation.clone(), scope.clone()));
                }
                _ => {}
            }
        }
    }

    fn declared_class(&mut self, class: &Arc<crate::code::Class>, scope: &Rc<Scope>) -> Rc<ClassValue> {
        let inside = Scope::inside(scope);
        let value =
            ClassValue { class: class.clone(), scope: inside.clone(), parents: Vec::new(), statics: Rc::default() };
        let value = self.add_class(value);
        inside.set("Self", Value::Class(value.clone()));
        value
    }

    /// Gives a type the functions and constants of an implementation.
    pub(in super::super) fn implement(&mut self, implementation: &Arc<Implementation>, scope: &Rc<Scope>) {
        let inside = Scope::inside(scope);
        let Value::Class(class) = self.evaluate(&implementation.target, scope) else {
            for function in &implementation.functions {
                let closure = self.closure(function, &inside, None);
                self.items.extensions.insert(function.name.clone().unwrap_or_default(), closure);
            }
            return;
        };
        let pointer = Arc::as_ptr(&class.class);
        self.items.implementations.entry(pointer).or_default().push((implementation.clone(), scope.clone()));
        self.add_functions(&class, implementation, scope);
        let of_trait = implementation.of_trait.as_ref().map(|of_trait| self.evaluate(of_trait, scope));
        if let Some(Value::Class(of_trait)) = of_trait {
            for (definition, scope) in self.items.implementations_of(&of_trait) {
                self.add_functions(&class, &definition, &scope);
            }
        }
    }

    /// The functions of an implementation that a type does not have yet.
    fn add_functions(&mut self, class: &Rc<ClassValue>, implementation: &Arc<Implementation>, scope: &Rc<Scope>) {
        let inside = Scope::inside(scope);
        inside.set("Self", Value::Class(class.clone()));
        let this = self.bare_object(class);
        for function in &implementation.functions {
            let name = function.name.clone().unwrap_or_default();
            if class.statics.fields.borrow().contains_key(&name) {
                continue;
            }
            let closure = if implementation.is_trait {
                Rc::new(Closure { function: function.clone(), scope: inside.clone(), this: Some(this.clone()) })
            } else {
                self.closure(function, &inside, Some(this.clone()))
            };
            class.statics.fields.borrow_mut().insert(name, Value::Function(closure));
        }
        for (name, value) in &implementation.constants {
            let item = Item::later(inside.clone(), Kind::Constant(value.clone()));
            let key = format!("\u{1}{:p}", Arc::as_ptr(&class.class));
            let module = self.items.add(&key, None);
            self.items.insert(module, name, item);
        }
    }

    /// A constant of a type.
    pub(in super::super) fn associated(&mut self, class: &Rc<ClassValue>, name: &str) -> Option<Value> {
        let key = format!("\u{1}{:p}", Arc::as_ptr(&class.class));
        let module = *self.items.by_key.get(&key)?;
        let item = self.items.modules.get(module)?.items.get(name)?.first()?.clone();
        Some(self.value_of(&item, 0))
    }

    /// An object of a class of which only the type is known.
    pub(super) fn bare_object(&mut self, class: &Rc<ClassValue>) -> Value {
        let pointer = Arc::as_ptr(&class.class);
        let object = self
            .items
            .bare
            .entry(pointer)
            .or_insert_with(|| Value::Record(Rc::new(Record { class: Some(class.clone()), ..Record::default() })));
        object.clone()
    }

    /// The value of a name that no variable has.
    pub(in super::super) fn item_or_package(&mut self, scope: &Rc<Scope>, name: &str) -> Value {
        let Some(module) = scope.module else { return Value::Unknown };
        self.found_item(module, scope.file, name, 0).unwrap_or_else(|| self.outside(name))
    }

    /// A crate of the repository, a framework, a name that a framework usually has, or else any other crate.
    fn outside(&mut self, name: &str) -> Value {
        if let Some(root) = self.crates.named(name).map(|root| format!("{root}:"))
            && let Some(id) = self.items.by_key.get(&root)
        {
            return Value::Module(*id);
        }
        let package = if framework::is_rust_package(name) || !framework::is_usual_name(name) {
            PackageValue { package: name.to_owned(), names: Vec::new() }
        } else {
            PackageValue { package: GUESSED.to_owned(), names: vec![name.to_owned()] }
        };
        Value::Package(Rc::new(package))
    }

    /// The item of a module with a name, also if it comes from an import.
    fn found_item(&mut self, module: ModuleId, file: usize, name: &str, searches: usize) -> Option<Value> {
        if searches >= MAX_SEARCHES {
            return None;
        }
        let own = self.items.modules.get(module)?;
        match name {
            "crate" => return Some(Value::Module(own.root)),
            "self" => return Some(Value::Module(module)),
            "super" => return Some(Value::Module(own.parent.unwrap_or(module))),
            _ => {}
        }
        let globs = own.globs.clone();
        if let Some(items) = own.items.get(name) {
            let usable = items.iter().filter(|item| !item.is_busy.get());
            let item = usable.min_by_key(|item| item.file != file).cloned();
            if let Some(item) = item {
                return Some(self.value_of(&item, searches));
            }
        }
        if globs.is_empty() {
            return None;
        }
        if let Some(known) = own.searched.borrow().get(name) {
            return known.clone();
        }
        // Each module is searched once for a name, since modules import each other in circles.
        let is_first = self.items.visited.is_empty();
        if !self.items.visited.insert(module) {
            return None;
        }
        let found = globs.iter().find_map(|glob| match self.glob_value(module, file, glob, searches) {
            Value::Module(other) if other != module => self.found_item(other, file, name, searches + 1),
            Value::Package(package) if framework::knows(&package.package, name) => {
                Some(Value::Package(Rc::new(package.with(name.to_owned()))))
            }
            _ => None,
        });
        if is_first {
            self.items.visited.clear();
            if let Some(own) = self.items.modules.get(module) {
                own.searched.borrow_mut().insert(name.to_owned(), found.clone());
            }
        }
        found
    }

    fn glob_value(&mut self, module: ModuleId, file: usize, glob: &Rc<Glob>, searches: usize) -> Value {
        if let Some(value) = glob.value.borrow().as_ref() {
            return value.clone();
        }
        if glob.is_busy.replace(true) {
            return Value::Unknown;
        }
        let visited = std::mem::take(&mut self.items.visited);
        let value = self.path_value(module, file, &glob.path, searches + 1);
        self.items.visited = visited;
        glob.is_busy.set(false);
        *glob.value.borrow_mut() = Some(value.clone());
        value
    }

    fn value_of(&mut self, item: &Rc<Item>, searches: usize) -> Value {
        if let Some(value) = item.value.borrow().as_ref() {
            return value.clone();
        }
        if item.is_busy.replace(true) {
            return Value::Unknown;
        }
        let visited = std::mem::take(&mut self.items.visited);
        let value = match &item.kind {
            Kind::Known => Value::Unknown,
            Kind::Constant(value) => self.evaluate(value, &item.scope),
            Kind::Import(path) => item
                .scope
                .module
                .map_or(Value::Unknown, |module| self.path_value(module, item.file, path, searches + 1)),
        };
        self.items.visited = visited;
        item.is_busy.set(false);
        *item.value.borrow_mut() = Some(value.clone());
        value
    }

    /// The value of a path in a module.
    pub(in super::super) fn path_value(
        &mut self,
        module: ModuleId,
        file: usize,
        path: &[String],
        searches: usize,
    ) -> Value {
        let Some((first, rest)) = path.split_first() else { return Value::Unknown };
        let found = self.found_item(module, file, first, searches);
        let mut value = found.unwrap_or_else(|| self.outside(first));
        for name in rest {
            value = match value {
                Value::Module(inner) => self.found_item(inner, file, name, searches).unwrap_or(Value::Unknown),
                value => self.member(&value, name),
            };
        }
        value
    }

    /// The item of a module.
    pub(in super::super) fn module_member(&mut self, module: ModuleId, name: &str) -> Value {
        self.found_item(module, self.place.0, name, 0).unwrap_or(Value::Unknown)
    }

    /// Evaluates what stands outside of functions: the rows of tables.
    pub(in super::super) fn run_rust_files(&mut self) {
        let files = self.files;
        for (index, file) in files.iter().enumerate().filter(|(_, file)| file.language == Language::Rust) {
            let scope = self.scope_of(index);
            for statement in &file.statements {
                if let Statement::Expression(value) = statement
                    && matches!(value.expression, Expression::Call(_))
                {
                    self.evaluate(value, &scope);
                }
            }
        }
    }
}

impl Item {
    fn known(scope: Rc<Scope>, value: Value) -> Self {
        Self { file: scope.file, scope, kind: Kind::Known, value: RefCell::new(Some(value)), is_busy: Cell::new(false) }
    }

    fn later(scope: Rc<Scope>, kind: Kind) -> Self {
        Self { file: scope.file, scope, kind, value: RefCell::default(), is_busy: Cell::new(false) }
    }
}

/// The names of an imported path.
pub(in super::super) fn import_path(module: &str, name: &Imported) -> Vec<String> {
    let mut path: Vec<String> = module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    if let Imported::Name(name) = name {
        path.push(name.clone());
    }
    path
}
