//! A sandbox for an agent, made by bubblewrap: only the repository, the agent's own settings and the system's programs exist
//! in it.
//!
//! The home folder is a private one for the venture and the repository. What the agent CLI needs of the user's settings is
//! bound into it. Conversations, histories, SSH keys, other repositories and other runs are not, so an agent can't read
//! what belongs to another venture. The records of Deckwatch are the team's and stay visible.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deckwatch_machine::checkout::main_folder;
use deckwatch_machine::digest::sha256_hex;
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::VentureCode;

use crate::agent_cli::AgentCli;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;

const PROGRAM: &str = "bwrap";

/// Folders of the system. Those that are links, as `/bin` often is, stay links.
const SYSTEM: [&str; 8] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix"];
/// What the system's settings may refer to outside `/etc`.
const RESOLVER: [&str; 2] = ["/run/systemd/resolve", "/run/resolvconf"];
/// The user's settings of git.
const GIT_SETTINGS: [&str; 2] = [".gitconfig", ".config/git"];
/// The parts of Deckwatch's state that an agent's tools write. The runs of other agents are not among them.
const STATE: [&str; 6] = ["conversations", "machines", "mail", "mcp", "sessions", "slots"];

/// The user's settings of each agent CLI, without conversations and histories.
fn settings(cli: AgentCli) -> &'static [&'static str] {
    match cli {
        AgentCli::Claude => &[
            ".claude/.credentials.json",
            ".claude/settings.json",
            ".claude/CLAUDE.md",
            ".claude/commands",
            ".claude/agents",
            ".claude/skills",
        ],
        AgentCli::Gemini => &[
            ".gemini/settings.json",
            ".gemini/oauth_creds.json",
            ".gemini/google_accounts.json",
            ".gemini/installation_id",
            ".gemini/trustedFolders.json",
            ".gemini/GEMINI.md",
            ".gemini/commands",
        ],
        AgentCli::Codex => &[
            ".codex/auth.json",
            ".codex/config.toml",
            ".codex/AGENTS.md",
            ".codex/hooks.json",
            ".codex/skills",
            ".codex/prompts",
        ],
    }
}

/// The sandboxes of this machine.
pub(crate) struct Sandbox {
    program: PathBuf,
}

/// What one sandbox contains.
pub(crate) struct Contents<'a> {
    pub(crate) cli: AgentCli,
    pub(crate) venture: &'a VentureCode,
    /// The agent's program.
    pub(crate) program: &'a Path,
    /// The repository or its worktree.
    pub(crate) repository: &'a Path,
    /// The folder in which the agent starts.
    pub(crate) folder: &'a Path,
    /// The ventures file.
    pub(crate) ventures: Option<&'a Path>,
}

impl Sandbox {
    /// Finds bubblewrap, and tries whether this system lets it make a sandbox.
    pub(crate) fn find(env: &ProcessEnv) -> Result<Self, LaunchError> {
        let unusable = |why: String| LaunchError::Workspace(format!("no sandbox can be made: {why}"));
        let program = env.program(PROGRAM).ok_or_else(|| {
            unusable(format!("{PROGRAM} is not installed; on Debian, `apt install bubblewrap`; macOS has none"))
        })?;
        let mut trial = Command::new(&program);
        trial.args(["--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "true"]);
        let output = trial.stdin(Stdio::null()).output().map_err(|error| unusable(error.to_string()))?;
        if output.status.success() {
            return Ok(Self { program });
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(unusable(format!("{PROGRAM} failed: {message}; this system may forbid user namespaces")))
    }

    /// A command that runs the agent's program in the sandbox. Makes the private home.
    pub(crate) fn command(&self, contents: &Contents, env: &ProcessEnv) -> Result<Command, LaunchError> {
        let mut mounts = Mounts::default();
        mounts.system();
        mounts.home(contents, env)?;
        mounts.programs(contents.program, env);
        mounts.repository(contents)?;
        let mut command = Command::new(&self.program);
        command.args(["--die-with-parent", "--unshare-pid", "--unshare-ipc"]).args(&mounts.args);
        command.arg("--chdir").arg(contents.folder).arg("--").arg(contents.program);
        Ok(command)
    }
}

#[derive(Default)]
struct Mounts {
    args: Vec<OsString>,
}

impl Mounts {
    fn add(&mut self, option: &str, source: impl AsRef<OsStr>, target: impl AsRef<OsStr>) {
        self.args.extend([option.into(), source.as_ref().to_owned(), target.as_ref().to_owned()]);
    }

    /// Shows a file or folder where it is, if it exists.
    fn show(&mut self, option: &str, path: impl AsRef<Path>) {
        self.add(option, path.as_ref(), path.as_ref());
    }

    fn system(&mut self) {
        for path in SYSTEM {
            match std::fs::read_link(path) {
                Ok(target) => self.add("--symlink", target, path),
                Err(_) => self.show("--ro-bind-try", path),
            }
        }
        self.show("--ro-bind", "/etc");
        for path in RESOLVER {
            self.show("--ro-bind-try", path);
        }
        self.args
            .extend(["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp"].map(OsString::from));
    }

    fn home(&mut self, contents: &Contents, env: &ProcessEnv) -> Result<(), LaunchError> {
        let (home, dirs) = (&env.dirs.home, &env.dirs);
        let repository = sha256_hex(contents.repository.as_os_str().as_encoded_bytes());
        let name = format!("{}-{}", contents.venture, repository.get(..12).unwrap_or_default());
        let private = dirs.state.join("sandboxes").join(name);
        make(&private)?;
        self.add("--bind", &private, home);
        for path in settings(contents.cli) {
            remove_mount_point(&private.join(path), &home.join(path));
            self.show("--bind-try", home.join(path));
        }
        for path in GIT_SETTINGS {
            self.show("--ro-bind-try", home.join(path));
        }
        self.show("--ro-bind-try", &dirs.config);
        if let Some(ventures) = contents.ventures {
            self.show("--ro-bind-try", ventures);
        }
        for folder in [&dirs.data, &dirs.cache].into_iter().cloned().chain(STATE.map(|name| dirs.state.join(name))) {
            make(&folder)?;
            self.show("--bind", folder);
        }
        Ok(())
    }

    /// The folders of programs in the home folder, and the programs that links there lead to.
    fn programs(&mut self, agent: &Path, env: &ProcessEnv) {
        let home = &env.dirs.home;
        let path = env.var("PATH").unwrap_or_default();
        let below_home = |folder: &PathBuf| folder.starts_with(home) && folder != home;
        for folder in std::env::split_paths(&path).filter(below_home) {
            self.show("--ro-bind-try", folder);
        }
        let server = env.sibling("deckwatch-mcp");
        for program in [Some(agent.to_owned()), env.own_program(), server].into_iter().flatten() {
            let Ok(real) = program.canonicalize() else { continue };
            // A program of npm needs the packages beside its own.
            let packages = real.ancestors().find(|folder| folder.ends_with("node_modules"));
            if let Some(folder) = packages.or_else(|| real.parent()).filter(|folder| !home.starts_with(folder)) {
                self.show("--ro-bind-try", folder);
            }
        }
    }

    fn repository(&mut self, contents: &Contents) -> Result<(), LaunchError> {
        self.show("--bind", contents.repository);
        // A worktree has its records in the main folder of the repository.
        self.show("--bind-try", main_folder(contents.repository)?.join(".git"));
        if !contents.folder.starts_with(contents.repository) {
            self.show("--bind", contents.folder);
        }
        Ok(())
    }
}

/// Removes the empty file that bubblewrap left in the private home for a file that no longer exists. An agent CLI would take
/// it for malformed settings.
fn remove_mount_point(left: &Path, source: &Path) {
    if !source.exists() && left.metadata().is_ok_and(|file| file.is_file() && file.len() == 0) {
        // If it stays, the agent CLI says what is wrong with it.
        let _ = std::fs::remove_file(left);
    }
}

fn make(folder: &Path) -> Result<(), LaunchError> {
    Dirs::create(folder).map_err(|error| LaunchError::Workspace(format!("{} can't be made: {error}", folder.display())))
}
