//! Reads OpenAPI files in YAML from the events of a parser, which have line numbers and expand no aliases.

use saphyr_parser::{Event, Parser};

use super::super::model::joined;
use super::{Operation, is_method};

/// The operations of a specification. If the YAML is invalid, the operations before the error.
pub(super) fn read(text: &str) -> Vec<Operation> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        match event {
            Event::Scalar(value, ..) => reader.scalar(&value, span.start.line()),
            Event::MappingStart(..) => reader.open(Container::Mapping { key: None }),
            Event::SequenceStart(..) => reader.open(Container::Sequence),
            Event::MappingEnd | Event::SequenceEnd => reader.close(),
            // The alias stands for the value of the operation, or for a value that is not read.
            Event::Alias(_) => {
                reader.begin_value();
                reader.end_value();
            }
            _ => {}
        }
    }
    reader.operations_of_specification()
}

/// A mapping or a sequence that has not ended yet.
enum Container {
    /// The key whose value comes next, and its line.
    Mapping {
        key: Option<(String, usize)>,
    },
    Sequence,
}

impl Container {
    fn key(&self) -> Option<(&str, usize)> {
        match self {
            Self::Mapping { key: Some((key, line)) } => Some((key.as_str(), *line)),
            _ => None,
        }
    }
}

#[derive(Default)]
struct Reader {
    open: Vec<Container>,
    is_specification: bool,
    base: String,
    operations: Vec<Operation>,
}

impl Reader {
    fn scalar(&mut self, value: &str, line: usize) {
        if let Some(Container::Mapping { key: key @ None }) = self.open.last_mut() {
            *key = Some((value.to_owned(), line));
            return;
        }
        self.begin_value();
        self.value(value);
        self.end_value();
    }

    fn open(&mut self, container: Container) {
        self.begin_value();
        self.open.push(container);
    }

    fn close(&mut self) {
        self.open.pop();
        self.end_value();
    }

    /// A value begins: an operation, if its keys are `paths`, a path and a method.
    fn begin_value(&mut self) {
        if let [("paths", _), (path, _), (method, line)] = *self.keys()
            && path.starts_with('/')
            && is_method(method)
        {
            let (method, path) = (method.to_uppercase(), path.to_owned());
            self.operations.push(Operation { method, path, line, ..Operation::default() });
        }
    }

    /// A value has ended. A key of a mapping comes next. If the value was itself a key, it counts as an empty key.
    fn end_value(&mut self) {
        if let Some(Container::Mapping { key }) = self.open.last_mut() {
            *key = if key.is_some() { None } else { Some(<_>::default()) };
        }
    }

    fn value(&mut self, value: &str) {
        let keys = self.keys();
        let field = match *keys {
            [("openapi" | "swagger", _)] => {
                self.is_specification = true;
                return;
            }
            [("basePath", _)] => {
                value.clone_into(&mut self.base);
                return;
            }
            [("paths", _), (path, _), (method, _), (field, _)] if path.starts_with('/') && is_method(method) => {
                field.to_owned()
            }
            _ => return,
        };
        let Some(operation) = self.operations.last_mut() else { return };
        match field.as_str() {
            "summary" => value.clone_into(&mut operation.summary),
            "description" if operation.summary.is_empty() => value.clone_into(&mut operation.summary),
            "operationId" => value.clone_into(&mut operation.id),
            _ => {}
        }
    }

    /// The keys on the way to the current value, if no sequence is on it. No longer than what is read.
    fn keys(&self) -> Vec<(&str, usize)> {
        const LONGEST: usize = 4;
        if self.open.len() > LONGEST {
            return Vec::new();
        }
        self.open.iter().map(Container::key).collect::<Option<_>>().unwrap_or_default()
    }

    fn operations_of_specification(self) -> Vec<Operation> {
        if !self.is_specification {
            return Vec::new();
        }
        let with_base = |operation: Operation| Operation { path: joined(&self.base, &operation.path), ..operation };
        self.operations.into_iter().map(with_base).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    fn lines(text: &str) -> Vec<String> {
        read(text).iter().map(|o| format!("{} {} {}:{}:{}", o.line, o.method, o.path, o.summary, o.id)).collect()
    }

    #[test]
    fn block_style_flow_style_and_aliases_are_read() {
        let text = r#"openapi: 3.1.0
info: { title: "A: b", x: [get, {paths: 1}] }
paths:
  /a: # the list
    parameters: [{ name: get, in: query }]
    get: &list
      description: >-
        Lists
        all.
      responses: { '200': { description: ok, summary: not this } }
    ? [complex, key]
    : { get: { summary: not this } }
  "/b/{id}": { put: { summary: 'It''s "put"', operationId: putB }, head: *list }
  x-extension: { get: { summary: no path } }
basePath: /v1
"#;
        assert_eq!(
            lines(text),
            ["6 GET /v1/a:Lists all.:", r#"13 PUT /v1/b/{id}:It's "put":putB"#, "13 HEAD /v1/b/{id}::"]
        );
    }

    #[test]
    fn an_error_keeps_what_is_before_it_and_other_files_are_ignored() {
        assert_eq!(lines("swagger: '2.0'\npaths:\n  /a:\n    get: {}\n  /b: [\n"), ["4 GET /a::"]);
        assert!(read("paths:\n  /a:\n    get: {}\n").is_empty());
    }

    #[test]
    fn nested_aliases_are_not_expanded() {
        let bomb = (1..40).fold("openapi: 3\na0: &a0 [x]\n".to_owned(), |text, n| {
            text + &format!("a{n}: &a{n} [{}]\n", format!("*a{},", n - 1).repeat(10))
        });
        assert_eq!(lines(&(bomb + "paths:\n  /a: { get: { summary: s } }\n")).len(), 1);
    }
}
