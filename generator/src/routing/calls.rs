//! Finds calls in statements, wherever they are.

use super::evaluate::source_of;
use super::program::SourceFile;
use crate::code::{Call, Expression, Function, Located, Statement, TextPart};

/// The calls of methods with one of the names, with their file.
pub(super) fn named<'a>(files: &'a [SourceFile], names: &[&'static str]) -> Vec<(usize, &'static str, &'a Call)> {
    let mut found = Vec::new();
    for (file, source) in files.iter().enumerate() {
        each_expression(&source.statements, &mut |located| {
            let Expression::Call(call) = &located.expression else { return };
            let callee = source_of(&call.callee);
            let last = callee.rsplit('.').next().unwrap_or_default();
            if let Some(name) = names.iter().find(|name| **name == last) {
                found.push((file, *name, call.as_ref()));
            }
        });
    }
    found
}

/// Calls `visit` with every expression of a block, the outer ones first.
pub(super) fn each_expression<'a>(block: &'a [Statement], visit: &mut impl FnMut(&'a Located)) {
    for statement in block {
        match statement {
            Statement::Let { value, .. } | Statement::Expression(value) | Statement::Return(value) => {
                located(value, visit);
            }
            Statement::Function(inner) => function(inner, visit),
            Statement::Class(class) => self::class(class, visit),
            Statement::ForEach { list, body, .. } => {
                located(list, visit);
                each_expression(body, visit);
            }
            Statement::If { condition, then, otherwise } => {
                located(condition, visit);
                each_expression(then, visit);
                each_expression(otherwise, visit);
            }
            Statement::Block(inner) => each_expression(inner, visit),
            Statement::Export { value, .. } => located(value, visit),
            Statement::Module(module) => each_expression(&module.body, visit),
            Statement::Implementation(implementation) => {
                implementation.functions.iter().for_each(|inner| function(inner, visit));
                implementation.constants.iter().for_each(|(_, value)| located(value, visit));
            }
            Statement::Import { .. } | Statement::ExportFrom { .. } => {}
        }
    }
}

fn function<'a>(function: &'a Function, visit: &mut impl FnMut(&'a Located)) {
    function.decorators.iter().for_each(|decorator| located(decorator, visit));
    each_expression(&function.body, visit);
}

fn class<'a>(class: &'a crate::code::Class, visit: &mut impl FnMut(&'a Located)) {
    class.decorators.iter().chain(&class.parents).for_each(|value| located(value, visit));
    class.fields.iter().filter_map(|field| field.value.as_ref()).for_each(|value| located(value, visit));
    class.methods.iter().for_each(|(_, method)| function(method, visit));
}

fn located<'a>(value: &'a Located, visit: &mut impl FnMut(&'a Located)) {
    visit(value);
    match &value.expression {
        Expression::Member(object, _) | Expression::Path(object, _) => located(object, visit),
        Expression::Block(statements) => each_expression(statements, visit),
        Expression::Object(class, entries) => {
            located(class, visit);
            for entry in entries {
                located(&entry.value, visit);
            }
        }
        Expression::Text(parts) => {
            for part in parts {
                if let TextPart::Value(value) = part {
                    located(value, visit);
                }
            }
        }
        Expression::Index(left, right)
        | Expression::Assignment(left, right)
        | Expression::Sum(left, right)
        | Expression::Both(left, right)
        | Expression::Equal { left, right, .. } => {
            located(left, visit);
            located(right, visit);
        }
        Expression::Call(call) => {
            located(&call.callee, visit);
            call.arguments.iter().for_each(|argument| located(&argument.value, visit));
        }
        Expression::List(elements) => elements.iter().for_each(|element| located(&element.value, visit)),
        Expression::Record(entries) => {
            for entry in entries {
                entry.key.iter().for_each(|key| located(key, visit));
                located(&entry.value, visit);
            }
        }
        Expression::Function(inner) => function(inner, visit),
        Expression::Class(inner) => class(inner, visit),
        Expression::Choice(values) => values.iter().for_each(|value| located(value, visit)),
        Expression::Name(_) | Expression::Unknown(_) => {}
    }
}
