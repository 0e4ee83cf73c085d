//! The routes that `app/routes.ts` of React Router configures.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::program::Program;
use super::router::FoundRoute;
use super::text::Text;
use super::value::{PackageValue, Record, Value};
use crate::paths;

/// The maximum depth of nested routes.
const MAX_DEPTH: usize = 16;

impl Program<'_> {
    /// `index(file)`, `route(path, file, [children])`, `layout(file, children)` and `prefix(path, children)`.
    pub(super) fn route_config_call(package: &PackageValue, arguments: &[Value]) -> Option<Value> {
        if package.package != "@react-router/dev/routes" && package.package != "@remix-run/route-config" {
            return None;
        }
        let at = |index: usize| arguments.get(index).cloned().unwrap_or(Value::Unknown);
        let empty = Value::Text(Text::default());
        let (path, file, children) = match package.last() {
            "index" => (empty, at(0), Value::Unknown),
            "route" => (at(0), at(1), if matches!(at(2), Value::List(_)) { at(2) } else { at(3) }),
            "layout" => (empty, Value::Unknown, if matches!(at(1), Value::List(_)) { at(1) } else { at(2) }),
            "prefix" => (at(0), Value::Unknown, at(1)),
            _ => return None,
        };
        let record = Record::default();
        for (name, value) in [("path", path), ("file", file), ("children", children)] {
            record.fields.borrow_mut().insert(name.to_owned(), value);
        }
        let route = Value::Record(Rc::new(record));
        // `...prefix(…)` spreads a list.
        Some(if package.last() == "prefix" { Value::List(Rc::new(vec![route])) } else { route })
    }

    /// The routes of all configurations. They take the place of those that the paths of the files would declare.
    pub(super) fn configured_routes(&mut self) -> BTreeSet<FoundRoute> {
        let files = self.files;
        let mut found = BTreeSet::new();
        for (index, file) in files.iter().enumerate() {
            if paths::stem(paths::name(&file.path)) != "routes" || !paths::folder(&file.path).ends_with("app") {
                continue;
            }
            let exported = self.module(index).exports.fields.borrow().get("default").cloned();
            if let Some(routes) = exported {
                let folder = paths::folder(&file.path).to_owned();
                self.configured(&routes, &Text::default(), &folder, 0, &mut found);
            }
        }
        found
    }

    fn configured(
        &mut self,
        routes: &Value,
        prefix: &Text,
        folder: &str,
        depth: usize,
        found: &mut BTreeSet<FoundRoute>,
    ) {
        let Value::List(routes) = routes else { return };
        for route in routes.iter().filter(|_| depth < MAX_DEPTH) {
            if matches!(route, Value::List(_)) {
                self.configured(route, prefix, folder, depth + 1, found);
                continue;
            }
            let own = route.field("path").and_then(|path| path.as_text().cloned()).unwrap_or_default();
            let path = prefix.joined(&own, false);
            let file = route.field("file").and_then(|file| file.as_literal().map(|file| paths::joined(folder, file)));
            if let Some(file) = file.and_then(|file| self.file_at(&file)) {
                for method in self.loader_and_action(file) {
                    found.insert(FoundRoute { path: path.as_path(), method, file, line: 1, handler: String::new() });
                }
            }
            if let Some(children) = route.field("children") {
                self.configured(&children, &path, folder, depth + 1, found);
            }
        }
    }
}
