//! What Python code means: imports, decorators, arguments with names, and the frameworks whose routes are calls.

mod argument;
mod builtin;
mod django;
mod include;
mod route;
mod view;
mod viewset;

use std::rc::Rc;
use std::sync::Arc;

use super::super::framework::{self, Operation};
use super::super::program::Program;
use super::super::python_modules::{PythonModule, below};
use super::super::router::RouterId;
use super::super::text::Text;
use super::super::value::{ClassValue, PackageValue, Record, Scope, Value};
use super::call::Arguments;
use super::class::method_scope;
use super::operation::Place;
use crate::code::{Expression, Function, Imported, Language, Located};

/// The names of variables that are routers when a file does not declare them.
pub(super) const GLOBAL_NAMES: [&str; 5] = ["app", "router", "routes", "bp", "blueprint"];

impl Program<'_> {
    /// The value that an import gives: a module, or a name in one.
    pub(super) fn python_import(&mut self, from: usize, module: &str, name: &Imported) -> Value {
        let path = self.path_of(from);
        let found = self.modules.python_module(path, module);
        let Imported::Name(name) = name else { return self.module_or_package(found, module) };
        let (is_own, field) = match found {
            Some(PythonModule::File(file)) => (true, self.file_at(&file).and_then(|file| self.exported(file, name))),
            Some(PythonModule::Folder(_)) => (true, None),
            None => (false, None),
        };
        if let Some(value) = field.as_ref().filter(|value| value.weight() > 0) {
            return value.clone();
        }
        match self.modules.python_module(path, &below(module, name)) {
            Some(found) => self.python_module_value(found),
            None if is_own || module.starts_with('.') => field.unwrap_or(Value::Unknown),
            None => {
                let names = vec![name.clone()];
                Value::Package(Rc::new(PackageValue { package: module.to_owned(), names }))
            }
        }
    }

    fn module_or_package(&mut self, found: Option<PythonModule>, module: &str) -> Value {
        match found {
            Some(found) => self.python_module_value(found),
            None if module.starts_with('.') => Value::Unknown,
            None => Value::Package(Rc::new(PackageValue { package: module.to_owned(), names: Vec::new() })),
        }
    }

    fn exported(&mut self, file: usize, name: &str) -> Option<Value> {
        self.module(file).exports.fields.borrow().get(name).cloned()
    }

    /// A module as a value: a record of its variables.
    fn python_module_value(&mut self, module: PythonModule) -> Value {
        match module {
            PythonModule::File(path) => match self.file_at(&path) {
                Some(file) => Value::Record(self.module(file).exports),
                None => Value::Unknown,
            },
            PythonModule::Folder(path) => Value::Record(Rc::new(Record { folder: Some(path), ..Record::default() })),
        }
    }

    /// A module in the folder of a package: `shop.views` after `import shop`.
    pub(super) fn submodule(&mut self, record: &Record, name: &str) -> Option<Value> {
        let folder = record.folder.as_ref()?;
        let module = self.modules.python_file(&format!("{folder}/{name}"))?;
        Some(self.python_module_value(module))
    }

    /// Binds what an import gives. `import a.b` binds nothing, and `from a import *` all names of the module.
    pub(super) fn bind_import(&mut self, name: &Imported, local: &str, value: Value, scope: &Rc<Scope>) {
        if !local.is_empty() {
            return scope.set(local, value);
        }
        if *name == Imported::Everything && self.language(scope.file) == Language::Python {
            for (name, value) in Self::fields(&value).into_iter().filter(|(name, _)| !name.starts_with('_')) {
                scope.set(&name, value);
            }
        }
    }

    /// Defines a function of Python, and applies its decorators. Other languages define their functions before a block runs.
    pub(super) fn define(&mut self, function: &Arc<Function>, scope: &Rc<Scope>) {
        if self.language(scope.file) != Language::Python {
            return;
        }
        let value = Value::Function(self.closure(function, scope, None));
        if let Some(name) = &function.name {
            scope.set(name, value.clone());
        }
        self.decorate(&function.decorators, &value, scope);
    }

    /// Applies decorators to a function or class. The name stays bound to the function or class itself.
    pub(super) fn decorate(&mut self, decorators: &[Located], value: &Value, scope: &Rc<Scope>) {
        for decorator in decorators.iter().rev() {
            self.decorated = matches!(decorator.expression, Expression::Call(_)).then(|| value.clone());
            let made = self.evaluate(decorator, scope);
            self.decorated = None;
            if let Value::Function(closure) = made {
                self.call_closure(&closure, vec![value.clone()], closure.this.clone());
            }
        }
    }

    /// The result of calling a value.
    pub(super) fn python_apply(&mut self, callee: &Value, arguments: &Arguments<'_>, place: Place) -> Value {
        match callee {
            Value::Package(package) => self.python_package(package, arguments, place),
            Value::Class(class) => {
                if let Some(router) = self.router_of_class(class, arguments) {
                    return router;
                }
                self.named.clone_from(&arguments.named);
                self.instance(class, arguments.values.clone())
            }
            Value::Function(closure) => {
                self.named.clone_from(&arguments.named);
                self.call_closure(closure, arguments.values.clone(), closure.this.clone())
            }
            _ => self.apply(callee, arguments.values.clone()),
        }
    }

    /// A call of something from a package.
    fn python_package(&mut self, package: &Rc<PackageValue>, arguments: &Arguments<'_>, place: Place) -> Value {
        let name = package.last();
        // `client().get(…)` is a method of a value that the package made, and no function of the package.
        let is_function = !package.names.iter().any(|name| name.ends_with("()"));
        if let Some(framework) = framework::of_call(&package.package, name).filter(|_| is_function) {
            return Value::Router(self.python_router(framework, name, arguments));
        }
        let function = framework::function_of(&package.package, name).filter(|_| is_function);
        if let Some((framework, operation)) = function {
            let router = self.new_router(framework, Text::default());
            self.python_operation(router, operation, name, arguments, place);
            return Value::Router(router);
        }
        if let Some(value) = self.python_package_function(package, arguments, place) {
            return value;
        }
        Value::Package(Rc::new(package.with(format!("{name}()"))))
    }

    /// A router of a class of the repository that inherits from a router of a framework.
    fn router_of_class(&mut self, class: &Rc<ClassValue>, arguments: &Arguments<'_>) -> Option<Value> {
        let parents = class.package_parents();
        let (framework, name) = parents.iter().find_map(|parent| {
            let name = parent.last();
            framework::of_call(&parent.package, name).map(|framework| (framework, name.to_owned()))
        })?;
        let router = self.python_router(framework, &name, arguments);
        self.router_classes.insert(router, class.clone());
        self.call_router_class(router, "constructor", arguments);
        Some(Value::Router(router))
    }

    /// Calls a method that the class of a router defines.
    fn call_router_class(&mut self, router: RouterId, name: &str, arguments: &Arguments<'_>) -> Option<Value> {
        let class = self.router_classes.get(&router)?.clone();
        let this = Some(Value::Router(router));
        for owner in class.lineage() {
            if let Some((_, method)) = owner.class.methods.iter().find(|(own, _)| own == name) {
                let closure = self.closure(method, &method_scope(&owner), this.clone());
                self.named.clone_from(&arguments.named);
                return Some(self.call_closure(&closure, arguments.values.clone(), this));
            }
        }
        None
    }

    /// `super().name(…)`: the method of the classes above the one whose method runs.
    pub(super) fn python_super(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
        scope: &Rc<Scope>,
    ) -> Value {
        let (this, class) = (scope.get("this"), scope.get("__class__"));
        if let (Some(Value::Router(router)), "constructor") = (&this, name) {
            // A prefix that is not known is not replaced by the default of a parameter.
            if let Some(prefix) = Self::own_prefix(arguments).filter(|prefix| !prefix.is_empty())
                && let Some(own) = self.routers.get_mut(*router)
            {
                own.prefix = prefix;
            }
            return Value::Unknown;
        }
        let parents = if let Some(Value::Class(class)) = class { class.lineage() } else { Vec::new() };
        for parent in parents.iter().skip(1) {
            if let Some((_, method)) = parent.class.methods.iter().find(|(own, _)| own == name) {
                let closure = self.closure(method, &method_scope(parent), this.clone());
                self.named.clone_from(&arguments.named);
                return self.call_closure(&closure, arguments.values.clone(), this);
            }
        }
        match this {
            Some(Value::Router(router)) => self.python_router_method(router, name, arguments, place),
            _ => Value::Unknown,
        }
    }

    /// Calls a method of a router.
    pub(super) fn python_router_method(
        &mut self,
        router: RouterId,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        let framework = self.routers.get(router).and_then(|router| framework::all().get(router.framework));
        if let Some(operation) = framework.and_then(|framework| framework.operation(name)) {
            return self.python_operation(router, operation, name, arguments, place);
        }
        self.call_router_class(router, name, arguments).unwrap_or(Value::Unknown)
    }

    pub(super) fn python_operation(
        &mut self,
        router: RouterId,
        operation: Operation,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        self.mark_called(arguments);
        if let Some(Value::Function(closure)) = &arguments.decorated {
            self.called.insert(Arc::as_ptr(&closure.function));
        }
        match operation {
            Operation::Verb => {
                let method = name.trim_start_matches("add_").to_uppercase();
                self.python_route(router, Some(&method), "", arguments, place);
            }
            Operation::Websocket => self.python_route(router, Some("WS"), "", arguments, place),
            Operation::Routed => self.python_route(router, None, "GET", arguments, place),
            Operation::View => self.python_route(router, None, framework::ANY, arguments, place),
            Operation::Methods => self.python_methods(router, arguments, place),
            Operation::Paths => self.python_paths(router, arguments, place),
            Operation::Include | Operation::MountApp | Operation::Register => {
                self.python_include(router, operation, name, arguments, place);
            }
            Operation::Namespace => return self.python_namespace(router, arguments),
            Operation::Attach => self.python_attach(router, arguments),
            Operation::Resource => {
                return Value::Resource(router, Self::text_at(arguments, 0, &["path"]).unwrap_or_default());
            }
            Operation::Pattern | Operation::Expression => {
                self.django_pattern(router, operation == Operation::Expression, arguments, place);
            }
            Operation::Viewset => self.viewset(router, arguments, place),
            _ => {}
        }
        Value::Unknown
    }
}
