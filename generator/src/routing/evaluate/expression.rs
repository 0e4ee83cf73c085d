//! Expressions.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::framework;
use super::super::program::Program;
use super::super::text::Text;
use super::super::value::{PackageValue, Record, Scope, Value};
use super::call::GLOBAL_NAMES;
use super::python;
use crate::code::{Element, Entry, Expression, Language, Located, TextPart};
use crate::paths;

/// The maximum number of elements of a list.
const MAX_ELEMENTS: usize = 2_000;

impl Program<'_> {
    /// The value of an expression.
    pub(in super::super) fn evaluate(&mut self, located: &Located, scope: &Rc<Scope>) -> Value {
        self.steps += 1;
        if self.is_at_limit() {
            return Value::Unknown;
        }
        match &located.expression {
            Expression::Text(parts) => Value::Text(self.text(parts, scope)),
            Expression::Name(name) => self.name(name, scope),
            Expression::Member(object, name) => {
                if let Some(folder) = self.own_folder(located, scope) {
                    return folder;
                }
                let object = self.evaluate(object, scope);
                self.member(&object, name)
            }
            Expression::Index(object, index) => {
                let (object, index) = (self.evaluate(object, scope), self.evaluate(index, scope));
                match (&object, index.as_literal()) {
                    (Value::List(values), Some(at)) => {
                        at.parse().ok().and_then(|at: usize| values.get(at).cloned()).unwrap_or(Value::Unknown)
                    }
                    (_, Some(name)) => self.member(&object, name),
                    // The type arguments of a class or function: `ModelViewSet[User]`, `NewRouter[*Event]`.
                    (Value::Class(_) | Value::Package(_) | Value::Function(_), None) => object,
                    _ => Value::Unknown,
                }
            }
            Expression::Call(call) => self.call(call, located.line, scope),
            Expression::List(elements) => Value::List(Rc::new(self.elements(elements, scope))),
            Expression::Record(entries) => self.record(entries, scope),
            Expression::Function(function) => {
                let this = if function.keeps_this { scope.get("this") } else { None };
                Value::Function(self.closure(function, scope, this))
            }
            Expression::Class(class) => self.class(class, scope),
            Expression::Choice(values) => {
                let values: Vec<Value> = values.iter().map(|value| self.evaluate(value, scope)).collect();
                // The last of several equal values: `process.env.PREFIX || '/api'`.
                values.into_iter().max_by_key(Value::weight).unwrap_or(Value::Unknown)
            }
            Expression::Assignment(target, value) => self.assignment(target, value, scope),
            Expression::Sum(left, right) => self.sum(left, right, scope),
            Expression::Both(left, right) => {
                self.evaluate(left, scope);
                self.evaluate(right, scope)
            }
            Expression::Equal { left, right, .. } => {
                self.evaluate(left, scope);
                self.evaluate(right, scope);
                Value::Unknown
            }
            Expression::Path(object, name) => {
                let object = self.evaluate(object, scope);
                self.place = (scope.file, located.line);
                self.member(&object, name)
            }
            Expression::Block(statements) => self.block(statements, &Scope::inside(scope)).unwrap_or(Value::Unknown),
            Expression::Object(class, entries) => self.object(class, entries, scope),
            Expression::Unknown(_) => Value::Unknown,
        }
    }

    fn name(&mut self, name: &str, scope: &Rc<Scope>) -> Value {
        match name {
            "__dirname" | "__DIR__" => Value::Text(Text::folder(paths::folder(self.path_of(scope.file)))),
            _ => match scope.get(name) {
                Some(value) => value,
                None if scope.module.is_some() => self.item_or_package(scope, name),
                None => self.undeclared(name, scope),
            },
        }
    }

    /// A name that the file does not declare. It may come from a macro, a global variable or a part that did not parse, so
    /// the usual names of routers are routers.
    fn undeclared(&mut self, name: &str, scope: &Rc<Scope>) -> Value {
        if self.language(scope.file) == Language::Go {
            return self.go_undeclared(name);
        }
        if matches!(self.language(scope.file), Language::Ruby | Language::Php | Language::Java) {
            return Value::Unknown;
        }
        if let Some(package) = framework::package_of_name(name, self.language(scope.file)) {
            return Value::Package(Rc::new(PackageValue { package: package.to_owned(), names: vec![name.to_owned()] }));
        }
        let is_python = self.language(scope.file) == Language::Python;
        let names: &[&str] = if is_python { &python::GLOBAL_NAMES } else { &GLOBAL_NAMES };
        if !names.contains(&name) {
            return Value::Unknown;
        }
        let usual = || framework::of_package("express").filter(|_| !is_python);
        let Some(framework) = self.main_framework(scope.file).or_else(usual) else { return Value::Unknown };
        let router = Value::Router(self.new_router(framework, Text::default()));
        let file = self.scope_of(scope.file);
        file.set(name, router.clone());
        router
    }

    /// `import.meta.dirname` and `import.meta.url`.
    fn own_folder(&self, located: &Located, scope: &Rc<Scope>) -> Option<Value> {
        let source = source_of(located);
        matches!(source.as_str(), "import.meta.dirname" | "import.meta.dir")
            .then(|| Value::Text(Text::folder(paths::folder(self.path_of(scope.file)))))
    }

    fn text(&mut self, parts: &[TextPart], scope: &Rc<Scope>) -> Text {
        let mut text = Text::default();
        for part in parts {
            match part {
                TextPart::Literal(literal) => text.push(&Text::literal(literal)),
                TextPart::Value(value) => text.push(&self.text_of(value, scope)),
            }
        }
        text
    }

    /// The text of an expression, or its source as an unknown part.
    pub(in super::super) fn text_of(&mut self, located: &Located, scope: &Rc<Scope>) -> Text {
        match self.evaluate(located, scope) {
            Value::Text(text) if !text.is_unknown() => text,
            _ => Text::unknown(&source_of(located)),
        }
    }

    fn sum(&mut self, left: &Located, right: &Located, scope: &Rc<Scope>) -> Value {
        if self.language(scope.file) == Language::Python
            && let Some(list) = self.sum_of_lists(left, right, scope)
        {
            return list;
        }
        let (mut text, right) = (self.text_of(left, scope), self.text_of(right, scope));
        text.push(&right);
        Value::Text(text)
    }

    /// The values of elements. The elements of a list that is spread are elements themselves.
    pub(in super::super) fn elements(&mut self, elements: &[Element], scope: &Rc<Scope>) -> Vec<Value> {
        let mut values = Vec::new();
        for element in elements.iter().take(MAX_ELEMENTS) {
            let value = self.evaluate(&element.value, scope);
            match value {
                Value::List(inner) if element.is_spread => values.extend(inner.iter().take(MAX_ELEMENTS).cloned()),
                value => values.push(value),
            }
        }
        values
    }

    fn record(&mut self, entries: &[Entry], scope: &Rc<Scope>) -> Value {
        let record = Rc::new(Record::default());
        let object = Value::Record(record.clone());
        for entry in entries {
            let Some(key) = &entry.key else {
                if let Value::Record(spread) = self.evaluate(&entry.value, scope) {
                    let fields = spread.fields.borrow().clone();
                    record.fields.borrow_mut().extend(fields);
                }
                continue;
            };
            let key = self.evaluate(key, scope);
            let value = self.evaluate(&entry.value, scope);
            if let Some(key) = key.as_literal() {
                self.table_entry(key, &value, entry.value.line, scope);
                record.fields.borrow_mut().insert(key.to_owned(), value);
            }
        }
        object
    }

    /// An object of a class with its fields.
    fn object(&mut self, class: &Located, entries: &[Entry], scope: &Rc<Scope>) -> Value {
        let class = self.evaluate(class, scope);
        let class = if let Value::Class(class) = class { Some(class) } else { None };
        let fields = self.record(entries, scope);
        let mut fields = Self::fields(&fields);
        if let Some(class) = class.as_ref().filter(|class| self.language(class.scope.file) == Language::Go) {
            if let Some(router) = self.own_router(class) {
                return router;
            }
            fields = Self::go_named_fields(&class.class, fields);
        }
        let fields = std::cell::RefCell::new(fields);
        Value::Record(Rc::new(Record { fields, class, folder: None }))
    }

    /// The value of `object.name`.
    pub(in super::super) fn member(&mut self, object: &Value, name: &str) -> Value {
        match object {
            Value::Record(record) => {
                let field = record.fields.borrow().get(name).cloned();
                let known = field.filter(|value| !matches!(value, Value::Unknown));
                let known = known.or_else(|| self.method_of(record, name)).or_else(|| self.submodule(record, name));
                let known = known.or_else(|| Self::rust_method_of(record, name));
                let known = known.or_else(|| self.rust_field(record, name));
                known.or_else(|| self.go_field(record, name)).unwrap_or(Value::Unknown)
            }
            Value::Package(package) => match framework::method_constant(&package.package, name) {
                Some(method) => Value::Text(Text::literal(method)),
                None => Value::Package(Rc::new(package.with(name.to_owned()))),
            },
            Value::Class(class) => {
                let field = class.statics.fields.borrow().get(name).cloned();
                let known = field.or_else(|| self.static_method(class, name));
                known.or_else(|| self.associated(class, name)).unwrap_or(Value::Unknown)
            }
            Value::Module(module) => self.module_member(*module, name),
            // `.default` of a module that has none.
            value @ (Value::Function(_) | Value::Router(_)) if name == "default" => value.clone(),
            value @ Value::Router(_) if matches!(name, "handler" | "router" | "urls" | "routes") => value.clone(),
            _ => Value::Unknown,
        }
    }

    fn assignment(&mut self, target: &Located, value: &Located, scope: &Rc<Scope>) -> Value {
        let value = self.evaluate(value, scope);
        match &target.expression {
            Expression::Name(name) => scope.assign(name, value.clone()),
            Expression::Member(object, name) => {
                let record = match self.evaluate(object, scope) {
                    Value::Router(router) => {
                        self.assign_routes(router, name, &value);
                        None
                    }
                    Value::Record(record) => Some(record),
                    Value::Class(class) => Some(class.statics.clone()),
                    _ => None,
                };
                if let Some(record) = record {
                    record.fields.borrow_mut().insert(name.clone(), value.clone());
                }
            }
            _ => {}
        }
        value
    }

    /// All fields of a record, in the order of their names.
    pub(in super::super) fn fields(value: &Value) -> BTreeMap<String, Value> {
        if let Value::Record(record) = value { record.fields.borrow().clone() } else { BTreeMap::new() }
    }
}

/// The source text of an expression, to name an unknown value.
pub(in super::super) fn source_of(located: &Located) -> String {
    match &located.expression {
        Expression::Name(name) | Expression::Unknown(name) => name.clone(),
        Expression::Member(object, name) => format!("{}.{name}", source_of(object)),
        Expression::Path(object, name) => format!("{}::{name}", source_of(object)),
        Expression::Index(object, index) => format!("{}[{}]", source_of(object), source_of(index)),
        Expression::Call(call) => call.source.clone(),
        Expression::Choice(values) => values.first().map(source_of).unwrap_or_default(),
        Expression::Text(parts) => parts
            .iter()
            .map(|part| match part {
                TextPart::Literal(text) => text.clone(),
                TextPart::Value(value) => format!("${{{}}}", source_of(value)),
            })
            .collect(),
        _ => "…".to_owned(),
    }
}
