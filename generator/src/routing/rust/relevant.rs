//! The functions that may add routes. Most functions of a program answer requests or read a database; they are not run.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::calls::each_expression;
use super::super::framework;
use super::super::program::SourceFile;
use crate::code::{Expression, Function, Language, Statement};

/// The maximum number of calls between a function and another one that adds routes.
const MAX_CALLS: usize = 4;
/// Names of so many functions that they say nothing.
const COMMON: [&str; 9] = ["new", "default", "from", "into", "get", "run", "main", "clone", "start"];

/// A function with the names that it mentions.
struct Mentioned<'a> {
    function: &'a Arc<Function>,
    names: HashSet<&'a str>,
    is_relevant: bool,
}

/// The functions of Rust that add no routes and call none that do.
pub(in super::super) fn irrelevant(files: &[SourceFile]) -> HashSet<*const Function> {
    let mut all = Vec::new();
    for file in files.iter().filter(|file| file.language == Language::Rust) {
        functions(&file.statements, &mut all);
    }
    for _ in 0..MAX_CALLS {
        let relevant = all.iter().filter(|one| one.is_relevant).filter_map(|one| one.function.name.as_deref());
        let relevant: HashSet<&str> = relevant.filter(|name| !COMMON.contains(name)).collect();
        let mut is_changed = false;
        for one in all.iter_mut().filter(|one| !one.is_relevant) {
            one.is_relevant = one.names.iter().any(|name| relevant.contains(name));
            is_changed |= one.is_relevant;
        }
        if !is_changed {
            break;
        }
    }
    all.iter().filter(|one| !one.is_relevant).map(|one| Arc::as_ptr(one.function)).collect()
}

fn functions<'a>(statements: &'a [Statement], into: &mut Vec<Mentioned<'a>>) {
    for statement in statements {
        match statement {
            Statement::Function(function) => into.push(mentioned(function)),
            Statement::Implementation(implementation) => {
                into.extend(implementation.functions.iter().map(mentioned));
            }
            Statement::Module(module) => functions(&module.body, into),
            _ => {}
        }
    }
}

fn mentioned(function: &Arc<Function>) -> Mentioned<'_> {
    let mut names = HashSet::new();
    each_expression(&function.body, &mut |located| {
        if let Expression::Name(name) | Expression::Member(_, name) | Expression::Path(_, name) = &located.expression {
            names.insert(name.as_str());
        }
    });
    let types = function.parameters.iter().map(|parameter| parameter.type_name.as_str());
    let is_relevant = names.iter().copied().chain(types).any(framework::declares_routes);
    Mentioned { function, names, is_relevant }
}
