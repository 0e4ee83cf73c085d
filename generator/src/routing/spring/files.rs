//! The files of Java: which of them declare routes or constants, and the settings of applications.

use std::collections::{BTreeMap, BTreeSet};

use super::super::calls::each_expression;
use super::super::framework;
use super::module_of;
use crate::code::{Expression, Language, Statement};
use crate::paths;

/// Texts of which a file that declares routes has one, beside an annotation of a framework.
const MARKERS: [&str; 3] = ["RouterFunction", "Controller", "@Path("];
/// The settings that put a path before all others.
const BASE_SETTINGS: [&str; 6] = [
    "server.servlet.context-path",
    "server.servlet.contextPath",
    "server.context-path",
    "spring.webflux.base-path",
    "spring.mvc.servlet.path",
    "quarkus.http.root-path",
];

/// The files of Java by their names, and the paths that settings put before all others.
#[derive(Default)]
pub(in super::super) struct JavaFiles {
    by_name: BTreeMap<String, Vec<String>>,
    bases: BTreeMap<String, String>,
}

/// Whether a file may declare routes.
pub(in super::super) fn is_candidate(text: &str) -> bool {
    MARKERS.iter().any(|marker| text.contains(marker))
        || text.contains("Mapping(") && framework::packages(Language::Java).any(|own| text.contains(own))
}

/// Whether a file that another one names is read: it may have constants or annotations of methods.
pub(in super::super) fn is_needed(text: &str) -> bool {
    text.contains("String") || is_candidate(text)
}

/// The names of types that the annotations and the head of classes name.
pub(in super::super) fn specifiers(statements: &[Statement]) -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut add = |expression: &Expression| {
        if let Expression::Name(name) = expression
            && name.starts_with(|c: char| c.is_ascii_uppercase())
        {
            names.insert(name.clone());
        }
    };
    for statement in statements {
        let Statement::Class(class) = statement else { continue };
        class.parents.iter().for_each(|parent| add(&parent.expression));
        let values = class.fields.iter().filter_map(|field| field.value.as_ref());
        let methods = class.methods.iter().flat_map(|(_, method)| &method.decorators);
        for value in class.decorators.iter().chain(methods).chain(values) {
            let own = [Statement::Expression(value.clone())];
            each_expression(&own, &mut |located| {
                if let Expression::Member(object, _) = &located.expression {
                    add(&object.expression);
                }
            });
        }
    }
    // A constant may be imported by its name alone.
    for statement in statements {
        if let Statement::Import { module, .. } = statement {
            let mut parts = module.rsplit('.');
            let is_constant = parts.next().is_some_and(|last| last.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
            names.extend(parts.next().filter(|_| is_constant).map(str::to_owned));
        }
    }
    names.into_iter().collect()
}

impl JavaFiles {
    pub(in super::super) fn new(files: &[String], settings: &[(String, String)]) -> Self {
        let mut java = Self::default();
        for path in files.iter().filter(|path| paths::extension(path) == "java" && !paths::is_test(path)) {
            java.by_name.entry(paths::stem(paths::name(path)).to_owned()).or_default().push(path.clone());
        }
        for (path, text) in settings {
            if let Some(base) = base_path(path, text) {
                java.bases.insert(module_of(path).to_owned(), base);
            }
        }
        java
    }

    /// The files of a type. Of several, those in the same module.
    pub(in super::super) fn files_of(&self, from: &str, name: &str) -> Vec<String> {
        let all = self.by_name.get(name).cloned().unwrap_or_default();
        let module = module_of(from);
        let own: Vec<String> = all.iter().filter(|path| module_of(path) == module).cloned().collect();
        if own.is_empty() { all } else { own }
    }

    /// The path that the settings of the application of a file put before all others.
    pub(super) fn base_path(&self, path: &str) -> Option<&str> {
        self.bases.get(module_of(path)).map(String::as_str)
    }
}

/// Whether a file has the settings of an application.
pub(in super::super) fn is_settings(path: &str) -> bool {
    let name = paths::name(path);
    path.contains("src/main/resources/")
        && matches!(name, "application.properties" | "application.yml" | "application.yaml")
}

/// The path in the settings of an application, in either of their two forms.
fn base_path(path: &str, text: &str) -> Option<String> {
    is_settings(path).then_some(())?;
    let mut keys: Vec<(usize, &str)> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let is_yaml = paths::extension(path) != "properties";
        let Some((key, value)) = trimmed.split_once(if is_yaml { ':' } else { '=' }) else { continue };
        keys.retain(|(own, _)| *own < indent);
        keys.push((indent, key.trim()));
        let whole = keys.iter().map(|(_, key)| *key).collect::<Vec<_>>().join(".");
        let whole = if is_yaml { whole } else { key.trim().to_owned() };
        let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        if BASE_SETTINGS.contains(&whole.as_str()) && !value.is_empty() {
            return Some(value.to_owned());
        }
    }
    None
}
