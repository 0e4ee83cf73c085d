//! `launcher run`: a headless agent on a machine of the fleet.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use deckwatch_fleet::runs::requests::{StartRun, Started};
use deckwatch_fleet::runs::{
    Assignment, Bytes, LaunchRequest, OutputFormat, RunId, RunRecord, RunState, Variable, Workspace,
};
use deckwatch_protocol::{Host, IssueNumber, Track, VentureCode};

use super::place::{self, Placed, Wanted};
use super::positions::Positions;
use super::viewer::Viewer;
use super::{ending, environment};
use crate::agent_cli::AgentCli;
use crate::completions;
use crate::context_api;
use crate::conversation;
use crate::error::LaunchError;
use crate::output::{say, warn};
use crate::placement::Placement;
use crate::process_env::ProcessEnv;

/// The largest prompt, in bytes.
const MAX_PROMPT: usize = 512 * 1024;

/// The options of `launcher run`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("run_agent").args(["claude", "gemini", "codex"]))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Run {
    /// Code of the venture
    #[arg(value_name = "VENTURE", add = ArgValueCandidates::new(completions::ventures))]
    venture: VentureCode,

    /// The machine, or `auto` for the one with the most room
    #[arg(long, value_name = "MACHINE")]
    on: Placement,

    /// The prompt; without it, standard input is the prompt
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Option<String>,

    /// Start Claude Code
    #[arg(long)]
    claude: bool,

    /// Start Gemini CLI
    #[arg(long)]
    gemini: bool,

    /// Start Codex CLI
    #[arg(long)]
    codex: bool,

    /// The model, for the agent CLI
    #[arg(long, value_name = "MODEL", allow_hyphen_values = true)]
    model: Option<String>,

    /// What the agent writes: events as lines of JSON, or its answer as text
    #[arg(long, value_enum, default_value = "stream-json")]
    output: Output,

    /// Print a line of JSON about the run at the end
    #[arg(long)]
    json: bool,

    /// Return when the agent runs, and leave it at work
    #[arg(long)]
    detach: bool,

    /// Start the agent again after a crash, up to 5 times
    #[arg(long)]
    supervise: bool,

    /// Start in this folder of the machine; it is made if it is missing
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Where the agent works: `worktree`, `worktree=NAME`, or `sandbox` for one that sees no other folders
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<WorkspaceName>,

    /// Track (line of work) within the repository; 0 is a track
    #[arg(long, value_name = "N")]
    track: Option<Track>,

    /// GitHub issue that the agent works on
    #[arg(long, value_name = "N")]
    issue: Option<IssueNumber>,

    /// Pass this variable to the agent, through the SSH connection only; can be repeated
    #[arg(long = "env", value_name = "NAME")]
    variables: Vec<String>,

    /// Keep the records of the agent on its machine, whatever API is configured
    #[arg(long)]
    local: bool,

    /// Start without the secrets of the venture
    #[arg(long, conflicts_with = "require_secrets")]
    no_secrets: bool,

    /// Start only if the machine can fetch all secrets of the venture
    #[arg(long)]
    require_secrets: bool,

    /// How many seconds to try to connect again after a lost connection
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    reconnect_for: u64,

    /// Arguments for the agent CLI
    #[arg(last = true, value_name = "AGENT ARGUMENTS")]
    agent_args: Vec<OsString>,
}

/// What a headless agent writes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    StreamJson,
    Text,
}

/// The workspace on the command line.
#[derive(Debug, Clone)]
struct WorkspaceName(Workspace);

impl FromStr for WorkspaceName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("worktree=")) {
            ("shared", _) => Ok(Self(Workspace::Shared)),
            ("worktree", _) => Ok(Self(Workspace::Worktree(None))),
            ("sandbox", _) => Ok(Self(Workspace::Sandbox)),
            (_, Some(name)) if !name.is_empty() => Ok(Self(Workspace::Worktree(Some(name.to_owned())))),
            _ => Err("must be shared, worktree, worktree=NAME or sandbox"),
        }
    }
}

/// Starts the run, and shows it unless `--detach` is given.
pub(crate) fn run(run: &Run, env: &ProcessEnv) -> Result<(), LaunchError> {
    let (mut machine, mut record) = (None, None);
    let result = context_api::runtime()?.block_on(carry_out(run, env, &mut machine, &mut record));
    if run.json {
        ending::print_json(machine.as_ref(), record.as_ref(), &result)?;
    }
    result
}

async fn carry_out(
    run: &Run,
    env: &ProcessEnv,
    machine: &mut Option<Host>,
    record: &mut Option<RunRecord>,
) -> Result<(), LaunchError> {
    let (prompt, launch) = (run.prompt()?, run.launch()?);
    let environment = environment::for_agent(&run.variables, run.local, env)?;
    let Placed { member, answer: started, remote } = run.start(&launch, &environment, prompt, env).await?;
    *machine = Some(member.hostname.clone());
    started.warnings.iter().for_each(|warning| warn(&format!("{}: {warning}", member.hostname)));
    let id = started.run.id.clone();
    *record = Some(started.run);
    say(&format!("{id} on {}", member.hostname));
    let name = member.hostname.clone();
    let reconnect_for = Duration::from_secs(run.reconnect_for);
    let mut viewer = Viewer::new(id.clone(), member, Positions::default(), reconnect_for, env);
    (viewer.only_start, viewer.remote) = (run.detach, Some(remote));
    let last = viewer.follow().await?;
    let result = ending::of(&last, &name);
    if run.detach && !last.state.is_final() {
        let does = if last.state == RunState::Queued { "waits for a place" } else { "runs" };
        say(&format!("the agent {does}; `launcher attach {id}` shows it, `launcher stop {id}` ends it"));
        if !run.json {
            crate::output::print(|out| std::io::Write::write_fmt(out, format_args!("{id}\n")))?;
        }
    }
    *record = Some(last);
    result
}

impl Run {
    async fn start(
        &self,
        launch: &LaunchRequest,
        environment: &[Variable],
        prompt: Vec<u8>,
        env: &ProcessEnv,
    ) -> Result<Placed<Started>, LaunchError> {
        let id = new_id()?;
        let cli = self.agent_cli().unwrap_or(AgentCli::Claude);
        let wanted = Wanted { launch, environment, resumes: conversation::resumed(cli, &self.agent_args) };
        place::start(&self.on, &wanted, env, |terms| {
            StartRun(Assignment {
                id: id.clone(),
                launch: launch.clone(),
                environment: environment.to_vec(),
                prompt: Bytes(prompt.clone()),
                supervise: self.supervise,
                queue: terms.queue,
                at_least_free: terms.at_least_free,
            })
        })
        .await
    }

    fn agent_cli(&self) -> Option<AgentCli> {
        let flags = [(self.claude, AgentCli::Claude), (self.gemini, AgentCli::Gemini), (self.codex, AgentCli::Codex)];
        flags.into_iter().find_map(|(given, cli)| given.then_some(cli))
    }

    fn prompt(&self) -> Result<Vec<u8>, LaunchError> {
        let prompt = match &self.prompt {
            Some(prompt) => prompt.clone().into_bytes(),
            None if std::io::stdin().is_terminal() => {
                return Err(LaunchError::NoPrompt);
            }
            None => {
                let mut text = Vec::new();
                let limit = MAX_PROMPT as u64 + 1;
                let read = std::io::stdin().lock().take(limit).read_to_end(&mut text);
                read.map_err(|error| LaunchError::Fleet(format!("the prompt can't be read: {error}")))?;
                text
            }
        };
        if prompt.len() > MAX_PROMPT {
            return Err(LaunchError::Fleet(format!("the prompt has over {MAX_PROMPT} bytes; put it in a file there")));
        }
        if prompt.trim_ascii().is_empty() { Err(LaunchError::NoPrompt) } else { Ok(prompt) }
    }

    fn launch(&self) -> Result<LaunchRequest, LaunchError> {
        let flags =
            [("--local", self.local), ("--no-secrets", self.no_secrets), ("--require-secrets", self.require_secrets)];
        let given = flags.iter().filter(|(_, given)| *given).map(|(flag, _)| (*flag).to_owned());
        Ok(LaunchRequest {
            venture: self.venture.clone(),
            agent: self.agent_cli().map(|cli| cli.to_string()),
            model: self.model.clone(),
            output: Some(match self.output {
                Output::StreamJson => OutputFormat::StreamJson,
                Output::Text => OutputFormat::Text,
            }),
            track: self.track,
            issue: self.issue,
            folder: self.cwd.clone(),
            workspace: self.workspace.clone().map(|name| name.0).unwrap_or_default(),
            flags: given.collect(),
            agent_args: unicode(&self.agent_args)?,
        })
    }
}

/// The id of a new run.
pub(super) fn new_id() -> Result<RunId, LaunchError> {
    RunId::mint().map_err(|error| LaunchError::Fleet(format!("the system gives no random numbers: {error}")))
}

/// The arguments as text, which is all that a request can hold.
pub(super) fn unicode(args: &[OsString]) -> Result<Vec<String>, LaunchError> {
    let text = |arg: &OsString| arg.to_str().map(str::to_owned);
    let texts: Option<Vec<String>> = args.iter().map(text).collect();
    texts.ok_or_else(|| LaunchError::Fleet("an argument for the agent CLI is not Unicode".to_owned()))
}
