//! Calls of macros. The grammar gives their arguments as tokens, so they are parsed again as expressions.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::{Grammar, children, syntax_tree};
use super::super::{Call, Element, Expression, Located, Statement, TextPart};
use super::Lowering;

/// How many times the size of a file the arguments of macros in it may have that are parsed.
pub(super) const BUDGET_FACTOR: usize = 4;
/// The maximum depth of macros in macros.
const MAX_MACRO_DEPTH: usize = 4;
/// The text before an argument that is parsed by itself, on the same line.
const BEFORE: &str = "fn f(){(";
/// Texts of which a macro has one whose arguments matter, although its name is not known.
const MARKERS: [&str; 6] = ["Router", ".route(", ".service(", ".mount(", ".nest(", "routes"];

/// A call as an expression.
pub(super) fn call(callee: Located, arguments: Vec<Element>, source: &str) -> Expression {
    Expression::Call(Arc::new(Call { callee, arguments, source: source.to_owned() }))
}

impl Lowering<'_> {
    /// `name!(…)` as an expression.
    pub(super) fn macro_call(&mut self, node: Node<'_>) -> Expression {
        let name = self.field(node, "macro");
        let name = name.rsplit("::").next().unwrap_or_default();
        let Some(tree) = children(node).into_iter().find(|child| child.kind() == "token_tree") else {
            return self.unknown(node);
        };
        match name {
            // Code that is written into other programs.
            "quote" | "quote_spanned" | "parse_quote" => self.unknown(node),
            "format" | "formatcp" => self.format(tree).map_or_else(|| self.unknown(node), Expression::Text),
            "concat" | "concatcp" => {
                let parts = self.macro_arguments(tree).into_iter();
                Expression::Text(parts.map(|part| TextPart::Value(part.value)).collect())
            }
            "vec" | "smallvec" => Expression::List(self.macro_arguments(tree)),
            "path" => Expression::Call(Arc::new(self.filter_path(node, tree))),
            _ if name.contains("routes") || MARKERS.iter().any(|marker| self.source(tree).contains(marker)) => {
                let arguments = self.macro_arguments(tree);
                let callee = self.at(node, Expression::Name(format!("{name}!")));
                call(callee, arguments, &self.short_source(node))
            }
            _ => self.unknown(node),
        }
    }

    /// A macro that stands where an item may stand. Returns whether it was read.
    pub(super) fn macro_item(&mut self, node: Option<Node<'_>>, into: &mut Vec<Statement>) -> bool {
        let Some(node) = node else { return false };
        self.token_rows(node);
        let expression = self.macro_call(node);
        if matches!(expression, Expression::Unknown(_)) {
            return false;
        }
        into.push(Statement::Expression(self.at(node, expression)));
        true
    }

    /// The arguments between commas. Each is parsed by itself, so that one that is no expression costs only itself.
    pub(super) fn macro_arguments(&mut self, tree: Node<'_>) -> Vec<Element> {
        let mut arguments = Vec::new();
        let mut tokens: Vec<Node<'_>> = Vec::new();
        let mut cursor = tree.walk();
        let all: Vec<Node<'_>> = tree.children(&mut cursor).filter(|child| !child.is_extra()).collect();
        let last = all.len().saturating_sub(1);
        for (at, token) in all.into_iter().enumerate() {
            let is_bracket = at == 0 || at == last;
            if is_bracket || token.kind() == "," {
                arguments.extend(self.argument(&std::mem::take(&mut tokens)));
            } else {
                tokens.push(token);
            }
        }
        arguments.into_iter().map(|value| Element { is_spread: false, name: None, value }).collect()
    }

    pub(super) fn argument(&mut self, tokens: &[Node<'_>]) -> Option<Located> {
        let (first, last) = (tokens.first()?, tokens.last()?);
        if let [single] = tokens
            && matches!(single.kind(), "string_literal" | "raw_string_literal" | "identifier")
        {
            return Some(self.located(*single));
        }
        let text = self.text;
        let part = text.get(first.start_byte()..last.end_byte())?;
        let line = first.start_position().row + self.lines_before;
        Some(self.parsed(part, line).unwrap_or_else(|| Located::unknown(line + 1, "")))
    }

    /// Parses a part of a file as an expression.
    fn parsed(&mut self, part: &str, lines_before: usize) -> Option<Located> {
        if self.macro_depth >= MAX_MACRO_DEPTH || self.macro_budget < part.len() {
            return None;
        }
        self.macro_budget -= part.len();
        let whole = format!("{BEFORE}{part}\n)}}");
        let tree = syntax_tree(Grammar::Rust, &whole)?;
        let mut inner = Lowering {
            text: &whole,
            depth: self.depth,
            lines_before,
            macro_budget: self.macro_budget,
            macro_depth: self.macro_depth + 1,
            rows: Vec::new(),
        };
        let function = children(tree.root_node()).into_iter().next()?;
        let body = function.child_by_field_name("body")?;
        let mut node = children(body).into_iter().next()?;
        while matches!(node.kind(), "expression_statement" | "parenthesized_expression" | "ERROR") {
            let inner = children(node).into_iter().find(|child| child.kind() != "ERROR");
            node = inner?;
        }
        let located = inner.located(node);
        self.macro_budget = inner.macro_budget;
        Some(located)
    }

    /// `format!("{}/{name}", base)`
    fn format(&mut self, tree: Node<'_>) -> Option<Vec<TextPart>> {
        let arguments = self.macro_arguments(tree);
        let (first, rest) = arguments.split_first()?;
        let Expression::Text(literal) = &first.value.expression else { return None };
        let [TextPart::Literal(template)] = literal.as_slice() else { return None };
        let line = first.value.line;
        let mut parts = Vec::new();
        let (mut text, mut next, mut left) = (String::new(), 0, template.as_str());
        while let Some(at) = left.find(['{', '}']) {
            text.push_str(left.get(..at)?);
            let brace = left.get(at..=at)?;
            left = left.get(at + 1..)?;
            if let Some(after) = left.strip_prefix(brace) {
                text.push_str(brace);
                left = after;
                continue;
            }
            let (inside, after) = left.split_once('}')?;
            left = after;
            parts.push(TextPart::Literal(std::mem::take(&mut text)));
            parts.push(TextPart::Value(placeholder(inside, rest, &mut next, line)));
        }
        text.push_str(left);
        parts.push(TextPart::Literal(text));
        Some(parts)
    }

    /// `path!("users" / u32 / ..)` of warp. The type of a parameter is its name.
    fn filter_path(&mut self, node: Node<'_>, tree: Node<'_>) -> Call {
        let mut parts = Vec::new();
        let mut cursor = tree.walk();
        let tokens: Vec<Node<'_>> = tree.children(&mut cursor).collect();
        let inside = tokens.get(1..tokens.len().saturating_sub(1)).unwrap_or_default();
        for segment in inside.split(|token| token.kind() == "/") {
            let (Some(first), Some(last)) = (segment.first(), segment.last()) else { continue };
            let expression = if first.kind() == "string_literal" {
                Expression::Text(vec![TextPart::Literal(self.string(*first))])
            } else {
                let source = self.text.get(first.start_byte()..last.end_byte()).unwrap_or_default();
                Expression::Unknown(source.to_owned())
            };
            parts.push(Element { is_spread: false, name: None, value: self.at(*first, expression) });
        }
        Call {
            callee: self.at(node, Expression::Name("path!".to_owned())),
            arguments: parts,
            source: self.short_source(node),
        }
    }
}

/// The value of a placeholder: `{}`, `{0}`, `{name}` with or without a format.
fn placeholder(inside: &str, arguments: &[Element], next: &mut usize, line: usize) -> Located {
    let name = inside.split(':').next().unwrap_or_default().trim();
    if name.is_empty() {
        *next += 1;
        let value = arguments.get(*next - 1).map(|argument| argument.value.clone());
        return value.unwrap_or_else(|| Located::unknown(line, ""));
    }
    if let Ok(at) = name.parse::<usize>() {
        return arguments.get(at).map_or_else(|| Located::unknown(line, name), |argument| argument.value.clone());
    }
    let named = arguments.iter().find_map(|argument| match &argument.value.expression {
        Expression::Assignment(left, right) if matches!(&left.expression, Expression::Name(own) if own == name) => {
            Some(right.as_ref().clone())
        }
        _ => None,
    });
    named.unwrap_or_else(|| Located { line, expression: Expression::Name(name.to_owned()) })
}
