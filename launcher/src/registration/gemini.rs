//! Gemini CLI: an entry in the user's `settings.json`, whose comments and layout stay as they are.
//!
//! The server inherits Gemini's environment except names that look secret, so the API key and the secrets
//! of a launch are forwarded by name. Where one is unset Gemini passes an empty text, which is taken for unset.

use deckwatch_client::variables;
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};

use super::settings_file::{Backup, SettingsFile};
use super::{Registration, SERVER_NAME, Screen};
use crate::environment;
use crate::error::LaunchError;
use crate::surroundings::Surroundings;

pub(super) fn plan(
    server: &str,
    secrets: &[&str],
    screen: Screen,
    surroundings: &Surroundings,
) -> Result<Registration, LaunchError> {
    let home = surroundings.path_var("GEMINI_CLI_HOME").unwrap_or_else(|| surroundings.dirs.home.clone());
    let file = SettingsFile::read(home.join(".gemini/settings.json"))?;
    let after = with_server(&file, server, secrets, screen)?;
    Ok(Registration { changes: file.into_change(after, Backup::Once).into_iter().collect(), args: Vec::new() })
}

/// Words that make Gemini keep a variable to itself.
const SECRET_WORDS: [&str; 9] =
    ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "KEY", "AUTH", "CREDENTIAL", "PRIVATE", "CERT"];

/// Whether Gemini gives a variable to our server: named in its entry, or one that does not look secret.
pub(super) fn gives(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    name == variables::API_KEY
        || environment::GITHUB_TOKENS.contains(&name)
        || !SECRET_WORDS.iter().any(|word| upper.contains(word))
}

fn with_server(file: &SettingsFile, server: &str, secrets: &[&str], screen: Screen) -> Result<String, LaunchError> {
    let root = CstRootNode::parse(file.text(), &what_gemini_reads())
        .map_err(|error| file.malformed(error.line_display(), &error.kind().to_string()))?;
    let settings = match root.value() {
        None => root.object_value_or_set(),
        Some(_) => root.object_value().ok_or_else(|| not_an_object(file, "the whole file"))?,
    };
    let servers = inner(file, &settings, "mcpServers")?;
    let ours = inner(file, &servers, SERVER_NAME)?;
    set_text(&ours, "command", server);
    set_no_args(&ours);
    let forwarded = inner(file, &ours, "env")?;
    // The list of the secrets' names would pass by itself, but only if no name in it looked secret to Gemini.
    let list = (!secrets.is_empty()).then_some(variables::SECRETS);
    for name in
        std::iter::once(variables::API_KEY).chain(environment::GITHUB_TOKENS).chain(list).chain(secrets.iter().copied())
    {
        set_text(&forwarded, name, &format!("${name}"));
    }
    if screen == Screen::Inline {
        stay_inline(&settings);
    }
    let mut text = root.to_string();
    if !text.ends_with('\n') && file.text().is_empty() {
        text.push('\n');
    }
    Ok(text)
}

/// Gemini has no option for it, and takes the whole screen only where the user's settings say so.
fn stay_inline(settings: &CstObject) {
    let taken = settings.object_value("ui").and_then(|ui| ui.get("useAlternateBuffer"));
    if let Some(property) = taken.filter(|property| property.to_serde_value() == Some(true.into())) {
        property.set_value(CstInputValue::Bool(false));
    }
}

/// JSON with comments, and nothing more: what else would be accepted here, Gemini would refuse.
fn what_gemini_reads() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// The object under a name, made when missing, never replacing something else.
fn inner(file: &SettingsFile, object: &CstObject, name: &str) -> Result<CstObject, LaunchError> {
    object.object_value_or_create(name).ok_or_else(|| not_an_object(file, name))
}

fn not_an_object(file: &SettingsFile, name: &str) -> LaunchError {
    file.unusable(&format!("{name} is not a JSON object; correct it first, nothing was changed"))
}

fn set_text(object: &CstObject, name: &str, text: &str) {
    let value = || CstInputValue::String(text.to_owned());
    match object.get(name) {
        Some(property) if property.to_serde_value() == Some(text.into()) => {}
        Some(property) => property.set_value(value()),
        None => {
            object.append(name, value());
        }
    }
}

fn set_no_args(object: &CstObject) {
    let is_empty = |array: &jsonc_parser::cst::CstArray| array.elements().is_empty();
    match object.get("args") {
        Some(property) if property.array_value().as_ref().is_some_and(is_empty) => {}
        Some(property) => property.set_value(CstInputValue::Array(Vec::new())),
        None => {
            object.append("args", CstInputValue::Array(Vec::new()));
        }
    }
}
