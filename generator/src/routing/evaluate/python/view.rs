//! The HTTP methods that a handler answers.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::super::super::framework;
use super::super::super::program::Program;
use super::super::super::value::{ClassValue, Closure, Value};
use super::super::source_of;
use super::route::is_method;
use crate::code::Expression;

/// The methods of views that packages bring, by the name of the class.
const VIEWS: [(&str, &[&str]); 17] = [
    ("ListAPIView", &["GET"]),
    ("RetrieveAPIView", &["GET"]),
    ("CreateAPIView", &["POST"]),
    ("DestroyAPIView", &["DELETE"]),
    ("UpdateAPIView", &["PUT", "PATCH"]),
    ("ListCreateAPIView", &["GET", "POST"]),
    ("RetrieveUpdateAPIView", &["GET", "PUT", "PATCH"]),
    ("RetrieveDestroyAPIView", &["GET", "DELETE"]),
    ("RetrieveUpdateDestroyAPIView", &["GET", "PUT", "PATCH", "DELETE"]),
    ("TemplateView", &["GET"]),
    ("ListView", &["GET"]),
    ("DetailView", &["GET"]),
    ("RedirectView", &["GET", "POST"]),
    ("FormView", &["GET", "POST"]),
    ("CreateView", &["GET", "POST"]),
    ("UpdateView", &["GET", "POST"]),
    ("DeleteView", &["GET", "POST"]),
];

impl Program<'_> {
    /// The methods that a handler answers. `None` if it does not say.
    pub(super) fn handler_methods(&mut self, handler: &Value) -> Option<Vec<String>> {
        match handler {
            Value::Function(closure) => self.function_methods(closure),
            Value::Class(class) => {
                let methods = Self::class_methods(class);
                Some(if methods.is_empty() { vec![framework::ANY.to_owned()] } else { methods })
            }
            // `View.as_view({"get": "list"})`
            Value::Record(record) => {
                let fields = record.fields.borrow();
                let methods: Vec<String> =
                    fields.keys().filter(|name| is_method(name)).map(|name| name.to_uppercase()).collect();
                (!methods.is_empty()).then_some(methods)
            }
            // An application or a view that a package made.
            Value::Package(package) if package.last().ends_with("()") => Some(vec![framework::ANY.to_owned()]),
            _ => None,
        }
    }

    /// `@api_view(["GET"])`, `@require_http_methods(["GET"])`, `@require_POST`
    fn function_methods(&mut self, closure: &Rc<Closure>) -> Option<Vec<String>> {
        for decorator in &closure.function.decorators {
            let (name, argument) = match &decorator.expression {
                Expression::Call(call) => (source_of(&call.callee), call.arguments.first()),
                _ => (source_of(decorator), None),
            };
            let listed = match (name.rsplit('.').next().unwrap_or_default(), argument) {
                ("api_view" | "require_http_methods", Some(argument)) => {
                    self.evaluate(&argument.value, &closure.scope).texts()
                }
                ("api_view" | "require_GET" | "require_safe", None) => return Some(vec!["GET".to_owned()]),
                ("require_POST", None) => return Some(vec!["POST".to_owned()]),
                _ => continue,
            };
            return Some(listed.iter().map(|text| text.to_string().to_uppercase()).collect());
        }
        None
    }

    /// The methods of a class: those that it and its parents define, and those of views of packages.
    fn class_methods(class: &Rc<ClassValue>) -> Vec<String> {
        let lineage = class.lineage();
        let listed = |name: &str| {
            let fields = lineage.iter().find_map(|class| class.statics.fields.borrow().get(name).cloned());
            let texts = fields.map(|value| value.texts()).unwrap_or_default();
            texts.iter().map(|text| text.to_string().to_uppercase()).collect::<Vec<String>>()
        };
        let methods = listed("methods");
        if !methods.is_empty() && methods.iter().all(|method| is_method(method)) {
            return methods;
        }
        let names = lineage.iter().flat_map(|class| class.class.methods.iter().map(|(name, _)| name.as_str()));
        let is_verb = |name: &&str| is_method(name) && name.chars().all(char::is_lowercase);
        let mut found: BTreeSet<String> = names.filter(is_verb).map(str::to_uppercase).collect();
        for parent in class.package_parents() {
            let view = VIEWS.iter().find(|(name, _)| *name == parent.last());
            found.extend(view.iter().flat_map(|(_, methods)| methods.iter().map(|method| (*method).to_owned())));
        }
        let allowed = listed("http_method_names");
        found.retain(|method| allowed.is_empty() || allowed.contains(method));
        found.into_iter().collect()
    }
}
