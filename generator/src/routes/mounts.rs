//! Resolves the full path of each route: adds the prefixes of the routers above it, across files.
//!
//! A router that is not mounted anywhere counts as a root router, without a prefix. If a router is mounted twice, its
//! routes are listed twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::model::{Facts, Mount, Reference, joined};
use crate::paths;

/// The maximum depth of nested routers.
const MAX_DEPTH: usize = 6;
/// The maximum number of prefixes of one route.
const MAX_PREFIXES: usize = 3;

/// A route with its full path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ResolvedRoute {
    pub(super) path: String,
    pub(super) method: String,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) handler: String,
}

/// A router: the index of its file and its name there. Without a name, it stands for the whole file.
type Router = (usize, Option<String>);

/// The routes of all files with their full paths, sorted.
pub(super) fn resolve(files: &[(String, Facts)]) -> Vec<ResolvedRoute> {
    let index_of_routers = RouterIndex::of(files);
    let mut resolved = BTreeSet::new();
    for (index, (file, facts)) in files.iter().enumerate() {
        for route in &facts.routes {
            for prefix in index_of_routers.prefixes(index, &route.owners, &mut Vec::new()) {
                resolved.insert(ResolvedRoute {
                    path: joined(&prefix, &route.path),
                    method: route.method.clone(),
                    file: file.clone(),
                    line: route.line,
                    handler: route.handler.clone(),
                });
            }
        }
    }
    resolved.into_iter().collect()
}

struct RouterIndex<'a> {
    files: &'a [(String, Facts)],
    /// The files by the last part of their module name.
    modules: HashMap<String, Vec<usize>>,
    /// The mounts of each router, with the index of their file.
    mounted: BTreeMap<Router, Vec<(usize, &'a Mount)>>,
}

/// The path parts of a file as a module name: without the extension, and without a file name that stands for its
/// folder, such as `mod` or `index`.
fn module_path(file: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = paths::stem(file).split('/').collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| matches!(*last, "mod" | "index" | "__init__" | "lib")) {
        parts.pop();
    }
    parts
}

impl<'a> RouterIndex<'a> {
    fn of(files: &'a [(String, Facts)]) -> Self {
        let mut modules: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, (file, _)) in files.iter().enumerate() {
            // In Go, the package is the folder.
            let is_package = paths::extension(file) == "go";
            let own = module_path(file).last().copied().unwrap_or_default();
            let name = if is_package { paths::name(paths::folder(file)) } else { own };
            modules.entry(name.to_owned()).or_default().push(index);
        }
        let mut router_index = Self { files, modules, mounted: BTreeMap::new() };
        for (index, (_, facts)) in files.iter().enumerate() {
            for mount in &facts.mounts {
                if let Some(router) = router_index.resolve(index, &mount.child) {
                    router_index.mounted.entry(router).or_default().push((index, mount));
                }
            }
        }
        router_index
    }

    /// The prefixes of the router with these names. A root router has one empty prefix.
    fn prefixes(&self, file: usize, names: &[String], seen: &mut Vec<Router>) -> BTreeSet<String> {
        let Some((_, facts)) = self.files.get(file) else { return BTreeSet::new() };
        let own = names.iter().find_map(|name| facts.own_prefixes.get(name)).map_or("", String::as_str);
        let candidates = names.iter().map(|name| (file, Some(name.clone()))).chain([(file, None)]);
        for router in candidates {
            let Some(mounts) = self.mounted.get(&router).filter(|_| !seen.contains(&router) && seen.len() < MAX_DEPTH)
            else {
                continue;
            };
            seen.push(router);
            let mut found = BTreeSet::new();
            for (above, mount) in mounts.iter().take(MAX_PREFIXES) {
                let own = if mount.replaces { "" } else { own };
                let below = if own.is_empty() { mount.prefix.clone() } else { joined(&mount.prefix, own) };
                found.extend(
                    self.prefixes(*above, &mount.parents, seen).into_iter().map(|prefix| joined(&prefix, &below)),
                );
            }
            seen.pop();
            return found.into_iter().take(MAX_PREFIXES).collect();
        }
        BTreeSet::from([joined("", own)])
    }

    /// The router that a reference in a file points to.
    fn resolve(&self, file: usize, reference: &Reference) -> Option<Router> {
        let (path, facts) = self.files.get(file)?;
        let name = reference.name.as_deref();
        if reference.module.is_empty() {
            let name = name?;
            if has_router(facts, name) {
                return Some((file, Some(name.to_owned())));
            }
            return match facts.imports.get(name) {
                Some(import) => self.in_module(path, import),
                None => self.in_same_folder(path, name),
            };
        }
        let import = reference.module.first().and_then(|first| facts.imports.get(first));
        let Some(import) = import else { return self.in_module(path, reference) };
        // For `import users` and `users.router`, the import can name the module or a name in it.
        let mut module = import.module.clone();
        module.extend(import.name.clone());
        module.extend(reference.module.iter().skip(1).cloned());
        let whole = Reference { module, name: reference.name.clone() };
        self.in_module(path, &whole).or_else(|| self.in_module(path, import))
    }

    /// The router in the module that the file `from` refers to.
    fn in_module(&self, from: &str, reference: &Reference) -> Option<Router> {
        let by_folder = |file: usize| self.files.get(file).map_or("", |(path, _)| paths::folder(path));
        let parts: Vec<&str> = reference.module.iter().map(String::as_str).collect();
        let last = parts.last()?;
        let candidates = self.modules.get(*last)?;
        let fits = |file: &&usize| self.files.get(**file).is_some_and(|(path, _)| module_fits(from, path, &parts));
        let nearness = |file: &usize| common_folders(from, by_folder(*file));
        let mut fitting: Vec<usize> = candidates.iter().filter(fits).copied().collect();
        fitting.sort_by_key(|file| (std::cmp::Reverse(nearness(file)), *file));
        let name = reference.name.as_ref();
        let named = fitting.iter().find(|file| {
            name.is_some_and(|name| self.files.get(**file).is_some_and(|(_, facts)| has_router(facts, name)))
        });
        match (named, fitting.first()) {
            (Some(file), _) => Some((*file, name.cloned())),
            (None, Some(file)) => Some((*file, None)),
            (None, None) => None,
        }
    }

    /// A router of another file in the same folder. The files of a Go package share their names.
    fn in_same_folder(&self, from: &str, name: &str) -> Option<Router> {
        let files = self.files.iter().enumerate();
        let mut same = files.filter(|(_, (path, _))| paths::folder(path) == paths::folder(from) && path != from);
        same.find(|(_, (_, facts))| has_router(facts, name)).map(|(index, _)| (index, Some(name.to_owned())))
    }
}

/// Whether a file has a router of this name.
fn has_router(facts: &Facts, name: &str) -> bool {
    facts.own_prefixes.contains_key(name)
        || facts.routes.iter().any(|route| route.owners.iter().any(|owner| owner == name))
        || facts.mounts.iter().any(|mount| mount.parents.iter().any(|parent| parent == name))
        || facts.mounts.iter().any(|mount| mount.child.module.is_empty() && mount.child.name.as_deref() == Some(name))
            && name.contains('/')
}

/// Whether a module name in the file `from` can refer to the file `path`.
fn module_fits(from: &str, path: &str, parts: &[&str]) -> bool {
    if from == path {
        return false;
    }
    let module = module_path(path);
    let module = if paths::extension(path) == "go" {
        module.split_last().map_or(&[][..], |(_, folder)| folder)
    } else {
        &module[..]
    };
    if parts.first() != Some(&".") && parts.first() != Some(&"..") {
        let own: Vec<&str> =
            parts.iter().copied().skip_while(|part| matches!(*part, "crate" | "self" | "super" | "@" | "~")).collect();
        return own.iter().rev().zip(module.iter().rev()).all(|(a, b)| a == b) && own.len() <= module.len() + 1;
    }
    let mut absolute: Vec<&str> = paths::folder(from).split('/').filter(|part| !part.is_empty()).collect();
    for part in parts {
        match *part {
            "." => {}
            ".." => drop(absolute.pop()),
            part => absolute.push(part),
        }
    }
    absolute == module
}

/// The number of leading folders that two paths have in common.
fn common_folders(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b).count()
}
