//! Reads YAML from the events of a parser, which have line numbers and expand no aliases.

use saphyr_parser::{Event, Parser};

use super::node::{MAX_DEPTH, Node, Value};

/// The first document of a file. If the YAML is invalid, the values before the error.
pub(super) fn read(text: &str) -> Node {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        let line = span.start.line();
        match event {
            Event::Scalar(value, ..) => reader.scalar(&value, line),
            Event::MappingStart(..) => reader.open(Value::Mapping(Vec::new()), line),
            Event::SequenceStart(..) => reader.open(Value::List(Vec::new()), line),
            Event::MappingEnd | Event::SequenceEnd => reader.close(),
            Event::Alias(_) => reader.end_value(Node { line, value: Value::Other }),
            Event::DocumentEnd => break,
            _ => {}
        }
    }
    while !reader.open.is_empty() {
        reader.close();
    }
    reader.document
}

/// A mapping or a list that has not ended yet.
struct Container {
    node: Node,
    /// The key whose value comes next, and its line.
    key: Option<(String, usize)>,
}

#[derive(Default)]
struct Reader {
    open: Vec<Container>,
    /// The number of open containers that are too deep to be kept.
    ignored: usize,
    document: Node,
}

impl Reader {
    fn scalar(&mut self, value: &str, line: usize) {
        if self.ignored > 0 {
            return;
        }
        if let Some(Container { key: key @ None, node: Node { value: Value::Mapping(_), .. } }) = self.open.last_mut() {
            *key = Some((value.to_owned(), line));
            return;
        }
        self.end_value(Node { line, value: Value::Text(value.to_owned()) });
    }

    fn open(&mut self, value: Value, line: usize) {
        if self.ignored > 0 || self.open.len() >= MAX_DEPTH {
            self.ignored += 1;
            return;
        }
        self.open.push(Container { node: Node { line, value }, key: None });
    }

    fn close(&mut self) {
        if self.ignored > 0 {
            self.ignored -= 1;
            if self.ignored == 0 {
                self.end_value(Node::default());
            }
            return;
        }
        if let Some(container) = self.open.pop() {
            self.end_value(container.node);
        }
    }

    /// A value has ended. A value in the place of a key counts as an empty key. The line of a value is that of its key.
    fn end_value(&mut self, mut node: Node) {
        if self.ignored > 0 {
            return;
        }
        let Some(container) = self.open.last_mut() else {
            self.document = node;
            return;
        };
        match (&mut container.node.value, &mut container.key) {
            (Value::Mapping(_), key @ None) => *key = Some((String::new(), node.line)),
            (Value::Mapping(entries), key) => {
                if let Some((key, line)) = key.take() {
                    node.line = line;
                    entries.push((key, node));
                }
            }
            (Value::List(values), _) => values.push(node),
            _ => {}
        }
    }
}
