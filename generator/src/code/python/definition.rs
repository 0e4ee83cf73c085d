//! Functions and classes with their decorators.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::{children, line};
use super::super::{Class, Expression, Field, Function, Located, Parameter, Pattern, Statement, Takes};
use super::Lowering;

impl Lowering<'_> {
    pub(super) fn decorated(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        let decorators = self.decorators(node);
        match node.child_by_field_name("definition") {
            Some(class) if class.kind() == "class_definition" => {
                into.push(Statement::Class(self.class(class, decorators)));
            }
            Some(function) => into.push(Statement::Function(self.function(function, decorators, false))),
            None => {}
        }
    }

    fn decorators(&mut self, node: Node<'_>) -> Vec<Located> {
        let decorators = children(node).into_iter().filter(|child| child.kind() == "decorator");
        decorators.filter_map(|decorator| children(decorator).first().map(|child| self.located(*child))).collect()
    }

    /// A function. The first parameter of a method is the object, which is the name `this` in other languages.
    pub(super) fn function(&mut self, node: Node<'_>, decorators: Vec<Located>, is_method: bool) -> Arc<Function> {
        let name = node.child_by_field_name("name").map(|name| self.source(name).to_owned());
        let mut parameters = self.parameters(node);
        let mut body = match node.child_by_field_name("body") {
            Some(block) if block.kind() == "block" => self.statements(block),
            Some(value) => vec![Statement::Return(self.located(value))],
            None => Vec::new(),
        };
        let is_static = decorators
            .iter()
            .any(|decorator| matches!(&decorator.expression, Expression::Name(name) if name == "staticmethod"));
        let has_object = parameters.first().is_some_and(|first| first.takes == Takes::One);
        if is_method && !is_static && has_object {
            let pattern = parameters.remove(0).pattern;
            let value = Located { line: line(node), expression: Expression::Name("this".to_owned()) };
            body.insert(0, Statement::Let { pattern, type_name: String::new(), value });
        }
        Arc::new(Function { name, parameters, body, decorators, keeps_this: node.kind() == "lambda" })
    }

    fn parameters(&mut self, node: Node<'_>) -> Vec<Parameter> {
        let Some(list) = node.child_by_field_name("parameters") else { return Vec::new() };
        children(list).into_iter().filter_map(|child| self.parameter(child)).collect()
    }

    /// `name`, `name: Type`, `name=default`, `*values`, `**options`
    fn parameter(&mut self, node: Node<'_>) -> Option<Parameter> {
        let first = children(node).first().copied();
        let inner = if node.kind() == "typed_parameter" { first? } else { node };
        let takes = match inner.kind() {
            "list_splat_pattern" => Takes::Rest,
            "dictionary_splat_pattern" => Takes::Options,
            _ => Takes::One,
        };
        let name = match node.kind() {
            _ if takes != Takes::One => *children(inner).first()?,
            "identifier" => node,
            "typed_parameter" => inner,
            "default_parameter" | "typed_default_parameter" => node.child_by_field_name("name")?,
            _ => return None,
        };
        (name.kind() == "identifier").then_some(())?;
        let default = node.child_by_field_name("value").map(|value| self.located(value));
        Some(Parameter { pattern: self.pattern(name), type_name: self.type_name(node), default, takes })
    }

    pub(super) fn class(&mut self, node: Node<'_>, decorators: Vec<Located>) -> Arc<Class> {
        let mut class = Class {
            name: node.child_by_field_name("name").map(|name| self.source(name).to_owned()),
            parents: self.parents(node),
            decorators,
            fields: Vec::new(),
            methods: Vec::new(),
        };
        if let Some(body) = node.child_by_field_name("body") {
            self.members(body, &mut class);
        }
        Arc::new(class)
    }

    fn parents(&mut self, node: Node<'_>) -> Vec<Located> {
        let Some(list) = node.child_by_field_name("superclasses") else { return Vec::new() };
        let parents = children(list).into_iter().filter(|child| child.kind() != "keyword_argument");
        parents.map(|parent| self.located(parent)).collect()
    }

    fn members(&mut self, body: Node<'_>, class: &mut Class) {
        for member in children(body) {
            match member.kind() {
                "function_definition" => self.method(member, Vec::new(), class),
                "decorated_definition" => {
                    let decorators = self.decorators(member);
                    if let Some(function) = member.child_by_field_name("definition") {
                        self.method(function, decorators, class);
                    }
                }
                "class_definition" => {
                    let inner = self.class(member, Vec::new());
                    let value = Located { line: line(member), expression: Expression::Class(inner.clone()) };
                    let name = inner.name.clone().unwrap_or_default();
                    class.fields.push(Field { name, is_static: true, type_name: String::new(), value: Some(value) });
                }
                "expression_statement" => {
                    for child in children(member) {
                        self.class_field(child, class);
                    }
                }
                "if_statement" | "try_statement" | "block" | "else_clause" => self.members(member, class),
                _ => {}
            }
        }
    }

    fn method(&mut self, node: Node<'_>, decorators: Vec<Located>, class: &mut Class) {
        let name = match self.field(node, "name") {
            "__init__" => "constructor",
            name => name,
        };
        let name = name.to_owned();
        class.methods.push((name, self.function(node, decorators, true)));
    }

    fn class_field(&mut self, node: Node<'_>, class: &mut Class) {
        if !matches!(node.kind(), "assignment" | "augmented_assignment") {
            return;
        }
        let Some(Pattern::Name(name)) = node.child_by_field_name("left").map(|left| self.pattern(left)) else { return };
        let value = node.child_by_field_name("right").map(|value| self.located(value));
        class.fields.push(Field { name, is_static: true, type_name: String::new(), value });
    }
}
