//! The plan of a launch: all decisions, before anything is done. `--dry-run` prints it.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use deckwatch_machine::agent::{Slot, this_host};
use deckwatch_machine::checkout::Checkout;
use deckwatch_machine::variables;
use deckwatch_machine::ventures::VentureEntry;
use deckwatch_protocol::{Groups, RepoName, Role, Track};

use crate::agent_cli::AgentCli;
use crate::agent_name::AgentName;
use crate::background_server;
use crate::branches::{self, Worktree};
use crate::config::Config;
use crate::conversation::Conversation;
use crate::endpoint::{Endpoint, is_inside_local};
use crate::environment;
use crate::error::LaunchError;
use crate::headless;
use crate::installation::Server;
use crate::launch::Launch;
use crate::launch_secrets::SecretsRequest;
use crate::process_env::ProcessEnv;
use crate::registration::{Consent, HookUse, Hooks, PlannedRegistration, Registration, RegistrationRequest, Screen};
use crate::sandbox::Sandbox;

/// The selections on which the plan is based.
pub(crate) struct Chosen<'a> {
    pub(crate) venture: VentureEntry,
    pub(crate) ventures_file: Option<PathBuf>,
    pub(crate) checkout: Checkout,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) secrets: SecretsRequest<'a>,
}

/// One launch.
pub(crate) struct Plan<'a> {
    pub(crate) cli: AgentCli,
    pub(crate) venture: VentureEntry,
    pub(crate) checkout: Checkout,
    pub(crate) endpoint: &'a Endpoint,
    /// The agent's program.
    pub(crate) program: PathBuf,
    /// Its arguments, after those of the registration.
    pub(crate) args: Vec<OsString>,
    /// Variables that contain no secret. The name of the agent is added when it has its slot.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    /// The secrets to fetch when the agent is started.
    pub(crate) secrets: SecretsRequest<'a>,
    /// The program of the MCP server.
    pub(crate) server: Server,
    pub(crate) screen: Screen,
    /// Whether the hooks are registered.
    pub(crate) hooks: HookUse,
    /// The registration without secrets. It is planned again when their names are known.
    pub(crate) registration: Registration,
    /// The worktree in which the agent starts, if it does not start in the checkout.
    pub(crate) worktree: Option<Worktree>,
    /// The folder in which the agent starts, if it is not the repository. It may not exist yet.
    pub(crate) folder: Option<PathBuf>,
    /// The sandbox in which the agent works.
    pub(crate) sandbox: Option<Sandbox>,
    pub(crate) ventures_file: Option<PathBuf>,
    pub(crate) conversation: Conversation,
    pub(crate) track: Option<Track>,
    pub(crate) name: AgentName,
    /// The variable with the shared key of the API, which the agent does not get, if it is not `CONTEXT_API_KEY`.
    pub(crate) key_variable: Option<String>,
    /// Whether the launch fails if the agent gets no token of its own.
    pub(crate) token_required: bool,
}

impl<'a> Plan<'a> {
    /// Makes the plan. Reads the settings of the agent CLI, and changes nothing.
    pub(crate) fn make(
        launch: &Launch,
        config: &Config,
        env: &ProcessEnv,
        chosen: Chosen<'a>,
    ) -> Result<Self, LaunchError> {
        let (agent_cli, program) = agent_program(launch.agent_cli().or(config.default_agent), env)?;
        let server = Server::find(launch, env)?;
        let screen = if launch.no_alt_screen { Screen::Inline } else { Screen::AsConfigured };
        let hooks = HookUse::of(agent_cli, launch, config.hooks, &launch.agent_args);
        let (program_of_server, folder) = (server.path(), &chosen.checkout.root);
        let request = RegistrationRequest { server: &program_of_server, secrets: &[], screen, folder, hooks: &hooks };
        let registration = Registration::plan(agent_cli, &request, env)?;
        let worktree = launch.worktree.as_ref().map(|name| Worktree::plan(name, &chosen.checkout)).transpose()?;
        let remote = &launch.remote;
        let agent_args = headless::agent_args(agent_cli, remote.output, remote.model.as_deref(), &launch.agent_args);
        let folder = remote.folder.as_deref().map(|folder| start_folder(folder, env)).transpose()?;
        let sandbox = launch.sandbox.then(|| Sandbox::find(env)).transpose()?;
        let conversation = Conversation::plan(agent_cli, &agent_args, &chosen.venture.code, &chosen.checkout, env);
        let isolation = background_server::isolate(agent_cli, &program, &agent_args, env)?;
        let added = isolation.args.iter().chain(&conversation.args);
        let args = added.chain(&agent_args).cloned().collect();
        let track = launch.track.or(conversation.track);
        let name = AgentName::of(launch);
        let key_variable = config.api.as_ref().and_then(|api| api.key_env()).filter(|name| *name != variables::API_KEY);
        let key_variable = key_variable.map(str::to_owned);
        let mut environment = environment(launch, config, env, agent_cli, &chosen, &conversation, isolation.variables);
        environment.extend(identity_variables(launch)?);
        Ok(Self {
            environment,
            secrets: chosen.secrets,
            screen,
            hooks,
            cli: agent_cli,
            venture: chosen.venture,
            checkout: chosen.checkout,
            endpoint: chosen.endpoint,
            program,
            args,
            registration,
            server,
            worktree,
            folder,
            sandbox,
            ventures_file: chosen.ventures_file,
            conversation,
            track,
            name,
            key_variable,
            token_required: config.api.as_ref().is_some_and(|api| api.token_required),
        })
    }

    /// The plan as text. It contains names of variables, never values of secrets.
    pub(crate) fn describe(&self, env: &ProcessEnv) -> Result<String, LaunchError> {
        let (client, wanted) = (self.cli.client(), self.conversation.wanted);
        let (host, wanted) = (this_host(), self.name.slot(&this_host(), &client).unwrap_or(wanted));
        let slot = Slot::next(&env.dirs, &host, &client, &self.venture.code, wanted)?;
        let agent = self.name.as_agent(&slot, &client)?;
        let mut text = String::new();
        let mut row = |name: &str, value: &str| writeln!(text, "{name:<12} {value}").unwrap_or_default();
        row("venture", &format!("{} ({})", self.venture.code, self.venture.name));
        row("repository", &format!("{} in {}", self.checkout.repo, env.shown(&self.checkout.root)));
        if let Some(worktree) = &self.worktree {
            row("worktree", &env.shown(&worktree.path(&agent)));
        }
        if self.sandbox.is_some() {
            row("sandbox", "other repositories, SSH keys and other agents do not exist in it");
        }
        row("branches", &format!("{}...", branches::prefix(self.worktree.as_ref(), &agent)));
        row("agent", &self.name.describe(&slot));
        row("records", &self.endpoint.describe(env));
        let args = self.registration.args.iter().chain(&self.args).map(OsString::as_os_str);
        let words = std::iter::once(self.program.as_os_str()).chain(args);
        row("command", &words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" "));
        row("sets", &self.names().join(" "));
        row("secrets", &self.secrets.describe());
        row("withholds", &environment::WITHHELD_VARIABLES.join(" "));
        if let Some(program) = self.server.describe(env) {
            row("installs", &program);
        }
        row("registers", &self.describe_registration(env));
        row("hooks", &self.describe_hooks());
        Ok(text)
    }

    fn names(&self) -> Vec<&str> {
        let mut names = vec![variables::AGENT, variables::LAUNCH, variables::BRANCH_PREFIX];
        names.extend(self.environment.iter().map(|(name, _)| *name));
        if matches!(self.endpoint, Endpoint::Remote { .. }) {
            names.extend([variables::API_KEY, variables::SECRETS]);
        }
        names.sort_unstable();
        names
    }

    fn describe_hooks(&self) -> String {
        match &self.registration.hooks {
            Hooks::Registered(_) => "registered for the events of the agent's turn".to_owned(),
            Hooks::WithConsent(hooks) => match hooks.known_consent(&self.program) {
                Consent::Given => "registered for the events of the agent's turn; you have agreed in Codex".to_owned(),
                Consent::Refused => "none: you did not agree that Codex runs them".to_owned(),
                Consent::Unasked | Consent::Unknown(_) => {
                    "only if you agree: a launch on a terminal asks whether Codex may run them".to_owned()
                }
            },
            Hooks::Off(why) | Hooks::Prevented(why) => format!("none: {why}"),
        }
    }

    fn describe_registration(&self, env: &ProcessEnv) -> String {
        match self.registration.planned(self.cli, env) {
            PlannedRegistration::ForOneLaunch(error) => return format!("for this launch alone: {error}"),
            PlannedRegistration::Fails(error) => return format!("nothing, and the launch fails: {error}"),
            PlannedRegistration::Registered | PlannedRegistration::Writes(_) => {}
        }
        let changes = self.registration.changes.iter().map(|change| {
            let verb = if change.is_new() { "writes" } else { "changes" };
            format!("{verb} {}", env.shown(change.path()))
        });
        let changes: Vec<String> = changes.collect();
        if changes.is_empty() { "nothing to change".to_owned() } else { changes.join(", ") }
    }
}

/// The groups of the agent, and why it takes a name over.
fn identity_variables(launch: &Launch) -> Result<Vec<(&'static str, OsString)>, LaunchError> {
    let role = launch.role.clone().unwrap_or_else(Role::member);
    let groups = launch.groups.as_deref().map(|groups| Groups::listed(groups, &role)).transpose();
    let groups = groups.map_err(|invalid| LaunchError::Groups(invalid.to_string()))?;
    let take_over = launch.as_agent.is_some().then(|| format!("started with --as on {}", this_host()));
    let variables = [(variables::GROUPS, groups.map(|groups| groups.to_string())), (variables::TAKE_OVER, take_over)];
    Ok(variables.into_iter().filter_map(|(name, value)| Some((name, value?.into()))).collect())
}

/// The folder in which an agent shall start, as an absolute path. `~` is the home folder.
fn start_folder(folder: &Path, env: &ProcessEnv) -> Result<PathBuf, LaunchError> {
    let folder = folder.strip_prefix("~").map_or_else(|_| folder.to_owned(), |rest| env.dirs.home.join(rest));
    if !folder.is_absolute() {
        let message = format!("the working directory {} must start with / or ~/", folder.display());
        return Err(LaunchError::Workspace(message));
    }
    match folder.metadata() {
        Ok(found) if !found.is_dir() => {
            Err(LaunchError::Workspace(format!("the working directory {} is not a folder", folder.display())))
        }
        _ => Ok(folder),
    }
}

/// The agent CLI that was named, otherwise the first one that is installed.
fn agent_program(named: Option<AgentCli>, env: &ProcessEnv) -> Result<(AgentCli, PathBuf), LaunchError> {
    let installed = |cli: AgentCli| env.agent_program(cli).map(|program| (cli, program));
    match named {
        Some(cli) => installed(cli).ok_or(LaunchError::AgentMissing(cli)),
        None => AgentCli::ALL.into_iter().find_map(installed).ok_or(LaunchError::NoAgent),
    }
}

fn environment(
    launch: &Launch,
    config: &Config,
    env: &ProcessEnv,
    agent_cli: AgentCli,
    chosen: &Chosen,
    conversation: &Conversation,
    of_tool: Vec<(&'static str, OsString)>,
) -> Vec<(&'static str, OsString)> {
    let track = launch.track.or(conversation.track).map(|track| track.to_string().into());
    let issue = launch.issue.map(|issue| issue.to_string().into());
    let url = chosen.endpoint.var(variables::API_URL).map(OsString::from);
    let repos = chosen.venture.repos.iter().map(RepoName::as_str).collect::<Vec<_>>().join(",");
    let variables = [
        (variables::VENTURE, Some(chosen.venture.code.as_str().into())),
        (variables::REPO, Some(chosen.checkout.repo.as_str().into())),
        (variables::REPOS, (!repos.is_empty()).then(|| repos.into())),
        (variables::CLIENT, Some(agent_cli.program().into())),
        (variables::TRACK, track),
        (variables::ISSUE, issue),
        (variables::CONVERSATION, conversation.id.as_ref().map(|id| id.as_str().into())),
        (variables::VENTURES, chosen.ventures_file.clone().map(PathBuf::into_os_string)),
        (variables::DEV_ROOT, Some(config.dev_root.clone().into_os_string())),
        (variables::API_URL, url),
        (variables::LOCAL, (launch.local || is_inside_local(env)).then(|| "1".into())),
    ];
    let ours = variables.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
    ours.chain(of_tool).collect()
}

/// An argument, quoted for a shell if it needs quotes.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
