//! Tests of replacing a missing or outdated server. A stub of cargo builds it, in a folder that looks like a checkout.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::world::{Run, World};

const OLD: &str = "#!/bin/sh\necho 'deckwatch-mcp 0.0.1 (0123456789ab)'\n";

/// Prints the messages of a successful build. Waits while a file `wait` exists, and fails if a file `fail` exists.
const CARGO: &str = r#"#!/bin/sh
echo "$PWD $*" >> ROOT/cargo.calls
env > ROOT/cargo.env
while [ -e ROOT/wait ]; do sleep 0.05; done
[ ! -e ROOT/fail ] || { echo 'error: could not compile' >&2; exit 101; }
echo '{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}'
for name in deckwatch-mcp deckwatch-server launcher; do
  printf '#!/bin/sh\necho "%s VERSION"\n' $name > ROOT/built.$name
  chmod 700 ROOT/built.$name
  printf '{"reason":"compiler-artifact","target":{"name":"%s"},"executable":"ROOT/built.%s"}\n' $name $name
done
"#;

/// A world in which the launcher was installed by `scripts/start`.
fn installed() -> World {
    let world = World::new();
    world.link_tool("chmod");
    let version = format!("{} ({})", env!("CARGO_PKG_VERSION"), deckwatch_client::COMMIT);
    let root = world.path("").display().to_string();
    world.install("cargo", &CARGO.replace("VERSION", &version).replace("ROOT", root.trim_end_matches('/')));
    for (folder, name) in [("launcher", "deckwatch-launcher"), ("mcp-server", "deckwatch-mcp-server")] {
        world.write(&format!("home/src/{folder}/Cargo.toml"), &format!("[package]\nname = \"{name}\"\n"));
    }
    world.write("home/src/Cargo.toml", "[workspace]\n");
    world.write("home/src/scripts/start", "#!/bin/sh\n");
    record(&world, "bin");
    world
}

/// Writes the file that `scripts/start` writes.
fn record(world: &World, programs: &str) {
    let (checkout, programs) = (world.path("home/src"), world.path(programs));
    let text = format!("checkout={}\nprograms={}\n", checkout.display(), programs.display());
    world.write("home/.local/state/deckwatch/install", &text);
}

fn calls(world: &World) -> String {
    std::fs::read_to_string(world.path("cargo.calls")).unwrap_or_default()
}

#[test]
fn a_missing_server_is_built_and_installed_with_heal() {
    let world = installed();
    world.remove("bin/deckwatch-mcp");
    let plan = world.run(&["alpha", "--heal", "--dry-run"]).succeeds().stdout;
    assert!(plan.contains("installs     deckwatch-mcp, built in ~/src") && calls(&world).is_empty(), "{plan}");

    let mut launcher = world.launcher(&["alpha", "--heal"]);
    launcher.env("ADMIN_API_KEY", "s3cr3t").env("DECKWATCH_SECRETS", "STRIPE_KEY").env("STRIPE_KEY", "s3cr3t");
    let run = Run::of(&mut launcher).succeeds();
    assert!(run.stderr.contains("deckwatch-mcp is missing; building it in ~/src"), "{}", run.stderr);
    assert!(calls(&world).starts_with(&format!("{} build --release", world.path("home/src").display())));
    assert!(!world.read("cargo.env").contains("s3cr3t"), "a build gets no key");

    assert_eq!(world.read("bin/deckwatch-mcp"), world.read("built.deckwatch-mcp"));
    assert_eq!(world.read("bin/launcher"), world.read("built.launcher"), "all are of one build");
    assert_eq!(world.path("bin/deckwatch-mcp").metadata().unwrap().permissions().mode() & 0o777, 0o755);
    let registered = world.read("home/.local/state/deckwatch/mcp/claude.json");
    assert!(registered.contains(world.path("bin/deckwatch-mcp").to_str().unwrap()), "{registered}");
    assert!(world.path("record.pid").exists(), "the agent starts");
    assert!(
        std::fs::read_dir(world.path("bin")).unwrap().all(|e| !e
            .unwrap()
            .file_name()
            .as_encoded_bytes()
            .starts_with(b".tmp"))
    );
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_an_outdated_server_is_replaced_without_a_question() {
    let world = installed();
    world.install("deckwatch-mcp", OLD);
    let (shown, code) = crate::terminal::Terminal::start(&world, "launcher alpha --no-heal --dry-run").end();
    assert!(code == Some(0) && calls(&world).is_empty(), "{shown}");
    let (shown, _) = crate::terminal::Terminal::start(&world, "launcher alpha").end();
    assert!(shown.contains("deckwatch-mcp is 0.0.1") && shown.contains("installed deckwatch-mcp in"), "{shown}");
    assert_eq!(world.read("bin/deckwatch-mcp"), world.read("built.deckwatch-mcp"));
}

#[test]
fn nothing_is_built_without_a_terminal_or_heal_and_never_in_ci() {
    let world = installed();
    world.install("deckwatch-mcp", OLD);
    for (args, ci) in [(&["alpha"][..], ""), (&["alpha", "--no-heal"], ""), (&["alpha", "--heal"], "true")] {
        let run = Run::of(world.launcher(args).env("CI", ci)).succeeds();
        assert!(run.stderr.contains("to update both, run ./scripts/start --install-only in ~/src"), "{}", run.stderr);
    }
    world.remove("bin/deckwatch-mcp");
    world.run(&["alpha"]).refuses(15, &["deckwatch-mcp is not installed", "./scripts/start", "launcher --heal"]);
    assert_eq!(calls(&world), "");
}

#[test]
fn a_build_that_fails_leaves_the_old_server_in_use_and_says_why() {
    let world = installed();
    world.install("deckwatch-mcp", OLD);
    world.write("fail", "");
    let run = world.run(&["alpha", "--heal"]).succeeds();
    for said in ["could not compile", "the old one is used: the build failed", "--install-only in ~/src"] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
    assert_eq!(world.read("bin/deckwatch-mcp"), OLD);

    world.remove("bin/deckwatch-mcp");
    let said = ["not installed and could not be built", "exit status: 101", "./scripts/start --install-only in ~/src"];
    world.run(&["alpha", "--heal"]).refuses(15, &said);
    world.remove("bin/cargo");
    world.run(&["alpha", "--heal"]).refuses(15, &["cargo is missing", "https://rustup.rs"]);
}

#[test]
fn two_simultaneous_launches_build_once() {
    let world = installed();
    world.install("deckwatch-mcp", OLD);
    world.write("wait", "");
    let mut first = world.launcher(&["alpha", "--heal"]).stderr(Stdio::null()).spawn().unwrap();
    while calls(&world).is_empty() {
        assert_eq!(first.try_wait().unwrap(), None, "the launcher ended early");
        std::thread::yield_now();
    }
    let mut second = world.launcher(&["alpha", "--heal"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(second.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("another launch is building it")));
    world.remove("wait");
    assert!(first.wait().unwrap().success() && lines.any(|line| line.contains("installed deckwatch-mcp")));
    assert!(lines.all(|line| !line.contains("warning")));
    assert!(second.wait().unwrap().success());
    assert_eq!(calls(&world).lines().count(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_build_starts_no_agent_and_releases_the_lock() {
    let world = installed();
    world.install("deckwatch-mcp", OLD);
    world.write("wait", "");
    let mut terminal = crate::terminal::Terminal::start(&world, "launcher alpha");
    terminal.at("building it in", "");
    while calls(&world).is_empty() {
        std::thread::yield_now();
    }
    terminal.at("", "\u{3}");
    let (shown, code) = terminal.end();
    assert!(code != Some(0) && !world.path("record.pid").exists(), "{shown}");
    assert_eq!(world.read("bin/deckwatch-mcp"), OLD);

    world.remove("wait");
    let run = world.run(&["alpha", "--heal"]).succeeds();
    assert!(run.stderr.contains("installed") && !run.stderr.contains("another launch"), "{}", run.stderr);
}

#[test]
fn only_a_deckwatch_checkout_that_other_users_cannot_change_is_built() {
    let world = installed();
    world.remove("bin/deckwatch-mcp");
    let refused = |said: &str| world.run(&["alpha", "--heal"]).refuses(15, &["could not be built", said]);

    record(&world, "elsewhere");
    refused("was not installed by scripts/start");
    record(&world, "bin");
    std::fs::set_permissions(world.path("home/src/scripts/start"), std::fs::Permissions::from_mode(0o777)).unwrap();
    refused("~/src can be changed by other users");
    world.write("home/src/mcp-server/Cargo.toml", "[package]\nname = \"another\"\n");
    refused("~/src is not a checkout of Deckwatch any more");
    world.remove("home/.local/state/deckwatch/install");
    refused("was not installed by scripts/start");
    assert_eq!(calls(&world), "");
}

#[test]
fn commits_that_the_programs_do_not_contain_are_reported() {
    let world = installed();
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.args(args).env("GIT_CONFIG_GLOBAL", "/dev/null").current_dir(world.path("home"));
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "Ann").env(format!("GIT_{role}_EMAIL"), "ann@example.com");
        }
        git.output().unwrap().status.success()
    };
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let commit = deckwatch_client::COMMIT;
    std::fs::rename(world.path("home/src"), world.path("home/other")).unwrap();
    let cloned =
        git(&["clone", "--quiet", "--shared", ours, "src"]) && git(&["-C", "src", "checkout", "--quiet", commit]);
    if !cloned {
        println!("skipped: this is no clone with the commit {commit}");
        return;
    }
    let mcp = format!("#!/bin/sh\necho 'deckwatch-mcp {} ({commit})'\n", env!("CARGO_PKG_VERSION"));
    world.install("deckwatch-mcp", &mcp);
    let run = world.run(&["alpha", "--heal"]).succeeds();
    assert!(!run.stderr.contains("lack"), "{}", run.stderr);

    assert!(git(&["-C", "src", "commit", "--quiet", "--allow-empty", "-m", "more"]));
    let run = world.run(&["alpha", "--heal"]).succeeds();
    assert!(
        run.stderr
            .contains("deckwatch-mcp do not contain the last commit of ~/src; to update them, run ./scripts/start"),
        "{}",
        run.stderr
    );
    assert_eq!(calls(&world), "", "it is named, not built");
}
