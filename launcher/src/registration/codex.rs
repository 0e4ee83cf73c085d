//! Registers the server with Codex CLI, in a table of the user's `config.toml`. Comments and layout are kept.
//!
//! Codex gives a server almost no environment variables. The registration lists the names of the variables that the
//! server needs. Codex does not pass on a listed variable that is unset.

use std::ffi::OsString;

use deckwatch_machine::variables;
use toml_edit::{Array, Item, Table, TableLike, Value};

use super::codex_hooks::CodexHooks;
use super::hooks::Hooks;
use super::{OneLaunchRegistration, Registration, RegistrationRequest, SERVER_NAME, Screen};
use crate::environment;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::settings_file::{Backup, SettingsFile};

const SERVERS: &str = "mcp_servers";
/// Without these variables, the server would use other folders than the launcher and Codex.
const FOLDER_VARIABLES: [&str; 5] =
    ["CODEX_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"];

/// The variables that Codex gives to every server.
const DEFAULT_VARIABLES: [&str; 10] =
    ["HOME", "LOGNAME", "PATH", "SHELL", "USER", "LANG", "LC_ALL", "TERM", "TMPDIR", "TZ"];

/// Whether Codex gives a variable to our server.
pub(super) fn passes_variable(name: &str) -> bool {
    DEFAULT_VARIABLES.contains(&name) || required_variables().any(|needed| needed == name)
}

fn required_variables<'a>() -> impl Iterator<Item = &'a str> {
    let ours = environment::AGENT_VARIABLES
        .into_iter()
        .chain([variables::API_URL, variables::API_KEY])
        .chain(FOLDER_VARIABLES);
    ours.chain(environment::USER_VARIABLES).chain(environment::GITHUB_TOKENS)
}

pub(super) fn plan(server: &str, request: &RegistrationRequest, env: &ProcessEnv) -> Result<Registration, LaunchError> {
    let home = env.path_var("CODEX_HOME").unwrap_or_else(|| env.dirs.home.join(".codex"));
    let file = SettingsFile::read(home.join("config.toml"))?;
    let Written { text, replaced, forwarded } = with_server(&file, server, request.secrets)?;
    let mut args = as_options(server, forwarded);
    args.extend((request.screen == Screen::Inline).then(|| "--no-alt-screen".into()));
    // An option can set keys, but it can't remove other keys of the file.
    let for_one_launch = OneLaunchRegistration {
        is_possible: replaced.iter().all(|key| key == "enabled"),
        ..OneLaunchRegistration::default()
    };
    let changes = file.into_change(&text, Backup::Once).into_iter().collect();
    let hooks = Hooks::off(request.hooks);
    let hooks = hooks.unwrap_or_else(|| Hooks::WithConsent(CodexHooks::plan(server, home, env)));
    Ok(Registration { changes, args, replaced, obstacle: None, hooks, for_one_launch })
}

/// The new text of `config.toml`, with our server in it.
struct Written {
    text: String,
    replaced: Vec<String>,
    forwarded: Array,
}

/// The registration as options. Options override the user's file and the file of a trusted repository.
fn as_options(server: &str, forwarded: Array) -> Vec<OsString> {
    let values = [
        ("command", Value::from(server)),
        ("args", Array::new().into()),
        ("env_vars", forwarded.into()),
        ("enabled", true.into()),
    ];
    let option = |(key, value): (&str, Value)| {
        [OsString::from("-c"), format!("{SERVERS}.{SERVER_NAME}.{key}={}", value.decorated("", "")).into()]
    };
    values.into_iter().flat_map(option).collect()
}

/// The keys of a server over HTTP. Codex does not start if one of them is set together with `command`.
const HTTP_KEYS: [&str; 9] = [
    "url",
    "bearer_token",
    "bearer_token_env_var",
    "http_headers",
    "env_http_headers",
    "http_headers_env",
    "oauth",
    "oauth_resource",
    "scopes",
];

/// Removes the keys that would override our registration. Returns their names.
fn remove_overriding_keys(ours: &mut dyn TableLike) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    // Our server must run in the working folder of the agent, so `cwd` is removed too.
    for key in HTTP_KEYS.into_iter().chain(["cwd"]) {
        if ours.remove(key).is_some() {
            taken.push(key.to_owned());
        }
    }
    if ours.get("enabled").and_then(Item::as_bool) == Some(false) && ours.remove("enabled").is_some() {
        taken.push("enabled".to_owned());
    }
    if let Some(env) = ours.get_mut("env").and_then(Item::as_table_like_mut) {
        for name in environment::AGENT_VARIABLES.into_iter().chain([variables::API_URL, variables::API_KEY]) {
            if env.remove(name).is_some() {
                taken.push(format!("env.{name}"));
            }
        }
    }
    taken
}

fn with_server(file: &SettingsFile, server: &str, secrets: &[&str]) -> Result<Written, LaunchError> {
    let mut document = file.toml()?;
    let servers = inner(file, document.as_table_mut(), SERVERS, Header::Implied)?;
    let ours = inner(file, servers, SERVER_NAME, Header::Written)?;
    let replaced = remove_overriding_keys(ours);
    set(ours, "command", server.into());
    set(ours, "args", Array::new().into());
    let forwarded = forwarded(ours, secrets);
    set(ours, "env_vars", forwarded.clone().into());
    Ok(Written { text: document.to_string(), replaced, forwarded })
}

/// Whether a new table gets its own `[header]`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Header {
    Written,
    Implied,
}

/// The table with this name. Creates it if it is missing, and never replaces another value.
fn inner<'a>(
    file: &SettingsFile,
    table: &'a mut dyn TableLike,
    name: &str,
    header: Header,
) -> Result<&'a mut dyn TableLike, LaunchError> {
    let made = || {
        let mut table = Table::new();
        table.set_implicit(header == Header::Implied);
        Item::Table(table)
    };
    let what = format!("{name} is not a table; correct it first, nothing was changed");
    table.entry(name).or_insert_with(made).as_table_like_mut().ok_or_else(|| file.unusable(&what))
}

/// The names of the variables to pass on. Names that the user added and names for other ventures come first.
fn forwarded(ours: &dyn TableLike, secrets: &[&str]) -> Array {
    let mut names = ours.get("env_vars").and_then(Item::as_array).cloned().unwrap_or_default();
    for name in required_variables().chain(secrets.iter().copied()) {
        if !names.iter().any(|listed| listed.as_str() == Some(name)) {
            names.push(name);
        }
    }
    names
}

/// Sets a value if it differs. An equal value keeps its layout and comment.
fn set(table: &mut dyn TableLike, name: &str, value: Value) {
    let plain = |value: &Value| value.clone().decorated("", "").to_string();
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) if plain(old) == plain(&value) => {}
        Some(old) => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(name, Item::Value(value));
        }
    }
}
