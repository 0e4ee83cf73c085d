//! Tests of starting the agent: its folder, its environment and its process.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use crate::world::{Run, World};

#[test]
fn the_agent_starts_in_the_repository_and_knows_who_it_is() {
    let world = World::new();
    world.run(&["alpha", "--claude", "--track", "0", "--issue", "87"]).succeeds();

    let agent = world.record();
    assert_eq!(agent.cwd, world.path("home/dev/alpha"));
    for (name, value) in [
        ("DECKWATCH_VENTURE", "alpha"),
        ("DECKWATCH_CLIENT", "claude"),
        ("DECKWATCH_TRACK", "0"),
        ("DECKWATCH_ISSUE", "87"),
    ] {
        assert_eq!(agent.env[name], value);
    }
    assert!(agent.env["DECKWATCH_AGENT"].ends_with("-claude-1"), "{}", agent.env["DECKWATCH_AGENT"]);
    assert_eq!(agent.env["DECKWATCH_VENTURES"], world.path("home/.config/deckwatch/ventures.json").to_str().unwrap());
    assert_eq!(agent.env["DECKWATCH_DEV_ROOT"], world.path("home/dev").to_str().unwrap());
    assert!(!agent.env.contains_key("CONTEXT_API_URL"));
}

#[test]
fn the_repository_name_is_spelled_as_in_the_venture() {
    let world = World::new();
    world.repository("home/dev/beta", "git@github.com:Example-Org/BETA.git");
    world.run(&["beta", "--claude"]).succeeds();
    assert_eq!(world.record().env["DECKWATCH_REPO"], "example-org/beta");
}

#[test]
fn repositories_with_the_same_folder_name_get_names_of_their_own_at_their_first_launch() {
    let world = World::new();
    world.remove("home/.config/deckwatch/ventures.json");
    let folders = ["a/notes", "b/notes", "c/notes"];
    for folder in folders {
        std::fs::create_dir_all(world.path(folder)).unwrap();
        let init = Command::new("git").current_dir(world.path(folder)).args(["init", "--quiet"]).status().unwrap();
        assert!(init.success());
    }
    let launch = |folder: &str| {
        let mut launcher = world.launcher(&[".", "--claude"]);
        launcher.current_dir(world.path(folder)).env("RECORD", world.path(&folder.replace('/', "-")));
        launcher
    };
    // A plan reserves no name.
    Run::of(launch(folders[2]).arg("--dry-run")).succeeds();
    // The first two launches run at once. No server of an agent has run before them.
    let running = folders[..2].iter().map(|folder| launch(folder).spawn().unwrap()).collect::<Vec<_>>();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    Run::of(&mut launch(folders[2])).succeeds();
    let mut names: Vec<(String, String)> = folders
        .map(|folder| {
            let mut env = world.record_named(&folder.replace('/', "-")).env;
            (env.remove("DECKWATCH_REPO").unwrap(), env.remove("DECKWATCH_VENTURE").unwrap())
        })
        .into();
    let again = Run::of(&mut launch(folders[0])).succeeds();
    let same = world.record_named("a-notes").env;
    assert_eq!((&same["DECKWATCH_REPO"], &same["DECKWATCH_VENTURE"]), (&names[0].0, &names[0].1), "{}", again.stderr);
    names.sort();
    assert_eq!((names[0].0.as_str(), names[0].1.as_str()), ("local/notes", "notes"));
    assert!(names[1..].iter().all(|(repo, venture)| repo.starts_with("local/notes-") && venture.starts_with("notes-")));
    assert!(names[1].0 != names[2].0 && names[1].1 != names[2].1, "{names:?}");
}

#[test]
fn arguments_after_the_dashes_reach_the_agent_unchanged() {
    let world = World::new();
    world.run(&["alpha", "--codex", "--", "exec", "--list", "two words", ""]).succeeds();
    assert_eq!(world.record().own_args(), ["exec", "--list", "two words", ""]);
}

#[test]
fn the_agent_replaces_the_process_of_the_launcher() {
    let world = World::new();
    let agent = world.start("one", &["alpha"]);
    assert_eq!(agent.child.id(), agent.record.pid);

    let code = Run::of(world.launcher(&["alpha"]).env("AGENT_EXITS", "42")).code;
    assert_eq!(code, Some(42));
}

#[test]
fn signals_reach_the_agent() {
    let world = World::new();
    let mut agent = world.start("one", &["alpha"]);
    assert!(Command::new("kill").args(["-TERM", &agent.child.id().to_string()]).status().unwrap().success());
    assert_eq!(agent.child.wait().unwrap().signal(), Some(15));
}

#[cfg(target_os = "linux")]
#[test]
fn the_agent_inherits_no_ignored_signals() {
    let world = World::new();
    let agent = world.start("one", &["alpha"]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.child.id())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    let sigpipe = 1 << 12;
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & sigpipe, 0, "{ignored}");
}

#[test]
fn two_agents_have_two_names_and_a_crashed_agent_gets_its_name_again() {
    let world = World::new();
    let first = world.start("one", &["alpha"]);
    let second = world.start("two", &["alpha"]);
    assert!(first.name().ends_with("-claude-1") && second.name().ends_with("-claude-2"));

    let name = first.name().to_owned();
    drop(first);
    assert_eq!(world.start("three", &["alpha"]).name(), name);
}

#[test]
fn variables_of_another_launch_and_admin_keys_do_not_reach_the_agent() {
    let world = World::new();
    let withheld = ["ADMIN_API_KEY", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", "DECKWATCH_TRACK", "DECKWATCH_ISSUE"];
    let mut launcher = world.launcher(&["alpha"]);
    for name in withheld {
        launcher.env(name, "9");
    }
    launcher.env("ANTHROPIC_API_KEY", "the user's own");
    Run::of(&mut launcher).succeeds();

    let env = world.record().env;
    for name in withheld {
        assert!(!env.contains_key(name), "{name}");
    }
    assert_eq!(env["ANTHROPIC_API_KEY"], "the user's own");
}

#[test]
fn the_current_directory_is_used_if_it_belongs_to_the_venture() {
    let world = World::new();
    world.repository("elsewhere/clone", "https://github.com/Example-Org/Alpha.js");
    std::fs::create_dir(world.path("elsewhere/clone/src")).unwrap();
    Run::of(world.launcher(&["alpha"]).current_dir(world.path("elsewhere/clone/src"))).succeeds();
    assert_eq!(world.record().cwd, world.path("elsewhere/clone"));
}

#[test]
fn a_repository_can_be_named() {
    let world = World::new();
    world.repository("elsewhere/fork", "https://github.com/ann/alpha-fork");
    world.run(&["alpha", "--repo", "fork"]).succeeds();
    assert_eq!(world.record().cwd, world.path("elsewhere/fork"));
}

#[test]
fn a_launch_registers_the_venture_in_the_database_of_this_machine() {
    let world = World::new();
    world.run(&["alpha"]).succeeds();
    world.remove("home/.config/deckwatch/ventures.json");

    let list = world.run(&["--list", "--json"]).succeeds().stdout;
    assert!(list.contains("\"alpha\"") && list.contains("has_api") && list.contains("\"file\": null"), "{list}");
    world.run(&["alpha", "--codex"]).succeeds();
    assert_eq!(world.record().env["DECKWATCH_CLIENT"], "codex");
}

#[test]
fn a_dot_creates_a_venture_for_the_current_repository() {
    let world = World::new();
    world.repository("elsewhere/Gamma.rs", "https://github.com/example-org/Gamma.rs");
    Run::of(world.launcher(&["."]).current_dir(world.path("elsewhere/Gamma.rs"))).succeeds();
    assert_eq!(world.record().env["DECKWATCH_VENTURE"], "gamma-rs");

    Run::of(world.launcher(&["."]).current_dir(world.path("home/dev/alpha"))).succeeds();
    assert_eq!(world.record().env["DECKWATCH_VENTURE"], "alpha");
}

#[test]
fn an_agent_starts_although_the_api_is_down() {
    let world = World::new();
    let mut launcher = world.launcher(&["alpha"]);
    launcher.env("CONTEXT_API_URL", closed_port()).env("CONTEXT_API_KEY", "k".repeat(64));
    Run::of(&mut launcher).succeeds();
    assert_eq!(world.record().env["CONTEXT_API_KEY"], "k".repeat(64));
    assert!(!world.path("home/.local/share/deckwatch/context.db").exists());
}

#[test]
fn the_configured_api_and_its_key_reach_the_agent_and_no_file() {
    let world = World::new();
    let settings = "default_agent = \"gemini\"\n[api]\nurl = \"https://context.example\"\nkey_env = \"TEAM_KEY\"\n";
    world.write("home/.config/deckwatch/config.toml", settings);
    let key = "s3cr3t-s3cr3t-s3cr3t";
    Run::of(world.launcher(&["alpha"]).env("TEAM_KEY", key)).succeeds();

    let env = world.record().env;
    assert_eq!(env["CONTEXT_API_URL"], "https://context.example");
    assert_eq!(env["CONTEXT_API_KEY"], key);
    assert_eq!(env["DECKWATCH_CLIENT"], "gemini");
    for (path, bytes) in world.home_files() {
        assert!(!String::from_utf8_lossy(&bytes).contains(key), "{}", path.display());
    }
}

/// An address on which no program listens.
pub(crate) fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
