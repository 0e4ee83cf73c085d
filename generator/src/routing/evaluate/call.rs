//! Calls.

use std::rc::Rc;
use std::sync::Arc;

use super::super::framework;
use super::super::program::{MAX_CALL_DEPTH, Program, Unresolved};
use super::super::text::Text;
use super::super::value::{Closure, PackageValue, Scope, Value};
use super::builtin::joined_file_path;
use super::operation::Place;
use crate::code::{Call, Expression, Imported, Language, Located, Parameter, Pattern, Takes};

/// How often a function may call itself before the result is unknown.
const MAX_RECURSION: usize = 2;
/// The maximum number of statements of a function that runs although it adds no routes, since it may return a path.
const MAX_IRRELEVANT: usize = 3;
/// The names of parameters that are routers when a function gets a router from code that is not known.
const ROUTER_NAMES: [&str; 10] =
    ["app", "router", "server", "fastify", "instance", "api", "application", "routes", "scope", "expressApp"];
/// The names of variables that are routers when a file does not declare them.
pub(super) const GLOBAL_NAMES: [&str; 4] = ["app", "router", "server", "fastify"];

/// The arguments of a call, with their expressions for handlers and unknown parts of paths.
pub(in super::super) struct Arguments<'c> {
    pub(in super::super) call: &'c Call,
    pub(in super::super) values: Vec<Value>,
    /// The arguments with names, as in `prefix="/users"`.
    pub(super) named: Vec<(String, Value)>,
    /// The function or class below the decorator that the call is.
    pub(super) decorated: Option<Value>,
}

impl Arguments<'_> {
    pub(in super::super) fn get(&self, at: usize) -> Value {
        self.values.get(at).cloned().unwrap_or(Value::Unknown)
    }

    pub(in super::super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The expression of an argument, if no list was spread before it.
    pub(in super::super) fn expression(&self, at: usize) -> Option<&Located> {
        let before = self.call.arguments.get(..=at)?;
        before.iter().all(|element| !element.is_spread).then_some(())?;
        self.call.arguments.get(at).map(|element| &element.value)
    }

    pub(in super::super) fn functions(&self) -> Vec<Rc<Closure>> {
        let functions = self.values.iter();
        functions
            .filter_map(|value| if let Value::Function(closure) = value { Some(closure.clone()) } else { None })
            .collect()
    }
}

impl Program<'_> {
    pub(in super::super) fn call(&mut self, call: &Call, line: usize, scope: &Rc<Scope>) -> Value {
        self.place = (scope.file, line);
        let place = Place { file: scope.file, line };
        let decorated = self.decorated.take();
        if let Expression::Member(object, name) | Expression::Path(object, name) = &call.callee.expression {
            let receiver = self.evaluate(object, scope);
            let arguments = self.arguments(call, decorated, scope);
            if scope.module.is_some()
                && let Some(value) = self.rust_method(&receiver, object, name, &arguments, place, scope)
            {
                return value;
            }
            return self.method(&receiver, object, name, &arguments, line, scope);
        }
        if let Expression::Name(name) = &call.callee.expression
            && name.ends_with('!')
        {
            return self.rust_macro(name, call, place, scope);
        }
        let callee = self.evaluate(&call.callee, scope);
        let arguments = self.arguments(call, decorated, scope);
        if scope.module.is_some() {
            return self.apply_rust(&callee, &arguments, place, scope);
        }
        if let Expression::Name(name) = &call.callee.expression
            && matches!(callee, Value::Unknown)
        {
            self.place = (scope.file, line);
            return self.global_call(name, &arguments, scope);
        }
        if let Expression::Index(object, _) = &call.callee.expression
            && let router @ Value::Router(_) = self.evaluate(object, scope)
        {
            // `router[method](path, handler)`
            let method = if let Expression::Index(_, index) = &call.callee.expression {
                self.evaluate(index, scope)
            } else {
                Value::Unknown
            };
            let name = method.as_literal().unwrap_or("all").to_owned();
            return self.method(&router, object, &name, &arguments, line, scope);
        }
        self.apply_arguments(&callee, &arguments, line, scope)
    }

    /// The result of calling a value with arguments of which some may have names.
    pub(super) fn apply_arguments(
        &mut self,
        callee: &Value,
        arguments: &Arguments<'_>,
        line: usize,
        scope: &Rc<Scope>,
    ) -> Value {
        let place = Place { file: scope.file, line };
        match self.language(scope.file) {
            Language::Python => self.python_apply(callee, arguments, place),
            Language::Go => self.go_apply(callee, arguments, place),
            _ => self.apply(callee, arguments.values.clone()),
        }
    }

    /// The values of the arguments of a call.
    pub(in super::super) fn arguments<'c>(
        &mut self,
        call: &'c Call,
        decorated: Option<Value>,
        scope: &Rc<Scope>,
    ) -> Arguments<'c> {
        let named = call.arguments.iter().any(|argument| argument.name.is_some());
        if !named {
            return Arguments { call, values: self.elements(&call.arguments, scope), named: Vec::new(), decorated };
        }
        let (mut values, mut named) = (Vec::new(), Vec::new());
        for element in &call.arguments {
            let Some(name) = &element.name else {
                values.extend(self.elements(std::slice::from_ref(element), scope));
                continue;
            };
            match self.evaluate(&element.value, scope) {
                options @ Value::Record(_) if name.is_empty() => named.extend(Self::fields(&options)),
                value => named.push((name.clone(), value)),
            }
        }
        Arguments { call, values, named, decorated }
    }

    /// Functions of the language itself.
    fn global_call(&mut self, name: &str, arguments: &Arguments<'_>, scope: &Rc<Scope>) -> Value {
        match self.language(scope.file) {
            Language::Python => return self.python_function(name, arguments, scope),
            Language::Go => return self.go_function(name, arguments),
            Language::Php => return self.php_function(name, arguments, scope),
            Language::Ruby => {
                let (file, line) = self.place;
                return self.rails_call(name, arguments, Place { file, line }, scope);
            }
            _ => {}
        }
        let module = arguments.get(0);
        match (name, module.as_literal()) {
            ("require" | "import" | "__importStar" | "__importDefault", Some(module)) => {
                self.imported(scope.file, module, &Imported::Module)
            }
            _ => self.call_functions(arguments),
        }
    }

    /// Runs the functions among the arguments of a call that is not known, since it may call them.
    pub(in super::super) fn call_functions(&mut self, arguments: &Arguments<'_>) -> Value {
        let mut result = Value::Unknown;
        for closure in arguments.functions() {
            if self.called.contains(&Arc::as_ptr(&closure.function)) {
                continue;
            }
            let parameters: Vec<Value> = closure
                .function
                .parameters
                .iter()
                .map(|parameter| self.adopted(closure.scope.file, parameter))
                .collect();
            let value = self.call_closure(&closure, parameters, closure.this.clone());
            if value.weight() > result.weight() {
                result = value;
            }
        }
        result
    }

    /// The result of calling a value.
    pub(in super::super) fn apply(&mut self, callee: &Value, arguments: Vec<Value>) -> Value {
        match callee {
            Value::Function(closure) => self.call_closure(closure, arguments, closure.this.clone()),
            Value::Class(class) => self.instance(class, arguments),
            Value::Package(package) => self.package_call(package, &arguments),
            _ => Value::Unknown,
        }
    }

    /// A call of something from a package: it makes a router, or a value of which only the origin is known.
    fn package_call(&mut self, package: &Rc<PackageValue>, arguments: &[Value]) -> Value {
        let name = if package.names.is_empty() { "default" } else { package.last() };
        let meaning = self.procedure_call(package, arguments).or_else(|| Self::route_config_call(package, arguments));
        if let Some(value) = meaning {
            return value;
        }
        if let Some(framework) = framework::of_call(&package.package, name) {
            let options = arguments.first().cloned().unwrap_or(Value::Unknown);
            let prefix = options.field("prefix").or_else(|| options.field("base"));
            let prefix = prefix.and_then(|prefix| prefix.as_text().cloned()).unwrap_or_default();
            return Value::Router(self.new_router(framework, prefix));
        }
        if let Some(value) = self.package_function(name, arguments) {
            return value;
        }
        // A wrapper such as `fp(plugin)` or `withAuth(handler)` returns what it gets.
        if let Some(value @ Value::Function(_)) = arguments.first() {
            return value.clone();
        }
        Value::Package(Rc::new(package.with(format!("{name}()"))))
    }

    /// Functions of packages whose result matters.
    fn package_function(&mut self, name: &str, arguments: &[Value]) -> Option<Value> {
        match (name, arguments) {
            ("createRoute", [definition, ..]) => Some(definition.clone()),
            ("join" | "resolve", _) => joined_file_path(arguments),
            // `useBase('/api', router.handler)` of h3.
            ("useBase", [Value::Text(path), router @ Value::Router(id), ..]) => {
                if let Some(own) = self.routers.get_mut(*id) {
                    own.prefix = path.clone();
                }
                Some(router.clone())
            }
            ("serve", [options, ..]) => {
                self.serve(options);
                None
            }
            _ => None,
        }
    }

    /// Calls a function of the repository.
    pub(in super::super) fn call_closure(
        &mut self,
        closure: &Rc<Closure>,
        arguments: Vec<Value>,
        this: Option<Value>,
    ) -> Value {
        let pointer = Arc::as_ptr(&closure.function);
        let mut named = std::mem::take(&mut self.named);
        self.called.insert(pointer);
        self.forget_alone(pointer);
        if self.is_irrelevant(closure) && closure.function.body.len() > MAX_IRRELEVANT {
            return Value::Unknown;
        }
        let repeats = self.stack.iter().filter(|running| **running == pointer).count();
        if repeats >= MAX_RECURSION || self.stack.len() >= MAX_CALL_DEPTH {
            return Value::Unknown;
        }
        let scope = Scope::inside(&closure.scope);
        if let Some(this) = this {
            scope.set("this", this);
        }
        let mut arguments = arguments.into_iter();
        for parameter in &closure.function.parameters {
            let own = match parameter.takes {
                Takes::One => parameter_value(parameter, &mut named).or_else(|| arguments.next()),
                Takes::Rest => Some(Value::List(Rc::new(arguments.by_ref().collect()))),
                Takes::Options => Some(Value::record_of(std::mem::take(&mut named))),
            };
            let value = match (own, &parameter.default) {
                (Some(value), None) => value,
                (Some(value), Some(_)) if value.weight() > 0 => value,
                (_, Some(default)) => self.evaluate(default, &scope),
                (None, None) => Value::Unknown,
            };
            self.bind(&parameter.pattern, value, &scope);
        }
        self.stack.push(pointer);
        let returned = self.block(&closure.function.body, &scope);
        self.stack.pop();
        returned.unwrap_or(Value::Unknown)
    }

    /// The value of a parameter of a function that unknown code calls. A router, if its type or its name says so.
    pub(in super::super) fn adopted(&mut self, file: usize, parameter: &Parameter) -> Value {
        match self.language(file) {
            Language::Rust => return self.rust_adopted(file, parameter),
            Language::Go => return self.go_adopted(file, parameter),
            _ => {}
        }
        let typed = framework::all().iter().position(|framework| {
            framework.language == self.language(file) && framework.has_type(&parameter.type_name)
        });
        let named = match &parameter.pattern {
            Pattern::Name(name) if parameter.type_name.is_empty() && ROUTER_NAMES.contains(&name.as_str()) => {
                self.main_framework(file)
            }
            _ => None,
        };
        let imported = typed.filter(|_| !parameter.type_name.is_empty()).and_then(|typed| {
            // `Router` is the name of a type of several frameworks; the file says which.
            let main = self.main_framework(file).filter(|main| {
                framework::all().get(*main).is_some_and(|framework| framework.has_type(&parameter.type_name))
            });
            main.or(Some(typed))
        });
        match imported.or(named) {
            Some(framework) => Value::Router(self.new_router(framework, Text::default())),
            None => Value::Unknown,
        }
    }

    /// Remembers a call that looks like a route, on a value that is not known to be a router.
    pub(super) fn add_unresolved(&mut self, name: &str, arguments: &Arguments<'_>, line: usize, scope: &Rc<Scope>) {
        let is_verb = matches!(name, "get" | "post" | "put" | "patch" | "delete" | "all" | "options" | "head");
        let first = arguments.get(0);
        let is_path = first.as_text().is_some_and(|text| !text.is_empty() && text.is_path());
        let has_handler = (1..arguments.len()).any(|at| {
            matches!(arguments.get(at), Value::Function(_))
                || matches!(arguments.expression(at).map(|value| &value.expression), Some(Expression::Member(..)))
        });
        if is_verb && is_path && has_handler {
            let source = format!("{name}({})", first.as_text().map(ToString::to_string).unwrap_or_default());
            self.unresolved.insert(Unresolved { file: scope.file, line, source });
        }
    }
}

/// The argument with the name of a parameter.
fn parameter_value(parameter: &Parameter, named: &mut Vec<(String, Value)>) -> Option<Value> {
    let Pattern::Name(name) = &parameter.pattern else { return None };
    let at = named.iter().position(|(own, _)| own == name)?;
    Some(named.swap_remove(at).1)
}
