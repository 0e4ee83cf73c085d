//! The packages of Go in a repository: a package is a folder, and its import path begins with the path of its module.

use std::collections::{BTreeMap, BTreeSet};

use super::super::framework;
use crate::code::{Imported, Language, Statement};
use crate::paths;

/// Texts of which a file that declares routes has one.
const MARKERS: [&str; 24] = [
    ".HandleFunc(",
    ".Handle(",
    ".Group(",
    ".Route(",
    ".Mount(",
    ".PathPrefix(",
    ".Methods(",
    ".GET(",
    ".POST(",
    ".PUT(",
    ".DELETE(",
    ".Get(\"",
    ".Post(\"",
    "NewServeMux",
    "NewRouter(",
    "gin.Engine",
    "gin.RouterGroup",
    "chi.Router",
    "mux.Router",
    "fiber.",
    "echo.",
    "flamego.",
    "macaron.",
    ".Combo(",
];

/// The packages of a repository.
#[derive(Default)]
pub(in super::super) struct Packages {
    /// The folder and the path of each module, the longest path first.
    modules: Vec<(String, String)>,
    files: BTreeMap<String, Vec<String>>,
    /// The first folder of each name.
    by_name: BTreeMap<String, String>,
}

/// Whether a file may declare routes.
pub(in super::super) fn is_candidate(text: &str) -> bool {
    MARKERS.iter().any(|marker| text.contains(marker))
}

/// Whether a package that another one imports is read: its files may have routers, paths or parts of them.
pub(in super::super) fn is_needed(text: &str) -> bool {
    text.contains("\"/") || text.contains("const") && text.contains("= \"") || names_package(text)
}

/// Whether the packages that a file imports matter: it may give them a router, or get one from them.
pub(in super::super) fn imports_matter(text: &str) -> bool {
    is_candidate(text) || names_package(text)
}

fn names_package(text: &str) -> bool {
    framework::packages(Language::Go).any(|package| text.contains(package))
}

/// The packages that a file imports, and its own one.
pub(in super::super) fn specifiers(statements: &[Statement]) -> Vec<String> {
    let imported = statements.iter().filter_map(|statement| match statement {
        Statement::Import { module, name: Imported::Module, .. } => Some(module.clone()),
        _ => None,
    });
    imported.chain([".".to_owned()]).collect::<BTreeSet<_>>().into_iter().collect()
}

impl Packages {
    pub(in super::super) fn new(files: &[String], settings: &[(String, String)]) -> Self {
        let mut packages = Self::default();
        for path in files.iter().filter(|path| paths::extension(path) == "go" && !paths::is_test(path)) {
            packages.files.entry(paths::folder(path).to_owned()).or_default().push(path.clone());
        }
        for folder in packages.files.keys() {
            packages.by_name.entry(paths::name(folder).to_owned()).or_insert_with(|| folder.clone());
        }
        for (path, text) in settings.iter().filter(|(path, _)| paths::name(path) == "go.mod") {
            let module = text.lines().find_map(|line| line.trim().strip_prefix("module "));
            packages.modules.extend(module.map(|module| (paths::folder(path).to_owned(), module.trim().to_owned())));
        }
        packages.modules.sort_by_key(|(_, module)| std::cmp::Reverse(module.len()));
        packages
    }

    /// The folder of the package that an import names. `None` if it is a package from elsewhere.
    pub(in super::super) fn folder(&self, import: &str) -> Option<String> {
        let (folder, rest) = self.modules.iter().find_map(|(folder, module)| {
            let rest = import.strip_prefix(module.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((folder, rest.trim_start_matches('/')))
        })?;
        let path = crate::paths::joined(folder, rest);
        self.files.contains_key(&path).then_some(path)
    }

    /// The folder of a package with this name, for code whose imports are not known.
    pub(super) fn named(&self, name: &str) -> Option<&String> {
        self.by_name.get(name)
    }

    /// The files of the packages that an import in the file `from` names. `.` is the package of the file.
    pub(in super::super) fn files_of(&self, from: &str, import: &str) -> Vec<String> {
        let folder = if import == "." { Some(paths::folder(from).to_owned()) } else { self.folder(import) };
        folder.and_then(|folder| self.files.get(&folder)).cloned().unwrap_or_default()
    }
}
