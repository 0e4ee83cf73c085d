//! Tests of `scripts/bootstrap-machine.sh` with stubs of the system's programs: what it installs on macOS and on Debian, and
//! how it goes on after a failure.

use std::process::Command;

use crate::world::{Run, World};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/bootstrap-machine.sh");

/// What the script and `scripts/start` use of every system.
const TOOLS: [&str; 12] =
    ["bash", "sed", "dirname", "mkdir", "install", "mv", "rm", "mktemp", "cat", "grep", "head", "tr"];

/// A system with nothing but its base. The programs of Deckwatch are built already.
fn system(name: &str) -> World {
    let world = World::new();
    world.remove("bin/git");
    for tool in TOOLS {
        world.link_tool(tool);
    }
    world.install("uname", &format!("#!/bin/sh\necho {name}\n"));
    for program in ["launcher", "deckwatch-mcp", "deckwatch-server"] {
        world.write(&format!("target/release/{program}"), "#!/bin/sh\necho \"$0 $*\" >>\"$RECORD\"\n");
    }
    world
}

/// A stub that installs a program for each of the named packages, and records its arguments.
fn installs(world: &World, program: &str, packages: &[(&str, &[&str])]) {
    let cases = packages.iter().map(|(package, programs)| {
        let links = programs.iter().map(|program| format!("ln -sf \"$STUBS/true\" \"$STUBS/{program}\"; "));
        format!("    {package}) {};;\n", links.collect::<String>())
    });
    let script = format!(
        "#!/bin/sh\necho \"{program} $*\" >>\"$RECORD\"\nfor word in \"$@\"; do\n  case $word in\n{}  esac\ndone\n",
        cases.collect::<String>()
    );
    world.install(program, &script);
    world.install("true", "#!/bin/sh\n");
    world.link_tool("ln");
}

fn bootstrap(world: &World, args: &[&str]) -> Run {
    let mut command = Command::new(SCRIPT);
    command.args(args).current_dir(world.path("elsewhere")).env_clear().envs(world.environment());
    command.env("RECORD", world.path("record")).env("STUBS", world.path("bin"));
    command.env("CARGO_TARGET_DIR", world.path("target"));
    Run::of(&mut command)
}

fn record(world: &World) -> String {
    std::fs::read_to_string(world.path("record")).unwrap_or_default()
}

#[test]
fn on_macos_homebrew_installs_what_is_missing_and_the_launcher_gets_the_options() {
    let world = system("Darwin");
    installs(&world, "brew", &[("git", &["git"]), ("tmux", &["tmux"])]);
    for program in ["cc", "cargo"] {
        world.install(program, "#!/bin/sh\n");
    }
    let run = bootstrap(&world, &["--address", "100.64.0.7", "--role", "build"]).succeeds();
    for tick in ["=== Bootstrap ===", "✓ git, tmux, a C compiler and OpenSSH installed", "✓ Rust installed"] {
        assert!(run.stderr.lines().any(|line| line == tick), "{tick}\n{}", run.stderr);
    }
    let launcher = world.path("home/.local/bin/launcher");
    let registered = format!("{} fleet bootstrap --address 100.64.0.7 --role build\n", launcher.display());
    assert_eq!(record(&world), format!("brew install git tmux\n{registered}"));
    // A second run installs nothing.
    bootstrap(&world, &["--address", "100.64.0.7", "--role", "build"]).succeeds();
    assert_eq!(record(&world), format!("brew install git tmux\n{registered}{registered}"));
}

#[test]
fn on_macos_a_missing_compiler_and_a_missing_homebrew_are_named() {
    let world = system("Darwin");
    bootstrap(&world, &[]).refuses(1, &["Homebrew is missing", "https://brew.sh", "✗ git, tmux", "again"]);
    world.install("brew", "#!/bin/sh\necho 'no network' >&2\nexit 1\n");
    bootstrap(&world, &[]).refuses(1, &["no network", "✗ git, tmux", "again"]);
    installs(&world, "brew", &[("git", &["git"]), ("tmux", &["tmux"])]);
    bootstrap(&world, &[]).refuses(1, &["xcode-select --install", "✗ git, tmux", "again"]);
    world.install("cc", "#!/bin/sh\n");
    world.install("curl", "#!/bin/sh\necho 'no network' >&2\nexit 6\n");
    bootstrap(&world, &[]).refuses(1, &["✓ git, tmux", "https://rustup.rs", "✗ Rust installed", "again"]);
    world.install("cargo", "#!/bin/sh\necho 'does not compile' >&2\nexit 101\n");
    bootstrap(&world, &[]).refuses(1, &["✓ Rust", "does not compile", "✗ launcher and MCP server built", "again"]);
    assert!(!record(&world).contains("fleet bootstrap"), "{}", record(&world));
    world.install("cargo", "#!/bin/sh\n");
    bootstrap(&world, &[]).succeeds();
    assert!(record(&world).ends_with("launcher fleet bootstrap\n"), "{}", record(&world));
}

/// The test runs as root or has a `sudo` that is not asked for a password, so that `apt-get` is started either way.
#[test]
fn on_debian_apt_get_installs_only_what_is_missing() {
    let world = system("Linux");
    installs(
        &world,
        "apt-get",
        &[("git", &["git"]), ("build-essential", &["cc"]), ("curl", &["curl"]), ("openssh-client", &["ssh-keygen"])],
    );
    world.install("sudo", "#!/bin/sh\n[ \"$1\" = -n ] && shift\nexec \"$@\"\n");
    for program in ["tmux", "sshd", "cargo", "true"] {
        world.install(program, "#!/bin/sh\n");
    }
    bootstrap(&world, &[]).succeeds();
    let installed = "apt-get install -y -qq --no-install-recommends git build-essential curl openssh-client\n";
    assert!(record(&world).contains(installed), "{}", record(&world));
    std::fs::remove_file(world.path("record")).unwrap();
    bootstrap(&world, &[]).succeeds();
    assert!(!record(&world).contains("apt-get"), "{}", record(&world));
}

#[test]
fn its_help_names_the_options_and_the_variables() {
    let world = system("Linux");
    let run = bootstrap(&world, &["--help"]).succeeds();
    for said in ["usage  scripts/bootstrap-machine.sh", "--address ADDRESS", "CONTEXT_API_URL", "DECKWATCH_BIN"] {
        assert!(run.stdout.contains(said), "{said}\n{}", run.stdout);
    }
}
