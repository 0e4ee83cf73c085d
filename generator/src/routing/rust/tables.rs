//! Tables of routes in attributes of types: `"/users" => [get(list), post(create)], "/keys" => sub(KeyApi)`.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::super::evaluate::source_of;
use super::super::framework;
use super::super::program::Program;
use super::super::router::RouterId;
use super::super::text::Text;
use super::super::value::{ClassValue, Value};
use super::functions::METHODS;
use crate::code::{Call, Class, Entry, Expression, Located, TABLE};

impl Program<'_> {
    /// Adds the routes of the tables. A table that no other one contains is a router of its own.
    pub(in super::super) fn add_attribute_tables(&mut self) {
        let has_table = |class: &&Rc<ClassValue>| class.scope.module.is_some() && table(&class.class).is_some();
        let classes: Vec<Rc<ClassValue>> = self.classes().iter().filter(has_table).cloned().collect();
        let mut routers: HashMap<*const Class, RouterId> = HashMap::new();
        for class in &classes {
            let framework = self.main_framework(class.scope.file).unwrap_or_else(|| framework::position_of("actix"));
            routers.insert(Arc::as_ptr(&class.class), self.new_router(framework, Text::default()));
        }
        for class in &classes {
            let router = routers.get(&Arc::as_ptr(&class.class)).copied();
            let (Some(router), Some(entries)) = (router, table(&class.class)) else { continue };
            for entry in entries {
                let path = entry.key.as_ref().map(|key| self.text_of(key, &class.scope)).unwrap_or_default();
                let values: Vec<&Located> = match &entry.value.expression {
                    Expression::List(elements) => elements.iter().map(|element| &element.value).collect(),
                    _ => vec![&entry.value],
                };
                for value in values {
                    if let Expression::Call(call) = &value.expression {
                        self.add_row(router, &path, call, value.line, class, &routers);
                    }
                }
            }
        }
    }

    fn add_row(
        &mut self,
        router: RouterId,
        path: &Text,
        call: &Call,
        line: usize,
        class: &Rc<ClassValue>,
        routers: &HashMap<*const Class, RouterId>,
    ) {
        let Some(argument) = call.arguments.first().map(|argument| &argument.value) else { return };
        let method = source_of(&call.callee).to_uppercase();
        if METHODS.contains(&method.as_str()) {
            let handler = source_of(argument);
            return self.add_class_route(router, &method, path.clone(), &handler, class.scope.file, line);
        }
        if let Value::Class(inner) = self.evaluate(argument, &class.scope)
            && let Some(child) = routers.get(&Arc::as_ptr(&inner.class))
        {
            self.routers.mount(router, path.clone(), *child);
        }
    }
}

/// The rows of the table of a type.
fn table(class: &Class) -> Option<&[Entry]> {
    class.decorators.iter().find_map(|decorator| {
        let Expression::Call(call) = &decorator.expression else { return None };
        let is_table = matches!(&call.callee.expression, Expression::Name(name) if name == TABLE);
        match call.arguments.first().filter(|_| is_table).map(|argument| &argument.value.expression) {
            Some(Expression::Record(entries)) => Some(entries.as_slice()),
            _ => None,
        }
    })
}
