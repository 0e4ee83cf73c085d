//! Tests of the sources of the machine identity (a command, the keyring, Infisical's tool) and of the API key.

use std::time::Instant;

use crate::infisical::{CLIENT_ID, CLIENT_SECRET, Deviation, Infisical};
use crate::keyring::Desktop;
use crate::secrets::{VALUE, launcher, world_with};
use crate::world::{Run, World};

const KEY: &str = "0123456789abcdef-the-key";

/// A stub of Infisical's tool. It is logged in unless a test sets `CLI_SAYS`.
const CLI: &str = r#"#!/bin/sh
printf '%s\n' "$@" > "$HOME/cli.args"
printf '%s\n' "$INFISICAL_DOMAIN" > "$HOME/cli.domain"
[ -z "$CLI_SAYS" ] || { printf "$CLI_SAYS" >&2; exit 1; }
printf '%s' "$CLI_PRINTS"
"#;

fn with_command(infisical: &Infisical, script: &str) -> World {
    let world = world_with(infisical);
    let command = "credential_command = [\"identity\", \"two words\", \"$HOME\"]\n";
    world.write("home/.config/deckwatch/config.toml", &format!("{}{command}", infisical.config()));
    world.install("identity", &format!("#!/bin/sh\n{script}\n"));
    world
}

#[test]
fn a_command_prints_the_identity_and_runs_without_a_shell() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    for prints in [
        format!("printf '%s\\n' {CLIENT_ID} {CLIENT_SECRET}"),
        format!("printf '%s' '{{\"clientId\": \"{CLIENT_ID}\", \"clientSecret\": \"{CLIENT_SECRET}\"}}'"),
    ] {
        let script = format!("[ \"$1\" = 'two words' ] && [ \"$2\" = '$HOME' ] && {prints}");
        let world = with_command(&infisical, &script);
        world.run(&["alpha", "--require-secrets"]).succeeds();
        assert_eq!(world.record().env["DATABASE_URL"], VALUE);
        let plan = world.run(&["alpha", "--dry-run"]).succeeds().stdout;
        assert!(plan.contains("credential of credential_command"), "{plan}");
    }
}

#[test]
fn a_failing_command_is_reported_without_its_output() {
    let cases = [
        ("printf 'id\\nh4lf a s3cret\\n'", "a part of it is empty or contains spaces"),
        ("printf 'h4lf'", "it does not have two lines"),
        ("printf 'h4lf\\377\\n'", "not UTF-8"),
        ("printf 'h4lf'; printf '\\033[31mvault is\\n sealed\\007' >&2; exit 3", "identity: vault is sealed"),
        ("exit 1", "it failed without a message"),
    ];
    for (script, said) in cases {
        let infisical = Infisical::start();
        let world = with_command(&infisical, script);
        let run = world.run(&["alpha", "--require-secrets"]);
        run.refuses(25, &["credential_command returned no credential", said]);
        assert!(!run.stderr.contains("h4lf"), "{}", run.stderr);
        assert_eq!(infisical.calls(), [""; 0]);
    }
    let world = with_command(&Infisical::start(), "exit 0");
    world.remove("bin/identity");
    world.run(&["alpha", "--require-secrets"]).refuses(25, &["identity can't be run"]);
}

#[test]
fn a_command_that_hangs_delays_a_start_by_fifteen_seconds_at_most() {
    let world = with_command(&Infisical::start(), "exec sleep 600");
    let started = Instant::now();
    let stderr = world.run(&["alpha"]).succeeds().stderr;
    assert!(stderr.contains("identity did not end within 15 seconds"), "{stderr}");
    assert!((14..30).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[test]
fn without_a_machine_identity_the_infisical_tool_is_used() {
    let infisical = Infisical::start();
    let world = world_with(&infisical);
    world.install("infisical", CLI);
    let export = format!(r#"[{{"key": "DATABASE_URL", "value": "{VALUE}", "type": "shared", "comment": ""}}]"#);
    let mut command = world.launcher(&["alpha", "--require-secrets"]);
    Run::of(command.env("CLI_PRINTS", export).env("INFISICAL_TOKEN", "p3rsonal-token")).succeeds();

    let agent = world.record().env;
    assert_eq!(agent["DATABASE_URL"], VALUE);
    assert!(!agent.contains_key("INFISICAL_TOKEN"));
    let args = world.read("home/cli.args");
    for arg in
        ["export", "--format=json", "--secret-overriding=false", "--env=dev", "--path=/alpha", "--projectId=project-1"]
    {
        assert!(args.lines().any(|line| line == arg), "{args}");
    }
    assert!(!args.contains("p3rsonal-token"), "{args}");
    assert_eq!(world.read("home/cli.domain").trim(), infisical.url);
    assert_eq!(infisical.calls(), [""; 0]);

    infisical.folder("/alpha", &[("DATABASE_URL", "from the api")]);
    Run::of(&mut launcher(&world, &["alpha"])).succeeds();
    assert_eq!(world.record().env["DATABASE_URL"], "from the api");
}

#[test]
fn messages_of_the_infisical_tool_are_cleaned_and_its_output_is_never_shown() {
    let world = world_with(&Infisical::start());
    world.install("infisical", CLI);
    let mut command = world.launcher(&["alpha", "--require-secrets"]);
    let run = Run::of(command.env("CLI_SAYS", "\\033[1mYou must\\n be logged in\\007"));
    run.refuses(25, &["the infisical command returned no secrets: You must be logged in", "infisical login"]);

    let mut command = world.launcher(&["alpha", "--require-secrets"]);
    let run = Run::of(command.env("CLI_PRINTS", format!("[{{\"key\": 7, \"value\": \"{VALUE}\"}}]")));
    run.refuses(25, &["not the JSON of an export"]);
    assert!(!run.stderr.contains(VALUE));
}

#[test]
fn without_a_credential_the_error_lists_all_sources() {
    let world = world_with(&Infisical::start());
    let ways = ["no credential for Infisical", "launcher secrets login", "credential_command", "infisical login"];
    world.run(&["alpha", "--require-secrets"]).refuses(25, &ways);
    assert!(world.run(&["alpha", "--dry-run"]).succeeds().stdout.contains("no credential"));
}

#[test]
fn an_unreadable_keyring_is_reported() {
    let world = world_with(&Infisical::start());
    world.install("secret-tool", "#!/bin/sh\nprintf 'secret-tool: Cannot autolaunch D-Bus\\n' >&2\nexit 1\n");
    let said = ["the keyring could not be read: secret-tool: Cannot autolaunch D-Bus"];
    world.run(&["alpha", "--require-secrets"]).refuses(25, &said);
}

#[test]
fn the_keyring_stores_an_identity_for_one_host_until_logout() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    let world = world_with(&infisical);
    let Some(desktop) = Desktop::start(&world) else { return };
    let run = |args: &[&str]| desktop.run(&world, args);

    run(&["alpha", "--require-secrets"]).refuses(25, &["no credential for Infisical"]);
    let refused = desktop.typed(&world, &["secrets", "login"], &format!("{CLIENT_ID}\nwr0ng"));
    refused.refuses(25, &["refused the credential of this login"]);
    run(&["alpha", "--require-secrets"]).refuses(25, &["no credential for Infisical"]);

    let kept = desktop.typed(&world, &["secrets", "login"], &format!("{CLIENT_ID}\n{CLIENT_SECRET}\n"));
    assert!(kept.succeeds().stderr.contains("the machine identity is stored in the keyring"));
    run(&["alpha", "--require-secrets"]).succeeds();
    assert_eq!(world.record().env["DATABASE_URL"], VALUE);
    for (path, bytes) in world.home_files() {
        assert!(!String::from_utf8_lossy(&bytes).contains(CLIENT_SECRET), "{}", path.display());
    }

    let other = Infisical::start();
    let mut command = world.launcher(&["alpha", "--require-secrets"]);
    let elsewhere = Run::of(desktop.inside(command.env("INFISICAL_DOMAIN", &other.url)));
    elsewhere.refuses(25, &["no credential for Infisical"]);
    assert_eq!(other.calls(), [""; 0]);

    run(&["secrets", "logout"]).succeeds();
    run(&["alpha", "--require-secrets"]).refuses(25, &["no credential for Infisical"]);
}

#[test]
fn the_api_key_comes_from_the_configured_source() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    infisical.folder("/deckwatch", &[("API_KEY", KEY)]);
    let world = world_with(&infisical);
    world.install("print-key", &format!("#!/bin/sh\nprintf '%s\\n' '{KEY}'\n"));
    for (way, origin) in [
        ("key_command = [\"print-key\"]", "key of key_command"),
        ("key_infisical = \"/deckwatch/API_KEY\"", "key of Infisical, /deckwatch/API_KEY"),
    ] {
        let api = format!("[api]\nurl = \"https://context.example\"\n{way}\n");
        world.write("home/.config/deckwatch/config.toml", &format!("{api}{}", infisical.config()));
        let calls = infisical.calls().len();
        let plan = Run::of(&mut launcher(&world, &["alpha", "--dry-run"])).succeeds().stdout;
        assert!(plan.contains(origin) && plan.contains("CONTEXT_API_KEY") && !plan.contains(KEY), "{plan}");
        assert_eq!(infisical.calls().len(), calls, "a plan fetches nothing");

        Run::of(&mut launcher(&world, &["alpha", "--require-secrets"])).succeeds();
        let env = world.record().env;
        assert_eq!(
            (env["CONTEXT_API_KEY"].as_str(), env["CONTEXT_API_URL"].as_str()),
            (KEY, "https://context.example")
        );
        assert_eq!(env["DECKWATCH_SECRETS"], "CONTEXT_API_KEY,DATABASE_URL");

        Run::of(launcher(&world, &["alpha"]).env("CONTEXT_API_KEY", "fedcba9876543210")).succeeds();
        assert_eq!(world.record().env["CONTEXT_API_KEY"], "fedcba9876543210");
    }
}

#[test]
fn two_folders_need_one_login_and_an_expired_token_needs_another() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    infisical.folder("/", &[("API_KEY", KEY)]);
    let world = world_with(&infisical);
    let api = "[api]\nurl = \"https://context.example\"\nkey_infisical = \"API_KEY\"\n";
    world.write("home/.config/deckwatch/config.toml", &format!("{api}{}", infisical.config()));
    let logins = || infisical.calls().iter().filter(|call| call.contains("login")).count();
    Run::of(&mut launcher(&world, &["alpha", "--require-secrets"])).succeeds();
    assert_eq!((logins(), infisical.calls().len()), (1, 3));

    infisical.deviate_at_lists([Deviation::Slow(std::time::Duration::ZERO), Deviation::Revoke]);
    Run::of(&mut launcher(&world, &["alpha", "--require-secrets"])).succeeds();
    assert_eq!((logins(), world.record().env["CONTEXT_API_KEY"].as_str()), (3, KEY));

    let before = infisical.calls().len();
    infisical.deviate_at_lists((0..3).map(|_| Deviation::Answer(500, "", String::new())));
    let stderr = Run::of(&mut launcher(&world, &["alpha"])).succeeds().stderr;
    assert!(stderr.contains("without its secrets") && stderr.contains("without the key"), "{stderr}");
    assert_eq!(infisical.calls().len(), before + 4, "one login, three tries, and no more for the second folder");
}

#[test]
fn an_agent_starts_although_the_api_key_cannot_be_fetched() {
    let world = World::new();
    let api = "[api]\nurl = \"https://context.example\"\nkey_command = [\"no-such-program\"]\n";
    world.write("home/.config/deckwatch/config.toml", api);
    let stderr = world.run(&["alpha"]).succeeds().stderr;
    assert!(
        stderr.contains("no-such-program can't be run") && stderr.contains("without the key of the Context API"),
        "{stderr}"
    );
    assert!(!world.record().env.contains_key("CONTEXT_API_KEY"));
    world.remove("home/.config/deckwatch/ventures.json");
    world.run(&["--list"]).refuses(25, &["key_command returned no key for the Context API"]);
}

#[test]
fn the_keyring_stores_the_api_key() {
    let world = World::new();
    let Some(desktop) = Desktop::start(&world) else { return };
    let api = "[api]\nurl = \"https://context.example\"\nkey_keyring = true\n";
    world.write("home/.config/deckwatch/config.toml", api);
    desktop.typed(&world, &["secrets", "login", "--api-key"], &format!("{KEY}\n")).succeeds();
    desktop.run(&world, &["alpha"]).succeeds();
    assert_eq!(world.record().env["CONTEXT_API_KEY"], KEY);
    desktop.run(&world, &["secrets", "logout", "--api-key"]).succeeds();
    let stderr = desktop.run(&world, &["alpha"]).succeeds().stderr;
    assert!(stderr.contains("launcher secrets login --api-key"), "{stderr}");
}
