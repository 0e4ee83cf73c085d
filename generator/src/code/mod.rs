//! Source code in one form for all languages: what declares routes, without what does not.
//!
//! A module for each language turns a syntax tree of tree-sitter into [`Statement`]s. Conditions are not decided, since a
//! document shows what a program can do: both branches are evaluated. What has no form of its own is
//! [`Expression::Unknown`] with its source text, so that a document can name it.

mod compact;
mod go;
mod java;
mod javascript;
mod lowering;
mod parse;
mod php;
mod python;
mod ruby;
mod rust;

use std::sync::Arc;

pub(crate) use self::java::INTERFACE;
pub(crate) use self::parse::{Grammar, Language, children, is_too_nested, line, parse, parsed, source, syntax_tree};
pub(crate) use self::rust::TABLE;

/// A value in source code, with its line.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) expression: Expression,
}

/// An expression.
#[derive(Debug, Clone)]
pub(crate) enum Expression {
    /// A string literal, a template, or a sum of them.
    Text(Vec<TextPart>),
    Name(String),
    /// `object.name`
    Member(Arc<Located>, String),
    /// `object[index]`
    Index(Arc<Located>, Arc<Located>),
    Call(Arc<Call>),
    List(Vec<Element>),
    Record(Vec<Entry>),
    Function(Arc<Function>),
    Class(Arc<Class>),
    /// Several expressions of which one is used: `a || b`, `c ? a : b`.
    Choice(Vec<Located>),
    /// `target = value` as a value.
    Assignment(Arc<Located>, Arc<Located>),
    /// Two texts that are joined: `a + b`.
    Sum(Arc<Located>, Arc<Located>),
    /// `a === b`, and `a !== b` if `is_negated`.
    Equal {
        left: Arc<Located>,
        right: Arc<Located>,
        is_negated: bool,
    },
    /// `a && b`
    Both(Arc<Located>, Arc<Located>),
    /// `object::name`: an item of a module or of a type.
    Path(Arc<Located>, String),
    /// A block with a value, which its [`Statement::Return`] gives.
    Block(Vec<Statement>),
    /// An object of a type with its fields: `Api { limit }`.
    Object(Arc<Located>, Vec<Entry>),
    /// Anything else: its source text.
    Unknown(String),
}

/// A part of a text.
#[derive(Debug, Clone)]
pub(crate) enum TextPart {
    Literal(String),
    Value(Located),
}

/// An element of a list or of arguments.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    /// `...value`
    pub(crate) is_spread: bool,
    /// The name of an argument: `name=value`. A record whose entries are arguments has an empty name.
    pub(crate) name: Option<String>,
    pub(crate) value: Located,
}

/// An entry of a record. An entry without a key is a spread: `{ ...value }`.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Option<Located>,
    pub(crate) value: Located,
}

/// A call, or the creation of an object.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) callee: Located,
    pub(crate) arguments: Vec<Element>,
    /// The source text up to the first argument, to name an unknown result.
    pub(crate) source: String,
}

/// A function, method or closure.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Option<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Vec<Statement>,
    /// The decorators, in order.
    pub(crate) decorators: Vec<Located>,
    /// Whether `this` is the object around the function, as in an arrow function.
    pub(crate) keeps_this: bool,
}

/// A parameter of a function.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) pattern: Pattern,
    /// The name of the type, without its arguments. Empty if it has none.
    pub(crate) type_name: String,
    pub(crate) default: Option<Located>,
    pub(crate) takes: Takes,
}

/// Which arguments a parameter takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Takes {
    #[default]
    One,
    /// The rest of the arguments as a list: `*values`.
    Rest,
    /// The rest of the arguments with names as a record: `**options`.
    Options,
}

/// What a value is bound to.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    Name(String),
    /// `{ key: pattern }`
    Record(Vec<(String, Self)>),
    /// `[first, second]`
    List(Vec<Self>),
    Ignored,
}

/// A class.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: Option<String>,
    pub(crate) parents: Vec<Located>,
    pub(crate) decorators: Vec<Located>,
    pub(crate) fields: Vec<Field>,
    pub(crate) methods: Vec<(String, Arc<Function>)>,
}

/// A field of a class with its value.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) is_static: bool,
    /// The name of the type, without its arguments. Empty if it has none.
    pub(crate) type_name: String,
    pub(crate) value: Option<Located>,
}

/// A module inside a file.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) body: Vec<Statement>,
}

/// Functions and constants of a type or trait.
#[derive(Debug)]
pub(crate) struct Implementation {
    /// The type: `a::Api`. For a trait, the trait itself.
    pub(crate) target: Located,
    /// The trait that the type implements.
    pub(crate) of_trait: Option<Located>,
    /// Whether this is the definition of a trait.
    pub(crate) is_trait: bool,
    pub(crate) decorators: Vec<Located>,
    pub(crate) functions: Vec<Arc<Function>>,
    pub(crate) constants: Vec<(String, Located)>,
}

/// A statement.
#[derive(Debug, Clone)]
pub(crate) enum Statement {
    Let {
        pattern: Pattern,
        type_name: String,
        value: Located,
    },
    Function(Arc<Function>),
    Class(Arc<Class>),
    Expression(Located),
    Return(Located),
    ForEach {
        pattern: Pattern,
        list: Located,
        body: Vec<Self>,
    },
    /// The branches of a condition with the conditions, for routes that a program compares by hand.
    If {
        condition: Located,
        then: Vec<Self>,
        otherwise: Vec<Self>,
    },
    Block(Vec<Self>),
    /// A module inside a file: `mod name {}`.
    Module(Arc<Module>),
    /// The functions of a type or trait: `impl Type {}`.
    Implementation(Arc<Implementation>),
    /// `import { name as local } from 'module'`
    Import {
        module: String,
        name: Imported,
        local: String,
    },
    /// `export { local as name }`
    Export {
        name: String,
        value: Located,
    },
    /// `export { name as exported } from 'module'`, `export * from 'module'`
    ExportFrom {
        module: String,
        name: Imported,
        exported: String,
    },
}

/// What an import takes from a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Imported {
    /// The whole module as one value.
    Module,
    /// All names of the module.
    Everything,
    Name(String),
}

impl Located {
    pub(crate) fn unknown(line: usize, source: &str) -> Self {
        Self { line, expression: Expression::Unknown(source.to_owned()) }
    }
}
