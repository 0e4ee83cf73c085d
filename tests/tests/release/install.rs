//! `install.sh`, run by each shell of this machine against releases that are served on loopback.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use deckwatch_tests::{Answer, BadDisk, FileServer};

use crate::tree::{PLATFORMS, Tree};

/// The programs that the script may use, and no others.
const TOOLS: [&str; 15] = [
    "cat",
    "curl",
    "dd",
    "grep",
    "gzip",
    "mkdir",
    "mktemp",
    "mount",
    "mv",
    "rm",
    "sed",
    "sha256sum",
    "sh",
    "tar",
    "uname",
];

/// A release, and a home folder to install it into.
struct World {
    tree: Tree,
    server: FileServer,
}

impl World {
    fn new() -> Self {
        let tree = Tree::new();
        tree.programs("1.2.3");
        tree.package("1.2.3", "served/latest/download");
        std::fs::create_dir_all(tree.path("home")).unwrap();
        std::fs::create_dir_all(tree.path("tools")).unwrap();
        let server = FileServer::of(&tree.path("served"));
        let world = Self { tree, server };
        for tool in TOOLS {
            world.link(tool);
        }
        world
    }

    fn link(&self, tool: &str) {
        let path = std::env::var_os("PATH").unwrap();
        let Some(found) = std::env::split_paths(&path).map(|dir| dir.join(tool)).find(|file| file.is_file()) else {
            return;
        };
        std::os::unix::fs::symlink(found, self.tree.path("tools").join(tool)).unwrap();
    }

    fn command(&self, shell: &str) -> Command {
        let mut command = Command::new(shell);
        command.arg(self.tree.path("install.sh")).env_clear().current_dir(self.tree.path(""));
        command.env("HOME", self.tree.path("home")).env("PATH", self.tree.path("tools"));
        command.env("DECKWATCH_DOWNLOADS", &self.server.url);
        command
    }

    fn run(&self) -> Output {
        self.command("sh").output().unwrap()
    }

    fn bin(&self) -> PathBuf {
        self.tree.path("home/.local/bin")
    }

    /// What is in the folder of the programs, hidden files too.
    fn installed(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.bin()) else { return Vec::new() };
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Checks that the script failed with this text, and that nothing was installed or left behind.
    #[track_caller]
    fn is_refused(&self, output: &Output, text: &str) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains(text), "{:?}: {said}", output.status);
        assert_eq!(self.installed(), [""; 0]);
    }

    fn path_of(name: &str) -> String {
        format!("/latest/download/{name}")
    }
}

const ALL: [&str; 4] = ["deckwatch-mcp", "deckwatch-server", "dev-session", "launcher"];

/// The archive of this machine.
fn archive() -> String {
    let os = if cfg!(target_os = "macos") { "apple-darwin" } else { "unknown-linux-musl" };
    let platform = format!("{}-{os}", std::env::consts::ARCH);
    assert!(PLATFORMS.contains(&platform.as_str()), "{platform}");
    format!("deckwatch-{platform}.tar.gz")
}

#[test]
fn each_shell_installs_the_newest_release_and_a_second_run_replaces_it() {
    for shell in ["sh", "dash", "bash"] {
        if Command::new(shell).args(["-c", ":"]).status().is_err() {
            println!("{shell} is not installed");
            continue;
        }
        let world = World::new();
        let path = std::env::var_os("PATH").unwrap();
        let shell = std::env::split_paths(&path).map(|dir| dir.join(shell)).find(|file| file.is_file()).unwrap();
        let shell = shell.to_str().unwrap();
        let output = world.command(shell).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{shell}: {said}");
        assert_eq!(world.installed(), ALL);
        assert!(said.contains("installed launcher 1.2.3 with") && said.contains("is not on your PATH"), "{said}");
        let mode = world.bin().join("launcher").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);

        // scripts/start had installed into this folder from a checkout, and another one from elsewhere.
        let record = "home/.local/state/deckwatch/install";
        world.tree.write(record, &format!("checkout=/src\nprograms={}\n", world.bin().display()));
        std::fs::write(world.bin().join("launcher"), "older").unwrap();
        let output = world
            .command(shell)
            .env("PATH", format!("{}:{}", world.bin().display(), world.tree.path("tools").display()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("PATH"), "{said}");
        assert!(std::fs::read_to_string(world.bin().join("launcher")).unwrap().contains("1.2.3"));
        assert!(!world.tree.path(record).exists(), "the programs do not come from that checkout any more");
        assert_eq!(world.installed(), ALL);
    }
}

#[test]
fn a_version_and_a_folder_can_be_chosen() {
    let world = World::new();
    world.tree.programs("1.0.0");
    world.tree.package("1.0.0", "served/download/v1.0.0");
    let output =
        world.command("sh").env("DECKWATCH_VERSION", "v1.0.0").env("DECKWATCH_BIN", "a folder").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(world.tree.read("a folder/launcher").contains("1.0.0"));
    assert_eq!(world.installed(), [""; 0]);
}

#[test]
fn a_download_that_is_not_the_released_one_installs_nothing() {
    let world = World::new();
    world.server.answer(&World::path_of(&archive()), Answer::Truncated);
    world.is_refused(&world.run(), "could not be downloaded. Nothing was installed");
    // A proxy that cuts a file and its length.
    let world = World::new();
    let file = format!("served/latest/download/{}", archive());
    let bytes = std::fs::read(world.tree.path(&file)).unwrap();
    std::fs::write(world.tree.path(&file), &bytes[..bytes.len() / 2]).unwrap();
    world.is_refused(&world.run(), "the checksum of deckwatch-");
    // Another archive.
    world.tree.programs("6.6.6");
    world.tree.package("6.6.6", "other");
    std::fs::copy(world.tree.path("other").join(archive()), world.tree.path(&file)).unwrap();
    world.is_refused(&world.run(), "the checksum of deckwatch-");
}

#[test]
fn a_missing_file_installs_nothing() {
    let world = World::new();
    let sums = world.tree.read("served/latest/download/SHA256SUMS");
    let others: Vec<_> = sums.lines().filter(|line| !line.ends_with(&archive())).collect();
    world.tree.write("served/latest/download/SHA256SUMS", &others.join("\n"));
    world.is_refused(&world.run(), "SHA256SUMS has no checksum of deckwatch-");
    // A line that only looks like it.
    world.tree.write("served/latest/download/SHA256SUMS", &sums.replace(&archive(), &format!("{}.sig", archive())));
    world.is_refused(&world.run(), "SHA256SUMS has no checksum of deckwatch-");
    std::fs::remove_file(world.tree.path("served/latest/download/SHA256SUMS")).unwrap();
    world.is_refused(&world.run(), "SHA256SUMS could not be downloaded");
    let output = world.command("sh").env("DECKWATCH_VERSION", "0.0.1").output().unwrap();
    world.is_refused(&output, "/download/v0.0.1/SHA256SUMS could not be downloaded");
}

#[test]
fn an_unsupported_platform_and_a_missing_tool_are_named() {
    let world = World::new();
    std::fs::remove_file(world.tree.path("tools/uname")).unwrap();
    world
        .tree
        .program("tools/uname", "case $1 in -s) echo FreeBSD ;; -m) echo riscv64 ;; *) echo FreeBSD riscv64 ;; esac");
    world.is_refused(&world.run(), "there are no programs for FreeBSD riscv64");
    assert!(world.server.requests().is_empty());

    let world = World::new();
    std::fs::remove_file(world.tree.path("tools/curl")).unwrap();
    world.is_refused(&world.run(), "curl is missing");
}

#[test]
fn only_https_is_used_except_on_this_machine() {
    let world = World::new();
    for address in ["http://example.com/releases", "http://127.0.0.1.example.com/x", "ftp://127.0.0.1:1/x"] {
        let output = world.command("sh").env("DECKWATCH_DOWNLOADS", address).output().unwrap();
        world.is_refused(&output, "which does not begin with https://");
    }
    let output = world.command("sh").env("DECKWATCH_DOWNLOADS", "http://127.0.0.1:1@example.com/x").output().unwrap();
    world.is_refused(&output, "has a user name");
    // A server with TLS must not lead to one without.
    let curl = "for word; do [ \"$word\" != '=https' ] || exit 7; done; exit 0";
    std::fs::remove_file(world.tree.path("tools/curl")).unwrap();
    world.tree.program("tools/curl", curl);
    let output = world.command("sh").env("DECKWATCH_DOWNLOADS", "https://example.com/releases").output().unwrap();
    world.is_refused(&output, "could not be downloaded");
}

#[test]
fn a_folder_that_takes_no_file_is_named() {
    for disk in [BadDisk::Full, BadDisk::ReadOnly] {
        let world = World::new();
        let folder = world.tree.path("small");
        let mut command = world.command("sh");
        command.env("DECKWATCH_BIN", folder.join("bin"));
        let output = disk.with(&folder, &command).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && !said.contains("installed launcher"), "{disk:?}: {said}");
        assert!(said.contains("can't be written") || said.contains("could not be downloaded"), "{disk:?}: {said}");
    }
}

#[test]
fn a_part_of_the_script_does_nothing() {
    let world = World::new();
    let script = world.tree.read("install.sh");
    let last_line = script.trim_end().rfind('\n').unwrap();
    for end in (0..last_line + "\nmai".len()).step_by(97).chain([last_line, last_line + 1]) {
        world.tree.write("install.sh", &script[..end]);
        world.run();
        assert_eq!(world.installed(), [""; 0], "{end} bytes");
    }
    assert!(world.server.requests().is_empty());
}
