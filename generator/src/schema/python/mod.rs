//! Tables that Python code declares: models of Django, `SQLAlchemy` and `SQLModel`, and migrations of Django and Alembic.

mod alembic;
mod django;
mod django_migrations;
mod sqlalchemy;
mod syntax;

use std::collections::BTreeMap;

use self::syntax::{Class, last_name};
pub(super) use self::syntax::{Module, module};
use super::NamedSchema;

/// Words of which a file has at least one if it declares tables.
const WORDS: [&str; 9] = [
    "models.",
    "Column(",
    "mapped_column(",
    "Mapped[",
    "SQLModel",
    "down_revision",
    "AppConfig",
    "migrations.",
    "Model)",
];

/// The files of the repository that may declare tables, by their paths.
pub(super) type Modules = BTreeMap<String, Module>;

/// Reads a file if it may declare tables.
pub(super) fn read(text: &str) -> Option<Module> {
    let is_wanted = WORDS.iter().any(|word| text.contains(word));
    is_wanted.then(|| Module { uses_django: text.contains("django"), ..module(text) })
}

/// The schemas that the files declare.
pub(super) fn schemas(modules: &Modules) -> Vec<NamedSchema> {
    let classes = Classes::of(modules);
    let mut found = Vec::new();
    let apps = django::schemas(&classes, &mut found);
    found.extend(django_migrations::schemas(modules, &apps));
    found.extend(sqlalchemy::schema(&classes, modules));
    found.extend(alembic::schemas(modules));
    found
}

/// All classes of the repository.
struct Classes<'a> {
    by_name: BTreeMap<&'a str, Vec<Place<'a>>>,
    all: Vec<Place<'a>>,
}

/// Whether a file is a migration of Alembic or Django.
fn is_migration(path: &str, module: &Module) -> bool {
    module.assignments.iter().any(|member| member.name == "down_revision") || path.contains("/migrations/")
}

/// A class and its file.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a str,
    uses_django: bool,
    class: &'a Class,
}

impl<'a> Classes<'a> {
    fn of(modules: &'a Modules) -> Self {
        // Classes in a migration are copies of older models.
        let code = modules.iter().filter(|(path, module)| !is_migration(path, module));
        let places = code.flat_map(|(path, module)| {
            module.classes.iter().map(move |class| Place { path, uses_django: module.uses_django, class })
        });
        let all: Vec<Place<'a>> = places.collect();
        let mut by_name: BTreeMap<&str, Vec<Place<'a>>> = BTreeMap::new();
        for place in &all {
            by_name.entry(&place.class.name).or_default().push(*place);
        }
        Self { by_name, all }
    }

    /// The class that a base of `place` names: one of the same file, else the one whose path shares the most folders.
    fn base(&self, place: Place<'a>, base: &str) -> Option<Place<'a>> {
        let candidates =
            self.by_name.get(last_name(base))?.iter().filter(|other| !std::ptr::eq(other.class, place.class));
        let shared = |other: &&Place<'a>| {
            if other.path == place.path {
                return usize::MAX;
            }
            let folders = other.path.split('/').zip(place.path.split('/'));
            folders.take_while(|(a, b)| a == b).count()
        };
        // The first of several that are equally near.
        candidates.copied().rev().max_by_key(|other| shared(&other))
    }

    /// The classes that a class inherits from, directly or not, each once. A class comes before those that it inherits from.
    fn ancestors(&self, place: Place<'a>) -> Vec<Place<'a>> {
        let mut found = vec![place];
        self.add_ancestors(place, &mut found);
        found.remove(0);
        found
    }

    fn add_ancestors(&self, place: Place<'a>, found: &mut Vec<Place<'a>>) {
        for base in &place.class.bases {
            let Some(base) = self.base(place, base) else { continue };
            if !found.iter().any(|known| std::ptr::eq(known.class, base.class)) {
                found.push(base);
                self.add_ancestors(base, found);
            }
        }
    }

    /// Whether a class, or one that it inherits from, names a base that `is_wanted` accepts.
    fn inherits(&self, place: Place<'a>, is_wanted: impl Fn(Place<'a>, &str) -> bool) -> bool {
        let ancestors = self.ancestors(place);
        let all = std::iter::once(&place).chain(&ancestors);
        all.into_iter().any(|class| class.class.bases.iter().any(|base| is_wanted(*class, base)))
    }
}
