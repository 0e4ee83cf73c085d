//! The environment of one test: a home folder, a `PATH` that the test controls, repositories, and stubs of agent CLIs.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// Records its arguments and environment, then exits or sleeps as the test wants.
const AGENT: &str = r#"#!/bin/sh
if [ "$1" = --help ]; then printf '%s\n' "$AGENT_HELP"; exit; fi
case " $* " in *" app-server "*) exit 1 ;; esac
pwd -P > "$RECORD.cwd"
for arg in "$@"; do printf '%s\n' "$arg"; done > "$RECORD.args"
env > "$RECORD.env"
echo $$ > "$RECORD.pid"
[ -z "$AGENT_SLEEPS" ] || exec sleep 600
exit "${AGENT_EXITS:-0}"
"#;

const VENTURES: &str = r#"{"ventures": [
  {"code": "alpha", "name": "Alpha", "repos": ["example-org/alpha.js"], "capabilities": ["has_api"]},
  {"code": "beta", "name": "Beta", "repos": ["example-org/beta"]},
  {"code": "empty", "name": "Empty"}
]}"#;

pub(crate) struct World {
    root: tempfile::TempDir,
}

/// What the stub of an agent CLI recorded.
pub(crate) struct Record {
    pub(crate) cwd: PathBuf,
    /// The arguments, without the folder of the hooks.
    pub(crate) args: Vec<String>,
    /// The folder of the hooks, which Claude Code gets.
    pub(crate) plugin_dir: Option<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) pid: u32,
}

impl Record {
    /// The arguments without the registration, which Codex gets with `-c`.
    pub(crate) fn own_args(&self) -> Vec<&str> {
        let is_ours = |arg: &str| arg.starts_with("mcp_servers.deckwatch.");
        let mut args: Vec<&str> = Vec::new();
        for arg in &self.args {
            if is_ours(arg) {
                assert_eq!(args.pop(), Some("-c"));
            } else {
                args.push(arg);
            }
        }
        args
    }
}

impl World {
    /// A home folder with ventures and the repository of `alpha`. All three agent CLIs and `deckwatch-mcp` are installed.
    pub(crate) fn new() -> Self {
        // The folder is beside the program under test, so that the program can be linked instead of copied.
        let world = Self { root: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() };
        for folder in ["home/dev", "bin", "elsewhere"] {
            std::fs::create_dir_all(world.path(folder)).unwrap();
        }
        std::fs::hard_link(env!("CARGO_BIN_EXE_launcher"), world.path("bin/launcher")).unwrap();
        for tool in ["git", "sh", "env", "sleep"] {
            world.link_tool(tool);
        }
        for agent in ["claude", "gemini", "codex"] {
            world.install(agent, AGENT);
        }
        world.install("deckwatch-mcp", "#!/bin/sh\n");
        world.write("home/.config/deckwatch/ventures.json", VENTURES);
        world.repository("home/dev/alpha", "git@github.com:example-org/alpha.js.git");
        world
    }

    pub(crate) fn path(&self, inner: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(inner)
    }

    pub(crate) fn write(&self, inner: &str, text: &str) {
        let path = self.path(inner);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, inner: &str) -> String {
        std::fs::read_to_string(self.path(inner)).unwrap()
    }

    pub(crate) fn remove(&self, inner: &str) {
        std::fs::remove_file(self.path(inner)).unwrap();
    }

    pub(crate) fn install(&self, program: &str, script: &str) {
        let path = format!("bin/{program}");
        self.write(&path, script);
        std::fs::set_permissions(self.path(&path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Adds a tool of this machine to the world's `PATH`.
    pub(crate) fn link_tool(&self, tool: &str) -> PathBuf {
        let link = self.path("bin").join(tool);
        if !link.exists() {
            symlink(found_on_path(tool).unwrap(), &link).unwrap();
        }
        link
    }

    pub(crate) fn repository(&self, inner: &str, remote: &str) {
        let dir = self.path(inner);
        std::fs::create_dir_all(&dir).unwrap();
        for args in [&["init", "--quiet"][..], &["remote", "add", "origin", remote]] {
            let status = Command::new("git").current_dir(&dir).args(args).status().unwrap();
            assert!(status.success());
        }
    }

    /// The command of the launcher, not yet started, with only the world's environment.
    pub(crate) fn launcher(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/launcher"));
        command.args(args).current_dir(self.path("elsewhere")).env_clear().stdin(Stdio::null());
        command.envs(self.environment()).env("RECORD", self.path("record"));
        command
    }

    /// The environment of every process in this world. Git searches for no repository above the world, because the world may
    /// be in the target folder of a checkout.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [("HOME", self.path("home")), ("PATH", self.path("bin")), ("GIT_CEILING_DIRECTORIES", self.path(""))]
    }

    /// Runs the launcher until it ends.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(&mut self.launcher(args))
    }

    /// What the agent recorded. The launcher must have ended.
    pub(crate) fn record(&self) -> Record {
        self.record_named("record")
    }

    pub(crate) fn record_named(&self, name: &str) -> Record {
        let read = |what: &str| self.read(&format!("{name}.{what}"));
        let args = read("args");
        let (hooks, args): (Vec<&str>, Vec<&str>) = args.lines().partition(|arg| arg.starts_with("--plugin-dir="));
        Record {
            cwd: PathBuf::from(read("cwd").trim_end()),
            args: args.into_iter().map(str::to_owned).collect(),
            plugin_dir: hooks.first().map(|&folder| folder.to_owned()),
            env: read("env")
                .lines()
                .filter_map(|line| line.split_once('='))
                .map(|(n, v)| (n.into(), v.into()))
                .collect(),
            pid: read("pid").trim().parse().unwrap(),
        }
    }

    /// Starts an agent that keeps running, and waits until it runs.
    pub(crate) fn start(&self, name: &str, args: &[&str]) -> Agent {
        let mut command = self.launcher(args);
        command.env("RECORD", self.path(name)).env("AGENT_SLEEPS", "1").stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let pid_file = self.path(&format!("{name}.pid"));
        while !std::fs::read_to_string(&pid_file).is_ok_and(|text| text.ends_with('\n')) {
            assert_eq!(child.try_wait().unwrap(), None, "the launcher ended early");
            std::thread::yield_now();
        }
        Agent { child, record: self.record_named(name) }
    }

    /// All files in the home folder with their content, except repositories.
    pub(crate) fn home_files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path("home")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let kind = entry.file_type().unwrap();
                if kind.is_dir() && entry.file_name() != ".git" {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    files.insert(entry.path(), std::fs::read(entry.path()).unwrap());
                }
            }
        }
        files
    }
}

/// A running agent. It ends when this value is dropped.
pub(crate) struct Agent {
    pub(crate) child: Child,
    pub(crate) record: Record,
}

impl Agent {
    pub(crate) fn name(&self) -> &str {
        &self.record.env["DECKWATCH_AGENT"]
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// The result of a run of the launcher.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::ended(command.output().unwrap())
    }

    /// Writes a program's standard input and closes it.
    pub(crate) fn write(child: &mut Child, text: &str) {
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn ended(output: Output) -> Self {
        let Output { status, stdout, stderr } = output;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Checks the exit code, and that standard error contains all texts and no colours.
    #[track_caller]
    pub(crate) fn refuses(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        for text in said {
            assert!(self.stderr.contains(text), "{text:?} is not in: {}", self.stderr);
        }
        assert!(!self.stderr.contains('\x1b'), "{:?}", self.stderr);
    }
}

/// A program of the machine that the tests run on.
pub(crate) fn found_on_path(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|dir| dir.join(tool)).find(|file| file.is_file())?;
    Some(found.canonicalize().unwrap_or(found))
}
