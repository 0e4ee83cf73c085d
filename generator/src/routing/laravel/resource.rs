//! Resources of Laravel, with the routes that their actions have.

use std::collections::BTreeMap;

use super::super::evaluate::{Arguments, Place};
use super::super::program::Program;
use super::super::router::RouterId;
use super::super::text::Text;
use super::super::value::Value;
use super::super::words::singular;
use super::{Chain, laravel_handler};

/// The actions of resources with their methods, and whether their paths name one resource.
const ACTIONS: [(&str, &[&str], bool); 7] = [
    ("index", &["GET"], false),
    ("create", &["GET"], false),
    ("store", &["POST"], false),
    ("show", &["GET"], true),
    ("edit", &["GET"], true),
    ("update", &["PUT", "PATCH"], true),
    ("destroy", &["DELETE"], true),
];

/// Resources while a chain of calls describes them.
pub(super) struct Resource {
    /// The path of the group.
    base: Text,
    name: String,
    controller: String,
    is_single: bool,
    is_shallow: bool,
    actions: Vec<&'static str>,
    parameters: BTreeMap<String, String>,
    place: Place,
}

impl Resource {
    /// Changes the resources by the next call of the chain. Returns whether the routes are others now.
    pub(super) fn change(&mut self, name: &str, arguments: &Arguments<'_>) -> bool {
        let named: Vec<String> = arguments.values.iter().flat_map(Value::texts).map(|text| text.to_string()).collect();
        let has = |action: &str| named.iter().any(|own| own == action);
        match name {
            "only" => self.actions.retain(|action| has(action)),
            "except" => self.actions.retain(|action| !has(action)),
            "parameters" => self.add_parameters(&arguments.get(0)),
            "parameter" => {
                if let [name, parameter] = named.as_slice() {
                    self.parameters.insert(name.clone(), parameter.clone());
                }
            }
            "shallow" => self.is_shallow = true,
            "creatable" => self.actions.extend(["create", "store", "destroy"]),
            "destroyable" => self.actions.push("destroy"),
            _ => return false,
        }
        true
    }

    fn set_options(&mut self, options: &Value) {
        let names = |field: &str| options.field(field).map(|names| names.texts());
        let has = |names: &[Text], action: &str| names.iter().any(|name| name.as_literal() == Some(action));
        if let Some(only) = names("only") {
            self.actions.retain(|action| has(&only, action));
        }
        if let Some(except) = names("except") {
            self.actions.retain(|action| !has(&except, action));
        }
        if let Some(parameters) = options.field("parameters") {
            self.add_parameters(&parameters);
        }
        self.is_shallow |= options.field("shallow").is_some();
    }

    fn add_parameters(&mut self, parameters: &Value) {
        let fields = Program::fields(parameters).into_iter();
        self.parameters.extend(fields.filter_map(|(name, value)| Some((name, value.as_literal()?.to_owned()))));
    }

    /// `{photo}` of `photos`.
    fn parameter(&self, segment: &str) -> Text {
        let own = self.parameters.get(segment).cloned();
        let name = own.unwrap_or_else(|| singular(&segment.replace('-', "_")));
        Text::literal(&format!("{{{name}}}"))
    }

    /// The paths of all resources and of one. `photos.comments` is nested in a photo.
    fn paths(&self) -> (Text, Text) {
        let (prefix, name) = self.name.trim_matches('/').rsplit_once('/').unwrap_or(("", self.name.trim_matches('/')));
        let base = self.base.joined(&Text::literal(prefix), false);
        let segments: Vec<&str> = name.split('.').collect();
        let Some((last, outer)) = segments.split_last() else { return (base.clone(), base) };
        let mut all = base.clone();
        for segment in outer {
            all = all.joined(&Text::literal(segment), false).joined(&self.parameter(segment), false);
        }
        all = all.joined(&Text::literal(last), false);
        if self.is_single {
            return (all.clone(), all);
        }
        let before = if self.is_shallow { base.joined(&Text::literal(last), false) } else { all.clone() };
        (all, before.joined(&self.parameter(last), false))
    }
}

impl Program<'_> {
    /// `resource('photos', PhotoController::class)`, `resources(['photos' => PhotoController::class])`
    pub(super) fn laravel_resources(
        &mut self,
        kind: &str,
        base: &Text,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Value {
        let is_single = kind.ends_with("ingleton");
        let is_api = kind.starts_with("api");
        let fields = Self::fields(&arguments.get(0));
        let names: Vec<String> = if fields.is_empty() {
            arguments.get(0).as_text().map(ToString::to_string).into_iter().collect()
        } else {
            fields.keys().cloned().collect()
        };
        let options = arguments.get(if fields.is_empty() { 2 } else { 1 });
        let mut made = Value::Unknown;
        for name in names {
            let is_default = |action: &str| match action {
                "create" | "edit" if is_api => false,
                "show" | "edit" | "update" => true,
                _ => !is_single,
            };
            let actions = ACTIONS.iter().map(|(action, ..)| *action).filter(|action| is_default(action)).collect();
            let mut resource = Resource {
                base: base.clone(),
                name,
                controller: if fields.is_empty() { laravel_handler(arguments, 1) } else { String::new() },
                is_single,
                is_shallow: false,
                actions,
                parameters: BTreeMap::new(),
                place,
            };
            resource.set_options(&options);
            let router = self.laravel_router_alone();
            self.laravel.chains.insert(router, Chain::Resource(resource));
            self.add_resource(router);
            made = Value::Resource(router, Text::default());
        }
        made
    }

    /// Adds the routes of a resource, in the place of those that it had.
    pub(super) fn add_resource(&mut self, router: RouterId) {
        let Some(Chain::Resource(resource)) = self.laravel.chains.get(&router) else { return };
        let (all, one) = resource.paths();
        let mut rows = Vec::new();
        for (action, methods, is_of_one) in ACTIONS.iter().filter(|(action, ..)| resource.actions.contains(action)) {
            let base = if *is_of_one { &one } else { &all };
            let is_page = matches!(*action, "create" | "edit");
            let path = if is_page { base.joined(&Text::literal(action), false) } else { base.clone() };
            let handler = format!("{}@{action}", resource.controller);
            rows.extend(methods.iter().map(|method| (*method, path.clone(), handler.clone())));
        }
        let place = resource.place;
        if let Some(own) = self.routers.get_mut(router) {
            own.routes.clear();
        }
        for (method, path, handler) in rows {
            self.add_route(router, method, path, &handler, place);
        }
    }
}
