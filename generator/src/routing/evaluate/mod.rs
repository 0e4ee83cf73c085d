//! Evaluates statements and expressions.

mod builtin;
mod call;
mod class;
mod definition;
mod expression;
mod operation;
mod plugin;
mod python;
mod statement;

pub(super) use self::builtin::joined_file_path;
pub(super) use self::call::Arguments;
pub(super) use self::definition::METHODS;
pub(super) use self::expression::source_of;
pub(super) use self::operation::Place;
