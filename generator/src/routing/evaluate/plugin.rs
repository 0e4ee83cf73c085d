//! Plugins: functions that get a router, such as those of Fastify, and folders of them.

use super::super::program::Program;
use super::super::router::RouterId;
use super::super::text::Text;
use super::super::value::Value;
use super::call::Arguments;
use crate::paths;

/// The maximum number of files of a folder of plugins.
const MAX_FILES: usize = 2_000;

impl Program<'_> {
    /// `register(plugin, { prefix })`
    pub(super) fn plugin(&mut self, router: RouterId, arguments: &Arguments<'_>) {
        let options = arguments.get(1);
        let prefix = options.field("prefix").and_then(|prefix| prefix.as_text().cloned()).unwrap_or_default();
        match arguments.get(0) {
            Value::Package(package) if package.package == "@fastify/autoload" => {
                self.load_folder(router, &options, &prefix);
            }
            plugin => self.use_plugin(router, &plugin, &prefix, options),
        }
    }

    fn use_plugin(&mut self, router: RouterId, plugin: &Value, prefix: &Text, options: Value) {
        let plugin = plugin.field("default").unwrap_or_else(|| plugin.clone());
        match plugin {
            Value::Function(closure) => {
                let scope = self.below(router, prefix);
                let made = self.call_closure(
                    &closure,
                    vec![Value::Router(scope), options, Value::Unknown],
                    closure.this.clone(),
                );
                if let Value::Router(made) = made
                    && made != scope
                {
                    self.routers.mount(scope, Text::default(), made);
                }
            }
            Value::Router(child) => self.routers.mount(router, prefix.clone(), child),
            _ => {}
        }
    }

    /// `register(autoload, { dir, routeParams })`: each file below the folder is a plugin, below the path of its folder.
    fn load_folder(&mut self, router: RouterId, options: &Value, prefix: &Text) {
        let Some(folder) =
            options.field("dir").and_then(|dir| dir.as_text().and_then(Text::as_folder).map(str::to_owned))
        else {
            return;
        };
        let inside = format!("{folder}/");
        let files = self.files.iter().enumerate().filter(|(_, file)| file.path.starts_with(&inside));
        let files: Vec<(usize, String)> =
            files.map(|(index, file)| (index, file.path.clone())).take(MAX_FILES).collect();
        for (index, path) in files {
            if paths::stem(paths::name(&path)).to_lowercase().trim_start_matches('.') == "autohooks" {
                continue;
            }
            let module = self.module(index);
            let replaced = module.replaced.borrow().clone();
            let exports = Value::Record(module.exports.clone());
            let own = exports.field("autoPrefix").and_then(|own| own.as_text().cloned());
            let relative = paths::folder(path.strip_prefix(&inside).unwrap_or_default()).to_owned();
            let path = own.unwrap_or_else(|| Text::literal(&folder_path(&relative)));
            let plugin = replaced.unwrap_or(exports);
            self.use_plugin(router, &plugin, &prefix.joined(&path, false), Value::record());
        }
    }
}

/// The URL path of a folder: `_id` is a parameter.
fn folder_path(folder: &str) -> String {
    let segments = folder.split('/').filter(|segment| !segment.is_empty());
    segments
        .map(|segment| segment.strip_prefix('_').map_or_else(|| format!("/{segment}"), |name| format!("/:{name}")))
        .collect()
}
