//! Imports and exports.

use tree_sitter::Node;

use super::super::parse::{children, line};
use super::super::{Expression, Imported, Located, Pattern, Statement};
use super::Lowering;

impl Lowering<'_> {
    fn module_of(&self, node: Node<'_>) -> Option<String> {
        let module = node.child_by_field_name("source")?;
        Some(self.source(module).trim_matches(['\'', '"', '`']).to_owned())
    }

    pub(super) fn import(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        for child in children(node) {
            match child.kind() {
                "import_require_clause" => {
                    let Some(module) = self.module_of(child) else { continue };
                    let local = children(child).first().map_or("", |name| self.source(*name)).to_owned();
                    into.push(Statement::Import { module, name: Imported::Module, local });
                }
                "import_clause" => {
                    if let Some(module) = self.module_of(node) {
                        self.import_clause(child, &module, into);
                    }
                }
                _ => {}
            }
        }
    }

    fn import_clause(&self, clause: Node<'_>, module: &str, into: &mut Vec<Statement>) {
        let mut add = |name: Imported, local: &str| {
            into.push(Statement::Import { module: module.to_owned(), name, local: local.to_owned() });
        };
        for child in children(clause) {
            match child.kind() {
                "identifier" => add(Imported::Name("default".to_owned()), self.source(child)),
                "namespace_import" => {
                    let local = children(child).first().map_or("", |name| self.source(*name));
                    add(Imported::Module, local);
                }
                "named_imports" => {
                    for specifier in children(child) {
                        let name = self.field(specifier, "name");
                        let alias = self.field(specifier, "alias");
                        let local = if alias.is_empty() { name } else { alias };
                        add(Imported::Name(name.to_owned()), local);
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn export(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        if let Some(declaration) = node.child_by_field_name("declaration") {
            self.exported_declaration(node, declaration, into);
        } else if let Some(value) = node.child_by_field_name("value") {
            let value = self.located(value);
            into.push(Statement::Export { name: "default".to_owned(), value });
        }
        let module = self.module_of(node);
        let mut takes_all = module.is_some();
        for child in children(node) {
            match child.kind() {
                "export_clause" => {
                    takes_all = false;
                    self.export_clause(child, module.as_deref(), into);
                }
                "namespace_export" => {
                    takes_all = false;
                    let exported = children(child).first().map_or("", |name| self.source(*name)).to_owned();
                    let module = module.clone().unwrap_or_default();
                    into.push(Statement::ExportFrom { module, name: Imported::Module, exported });
                }
                _ => {}
            }
        }
        if let Some(module) = module.filter(|_| takes_all) {
            into.push(Statement::ExportFrom { module, name: Imported::Everything, exported: String::new() });
        }
    }

    fn export_clause(&self, clause: Node<'_>, module: Option<&str>, into: &mut Vec<Statement>) {
        for specifier in children(clause) {
            let name = self.field(specifier, "name").trim_matches(['\'', '"']).to_owned();
            let alias = self.field(specifier, "alias").trim_matches(['\'', '"']);
            let exported = if alias.is_empty() { name.clone() } else { alias.to_owned() };
            into.push(match module {
                Some(module) => {
                    Statement::ExportFrom { module: module.to_owned(), name: Imported::Name(name), exported }
                }
                None => Statement::Export { name: exported, value: Self::named(line(specifier), name) },
            });
        }
    }

    fn named(line: usize, name: String) -> Located {
        Located { line, expression: Expression::Name(name) }
    }

    /// `export const a = …`, `export function f() {}`, `export default class {}`. The declaration comes first, then the
    /// export of each of its names.
    fn exported_declaration(&mut self, export: Node<'_>, declaration: Node<'_>, into: &mut Vec<Statement>) {
        let mut cursor = export.walk();
        let is_default = export.children(&mut cursor).any(|child| child.kind() == "default");
        let line = line(declaration);
        let before = into.len();
        if matches!(declaration.kind(), "class_declaration" | "abstract_class_declaration") {
            let decorators = self.decorators(export);
            into.push(Statement::Class(self.class(declaration, decorators)));
        } else {
            self.statement(declaration, into);
        }
        let mut names = Vec::new();
        for statement in into.iter().skip(before) {
            match statement {
                Statement::Let { pattern, .. } => bound_names(pattern, &mut names),
                Statement::Function(function) => names.extend(function.name.clone()),
                Statement::Class(class) => names.extend(class.name.clone()),
                _ => {}
            }
        }
        if is_default && names.is_empty() {
            Self::unnamed_default(line, before, into);
        }
        let exports = names.into_iter().map(|name| Statement::Export {
            name: if is_default { "default".to_owned() } else { name.clone() },
            value: Self::named(line, name),
        });
        into.extend(exports.collect::<Vec<_>>());
    }

    /// `export default function () {}`
    fn unnamed_default(line: usize, before: usize, into: &mut Vec<Statement>) {
        let expression = match into.get(before) {
            Some(Statement::Function(function)) => Expression::Function(function.clone()),
            Some(Statement::Class(class)) => Expression::Class(class.clone()),
            _ => return,
        };
        into.truncate(before);
        into.push(Statement::Export { name: "default".to_owned(), value: Located { line, expression } });
    }
}

/// The names that a pattern binds.
pub(crate) fn bound_names(pattern: &Pattern, names: &mut Vec<String>) {
    match pattern {
        Pattern::Name(name) => names.push(name.clone()),
        Pattern::Record(entries) => entries.iter().for_each(|(_, pattern)| bound_names(pattern, names)),
        Pattern::List(patterns) => patterns.iter().for_each(|pattern| bound_names(pattern, names)),
        Pattern::Ignored => {}
    }
}
