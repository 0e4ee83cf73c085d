//! Finds the file that an import of Python names.

use std::collections::BTreeSet;

use super::modules::{Modules, ancestors};
use crate::code::{Expression, Imported, Statement, TextPart};
use crate::paths;

/// The folders in which the packages of a project stand, below a folder above the importing file.
const SOURCE_FOLDERS: [&str; 7] = ["", "src", "backend", "server", "app", "lib", "python"];
/// The maximum length of the name of a module in a string literal.
const MAX_NAME: usize = 120;

/// What an import names.
pub(super) enum PythonModule {
    File(String),
    /// A package without an `__init__.py`.
    Folder(String),
}

impl Modules {
    /// The module that `module` names in the file `from`. `None` if it is a package from elsewhere.
    pub(super) fn python_module(&self, from: &str, module: &str) -> Option<PythonModule> {
        let folder = paths::folder(from);
        let dots = module.len() - module.trim_start_matches('.').len();
        let path = module.trim_start_matches('.').replace('.', "/");
        if dots > 0 {
            let above = "../".repeat(dots - 1);
            return self.python_file(&paths::joined(&paths::joined(folder, &above), &path));
        }
        if !path.split('/').next().is_some_and(|first| self.has_python_name(first)) {
            return None;
        }
        // The folder of a package is no place where Python looks for modules, but the one of a script is.
        let (packages, places): (Vec<&str>, Vec<&str>) =
            ancestors(folder).into_iter().partition(|place| self.has(&paths::joined(place, "__init__.py")));
        let candidates = places
            .iter()
            .flat_map(|place| SOURCE_FOLDERS.iter().map(|inside| paths::joined(&paths::joined(place, inside), &path)));
        let found = candidates.filter(|path| !path.is_empty()).find_map(|path| self.python_file(&path));
        // A single name in a package is one of the standard library or of another project.
        let inside = || packages.iter().find_map(|place| self.python_file(&paths::joined(place, &path)));
        found.or_else(|| if path.contains('/') { inside() } else { None })
    }

    /// The module at a path without its ending.
    pub(super) fn python_file(&self, path: &str) -> Option<PythonModule> {
        let candidates = [format!("{path}.py"), paths::joined(path, "__init__.py")];
        match candidates.into_iter().find(|candidate| self.has(candidate)) {
            Some(file) => Some(PythonModule::File(file)),
            None => self.has_folder(path).then(|| PythonModule::Folder(path.to_owned())),
        }
    }
}

/// The name of a module below another one: `a.b` and `.b`.
pub(super) fn below(module: &str, name: &str) -> String {
    if module.ends_with('.') { format!("{module}{name}") } else { format!("{module}.{name}") }
}

/// The modules that a file names: in imports, wherever they stand, and in texts such as `include("shop.urls")`.
pub(super) fn specifiers(statements: &[Statement]) -> Vec<String> {
    let mut found = BTreeSet::new();
    imports(statements, &mut found);
    super::calls::each_expression(statements, &mut |located| match &located.expression {
        Expression::Text(parts) => {
            if let [TextPart::Literal(text)] = parts.as_slice()
                && is_dotted(text)
            {
                found.insert(text.clone());
            }
        }
        Expression::Function(function) => imports(&function.body, &mut found),
        _ => {}
    });
    found.into_iter().collect()
}

fn is_dotted(text: &str) -> bool {
    let is_name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    text.len() <= MAX_NAME && text.contains('.') && text.split('.').all(is_name)
}

fn imports(statements: &[Statement], found: &mut BTreeSet<String>) {
    for statement in statements {
        match statement {
            Statement::Import { module, name, .. } => {
                found.insert(module.clone());
                if let Imported::Name(name) = name {
                    found.insert(below(module, name));
                }
            }
            Statement::Function(function) => imports(&function.body, found),
            Statement::Class(class) => class.methods.iter().for_each(|(_, method)| imports(&method.body, found)),
            Statement::ForEach { body, .. } | Statement::Block(body) => imports(body, found),
            Statement::If { then, otherwise, .. } => {
                imports(then, found);
                imports(otherwise, found);
            }
            _ => {}
        }
    }
}
