//! Finds the file that an import of JavaScript or TypeScript names.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value as Json;

use super::framework;
use super::go::Packages;
use super::spring::JavaFiles;
use crate::paths;

/// The endings that an import may leave out.
const ENDINGS: [&str; 14] = [
    "",
    ".ts",
    ".tsx",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".mts",
    ".cts",
    "/index.ts",
    "/index.tsx",
    "/index.js",
    "/index.mjs",
    "/index.cjs",
];

/// The files of a repository, and the short names that its settings give to some of them.
pub(super) struct Modules {
    files: HashSet<String>,
    /// The folders that contain files of Python.
    python_folders: HashSet<String>,
    /// The names of the files and folders of Python.
    python_names: HashSet<String>,
    pub(super) go: Packages,
    pub(super) java: JavaFiles,
    /// `@/*` of a `tsconfig.json`: the folder of the settings, the text before `*`, and the folders for it.
    aliases: Vec<Alias>,
    /// The packages of the repository: their name and folder, with the files that may be their main one.
    packages: BTreeMap<String, (String, Vec<String>)>,
    /// Whether the dependencies of a package may serve routes, by its folder. A package without dependencies says nothing.
    serves: BTreeMap<String, bool>,
    /// The folders `config` of applications of Rails without pages.
    api_only: HashSet<String>,
}

struct Alias {
    folder: String,
    prefix: String,
    is_exact: bool,
    targets: Vec<String>,
}

/// Whether a file holds settings that name files.
pub(super) fn is_settings(path: &str) -> bool {
    let name = paths::name(path);
    name == "package.json"
        || name == "go.mod"
        || name == "deno.json"
        || (name.starts_with("tsconfig") && paths::extension(name) == "json" || name == "jsconfig.json")
}

/// The modules that a source text names, in any form of import. Text in comments may add one that is not used.
pub(super) fn specifiers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["from ", "require(", "import(", "import ", "from\n"] {
        for (at, _) in text.match_indices(start) {
            let rest = text.get(at + start.len()..).unwrap_or_default().trim_start();
            let Some(quote) = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"' | '`')) else { continue };
            let inside = rest.get(1..).unwrap_or_default();
            if let Some(end) = inside.find([quote, '\n'])
                && let Some(module) = inside.get(..end)
            {
                found.push(module.to_owned());
            }
        }
    }
    found
}

impl Modules {
    pub(super) fn new(files: &[String], settings: &[(String, String)]) -> Self {
        let mut modules = Self {
            files: files.iter().cloned().collect(),
            python_folders: python_folders(files),
            python_names: python_names(files),
            go: Packages::new(files, settings),
            java: JavaFiles::new(files, settings),
            aliases: Vec::new(),
            packages: BTreeMap::new(),
            serves: BTreeMap::new(),
            api_only: HashSet::new(),
        };
        for (path, text) in settings {
            if super::rails::is_api_only(path, text) {
                modules.api_only.insert(paths::folder(path).to_owned());
            }
            let Some(json) = lenient_json(text) else { continue };
            if paths::name(path) == "package.json" {
                modules.add_package(path, &json);
            } else {
                modules.add_aliases(path, &json);
            }
        }
        modules.add_dependencies(settings);
        // The longest folder and prefix are tried first.
        modules.aliases.sort_by_key(|alias| std::cmp::Reverse((alias.folder.len(), alias.prefix.len())));
        modules
    }

    /// Whether a file has this path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// Whether a folder has this path and contains files of Python.
    pub(super) fn has_folder(&self, path: &str) -> bool {
        self.python_folders.contains(path)
    }

    /// Whether a file or folder of Python has this name, so that an import may begin with it.
    pub(super) fn has_python_name(&self, name: &str) -> bool {
        self.python_names.contains(name)
    }

    /// Whether a file of routes belongs to an application of Rails without pages.
    pub(super) fn is_api_only(&self, path: &str) -> bool {
        ancestors(paths::folder(path)).into_iter().any(|folder| self.api_only.contains(folder))
    }

    fn add_package(&mut self, path: &str, json: &Json) {
        let folder = paths::folder(path).to_owned();
        let Some(name) = json.get("name").and_then(Json::as_str) else { return };
        let mut mains: Vec<String> = ["source", "types", "module", "main"]
            .iter()
            .filter_map(|key| json.get(key)?.as_str())
            .map(str::to_owned)
            .collect();
        mains.extend(["src/index", "index", "src/main", "lib/index"].map(str::to_owned));
        self.packages.insert(name.to_owned(), (folder, mains));
    }

    /// Notes which packages depend on a framework, or on a package of the repository that may.
    fn add_dependencies(&mut self, settings: &[(String, String)]) {
        for (path, text) in settings.iter().filter(|(path, _)| paths::name(path) == "package.json") {
            let Some(json) = lenient_json(text) else { continue };
            let fields = ["dependencies", "devDependencies", "peerDependencies"].iter();
            let names: Vec<&String> =
                fields.filter_map(|field| json.get(field)?.as_object()).flat_map(|all| all.keys()).collect();
            if !names.is_empty() {
                let serves = names
                    .iter()
                    .any(|name| framework::of_package(name).is_some() || self.packages.contains_key(name.as_str()));
                self.serves.insert(paths::folder(path).to_owned(), serves);
            }
        }
    }

    /// Whether code at a path may serve routes with a framework, as far as the packages around it say.
    pub(super) fn may_serve(&self, path: &str) -> bool {
        let folders = ancestors(paths::folder(path));
        let known: Vec<bool> = folders.iter().filter_map(|folder| self.serves.get(*folder).copied()).collect();
        known.is_empty() || known.contains(&true)
    }

    fn add_aliases(&mut self, path: &str, json: &Json) {
        let folder = paths::folder(path).to_owned();
        let options = json.get("compilerOptions").unwrap_or(json);
        let base = options.get("baseUrl").and_then(Json::as_str).unwrap_or(".");
        let base = paths::joined(&folder, base);
        let entries = options.get("paths").or_else(|| options.get("imports")).and_then(Json::as_object);
        for (name, targets) in entries.into_iter().flatten() {
            let targets: Vec<&str> = match targets {
                Json::String(target) => vec![target],
                Json::Array(targets) => targets.iter().filter_map(Json::as_str).collect(),
                _ => continue,
            };
            self.aliases.push(Alias {
                folder: folder.clone(),
                prefix: name.trim_end_matches('*').to_owned(),
                is_exact: !name.ends_with('*'),
                targets: targets.iter().map(|target| paths::joined(&base, target.trim_end_matches('*'))).collect(),
            });
        }
        if options.get("baseUrl").is_some() {
            self.aliases.push(Alias { folder, prefix: String::new(), is_exact: false, targets: vec![base] });
        }
    }

    /// The file that `module` names in `from`. `None` if it is a package from elsewhere.
    pub(super) fn resolve(&self, from: &str, module: &str) -> Option<String> {
        let folder = paths::folder(from);
        if module.starts_with('.') {
            return self.file(&paths::joined(folder, module));
        }
        if let Some(found) = self.aliased(folder, module).or_else(|| self.packaged(module)) {
            return Some(found);
        }
        // Frameworks that generate their settings use these names for the top of the application.
        let rest = ["@/", "~/", "~~/", "@@/", "$lib/", "#"].iter().find_map(|start| module.strip_prefix(start))?;
        let above = ancestors(folder);
        above.into_iter().find_map(|folder| {
            ["", "src", "app", "src/lib", "server"]
                .iter()
                .find_map(|part| self.file(&paths::joined(&paths::joined(folder, part), rest)))
        })
    }

    fn aliased(&self, folder: &str, module: &str) -> Option<String> {
        let inside = |alias: &&Alias| {
            alias.folder.is_empty() || folder == alias.folder || folder.starts_with(&format!("{}/", alias.folder))
        };
        self.aliases.iter().filter(inside).find_map(|alias| {
            let rest = module.strip_prefix(&alias.prefix).filter(|rest| !alias.is_exact || rest.is_empty())?;
            alias.targets.iter().find_map(|target| self.file(&paths::joined(target, rest)))
        })
    }

    fn packaged(&self, module: &str) -> Option<String> {
        let (name, rest) = self.packages.keys().rev().find_map(|name| {
            let rest = module.strip_prefix(name.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((name, rest.trim_start_matches('/')))
        })?;
        let (folder, mains) = self.packages.get(name)?;
        if rest.is_empty() {
            return mains.iter().find_map(|main| self.file(&paths::joined(folder, main)));
        }
        ["", "src"].iter().find_map(|part| self.file(&paths::joined(&paths::joined(folder, part), rest)))
    }

    /// The file with this path, with or without its ending. An import of TypeScript may end in `.js`.
    fn file(&self, path: &str) -> Option<String> {
        let with = |base: &str| {
            let candidates = ENDINGS.iter().map(|ending| format!("{base}{ending}"));
            candidates.into_iter().find(|candidate| self.files.contains(candidate))
        };
        with(path).or_else(|| {
            let stem = [".js", ".mjs", ".cjs", ".jsx"].iter().find_map(|ending| path.strip_suffix(ending))?;
            with(stem)
        })
    }
}

fn python_folders(files: &[String]) -> HashSet<String> {
    let files = files.iter().filter(|path| paths::extension(path) == "py");
    files.flat_map(|path| ancestors(paths::folder(path))).map(str::to_owned).collect()
}

fn python_names(files: &[String]) -> HashSet<String> {
    let files = files.iter().filter(|path| paths::extension(path) == "py");
    let names: HashSet<&str> = files.flat_map(|path| paths::stem(path).split('/')).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The folder and all folders above it, the nearest first.
pub(super) fn ancestors(folder: &str) -> Vec<&str> {
    let mut all = vec![folder];
    let mut rest = folder;
    while let Some((above, _)) = rest.rsplit_once('/') {
        all.push(above);
        rest = above;
    }
    if !folder.is_empty() {
        all.push("");
    }
    all
}

/// JSON with comments and commas at the end, as in `tsconfig.json`.
fn lenient_json(text: &str) -> Option<Json> {
    if let Ok(json) = serde_json::from_str(text) {
        return Some(json);
    }
    let mut clean = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '"' => {
                let end = string_end(rest);
                clean.push_str(rest.get(..end)?);
                end
            }
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            ',' if rest.get(1..)?.trim_start().starts_with(['}', ']']) => 1,
            c => {
                clean.push(c);
                c.len_utf8()
            }
        };
        rest = rest.get(skipped..)?;
    }
    serde_json::from_str(&clean).ok()
}

/// The end of the string literal that begins `text`, in bytes.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
