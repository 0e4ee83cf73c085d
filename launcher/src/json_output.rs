//! Prints records as JSON.

use std::fmt::Write as _;
use std::io;

use serde::Serialize;

use crate::error::LaunchError;
use crate::output;

/// Prints a value. Characters that control a terminal or change the writing direction are escaped. They can occur only
/// inside JSON strings, where an escape has the same meaning.
pub(crate) fn print(value: &impl Serialize) -> Result<(), LaunchError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| LaunchError::Output(error.into()))?;
    let escaped = escaped(&text) + "\n";
    output::print(|out| io::Write::write_all(out, escaped.as_bytes()))
}

/// A value on one line, with the same escapes.
pub(crate) fn line(value: &impl Serialize) -> Result<String, LaunchError> {
    let text = serde_json::to_string(value).map_err(|error| LaunchError::Output(error.into()))?;
    Ok(escaped(&text))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            '\n' => escaped.push('\n'),
            c if c.is_control() || is_unseen(c) => write!(escaped, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Invisible characters and characters that change the writing direction. All of them have four hexadecimal digits.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
