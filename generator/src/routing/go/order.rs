//! The order in which the functions of Go run that no known code calls.

use std::collections::{BTreeMap, HashSet};

use super::super::calls::each_expression;
use super::super::program::SourceFile;
use crate::code::{Expression, Language, Statement};
use crate::paths;

/// The functions that a package uses itself, with its folder. They run after those that only other packages use, since
/// these call them, and set the variables of the package first.
pub(in super::super) fn used_in_own_packages(files: &[SourceFile]) -> HashSet<(&str, &str)> {
    let mut folders: BTreeMap<&str, Vec<&SourceFile>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.language == Language::Go) {
        folders.entry(paths::folder(&file.path)).or_default().push(file);
    }
    let mut used = HashSet::new();
    for (folder, files) in folders {
        for file in files {
            methods_and_functions(&file.statements, &mut |name| {
                used.insert((folder, name));
            });
        }
    }
    used
}

fn methods_and_functions<'a>(statements: &'a [Statement], add: &mut impl FnMut(&'a str)) {
    each_expression(statements, &mut |located| match &located.expression {
        Expression::Name(name) | Expression::Member(_, name) => add(name),
        _ => {}
    });
}
