//! Imports, functions, types and variables.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::{children, line};
use super::super::{
    Class, Expression, Field, Function, Implementation, Imported, Located, Parameter, Pattern, Statement, Takes,
};
use super::Lowering;

impl Lowering<'_> {
    pub(super) fn imports(&self, node: Node<'_>, into: &mut Vec<Statement>) {
        for child in children(node) {
            match child.kind() {
                "import_spec_list" => self.imports(child, into),
                "import_spec" => {
                    let module = self.field(child, "path").trim_matches(['"', '`']).to_owned();
                    let local = match self.field(child, "name") {
                        "" => package_name(&module),
                        "_" | "." => "",
                        name => name,
                    };
                    let local = local.to_owned();
                    into.push(Statement::Import { module, name: Imported::Module, local });
                }
                _ => {}
            }
        }
    }

    /// A function. The receiver of a method is the name `this` in other languages.
    pub(super) fn function(&mut self, node: Node<'_>, receiver: Option<&str>) -> Arc<Function> {
        let name = node.child_by_field_name("name").map(|name| self.source(name).to_owned());
        let parameters = node.child_by_field_name("parameters").map(|list| self.parameters(list)).unwrap_or_default();
        let mut body = self.block(node, "body");
        if let Some(receiver) = receiver {
            let value = Located { line: line(node), expression: Expression::Name("this".to_owned()) };
            let pattern = Pattern::Name(receiver.to_owned());
            body.insert(0, Statement::Let { pattern, type_name: String::new(), value });
        }
        Arc::new(Function { name, parameters, body, decorators: Vec::new(), keeps_this: receiver.is_none() })
    }

    fn parameters(&self, list: Node<'_>) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for declaration in children(list) {
            let takes = if declaration.kind() == "variadic_parameter_declaration" { Takes::Rest } else { Takes::One };
            let type_name =
                declaration.child_by_field_name("type").map(|kind| self.type_name(kind)).unwrap_or_default();
            let mut cursor = declaration.walk();
            let names: Vec<Node<'_>> = declaration.children_by_field_name("name", &mut cursor).collect();
            let mut patterns: Vec<Pattern> = names.into_iter().map(|name| self.pattern(name)).collect();
            if patterns.is_empty() {
                patterns.push(Pattern::Ignored);
            }
            parameters.extend(patterns.into_iter().map(|pattern| Parameter {
                pattern,
                type_name: type_name.clone(),
                default: None,
                takes,
            }));
        }
        parameters
    }

    /// The name of a type with its package, without a pointer and arguments: `chi.Router`.
    pub(super) fn type_name(&self, node: Node<'_>) -> String {
        match node.kind() {
            "type_identifier" | "qualified_type" => self.source(node).to_owned(),
            "pointer_type" => children(node).first().map(|inner| self.type_name(*inner)).unwrap_or_default(),
            "generic_type" => node.child_by_field_name("type").map(|inner| self.type_name(inner)).unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// `func (s *Server) Routes() {}`
    pub(super) fn method(&mut self, node: Node<'_>) -> Option<Statement> {
        let receiver = *children(node.child_by_field_name("receiver")?).first()?;
        let type_name = self.type_name(receiver.child_by_field_name("type")?);
        let name = receiver.child_by_field_name("name").map_or("", |name| self.source(name));
        let function = self.function(node, Some(name));
        Some(Statement::Implementation(Arc::new(Implementation {
            target: Located { line: line(node), expression: Expression::Name(type_name) },
            of_trait: None,
            is_trait: false,
            decorators: Vec::new(),
            functions: vec![function],
            constants: Vec::new(),
        })))
    }

    pub(super) fn types(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        for spec in children(node) {
            let Some(kind) = spec.child_by_field_name("type") else { continue };
            let mut class = Class {
                name: Some(self.field(spec, "name").to_owned()),
                parents: Vec::new(),
                decorators: Vec::new(),
                fields: Vec::new(),
                methods: Vec::new(),
            };
            if kind.kind() == "struct_type" {
                class.fields = self.fields(kind);
            }
            into.push(Statement::Class(Arc::new(class)));
        }
    }

    /// The fields of a struct. A type that is embedded is a field with the name of the type.
    pub(super) fn fields(&self, node: Node<'_>) -> Vec<Field> {
        let mut fields = Vec::new();
        for declaration in children(node).into_iter().flat_map(children) {
            let Some(kind) = declaration.child_by_field_name("type") else { continue };
            let type_name = self.type_name(kind);
            let mut cursor = declaration.walk();
            let names: Vec<Node<'_>> = declaration.children_by_field_name("name", &mut cursor).collect();
            let mut names: Vec<String> = names.into_iter().map(|name| self.source(name).to_owned()).collect();
            let is_embedded = names.is_empty();
            if is_embedded {
                names.push(type_name.rsplit('.').next().unwrap_or_default().to_owned());
            }
            fields.extend(names.into_iter().map(|name| Field {
                name,
                is_static: is_embedded,
                type_name: type_name.clone(),
                value: None,
            }));
        }
        fields
    }

    /// `var a, b = x, y` and `const ( A = "a" )`
    pub(super) fn variables(&mut self, node: Node<'_>, into: &mut Vec<Statement>) {
        for spec in children(node) {
            if spec.kind() == "var_spec_list" {
                self.variables(spec, into);
                continue;
            }
            let values = spec.child_by_field_name("value").map(children).unwrap_or_default();
            let type_name = spec.child_by_field_name("type").map(|kind| self.type_name(kind)).unwrap_or_default();
            let mut cursor = spec.walk();
            let names: Vec<Node<'_>> =
                spec.children_by_field_name("name", &mut cursor).filter(Node::is_named).collect();
            for (at, name) in names.into_iter().enumerate() {
                let value =
                    values.get(at).map_or_else(|| Located::unknown(line(name), ""), |value| self.located(*value));
                into.push(Statement::Let { pattern: self.pattern(name), type_name: type_name.clone(), value });
            }
        }
    }
}

/// The usual name of a package: the last part of its path that is no version.
fn package_name(path: &str) -> &str {
    let is_version = |part: &str| part.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok());
    let last = path.rsplit('/').find(|part| !is_version(part)).unwrap_or(path);
    last.split('.').next().unwrap_or(last)
}
