//! Functions and methods that Python and its standard library bring.

use std::rc::Rc;

use super::super::super::program::Program;
use super::super::super::text::Text;
use super::super::super::value::{PackageValue, Scope, Value};
use super::super::call::Arguments;
use super::super::operation::Place;
use super::super::source_of;
use crate::code::{Expression, Imported, Located};

/// Functions that return what they get.
const PASSING: [&str; 8] = ["list", "tuple", "set", "sorted", "reversed", "iter", "str", "cast"];

impl Program<'_> {
    /// A function that no file declares.
    pub(in super::super) fn python_function(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        scope: &Rc<Scope>,
    ) -> Value {
        let first = arguments.get(0);
        match name {
            _ if PASSING.contains(&name) => match first {
                record @ Value::Record(_) => {
                    Self::object_function("keys", &Arguments { values: vec![record], ..Self::none(arguments) })
                }
                value => value,
            },
            "enumerate" => {
                let Value::List(values) = first else { return Value::Unknown };
                let pairs = values.iter().enumerate().map(|(at, value)| {
                    Value::List(Rc::new(vec![Value::Text(Text::literal(&at.to_string())), value.clone()]))
                });
                Value::List(Rc::new(pairs.collect()))
            }
            "include" => self.django_include(arguments, Place { file: scope.file, line: self.place.1 }),
            "zip" => zipped(&arguments.values),
            "dict" => {
                let record = Value::record();
                if let Value::Record(fields) = &record {
                    fields.fields.borrow_mut().extend(arguments.named.iter().cloned());
                    fields.fields.borrow_mut().extend(Self::fields(&first));
                }
                record
            }
            "getattr" => match arguments.get(1).as_literal() {
                Some(name) => self.member(&first, name),
                None => arguments.get(2),
            },
            "map" => match arguments.get(1) {
                Value::List(values) => {
                    Value::List(Rc::new(values.iter().map(|value| self.apply(&first, vec![value.clone()])).collect()))
                }
                _ => Value::Unknown,
            },
            _ => {
                self.python_unresolved(name, arguments, self.place.1, scope);
                Value::Unknown
            }
        }
    }

    fn none<'c>(arguments: &Arguments<'c>) -> Arguments<'c> {
        Arguments { call: arguments.call, values: Vec::new(), named: Vec::new(), decorated: None }
    }

    /// Functions of packages whose result matters.
    pub(super) fn python_package_function(
        &mut self,
        package: &Rc<PackageValue>,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Option<Value> {
        let name = package.last();
        let first = arguments.get(0);
        match name {
            "include" => Some(self.django_include(arguments, place)),
            "i18n_patterns" => Some(self.language_patterns(arguments)),
            "import_module" | "import_string" => self.import_by_name(name, &first, place.file),
            "join" | "urljoin" if arguments.len() > 0 => super::super::builtin::joined_file_path(&arguments.values),
            // A default of a setting: `getenv("PREFIX", "/api")`, `config("PREFIX", default="/api")`, `Field("/api")`.
            "getenv" | "get" if package.package == "os" => Some(arguments.at(1, &["default"])),
            "Field" => Some(arguments.at(0, &["default"])),
            _ => {
                let default = arguments.named(&["default"]).filter(|value| value.as_text().is_some());
                default.or_else(|| wrapped(name, first))
            }
        }
    }

    /// `import_module("shop.urls")`, `import_string("shop.views.index")`
    fn import_by_name(&mut self, name: &str, module: &Value, file: usize) -> Option<Value> {
        let module = module.as_literal()?;
        Some(match module.rsplit_once('.').filter(|_| name == "import_string") {
            Some((module, name)) => self.python_import(file, module, &Imported::Name(name.to_owned())),
            None => self.python_import(file, module, &Imported::Module),
        })
    }

    /// A method of a record or class that it does not define.
    pub(in super::super) fn python_object_method(
        &mut self,
        receiver: &Value,
        name: &str,
        arguments: &Arguments<'_>,
        line: usize,
        scope: &Rc<Scope>,
    ) -> Value {
        match (name, receiver) {
            // A view of a class: its methods are those of the class, or those of `{"get": "list"}`.
            ("as_view", _) => match arguments.at(0, &["actions"]) {
                actions @ Value::Record(_) => actions,
                _ => receiver.clone(),
            },
            ("items", Value::Record(_)) => Self::object_function("entries", &Self::of_receiver(receiver, arguments)),
            ("keys" | "values", Value::Record(_)) => {
                Self::object_function(name, &Self::of_receiver(receiver, arguments))
            }
            ("get", Value::Record(_)) if arguments.len() < 3 && arguments.decorated.is_none() => {
                let field = arguments.get(0).as_literal().map(|name| self.member(receiver, name));
                field.filter(|value| value.weight() > 0).unwrap_or_else(|| arguments.get(1))
            }
            _ => {
                self.python_unresolved(name, arguments, line, scope);
                Value::Unknown
            }
        }
    }

    /// A method of a text. What changes a text that is not known leaves it as it is.
    pub(in super::super) fn python_text_method(text: &Text, name: &str, arguments: &Arguments<'_>) -> Value {
        let first = arguments.get(0);
        let cut = first.as_literal().map(str::to_owned);
        let is_cut = |c: char| cut.as_ref().map_or_else(|| c.is_whitespace(), |cut| cut.contains(c));
        let Some(literal) = text.as_literal() else { return Value::Text(text.clone()) };
        let changed = match name {
            "strip" => literal.trim_matches(is_cut).to_owned(),
            "lstrip" => literal.trim_start_matches(is_cut).to_owned(),
            "rstrip" => literal.trim_end_matches(is_cut).to_owned(),
            "lower" => literal.to_lowercase(),
            "upper" => literal.to_uppercase(),
            "removeprefix" => literal.strip_prefix(cut.as_deref().unwrap_or_default()).unwrap_or(literal).to_owned(),
            "removesuffix" => literal.strip_suffix(cut.as_deref().unwrap_or_default()).unwrap_or(literal).to_owned(),
            "replace" => match (first.as_literal(), arguments.get(1).as_literal()) {
                (Some(from), Some(to)) => literal.replace(from, to),
                _ => return Value::Unknown,
            },
            "join" => return Self::joined_texts(literal, &first),
            _ => return Value::Unknown,
        };
        Value::Text(Text::literal(&changed))
    }

    /// `"/".join(parts)`
    fn joined_texts(separator: &str, parts: &Value) -> Value {
        let Value::List(parts) = parts else { return Value::Unknown };
        let mut text = Text::default();
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                text.push(&Text::literal(separator));
            }
            text.push(&part.as_text().cloned().unwrap_or_else(|| Text::unknown("…")));
        }
        Value::Text(text)
    }

    fn of_receiver<'c>(receiver: &Value, arguments: &Arguments<'c>) -> Arguments<'c> {
        Arguments { values: vec![receiver.clone()], ..Self::none(arguments) }
    }

    /// A method of a value that is not known.
    pub(in super::super) fn python_unknown_method(
        &mut self,
        object: &Located,
        name: &str,
        arguments: &Arguments<'_>,
        line: usize,
        scope: &Rc<Scope>,
    ) -> Value {
        let place = Place { file: scope.file, line };
        match (&object.expression, name) {
            (Expression::Name(object), _) if object == "super" => self.python_super(name, arguments, place, scope),
            // `[… for … in list]` of a list that is not known has a value for one element.
            (_, "map" | "flatMap") => match arguments.functions().first() {
                Some(closure) => self.call_closure(closure, Vec::new(), closure.this.clone()),
                None => Value::Unknown,
            },
            _ => {
                self.python_unresolved(name, arguments, line, scope);
                Value::Unknown
            }
        }
    }

    /// `a + b` of lists. A router that is added is an element, as in `urlpatterns + router.urls`.
    pub(in super::super) fn sum_of_lists(
        &mut self,
        left: &Located,
        right: &Located,
        scope: &Rc<Scope>,
    ) -> Option<Value> {
        let is_text = |located: &Located| matches!(located.expression, Expression::Text(_));
        if is_text(left) || is_text(right) {
            return None;
        }
        let (left, right) = (self.evaluate(left, scope), self.evaluate(right, scope));
        let elements = |value: Value| match value {
            Value::List(values) => values.as_ref().clone(),
            router @ Value::Router(_) => vec![router],
            _ => Vec::new(),
        };
        let is_list = |value: &Value| matches!(value, Value::List(_) | Value::Router(_));
        if !is_list(&left) && !is_list(&right) {
            return None;
        }
        let mut list = elements(left);
        list.extend(elements(right));
        list.truncate(MAX_ELEMENTS);
        Some(Value::List(Rc::new(list)))
    }

    /// Remembers a decorator that looks like a route, on a value that is not known to be a router.
    fn python_unresolved(&mut self, name: &str, arguments: &Arguments<'_>, line: usize, scope: &Rc<Scope>) {
        let is_route = matches!(
            name,
            "get"
                | "post"
                | "put"
                | "patch"
                | "delete"
                | "route"
                | "api_route"
                | "websocket"
                | "add_url_rule"
                | "add_api_route"
        );
        let path = Self::text_at(arguments, 0, &["path", "rule"]).filter(Text::is_path).filter(|path| !path.is_empty());
        let Some(path) = path.filter(|_| is_route) else { return };
        if arguments.decorated.is_some() || name.starts_with("add_") {
            self.add_not_understood(format!("{name}({path})"), Place { file: scope.file, line });
        }
    }

    pub(super) fn add_not_understood(&mut self, source: String, place: Place) {
        let unresolved = super::super::super::program::Unresolved { file: place.file, line: place.line, source };
        self.unresolved.insert(unresolved);
    }

    /// The source of an argument, to name what is not known.
    pub(super) fn source_at(arguments: &Arguments<'_>, at: usize, names: &[&str]) -> String {
        arguments.expression_at(at, names).map(source_of).unwrap_or_default()
    }
}

/// The maximum number of elements of a list.
const MAX_ELEMENTS: usize = 4_000;

/// A wrapper such as `csrf_exempt(view)` returns what it gets.
fn wrapped(name: &str, first: Value) -> Option<Value> {
    match first {
        // `csrf_exempt(View.as_view({"get": "list"}))` has a record.
        Value::Function(_) | Value::Class(_) | Value::Record(_) => Some(first),
        Value::Router(_) | Value::List(_) if name.ends_with("Middleware") || name == "format_suffix_patterns" => {
            Some(first)
        }
        _ => None,
    }
}

/// `zip(a, b)`
fn zipped(lists: &[Value]) -> Value {
    let lists: Vec<_> =
        lists.iter().filter_map(|value| if let Value::List(values) = value { Some(values) } else { None }).collect();
    let length = lists.iter().map(|values| values.len()).min().unwrap_or(0);
    let rows =
        (0..length).map(|at| Value::List(Rc::new(lists.iter().filter_map(|values| values.get(at).cloned()).collect())));
    Value::List(Rc::new(rows.collect()))
}
