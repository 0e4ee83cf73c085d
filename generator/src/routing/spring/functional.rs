//! Routes of functions: `route(GET("/users"), handler)` and `route().GET("/users", handler)`.

use std::rc::Rc;

use super::super::calls::each_expression;
use super::super::evaluate::source_of;
use super::super::program::{Program, Unresolved};
use super::super::router::RouterId;
use super::super::text::Text;
use super::super::value::ClassValue;
use super::Classes;
use super::constants::{Constants, with_placeholders};
use crate::code::{Call, Expression, Statement};

/// The methods, which are names of functions.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

impl Program<'_> {
    /// The routes in the methods of a class whose code makes router functions.
    pub(super) fn add_functional(&mut self, framework: usize, class: &Rc<ClassValue>, classes: &Classes) {
        let mut router = None;
        for (_, method) in &class.class.methods {
            let (mut found, mut nested) = (Vec::new(), Vec::new());
            collect(&method.body, &Constants { classes }, class, &mut found, &mut nested);
            if found.is_empty() {
                continue;
            }
            let file = class.scope.file;
            self.unresolved.extend(nested.into_iter().map(|(line, source)| Unresolved { file, line, source }));
            let base = self.java_base(class.scope.file);
            let router: RouterId = *router.get_or_insert_with(|| self.new_router(framework, base));
            for (method, path, handler, line) in found {
                self.add_class_route(router, &method, path, &handler, class.scope.file, line);
            }
        }
    }
}

type FoundCall = (String, Text, String, usize);

/// The routes of a block. Paths around them, as in `nest(path("/a"), …)`, are listed as not understood.
fn collect(
    block: &[Statement],
    constants: &Constants<'_>,
    class: &Rc<ClassValue>,
    found: &mut Vec<FoundCall>,
    nested: &mut Vec<(usize, String)>,
) {
    each_expression(block, &mut |located| {
        let Expression::Call(call) = &located.expression else { return };
        let name = last_name(call);
        if name == "nest" {
            let argument = call.arguments.first().map(|argument| source_of(&argument.value)).unwrap_or_default();
            nested.push((call.callee.line, format!("nest({argument})")));
        }
        let Some(path) = call.arguments.first().filter(|_| METHODS.contains(&name)) else { return };
        let path = with_placeholders(&constants.text(&path.value, class, 0));
        if path.is_path() || path.is_empty() {
            let handler = call.arguments.get(1).map(|handler| source_of(&handler.value)).unwrap_or_default();
            let handler = Program::short(handler.trim_start_matches("this::"));
            found.push((name.to_owned(), path, handler, call.callee.line));
        }
    });
}

fn last_name(call: &Call) -> &str {
    match &call.callee.expression {
        Expression::Name(name) | Expression::Member(_, name) => name,
        _ => "",
    }
}
