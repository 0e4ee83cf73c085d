//! Expressions.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::{children, line};
use super::super::{Call, Element, Entry, Expression, Located, TextPart};
use super::Lowering;

impl Lowering<'_> {
    pub(super) fn expression(&mut self, node: Node<'_>) -> Expression {
        match node.kind() {
            "interpreted_string_literal" | "raw_string_literal" => literal(self.string(node)),
            "identifier" | "field_identifier" | "package_identifier" | "type_identifier" => {
                Expression::Name(self.source(node).to_owned())
            }
            "qualified_type" => {
                let package = Expression::Name(self.field(node, "package").to_owned());
                let package = Arc::new(Located { line: line(node), expression: package });
                Expression::Member(package, self.field(node, "name").to_owned())
            }
            "selector_expression" => {
                let name = self.field(node, "field").to_owned();
                match node.child_by_field_name("operand") {
                    Some(object) => Expression::Member(Arc::new(self.located(object)), name),
                    None => self.unknown(node),
                }
            }
            "type_instantiation_expression" => match node.child_by_field_name("type") {
                Some(inner) => self.located(inner).expression,
                None => self.unknown(node),
            },
            "index_expression" => match self.two(node, "operand", "index") {
                Some((object, index)) => Expression::Index(object, index),
                None => self.unknown(node),
            },
            "call_expression" => self.call(node),
            "func_literal" => Expression::Function(self.function(node, None)),
            "composite_literal" => self.composite(node),
            "binary_expression" => self.binary(node),
            // Pointers, brackets and types don't change a value.
            "unary_expression" | "type_assertion_expression" | "type_conversion_expression" => {
                match node.child_by_field_name("operand") {
                    Some(operand) => self.located(operand).expression,
                    None => self.unknown(node),
                }
            }
            "parenthesized_expression" | "literal_element" | "variadic_argument" => match children(node).first() {
                Some(inner) => self.located(*inner).expression,
                None => self.unknown(node),
            },
            _ => self.unknown(node),
        }
    }

    fn string(&self, node: Node<'_>) -> String {
        let inside = self.source(node);
        let inside = inside.get(1..inside.len().saturating_sub(1)).unwrap_or_default();
        if node.kind() == "raw_string_literal" || !inside.contains('\\') {
            return inside.to_owned();
        }
        inside.replace("\\\"", "\"").replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
    }

    fn call(&mut self, node: Node<'_>) -> Expression {
        let Some(callee) = node.child_by_field_name("function") else { return self.unknown(node) };
        let list = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        let mut arguments = Vec::new();
        for argument in list {
            let is_spread = argument.kind() == "variadic_argument";
            arguments.push(Element { is_spread, name: None, value: self.located(argument) });
        }
        if self.source(callee) == "fmt.Sprintf"
            && let Some(text) = formatted(&arguments)
        {
            return text;
        }
        let source = format!("{}()", self.short_source(callee));
        Expression::Call(Arc::new(Call { callee: self.located(callee), arguments, source }))
    }

    fn binary(&mut self, node: Node<'_>) -> Expression {
        match (self.field(node, "operator"), self.two(node, "left", "right")) {
            ("+", Some((left, right))) => Expression::Sum(left, right),
            ("==", Some((left, right))) => Expression::Equal { left, right, is_negated: false },
            ("!=", Some((left, right))) => Expression::Equal { left, right, is_negated: true },
            ("&&" | "||", Some((left, right))) => Expression::Both(left, right),
            _ => self.unknown(node),
        }
    }

    /// `[]T{…}`, `map[K]V{…}`, `T{…}`
    fn composite(&mut self, node: Node<'_>) -> Expression {
        let (Some(kind), Some(body)) = (node.child_by_field_name("type"), node.child_by_field_name("body")) else {
            return self.unknown(node);
        };
        self.literal_value(Some(kind), body)
    }

    /// A value in braces. Its elements may be values in braces without a type of their own.
    fn literal_value(&mut self, kind: Option<Node<'_>>, body: Node<'_>) -> Expression {
        match kind.map_or("", |kind| kind.kind()) {
            "slice_type" | "array_type" | "implicit_length_array_type" => {
                let element = kind.and_then(|kind| kind.child_by_field_name("element"));
                let mut elements = Vec::new();
                for child in children(body) {
                    let value =
                        if child.kind() == "keyed_element" { child.child_by_field_name("value") } else { Some(child) };
                    let Some(value) = value else { continue };
                    elements.push(Element { is_spread: false, name: None, value: self.element(element, value) });
                }
                Expression::List(elements)
            }
            "map_type" => {
                let value = kind.and_then(|kind| kind.child_by_field_name("value"));
                Expression::Record(self.entries(body, value, &[], true))
            }
            "struct_type" => {
                let names: Vec<String> = kind
                    .map(|kind| self.fields(kind))
                    .unwrap_or_default()
                    .into_iter()
                    .map(|field| field.name)
                    .collect();
                Expression::Record(self.entries(body, None, &names, false))
            }
            _ => {
                let entries = self.entries(body, None, &[], false);
                let class = kind.map(|kind| self.type_expression(kind));
                let class = class.unwrap_or_else(|| Located::unknown(line(body), ""));
                Expression::Object(Arc::new(class), entries)
            }
        }
    }

    fn type_expression(&mut self, kind: Node<'_>) -> Located {
        match (kind.kind(), kind.child_by_field_name("type"), children(kind).first()) {
            ("generic_type", Some(inner), _) => self.located(inner),
            ("pointer_type", _, Some(inner)) => self.located(*inner),
            _ => self.located(kind),
        }
    }

    fn element(&mut self, kind: Option<Node<'_>>, node: Node<'_>) -> Located {
        let inner =
            if node.kind() == "literal_element" { children(node).first().copied().unwrap_or(node) } else { node };
        if inner.kind() == "literal_value" {
            let kind = kind.map(|kind| {
                if kind.kind() == "pointer_type" { children(kind).first().copied().unwrap_or(kind) } else { kind }
            });
            return Located { line: line(inner), expression: self.literal_value(kind, inner) };
        }
        self.located(inner)
    }

    /// The entries in braces. A value without a key has the name of the field at its position, or the position.
    fn entries(&mut self, body: Node<'_>, value_type: Option<Node<'_>>, names: &[String], is_map: bool) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (at, child) in children(body).into_iter().enumerate() {
            let (key, value) = (child.child_by_field_name("key"), child.child_by_field_name("value"));
            let (Some(key), Some(value)) = (key, value) else {
                let name = names.get(at).cloned().unwrap_or_else(|| at.to_string());
                let key = Located { line: line(child), expression: literal(name) };
                entries.push(Entry { key: Some(key), value: self.element(value_type, child) });
                continue;
            };
            let key = if is_map {
                self.located(key)
            } else {
                Located { line: line(key), expression: literal(self.source(key).to_owned()) }
            };
            entries.push(Entry { key: Some(key), value: self.element(value_type, value) });
        }
        entries
    }
}

fn literal(text: String) -> Expression {
    Expression::Text(vec![TextPart::Literal(text)])
}

/// `fmt.Sprintf("GET %s", path)`
fn formatted(arguments: &[Element]) -> Option<Expression> {
    let (format, values) = arguments.split_first()?;
    let Expression::Text(parts) = &format.value.expression else { return None };
    let [TextPart::Literal(format)] = parts.as_slice() else { return None };
    let mut parts = Vec::new();
    let mut values = values.iter();
    let mut rest = format.as_str();
    while let Some((before, after)) = rest.split_once('%') {
        parts.push(TextPart::Literal(before.to_owned()));
        parts.push(TextPart::Value(values.next()?.value.clone()));
        rest = after.strip_prefix(['s', 'd', 'v', 'q'])?;
    }
    parts.push(TextPart::Literal(rest.to_owned()));
    Some(Expression::Text(parts))
}
