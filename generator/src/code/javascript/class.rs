//! Classes with their decorators.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::children;
use super::super::{Class, Field, Located};
use super::Lowering;

impl Lowering<'_> {
    /// A class. `decorators` are those that stand before `export`.
    pub(super) fn class(&mut self, node: Node<'_>, mut decorators: Vec<Located>) -> Arc<Class> {
        decorators.extend(self.decorators(node));
        let mut class = Class {
            name: node.child_by_field_name("name").map(|name| self.source(name).to_owned()),
            parents: self.parent(node).into_iter().collect(),
            decorators,
            fields: Vec::new(),
            methods: Vec::new(),
        };
        if let Some(body) = node.child_by_field_name("body") {
            self.members(body, &mut class);
        }
        Arc::new(class)
    }

    /// The decorators that are children of a node.
    pub(super) fn decorators(&mut self, node: Node<'_>) -> Vec<Located> {
        let decorators = children(node).into_iter().filter(|child| child.kind() == "decorator");
        decorators.filter_map(|decorator| children(decorator).first().map(|child| self.located(*child))).collect()
    }

    fn parent(&mut self, node: Node<'_>) -> Option<Located> {
        let heritage = children(node).into_iter().find(|child| child.kind() == "class_heritage")?;
        let first = *children(heritage).first()?;
        let value = if first.kind() == "extends_clause" { first.child_by_field_name("value")? } else { first };
        (value.kind() != "implements_clause").then(|| self.located(value))
    }

    /// The decorators of a member stand before it.
    fn members(&mut self, body: Node<'_>, class: &mut Class) {
        let mut decorators = Vec::new();
        for member in children(body) {
            match member.kind() {
                "decorator" => decorators.extend(children(member).first().map(|child| self.located(*child))),
                "method_definition" => {
                    let name = self.field(member, "name").to_owned();
                    class.methods.push((name, self.function(member, std::mem::take(&mut decorators))));
                }
                "public_field_definition" => {
                    let field = self.class_field(member);
                    class.fields.push(field);
                    decorators.clear();
                }
                _ => decorators.clear(),
            }
        }
    }

    fn class_field(&mut self, member: Node<'_>) -> Field {
        let mut cursor = member.walk();
        let is_static = member.children(&mut cursor).any(|child| child.kind() == "static");
        Field {
            name: self.field(member, "name").to_owned(),
            is_static,
            type_name: String::new(),
            value: member.child_by_field_name("value").map(|value| self.located(value)),
        }
    }
}
