//! Routes that records describe: `route({ method, url })`, `createRoute({ method, path })`, `{ 'GET /path': handler }`,
//! and the routes of `Bun.serve`.

use std::rc::Rc;

use super::super::framework;
use super::super::program::Program;
use super::super::router::RouterId;
use super::super::text::Text;
use super::super::value::{Scope, Value};
use super::call::Arguments;
use super::operation::Place;
use super::source_of;
use crate::code::{Entry, Expression};

/// The HTTP methods.
pub(in super::super) const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

impl Program<'_> {
    /// `fastify.route({ method, url, handler })`, `app.openapi(definition, handler)`
    pub(super) fn definition(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) {
        self.mark_called(arguments);
        let record = arguments.get(0);
        let path = ["url", "path"].iter().find_map(|name| record.field(name));
        let (Some(Value::Text(path)), Some(methods)) = (path, record.field("method")) else { return };
        let handler = own_handler(arguments).unwrap_or_else(|| Self::handler(arguments));
        for method in methods.texts() {
            self.add_route(router, &method.to_string(), path.clone(), &handler, place);
        }
    }

    /// An entry `'GET /path': handler` of a table of routes.
    pub(super) fn table_entry(&mut self, key: &str, value: &Value, line: usize, scope: &Rc<Scope>) {
        let Some((method, path)) = key.split_once(' ') else { return };
        if !METHODS.contains(&method) || !path.starts_with('/') || matches!(value, Value::Text(_)) {
            return;
        }
        let router = self.hand_router();
        self.add_route(router, method, Text::literal(path), "", Place { file: scope.file, line });
    }

    /// `Bun.serve({ routes: { '/path': handler, '/other': { GET: handler } } })`
    pub(super) fn serve(&mut self, options: &Value) {
        let routes = options.field("routes").unwrap_or(Value::Unknown);
        let by_hand = self.hand_router();
        let (file, line) = self.place;
        let place = Place { file, line };
        for (path, handlers) in Self::fields(&routes) {
            let by_method = Self::fields(&handlers);
            let methods: Vec<&String> = by_method.keys().filter(|name| METHODS.contains(&name.as_str())).collect();
            if methods.is_empty() {
                self.add_route(by_hand, framework::ANY, Text::literal(&path), "", place);
            }
            for method in methods {
                self.add_route(by_hand, method, Text::literal(&path), "", place);
            }
        }
    }

    /// The router of routes that belong to no router.
    pub(in super::super) fn hand_router(&mut self) -> RouterId {
        let framework = framework::of_package("h3").unwrap_or(0);
        self.new_router(framework, Text::default())
    }
}

/// The name of the handler in `{ method, url, handler }`.
fn own_handler(arguments: &Arguments<'_>) -> Option<String> {
    let Expression::Record(entries) = &arguments.expression(0)?.expression else { return None };
    let is_handler = |entry: &&Entry| entry.key.as_ref().is_some_and(|key| source_of(key) == "handler");
    let handler = &entries.iter().find(is_handler)?.value;
    matches!(handler.expression, Expression::Name(_) | Expression::Member(..)).then(|| source_of(handler))
}
