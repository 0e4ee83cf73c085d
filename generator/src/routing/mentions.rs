//! The names that code uses, so that a function that another function calls does not run alone.

use std::collections::HashSet;

use super::calls::each_expression;
use super::program::SourceFile;
use crate::code::{Expression, Statement};

/// The names that are called, passed or read anywhere. The export of a name is no use of it.
pub(super) fn used_names(files: &[SourceFile]) -> HashSet<&str> {
    let mut names = HashSet::new();
    for file in files {
        let code = file.statements.iter().filter(|statement| !matches!(statement, Statement::Export { .. }));
        for statement in code {
            each_expression(std::slice::from_ref(statement), &mut |located| match &located.expression {
                Expression::Name(name) | Expression::Member(_, name) | Expression::Path(_, name) => {
                    names.insert(name.as_str());
                }
                _ => {}
            });
        }
    }
    names
}
