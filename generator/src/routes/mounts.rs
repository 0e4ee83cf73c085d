//! Puts routes below the prefixes of the routers that they hang on, across files.
//!
//! A router that nobody mounts is taken to stand at the top. One that is mounted twice has its
//! routes twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::model::{Facts, Mount, Reference, joined};
use crate::places;

/// Routers in routers.
const DEPTH: usize = 6;
/// Prefixes of one route.
const PREFIXES: usize = 3;

/// A route with its whole path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Placed {
    pub(super) path: String,
    pub(super) method: String,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) handler: String,
}

/// A router: its file, and its name there; without a name, all of the file.
type Router = (usize, Option<String>);

/// The routes of all files with their whole paths, sorted.
pub(super) fn place(files: &[(String, Facts)]) -> Vec<Placed> {
    let map = Map::of(files);
    let mut placed = BTreeSet::new();
    for (index, (file, facts)) in files.iter().enumerate() {
        for route in &facts.routes {
            for prefix in map.prefixes(index, &route.owners, &mut Vec::new()) {
                placed.insert(Placed {
                    path: joined(&prefix, &route.path),
                    method: route.method.clone(),
                    file: file.clone(),
                    line: route.line,
                    handler: route.handler.clone(),
                });
            }
        }
    }
    placed.into_iter().collect()
}

struct Map<'a> {
    files: &'a [(String, Facts)],
    /// Files by the last part of their module's name.
    modules: HashMap<String, Vec<usize>>,
    /// Where each router is mounted: the file and the mount.
    mounted: BTreeMap<Router, Vec<(usize, &'a Mount)>>,
}

/// The path of a file as modules are named: without endings, and without the name that a folder's own file has.
fn module_path(file: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = places::stem(file).split('/').collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| matches!(*last, "mod" | "index" | "__init__" | "lib")) {
        parts.pop();
    }
    parts
}

impl<'a> Map<'a> {
    fn of(files: &'a [(String, Facts)]) -> Self {
        let mut modules: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, (file, _)) in files.iter().enumerate() {
            // A package of Go is its folder.
            let is_package = places::ending(file) == "go";
            let own = module_path(file).last().copied().unwrap_or_default();
            let name = if is_package { places::name(places::folder(file)) } else { own };
            modules.entry(name.to_owned()).or_default().push(index);
        }
        let mut map = Self { files, modules, mounted: BTreeMap::new() };
        for (index, (_, facts)) in files.iter().enumerate() {
            for mount in &facts.mounts {
                if let Some(router) = map.find(index, &mount.child) {
                    map.mounted.entry(router).or_default().push((index, mount));
                }
            }
        }
        map
    }

    /// The prefixes of a router, given its names; one empty prefix for a router at the top.
    fn prefixes(&self, file: usize, names: &[String], seen: &mut Vec<Router>) -> BTreeSet<String> {
        let Some((_, facts)) = self.files.get(file) else { return BTreeSet::new() };
        let own = names.iter().find_map(|name| facts.own.get(name)).map_or("", String::as_str);
        let candidates = names.iter().map(|name| (file, Some(name.clone()))).chain([(file, None)]);
        for router in candidates {
            let Some(mounts) = self.mounted.get(&router).filter(|_| !seen.contains(&router) && seen.len() < DEPTH)
            else {
                continue;
            };
            seen.push(router);
            let mut found = BTreeSet::new();
            for (above, mount) in mounts.iter().take(PREFIXES) {
                let own = if mount.replaces { "" } else { own };
                let below = if own.is_empty() { mount.prefix.clone() } else { joined(&mount.prefix, own) };
                found.extend(
                    self.prefixes(*above, &mount.parents, seen).into_iter().map(|prefix| joined(&prefix, &below)),
                );
            }
            seen.pop();
            return found.into_iter().take(PREFIXES).collect();
        }
        BTreeSet::from([joined(self.application_prefix(file, facts), own)])
    }

    /// The prefix that an application puts before all its routes, where the file belongs to one.
    fn application_prefix(&self, file: usize, facts: &Facts) -> &str {
        let is_part = facts.routes.iter().any(|route| route.owners.iter().any(|owner| owner == super::nest::OWNER));
        let Some((path, _)) = self.files.get(file).filter(|_| is_part) else { return "" };
        let around =
            |above: &str| places::folder(path) == above || path.starts_with(&format!("{above}/")) || above.is_empty();
        let applications = self.files.iter().filter(|(main, _)| around(places::folder(main)));
        applications.filter_map(|(_, facts)| facts.application_prefix.as_deref()).next_back().unwrap_or_default()
    }

    /// The router that a reference in a file means.
    fn find(&self, file: usize, reference: &Reference) -> Option<Router> {
        let (path, facts) = self.files.get(file)?;
        let name = reference.name.as_deref();
        if reference.module.is_empty() {
            let name = name?;
            if knows(facts, name) {
                return Some((file, Some(name.to_owned())));
            }
            return match facts.imports.get(name) {
                Some(import) => self.in_module(path, import),
                None => self.beside(path, name),
            };
        }
        let import = reference.module.first().and_then(|first| facts.imports.get(first));
        let Some(import) = import else { return self.in_module(path, reference) };
        // `import users` and then `users.router`: the import names the module, or what is in it.
        let mut module = import.module.clone();
        module.extend(import.name.clone());
        module.extend(reference.module.iter().skip(1).cloned());
        let whole = Reference { module, name: reference.name.clone() };
        self.in_module(path, &whole).or_else(|| self.in_module(path, import))
    }

    /// The router of a module that is named from a file.
    fn in_module(&self, from: &str, reference: &Reference) -> Option<Router> {
        let by_folder = |file: usize| self.files.get(file).map_or("", |(path, _)| places::folder(path));
        let parts: Vec<&str> = reference.module.iter().map(String::as_str).collect();
        let last = parts.last()?;
        let candidates = self.modules.get(*last)?;
        let fits = |file: &&usize| self.files.get(**file).is_some_and(|(path, _)| module_fits(from, path, &parts));
        let nearness = |file: &usize| shared(from, by_folder(*file));
        let mut fitting: Vec<usize> = candidates.iter().filter(fits).copied().collect();
        fitting.sort_by_key(|file| (std::cmp::Reverse(nearness(file)), *file));
        let name = reference.name.as_ref();
        let named = fitting
            .iter()
            .find(|file| name.is_some_and(|name| self.files.get(**file).is_some_and(|(_, facts)| knows(facts, name))));
        match (named, fitting.first()) {
            (Some(file), _) => Some((*file, name.cloned())),
            (None, Some(file)) => Some((*file, None)),
            (None, None) => None,
        }
    }

    /// A function of another file of the same folder, as packages of Go share their names.
    fn beside(&self, from: &str, name: &str) -> Option<Router> {
        let files = self.files.iter().enumerate();
        let mut same = files.filter(|(_, (path, _))| places::folder(path) == places::folder(from) && path != from);
        same.find(|(_, (_, facts))| knows(facts, name)).map(|(index, _)| (index, Some(name.to_owned())))
    }
}

/// Whether a file has a router of that name.
fn knows(facts: &Facts, name: &str) -> bool {
    facts.own.contains_key(name)
        || facts.routes.iter().any(|route| route.owners.iter().any(|owner| owner == name))
        || facts.mounts.iter().any(|mount| mount.parents.iter().any(|parent| parent == name))
        || facts.mounts.iter().any(|mount| mount.child.module.is_empty() && mount.child.name.as_deref() == Some(name))
            && name.contains('/')
}

/// Whether a module's name, as written in a file, can mean the other file.
fn module_fits(from: &str, path: &str, parts: &[&str]) -> bool {
    if from == path {
        return false;
    }
    let module = module_path(path);
    let module = if places::ending(path) == "go" {
        module.split_last().map_or(&[][..], |(_, folder)| folder)
    } else {
        &module[..]
    };
    if parts.first() != Some(&".") && parts.first() != Some(&"..") {
        let own: Vec<&str> =
            parts.iter().copied().skip_while(|part| matches!(*part, "crate" | "self" | "super" | "@" | "~")).collect();
        return own.iter().rev().zip(module.iter().rev()).all(|(a, b)| a == b) && own.len() <= module.len() + 1;
    }
    let mut absolute: Vec<&str> = places::folder(from).split('/').filter(|part| !part.is_empty()).collect();
    for part in parts {
        match *part {
            "." => {}
            ".." => drop(absolute.pop()),
            part => absolute.push(part),
        }
    }
    absolute == module
}

/// How many folders two paths start with together.
fn shared(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b).count()
}
