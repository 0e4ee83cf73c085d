//! Items of Rust: functions, types and their functions, constants, modules and imports. Tests are left out.

mod control;
mod expression;
mod macros;
mod pattern;
mod table;

use std::sync::Arc;

pub(crate) use self::table::TABLE;

use tree_sitter::Node;

use super::parse::{children, line, source};
use super::{
    Class, Expression, Field, Function, Implementation, Imported, Located, Module, Parameter, Pattern, Statement,
};

/// The maximum depth of nested syntax. Code that people write is flatter, and generated code is not read deeper.
const MAX_DEPTH: usize = 150;
/// The attributes that matter: they declare routes.
const ROUTE_ATTRIBUTES: [&str; 14] = [
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "head",
    "options",
    "trace",
    "connect",
    "route",
    "path",
    "oai",
    "OpenApi",
    "typed_path",
];
/// The attributes of tests.
const TEST_ATTRIBUTES: [&str; 5] = ["test", "bench", "rstest", "test_case", "quickcheck"];

/// Turns the syntax tree of a file into statements.
pub(super) struct Lowering<'a> {
    text: &'a str,
    depth: usize,
    /// The number of lines before the text, if it is a part of a file.
    lines_before: usize,
    /// The number of bytes in macros that may still be parsed.
    macro_budget: usize,
    macro_depth: usize,
    /// The rows of tables of routes.
    rows: Vec<Statement>,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let macro_budget = text.len() * macros::BUDGET_FACTOR;
        Self { text, depth: 0, lines_before: 0, macro_budget, macro_depth: 0, rows: Vec::new() }
    }

    pub(super) fn program(mut self, root: Node<'_>) -> Vec<Statement> {
        let mut statements = self.items(root);
        statements.append(&mut self.rows);
        statements
    }

    fn source(&self, node: Node<'_>) -> &'a str {
        source(self.text, node)
    }

    fn field(&self, node: Node<'_>, name: &str) -> &'a str {
        node.child_by_field_name(name).map_or("", |child| self.source(child))
    }

    fn line(&self, node: Node<'_>) -> usize {
        line(node) + self.lines_before
    }

    fn at(&self, node: Node<'_>, expression: Expression) -> Located {
        Located { line: self.line(node), expression }
    }

    /// The items of a file or of an inline module.
    fn items(&mut self, node: Node<'_>) -> Vec<Statement> {
        let mut statements = Vec::new();
        if self.depth >= MAX_DEPTH {
            return statements;
        }
        self.depth += 1;
        let mut attributes = Vec::new();
        for child in children(node) {
            if child.kind() == "attribute_item" {
                attributes.push(child);
                continue;
            }
            if !attributes.iter().any(|attribute| self.is_test(*attribute)) {
                self.item(child, &attributes, &mut statements);
            }
            attributes.clear();
        }
        self.depth -= 1;
        statements
    }

    /// Adds an item. Returns whether the node is one.
    fn item(&mut self, node: Node<'_>, attributes: &[Node<'_>], into: &mut Vec<Statement>) -> bool {
        match node.kind() {
            "function_item" => into.push(Statement::Function(self.function(node, attributes))),
            "struct_item" | "enum_item" | "union_item" => into.push(Statement::Class(self.class(node, attributes))),
            "impl_item" => into.extend(self.implementation(node, attributes).map(Statement::Implementation)),
            "trait_item" => {
                let name = self.field(node, "name").to_owned();
                let methods = Vec::new();
                let class = Class {
                    name: Some(name),
                    parents: Vec::new(),
                    decorators: Vec::new(),
                    fields: Vec::new(),
                    methods,
                };
                into.push(Statement::Class(Arc::new(class)));
                into.extend(self.implementation(node, attributes).map(Statement::Implementation));
            }
            "const_item" | "static_item" => self.constant(node, into),
            "mod_item" => {
                if let Some(body) = node.child_by_field_name("body") {
                    let (name, body) = (self.field(node, "name").to_owned(), self.items(body));
                    into.push(Statement::Module(Arc::new(Module { name, body })));
                }
            }
            "use_declaration" => {
                if let Some(argument) = node.child_by_field_name("argument") {
                    self.import(argument, "", into);
                }
            }
            "expression_statement"
                if children(node).first().is_some_and(|child| child.kind() == "macro_invocation") =>
            {
                return self.macro_item(children(node).first().copied(), into);
            }
            "macro_invocation" => return self.macro_item(Some(node), into),
            "macro_definition" => self.token_rows(node),
            "type_item" => self.alias(node, into),
            _ => return false,
        }
        true
    }

    /// `type App = axum::Router<State>;`
    fn alias(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        let Some(target) = node.child_by_field_name("type") else { return };
        let path = self.path_text(target);
        let (module, name) = path.rsplit_once("::").unwrap_or(("", path.as_str()));
        let local = self.field(node, "name").to_owned();
        if name != local {
            into.push(Statement::Import { module: module.to_owned(), name: Imported::Name(name.to_owned()), local });
        }
    }

    fn is_test(&self, attribute: Node<'_>) -> bool {
        let Some(inner) = children(attribute).into_iter().next() else { return false };
        let Some(path) = children(inner).into_iter().next() else { return false };
        let name = self.source(path).rsplit("::").next().unwrap_or_default().trim();
        let text = self.source(inner);
        TEST_ATTRIBUTES.contains(&name)
            || name == "cfg" && has_word(text, "test") && !text.contains("not(test") && !text.contains("any(")
    }

    /// The attributes that declare routes, as calls.
    fn decorators(&mut self, attributes: &[Node<'_>]) -> Vec<Located> {
        let mut found = Vec::new();
        for attribute in attributes {
            let Some(inner) = children(*attribute).into_iter().next() else { continue };
            let Some(path) = children(inner).into_iter().next() else { continue };
            let path_text = self.source(path);
            let name = path_text.rsplit("::").next().unwrap_or_default();
            if ROUTE_ATTRIBUTES.contains(&name) {
                let arguments = inner.child_by_field_name("arguments");
                let arguments = arguments.map(|tree| self.macro_arguments(tree)).unwrap_or_default();
                let callee = self.at(path, Expression::Name(path_text.to_owned()));
                found.push(self.at(*attribute, macros::call(callee, arguments, path_text)));
            } else if let Some(tree) = inner.child_by_field_name("arguments") {
                found.extend(self.attribute_table(tree, 0));
            }
        }
        found
    }

    /// A struct, enum or trait. The fields are those with a type.
    fn class(&mut self, node: Node<'_>, attributes: &[Node<'_>]) -> Arc<Class> {
        let mut fields = Vec::new();
        for declaration in node.child_by_field_name("body").map(children).unwrap_or_default() {
            if let (Some(name), Some(of_type)) =
                (declaration.child_by_field_name("name"), declaration.child_by_field_name("type"))
            {
                let name = self.source(name).to_owned();
                let type_name = self.type_name(of_type);
                fields.push(Field { name, is_static: false, type_name, value: None });
            }
        }
        Arc::new(Class {
            name: Some(self.field(node, "name").to_owned()),
            parents: Vec::new(),
            decorators: self.decorators(attributes),
            fields,
            methods: Vec::new(),
        })
    }

    fn implementation(&mut self, node: Node<'_>, attributes: &[Node<'_>]) -> Option<Arc<Implementation>> {
        let is_trait = node.kind() == "trait_item";
        let target = node.child_by_field_name(if is_trait { "name" } else { "type" })?;
        let of_trait = node.child_by_field_name("trait").map(|of_trait| self.path(of_trait));
        let mut functions = Vec::new();
        let mut constants = Vec::new();
        for statement in self.items(node.child_by_field_name("body")?) {
            match statement {
                Statement::Function(function) => functions.push(function),
                Statement::Let { pattern: Pattern::Name(name), value, .. } => constants.push((name, value)),
                _ => {}
            }
        }
        let (target, decorators) = (self.path(target), self.decorators(attributes));
        Some(Arc::new(Implementation { target, of_trait, is_trait, decorators, functions, constants }))
    }

    fn constant(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        if let (Some(name), Some(value)) = (node.child_by_field_name("name"), node.child_by_field_name("value")) {
            self.table_rows(value);
            let pattern = Pattern::Name(self.source(name).to_owned());
            into.push(Statement::Let { pattern, type_name: String::new(), value: self.located(value) });
        }
    }

    /// A function with its body. `self` is the parameter that other languages have without a name.
    fn function(&mut self, node: Node<'_>, attributes: &[Node<'_>]) -> Arc<Function> {
        let parameters = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let parameters = parameters.into_iter().filter(|parameter| parameter.kind() == "parameter");
        let parameters: Vec<Parameter> = parameters.map(|parameter| self.parameter(parameter)).collect();
        let decorators = self.decorators(attributes);
        let body = node.child_by_field_name("body").map(|body| self.block(body, true)).unwrap_or_default();
        let name = Some(self.field(node, "name").to_owned());
        Arc::new(Function { name, parameters, body, decorators, keeps_this: false })
    }

    fn parameter(&self, node: Node<'_>) -> Parameter {
        let pattern = node.child_by_field_name("pattern").map_or(Pattern::Ignored, |pattern| self.pattern(pattern));
        let type_name = node.child_by_field_name("type").map(|of_type| self.type_name(of_type)).unwrap_or_default();
        Parameter { pattern, type_name, default: None, takes: super::Takes::One }
    }

    /// `use a::{b, c as d, e::*};`
    fn import(&mut self, node: Node<'_>, prefix: &str, into: &mut Vec<Statement>) {
        if self.depth >= MAX_DEPTH {
            return;
        }
        self.depth += 1;
        match node.kind() {
            "use_list" => children(node).into_iter().for_each(|child| self.import(child, prefix, into)),
            "scoped_use_list" => {
                let prefix = joined_path(prefix, self.field(node, "path"));
                if let Some(list) = node.child_by_field_name("list") {
                    self.import(list, &prefix, into);
                }
            }
            "use_wildcard" => {
                let path = children(node).first().map_or("", |path| self.source(*path));
                let module = joined_path(prefix, path);
                into.push(Statement::Import { module, name: Imported::Everything, local: String::new() });
            }
            "use_as_clause" => {
                let path = joined_path(prefix, self.field(node, "path"));
                add_import(&path, self.field(node, "alias"), into);
            }
            _ => {
                let path = joined_path(prefix, self.source(node));
                let path = path.strip_suffix("::self").unwrap_or(&path);
                add_import(path, path.rsplit("::").next().unwrap_or_default(), into);
            }
        }
        self.depth -= 1;
    }
}

fn add_import(path: &str, local: &str, into: &mut Vec<Statement>) {
    let (module, name) = path.rsplit_once("::").unwrap_or(("", path));
    let (module, name) = (module.to_owned(), Imported::Name(name.to_owned()));
    into.push(Statement::Import { module, name, local: local.to_owned() });
}

fn joined_path(prefix: &str, path: &str) -> String {
    let path: String = path.split_whitespace().collect();
    if prefix.is_empty() || path.is_empty() { format!("{prefix}{path}") } else { format!("{prefix}::{path}") }
}

/// Whether a text has a word, and not only as a part of another one.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}
