//! Gives back the memory that lists reserved while they were filled. The statements of all files are in memory at the same
//! time, and most of their lists have one element.

use std::sync::Arc;

use super::{Class, Element, Entry, Expression, Function, Located, Pattern, Statement, TextPart};

/// Gives back what the lists in statements reserved.
pub(super) fn statements(list: &mut Vec<Statement>) {
    list.shrink_to_fit();
    list.iter_mut().for_each(statement);
}

fn statement(statement: &mut Statement) {
    match statement {
        Statement::Let { pattern: bound, value, .. } => {
            pattern(bound);
            located(value);
        }
        Statement::Expression(value) | Statement::Return(value) | Statement::Export { value, .. } => located(value),
        Statement::Function(inner) => function(inner),
        Statement::Class(inner) => class(inner),
        Statement::ForEach { list, body, .. } => {
            located(list);
            statements(body);
        }
        Statement::If { condition, then, otherwise } => {
            located(condition);
            statements(then);
            statements(otherwise);
        }
        Statement::Block(inner) => statements(inner),
        Statement::Module(module) => each(module, |module| statements(&mut module.body)),
        Statement::Implementation(implementation) => each(implementation, |implementation| {
            values(&mut implementation.decorators);
            implementation.functions.shrink_to_fit();
            implementation.functions.iter_mut().for_each(function);
            implementation.constants.iter_mut().for_each(|(_, value)| located(value));
        }),
        Statement::Import { .. } | Statement::ExportFrom { .. } => {}
    }
}

/// Changes what only one owner has, which is everything that was just made.
fn each<T>(shared: &mut Arc<T>, change: impl FnOnce(&mut T)) {
    if let Some(own) = Arc::get_mut(shared) {
        change(own);
    }
}

fn function(shared: &mut Arc<Function>) {
    each(shared, |function| {
        function.parameters.shrink_to_fit();
        for parameter in &mut function.parameters {
            pattern(&mut parameter.pattern);
            parameter.default.iter_mut().for_each(located);
        }
        values(&mut function.decorators);
        statements(&mut function.body);
    });
}

fn class(shared: &mut Arc<Class>) {
    each(shared, |class| {
        values(&mut class.parents);
        values(&mut class.decorators);
        class.fields.shrink_to_fit();
        class.fields.iter_mut().filter_map(|field| field.value.as_mut()).for_each(located);
        class.methods.shrink_to_fit();
        class.methods.iter_mut().for_each(|(_, method)| function(method));
    });
}

fn pattern(bound: &mut Pattern) {
    match bound {
        Pattern::Record(entries) => {
            entries.shrink_to_fit();
            for (_, inner) in entries {
                pattern(inner);
            }
        }
        Pattern::List(patterns) => {
            patterns.shrink_to_fit();
            patterns.iter_mut().for_each(pattern);
        }
        Pattern::Name(_) | Pattern::Ignored => {}
    }
}

fn values(list: &mut Vec<Located>) {
    list.shrink_to_fit();
    list.iter_mut().for_each(located);
}

fn elements(list: &mut Vec<Element>) {
    list.shrink_to_fit();
    for element in list {
        located(&mut element.value);
    }
}

fn entries(list: &mut Vec<Entry>) {
    list.shrink_to_fit();
    for entry in list {
        entry.key.iter_mut().for_each(located);
        located(&mut entry.value);
    }
}

fn located(value: &mut Located) {
    match &mut value.expression {
        Expression::Text(parts) => {
            parts.shrink_to_fit();
            for part in parts {
                if let TextPart::Value(value) = part {
                    located(value);
                }
            }
        }
        Expression::Member(object, _) | Expression::Path(object, _) => each(object, located),
        Expression::Index(left, right)
        | Expression::Assignment(left, right)
        | Expression::Sum(left, right)
        | Expression::Both(left, right)
        | Expression::Equal { left, right, .. } => {
            each(left, located);
            each(right, located);
        }
        Expression::Call(call) => each(call, |call| {
            located(&mut call.callee);
            elements(&mut call.arguments);
        }),
        Expression::List(list) => elements(list),
        Expression::Record(record) => entries(record),
        Expression::Object(object, record) => {
            each(object, located);
            entries(record);
        }
        Expression::Function(inner) => function(inner),
        Expression::Class(inner) => class(inner),
        Expression::Choice(choices) => values(choices),
        Expression::Block(inner) => statements(inner),
        Expression::Name(_) | Expression::Unknown(_) => {}
    }
}
