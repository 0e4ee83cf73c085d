//! Routes that a program compares by hand: `if (method === 'GET' && url.pathname === '/health')`.

use super::calls::each_expression;
use super::evaluate::source_of;
use super::framework::ANY;
use super::program::Program;
use super::router::RouterId;
use super::text::Text;
use crate::code::{Call, Expression, Function, Located, Pattern, Statement};

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The HTTP methods that a program may compare.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
/// The maximum number of alternatives of one condition.
const MAX_ALTERNATIVES: usize = 64;

/// What is known about the request in a part of the code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Request {
    path: Option<String>,
    method: Option<String>,
}

/// A route, with its line.
type Compared = (String, String, usize);

/// Reads one file.
struct Reader {
    /// The patterns that variables were matched with.
    matched: BTreeMap<String, String>,
    found: Vec<Compared>,
}

impl Program<'_> {
    pub(super) fn add_compared_paths(&mut self) {
        let files = self.files;
        for (index, file) in files.iter().enumerate().filter(|(_, file)| file.compares_paths) {
            let mut reader = Reader { matched: BTreeMap::new(), found: Vec::new() };
            reader.functions(&file.statements);
            if reader.found.is_empty() {
                continue;
            }
            let router: RouterId = self.hand_router();
            reader.found.sort();
            reader.found.dedup();
            for (path, method, line) in reader.found {
                self.add_class_route(router, &method, Text::literal(&path), "", index, line);
            }
        }
    }
}

impl Reader {
    /// Reads each function of a file by itself.
    fn functions(&mut self, statements: &[Statement]) {
        self.block(statements, &Request::default());
        let mut bodies: Vec<&Function> = Vec::new();
        each_expression(statements, &mut |located| {
            if let Expression::Function(function) = &located.expression {
                bodies.push(function);
            }
        });
        declared(statements, &mut bodies);
        for function in bodies {
            self.block(&function.body, &Request::default());
        }
    }

    /// Reads a block. Returns whether it has a route, and the method that it requires to go on.
    fn block(&mut self, statements: &[Statement], request: &Request) -> (bool, Option<String>) {
        let (mut has_route, mut request) = (false, request.clone());
        for statement in statements {
            match statement {
                Statement::Let { pattern: Pattern::Name(name), value, .. } => self.remember(name, value),
                Statement::If { condition, then, otherwise } => {
                    if let Some(method) = required_method(condition) {
                        request.method = Some(method);
                        continue;
                    }
                    has_route |= self.branch(condition, then, &request);
                    has_route |= self.block(otherwise, &request).0;
                }
                Statement::Let { value: Located { expression: Expression::Block(inner), .. }, .. }
                | Statement::Return(Located { expression: Expression::Block(inner), .. })
                | Statement::Block(inner) => {
                    let (found, method) = self.block(inner, &request);
                    has_route |= found;
                    request.method = method;
                }
                Statement::ForEach { body, .. } => has_route |= self.block(body, &request).0,
                _ => {}
            }
        }
        (has_route, request.method)
    }

    fn branch(&mut self, condition: &Located, then: &[Statement], request: &Request) -> bool {
        let mut has_route = false;
        let alternatives = self.alternatives(condition, request);
        for inside in &alternatives {
            let (inner, method) = self.block(then, inside);
            has_route |= inner;
            if let Some(path) = inside.path.as_ref().filter(|_| !inner && inside != request) {
                let method = method.unwrap_or_else(|| ANY.to_owned());
                self.found.push((path.clone(), method, condition.line));
                has_route = true;
            }
        }
        has_route
    }

    /// What a condition says about the request: one entry for each alternative.
    fn alternatives(&self, condition: &Located, request: &Request) -> Vec<Request> {
        let with_path = |path: String| vec![Request { path: Some(path), ..request.clone() }];
        match &condition.expression {
            Expression::Both(left, right) => {
                let mut all = Vec::new();
                for alternative in self.alternatives(left, request) {
                    all.extend(self.alternatives(right, &alternative));
                }
                all.truncate(MAX_ALTERNATIVES);
                all
            }
            Expression::Choice(values) => {
                values.iter().flat_map(|value| self.alternatives(value, request)).take(MAX_ALTERNATIVES).collect()
            }
            Expression::Equal { left, right, is_negated: false } => {
                let (name, text) = (without_calls(&source_of(left)), literal(right));
                match (last_name(&name), text) {
                    ("pathname" | "path" | "url", Some(path)) if path.starts_with('/') => with_path(path.to_owned()),
                    ("method", Some(method)) if METHODS.contains(&method) => {
                        vec![Request { method: Some(method.to_owned()), ..request.clone() }]
                    }
                    (_, Some(both)) if name.contains("method") => match both.split_once(' ') {
                        Some((method, path)) if METHODS.contains(&method) && path.starts_with('/') => {
                            vec![Request { path: Some(path.to_owned()), method: Some(method.to_owned()) }]
                        }
                        _ => vec![request.clone()],
                    },
                    _ => vec![request.clone()],
                }
            }
            Expression::Name(name) => {
                self.matched.get(name).map_or_else(|| vec![request.clone()], |path| with_path(path.clone()))
            }
            Expression::Call(call) => prefix_test(call).map_or_else(|| vec![request.clone()], with_path),
            _ => vec![request.clone()],
        }
    }

    /// `const match = pathname.match(/^\/items\/(\d+)$/)`
    fn remember(&mut self, name: &str, value: &Located) {
        let Expression::Call(call) = &value.expression else { return };
        let callee = source_of(&call.callee);
        let pattern = match callee.rsplit_once('.') {
            Some((object, "match")) if last_name(object) == "pathname" || last_name(object) == "path" => {
                call.arguments.first().map(|argument| source_of(&argument.value))
            }
            Some((pattern, "exec")) if pattern.starts_with('/') => Some(pattern.to_owned()),
            _ => None,
        };
        if let Some(path) = pattern.and_then(|pattern| path_of_pattern(&pattern)) {
            self.matched.insert(name.to_owned(), path);
        }
    }
}

/// The functions that statements and classes declare, at any depth.
fn declared<'a>(statements: &'a [Statement], into: &mut Vec<&'a Function>) {
    for statement in statements {
        match statement {
            Statement::Function(function) => {
                into.push(function);
                declared(&function.body, into);
            }
            Statement::Class(class) => into.extend(class.methods.iter().map(|(_, method)| method.as_ref())),
            Statement::Block(inner) | Statement::ForEach { body: inner, .. } => declared(inner, into),
            Statement::If { then, otherwise, .. } => {
                declared(then, into);
                declared(otherwise, into);
            }
            Statement::Let { .. } | Statement::Expression(_) | Statement::Return(_) | Statement::Export { .. } => {
                each_expression(std::slice::from_ref(statement), &mut |located| {
                    if let Expression::Class(class) = &located.expression {
                        into.extend(class.methods.iter().map(|(_, method)| method.as_ref()));
                    }
                });
            }
            Statement::Module(module) => declared(&module.body, into),
            Statement::Implementation(implementation) => {
                into.extend(implementation.functions.iter().map(AsRef::as_ref));
            }
            Statement::Import { .. } | Statement::ExportFrom { .. } => {}
        }
    }
}

/// `POST` of `if (request.method !== 'POST') return …`
fn required_method(condition: &Located) -> Option<String> {
    let Expression::Equal { left, right, is_negated: true } = &condition.expression else { return None };
    let is_method = last_name(&source_of(left)) == "method";
    literal(right).filter(|method| is_method && METHODS.contains(method)).map(str::to_owned)
}

/// `/assets/*` of `url.pathname.startsWith('/assets/')`
fn prefix_test(call: &Call) -> Option<String> {
    let callee = source_of(&call.callee);
    let (object, "startsWith") = callee.rsplit_once('.')? else { return None };
    let prefix = literal(&call.arguments.first()?.value)?;
    let is_path = matches!(last_name(object), "pathname" | "path" | "url");
    (is_path && prefix.starts_with('/')).then(|| format!("{}/*", prefix.trim_end_matches('/')))
}

fn literal(located: &Located) -> Option<&str> {
    match &located.expression {
        Expression::Text(parts) => match parts.as_slice() {
            [crate::code::TextPart::Literal(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// `request.path` of `request.path().as_str()`
fn without_calls(source: &str) -> String {
    let mut name = source.replace("()", "");
    for end in [".as_str", ".as_ref", ".clone", ".to_owned"] {
        if let Some(rest) = name.strip_suffix(end) {
            name = rest.to_owned();
        }
    }
    name
}

fn last_name(source: &str) -> &str {
    source.rsplit(['.', '}', ' ', '{']).find(|part| !part.is_empty()).unwrap_or_default()
}

/// The path that a regular expression matches. A group is a parameter with its number.
fn path_of_pattern(pattern: &str) -> Option<String> {
    let inner = pattern.strip_prefix('/')?;
    let (inner, _) = inner.rsplit_once('/')?;
    let inner = inner.strip_prefix('^').unwrap_or(inner);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    let (mut path, mut depth, mut groups, mut escaped) = (String::new(), 0_usize, 0, false);
    for c in inner.chars() {
        match c {
            '(' if !escaped => {
                if depth == 0 {
                    groups += 1;
                    let _ = write!(path, "{{{groups}}}");
                }
                depth += 1;
            }
            ')' if !escaped => depth = depth.saturating_sub(1),
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            c if depth == 0 && (escaped || !matches!(c, '?' | '+' | '*' | '|' | '[' | ']')) => path.push(c),
            _ => {}
        }
        escaped = false;
    }
    path.starts_with('/').then_some(path)
}
