//! Registers the server with Gemini CLI, in the user's `settings.json`. Comments and layout are kept.
//!
//! The server inherits the environment of Gemini CLI, except variables whose names look secret. The registration
//! therefore names the API key and the secrets of a launch. If such a variable is unset, Gemini CLI passes an empty
//! text, and the server treats it as unset.

use std::collections::HashSet;
use std::path::Path;

use deckwatch_machine::variables;
use jsonc_parser::ast::Value;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::gemini_hooks;
use super::hooks::{HookUse, Hooks};
use super::{Obstacle, OneLaunchRegistration, Registration, RegistrationRequest, SERVER_NAME, Screen};
use crate::environment;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::settings_file::{Backup, SettingsFile};

pub(super) fn plan(server: &str, request: &RegistrationRequest, env: &ProcessEnv) -> Result<Registration, LaunchError> {
    let home = env.path_var("GEMINI_CLI_HOME").unwrap_or_else(|| env.dirs.home.clone());
    let file = SettingsFile::read(home.join(".gemini/settings.json"))?;
    let (after, replaced) = with_server(&file, server, request)?;
    let obstacle = obstacle(&after, &home, env).or_else(|| repository_obstacle(request.folder, &home, env));
    let for_one_launch = for_one_launch(server, request.secrets, env)?;
    let hooks = Hooks::off(request.hooks).unwrap_or_else(|| hooks(&after, &home, request.folder, env));
    let changes = file.into_change(&after, Backup::Once).into_iter().collect();
    Ok(Registration { changes, args: Vec::new(), replaced, obstacle, hooks, for_one_launch })
}

/// The hooks in these settings of the user. The settings of the repository override them.
fn hooks(settings: &str, home: &Path, folder: &Path, env: &ProcessEnv) -> Hooks {
    let settings = CstRootNode::parse(settings, &parse_options()).ok().and_then(|root| root.to_serde_value());
    let of_repository = (folder != home).then(|| folder.join(".gemini/settings.json"));
    let of_repository = of_repository.and_then(|path| Some((readable(&path)?.into(), path)));
    let all = settings.map(|settings| (settings, home.join(".gemini/settings.json"))).into_iter().chain(of_repository);
    let prevented =
        all.into_iter().find_map(|(settings, path)| gemini_hooks::prevented_by(&settings, &env.shown(&path)));
    prevented.map_or_else(|| Hooks::Registered(Vec::new()), Hooks::Prevented)
}

/// The variable with the path of the system defaults. The user's settings override these defaults.
const SYSTEM_DEFAULTS: &str = "GEMINI_CLI_SYSTEM_DEFAULTS_PATH";

/// The path of the system defaults if the variable is not set.
#[cfg(not(target_os = "macos"))]
const USUAL_SYSTEM_DEFAULTS: &str = "/etc/gemini-cli/system-defaults.json";
#[cfg(target_os = "macos")]
const USUAL_SYSTEM_DEFAULTS: &str = "/Library/Application Support/GeminiCli/system-defaults.json";

/// A temporary replacement for the system defaults: it contains them and the registration. The user's settings override
/// it. Not possible if the defaults can't be read, because they would be lost.
fn for_one_launch(server: &str, secrets: &[&str], env: &ProcessEnv) -> Result<OneLaunchRegistration, LaunchError> {
    let defaults = env.path_var(SYSTEM_DEFAULTS).unwrap_or_else(|| USUAL_SYSTEM_DEFAULTS.into());
    let Some(mut settings) = readable(&defaults) else { return Ok(OneLaunchRegistration::default()) };
    let path = env.dirs.state.join("mcp/gemini.json");
    let env: serde_json::Map<String, serde_json::Value> =
        forwarded(secrets).map(|name| (name.to_owned(), format!("${name}").into())).collect();
    let entry = serde_json::json!({ "command": server, "args": [], "env": env });
    let servers = settings.entry("mcpServers").or_insert_with(|| serde_json::json!({}));
    let Some(servers) = servers.as_object_mut() else { return Ok(OneLaunchRegistration::default()) };
    servers.insert(SERVER_NAME.to_owned(), entry);
    let settings = serde_json::Value::Object(settings);
    let file = SettingsFile::read(path.clone())?.into_change(&format!("{settings:#}\n"), Backup::Never);
    Ok(OneLaunchRegistration { is_possible: true, variables: vec![(SYSTEM_DEFAULTS, path.into_os_string())], file })
}

/// The settings in a file. Empty if the file does not exist; `None` if it can't be read.
fn readable(path: &Path) -> Option<serde_json::Map<String, serde_json::Value>> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(serde_json::Map::new()),
        Err(_) => None,
        Ok(text) => match CstRootNode::parse(&text, &parse_options()).ok()?.to_serde_value() {
            None => Some(serde_json::Map::new()),
            Some(settings) => settings.as_object().cloned(),
        },
    }
}

/// Finds a setting of the user that keeps the server from starting.
fn obstacle(settings: &str, home: &Path, env: &ProcessEnv) -> Option<Obstacle> {
    let folder = home.join(".gemini");
    let root = CstRootNode::parse(settings, &parse_options()).ok()?.to_serde_value()?;
    let names = |list: &str| root.get("mcp").and_then(|mcp| mcp.get(list)).and_then(|list| list.as_array()).cloned();
    let has = |list: &[serde_json::Value]| list.iter().any(|name| name == SERVER_NAME);
    let in_file = |file: &str| env.shown(&folder.join(file));
    if names("excluded").is_some_and(|list| has(&list)) {
        let what =
            format!("Gemini CLI does not start the server: mcp.excluded in {} names it", in_file("settings.json"));
        return Some(Obstacle { what, fix: format!("take {SERVER_NAME} out of mcp.excluded there") });
    }
    if names("allowed").is_some_and(|list| !has(&list)) {
        let what = format!(
            "Gemini CLI does not start the server: mcp.allowed in {} does not name it",
            in_file("settings.json")
        );
        return Some(Obstacle { what, fix: format!("add {SERVER_NAME} to mcp.allowed there") });
    }
    let switches = std::fs::read(folder.join("mcp-server-enablement.json")).ok()?;
    let switches: serde_json::Value = serde_json::from_slice(&switches).ok()?;
    let is_off = switches.get(SERVER_NAME).and_then(|ours| ours.get("enabled")) == Some(&false.into());
    is_off.then(|| Obstacle {
        what: format!("Gemini CLI does not start the server: {} disables it", in_file("mcp-server-enablement.json")),
        fix: format!("gemini mcp enable {SERVER_NAME}"),
    })
}

/// Finds an entry in the settings of the repository, which override the user's settings.
fn repository_obstacle(folder: &Path, home: &Path, env: &ProcessEnv) -> Option<Obstacle> {
    let path = folder.join(".gemini/settings.json");
    if folder == home {
        return None;
    }
    let settings = std::fs::read_to_string(&path).ok()?;
    let settings = CstRootNode::parse(&settings, &parse_options()).ok()?.to_serde_value()?;
    settings.get("mcpServers")?.get(SERVER_NAME)?;
    let file = env.shown(&path);
    Some(Obstacle {
        what: format!(
            "Gemini CLI does not use the launch's registration: mcpServers.{SERVER_NAME} in {file} overrides it"
        ),
        fix: format!("take mcpServers.{SERVER_NAME} out of {file}"),
    })
}

/// The keys that make Gemini CLI connect in another way, start the server in another folder, or not start it.
const OVERRIDING_KEYS: [&str; 9] =
    ["url", "httpUrl", "tcp", "type", "headers", "authProviderType", "oauth", "disabled", "cwd"];

/// Removes the keys that would override our registration. Returns their names.
fn remove_overriding_keys(ours: &CstObject) -> Vec<String> {
    let is_harmless = |key: &str, value: Option<serde_json::Value>| match key {
        "type" => value == Some("stdio".into()),
        "disabled" => value == Some(false.into()),
        _ => false,
    };
    let found = OVERRIDING_KEYS.into_iter().filter_map(|key| Some((key, ours.get(key)?)));
    let removed = found.filter(|(key, property)| !is_harmless(key, property.to_serde_value()));
    let mut taken: Vec<String> = removed
        .map(|(key, property)| {
            property.remove();
            key.to_owned()
        })
        .collect();
    // A fixed value here would override the value of the launch. A reference to the variable does not.
    let passes_on = |name: &str, value: Option<serde_json::Value>| {
        value.is_some_and(|value| value == format!("${name}") || value == format!("${{{name}}}"))
    };
    if let Some(env) = ours.object_value("env") {
        for name in environment::AGENT_VARIABLES.into_iter().chain([variables::API_URL]) {
            if let Some(property) = env.get(name).filter(|property| !passes_on(name, property.to_serde_value())) {
                property.remove();
                taken.push(format!("env.{name}"));
            }
        }
    }
    taken
}

/// The names that Gemini CLI must pass on. `DECKWATCH_SECRETS`, the list of the names of the secrets, is one of them:
/// without the entry, Gemini CLI may keep it back if a name in it looks secret.
fn forwarded<'a>(secrets: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let list = (!secrets.is_empty()).then_some(variables::SECRETS);
    std::iter::once(variables::API_KEY).chain(environment::GITHUB_TOKENS).chain(list).chain(secrets.iter().copied())
}

/// If a variable's name contains one of these words, Gemini CLI does not pass it on.
const SECRET_NAME_PARTS: [&str; 9] =
    ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "KEY", "AUTH", "CREDENTIAL", "PRIVATE", "CERT"];

/// Whether Gemini CLI gives a variable to our server: if the entry names it, or if its name does not look secret.
pub(super) fn passes_variable(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    name == variables::API_KEY
        || environment::GITHUB_TOKENS.contains(&name)
        || !SECRET_NAME_PARTS.iter().any(|word| upper.contains(word))
}

fn with_server(
    file: &SettingsFile,
    server: &str,
    request: &RegistrationRequest,
) -> Result<(String, Vec<String>), LaunchError> {
    let root = CstRootNode::parse(file.text(), &parse_options())
        .map_err(|error| file.malformed(error.line_display(), &error.kind().to_string()))?;
    reject_duplicate_names(file)?;
    let settings = match root.value() {
        None => root.object_value_or_set(),
        Some(_) => root.object_value().ok_or_else(|| not_an_object(file, "the whole file"))?,
    };
    let servers = inner(file, &settings, "mcpServers")?;
    let ours = inner(file, &servers, SERVER_NAME)?;
    let replaced = remove_overriding_keys(&ours);
    set_text(&ours, "command", server);
    set_no_args(&ours);
    let variables = inner(file, &ours, "env")?;
    for name in forwarded(request.secrets) {
        set_text(&variables, name, &format!("${name}"));
    }
    match request.hooks {
        HookUse::Register | HookUse::RegisterAnew => gemini_hooks::register(&settings, server),
        HookUse::Remove => gemini_hooks::remove(&settings),
        // Another launch may use the entries.
        HookUse::Omit(_) => {}
    }
    if request.screen == Screen::Inline {
        stay_inline(&settings);
    }
    let mut text = root.to_string();
    if !text.ends_with('\n') && file.text().is_empty() {
        text.push('\n');
    }
    Ok((text, replaced))
}

/// Checks that no name on the path to our entry, or in it, is a duplicate. The editor would change the first one, but
/// Gemini CLI reads the last one.
fn reject_duplicate_names(file: &SettingsFile) -> Result<(), LaunchError> {
    let parsed = parse_to_ast(file.text(), &CollectOptions::default(), &parse_options());
    let parsed = parsed.map_err(|error| file.malformed(error.line_display(), &error.kind().to_string()))?;
    let mut value = parsed.value;
    for next in ["mcpServers", SERVER_NAME, "env", ""] {
        let Some(Value::Object(object)) = value else { return Ok(()) };
        let mut names = HashSet::new();
        for property in &object.properties {
            let name = property.name.as_str();
            if !names.insert(name) {
                let before = file.text().get(..property.range.start).unwrap_or_default();
                return Err(
                    file.malformed(before.matches('\n').count() + 1, &format!("the name {name} is there twice"))
                );
            }
        }
        let property = object.properties.into_iter().find(|property| property.name.as_str() == next);
        value = property.map(|property| property.value);
    }
    Ok(())
}

/// Gemini CLI has no option for this. It uses the alternate screen only if the user's settings say so.
fn stay_inline(settings: &CstObject) {
    let taken = settings.object_value("ui").and_then(|ui| ui.get("useAlternateBuffer"));
    if let Some(property) = taken.filter(|property| property.to_serde_value() == Some(true.into())) {
        property.set_value(CstInputValue::Bool(false));
    }
}

/// JSON with comments and no other extension. Gemini CLI rejects every other extension.
fn parse_options() -> ParseOptions {
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

/// The object with this name. Creates it if it is missing, and never replaces another value.
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
