//! Tests of the registration: each agent CLI gets the server, and the user's other settings are kept.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use crate::golden::Transcript;
use crate::world::{Run, World};

const GEMINI: &str = "home/.gemini/settings.json";
const CODEX: &str = "home/.codex/config.toml";

const GEMINI_SETTINGS: &str = r#"{
    // my theme
    "theme":   "dark",
    "mcpServers": {
        "other": { "command": "other-mcp", "env": {"TOKEN": "$TOKEN"} } /* keep */
    },
    "zeta": [1,2,
             3]
}
"#;

const CODEX_SETTINGS: &str = "# mine\nmodel = 'gpt'   # the model\n\n[mcp_servers.other]\ncommand = \"other-mcp\"\n\n[tui]\nnotifications = true\n";

#[test]
fn claude_gets_a_separate_configuration_file() {
    let world = World::new();
    world.run(&["alpha", "--claude", "--", "-p", "hi"]).succeeds();
    let file = world.path("home/.local/state/deckwatch/mcp/claude.json");
    let args = world.record().args;
    assert_eq!(args[0], format!("--mcp-config={}", file.display()));
    assert_eq!(args[2..], ["-p", "hi"]);

    let settings: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let server = &settings["mcpServers"]["deckwatch"];
    assert_eq!(server["command"], world.path("bin/deckwatch-mcp").to_str().unwrap());
    assert!(!world.path("home/.claude/settings.json").exists() && !world.path("home/dev/alpha/.mcp.json").exists());
}

#[test]
fn claude_gets_its_slash_commands_and_files_of_the_user_stay() {
    let world = World::new();
    world.write("home/.claude/commands/eod.md", "my own way to end a day\n");
    world.run(&["alpha", "--claude"]).succeeds();
    let sod = world.read("home/.claude/commands/sod.md");
    assert!(sod.contains("Call the tool `sod` of the MCP server `deckwatch`"), "{sod}");
    assert_eq!(world.read("home/.claude/commands/eod.md"), "my own way to end a day\n");

    let mine = sod.replace("Start my day", "Begin my day");
    world.write("home/.claude/commands/sod.md", &mine);
    world.run(&["alpha", "--claude"]).succeeds();
    assert_eq!(world.read("home/.claude/commands/sod.md"), mine, "what the user changed stays");
}

#[test]
fn gemini_keeps_comments_layout_and_other_servers() {
    let world = World::new();
    world.write(GEMINI, GEMINI_SETTINGS);
    world.run(&["alpha", "--gemini", "--no-hooks"]).succeeds();

    let command = world.path("bin/deckwatch-mcp");
    let ours = format!(
        r#"}} }}, /* keep */
        "deckwatch": {{
            "command": "{}",
            "args": [],
            "env": {{
                "CONTEXT_API_KEY": "$CONTEXT_API_KEY",
                "GH_TOKEN": "$GH_TOKEN",
                "GITHUB_TOKEN": "$GITHUB_TOKEN",
                "GH_ENTERPRISE_TOKEN": "$GH_ENTERPRISE_TOKEN",
                "GITHUB_ENTERPRISE_TOKEN": "$GITHUB_ENTERPRISE_TOKEN"
            }}
        }}"#,
        command.display()
    );
    assert_eq!(world.read(GEMINI), GEMINI_SETTINGS.replace("} } /* keep */", &ours));
    assert_eq!(world.read("home/.gemini/settings.json.deckwatch-backup"), GEMINI_SETTINGS);
}

/// What the launcher says about the settings of a user, and what it makes of them.
#[test]
fn registrations_are_in_step() {
    const OWN_CODEX: &str =
        "[mcp_servers.deckwatch]\ncommand = \"old\" # was here\nenv_vars = [\"MINE\"]\nstartup_timeout_sec = 60\n";
    const OWN_GEMINI: &str =
        "{\"mcpServers\": {\"deckwatch\": {\"command\": \"old\", \"trust\": true, \"env\": {\"MINE\": \"1\"}}}}";
    const OVERRIDING_CODEX: &str = "[mcp_servers.deckwatch]\nurl = \"https://x\"\nbearer_token_env_var = \"T\"\n\
        enabled = false\ncwd = \"/\"\ntool_timeout_sec = 9\nhttp_headers = { a = \"b\" }\n\
        env = { DECKWATCH_AGENT = \"x\", MINE = \"1\" }\n";
    const OVERRIDING_GEMINI: &str = "{\"mcpServers\": {\"deckwatch\": {\"httpUrl\": \"https://x\", \"headers\": {}, \
        \"timeout\": 5, \"disabled\": true, \"env\": {\"DECKWATCH_AGENT\": \"x\", \"CONTEXT_API_URL\": \"https://x\", \
        \"DECKWATCH_REPO\": \"$DECKWATCH_REPO\", \"MINE\": \"1\"}}}}";
    let mut transcript = Transcript::new();
    for (about, flag, file, settings) in [
        ("settings with another server", "--codex", CODEX, CODEX_SETTINGS),
        ("settings with another server", "--gemini", GEMINI, GEMINI_SETTINGS),
        ("keys that the user added to the entry", "--codex", CODEX, OWN_CODEX),
        ("keys that the user added to the entry", "--gemini", GEMINI, OWN_GEMINI),
        ("keys that would override the entry", "--codex", CODEX, OVERRIDING_CODEX),
        ("keys that would override the entry", "--gemini", GEMINI, OVERRIDING_GEMINI),
    ] {
        let world = World::new();
        world.write(file, settings);
        transcript.run(about, &world, &mut world.launcher(&["alpha", flag]));
        transcript.file(&world, file);
        assert_eq!(world.read(&format!("{file}.deckwatch-backup")), settings);
    }
    let world = World::new();
    for (about, entry) in [("the repository overrides the entry", "deckwatch"), ("the repository has another", "other")]
    {
        let settings = format!("{{\"mcpServers\": {{\"{entry}\": {{\"command\": \"x\"}}}}}}");
        world.write("home/dev/alpha/.gemini/settings.json", &settings);
        transcript.run(about, &world, &mut world.launcher(&["alpha", "--gemini"]));
    }
    transcript.is_in_step("registering");
}

#[test]
fn settings_that_do_not_parse_are_in_step_and_not_changed() {
    const TWICE: &str = "{\"mcpServers\": {\"deckwatch\": {\n\"env\": {}, \"command\": \"x\",\n\"command\": \"y\"}}}";
    let mut transcript = Transcript::new();
    for (about, flag, file, text) in [
        ("two commas", "--gemini", GEMINI, "{\n  \"theme\": \"dark\",,\n}\n"),
        ("a list of servers", "--gemini", GEMINI, "{\"mcpServers\": []}"),
        ("a list", "--gemini", GEMINI, "[]"),
        ("a name twice", "--gemini", GEMINI, "{\"mcpServers\": {},\n \"mcpServers\": {}}"),
        ("a name twice in the entry", "--gemini", GEMINI, TWICE),
        ("an open bracket", "--codex", CODEX, "model = 'gpt'\n[mcp_servers\n"),
        ("a number of servers", "--codex", CODEX, "mcp_servers = 1\n"),
    ] {
        let world = World::new();
        world.write(file, text);
        transcript.run(about, &world, &mut world.launcher(&["alpha", flag]));
        assert_eq!(world.read(file), text);
        assert!(!world.path("record.pid").exists());
    }
    transcript.is_in_step("registering-problems");
}

#[test]
fn a_second_launch_changes_nothing() {
    for (flag, file, settings) in [("--gemini", GEMINI, GEMINI_SETTINGS), ("--codex", CODEX, CODEX_SETTINGS)] {
        for start in [Some(settings), Some(""), None] {
            let world = World::new();
            if let Some(text) = start {
                world.write(file, text);
            }
            world.run(&["alpha", flag]).succeeds();
            let (first, changed) = (world.read(file), world.path(file).metadata().unwrap().modified().unwrap());
            let again = world.run(&["alpha", flag]).succeeds();
            assert_eq!(world.read(file), first);
            assert_eq!(world.path(file).metadata().unwrap().modified().unwrap(), changed);
            assert!(!again.stderr.contains("registered"), "{}", again.stderr);
        }
    }
}

#[test]
fn the_backup_is_the_file_before_the_first_change() {
    let world = World::new();
    world.write(CODEX, CODEX_SETTINGS);
    world.run(&["alpha", "--codex"]).succeeds();
    world.write(CODEX, "model = 'another'\n");
    world.run(&["alpha", "--codex"]).succeeds();
    assert!(world.read(CODEX).contains("another"));
    assert_eq!(world.read("home/.codex/config.toml.deckwatch-backup"), CODEX_SETTINGS);
}

#[test]
fn links_and_permissions_stay() {
    let world = World::new();
    world.write("home/dotfiles/codex.toml", CODEX_SETTINGS);
    let target = world.path("home/dotfiles/codex.toml");
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::fs::create_dir_all(world.path("home/.codex")).unwrap();
    symlink(&target, world.path(CODEX)).unwrap();

    world.run(&["alpha", "--codex"]).succeeds();
    assert!(world.path(CODEX).symlink_metadata().unwrap().is_symlink());
    assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    assert!(world.read("home/dotfiles/codex.toml").contains("[mcp_servers.deckwatch]"));
}

#[test]
fn a_new_settings_file_is_private_and_no_temporary_file_is_left() {
    let world = World::new();
    world.run(&["alpha", "--codex"]).succeeds();
    assert_eq!(world.path(CODEX).metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let names: Vec<_> = std::fs::read_dir(world.path("home/.codex")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["config.toml"]);
}

#[test]
fn the_configured_folders_of_the_agent_clis_are_used() {
    let world = World::new();
    let mut launcher = world.launcher(&["alpha", "--codex"]);
    launcher.env("CODEX_HOME", world.path("home/codex-home"));
    Run::of(&mut launcher).succeeds();
    assert!(world.path("home/codex-home/config.toml").exists() && !world.path(CODEX).exists());

    let mut launcher = world.launcher(&["alpha", "--gemini"]);
    launcher.env("GEMINI_CLI_HOME", world.path("home/gemini-home"));
    Run::of(&mut launcher).succeeds();
    assert!(world.path("home/gemini-home/.gemini/settings.json").exists() && !world.path(GEMINI).exists());
}

#[test]
fn an_outdated_server_is_reported_with_advice() {
    let world = World::new();
    for (server, said) in [
        ("#!/bin/sh\necho 'deckwatch-mcp 0.0.1 (0123456789ab)'\n", Some("deckwatch-mcp is 0.0.1 (0123456789ab)")),
        ("#!/bin/sh\n", Some("an unknown build")),
        ("#!/bin/sh\nexec sleep 600\n", Some("an unknown build")),
        (
            &format!("#!/bin/sh\necho 'deckwatch-mcp {} ({})'\n", env!("CARGO_PKG_VERSION"), deckwatch_client::COMMIT),
            None,
        ),
    ] {
        world.install("deckwatch-mcp", server);
        let run = world.run(&["alpha"]).succeeds();
        match said {
            Some(words) => {
                assert!(run.stderr.contains(words) && run.stderr.contains("`launcher self update`"), "{}", run.stderr);
            }
            None => assert!(!run.stderr.contains("deckwatch-mcp is"), "{}", run.stderr),
        }
    }
}

#[test]
fn the_alternate_screen_is_disabled_only_with_the_flag() {
    let world = World::new();
    world.run(&["alpha", "--codex", "--no-alt-screen", "--", "resume", "--no-daemon"]).succeeds();
    assert_eq!(world.record().own_args(), ["--no-alt-screen", "resume", "--no-daemon"]);
    let settings = |value: &str| format!("{{\"ui\": {{\"useAlternateBuffer\": {value} /* mine */}}}}\n");
    world.write(GEMINI, &settings("true"));
    world.run(&["alpha", "--gemini"]).succeeds();
    assert!(world.read(GEMINI).contains("\"useAlternateBuffer\": true /* mine */"), "{}", world.read(GEMINI));
    world.run(&["alpha", "--gemini", "--no-alt-screen"]).succeeds();
    assert!(world.read(GEMINI).contains("\"useAlternateBuffer\": false /* mine */"), "{}", world.read(GEMINI));
}

#[test]
fn line_ends_and_the_byte_order_mark_stay() {
    let dos = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    // The last line of an object to which an entry is added.
    let gets_comma = |line: &str| line.contains("keep */") || line.contains(" 3]");
    for (flag, file, settings) in [("--gemini", GEMINI, GEMINI_SETTINGS), ("--codex", CODEX, CODEX_SETTINGS)] {
        let world = World::new();
        world.write(file, &dos(settings));
        world.run(&["alpha", flag]).succeeds();
        let after = world.read(file);
        assert!(after.contains("deckwatch-mcp"), "{after}");
        assert_eq!(after, dos(&after.trim_start_matches('\u{feff}').replace("\r\n", "\n")), "{after:?}");
        for line in dos(settings).split_inclusive('\n').filter(|line| !gets_comma(line)) {
            assert!(after.contains(line), "{line:?} is gone from {after:?}");
        }
        assert_eq!(world.read(&format!("{file}.deckwatch-backup")), dos(settings));

        let mixed = settings.replacen('\n', "\r\n", 1);
        world.write(file, &mixed);
        world.run(&["alpha", flag]).succeeds();
        let first = mixed.split_inclusive('\n').next().unwrap();
        assert!(world.read(file).starts_with(first), "{:?}", world.read(file));
        assert_eq!(world.read(file).matches('\r').count(), 1, "{:?}", world.read(file));
    }
}

#[test]
fn unwritable_settings_do_not_stop_a_launch() {
    for (flag, file) in [("--codex", CODEX), ("--gemini", GEMINI)] {
        let world = World::new();
        // The name of the file has 255 characters. A temporary file beside it would need a longer name, which also root can't
        // create.
        let kept = format!("home/store/{}", "s".repeat(255));
        world.write(&kept, "");
        let link = world.path(file);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(world.path(&kept), &link).unwrap();
        let run = world.run(&["alpha", flag]).succeeds();
        assert!(run.stderr.contains("is for this launch only"), "{}", run.stderr);
        let (agent, server) = (world.record(), world.path("bin/deckwatch-mcp"));
        if flag == "--codex" {
            assert!(agent.args.contains(&format!("mcp_servers.deckwatch.command=\"{}\"", server.display())));
            let names = agent.args.iter().find(|arg| arg.starts_with("mcp_servers.deckwatch.env_vars=")).unwrap();
            assert!(names.contains("\"DECKWATCH_AGENT\"") && names.contains("\"DECKWATCH_LAUNCH\""), "{names}");
        } else {
            let file = &agent.env["GEMINI_CLI_SYSTEM_DEFAULTS_PATH"];
            let settings: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            assert_eq!(settings["mcpServers"]["deckwatch"]["command"], server.to_str().unwrap());
        }
    }
}

#[test]
fn claude_is_found_in_the_folder_of_its_installer() {
    let world = World::new();
    let installed = world.read("bin/claude");
    world.remove("bin/claude");
    world.install("../home/.claude/local/claude", &installed);
    world.run(&["alpha", "--claude"]).succeeds();
    assert_eq!(world.record().env["DECKWATCH_CLIENT"], "claude");
}

#[test]
fn codex_also_gets_the_registration_on_its_command_line() {
    let world = World::new();
    world.write("home/dev/alpha/.codex/config.toml", "[mcp_servers.deckwatch]\ncommand = \"x\"\nenv_vars = []\n");
    world.run(&["alpha", "--codex"]).succeeds();
    let args = world.record().args;
    let server = world.path("bin/deckwatch-mcp");
    assert!(args.contains(&format!("mcp_servers.deckwatch.command=\"{}\"", server.display())), "{args:?}");
    assert!(args.iter().any(|arg| arg == "mcp_servers.deckwatch.enabled=true"), "{args:?}");
    let names = args.iter().find(|arg| arg.starts_with("mcp_servers.deckwatch.env_vars=")).unwrap();
    assert!(names.contains("\"DECKWATCH_AGENT\""), "{names}");
}

#[test]
fn a_settings_file_keeps_its_owner() {
    let world = World::new();
    world.write(CODEX, CODEX_SETTINGS);
    // Only root can change the owner of a file.
    if std::os::unix::fs::chown(world.path(CODEX), Some(12_345), None).is_ok() {
        world.run(&["alpha", "--codex"]).succeeds();
        assert!(world.read(CODEX).contains("[mcp_servers.deckwatch]"));
        for file in [CODEX.to_owned(), format!("{CODEX}.deckwatch-backup")] {
            assert_eq!(world.path(&file).metadata().unwrap().uid(), 12_345, "{file}");
        }
    }
}

#[test]
fn a_settings_file_without_a_write_bit_is_not_replaced() {
    for (flag, file) in [("--codex", CODEX), ("--gemini", GEMINI)] {
        let world = World::new();
        world.write(file, "");
        std::fs::set_permissions(world.path(file), std::fs::Permissions::from_mode(0o444)).unwrap();
        let run = world.run(&["alpha", flag]).succeeds();
        assert!(run.stderr.contains("is for this launch only"), "{}", run.stderr);
        assert_eq!(world.read(file), "");
    }
}

#[test]
fn a_chain_of_links_is_followed_and_no_missing_folder_is_created() {
    let world = World::new();
    for folder in ["home/.codex", "home/store"] {
        std::fs::create_dir_all(world.path(folder)).unwrap();
    }
    symlink("../store/first", world.path(CODEX)).unwrap();
    symlink("second", world.path("home/store/first")).unwrap();
    world.run(&["alpha", "--codex"]).succeeds();
    assert!(world.path("home/store/first").symlink_metadata().unwrap().is_symlink());
    assert!(world.read("home/store/second").contains("[mcp_servers.deckwatch]"));

    // A folder that is not mounted is not created.
    world.remove(CODEX);
    symlink("../unmounted/config.toml", world.path(CODEX)).unwrap();
    let run = world.run(&["alpha", "--codex"]).succeeds();
    assert!(run.stderr.contains("is for this launch only"), "{}", run.stderr);
    assert!(!world.path("home/unmounted").exists());

    // A link to itself leads to no file.
    world.remove(CODEX);
    symlink("config.toml", world.path(CODEX)).unwrap();
    world.run(&["alpha", "--codex"]).refuses(16, &["config.toml"]);
}

#[test]
fn gemini_keeps_the_configured_system_defaults() {
    let world = World::new();
    let kept = format!("home/store/{}", "s".repeat(255));
    world.write(&kept, "");
    std::fs::create_dir_all(world.path("home/.gemini")).unwrap();
    symlink(world.path(&kept), world.path(GEMINI)).unwrap();
    world.write("corp.json", "{\"theme\": \"corp\", /* ours */ \"mcpServers\": {\"corp\": {\"command\": \"c\"}}}");
    let mut launcher = world.launcher(&["alpha", "--gemini"]);
    launcher.env("GEMINI_CLI_SYSTEM_DEFAULTS_PATH", world.path("corp.json"));
    Run::of(&mut launcher).succeeds();
    let file = &world.record().env["GEMINI_CLI_SYSTEM_DEFAULTS_PATH"];
    let settings: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!((&settings["theme"], &settings["mcpServers"]["corp"]["command"]), (&"corp".into(), &"c".into()));
    assert!(settings["mcpServers"]["deckwatch"]["command"].is_string(), "{settings}");
}
