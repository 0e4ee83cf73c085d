//! Reads OpenAPI files in YAML by their indentation: paths, methods and the summary of each operation.
//!
//! It supports block style, in which specifications are written, but no anchors and no flow style.

use super::super::model::joined;
use super::{Operation, is_method};

pub(super) fn read(text: &str) -> Vec<Operation> {
    let mut reader = Reader::default();
    let mut is_specification = false;
    for (number, line) in text.lines().enumerate() {
        let Some((key, value)) = entry(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        if indent == 0 {
            is_specification |= matches!(key, "openapi" | "swagger");
        }
        reader.line(indent, key, value, number + 1);
    }
    if is_specification { reader.operations } else { Vec::new() }
}

/// The state of the reader: the path and operation that contain the current line, with their indentation.
#[derive(Default)]
struct Reader {
    base: String,
    in_paths: bool,
    path: Option<(usize, String)>,
    /// The indentation of the operation's key and of its fields.
    operation: Option<(usize, Option<usize>)>,
    operations: Vec<Operation>,
}

impl Reader {
    fn line(&mut self, indent: usize, key: &str, value: &str, line: usize) {
        if indent == 0 {
            self.in_paths = key == "paths";
            self.path = None;
            self.operation = None;
            if key == "basePath" {
                scalar(value).clone_into(&mut self.base);
            }
            return;
        }
        if !self.in_paths {
            return;
        }
        let path_indent = self.path.as_ref().map_or(usize::MAX, |(indent, _)| *indent);
        if indent <= path_indent {
            self.path = key.starts_with('/').then(|| (indent, joined(&self.base, key)));
            self.operation = None;
            return;
        }
        match self.operation {
            Some((method, fields)) if indent > method => self.field(indent, fields, key, value),
            _ => self.start(indent, key, line),
        }
    }

    fn start(&mut self, indent: usize, key: &str, line: usize) {
        self.operation = None;
        if let Some((_, path)) = self.path.as_ref().filter(|_| is_method(key)) {
            self.operation = Some((indent, None));
            self.operations.push(Operation {
                method: key.to_uppercase(),
                path: path.clone(),
                line,
                ..Operation::default()
            });
        }
    }

    /// Reads a field of the operation. Fields of nested objects are ignored.
    fn field(&mut self, indent: usize, fields: Option<usize>, key: &str, value: &str) {
        let level = fields.unwrap_or(indent);
        if let Some((_, fields)) = &mut self.operation {
            *fields = Some(level);
        }
        let Some(operation) = self.operations.last_mut().filter(|_| indent == level) else { return };
        let value = scalar(value);
        match key {
            "summary" => value.clone_into(&mut operation.summary),
            "description" if operation.summary.is_empty() => value.clone_into(&mut operation.summary),
            "operationId" => value.clone_into(&mut operation.id),
            _ => {}
        }
    }
}

/// The key and the value of a line `key: value`.
fn entry(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (key, value) = match line.chars().next()? {
        '#' | '-' => return None,
        quote @ ('"' | '\'') => {
            let (key, rest) = line.get(1..)?.split_once(quote)?;
            (key, rest.trim_start().strip_prefix(':')?)
        }
        _ => line.split_once(": ").or_else(|| line.strip_suffix(':').map(|key| (key, "")))?,
    };
    Some((key.trim(), value.trim()))
}

/// A scalar without its quotes. Empty if the value is a block or an alias.
fn scalar(value: &str) -> &str {
    let value = value.trim();
    if matches!(value.chars().next(), Some('|' | '>' | '&' | '*')) {
        return "";
    }
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    quoted('"').or_else(|| quoted('\'')).unwrap_or_else(|| value.split(" #").next().unwrap_or(value).trim_end())
}
