//! What Go code means: packages whose files share their names, methods of types, and the frameworks.

mod builder;
mod order;
mod own;
mod packages;
mod route;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use self::builder::Builder;
pub(super) use self::order::used_in_own_packages;
pub(super) use self::packages::{Packages, imports_matter, is_candidate, is_needed, specifiers};
use super::evaluate::{Arguments, Place};
use super::framework;
use super::program::Program;
use super::router::RouterId;
use super::text::Text;
use super::value::{ClassValue, Closure, PackageValue, Record, Scope, Value};
use crate::code::{Class, Expression, Implementation, Language, Located, Parameter, Pattern, Statement};
use crate::paths;

/// The number of times that the variables of a package are evaluated, since they may use each other in any order.
const MAX_PASSES: usize = 3;

/// The state of the evaluation of Go.
#[derive(Default)]
pub(super) struct GoState {
    /// The files of each folder.
    files: BTreeMap<String, Vec<usize>>,
    scopes: HashMap<String, Rc<Scope>>,
    /// The object of a type of which only the type is known.
    bare: HashMap<*const Class, Value>,
    /// The methods of all types, by name.
    methods: HashMap<String, Vec<Rc<Closure>>>,
    builders: HashMap<RouterId, Builder>,
    /// The types of the repository that are routers.
    own_routers: HashSet<*const Class>,
    /// The routers that stand for others while a function runs: `f.Group("/api", func() { f.Get(…) })`.
    targets: HashMap<RouterId, RouterId>,
}

impl Program<'_> {
    /// Declares the names of all packages.
    pub(super) fn declare_packages(&mut self) {
        for file in 0..self.files.len() {
            if self.language(file) == Language::Go {
                let folder = paths::folder(self.path_of(file)).to_owned();
                self.go.files.entry(folder).or_default().push(file);
            }
        }
        let folders: Vec<String> = self.go.files.keys().cloned().collect();
        for folder in folders {
            self.go_package(&folder);
        }
    }

    /// The names of a package: its types and functions first, then its variables.
    fn go_package(&mut self, folder: &str) -> Option<Rc<Scope>> {
        if let Some(scope) = self.go.scopes.get(folder) {
            return Some(scope.clone());
        }
        let files = self.go.files.get(folder)?.clone();
        let package = Scope::of_file(*files.first()?);
        self.go.scopes.insert(folder.to_owned(), package.clone());
        let sources = self.files;
        let mut parts = Vec::new();
        for file in files {
            let scope = Scope::of_file_inside(file, &package);
            self.set_scope(file, &scope);
            parts.extend(sources.get(file).map(|source| (scope, &source.statements)));
        }
        for (scope, statements) in &parts {
            statements.iter().for_each(|statement| self.go_declaration(statement, scope, &package));
        }
        for (scope, statements) in &parts {
            for statement in *statements {
                match statement {
                    Statement::Import { module, local, .. } => {
                        let value = self.go_import(module);
                        scope.set(local, value);
                    }
                    Statement::Implementation(implementation) => self.go_methods(implementation, scope),
                    _ => {}
                }
            }
        }
        self.find_own_routers(&package);
        for pass in 0..MAX_PASSES {
            for (scope, statements) in &parts {
                statements.iter().for_each(|statement| self.go_variable(statement, scope, &package, pass == 0));
            }
        }
        Some(package)
    }

    fn go_declaration(&mut self, statement: &Statement, scope: &Rc<Scope>, package: &Rc<Scope>) {
        match statement {
            Statement::Function(function) => {
                let closure = self.closure(function, scope, None);
                if let Some(name) = &function.name {
                    package.set(name, Value::Function(closure));
                }
            }
            Statement::Class(class) => {
                let value = self.class(class, scope);
                if let Some(name) = &class.name {
                    package.set(name, value);
                }
            }
            _ => {}
        }
    }

    fn go_variable(&mut self, statement: &Statement, scope: &Rc<Scope>, package: &Rc<Scope>, is_first: bool) {
        let Statement::Let { pattern: Pattern::Name(name), value, type_name } = statement else { return };
        let is_known = |value: &Value| match value {
            Value::Text(text) => text.as_literal().is_some(),
            value => value.weight() > 0,
        };
        if !is_first && package.get(name).as_ref().is_some_and(is_known) {
            return;
        }
        let mut value = self.evaluate(value, scope);
        if matches!(value, Value::Unknown) {
            value = self.go_typed(type_name, scope).filter(|value| matches!(value, Value::Router(_))).unwrap_or(value);
        }
        package.set(name, value);
    }

    /// The methods of a type. Without an object they have one of which only the type is known.
    fn go_methods(&mut self, implementation: &Implementation, scope: &Rc<Scope>) {
        let class = match self.evaluate(&implementation.target, scope) {
            Value::Class(class) => class,
            _ => match self.go_class(&implementation.target, scope) {
                Some(class) => class,
                None => return,
            },
        };
        let this = self.go_bare(&class);
        for function in &implementation.functions {
            let closure = self.closure(function, scope, Some(this.clone()));
            let name = function.name.clone().unwrap_or_default();
            self.go.methods.entry(name.clone()).or_default().push(closure.clone());
            class.statics.fields.borrow_mut().insert(name, Value::Function(closure));
        }
    }

    /// A type that no file declares, such as one that is generated when the program is built.
    fn go_class(&mut self, target: &Located, scope: &Rc<Scope>) -> Option<Rc<ClassValue>> {
        let Expression::Name(name) = &target.expression else { return None };
        let class = Class {
            name: Some(name.clone()),
            parents: Vec::new(),
            decorators: Vec::new(),
            fields: Vec::new(),
            methods: Vec::new(),
        };
        let folder = paths::folder(self.path_of(scope.file)).to_owned();
        let Value::Class(class) = self.class(&Arc::new(class), scope) else { return None };
        if let Some(package) = self.go.scopes.get(&folder) {
            package.set(name, Value::Class(class.clone()));
        }
        Some(class)
    }

    /// A method of a value that is not known. If it gets a router, it is the only method of this name.
    pub(super) fn go_unknown_method(&mut self, name: &str, arguments: &Arguments<'_>, place: Place) -> Option<Value> {
        let gets_router = arguments.values.iter().any(|value| matches!(value, Value::Router(_)));
        let [method] = self.go.methods.get(name).filter(|_| gets_router)?.as_slice() else { return None };
        let method = method.clone();
        (method.function.parameters.len() == arguments.len()).then_some(())?;
        Some(self.go_apply(&Value::Function(method), arguments, place))
    }

    fn go_bare(&mut self, class: &Rc<ClassValue>) -> Value {
        let key = Arc::as_ptr(&class.class);
        let object = || Value::Record(Rc::new(Record { class: Some(class.clone()), ..Record::default() }));
        self.go.bare.entry(key).or_insert_with(object).clone()
    }

    fn go_import(&mut self, module: &str) -> Value {
        if let Some(folder) = self.modules.go.folder(module) {
            return match self.go_package(&folder) {
                Some(scope) => Value::Record(scope.variables()),
                None => Value::Unknown,
            };
        }
        Value::Package(Rc::new(PackageValue { package: module.to_owned(), names: Vec::new() }))
    }

    /// A name that no file of the package declares: a package that is not imported by name.
    pub(super) fn go_undeclared(&mut self, name: &str) -> Value {
        if let Some(package) = framework::package_of_name(name, Language::Go) {
            return Value::Package(Rc::new(PackageValue { package: package.to_owned(), names: Vec::new() }));
        }
        let folder = self.modules.go.named(name).cloned();
        match folder.and_then(|folder| self.go_package(&folder)) {
            Some(scope) => Value::Record(scope.variables()),
            None => Value::Unknown,
        }
    }

    /// A value of which only the type is known: a router, or an object of a type of the repository.
    fn go_typed(&mut self, type_name: &str, scope: &Rc<Scope>) -> Option<Value> {
        let kind = match type_name.split_once('.') {
            Some((package, name)) => {
                let package = scope.get(package).unwrap_or_else(|| self.go_undeclared(package));
                self.member(&package, name)
            }
            None => scope.get(type_name)?,
        };
        match kind {
            Value::Class(class) => self.own_router(&class).or_else(|| Some(self.go_bare(&class))),
            Value::Package(package) => {
                let framework = framework::of_go_type(&package.package, package.last())?;
                Some(Value::Router(self.new_router(framework, Text::default())))
            }
            _ => None,
        }
    }

    /// The value of a parameter of a function that no known code calls.
    pub(super) fn go_adopted(&mut self, file: usize, parameter: &Parameter) -> Value {
        let scope = self.scope_of(file);
        self.go_typed(&parameter.type_name, &scope).unwrap_or(Value::Unknown)
    }

    /// A field of an object that no known code sets, or a field or method of a type that is embedded.
    pub(super) fn go_field(&mut self, record: &Rc<Record>, name: &str) -> Option<Value> {
        let class = record.class.clone().filter(|class| self.language(class.scope.file) == Language::Go)?;
        if let Some(field) = class.class.fields.iter().find(|field| field.name == name) {
            let value = self.go_typed(&field.type_name, &class.scope)?;
            record.fields.borrow_mut().insert(name.to_owned(), value.clone());
            return Some(value);
        }
        let embedded = class.class.fields.iter().filter(|field| field.is_static);
        embedded.filter(|field| field.name != name).find_map(|field| {
            let inner = self.member(&Value::Record(record.clone()), &field.name);
            let value = if let Value::Record(_) = inner { self.member(&inner, name) } else { Value::Unknown };
            Some(value).filter(|value| value.weight() > 0)
        })
    }

    /// A method with its object.
    pub(super) fn go_bound(closure: &Closure, record: &Rc<Record>) -> Value {
        let this = Some(Value::Record(record.clone()));
        Value::Function(Rc::new(Closure { function: closure.function.clone(), scope: closure.scope.clone(), this }))
    }

    /// The names of the fields of a value without keys: `Route{"GET", "/users", list}`.
    pub(super) fn go_named_fields(class: &Class, fields: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
        let named = fields.into_iter().map(|(key, value)| {
            let field = key.parse::<usize>().ok().and_then(|at| class.fields.get(at));
            (field.map_or(key, |field| field.name.clone()), value)
        });
        named.collect()
    }

    /// A method of an object that its type does not have: one of a router that is embedded.
    pub(super) fn go_object_method(
        &mut self,
        receiver: &Value,
        name: &str,
        arguments: &Arguments<'_>,
        line: usize,
        scope: &Rc<Scope>,
    ) -> Value {
        if let Value::Record(record) = receiver
            && let Some(class) = record.class.clone()
        {
            for field in class.class.fields.iter().filter(|field| field.is_static) {
                if let Value::Router(router) = self.member(receiver, &field.name) {
                    return self.go_router_method(router, name, arguments, Place { file: scope.file, line });
                }
            }
        }
        self.go_unresolved(name, arguments, line, scope);
        Value::Unknown
    }

    /// The result of calling a value.
    pub(super) fn go_apply(&mut self, callee: &Value, arguments: &Arguments<'_>, place: Place) -> Value {
        let router = arguments.values.iter().find(|value| matches!(value, Value::Router(_))).cloned();
        match callee {
            Value::Function(closure) => {
                let result = self.call_closure(closure, arguments.values.clone(), closure.this.clone());
                // Middleware gets a handler and returns one.
                let is_middleware = closure.function.parameters.iter().any(|own| own.type_name == "http.Handler");
                match (result, router) {
                    (Value::Router(made), _) => Value::Router(made),
                    (_, Some(router)) if is_middleware => router,
                    (result, _) => result,
                }
            }
            Value::Class(_) => arguments.get(0),
            Value::Package(package) => self.go_package_function(package, arguments, place),
            // The result of a function that is not known may be middleware.
            _ => router.filter(|_| arguments.len() == 1).unwrap_or(Value::Unknown),
        }
    }

    /// A function of a package from elsewhere.
    fn go_package_function(&mut self, package: &Rc<PackageValue>, arguments: &Arguments<'_>, place: Place) -> Value {
        let name = package.last();
        if let Some(framework) = framework::of_call(&package.package, name).filter(|_| package.names.len() == 1) {
            return Value::Router(self.new_router(framework, Text::default()));
        }
        let function = framework::function_of(&package.package, name).filter(|_| package.names.len() == 1);
        if let Some((framework, operation)) = function {
            let router = self.new_router(framework, Text::default());
            return self.go_operation(router, operation, name, arguments, place);
        }
        let first = arguments.get(0);
        match (package.package.as_str(), name) {
            ("net/http", "StripPrefix") => return self.go_stripped(&first, arguments.get(1)),
            ("path" | "net/url", "Join" | "JoinPath") => {
                return super::evaluate::joined_file_path(&arguments.values).unwrap_or(Value::Unknown);
            }
            ("strings", _) => return go_text(name, &first, arguments.get(1).as_literal()),
            _ => {}
        }
        match first {
            // A wrapper such as `otelhttp.NewHandler(mux)` and `http.HandlerFunc(function)` returns what it gets.
            Value::Router(_) | Value::Function(_) => first,
            _ => Value::Package(Rc::new(package.with(format!("{name}()")))),
        }
    }

    /// `http.StripPrefix(prefix, router)` is the router below the prefix.
    fn go_stripped(&mut self, prefix: &Value, handler: Value) -> Value {
        let (Value::Text(prefix), Value::Router(child)) = (prefix, &handler) else { return handler };
        let framework = self.routers.get(*child).map_or(0, |router| router.framework);
        let router = self.new_router(framework, prefix.clone());
        self.routers.mount(router, Text::default(), *child);
        Value::Router(router)
    }

    /// Functions of the language itself.
    pub(super) fn go_function(&mut self, name: &str, arguments: &Arguments<'_>) -> Value {
        let first = arguments.get(0);
        match name {
            "range" => match &first {
                Value::List(values) => {
                    let pairs = values.iter().enumerate().map(|(at, value)| {
                        Value::List(Rc::new(vec![Value::Text(Text::literal(&at.to_string())), value.clone()]))
                    });
                    Value::List(Rc::new(pairs.collect()))
                }
                Value::Record(_) => {
                    let pairs = Self::fields(&first).into_iter();
                    let pairs =
                        pairs.map(|(key, value)| Value::List(Rc::new(vec![Value::Text(Text::literal(&key)), value])));
                    Value::List(Rc::new(pairs.collect()))
                }
                _ => Value::Unknown,
            },
            "append" => {
                let mut values = if let Value::List(values) = first { values.as_ref().clone() } else { Vec::new() };
                values.extend(arguments.values.iter().skip(1).cloned());
                Value::List(Rc::new(values))
            }
            "new" => match first {
                Value::Class(class) => self.go_bare(&class),
                _ => Value::Unknown,
            },
            "string" | "any" => first,
            _ => Value::Unknown,
        }
    }

    /// Remembers a call that looks like a route, on a value that is not known to be a router.
    pub(super) fn go_unresolved(&mut self, name: &str, arguments: &Arguments<'_>, line: usize, scope: &Rc<Scope>) {
        let is_route = matches!(name, "Handle" | "HandleFunc" | "Mount") || route::is_verb(name);
        let first = arguments.get(0);
        let path = first.as_text().filter(|path| !path.is_empty() && path.is_path());
        let has_handler = (1..arguments.len()).any(|at| {
            let is_member =
                |value: &Located| matches!(value.expression, Expression::Member(..) | Expression::Function(_));
            matches!(arguments.get(at), Value::Function(_)) && arguments.expression(at).is_some_and(is_member)
        });
        if let Some(path) = path.filter(|_| is_route && has_handler) {
            let source = format!("{name}({path})");
            self.unresolved.insert(super::program::Unresolved { file: scope.file, line, source });
        }
    }
}

/// A function of the package `strings`.
fn go_text(name: &str, text: &Value, other: Option<&str>) -> Value {
    let (Some(literal), other) = (text.as_literal(), other.unwrap_or_default()) else { return text.clone() };
    let changed = match name {
        "TrimSuffix" => literal.strip_suffix(other).unwrap_or(literal).to_owned(),
        "TrimPrefix" => literal.strip_prefix(other).unwrap_or(literal).to_owned(),
        "TrimRight" => literal.trim_end_matches(|c| other.contains(c)).to_owned(),
        "TrimLeft" => literal.trim_start_matches(|c| other.contains(c)).to_owned(),
        "Trim" => literal.trim_matches(|c| other.contains(c)).to_owned(),
        "ToLower" => literal.to_lowercase(),
        "ToUpper" => literal.to_uppercase(),
        _ => return Value::Unknown,
    };
    Value::Text(Text::literal(&changed))
}
