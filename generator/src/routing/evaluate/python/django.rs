//! URL patterns of Django.

use std::rc::Rc;

use super::super::super::framework;
use super::super::super::program::Program;
use super::super::super::router::RouterId;
use super::super::super::text::Text;
use super::super::super::value::Value;
use super::super::call::Arguments;
use super::super::operation::Place;
use super::include::routers_in;
use crate::code::{Expression, Imported};

impl Program<'_> {
    /// `path(route, view)`, `re_path(expression, view)`. The view may be the patterns of `include`.
    pub(super) fn django_pattern(
        &mut self,
        router: RouterId,
        is_expression: bool,
        arguments: &Arguments<'_>,
        place: Place,
    ) {
        let Some(path) = Self::text_at(arguments, 0, &["route", "regex"]) else { return };
        let path = if is_expression { path.map_literals(plain_path) } else { path };
        let view = arguments.at(1, &["view"]);
        let mut children = Vec::new();
        routers_in(&view, &mut children);
        if children.is_empty() {
            let methods = self.handler_methods(&view).unwrap_or_else(|| vec![framework::ANY.to_owned()]);
            let handler = Self::short(&Self::source_at(arguments, 1, &["view"]));
            for method in methods {
                self.add_route(router, &method, path.clone(), &handler, place);
            }
            if handler.ends_with("include()") && !Self::includes_package(arguments) {
                self.add_not_understood(format!("{handler} at {path}"), place);
            }
        }
        for child in children {
            self.routers.mount(router, path.clone(), child);
        }
    }

    /// Whether the view is the patterns of a package: `include("allauth.urls")`.
    fn includes_package(arguments: &Arguments<'_>) -> bool {
        let Some(Expression::Call(call)) = arguments.expression_at(1, &["view"]).map(|view| &view.expression) else {
            return false;
        };
        let first = call.arguments.first().map(|argument| &argument.value.expression);
        matches!(first, Some(Expression::Text(_) | Expression::Name(_) | Expression::Member(..)))
    }

    /// `include("shop.urls")`, `include(patterns)`, `include((patterns, name))`
    pub(super) fn django_include(&mut self, arguments: &Arguments<'_>, place: Place) -> Value {
        let included = arguments.at(0, &["arg"]);
        let module = match included.as_literal() {
            Some(module) => self.python_import(place.file, module, &Imported::Module),
            None => included,
        };
        match &module {
            Value::Record(_) => module.field("urlpatterns").unwrap_or(Value::Unknown),
            Value::Router(_) | Value::List(_) => module,
            _ => Value::Unknown,
        }
    }

    /// `i18n_patterns(path(…), …)` puts the language before each path.
    pub(super) fn language_patterns(&mut self, arguments: &Arguments<'_>) -> Value {
        let framework = framework::of_package("django").unwrap_or(0);
        let router = self.new_router(framework, Text::unknown("language_code"));
        let mut children = Vec::new();
        arguments.values.iter().for_each(|value| routers_in(value, &mut children));
        for child in children {
            self.routers.mount(router, Text::default(), child);
        }
        Value::List(Rc::new(vec![Value::Router(router)]))
    }
}

/// The path of a regular expression: without its anchors, and without the escapes of characters that stand for themselves.
fn plain_path(expression: &str) -> String {
    let text = expression.trim_start_matches('^');
    let text = text.strip_suffix("\\Z").or_else(|| text.strip_suffix('$')).unwrap_or(text);
    let mut path = String::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match characters.peek() {
            Some(next) if c == '\\' && matches!(next, '.' | '-' | '/' | '_' | '@') => {}
            _ => path.push(c),
        }
    }
    path
}
