//! Routes of gorilla/mux, which a chain of calls describes: `PathPrefix("/v1").Subrouter()`,
//! `Methods("GET").Path("/users").HandlerFunc(list)`.

use super::super::evaluate::{Arguments, Place};
use super::super::framework;
use super::super::program::Program;
use super::super::router::RouterId;
use super::super::text::Text;
use super::super::value::Value;
use super::route::{go_handler, methods_of};

/// A route while a chain of calls describes it. It has a router of its own.
#[derive(Clone)]
pub(super) struct Builder {
    path: Text,
    methods: Vec<String>,
    handler: Option<String>,
    place: Place,
}

impl Program<'_> {
    /// The first call of a chain: `HandleFunc(path, handler)`, `PathPrefix(path)`, `Methods("GET")`.
    pub(super) fn go_builder(&mut self, above: RouterId, name: &str, arguments: &Arguments<'_>, place: Place) -> Value {
        let router = self.below(above, &Text::default());
        let builder = Builder { path: Text::default(), methods: Vec::new(), handler: None, place };
        self.go.builders.insert(router, builder);
        match name {
            "HandleFunc" | "Handle" => {
                let path = Self::go_path(0, arguments);
                self.change(router, |builder| builder.path = path);
                self.go_handled(router, arguments, 1);
                Value::Resource(router, Text::default())
            }
            _ => self.go_builder_method(router, name, arguments, place),
        }
    }

    pub(in super::super) fn is_builder(&self, router: RouterId) -> bool {
        self.go.builders.contains_key(&router)
    }

    /// The next call of a chain.
    pub(in super::super) fn go_builder_method(
        &mut self,
        router: RouterId,
        name: &str,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        match name {
            "Path" | "PathPrefix" => {
                let path = Self::go_path(0, arguments);
                self.change(router, |builder| builder.path = builder.path.joined(&path, true));
            }
            "Methods" => {
                let all = arguments.values.iter().flat_map(methods_of);
                let mut methods: Vec<String> = all.collect();
                methods.dedup();
                self.change(router, |builder| builder.methods = methods);
            }
            "Handler" | "HandlerFunc" => {
                self.change(router, |builder| builder.place = place);
                self.go_handled(router, arguments, 0);
            }
            "Subrouter" => {
                let builder = self.go.builders.remove(&router);
                if let (Some(builder), Some(own)) = (builder, self.routers.get_mut(router)) {
                    own.prefix = builder.path;
                }
                return Value::Router(router);
            }
            _ => {}
        }
        Value::Resource(router, Text::default())
    }

    /// A router as a handler sees the whole path.
    fn go_handled(&mut self, router: RouterId, arguments: &Arguments<'_>, at: usize) {
        self.mark_called(arguments);
        if let Value::Router(child) = arguments.get(at) {
            return self.routers.mount(router, Text::default(), child);
        }
        let handler = go_handler(arguments);
        self.change(router, |builder| builder.handler = Some(handler));
    }

    /// Changes the description of a route, and the route with it.
    fn change(&mut self, router: RouterId, change: impl FnOnce(&mut Builder)) {
        let Some(builder) = self.go.builders.get_mut(&router) else { return };
        change(builder);
        let builder = builder.clone();
        if let Some(own) = self.routers.get_mut(router) {
            own.routes.clear();
        }
        let Some(handler) = &builder.handler else { return };
        let any = vec![framework::ANY.to_owned()];
        for method in if builder.methods.is_empty() { &any } else { &builder.methods } {
            self.add_route(router, method, builder.path.clone(), handler, builder.place);
        }
    }
}
