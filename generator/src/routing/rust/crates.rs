//! The crates of a repository and their modules, by the paths of the files.
//!
//! A file is the module that its place below `src` says. Declarations such as `mod users;` are not needed for that.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::Deserialize;

use super::super::calls::each_expression;
use super::super::evaluate::source_of;
use crate::code::{Expression, Imported, Statement};
use crate::paths;

/// The place of a file: its crate and the names of its module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Place {
    /// The folder or file where the modules of the crate begin.
    pub(in super::super) root: String,
    pub(in super::super) names: Vec<String>,
}

/// The crates of a repository.
#[derive(Default)]
pub(in super::super) struct Crates {
    /// The folders with a `Cargo.toml`.
    folders: HashSet<String>,
    /// The roots of crates by their names in code.
    roots: HashMap<String, String>,
    /// The files of each module, by its key.
    files: HashMap<String, Vec<String>>,
    /// The module of each file.
    places: HashMap<String, Place>,
}

#[derive(Deserialize)]
struct Manifest {
    package: Option<Named>,
    lib: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

impl Crates {
    pub(in super::super) fn new(files: &[String], settings: &[(String, String)]) -> Self {
        let mut crates = Self::default();
        let manifests = settings.iter().filter(|(path, _)| paths::name(path) == "Cargo.toml");
        for (path, text) in manifests {
            let folder = paths::folder(path).to_owned();
            let Ok(manifest) = toml_edit::de::from_str::<Manifest>(text) else { continue };
            let root = if folder.is_empty() { "src".to_owned() } else { format!("{folder}/src") };
            if manifest.package.is_none() {
                continue;
            }
            for name in [manifest.package, manifest.lib].into_iter().flatten().filter_map(|named| named.name) {
                crates.roots.insert(name.replace('-', "_"), root.clone());
            }
            crates.folders.insert(folder);
        }
        for file in files.iter().filter(|file| paths::extension(file) == "rs") {
            let place = crates.found_place(file);
            crates.files.entry(place.key()).or_default().push(file.clone());
            crates.places.insert(file.clone(), place);
        }
        crates
    }

    /// The module that a file is.
    pub(in super::super) fn place(&self, file: &str) -> Place {
        self.places.get(file).cloned().unwrap_or_else(|| self.found_place(file))
    }

    fn found_place(&self, file: &str) -> Place {
        let root = self.root(file);
        let inside = file.strip_prefix(&root).unwrap_or(file).trim_start_matches('/');
        let mut names: Vec<String> = paths::stem(inside).split('/').map(str::to_owned).collect();
        let last = names.last().map_or("", String::as_str);
        if last == "mod" || names.len() == 1 && matches!(last, "lib" | "main") {
            names.pop();
        }
        if names.first().is_some_and(|first| first == "bin") && names.len() > 1 {
            let rest = names.split_off(2);
            let is_main = rest.len() == 1 && rest.first().is_some_and(|name| name == "main");
            return Place {
                root: format!("{root}/{}", names.join("/")),
                names: if is_main { Vec::new() } else { rest },
            };
        }
        Place { root, names }
    }

    fn root(&self, file: &str) -> String {
        let mut folder = paths::folder(file);
        loop {
            if self.folders.contains(folder) {
                let source = if folder.is_empty() { "src".to_owned() } else { format!("{folder}/src") };
                if file.starts_with(&format!("{source}/")) {
                    return source;
                }
                break;
            }
            if folder.is_empty() {
                break;
            }
            folder = paths::folder(folder);
        }
        let parts: Vec<&str> = paths::folder(file).split('/').collect();
        let source = parts.iter().position(|part| *part == "src");
        parts.get(..=source.unwrap_or(parts.len())).unwrap_or(&parts).join("/")
    }

    /// The root of the crate with this name.
    pub(in super::super) fn named(&self, name: &str) -> Option<&str> {
        self.roots.get(name).map(String::as_str)
    }

    /// The files of the modules that a path in a file may name.
    pub(in super::super) fn files_of(&self, file: &str, path: &str) -> Vec<String> {
        let own = self.place(file);
        let mut names = path.split("::").peekable();
        let mut starts = Vec::new();
        match names.peek().copied() {
            Some("crate") => {
                names.next();
                starts.push(Place { root: own.root, names: Vec::new() });
            }
            Some("self") => {
                names.next();
                starts.push(own);
            }
            Some("super") => {
                let mut place = own;
                while names.next_if_eq(&"super").is_some() {
                    place.names.pop();
                }
                starts.push(place);
            }
            Some(first) => {
                if let Some(root) = self.named(first) {
                    names.next();
                    starts.push(Place { root: root.to_owned(), names: Vec::new() });
                } else {
                    starts.push(Place { root: own.root.clone(), names: Vec::new() });
                    starts.push(own);
                }
            }
            None => {}
        }
        // A name without a start may be a crate from elsewhere.
        let is_sure = starts.len() == 1;
        let rest: Vec<&str> = names.collect();
        let mut found = Vec::new();
        for mut place in starts {
            if is_sure {
                found.extend(self.files.get(&place.key()).into_iter().flatten().cloned());
            }
            for name in &rest {
                place.names.push((*name).to_owned());
                let Some(files) = self.files.get(&place.key()) else { break };
                found.extend(files.iter().cloned());
            }
        }
        found
    }
}

impl Place {
    pub(in super::super) fn key(&self) -> String {
        format!("{}:{}", self.root, self.names.join("::"))
    }
}

/// The paths that the code of a file names: imports, functions and types of other modules. A name that an import gives to a
/// module is replaced by its path, and a name that may come from a glob is looked for there.
pub(in super::super) fn named_paths(statements: &[Statement]) -> BTreeSet<String> {
    let (mut found, mut locals, mut globs) = (BTreeSet::new(), HashMap::new(), Vec::new());
    imports(statements, &mut |module, name, local| {
        let path = match name {
            Imported::Name(name) if !module.is_empty() => format!("{module}::{name}"),
            Imported::Name(name) => name.clone(),
            Imported::Module | Imported::Everything => module.to_owned(),
        };
        if *name == Imported::Everything {
            globs.push(path.clone());
        } else {
            locals.insert(local.to_owned(), path.clone());
        }
        found.insert(path);
    });
    each_expression(statements, &mut |located| {
        if let Expression::Path(..) = &located.expression {
            let path = source_of(located);
            let (head, rest) = path.split_once("::").unwrap_or((path.as_str(), ""));
            match locals.get(head) {
                Some(full) => drop(found.insert(format!("{full}::{rest}"))),
                None => found.extend(globs.iter().map(|glob| format!("{glob}::{path}"))),
            }
            found.insert(path);
        }
    });
    found
}

fn imports(statements: &[Statement], found: &mut impl FnMut(&str, &Imported, &str)) {
    for statement in statements {
        match statement {
            Statement::Import { module, name, local } => found(module, name, local),
            Statement::Module(module) => imports(&module.body, found),
            Statement::Function(function) => imports(&function.body, found),
            Statement::Implementation(implementation) => {
                implementation.functions.iter().for_each(|function| imports(&function.body, found));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_module_of_its_place() {
        let manifest = "[package]\nname = \"my-api\"\n".to_owned();
        let files = ["a/src/lib.rs", "a/src/users/mod.rs", "a/src/users/read.rs", "a/src/bin/tool.rs", "x/src/b.rs"];
        let files: Vec<String> = files.map(str::to_owned).to_vec();
        let crates = Crates::new(&files, &[("a/Cargo.toml".to_owned(), manifest)]);
        let keys: Vec<String> = files.iter().map(|file| crates.place(file).key()).collect();
        assert_eq!(keys, ["a/src:", "a/src:users", "a/src:users::read", "a/src/bin/tool:", "x/src:b"]);
        assert_eq!(
            crates.files_of("a/src/users/read.rs", "super::list"),
            ["a/src/users/mod.rs"],
            "a file beside it is not named"
        );
        assert_eq!(
            crates.files_of("x/src/b.rs", "my_api::users::read::one"),
            ["a/src/lib.rs", "a/src/users/mod.rs", "a/src/users/read.rs"]
        );
    }
}
