//! The values that the evaluation of source code knows.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::router::RouterId;
use super::rust::{FilterId, ModuleId};
use super::text::Text;
use crate::code::{Class, Function};

/// A value.
#[derive(Clone)]
pub(super) enum Value {
    /// A value that only the running program knows.
    Unknown,
    Text(Text),
    List(Rc<Vec<Value>>),
    Record(Rc<Record>),
    Function(Rc<Closure>),
    Class(Rc<ClassValue>),
    /// Something of a package that is not part of the repository.
    Package(Rc<PackageValue>),
    Router(RouterId),
    /// A module of Rust.
    Module(ModuleId),
    /// A filter of warp.
    Filter(FilterId),
    /// A path of a router whose methods follow: `router.route('/users')`.
    Resource(RouterId, Text),
}

/// Fields by name. Objects of a class have its methods too.
#[derive(Default)]
pub(super) struct Record {
    pub(super) fields: RefCell<BTreeMap<String, Value>>,
    pub(super) class: Option<Rc<ClassValue>>,
    /// The folder of a package of Python, whose modules are fields too.
    pub(super) folder: Option<String>,
}

/// A function with the variables around it.
pub(super) struct Closure {
    pub(super) function: Arc<Function>,
    pub(super) scope: Rc<Scope>,
    pub(super) this: Option<Value>,
}

/// A class with the variables around it.
pub(super) struct ClassValue {
    pub(super) class: Arc<Class>,
    pub(super) scope: Rc<Scope>,
    pub(super) parents: Vec<Value>,
    pub(super) statics: Rc<Record>,
}

/// The maximum number of classes from which a class inherits.
const MAX_PARENTS: usize = 24;

impl ClassValue {
    /// The class and the classes of the repository that it inherits from, in the order in which names are looked up.
    pub(super) fn lineage(self: &Rc<Self>) -> Vec<Rc<Self>> {
        let mut lineage = Vec::new();
        let mut waiting = vec![self.clone()];
        while let Some(class) = waiting.pop().filter(|_| lineage.len() < MAX_PARENTS) {
            let parents = class.parents.iter().rev();
            waiting.extend(
                parents.filter_map(|parent| if let Value::Class(class) = parent { Some(class.clone()) } else { None }),
            );
            lineage.push(class);
        }
        lineage
    }

    /// The classes of packages that the class inherits from.
    pub(super) fn package_parents(self: &Rc<Self>) -> Vec<Rc<PackageValue>> {
        let parents = self.lineage().into_iter().flat_map(|class| class.parents.clone());
        parents.filter_map(|parent| if let Value::Package(package) = parent { Some(package) } else { None }).collect()
    }
}

/// `express.Router()` is the package `express` with the names `Router`. A call without a meaning is part of the names.
pub(super) struct PackageValue {
    pub(super) package: String,
    pub(super) names: Vec<String>,
}

impl PackageValue {
    pub(super) fn last(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    pub(super) fn with(&self, name: String) -> Self {
        let mut names = self.names.clone();
        names.push(name);
        Self { package: self.package.clone(), names }
    }
}

/// The variables of a block, and those around it.
pub(super) struct Scope {
    variables: Rc<Record>,
    parent: Option<Rc<Self>>,
    /// The file of the code.
    pub(super) file: usize,
    /// The module of Rust that the code belongs to.
    pub(super) module: Option<ModuleId>,
}

impl Scope {
    pub(super) fn of_file(file: usize) -> Rc<Self> {
        Rc::new(Self { variables: Rc::default(), parent: None, file, module: None })
    }

    pub(super) fn of_module(file: usize, module: ModuleId) -> Rc<Self> {
        Rc::new(Self { variables: Rc::default(), parent: None, file, module: Some(module) })
    }

    pub(super) fn inside(parent: &Rc<Self>) -> Rc<Self> {
        let (file, module) = (parent.file, parent.module);
        Rc::new(Self { variables: Rc::default(), parent: Some(parent.clone()), file, module })
    }

    /// The scope of a file that sees the names of its package.
    pub(super) fn of_file_inside(file: usize, package: &Rc<Self>) -> Rc<Self> {
        Rc::new(Self { variables: Rc::default(), parent: Some(package.clone()), file, module: None })
    }

    /// The scope of a file whose variables are what the file exports.
    pub(super) fn exporting(file: usize, folder: Option<String>) -> Rc<Self> {
        let variables = Rc::new(Record { folder, ..Record::default() });
        Rc::new(Self { variables, parent: None, file, module: None })
    }

    /// The variables of the block itself, as a record.
    pub(super) fn variables(&self) -> Rc<Record> {
        self.variables.clone()
    }

    pub(super) fn set(&self, name: &str, value: Value) {
        self.variables.fields.borrow_mut().insert(name.to_owned(), value);
    }

    /// Changes the variable in the block that declares it.
    pub(super) fn assign(&self, name: &str, value: Value) {
        if self.variables.fields.borrow().contains_key(name) {
            self.set(name, value);
        } else if let Some(parent) = &self.parent {
            parent.assign(name, value);
        } else {
            self.set(name, value);
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Value> {
        let found = self.variables.fields.borrow().get(name).cloned();
        found.or_else(|| self.parent.as_ref().and_then(|parent| parent.get(name)))
    }
}

impl Value {
    pub(super) fn record() -> Self {
        Self::Record(Rc::default())
    }

    pub(super) fn record_of(fields: Vec<(String, Value)>) -> Self {
        let record = Record::default();
        record.fields.borrow_mut().extend(fields);
        Self::Record(Rc::new(record))
    }

    pub(super) fn as_text(&self) -> Option<&Text> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn as_literal(&self) -> Option<&str> {
        self.as_text().and_then(Text::as_literal)
    }

    /// The texts of a text or of a list of texts.
    pub(super) fn texts(&self) -> Vec<Text> {
        match self {
            Self::Text(text) => vec![text.clone()],
            Self::List(values) => values.iter().filter_map(|value| value.as_text().cloned()).collect(),
            _ => Vec::new(),
        }
    }

    /// Adds the routers that a value is or lists.
    pub(super) fn routers(&self, into: &mut Vec<RouterId>) {
        match self {
            Self::Router(router) => into.push(*router),
            Self::List(values) => values.iter().for_each(|value| value.routers(into)),
            _ => {}
        }
    }

    /// The field of a record. Other values have no fields.
    pub(super) fn field(&self, name: &str) -> Option<Value> {
        if let Self::Record(record) = self { record.fields.borrow().get(name).cloned() } else { None }
    }

    /// How much a value says. Of several values that an expression may have, the one that says most is used.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Unknown => 0,
            Self::Package(_) => 1,
            Self::Text(text) if text.is_unknown() => 1,
            Self::Text(_) | Self::List(_) => 2,
            Self::Record(_) | Self::Function(_) | Self::Class(_) | Self::Module(_) => 3,
            Self::Resource(..) => 4,
            Self::Router(_) | Self::Filter(_) => 5,
        }
    }
}
