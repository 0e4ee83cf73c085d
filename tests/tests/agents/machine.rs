//! A user's machine: its own home folder, a cloned repository, a file of ventures, Deckwatch installed.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command as SyncCommand, Stdio};

use deckwatch_tests::program;
use deckwatch_tests::scripted_model::ScriptedModel;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::agent_cli::AgentCli;
use crate::running::Running;

const VENTURES: &str = r#"{"ventures": [{
  "code": "alpha", "name": "Alpha", "github_org": "example-org",
  "repos": ["example-org/alpha-console"], "capabilities": []
}, {
  "code": "beta", "name": "Beta", "github_org": "example-org",
  "repos": ["example-org/beta-console"], "capabilities": []
}]}"#;

const CLOSED_PORT: &str = "http://127.0.0.1:9";

/// A machine with one agent CLI.
pub(crate) struct Machine {
    pub(crate) cli: AgentCli,
    agent: PathBuf,
    home: TempDir,
    variables: Vec<(&'static str, String)>,
    /// Its own host name, in a namespace of Linux.
    host: Option<&'static str>,
    /// The file of its network namespace.
    network: Option<PathBuf>,
}

impl Machine {
    /// A machine with the CLI, or `None` if the CLI is not installed.
    pub(crate) fn with(cli: AgentCli) -> Option<Self> {
        Self::with_home(cli, tempfile::tempdir().unwrap())
    }

    /// Like `with`, with the home folder in a folder that the test chooses.
    pub(crate) fn with_home(cli: AgentCli, home: TempDir) -> Option<Self> {
        let agent = cli.installed()?;
        let machine = Self { cli, agent, home, variables: Vec::new(), host: None, network: None };
        for name in ["launcher", "deckwatch-mcp"] {
            machine.install(name);
        }
        machine.write(".config/deckwatch/ventures.json", VENTURES);
        let own_server = Path::new(env!("CARGO_MANIFEST_DIR")).join("agents/own-server.mjs");
        machine.write(cli.settings_file(), &cli.settings(&program_on_path("node"), &own_server));
        machine.clone_repository("alpha");
        Some(machine)
    }

    /// Adds a variable to the user's environment.
    pub(crate) fn and_variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Whether this system lets a test give its processes a host name of their own.
    pub(crate) fn can_have_host_names() -> bool {
        let mut unshare = SyncCommand::new("unshare");
        unshare.args(["--uts", "true"]).stderr(Stdio::null());
        unshare.status().is_ok_and(|status| status.success())
    }

    /// Gives the machine a host name of its own.
    pub(crate) fn on_host(mut self, name: &'static str) -> Self {
        self.host = Some(name);
        self
    }

    /// Gives the machine a network of its own.
    pub(crate) fn in_network(mut self, file: PathBuf) -> Self {
        self.network = Some(file);
        self
    }

    /// A path below the home folder.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.repository_of("alpha")
    }

    /// The clone of a venture's repository.
    pub(crate) fn repository_of(&self, venture: &str) -> PathBuf {
        self.path(&format!("dev/{venture}-console"))
    }

    /// Starts an agent on the venture; the model drives it.
    pub(crate) fn launch(&self, model: &ScriptedModel) -> Running {
        self.launch_with(model, &[])
    }

    /// Like `launch`, with more arguments for the launcher.
    pub(crate) fn launch_with(&self, model: &ScriptedModel, arguments: &[&str]) -> Running {
        let mut command = self.launcher(arguments);
        command.args(self.cli.arguments(model)).envs(self.cli.variables(model));
        Running::start(command)
    }

    /// The launcher's command. Arguments that a test adds are for the agent.
    pub(crate) fn launcher(&self, arguments: &[&str]) -> Command {
        self.launcher_on("alpha", arguments)
    }

    /// Like `launcher`, on another venture.
    pub(crate) fn launcher_on(&self, venture: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.path("bin/launcher"));
        command.args([venture, &format!("--{}", self.cli.program())]).args(arguments).arg("--");
        command
    }

    /// The launcher's command for one of its other subcommands.
    pub(crate) fn verb(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.path("bin/launcher"));
        command.args(arguments);
        command
    }

    /// The command of the agent CLI, without Deckwatch.
    pub(crate) fn agent(&self) -> Command {
        self.command(&self.agent)
    }

    fn command(&self, program: &Path) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(network) = &self.network {
            words.extend(["/usr/bin/nsenter".into(), format!("--net={}", network.display()).into()]);
        }
        if let Some(host) = self.host {
            let unshare = ["/usr/bin/unshare", "--uts", "sh", "-c", r#"hostname "$0" && exec "$@""#, host];
            words.extend(unshare.map(OsString::from));
        }
        words.push(program.into());
        let mut command = Command::new(words.remove(0));
        command.args(words);
        command.current_dir(self.home.path()).env_clear();
        command.envs([("HOME", self.home.path().as_os_str()), ("PATH", &self.search_path())]);
        command.envs([("LANG", "C.UTF-8"), ("TERM", "dumb"), ("NO_COLOR", "1")]);
        // Connections of the CLI to other hosts go to a closed port.
        command.envs([("HTTP_PROXY", CLOSED_PORT), ("HTTPS_PROXY", CLOSED_PORT), ("NO_PROXY", "127.0.0.1,localhost")]);
        command.envs(self.variables.iter().cloned());
        command
    }

    pub(crate) fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Adds a hook of the user at every prompt, beside those of Deckwatch, with what Codex needs to run it.
    pub(crate) async fn add_own_hook(&self, command: &str) {
        let existing = std::fs::read_to_string(self.path(self.cli.settings_file())).unwrap();
        let (file, text) = self.cli.own_hook(command, &existing);
        self.write(file, &text);
        if self.cli == AgentCli::Codex {
            self.trust_own_hooks().await;
        }
    }

    /// Records the user's consent to the user's own hooks in Codex's configuration, for which Codex would ask.
    pub(crate) async fn trust_own_hooks(&self) {
        let folder = self.repository().canonicalize().unwrap();
        let answer = app_server(self.agent(), "hooks/list", json!({ "cwds": [folder] })).await;
        let mut config = std::fs::read_to_string(self.path(".codex/config.toml")).unwrap();
        for hook in answer["data"][0]["hooks"].as_array().unwrap() {
            let text = |name: &str| serde_json::to_string(&hook[name]).unwrap();
            let (key, hash) = (text("key"), text("currentHash"));
            writeln!(config, "[hooks.state.{key}]\ntrusted_hash = {hash}").unwrap();
        }
        self.write(".codex/config.toml", &config);
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.repository(), arguments)
    }

    fn git_in(&self, folder: &Path, arguments: &[&str]) -> String {
        let mut git = SyncCommand::new("git");
        git.current_dir(folder).args(arguments).env_clear().stderr(Stdio::inherit());
        git.env("HOME", self.home.path()).env("PATH", self.search_path()).env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "Ann").env(format!("GIT_{role}_EMAIL"), "ann@example.org");
        }
        let output = git.output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn clone_repository(&self, venture: &str) {
        let folder = self.repository_of(venture);
        std::fs::create_dir_all(&folder).unwrap();
        self.git_in(&folder, &["init", "--quiet", "--initial-branch=main"]);
        let remote = format!("git@github.com:example-org/{venture}-console.git");
        self.git_in(&folder, &["remote", "add", "origin", &remote]);
        self.git_in(&folder, &["commit", "--quiet", "--allow-empty", "--message=first"]);
    }

    /// Installs a program under a path of this machine, so that the test can tell its processes from those of other tests.
    fn install(&self, name: &str) {
        let target = self.path("bin").join(name);
        std::fs::create_dir_all(self.path("bin")).unwrap();
        std::fs::hard_link(program(name), &target)
            .or_else(|_| std::fs::copy(program(name), &target).map(drop))
            .unwrap();
    }

    fn search_path(&self) -> OsString {
        let node = program_on_path("node");
        let (own, agents) = (self.path("bin"), self.agent.parent());
        let folders =
            [Some(own.as_path()), agents, node.parent(), Some(Path::new("/usr/bin")), Some(Path::new("/bin"))];
        std::env::join_paths(folders.into_iter().flatten()).unwrap()
    }
}

fn program_on_path(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is not on PATH: install it"))
}

/// Sends a request to Codex's app server and returns the result.
async fn app_server(mut codex: Command, method: &str, params: Value) -> Value {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let pipe = std::process::Stdio::piped;
    let mut child =
        codex.arg("app-server").stdin(pipe()).stdout(pipe()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let (mut input, mut lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    let hello = json!({ "clientInfo": { "name": "tests", "version": "1" } });
    for (id, method, params) in [(1, "initialize", hello), (2, method, params)] {
        let line = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    let answer = loop {
        let line = lines.next_line().await.unwrap().expect("Codex did not answer");
        let message: Value = serde_json::from_str(&line).unwrap();
        if message["id"] == 2 {
            break message["result"].clone();
        }
    };
    drop(input);
    child.wait().await.unwrap();
    answer
}
