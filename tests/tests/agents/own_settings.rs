//! The user's own settings of the agent CLI stay as they are and still work.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use serde_json::json;

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::running::Running;

crate::with_every_agent![the_users_own_servers_and_comments_are_kept];

async fn the_users_own_servers_and_comments_are_kept(machine: Machine) {
    let settings = machine.path(machine.cli.settings_file());
    let model = ScriptedModel::start(Script::default().call("sod", json!({}))).await;
    machine.launch(&model).success().await;
    let offered: Vec<String> = model.heard().into_iter().flat_map(|heard| heard.tools).collect();
    assert!(offered.iter().any(|tool| tool == machine.cli.own_tool()), "{offered:?}");
    let after = std::fs::read_to_string(&settings).unwrap();
    for text in ["mine", "own-server.mjs", machine.cli.own_text()] {
        assert!(after.contains(text), "{text} is missing from {after}");
    }
}

#[tokio::test]
async fn codex_starts_if_an_http_server_was_registered_under_our_name() {
    let Some(machine) = Machine::with(AgentCli::Codex) else { return };
    let ours =
        "[mcp_servers.deckwatch]\nurl = \"https://127.0.0.1:9/mcp\"\nbearer_token_env_var = \"T\"\nenabled = false\n";
    append(&machine, &ours.replace('\n', "\r\n"));
    starts_a_day(&machine, &[]).await;
}

#[tokio::test]
async fn gemini_starts_if_an_http_server_was_registered_under_our_name() {
    let Some(machine) = Machine::with(AgentCli::Gemini) else { return };
    let settings = std::fs::read_to_string(machine.path(machine.cli.settings_file())).unwrap();
    let ours = r#""mcpServers": {"deckwatch": {"httpUrl": "http://127.0.0.1:9/mcp"}, "#;
    machine.write(machine.cli.settings_file(), &settings.replace(r#""mcpServers": {"#, ours));
    starts_a_day(&machine, &[]).await;
}

#[tokio::test]
async fn gemini_does_not_start_an_excluded_server_and_the_launcher_reports_it() {
    let Some(machine) = Machine::with(AgentCli::Gemini) else { return };
    let settings = std::fs::read_to_string(machine.path(machine.cli.settings_file())).unwrap();
    let excludes = r#"{"mcp": {"excluded": ["deckwatch"]},"#;
    machine.write(machine.cli.settings_file(), &settings.replacen('{', excludes, 1));
    let model = ScriptedModel::start(Script::default().call("sod", json!({}))).await;
    let output = machine.launch(&model).output().await;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("Gemini CLI does not start the server: mcp.excluded"), "{stderr}");
    assert!(model.heard().iter().all(|heard| !heard.tools.iter().any(|tool| tool == "mcp_deckwatch_sod")), "{stderr}");
}

#[tokio::test]
async fn codex_works_if_its_settings_cannot_be_written() {
    let Some(machine) = Machine::with(AgentCli::Codex) else { return };
    make_settings_read_only(&machine);
    starts_a_day(&machine, &[]).await;
}

#[tokio::test]
async fn gemini_works_if_its_settings_cannot_be_written() {
    // Gemini CLI does not read system settings from a folder that other users can write to.
    let mode = |folder: &Path| folder.metadata().unwrap().permissions().mode();
    let is_safe = |place: &PathBuf| {
        place.canonicalize().is_ok_and(|place| place.ancestors().all(|folder| mode(folder) & 0o022 == 0))
    };
    let places = [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), std::env::temp_dir()].into_iter().chain(own_homes());
    let home = places.filter(is_safe).find_map(|place| tempfile::tempdir_in(place).ok());
    let home =
        home.expect("a folder of this user with no folder above it that others may write to; TMPDIR can name one");
    let Some(machine) = Machine::with_home(AgentCli::Gemini, home) else { return };
    make_settings_read_only(&machine);
    starts_a_day(&machine, &[]).await;
}

/// This user's home, as the environment and as the system name it.
fn own_homes() -> Vec<PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    let user = tempfile::tempfile().unwrap().metadata().unwrap().uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let own = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let own = own.filter(|fields| fields.get(2) == Some(&user.as_str()));
    let homes = own.filter_map(|fields| fields.get(5).map(PathBuf::from));
    std::env::var_os("HOME").map(PathBuf::from).into_iter().chain(homes).collect()
}

/// Runs an agent's start of day, with more options for its CLI.
async fn starts_a_day(machine: &Machine, options: &[String]) {
    let model = ScriptedModel::start(Script::default().call("sod", json!({}))).await;
    let mut arguments = machine.cli.arguments(&model);
    let before_prompt = arguments.len() - 1;
    arguments.splice(before_prompt..before_prompt, options.iter().cloned());
    let mut command = machine.launcher(&[]);
    command.args(arguments).envs(machine.cli.variables(&model));
    Running::start(command).success().await;
    let seen = &model.results(1).await[0];
    assert!(seen.contains(&format!("-{}-1 ", machine.cli.program())), "{seen}");
}

fn append(machine: &Machine, text: &str) {
    let settings = std::fs::read_to_string(machine.path(machine.cli.settings_file())).unwrap();
    machine.write(machine.cli.settings_file(), &(settings + "\n" + text));
}

/// Replaces the settings file by a link to a file that can be read but not replaced: its name is so long that no
/// temporary file with a longer name can be created in the same folder. Permissions would not stop root.
fn make_settings_read_only(machine: &Machine) {
    let file = machine.path(machine.cli.settings_file());
    let store = machine.path("store");
    std::fs::create_dir_all(&store).unwrap();
    let kept = store.join("s".repeat(255));
    std::fs::rename(&file, &kept).unwrap();
    symlink(&kept, &file).unwrap();
}
