//! Classes and statements of Java.

mod expression;

use std::sync::Arc;

use tree_sitter::Node;

use super::lowering::Form;
use super::parse::{children, line};
use super::{Class, Expression, Field, Function, Imported, Located, Parameter, Pattern, Statement, Takes};

/// The language.
pub(super) struct Java;

/// Turns the syntax tree of a file into statements.
pub(super) type Lowering<'a> = super::lowering::Lowering<'a, Java>;

impl Form for Java {
    fn statement(lowering: &mut Lowering<'_>, node: Node<'_>, into: &mut Vec<Statement>) {
        lowering.statement(node, into);
    }

    fn expression(lowering: &mut Lowering<'_>, node: Node<'_>) -> Expression {
        lowering.expression(node)
    }
}

/// The name of the decorator that marks an interface. No annotation has this name.
pub(crate) const INTERFACE: &str = "interface";

impl Lowering<'_> {
    fn statement(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        match node.kind() {
            "import_declaration" => {
                let module = children(node).first().map(|name| self.source(*name).to_owned()).unwrap_or_default();
                let local = module.rsplit('.').next().unwrap_or_default().to_owned();
                into.push(Statement::Import { module, name: Imported::Module, local });
            }
            "class_declaration" | "interface_declaration" | "record_declaration" | "enum_declaration" => {
                self.classes(node, into);
            }
            "return_statement" => {
                into.extend(children(node).into_iter().next().map(|child| Statement::Return(self.located(child))));
            }
            "expression_statement" => {
                into.extend(children(node).into_iter().next().map(|child| Statement::Expression(self.located(child))));
            }
            "local_variable_declaration" => {
                for declarator in children(node).into_iter().filter(|child| child.kind() == "variable_declarator") {
                    if let Some(value) = declarator.child_by_field_name("value") {
                        let pattern = Pattern::Name(self.field(declarator, "name").to_owned());
                        into.push(Statement::Let { pattern, type_name: String::new(), value: self.located(value) });
                    }
                }
            }
            "block"
            | "if_statement"
            | "for_statement"
            | "enhanced_for_statement"
            | "while_statement"
            | "try_statement"
            | "try_with_resources_statement"
            | "catch_clause"
            | "finally_clause"
            | "synchronized_statement" => into.push(Statement::Block(self.statements(node))),
            _ => {}
        }
    }

    /// A class and the classes inside it.
    fn classes(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        let mut class = Class {
            name: Some(self.field(node, "name").to_owned()),
            parents: self.parents(node),
            decorators: self.annotations(node),
            fields: Vec::new(),
            methods: Vec::new(),
        };
        if node.kind() == "interface_declaration" {
            let name = Expression::Name(INTERFACE.to_owned());
            class.decorators.push(Located { line: line(node), expression: name });
        }
        let mut inner = Vec::new();
        for member in node.child_by_field_name("body").map(children).unwrap_or_default() {
            self.member(member, &mut class, &mut inner);
        }
        into.push(Statement::Class(Arc::new(class)));
        into.append(&mut inner);
    }

    fn member(&mut self, member: Node<'_>, class: &mut Class, inner: &mut Vec<Statement>) {
        match member.kind() {
            "method_declaration" => class.methods.push((self.field(member, "name").to_owned(), self.method(member))),
            "field_declaration" | "constant_declaration" => self.fields(member, class),
            "class_declaration" | "interface_declaration" | "record_declaration" | "enum_declaration" => {
                self.classes(member, inner);
            }
            "enum_body_declarations" => {
                for member in children(member) {
                    self.member(member, class, inner);
                }
            }
            _ => {}
        }
    }

    fn parents(&mut self, node: Node<'_>) -> Vec<Located> {
        let mut parents = Vec::new();
        let clauses = children(node).into_iter();
        for clause in
            clauses.filter(|child| matches!(child.kind(), "superclass" | "super_interfaces" | "extends_interfaces"))
        {
            for part in children(clause) {
                let types = if part.kind() == "type_list" { children(part) } else { vec![part] };
                parents.extend(types.into_iter().map(|kind| self.type_name(kind)));
            }
        }
        parents
    }

    /// The last name of a type, without its arguments.
    fn type_name(&self, node: Node<'_>) -> Located {
        let source = self.source(node);
        let name = source.split('<').next().unwrap_or_default().rsplit('.').next().unwrap_or_default();
        Located { line: line(node), expression: Expression::Name(name.trim().to_owned()) }
    }

    fn annotations(&mut self, node: Node<'_>) -> Vec<Located> {
        let modifiers = children(node).into_iter().filter(|child| child.kind() == "modifiers");
        let annotations: Vec<Node<'_>> = modifiers.flat_map(children).collect();
        annotations
            .into_iter()
            .filter(|node| node.kind().ends_with("annotation"))
            .map(|node| self.located(node))
            .collect()
    }

    fn fields(&mut self, node: Node<'_>, class: &mut Class) {
        for declarator in children(node).into_iter().filter(|child| child.kind() == "variable_declarator") {
            class.fields.push(Field {
                name: self.field(declarator, "name").to_owned(),
                is_static: false,
                type_name: String::new(),
                value: declarator.child_by_field_name("value").map(|value| self.located(value)),
            });
        }
    }

    fn method(&mut self, node: Node<'_>) -> Arc<Function> {
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let parameters = list.into_iter().map(|parameter| Parameter {
            pattern: Pattern::Name(self.field(parameter, "name").to_owned()),
            type_name: String::new(),
            default: None,
            takes: Takes::One,
        });
        let parameters = parameters.collect();
        let name = Some(self.field(node, "name").to_owned());
        let (body, decorators) = (self.block(node, "body"), self.annotations(node));
        Arc::new(Function { name, parameters, body, decorators, keeps_this: true })
    }

    /// The body of a lambda.
    fn lambda(&mut self, node: Node<'_>) -> Arc<Function> {
        let body = match node.child_by_field_name("body") {
            Some(block) if block.kind() == "block" => self.statements(block),
            Some(value) => vec![Statement::Return(self.located(value))],
            None => Vec::new(),
        };
        Arc::new(Function { name: None, parameters: Vec::new(), body, decorators: Vec::new(), keeps_this: true })
    }
}
