//! Resources of Rails, with the routes that their actions have.

use super::super::evaluate::{Arguments, Place};
use super::super::program::Program;
use super::super::router::RouterId;
use super::super::text::Text;
use super::super::value::Value;
use super::super::words::singular;
use super::{Frame, is_true};

/// The actions of resources with their methods, and whether their paths name one resource.
const ACTIONS: [(&str, &[&str], bool); 7] = [
    ("index", &["GET"], false),
    ("create", &["POST"], false),
    ("new", &["GET"], false),
    ("edit", &["GET"], true),
    ("show", &["GET"], true),
    ("update", &["PATCH", "PUT"], true),
    ("destroy", &["DELETE"], true),
];

/// The actions that `only` and `except` select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Actions {
    only: Option<Vec<String>>,
    except: Vec<String>,
}

impl Actions {
    /// `None` if nothing is selected.
    pub(super) fn of(arguments: &Arguments<'_>) -> Option<Self> {
        let names = |value: Value| match value {
            Value::Text(_) | Value::List(_) => Some(value.texts().iter().map(ToString::to_string).collect()),
            _ => None,
        };
        let only = arguments.named(&["only"]).and_then(names);
        let except = arguments.named(&["except"]).and_then(names);
        (only.is_some() || except.is_some()).then(|| Self { only, except: except.unwrap_or_default() })
    }

    fn has(&self, action: &str) -> bool {
        let is_named = |names: &[String]| names.iter().any(|name| name == action);
        self.only.as_ref().is_none_or(|only| is_named(only)) && !is_named(&self.except)
    }
}

impl Program<'_> {
    /// `resources :users` and `resource :profile`
    pub(super) fn rails_resources(
        &mut self,
        router: RouterId,
        arguments: &Arguments<'_>,
        place: Place,
        is_plural: bool,
    ) {
        for name in arguments.values.iter().flat_map(Value::texts) {
            let frame = self.resource_frame(&name.to_string(), arguments, is_plural);
            let actions = Actions::of(arguments).or_else(|| frame.actions.clone());
            self.add_actions(router, &frame, actions.as_ref(), arguments, place, is_plural);
            let concerns = arguments.named(&["concerns"]).map(|names| names.texts()).unwrap_or_default();
            self.rails.frames.push(frame.clone());
            self.rails_concerns(&concerns);
            self.rails.frames.pop();
            self.rails_below(frame, arguments);
        }
    }

    /// The block of a resource. What is nested in resources begins with the identifier of one.
    fn resource_frame(&self, name: &str, arguments: &Arguments<'_>, is_plural: bool) -> Frame {
        let frame = self.rails.frames.last().cloned().unwrap_or_default();
        let path = arguments.named(&["path"]).and_then(|path| path.as_text().cloned());
        let path = path.unwrap_or_else(|| Text::literal(name));
        let is_shallow = frame.is_shallow || is_true(arguments, "shallow");
        let before = if frame.is_in_resource { frame.before_resources.clone() } else { frame.path.clone() };
        let all = frame.path.joined(&path, false);
        let outer = if frame.is_shallow && frame.is_in_resource { before.joined(&path, false) } else { all.clone() };
        let (one, nested) = if is_plural {
            let known_as = arguments.named(&["as"]).and_then(|name| name.as_literal().map(str::to_owned));
            let param = arguments.named(&["param"]).and_then(|param| param.as_literal().map(str::to_owned));
            let param = param.unwrap_or_else(|| "id".to_owned());
            let single = singular(known_as.as_deref().unwrap_or(name));
            let below = |segment: String| outer.joined(&Text::literal(&segment), false);
            (below(format!(":{param}")), below(format!(":{single}_{param}")))
        } else {
            (all.clone(), all.clone())
        };
        Frame {
            path: nested,
            resource: Some((all, one)),
            before_resources: before,
            is_in_resource: true,
            is_shallow,
            actions: frame.actions,
        }
    }

    fn add_actions(
        &mut self,
        router: RouterId,
        frame: &Frame,
        actions: Option<&Actions>,
        arguments: &Arguments<'_>,
        place: Place,
        is_plural: bool,
    ) {
        let Some((all, one)) = &frame.resource else { return };
        let names = arguments.named(&["path_names"]).unwrap_or(Value::Unknown);
        let controller = arguments.get(0).as_literal().unwrap_or_default().to_owned();
        let controller = arguments
            .named(&["controller"])
            .and_then(|name| name.as_literal().map(str::to_owned))
            .unwrap_or(controller);
        let has_pages = !self.modules.is_api_only(self.path_of(place.file));
        for (action, methods, is_of_one) in ACTIONS {
            let is_page = matches!(action, "new" | "edit");
            let is_default = (is_plural || action != "index") && (has_pages || !is_page);
            if !is_default || actions.is_some_and(|actions| !actions.has(action)) {
                continue;
            }
            let base = if is_of_one { one } else { all };
            let path = if is_page {
                let segment = names.field(action).and_then(|name| name.as_text().cloned());
                base.joined(&segment.unwrap_or_else(|| Text::literal(action)), false)
            } else {
                base.clone()
            };
            for method in methods {
                self.add_rails_route(router, method, &path, &format!("{controller}#{action}"), place);
            }
        }
    }
}
