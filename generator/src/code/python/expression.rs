//! Expressions.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::{children, line};
use super::super::{Call, Element, Entry, Expression, Function, Located, Parameter, Statement, Takes, TextPart};
use super::Lowering;

impl Lowering<'_> {
    pub(super) fn expression(&mut self, node: Node<'_>) -> Expression {
        match node.kind() {
            "string" => Expression::Text(self.string(node)),
            "concatenated_string" => {
                let parts = children(node).into_iter();
                Expression::Text(parts.flat_map(|part| self.string(part)).collect())
            }
            "identifier" => Expression::Name(self.source(node).to_owned()),
            "attribute" => self.attribute(node),
            "subscript" => self.subscript(node),
            "call" => self.call(node),
            "list" | "tuple" | "set" | "expression_list" => Expression::List(self.elements(node)),
            "dictionary" => Expression::Record(self.entries(node)),
            "lambda" => Expression::Function(self.function(node, Vec::new(), false)),
            "list_comprehension" | "generator_expression" | "set_comprehension" => self.comprehension(node),
            "conditional_expression" => {
                let parts = children(node);
                let values = [parts.first(), parts.get(2)].into_iter().flatten();
                Expression::Choice(values.map(|value| self.located(*value)).collect())
            }
            "boolean_operator" => self.boolean(node),
            "binary_operator" => self.binary(node),
            "named_expression" => match self.two(node, "name", "value") {
                Some((name, value)) => Expression::Assignment(name, value),
                None => self.unknown(node),
            },
            // Brackets don't change a value.
            "parenthesized_expression" | "await" | "yield" => match children(node).first() {
                Some(child) => self.located(*child).expression,
                None => self.unknown(node),
            },
            _ => self.unknown(node),
        }
    }

    /// The parts of a string literal. The values in braces of `f"…"` are parts of their own.
    fn string(&mut self, node: Node<'_>) -> Vec<TextPart> {
        let is_raw = self.source(node).split(['"', '\'']).next().is_some_and(|prefix| prefix.contains(['r', 'R']));
        let mut parts = Vec::new();
        for child in children(node) {
            match child.kind() {
                "string_content" => parts.push(TextPart::Literal(self.content(child, is_raw))),
                "interpolation" => {
                    parts.extend(
                        child.child_by_field_name("expression").map(|value| TextPart::Value(self.located(value))),
                    );
                }
                _ => {}
            }
        }
        parts
    }

    /// The text between quotes, in which `{{` and the escapes that matter in a path are resolved.
    fn content(&self, node: Node<'_>, is_raw: bool) -> String {
        let mut text = String::new();
        let mut at = node.start_byte();
        for child in children(node) {
            text.push_str(self.text.get(at..child.start_byte()).unwrap_or_default());
            at = child.end_byte();
            match (child.kind(), self.source(child)) {
                ("escape_interpolation", source) => text.push_str(source.get(..1).unwrap_or_default()),
                ("escape_sequence", "\\\n") if !is_raw => {}
                ("escape_sequence", source) if !is_raw => match source.strip_prefix('\\') {
                    Some("n") => text.push('\n'),
                    Some("t") => text.push('\t'),
                    Some(escaped @ ("\\" | "\"" | "'")) => text.push_str(escaped),
                    _ => text.push_str(source),
                },
                (_, source) => text.push_str(source),
            }
        }
        text.push_str(self.text.get(at..node.end_byte()).unwrap_or_default());
        text
    }

    fn attribute(&mut self, node: Node<'_>) -> Expression {
        let name = self.field(node, "attribute");
        let name = if name == "__init__" { "constructor" } else { name }.to_owned();
        match node.child_by_field_name("object") {
            Some(object) => Expression::Member(Arc::new(self.located(object)), name),
            None => self.unknown(node),
        }
    }

    /// An index that is a number is a text.
    fn subscript(&mut self, node: Node<'_>) -> Expression {
        let (Some(value), Some(index)) = (node.child_by_field_name("value"), node.child_by_field_name("subscript"))
        else {
            return self.unknown(node);
        };
        let index = if index.kind() == "integer" {
            let text = vec![TextPart::Literal(self.source(index).to_owned())];
            Located { line: line(index), expression: Expression::Text(text) }
        } else {
            self.located(index)
        };
        Expression::Index(Arc::new(self.located(value)), Arc::new(index))
    }

    fn call(&mut self, node: Node<'_>) -> Expression {
        let Some(callee) = node.child_by_field_name("function") else { return self.unknown(node) };
        let arguments = node.child_by_field_name("arguments");
        if let Some(text) = arguments.and_then(|arguments| self.formatted(callee, arguments)) {
            return text;
        }
        let source = format!("{}()", self.short_source(callee));
        // `super()` is the object itself, seen as one of the class above.
        if source == "super()" {
            return Expression::Name("super".to_owned());
        }
        let arguments = match arguments {
            Some(list) if list.kind() == "argument_list" => self.elements(list),
            Some(generator) => vec![Element { is_spread: false, name: None, value: self.located(generator) }],
            None => Vec::new(),
        };
        Expression::Call(Arc::new(Call { callee: self.located(callee), arguments, source }))
    }

    /// `"/{}/{name}".format(a, name=b)`
    fn formatted(&mut self, callee: Node<'_>, arguments: Node<'_>) -> Option<Expression> {
        let object = callee.child_by_field_name("object").filter(|object| object.kind() == "string")?;
        (self.field(callee, "attribute") == "format").then_some(())?;
        let Ok([TextPart::Literal(format)]) = <[TextPart; 1]>::try_from(self.string(object)) else { return None };
        let arguments = self.elements(arguments);
        let mut parts = Vec::new();
        let (mut rest, mut next) = (format.as_str(), 0);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            parts.push(TextPart::Literal(before.to_owned()));
            let at = if name.is_empty() { Some(next) } else { name.parse().ok() };
            let named = || arguments.iter().find(|element| element.name.as_deref() == Some(name));
            let value = at.map_or_else(named, |at: usize| arguments.get(at))?;
            parts.push(TextPart::Value(value.value.clone()));
            next += 1;
            rest = after;
        }
        parts.push(TextPart::Literal(rest.to_owned()));
        Some(Expression::Text(parts))
    }

    fn elements(&mut self, node: Node<'_>) -> Vec<Element> {
        let mut lowered = Vec::new();
        for element in children(node) {
            let inner = children(element).first().copied().unwrap_or(element);
            lowered.push(match element.kind() {
                "keyword_argument" => {
                    let value = element.child_by_field_name("value").unwrap_or(element);
                    let name = Some(self.field(element, "name").to_owned());
                    Element { is_spread: false, name, value: self.located(value) }
                }
                "list_splat" => Element { is_spread: true, name: None, value: self.located(inner) },
                "dictionary_splat" => {
                    Element { is_spread: true, name: Some(String::new()), value: self.located(inner) }
                }
                _ => Element { is_spread: false, name: None, value: self.located(element) },
            });
        }
        lowered
    }

    fn entries(&mut self, node: Node<'_>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for child in children(node) {
            if let Some(value) = child.child_by_field_name("value") {
                let key = child.child_by_field_name("key").map(|key| self.located(key));
                entries.push(Entry { key, value: self.located(value) });
            } else if let Some(spread) = children(child).first() {
                entries.push(Entry { key: None, value: self.located(*spread) });
            }
        }
        entries
    }

    /// `[value for name in list]` is `list.map(lambda name: value)`.
    fn comprehension(&mut self, node: Node<'_>) -> Expression {
        let Some(body) = node.child_by_field_name("body") else { return self.unknown(node) };
        let clauses: Vec<Node<'_>> =
            children(node).into_iter().filter(|child| child.kind() == "for_in_clause").collect();
        let mut value = self.located(body);
        let last = clauses.len().saturating_sub(1);
        for (at, clause) in clauses.into_iter().enumerate().rev() {
            let (Some(left), Some(right)) = (clause.child_by_field_name("left"), clause.child_by_field_name("right"))
            else {
                return self.unknown(node);
            };
            let line = line(clause);
            let pattern = self.pattern(left);
            let parameter = Parameter { pattern, type_name: String::new(), default: None, takes: Takes::One };
            let function = Function {
                name: None,
                parameters: vec![parameter],
                body: vec![Statement::Return(value)],
                decorators: Vec::new(),
                keeps_this: true,
            };
            let method = if at == last { "map" } else { "flatMap" };
            let iterated = Arc::new(self.located(right));
            let callee = Located { line, expression: Expression::Member(iterated, method.to_owned()) };
            let function = Located { line, expression: Expression::Function(Arc::new(function)) };
            let arguments = vec![Element { is_spread: false, name: None, value: function }];
            let call = Call { callee, arguments, source: self.short_source(node) };
            value = Located { line, expression: Expression::Call(Arc::new(call)) };
        }
        value.expression
    }

    fn boolean(&mut self, node: Node<'_>) -> Expression {
        match (self.field(node, "operator"), self.two(node, "left", "right")) {
            ("or", Some((left, right))) => Expression::Choice(vec![left.as_ref().clone(), right.as_ref().clone()]),
            (_, Some((left, right))) => Expression::Both(left, right),
            (_, None) => self.unknown(node),
        }
    }

    /// `a + b`, `a / b` of paths and `"…%s…" % value`.
    fn binary(&mut self, node: Node<'_>) -> Expression {
        let operator = self.field(node, "operator");
        let Some((left, right)) = self.two(node, "left", "right") else { return self.unknown(node) };
        match (operator, &left.expression) {
            ("+", _) => Expression::Sum(left, right),
            ("%", Expression::Text(parts)) => interpolated(parts, &right).unwrap_or_else(|| self.unknown(node)),
            _ => self.unknown(node),
        }
    }
}

/// `"…%s…" % value` and `"…%(name)s…" % {"name": value}`
fn interpolated(parts: &[TextPart], values: &Located) -> Option<Expression> {
    let [TextPart::Literal(format)] = parts else { return None };
    let positional: Vec<&Located> = match &values.expression {
        Expression::List(elements) => elements.iter().map(|element| &element.value).collect(),
        _ => vec![values],
    };
    let named = |name: &str| {
        let Expression::Record(entries) = &values.expression else { return None };
        let is_named = |entry: &&Entry| {
            let Some(Expression::Text(parts)) = entry.key.as_ref().map(|key| &key.expression) else { return false };
            matches!(parts.as_slice(), [TextPart::Literal(text)] if text == name)
        };
        entries.iter().find(is_named).map(|entry| &entry.value)
    };
    let mut parts = Vec::new();
    let (mut rest, mut next) = (format.as_str(), 0);
    while let Some((before, after)) = rest.split_once('%') {
        parts.push(TextPart::Literal(before.to_owned()));
        let (value, after) = if let Some(inner) = after.strip_prefix('(') {
            let (name, after) = inner.split_once(')')?;
            (named(name)?, after)
        } else {
            next += 1;
            (*positional.get(next - 1)?, after)
        };
        parts.push(TextPart::Value(value.clone()));
        rest = after.strip_prefix(['s', 'd', 'r'])?;
    }
    parts.push(TextPart::Literal(rest.to_owned()));
    Some(Expression::Text(parts))
}
