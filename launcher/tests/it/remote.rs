//! Tests of a session over SSH, where a keyring can't show its dialog. A stub of `security` is locked as on macOS.

use std::time::Instant;

use crate::infisical::{CLIENT_ID, CLIENT_SECRET, Infisical};
use crate::secrets::{VALUE, launcher, world_with};
use crate::world::{Run, World};

const SSH: (&str, &str) = ("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22");

/// A stub that asks on the terminal, as the real tool does. One of its messages is in another language.
const SECURITY: &str = r#"#!/bin/sh
echo "$*" >> "$HOME/security.calls"
locked() { echo "security: $1" >&2; exit "$2"; }
case $1 in
  unlock-keychain)
    printf 'password to unlock default: ' > /dev/tty
    read -r password < /dev/tty
    [ "$password" = open-sesame ] || locked 'the passphrase is not correct' 51
    : > "$HOME/unlocked" ;;
  find-generic-password)
    [ -e "$HOME/unlocked" ] || locked 'Benutzerinteraktion ist nicht erlaubt.' 36
    echo 'IDENTITY' ;;
  -i)
    [ -e "$HOME/unlocked" ] || locked 'SecKeychainItemCreate: User interaction is not allowed.' 1 ;;
esac
"#;

fn world_with_keychain(infisical: &Infisical) -> World {
    let world = world_with(infisical);
    let identity = format!(r#"{{"clientId": "{CLIENT_ID}", "clientSecret": "{CLIENT_SECRET}"}}"#);
    world.install("security", &SECURITY.replace("IDENTITY", &identity));
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    world
}

fn calls(world: &World) -> String {
    std::fs::read_to_string(world.path("home/security.calls")).unwrap_or_default()
}

#[test]
fn without_a_terminal_a_locked_keychain_is_skipped_with_advice() {
    let infisical = Infisical::start();
    let world = world_with_keychain(&infisical);
    let remote = |args: &[&str]| Run::of(world.launcher(args).env(SSH.0, SSH.1));

    let said = remote(&["alpha"]).succeeds().stderr;
    assert!(said.contains("locked; `security unlock-keychain` opens it") && said.contains("CLIENT_ID"), "{said}");
    assert!(!world.record().env.contains_key("DATABASE_URL"), "the agent starts without its secrets");
    remote(&["alpha", "--require-secrets"]).refuses(25, &["the login keychain is locked"]);
    assert!(!calls(&world).contains("unlock-keychain"), "nobody can answer: {}", calls(&world));
}

#[test]
fn storing_a_credential_in_a_locked_keychain_fails_with_advice() {
    let infisical = Infisical::start();
    let world = world_with_keychain(&infisical);
    world.write("identity", &format!("{CLIENT_ID}\n{CLIENT_SECRET}\n"));
    let input = std::fs::File::open(world.path("identity")).unwrap();
    let run = Run::of(world.launcher(&["secrets", "login"]).env(SSH.0, SSH.1).stdin(input));
    run.refuses(25, &["the login keychain is locked", "security unlock-keychain"]);
}

#[test]
fn a_machine_identity_in_the_environment_needs_no_keychain() {
    let infisical = Infisical::start();
    let world = world_with_keychain(&infisical);
    Run::of(launcher(&world, &["alpha", "--require-secrets"]).env(SSH.0, SSH.1)).succeeds();
    assert_eq!((world.record().env["DATABASE_URL"].as_str(), calls(&world).as_str()), (VALUE, ""));
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_the_keychain_tool_asks_for_the_password() {
    use crate::terminal::Terminal;
    let infisical = Infisical::start();
    let world = world_with_keychain(&infisical);
    let line = format!("{} alpha --no-heal", world.path("bin/launcher").display());
    let environment = [(SSH.0, SSH.1.into()), ("RECORD", world.path("record").into())];

    let mut terminal = Terminal::with(&world, &line, &environment);
    terminal.at("password to unlock default: ", "\n");
    let (shown, code) = terminal.end();
    assert!(code == Some(0) && shown.contains("press Enter to continue without it"), "{shown}");
    assert!(shown.contains("the agent starts without its secrets"), "{shown}");
    assert_eq!(calls(&world).matches("unlock-keychain").count(), 1, "it is asked once");

    let mut terminal = Terminal::with(&world, &line, &environment);
    terminal.at("password to unlock default: ", "open-sesame\n");
    let (shown, code) = terminal.end();
    assert!(code == Some(0) && shown.contains("1 secret of /alpha"), "{shown}");
    assert_eq!(world.record().env["DATABASE_URL"], VALUE);
    for (path, bytes) in world.home_files() {
        assert!(!String::from_utf8_lossy(&bytes).contains("open-sesame"), "{}", path.display());
    }
}

#[test]
fn over_ssh_a_secret_service_that_asks_on_the_desktop_is_stopped_at_the_time_limit() {
    let world = world_with(&Infisical::start());
    world.install("secret-tool", "#!/bin/sh\nexec sleep 600\n");
    let started = Instant::now();
    let said = Run::of(world.launcher(&["alpha"]).env("SSH_TTY", "/dev/pts/1")).succeeds().stderr;
    assert!(said.contains("asks on the desktop, which SSH does not show"), "{said}");
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}
