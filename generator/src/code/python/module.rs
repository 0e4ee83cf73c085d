//! Imports.

use tree_sitter::Node;

use super::super::parse::children;
use super::super::{Imported, Statement};
use super::Lowering;

impl Lowering<'_> {
    /// `import a.b` binds `a`; `import a.b as c` binds the module `a.b`.
    pub(super) fn import(&self, node: Node<'_>, into: &mut Vec<Statement>) {
        for child in children(node) {
            let (module, local) = if child.kind() == "aliased_import" {
                (self.field(child, "name"), self.field(child, "alias"))
            } else {
                let first = self.source(child).split('.').next().unwrap_or_default();
                if self.source(child).contains('.') {
                    // The module runs, but its name is not bound.
                    let module = self.source(child).to_owned();
                    into.push(Statement::Import { module, name: Imported::Module, local: String::new() });
                }
                (first, first)
            };
            let (module, local) = (module.to_owned(), local.to_owned());
            into.push(Statement::Import { module, name: Imported::Module, local });
        }
    }

    /// `from a.b import c as d`, `from . import c`, `from a import *`
    pub(super) fn import_from(&self, node: Node<'_>, into: &mut Vec<Statement>) {
        let module: String = self.field(node, "module_name").split_whitespace().collect();
        let mut cursor = node.walk();
        for child in node.children_by_field_name("name", &mut cursor) {
            let (name, local) = if child.kind() == "aliased_import" {
                (self.field(child, "name"), self.field(child, "alias"))
            } else {
                (self.source(child), self.source(child))
            };
            let name = Imported::Name(name.to_owned());
            into.push(Statement::Import { module: module.clone(), name, local: local.to_owned() });
        }
        if children(node).iter().any(|child| child.kind() == "wildcard_import") {
            into.push(Statement::Import { module, name: Imported::Everything, local: String::new() });
        }
    }
}
