//! `launcher self update` against releases that are served on loopback, in the form of GitHub's API.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};

use deckwatch_machine::digest::sha256_hex;
use deckwatch_tests::{Answer, FileServer};

use crate::world::{Run, World};

const OWN: &str = env!("CARGO_PKG_VERSION");
const PROGRAMS: [&str; 4] = ["deckwatch-mcp", "deckwatch-server", "dev-session", "launcher"];
const REPOSITORY: &str = "api/repos/example-org/deckwatch";

/// A machine with the programs of a release, and a server of releases. The launcher under test has a name of its own, because
/// an update replaces `launcher`.
struct Machine {
    world: World,
    server: FileServer,
}

impl Machine {
    fn new() -> Self {
        let world = World::new();
        std::fs::rename(world.path("bin/launcher"), world.path("bin/under-test")).unwrap();
        for program in PROGRAMS {
            world.install(program, &script(program, OWN));
        }
        for tool in ["tar", "gzip"] {
            world.link_tool(tool);
        }
        std::fs::create_dir_all(world.path("served")).unwrap();
        let server = FileServer::of(&world.path("served"));
        Self { world, server }
    }

    /// Makes a release with these programs. Returns the path of its archive.
    fn release(&self, version: &str, of: &str) -> String {
        let folder = format!("built/{version}");
        for program in PROGRAMS {
            self.world.write(&format!("{folder}/{program}"), &script(program, of));
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(self.world.path(&format!("{folder}/{program}")), mode).unwrap();
        }
        let name = archive_name();
        let files = format!("served/files/{version}");
        std::fs::create_dir_all(self.world.path(&files)).unwrap();
        let archive = self.world.path(&format!("{files}/{name}"));
        let mut tar = Command::new("tar");
        tar.arg("-czf").arg(&archive).arg("-C").arg(self.world.path(&folder)).args(PROGRAMS);
        assert!(tar.status().unwrap().success());
        let sum = sha256_hex(&std::fs::read(&archive).unwrap());
        self.world.write(&format!("{files}/SHA256SUMS"), &format!("{}  other\n{sum}  {name}\n", "0".repeat(64)));
        let asset =
            |name: &str| format!(r#"{{"name": "{name}", "url": "{}/files/{version}/{name}"}}"#, self.server.url);
        let release = format!(
            r#"{{"tag_name": "v{version}", "draft": false, "assets": [{}, {}]}}"#,
            asset("SHA256SUMS"),
            asset(&name)
        );
        self.world.write(&format!("served/{REPOSITORY}/releases/tags/v{version}"), &release);
        self.world.write(&format!("served/{REPOSITORY}/releases/latest"), &release);
        format!("{files}/{name}")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.world.path("bin/under-test"));
        command.args(["self", "update"]).args(args).env_clear().current_dir(self.world.path("elsewhere"));
        command.envs(self.world.environment());
        command.env("DECKWATCH_RELEASES_URL", format!("{}/{REPOSITORY}", self.server.url));
        command
    }

    fn update(&self, args: &[&str]) -> Run {
        Run::of(&mut self.command(args))
    }

    /// The versions of the installed programs, in order.
    fn versions(&self) -> Vec<String> {
        let version =
            |program| self.world.read(&format!("bin/{program}")).split_whitespace().last().unwrap().to_owned();
        PROGRAMS.into_iter().map(version).collect()
    }

    /// Hidden files in the folder of the programs.
    fn hidden(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.world.path("bin")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.')).collect()
    }

    /// Checks that an update fails, says this, and changes no program.
    #[track_caller]
    fn refuses(&self, args: &[&str], said: &[&str]) {
        let before = self.versions();
        self.update(args).refuses(28, said);
        assert_eq!(self.versions(), before);
    }
}

fn script(program: &str, version: &str) -> String {
    format!("#!/bin/sh\necho {program} {version}\n")
}

fn archive_name() -> String {
    let os = if cfg!(target_os = "macos") { "apple-darwin" } else { "unknown-linux-musl" };
    format!("deckwatch-{}-{os}.tar.gz", std::env::consts::ARCH)
}

#[test]
fn the_newest_release_replaces_all_programs_and_rollback_brings_them_back() {
    let machine = Machine::new();
    machine.release("9.9.9", "9.9.9");
    let check = machine.update(&["--check"]).succeeds();
    assert_eq!(check.stdout, format!("installed: {OWN}\nnewest: 9.9.9\nto update, run `launcher self update`\n"));
    assert_eq!(machine.versions(), [OWN; 4]);
    machine.refuses(&["--rollback"], &["no earlier programs are kept", "--version V"]);

    let run = machine.update(&[]).succeeds();
    assert!(run.stdout.contains(&format!("{OWN} was replaced by 9.9.9 in ")), "{}", run.stdout);
    assert!(run.stdout.contains("the checksum was verified, the attestation was not"), "{}", run.stdout);
    assert_eq!(machine.versions(), ["9.9.9"; 4]);
    assert_eq!(machine.hidden(), [".deckwatch-earlier"]);
    let mode = machine.world.path("bin/launcher").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);

    let run = machine.update(&["--rollback"]).succeeds();
    assert!(run.stdout.contains(&format!("{OWN} is back in ")), "{}", run.stdout);
    assert_eq!(machine.versions(), [OWN; 4]);
    let run = machine.update(&["--rollback"]).succeeds();
    assert!(run.stdout.contains("9.9.9 is back in "), "{}", run.stdout);
    assert_eq!(machine.versions(), ["9.9.9"; 4]);
}

#[test]
fn nothing_is_downloaded_if_there_is_nothing_newer() {
    let machine = Machine::new();
    machine.release("0.0.1", "0.0.1");
    let run = machine.update(&[]).succeeds();
    assert!(run.stderr.contains(&format!("{OWN} is installed; the newest release is 0.0.1")), "{}", run.stderr);
    assert_eq!(machine.versions(), [OWN; 4]);
    assert_eq!(machine.server.requests().len(), 1);
    // An older one is installed when it is named.
    machine.update(&["--version", "v0.0.1"]).succeeds();
    assert_eq!(machine.versions(), ["0.0.1"; 4]);
    machine.refuses(&["--version", "3.2.1"], &["there is no release 3.2.1 at http", "check the version"]);
    machine.update(&["--version", "newest"]).refuses(2, &["a version is such as 1.2.3"]);
}

#[test]
fn programs_of_different_versions_are_made_one_set() {
    let machine = Machine::new();
    machine.release(OWN, OWN);
    machine.world.install("deckwatch-mcp", &script("deckwatch-mcp", "0.0.9"));
    machine.update(&[]).succeeds();
    assert_eq!(machine.versions(), [OWN; 4]);
}

#[test]
fn a_download_that_is_not_the_released_one_replaces_nothing() {
    let machine = Machine::new();
    let archive = machine.release("9.9.9", "9.9.9");
    let path = format!("/{}", archive.strip_prefix("served/").unwrap());
    machine.server.answer(&path, Answer::Truncated);
    machine.refuses(&[], &["can't be reached: the connection broke off"]);

    let machine = Machine::new();
    let archive = machine.release("9.9.9", "9.9.9");
    let bytes = std::fs::read(machine.world.path(&archive)).unwrap();
    std::fs::write(machine.world.path(&archive), &bytes[..bytes.len() - 9]).unwrap();
    machine.refuses(&[], &["the checksum of deckwatch-", "but the release v9.9.9 says", "nothing was replaced"]);
    let sums = archive.replace(&archive_name(), "SHA256SUMS");
    machine.world.write(&sums, &format!("{}  {}\n", sha256_hex(&bytes[..bytes.len() - 9]), archive_name()));
    machine.refuses(&[], &["the archive of the release v9.9.9 can't be unpacked"]);
    machine.world.write(&sums, "");
    machine.refuses(&[], &["has no checksum of deckwatch-", "choose another release"]);
    assert_eq!(machine.hidden(), [""; 0]);
}

#[test]
fn programs_that_do_not_run_or_are_another_version_are_not_installed() {
    let machine = Machine::new();
    machine.release("9.9.9", "9.9.8");
    machine.refuses(&[], &["deckwatch-mcp of the new programs can't be used: it has the version 9.9.8, not 9.9.9"]);
    machine.release("9.9.9", "9.9.9\nexit 1");
    machine.refuses(&[], &["its --version failed"]);
}

#[test]
fn a_token_goes_only_to_the_host_of_the_api() {
    let machine = Machine::new();
    let archive = machine.release("9.9.9", "9.9.9");
    let path = format!("/{}", archive.strip_prefix("served/").unwrap());
    // GitHub redirects downloads to another host.
    let elsewhere = FileServer::of(&machine.world.path("served"));
    machine.server.answer(&path, Answer::Redirect(format!("{}{path}", elsewhere.url)));
    let run = Run::of(machine.command(&[]).env("DECKWATCH_RELEASES_TOKEN", "s3cr3t")).succeeds();
    assert!(!run.stdout.contains("s3cr3t") && !run.stderr.contains("s3cr3t"));
    assert_eq!(machine.versions(), ["9.9.9"; 4]);
    let with_token =
        |server: &FileServer| server.requests().iter().filter(|head| head.contains("Bearer s3cr3t")).count();
    assert_eq!((with_token(&machine.server), machine.server.requests().len()), (3, 3));
    assert_eq!((with_token(&elsewhere), elsewhere.requests().len()), (0, 1));

    machine.release("9.9.10", "9.9.10");
    let path = path.replace("9.9.9", "9.9.10");
    machine.server.answer(&path, Answer::Redirect("http://example.com/x".to_owned()));
    machine.refuses(&[], &["it redirects to http://example.com/x, which does not begin with https://"]);
    machine.server.answer(&path, Answer::Redirect(path.clone()));
    machine.refuses(&[], &["it redirects too often"]);
}

#[test]
fn the_answers_of_the_api_are_told_apart() {
    let machine = Machine::new();
    let latest = format!("/{REPOSITORY}/releases/latest");
    machine.refuses(&[], &["there is no release at http"]);
    machine.world.write(&format!("served{latest}"), r#"{"tag_name": "nightly", "assets": []}"#);
    machine.refuses(&[], &["can't be read: its tag is no version"]);
    machine.world.write(&format!("served{latest}"), "<html>");
    machine.refuses(&[], &["can't be read", "DECKWATCH_RELEASES_URL is the address of a repository"]);
    machine.world.write(&format!("served{latest}"), r#"{"tag_name": "v9.9.9", "assets": []}"#);
    machine.refuses(&[], &["the release v9.9.9 has no SHA256SUMS"]);
    machine.server.answer(&latest, Answer::Refusal(403, "x-ratelimit-remaining: 0\r\nretry-after: 60"));
    machine.refuses(&[], &["127.0.0.1 limits its requests for 60 seconds", "DECKWATCH_RELEASES_TOKEN"]);
    machine.server.answer(&latest, Answer::Refusal(403, "x-ratelimit-remaining: 59"));
    machine.refuses(&[], &["answered 403", "may read the repository"]);
    machine.server.answer(&latest, Answer::Refusal(503, "x: y"));
    machine.refuses(&[], &["answered 503", "check the network"]);
    for (address, said) in [
        ("http://example.com/x", "does not begin with https://"),
        ("x", "is not"),
        ("https://a:b@c/x", "has a user name"),
    ] {
        let mut command = machine.command(&[]);
        let run = Run::of(command.env("DECKWATCH_RELEASES_URL", address));
        assert!(run.stderr.contains("DECKWATCH_RELEASES_URL can't be used"), "{}", run.stderr);
        assert!(run.stderr.contains(said) || said == "is not", "{}", run.stderr);
    }
    let mut command = machine.command(&[]);
    let run = Run::of(command.env("DECKWATCH_RELEASES_URL", crate::launching::closed_port()));
    run.refuses(28, &["can't be reached"]);
}

#[test]
fn programs_that_something_else_installed_are_left_to_it() {
    let machine = Machine::new();
    machine.release("9.9.9", "9.9.9");
    let bin = machine.world.path("bin");
    let record = format!("checkout=/src/deckwatch\nprograms={}\n", bin.display());
    machine.world.write("home/.local/state/deckwatch/install", &record);
    machine.refuses(
        &[],
        &["were installed from the checkout /src/deckwatch", "`git pull`", "./scripts/start --install-only"],
    );
    machine.refuses(&["--rollback"], &["so `launcher self update` does not replace them"]);
    let check = machine.update(&["--check"]).succeeds();
    assert!(check.stdout.contains("newest: 9.9.9\nto update, run `git pull`"), "{}", check.stdout);
    machine.world.remove("home/.local/state/deckwatch/install");

    machine.world.write(".crates.toml", "[v1]\n\"deckwatch-launcher 0.1.0 (path)\" = [\"launcher\"]\n");
    machine.refuses(&[], &["were installed by cargo", "cargo install"]);
    machine.world.remove(".crates.toml");

    let cellar = machine.world.path("homebrew/Cellar/deckwatch/0.1.0/bin");
    std::fs::create_dir_all(&cellar).unwrap();
    std::fs::hard_link(bin.join("under-test"), cellar.join("launcher")).unwrap();
    std::os::unix::fs::symlink(cellar.join("launcher"), machine.world.path("homebrew/launcher")).unwrap();
    let mut command = Command::new(machine.world.path("homebrew/launcher"));
    command.args(["self", "update"]).env_clear().envs(machine.world.environment());
    Run::of(&mut command).refuses(28, &["were installed by Homebrew", "run `brew upgrade deckwatch`"]);
    assert!(machine.server.requests().len() == 1, "only --check asked for a release");
}

#[test]
fn two_updates_at_once_do_not_mix() {
    let machine = Machine::new();
    machine.release("9.9.9", "9.9.9");
    machine.update(&["--check"]).succeeds();
    let state = machine.world.path("home/.local/state/deckwatch");
    std::fs::create_dir_all(&state).unwrap();
    let lock = std::fs::File::create(state.join("install.lock")).unwrap();
    lock.lock().unwrap();
    machine.refuses(&[], &["another update or build of Deckwatch runs", "wait until it ends"]);
    drop(lock);
    let all: Vec<_> = (0..4).map(|_| machine.command(&[]).spawn().unwrap()).collect();
    let codes: Vec<_> = all.into_iter().map(|mut run| run.wait().unwrap().code().unwrap()).collect();
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 28].contains(code)), "{codes:?}");
    assert_eq!(machine.versions(), ["9.9.9"; 4]);
}

/// A process that is killed when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

#[test]
fn an_update_that_is_killed_at_any_time_leaves_whole_programs() {
    let machine = Machine::new();
    machine.release("9.9.9", "9.9.9");
    for step in 0..12 {
        for program in PROGRAMS {
            machine.world.install(program, &script(program, OWN));
        }
        let mut update = Process(machine.command(&[]).spawn().unwrap());
        std::thread::sleep(std::time::Duration::from_millis(step * 16));
        let _ = update.0.kill();
        drop(update);
        for program in PROGRAMS {
            let whole = [script(program, OWN), script(program, "9.9.9")];
            assert!(whole.contains(&machine.world.read(&format!("bin/{program}"))), "{program} after {step}");
        }
        machine.update(&[]).succeeds();
        assert_eq!(machine.versions(), ["9.9.9"; 4], "after {step}");
        assert_eq!(machine.hidden(), [".deckwatch-earlier"], "after {step}");
    }
}

#[test]
fn servers_that_run_the_earlier_program_are_named() {
    let machine = Machine::new();
    machine.release("9.9.9", "9.9.9");
    let program = machine.world.path("bin/deckwatch-server");
    std::fs::remove_file(&program).unwrap();
    std::fs::copy("/bin/sleep", &program).unwrap();
    let server = Process(Command::new(&program).arg("60").spawn().unwrap());
    let pid = server.0.id();
    let run = machine.update(&[]).succeeds();
    let said = format!("deckwatch-server (process {pid}) still runs the earlier program: ");
    assert!(run.stderr.contains(&said) && run.stderr.contains("start it again"), "{}", run.stderr);
}

#[test]
fn the_attestation_is_verified_on_request() {
    let machine = Machine::new();
    machine.release("9.9.9", "9.9.9");
    machine.refuses(&["--attestation"], &["could not be verified: gh, GitHub's program, is not installed"]);
    machine.world.install("gh", "#!/bin/sh\necho 'no attestations found' >&2\nexit 1\n");
    machine.refuses(&["--attestation"], &["could not be verified: no attestations found", "nothing was replaced"]);
    let asked = machine.world.path("asked").display().to_string();
    machine.world.install("gh", &format!("#!/bin/sh\necho \"$*\" > '{asked}'\n"));
    let run = machine.update(&["--attestation"]).succeeds();
    assert!(run.stdout.contains("the checksum and the attestation were verified"), "{}", run.stdout);
    let asked = machine.world.read("asked");
    assert!(asked.starts_with("attestation verify /") && asked.ends_with("--repo example-org/deckwatch\n"), "{asked}");
}

#[test]
fn a_folder_that_takes_no_file_is_named() {
    let machine = Machine::new();
    machine.release("9.9.9", "9.9.9");
    let folder = machine.world.path("small");
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = machine.command(&[]);
    command.env("XDG_STATE_HOME", folder.join("state"));
    let run = Run::of(&mut deckwatch_tests::BadDisk::ReadOnly.with(&folder, &command));
    run.refuses(28, &["cannot write in ", "the installed programs work as before"]);
    assert_eq!(machine.versions(), [OWN; 4]);
}
