//! What the annotations of Java mean: the routes of Spring, Micronaut and JAX-RS.

mod constants;
mod files;
mod functional;

use std::collections::HashMap;
use std::rc::Rc;

use self::constants::Constants;
pub(super) use self::files::{JavaFiles, is_candidate, is_needed, is_settings, specifiers};
use super::framework::{self, Framework, Operation};
use super::program::Program;
use super::router::RouterId;
use super::text::Text;
use super::value::ClassValue;
use crate::code::{Call, Class, Expression, Function, INTERFACE, Language, Located, Statement};
use crate::paths;

/// The maximum number of classes and interfaces above a class.
const MAX_PARENTS: usize = 24;

/// The classes of a repository by their names.
type Classes = HashMap<String, Vec<Rc<ClassValue>>>;

impl Program<'_> {
    /// Adds the routes that the methods of controllers have by their annotations.
    pub(super) fn add_java_routes(&mut self) {
        let is_java = |class: &&Rc<ClassValue>| self.language(class.scope.file) == Language::Java;
        let all: Vec<Rc<ClassValue>> = self.classes().iter().filter(is_java).cloned().collect();
        let mut classes = Classes::new();
        for class in &all {
            classes.entry(class.class.name.clone().unwrap_or_default()).or_default().push(class.clone());
        }
        for class in &all {
            let framework = self.java_framework(class.scope.file);
            let Some(table) = framework::all().get(framework) else { continue };
            if is_controller(&class.class, table) {
                let prefix = self.java_base(class.scope.file);
                let router = self.new_router(framework, prefix);
                self.add_controller(router, table, class, &classes);
            }
            self.add_functional(framework, class, &classes);
        }
    }

    /// The framework whose annotations a file imports.
    fn java_framework(&self, file: usize) -> usize {
        let statements = self.files.get(file).map(|file| file.statements.as_slice()).unwrap_or_default();
        let mut imports = statements.iter().filter_map(|statement| match statement {
            Statement::Import { module, .. } => Some(module.as_str()),
            _ => None,
        });
        let own = |module: &str| {
            framework::all().iter().position(|framework| {
                framework.language == Language::Java
                    && framework.packages.iter().any(|own| module.starts_with(own.as_str()))
            })
        };
        imports.find_map(own).unwrap_or_else(|| framework::position_of("spring"))
    }

    /// The path that the settings of the application put before all paths.
    fn java_base(&self, file: usize) -> Text {
        let base = self.modules.java.base_path(self.path_of(file));
        base.map(|base| constants::with_placeholders(&Text::literal(base))).unwrap_or_default()
    }

    fn add_controller(&mut self, router: RouterId, table: &Framework, class: &Rc<ClassValue>, classes: &Classes) {
        let lineage = lineage(class, classes);
        let constants = Constants { classes };
        let own = lineage.iter().find_map(|class| {
            let mut mapping = class.class.decorators.iter().filter_map(annotation);
            mapping.find(|call| is_mapping(table, name_of(call))).map(|call| constants.paths(call, class))
        });
        let prefixes = own.filter(|paths| !paths.is_empty()).unwrap_or_else(|| vec![Text::default()]);
        let mut seen: Vec<String> = Vec::new();
        for owner in &lineage {
            for (name, method) in &owner.class.methods {
                let key = format!("{name}/{}", method.parameters.len());
                if seen.contains(&key) {
                    continue;
                }
                let mapping = mapping_of(table, method);
                if mapping.is_empty() {
                    continue;
                }
                seen.push(key);
                for prefix in &prefixes {
                    self.add_mapping(router, table, &mapping, prefix, (owner, method), &constants);
                }
            }
        }
    }

    /// The routes of one method. In JAX-RS, the method and the path are annotations of their own.
    fn add_mapping(
        &mut self,
        router: RouterId,
        table: &Framework,
        mapping: &[&Call],
        prefix: &Text,
        (owner, method): (&Rc<ClassValue>, &Function),
        constants: &Constants<'_>,
    ) {
        let (mut verbs, mut paths) = (Vec::new(), Vec::new());
        for call in mapping {
            match table.operation(name_of(call)) {
                Some(Operation::OwnVerb) => {
                    verbs.push(name_of(call).trim_end_matches("Mapping").to_uppercase());
                    paths.extend(constants.paths(call, owner));
                }
                Some(Operation::OwnMethods) => {
                    verbs.extend(Constants::methods(call));
                    paths.extend(constants.paths(call, owner));
                }
                _ => paths.extend(constants.paths(call, owner)),
            }
        }
        if verbs.is_empty() {
            verbs.push(framework::ANY.to_owned());
        }
        if paths.is_empty() {
            paths.push(Text::default());
        }
        let class = owner.class.name.clone().unwrap_or_default();
        let handler = format!("{class}.{}", method.name.clone().unwrap_or_default());
        let line = mapping.first().map_or(0, |call| call.callee.line);
        for path in &paths {
            for verb in &verbs {
                let path = prefix.joined(path, false);
                self.add_class_route(router, verb, path, &handler, owner.scope.file, line);
            }
        }
    }
}

/// The annotations of a method that make it a route. A path alone names a resource of JAX-RS, which is no route.
fn mapping_of<'c>(table: &Framework, method: &'c Function) -> Vec<&'c Call> {
    let calls: Vec<&Call> = method.decorators.iter().filter_map(annotation).collect();
    let mapping: Vec<&Call> = calls.into_iter().filter(|call| is_mapping(table, name_of(call))).collect();
    let is_route = |call: &&Call| table.operation(name_of(call)) != Some(Operation::OwnPrefix);
    if mapping.iter().any(is_route) { mapping } else { Vec::new() }
}

fn is_mapping(table: &Framework, name: &str) -> bool {
    table.operation(name).is_some()
}

/// Whether a class serves routes. An interface does not, and neither does a client.
fn is_controller(class: &Class, table: &Framework) -> bool {
    let names: Vec<&str> = class.decorators.iter().filter_map(annotation).map(name_of).collect();
    let is_interface = class
        .decorators
        .iter()
        .any(|decorator| matches!(&decorator.expression, Expression::Name(name) if name == INTERFACE));
    let is_client = names.iter().any(|name| table.has_type(name));
    let is_named = names.iter().any(|name| table.is_router_type(name) || is_mapping(table, name));
    !is_interface && !is_client && is_named
}

/// A class, and the classes and interfaces above it.
fn lineage(class: &Rc<ClassValue>, classes: &Classes) -> Vec<Rc<ClassValue>> {
    let mut lineage: Vec<Rc<ClassValue>> = Vec::new();
    let mut waiting = vec![class.clone()];
    while let Some(class) = waiting.pop().filter(|_| lineage.len() < MAX_PARENTS) {
        for parent in class.class.parents.iter().rev() {
            let Expression::Name(name) = &parent.expression else { continue };
            waiting.extend(named(classes, name, class.scope.file).cloned());
        }
        lineage.push(class);
    }
    lineage
}

/// The class with a name. Of several, the one in the same file.
fn named<'c>(classes: &'c Classes, name: &str, file: usize) -> Option<&'c Rc<ClassValue>> {
    let all = classes.get(name)?;
    all.iter().find(|class| class.scope.file == file).or_else(|| all.first())
}

/// An annotation is a call.
fn annotation(decorator: &Located) -> Option<&Call> {
    if let Expression::Call(call) = &decorator.expression { Some(call) } else { None }
}

fn name_of(call: &Call) -> &str {
    if let Expression::Name(name) = &call.callee.expression { name } else { "" }
}

/// The folder of the module of a file: what is before `src/main`.
fn module_of(path: &str) -> &str {
    path.split_once("src/main/").map_or_else(|| paths::folder(path), |(module, _)| module)
}
