//! What looks like a route and is part of no router.

use super::super::evaluate::Place;
use super::super::program::{Program, Unresolved};

use std::sync::Arc;

impl Program<'_> {
    /// Remembers something that may add routes, and whose value is not known.
    pub(super) fn not_understood(&mut self, place: Place, source: &str) {
        let source = source.to_owned();
        self.unresolved.insert(Unresolved { file: place.file, line: place.line, source });
    }

    /// Lists the functions whose attributes are routes, but which no router has, and the routes without a path.
    pub(in super::super) fn add_unregistered(&mut self) {
        for closure in self.rust_closures() {
            if self.registered.contains(&Arc::as_ptr(&closure.function)) {
                continue;
            }
            for route in self.described(&closure, false) {
                let name = closure.function.name.clone().unwrap_or_default();
                let line = closure.function.decorators.first().map_or(0, |decorator| decorator.line);
                let source = format!("{} {} of {name}", route.method, route.path);
                self.not_understood(Place { file: closure.scope.file, line }, &source);
            }
        }
        for route in self.routers.unmounted_parts() {
            let source = format!("{}({})", route.method.to_lowercase(), route.handler);
            self.not_understood(Place { file: route.file, line: route.line }, &source);
        }
    }
}
