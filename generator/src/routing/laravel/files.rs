//! The files of routes: which of them a provider loads, and below which prefix.

use std::rc::Rc;

use super::super::evaluate::{Arguments, Place};
use super::super::program::Program;
use super::super::text::Text;
use super::super::value::{Scope, Value};
use crate::code::{Language, Statement};
use crate::paths;

impl Program<'_> {
    /// Runs the files of PHP: those that load others first, then the files of routes that nothing loaded.
    pub(in super::super) fn run_laravel(&mut self) {
        self.laravel.has_run = true;
        let files: Vec<usize> = (0..self.files.len()).filter(|file| self.language(*file) == Language::Php).collect();
        let is_routes = |path: &str| format!("/{path}").contains("/routes/");
        for file in files.iter().filter(|file| !is_routes(self.path_of(**file))).copied().collect::<Vec<_>>() {
            self.run_php_file(file);
        }
        for file in files {
            if !self.laravel.loaded.contains(&file) {
                // Laravel loads this file below `api`, unless the application says something else.
                let is_api = paths::name(self.path_of(file)) == "api.php" && self.is_laravel_application(file);
                let prefix = if is_api { Text::literal("api") } else { Text::default() };
                self.laravel.groups.push(prefix);
                self.run_php_file(file);
                self.laravel.groups.pop();
            }
        }
    }

    /// Runs the statements of a file, and the methods of its classes.
    fn run_php_file(&mut self, file: usize) {
        self.laravel.loaded.insert(file);
        let files = self.files;
        let Some(source) = files.get(file) else { return };
        let scope = Scope::of_file(file);
        self.block(&source.statements, &scope);
        self.run_methods(&source.statements, &scope);
    }

    fn run_methods(&mut self, statements: &[Statement], scope: &Rc<Scope>) {
        for statement in statements {
            match statement {
                Statement::Class(class) => {
                    for (_, method) in &class.methods {
                        self.block(&method.body, &Scope::inside(scope));
                    }
                }
                Statement::Block(inner) => self.run_methods(inner, scope),
                _ => {}
            }
        }
    }

    fn is_laravel_application(&self, file: usize) -> bool {
        let path = self.path_of(file);
        path.strip_suffix("routes/api.php").is_some_and(|root| self.modules.has(&format!("{root}artisan")))
    }

    /// Runs a file of routes, or several, within the group that runs.
    pub(super) fn load_file(&mut self, path: &Value) {
        for path in path.texts() {
            let file = path.as_folder().map(|path| paths::joined("", path)).and_then(|path| self.file_at(&path));
            if let Some(file) = file.filter(|_| self.laravel.has_run && self.laravel.groups.len() < super::MAX_GROUPS) {
                self.run_php_file(file);
            }
        }
    }

    /// `->withRouting(web: …, api: …, apiPrefix: 'api/v1', health: '/up', then: function () {…})`
    pub(super) fn with_routing(&mut self, arguments: &Arguments<'_>, place: Place) {
        let api = arguments.named(&["apiPrefix"]).and_then(|prefix| prefix.as_text().cloned());
        let api = api.unwrap_or_else(|| Text::literal("api"));
        for (name, prefix) in [("web", Text::default()), ("api", api), ("using", Text::default())] {
            if let Some(files) = arguments.named(&[name]) {
                self.laravel.groups.push(prefix);
                self.load_file(&files);
                self.laravel.groups.pop();
            }
        }
        if let Some(Value::Text(path)) = arguments.named(&["health"]) {
            let router = self.laravel_router();
            self.add_route(router, "GET", Text::default().joined(&path, false), "", place);
        }
        for name in ["then", "using"] {
            if let Some(Value::Function(closure)) = arguments.named(&[name]) {
                self.call_closure(&closure, Vec::new(), closure.this.clone());
            }
        }
    }

    /// `base_path('routes/api.php')` and the like: a path in the application.
    pub(super) fn laravel_folder(&mut self, name: &str, arguments: &Arguments<'_>, scope: &Rc<Scope>) -> Value {
        let part = arguments.get(0);
        if part.as_text().is_some_and(|text| text.as_folder().is_some()) {
            return part;
        }
        let folder = paths::folder(self.path_of(scope.file));
        let above = super::super::modules::ancestors(folder);
        let is_root = |folder: &&str| {
            ["artisan", "composer.json"].iter().any(|name| self.modules.has(&paths::joined(folder, name)))
        };
        let root = above.into_iter().find(is_root).unwrap_or_default();
        let root = if name == "app_path" { paths::joined(root, "app") } else { root.to_owned() };
        let mut path = Text::folder(&root);
        path.push(&Text::literal("/"));
        path.push(part.as_text().unwrap_or(&Text::default()));
        Value::Text(path)
    }
}
