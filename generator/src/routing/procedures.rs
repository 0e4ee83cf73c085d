//! Procedures of tRPC: records of records, whose leaves are queries, mutations and subscriptions.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use super::program::Program;
use super::router::FoundRoute;
use super::text::Text;
use super::value::{PackageValue, Record, Value};

/// The maximum depth of nested routers.
const MAX_DEPTH: usize = 16;
/// The names of the calls that end a procedure, and what the procedure is.
const KINDS: [(&str, &str); 3] = [("query", "QUERY"), ("mutation", "MUTATION"), ("subscription", "SUBSCRIPTION")];
/// The fields of a procedure. No name in source code has this character.
const KIND: &str = "\u{1}kind";
const FILE: &str = "\u{1}file";
const LINE: &str = "\u{1}line";

/// The routers of procedures.
#[derive(Default)]
pub(super) struct Procedures {
    routers: Vec<Rc<Record>>,
    /// The routers that are part of another one.
    nested: Vec<Rc<Record>>,
}

impl Program<'_> {
    /// A call of something that tRPC made: a procedure, or a router of procedures.
    pub(super) fn procedure_call(&mut self, package: &Rc<PackageValue>, arguments: &[Value]) -> Option<Value> {
        if package.package != "@trpc/server" {
            return None;
        }
        if let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == package.last()) {
            return Some(self.procedure(kind, arguments));
        }
        let parts = match package.last() {
            "router" => arguments.get(..1)?,
            "mergeRouters" => arguments,
            _ => return None,
        };
        let router = Rc::new(Record::default());
        for part in parts {
            let Value::Record(part) = part else { continue };
            self.procedures.nested.push(part.clone());
            for (name, value) in part.fields.borrow().iter() {
                if let Value::Record(inner) = value {
                    self.procedures.nested.push(inner.clone());
                }
                router.fields.borrow_mut().insert(name.clone(), value.clone());
            }
        }
        self.procedures.routers.push(router.clone());
        Some(Value::Record(router))
    }

    fn procedure(&mut self, kind: &str, arguments: &[Value]) -> Value {
        for argument in arguments {
            if let Value::Function(closure) = argument {
                self.called.insert(Arc::as_ptr(&closure.function));
            }
        }
        let record = Record::default();
        let (file, line) = self.place;
        for (name, text) in [(KIND, kind), (FILE, &file.to_string()), (LINE, &line.to_string())] {
            record.fields.borrow_mut().insert(name.to_owned(), Value::Text(Text::literal(text)));
        }
        Value::Record(Rc::new(record))
    }

    /// The procedures of the routers that are part of no other one.
    pub(super) fn procedure_routes(&self) -> BTreeSet<FoundRoute> {
        let mut found = BTreeSet::new();
        for router in &self.procedures.routers {
            if !self.procedures.nested.iter().any(|nested| Rc::ptr_eq(nested, router)) {
                collect(router, "", 0, &mut found);
            }
        }
        found
    }
}

fn collect(router: &Rc<Record>, prefix: &str, depth: usize, found: &mut BTreeSet<FoundRoute>) {
    for (name, value) in router.fields.borrow().iter().filter(|_| depth < MAX_DEPTH) {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let number = |field| value.field(field).and_then(|text| text.as_literal()?.parse().ok()).unwrap_or(0);
        match (value.field(KIND).and_then(|kind| kind.as_literal().map(str::to_owned)), value) {
            (Some(method), _) => {
                let (file, line) = (number(FILE), number(LINE));
                found.insert(FoundRoute { path, method, file, line, handler: String::new() });
            }
            (None, Value::Record(inner)) => collect(inner, &path, depth + 1, found),
            _ => {}
        }
    }
}
