//! Routers of Django REST framework: `register(prefix, viewset)` adds the routes of the viewset's actions.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use super::super::super::framework;
use super::super::super::program::Program;
use super::super::super::router::RouterId;
use super::super::super::text::Text;
use super::super::super::value::{ClassValue, Scope, Value};
use super::super::call::Arguments;
use super::super::operation::Place;
use super::super::source_of;
use super::route::is_method;
use crate::code::{Call, Expression, Function, Located};

/// The actions that every router serves: their name, method, and whether they are about one object.
const ACTIONS: [(&str, &str, bool); 6] = [
    ("list", "GET", false),
    ("create", "POST", false),
    ("retrieve", "GET", true),
    ("update", "PUT", true),
    ("partial_update", "PATCH", true),
    ("destroy", "DELETE", true),
];
/// What the classes of the framework bring.
const MIXINS: [(&str, &[&str]); 5] = [
    ("ListModelMixin", &["list"]),
    ("CreateModelMixin", &["create"]),
    ("RetrieveModelMixin", &["retrieve"]),
    ("UpdateModelMixin", &["update", "partial_update"]),
    ("DestroyModelMixin", &["destroy"]),
];

/// An action of a viewset.
struct Action {
    name: String,
    method: String,
    is_detail: bool,
    /// The path below the viewset or its object.
    path: String,
}

impl Program<'_> {
    pub(super) fn viewset(&mut self, router: RouterId, arguments: &Arguments<'_>, place: Place) {
        let Some(prefix) = Self::text_at(arguments, 0, &["prefix"]) else { return };
        let viewset = arguments.at(1, &["viewset"]);
        let name = Self::source_at(arguments, 1, &["viewset"]);
        let slash = if self.slashless.contains(&router) { "" } else { "/" };
        let Value::Class(class) = viewset else {
            // The methods are not known, but every viewset has these two paths.
            let detail = prefix.joined(&Text::literal("{pk}"), false);
            for mut path in [prefix, detail] {
                path.push(&Text::literal(slash));
                self.add_route(router, framework::ANY, path, &name, place);
            }
            return;
        };
        let lookup = lookup(&class);
        let mut actions = standard_actions(&class);
        actions.extend(self.extra_actions(&class));
        let allowed = texts(&class, "http_method_names");
        for action in actions {
            if !allowed.is_empty() && !allowed.iter().any(|own| own.eq_ignore_ascii_case(&action.method)) {
                continue;
            }
            let mut path = prefix.clone();
            if action.is_detail {
                path = path.joined(&Text::literal(&format!("{{{lookup}}}")), false);
            }
            if !action.path.is_empty() {
                path = path.joined(&Text::literal(&action.path), false);
            }
            path.push(&Text::literal(slash));
            let handler = Self::short(&format!("{name}.{}", action.name));
            self.add_route(router, &action.method, path, &handler, place);
        }
    }

    /// Methods with `@action(detail=…, methods=[…], url_path=…)`, and those with `@name.mapping.delete`.
    fn extra_actions(&mut self, class: &Rc<ClassValue>) -> Vec<Action> {
        let mut actions: Vec<Action> = Vec::new();
        let mut seen = BTreeSet::new();
        for owner in class.lineage() {
            for (name, method) in &owner.class.methods {
                if seen.insert(name.clone()) {
                    self.actions_of(name, method, &owner.scope, &mut actions);
                }
            }
        }
        actions
    }

    fn actions_of(&mut self, name: &str, method: &Arc<Function>, scope: &Rc<Scope>, actions: &mut Vec<Action>) {
        for decorator in &method.decorators {
            let source = source_of(decorator);
            if let Some((mapped, verb)) = source.split_once(".mapping.") {
                let found = actions.iter().find(|action| action.name == mapped);
                if let Some((is_detail, path)) = found.map(|action| (action.is_detail, action.path.clone())) {
                    actions.push(Action { name: name.to_owned(), method: verb.to_uppercase(), is_detail, path });
                }
            }
            let Expression::Call(call) = &decorator.expression else { continue };
            let callee = source_of(&call.callee);
            let kind = callee.rsplit('.').next().unwrap_or_default();
            if !matches!(kind, "action" | "list_route" | "detail_route") {
                continue;
            }
            let is_detail = kind == "detail_route"
                || argument(call, "detail").map(source_of).is_some_and(|detail| detail == "True");
            let methods =
                argument(call, "methods").map(|value| self.evaluate(value, scope).texts()).unwrap_or_default();
            let path = argument(call, "url_path").map(|value| self.text_of(value, scope).to_string());
            let path = path.unwrap_or_else(|| name.to_owned());
            let methods: Vec<String> = methods.iter().map(|method| method.to_string().to_uppercase()).collect();
            let methods = if methods.is_empty() { vec!["GET".to_owned()] } else { methods };
            actions.extend(methods.into_iter().filter(|method| is_method(method)).map(|method| Action {
                name: name.to_owned(),
                method,
                is_detail,
                path: path.clone(),
            }));
        }
    }

    /// `NestedSimpleRouter(router, prefix, lookup=name)` of drf-nested-routers.
    pub(super) fn nested_router(&mut self, framework: usize, arguments: &Arguments<'_>) -> RouterId {
        let prefix = Self::text_at(arguments, 1, &["parent_prefix"]).unwrap_or_default();
        let lookup = Self::text_at(arguments, 2, &["lookup"]).unwrap_or_else(|| Text::literal("nested"));
        let prefix = prefix.joined(&Text::literal(&format!("{{{lookup}_pk}}")), false);
        self.new_router(framework, prefix)
    }
}

fn argument<'c>(call: &'c Call, name: &str) -> Option<&'c Located> {
    call.arguments.iter().find(|argument| argument.name.as_deref() == Some(name)).map(|argument| &argument.value)
}

fn texts(class: &Rc<ClassValue>, name: &str) -> Vec<String> {
    let value = class.lineage().iter().find_map(|class| class.statics.fields.borrow().get(name).cloned());
    value.map(|value| value.texts().iter().map(ToString::to_string).collect()).unwrap_or_default()
}

/// The name of the parameter that stands for one object.
fn lookup(class: &Rc<ClassValue>) -> String {
    let named = ["lookup_url_kwarg", "lookup_field"].iter().find_map(|name| texts(class, name).into_iter().next());
    named.unwrap_or_else(|| "pk".to_owned())
}

/// The actions that the class or its parents define, and those that classes of the framework bring.
fn standard_actions(class: &Rc<ClassValue>) -> Vec<Action> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for owner in class.lineage() {
        names.extend(owner.class.methods.iter().map(|(name, _)| name.clone()));
    }
    for parent in class.package_parents() {
        let last = parent.last();
        if last.contains("ReadOnlyModelViewSet") {
            names.extend(["list", "retrieve"].map(str::to_owned));
        } else if last.contains("ModelViewSet") {
            names.extend(ACTIONS.iter().map(|(name, ..)| (*name).to_owned()));
        }
        let mixin = MIXINS.iter().find(|(name, _)| *name == last);
        names.extend(mixin.iter().flat_map(|(_, actions)| actions.iter().map(|name| (*name).to_owned())));
    }
    let actions = ACTIONS.iter().filter(|(name, ..)| names.contains(*name));
    actions
        .map(|(name, method, is_detail)| Action {
            name: (*name).to_owned(),
            method: (*method).to_owned(),
            is_detail: *is_detail,
            path: String::new(),
        })
        .collect()
}
