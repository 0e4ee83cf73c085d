//! Statements.

use std::rc::Rc;
use std::sync::Arc;

use super::super::program::Program;
use super::super::rust::import_path;
use super::super::text::Text;
use super::super::value::{PackageValue, Scope, Value};
use crate::code::{Imported, Language, Located, Pattern, Statement};

/// The maximum number of rounds of a loop over a list.
const MAX_ROUNDS: usize = 500;

impl Program<'_> {
    /// Runs a block, and returns the value that it returns. Of several values, the one that says most counts.
    pub(in super::super) fn block(&mut self, statements: &[Statement], scope: &Rc<Scope>) -> Option<Value> {
        if self.language(scope.file) != Language::Python {
            self.hoist(statements, scope);
        }
        let mut returned: Option<Value> = None;
        for statement in statements {
            if self.is_at_limit() {
                break;
            }
            if let Some(value) = self.statement(statement, scope) {
                returned = Some(match returned {
                    Some(before) => self.either(before, value, scope),
                    None => value,
                });
            }
        }
        returned
    }

    /// One of two values that a block may return: the one that says more. Of two routers of Rust, both.
    fn either(&mut self, first: Value, second: Value, scope: &Rc<Scope>) -> Value {
        match (&first, &second) {
            (Value::Router(a), Value::Router(b)) if scope.module.is_some() && a != b => {
                Value::Router(self.both_routers(*a, *b))
            }
            (Value::Filter(a), Value::Filter(b)) if a != b => self.either_filter(*a, *b),
            _ if second.weight() > first.weight() => second,
            _ => first,
        }
    }

    /// Functions can be used before the line that defines them.
    fn hoist(&mut self, statements: &[Statement], scope: &Rc<Scope>) {
        for statement in statements {
            if let Statement::Function(function) = statement
                && let Some(name) = &function.name
            {
                let closure = self.closure(function, scope, None);
                scope.set(name, Value::Function(closure));
            }
        }
    }

    fn statement(&mut self, statement: &Statement, scope: &Rc<Scope>) -> Option<Value> {
        match statement {
            Statement::Let { pattern, type_name, value } => {
                let value = self.typed(value, type_name, scope);
                self.bind(pattern, value, scope);
            }
            Statement::Function(function) => self.define(function, scope),
            Statement::Module(_) => {}
            Statement::Class(class) => {
                let value = self.class(class, scope);
                if let Some(name) = &class.name {
                    scope.set(name, value.clone());
                }
                if self.language(scope.file) == Language::Python {
                    self.decorate(&class.decorators, &value, scope);
                }
            }
            Statement::Expression(expression) => drop(self.evaluate(expression, scope)),
            Statement::Return(expression) => return Some(self.evaluate(expression, scope)),
            Statement::ForEach { pattern, list, body } => return self.for_each(pattern, list, body, scope),
            Statement::If { condition, then, otherwise } => {
                self.evaluate(condition, scope);
                let (then, otherwise) =
                    (self.block(then, &self.inner(scope)), self.block(otherwise, &self.inner(scope)));
                return match (then, otherwise) {
                    (Some(a), Some(b)) => Some(self.either(a, b, scope)),
                    (a, b) => a.or(b),
                };
            }
            Statement::Block(statements) => return self.block(statements, &self.inner(scope)),
            Statement::Import { module, name, local } if scope.module.is_some() => {
                self.use_path(module, name, local, scope);
            }
            Statement::Implementation(implementation) => self.implement(implementation, scope),
            Statement::Import { module, name, local } => {
                let value = self.imported(scope.file, module, name);
                self.bind_import(name, local, value, scope);
            }
            Statement::Export { name, value } => {
                self.export_lines.insert((scope.file, name.clone()), value.line);
                let value = self.evaluate(value, scope);
                self.export(scope.file, name, value);
            }
            Statement::ExportFrom { module, name, exported } => self.export_from(scope.file, module, name, exported),
        }
        None
    }

    /// The variables of a block. In Python, a block has those of its function.
    fn inner(&self, scope: &Rc<Scope>) -> Rc<Scope> {
        if self.language(scope.file) == Language::Python { scope.clone() } else { Scope::inside(scope) }
    }

    /// `use` inside a function.
    fn use_path(&mut self, path: &str, name: &Imported, local: &str, scope: &Rc<Scope>) {
        let Some(module) = scope.module else { return };
        let path = import_path(path, name);
        if *name == Imported::Everything {
            return self.items.add_glob(module, path);
        }
        let value = self.path_value(module, scope.file, &path, 0);
        scope.set(local, value);
    }

    /// A value with a declared type. A value that is not known may be a router because of its type.
    fn typed(&mut self, value: &Located, type_name: &str, scope: &Rc<Scope>) -> Value {
        let value = self.evaluate(value, scope);
        // `const routes: FastifyPluginAsync = async (fastify) => {…}` gives the parameter its type.
        if let Value::Function(closure) = &value {
            self.types_of_functions.insert(Arc::as_ptr(&closure.function), type_name.to_owned());
        }
        value
    }

    fn for_each(&mut self, pattern: &Pattern, list: &Located, body: &[Statement], scope: &Rc<Scope>) -> Option<Value> {
        let list = self.evaluate(list, scope);
        let pairs = self.is_php(scope).then(|| pairs(&list, pattern)).flatten();
        let values = match &list {
            _ if pairs.is_some() => pairs.unwrap_or_default(),
            Value::List(values) if !values.is_empty() => values.iter().take(MAX_ROUNDS).cloned().collect(),
            _ => vec![Value::Unknown],
        };
        let mut returned = None;
        for value in values {
            let inside = self.inner(scope);
            self.bind(pattern, value, &inside);
            returned = self.block(body, &inside).or(returned);
        }
        returned
    }

    fn is_php(&self, scope: &Scope) -> bool {
        matches!(self.language(scope.file), Language::Php | Language::Ruby)
    }

    /// Binds the names of a pattern.
    pub(in super::super) fn bind(&mut self, pattern: &Pattern, value: Value, scope: &Rc<Scope>) {
        match pattern {
            // In Python, a block can't hide what the function has: `except ImportError: name = None`.
            Pattern::Name(name) => {
                let is_python = self.language(scope.file) == Language::Python;
                let hides = is_python && value.weight() == 0 && scope.variables().fields.borrow().contains_key(name);
                if !hides {
                    scope.set(name, value);
                }
            }
            Pattern::Record(entries) => {
                for (key, pattern) in entries {
                    let field = self.member(&value, key);
                    self.bind(pattern, field, scope);
                }
            }
            Pattern::List(patterns) => {
                for (at, pattern) in patterns.iter().enumerate() {
                    let element = match &value {
                        Value::List(values) => values.get(at).cloned().unwrap_or(Value::Unknown),
                        _ => Value::Unknown,
                    };
                    self.bind(pattern, element, scope);
                }
            }
            Pattern::Ignored => {}
        }
    }

    /// The value that an import gives.
    pub(in super::super) fn imported(&mut self, from: usize, module: &str, name: &Imported) -> Value {
        if self.language(from) == Language::Python {
            return self.python_import(from, module, name);
        }
        let path = self.modules.resolve(self.path_of(from), module);
        let Some(file) = path.and_then(|path| self.file_at(&path)) else {
            let is_relative = module.starts_with('.');
            let package = PackageValue { package: module.to_owned(), names: Vec::new() };
            return match name {
                _ if is_relative => Value::Unknown,
                Imported::Name(name) => Value::Package(Rc::new(package.with(name.clone()))),
                Imported::Module | Imported::Everything => Value::Package(Rc::new(package)),
            };
        };
        let module = self.module(file);
        let replaced = module.replaced.borrow().clone();
        let whole = replaced.clone().unwrap_or_else(|| Value::Record(module.exports.clone()));
        match name {
            Imported::Module | Imported::Everything => whole,
            Imported::Name(name) => {
                let exported = module.exports.fields.borrow().get(name).cloned();
                exported.or_else(|| replaced.as_ref()?.field(name)).or(replaced).unwrap_or(Value::Unknown)
            }
        }
    }

    fn export(&mut self, file: usize, name: &str, value: Value) {
        let module = self.module(file);
        module.exports.fields.borrow_mut().insert(name.to_owned(), value);
    }

    fn export_from(&mut self, file: usize, module: &str, name: &Imported, exported: &str) {
        let value = self.imported(file, module, name);
        if *name != Imported::Everything {
            return self.export(file, exported, value);
        }
        if let Value::Record(record) = value {
            let fields = record.fields.borrow().clone();
            for (name, value) in fields.into_iter().filter(|(name, _)| name != "default") {
                self.export(file, &name, value);
            }
        }
    }
}

/// The keys and values, or only the values, of what PHP or Ruby runs over.
fn pairs(list: &Value, pattern: &Pattern) -> Option<Vec<Value>> {
    let fields: Vec<(String, Value)> = match list {
        Value::Record(_) => Program::fields(list).into_iter().collect(),
        Value::List(values) if matches!(pattern, Pattern::List(_)) => {
            values.iter().enumerate().map(|(at, value)| (at.to_string(), value.clone())).collect()
        }
        _ => return None,
    };
    let with_key = |(key, value): (String, Value)| match pattern {
        Pattern::List(_) => Value::List(Rc::new(vec![Value::Text(Text::literal(&key)), value])),
        _ => value,
    };
    Some(fields.into_iter().take(MAX_ROUNDS).map(with_key).collect())
}
