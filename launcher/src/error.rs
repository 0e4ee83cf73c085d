//! Every error of the launcher: what happened, what to do, which exit code.

use std::io;
use std::path::PathBuf;

use deckwatch_fleet::remote::Failure;
use deckwatch_fleet::runs::RunId;
use deckwatch_fleet::wire::RefusalKind;
use deckwatch_machine::agent::SlotError;
use deckwatch_machine::checkout::CheckoutError;
use deckwatch_machine::dirs::NoHome;
use deckwatch_machine::discovery::DiscoveryError;
use deckwatch_machine::ventures::VenturesError;
use deckwatch_protocol::{Agent, Host, RepoName, VentureCode};
use thiserror::Error;

use crate::agent_cli::AgentCli;
use crate::demo_error::DemoError;
use crate::exit_code::ExitCode;
use crate::github_error::GitHubError;
use crate::message_error::MessageError;
use crate::secrets_error::SecretsError;
use crate::suggestion;
use crate::update_error::UpdateError;

/// The reason why a command failed. The messages of the client's errors already say what to do.
#[derive(Debug, Error)]
pub(crate) enum LaunchError {
    #[error(transparent)]
    NoHome(#[from] NoHome),
    #[error("the current directory can't be used: {0}")]
    NoCurrentDirectory(#[source] io::Error),
    #[error("{}: {message}", .path.display())]
    Config { path: PathBuf, message: String },
    #[error("an API is configured, but its key is not: {variable} is not set")]
    NoKey { variable: String },
    #[error("only an admin can do this at {url}, and ADMIN_API_KEY is not set")]
    NoAdminKey { url: String },
    #[error("there is no ventures file")]
    NoVenturesFile,
    #[error("{}: {message}", .path.display())]
    DocsFile { path: PathBuf, message: String },
    #[error("the documents of this repository can't be pushed: {0}")]
    Git(String),
    #[error("{0}")]
    Endpoint(String),
    #[error(transparent)]
    VenturesFile(#[from] VenturesError),
    #[error("no venture was given")]
    NoVentureNamed,
    #[error("there are no ventures yet")]
    NoVentures,
    #[error("there is no venture {code}")]
    UnknownVenture { code: VentureCode, known: Vec<VentureCode> },
    #[error("{} has no venture {code}, and the ventures of the Context API are not known: {cause}", .file.display())]
    VentureNotInFile { code: VentureCode, file: PathBuf, known: Vec<VentureCode>, cause: Box<LaunchError> },
    #[error("the repository {repo} does not belong to any venture")]
    NoVentureOf { repo: RepoName },
    #[error("{} is not in a git repository", .0.display())]
    NotARepository(PathBuf),
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    #[error("{} is not installed", .0.title())]
    AgentMissing(AgentCli),
    #[error("--groups: {0}")]
    Groups(String),
    #[error("the agent {0} is at work on this machine")]
    NameInUse(Agent),
    #[error("no agent CLI is installed")]
    NoAgent,
    #[error(
        "`{cli} {word}` needs a background server, which would run longer than this launch and give its name, API \
         and secrets to other sessions"
    )]
    NeedsBackgroundServer { cli: AgentCli, word: String },
    #[error("deckwatch-mcp is not installed")]
    ServerMissing,
    #[error("deckwatch-mcp is not installed and could not be built: {cause}")]
    ServerNotBuilt { cause: String, checkout: Option<String> },
    #[error("cannot register deckwatch-mcp: {}: {message}", .path.display())]
    Registration { path: PathBuf, message: String },
    #[error("cannot write {}: {message}", .path.display())]
    NotWritten { path: PathBuf, message: String },
    #[error("{} exists already, with different content", .0.display())]
    WouldOverwrite(PathBuf),
    #[error("`launcher init` asks questions, and there is no terminal to answer them")]
    NoTerminal,
    #[error("could not create a worktree at {}: {message}", .path.display())]
    Worktree { path: PathBuf, message: String },
    #[error(transparent)]
    Slot(#[from] SlotError),
    #[error("{0}")]
    Api(String),
    #[error("{0}")]
    KeyRefused(String),
    #[error("there are no records of the agent {agent}")]
    NoSuchAgent { agent: Agent, known: Vec<Agent> },
    #[error("there is no {what}")]
    NoSuchRecord { what: String },
    #[error("the words to search for can't be used: {0}")]
    Query(String),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error("{0}")]
    Unreachable(String),
    #[error("{broken} of {of} agent CLIs do not reach deckwatch-mcp")]
    ServersNotReached { broken: usize, of: usize },
    #[error("`launcher top` needs a terminal, and standard input or output is none")]
    NoScreen,
    #[error("there are no records of {0} yet")]
    NoRecords(String),
    #[error("the menu can't be shown: {0}")]
    Menu(String),
    #[error("the output can't be written: {0}")]
    Output(#[source] io::Error),
    #[error("{failed} {} failed", if *.failed == 1 { "check" } else { "checks" })]
    ChecksFailed { failed: usize },
    #[error("no machines of the fleet are known: none is registered, and there is no {}", .file.display())]
    NoMembers { file: PathBuf },
    #[error("{} for an admin's approval", they_wait(.waiting))]
    NoApprovedMembers { waiting: Vec<Host> },
    #[error("the fleet has no machine {name}")]
    UnknownMember { name: Host, meant: Option<String> },
    #[error("{failed} of {of} machines failed")]
    MembersFailed { failed: usize, of: usize },
    #[error("this machine is not registered: {failed} {} failed", if *.failed == 1 { "step" } else { "steps" })]
    BootstrapFailed { failed: usize },
    #[error("{bad} of {of} machines {} a bad value", if *.bad == 1 { "has" } else { "have" })]
    MembersBad { bad: usize, of: usize },
    #[error("{0}")]
    Fleet(String),
    #[error("{machine}: {failure}")]
    Remote { machine: Host, failure: Failure },
    #[error("no machine can start the agent:\n  {message}")]
    NoPlace { message: String, failure: Failure },
    #[error("the agent on {machine} was lost while it ran: {message}")]
    RunLost { id: RunId, machine: Host, message: String },
    #[error("no machine that answers has the run {id}{}", no_answer_from(.unanswered))]
    NoSuchRun { id: RunId, unanswered: Vec<String> },
    #[error("{0}")]
    Workspace(String),
    #[error("there is no prompt")]
    NoPrompt,
    #[error("you left, and the agent continues")]
    Detached,
    #[error("the agent ended with exit code {0}")]
    AgentEnded(u8),
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    GitHub(#[from] GitHubError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error(transparent)]
    Update(#[from] UpdateError),
    #[error("{0}")]
    ClaimsGuard(String),
    #[error("the {what} was stopped, because it changes paths that other agents hold")]
    HeldByOthers { what: &'static str },
    #[error("cancelled")]
    Cancelled,
    #[error("{} could not be started: {source}", .program.display())]
    NotStarted { program: PathBuf, source: io::Error },
}

impl LaunchError {
    /// What to do about the error. `None` if the message already says it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoCurrentDirectory(_) => "change to a folder that exists: cd ~".to_owned(),
            Self::Config { .. } => "correct that file; `launcher --help` lists the settings".to_owned(),
            Self::NoKey { variable, .. } => format!(
                "export {variable}=<key>; or use the database of this machine: `--local` for one launch, or unset CONTEXT_API_URL and remove \
                 [api] from config.toml"
            ),
            Self::NoAdminKey { .. } => "export ADMIN_API_KEY=<the admin key> for this command".to_owned(),
            Self::DocsFile { .. } => "`launcher docs push --help` shows an example of the file".to_owned(),
            Self::NoVenturesFile => "`launcher init` writes one; or name a file with --ventures FILE"
                .to_owned(),
            Self::WouldOverwrite(_) => {
                "--overwrite changes it and keeps a copy of the first version; without --yes you are asked".to_owned()
            }
            Self::NoScreen => "`launcher top --once` prints the board, `--json` as JSON".to_owned(),
            Self::NoRecords(_) => "start an agent first: `launcher <venture>`".to_owned(),
            Self::NoTerminal => "`launcher init --yes` uses flags and defaults; `launcher init --help` lists them".to_owned(),
            Self::NoVentureNamed => "give the code of one, such as `launcher alpha`; `launcher --list` shows them".to_owned(),
            Self::NoVentures => "`launcher init` writes a ventures file; `launcher .` starts an agent on the repository you are in"
                .to_owned(),
            Self::UnknownVenture { code, known } => known_ventures(code, known),
            Self::VentureNotInFile { code, known, cause, .. } => {
                return suggestion::for_venture(code, known)
                    .map(|meant| format!("did you mean `{meant}`?"))
                    .or_else(|| cause.hint());
            }
            Self::KeyRefused(_) => "ask the API's admin for a key that is valid, and set CONTEXT_API_KEY or the key of \
                 [api] in ~/.config/deckwatch/config.toml; `--local` works without the API"
                .to_owned(),
            Self::NoSuchAgent { known, agent } => no_such_agent(agent, known),
            Self::NoSuchRecord { .. } => {
                "`launcher log` shows the handoffs, `launcher notes` the notes; an agent writes a handoff with /handoff or \
                 /eod"
                    .to_owned()
            }
            Self::NoVentureOf { .. } => "add it to `repos` of a venture in the ventures file, or use `launcher . --local`".to_owned(),
            Self::NotARepository(_) => "change to a repository, create one with `git init`, or give the code of a venture".to_owned(),
            Self::Discovery(error) => discovery_hint(error),
            Self::AgentMissing(cli) => format!("install it: {}", cli.install_command()),
            Self::NameInUse(_) => "open its terminal, or end it; then start it again".to_owned(),
            Self::Groups(_) => "write them as NAME or NAME:ROLE with commas between them: --groups frontend:lead,reviewers".to_owned(),
            Self::NoAgent => install_one(),
            Self::NeedsBackgroundServer { cli, word } => format!("run `{cli} {word}` without the launcher"),
            Self::ServerMissing => "run ./scripts/start in the Deckwatch checkout; if that was done before, `launcher --heal` repeats it"
                .to_owned(),
            Self::ServerNotBuilt { checkout, .. } => {
                let checkout = checkout.as_deref().unwrap_or("Deckwatch's checkout");
                format!("run ./scripts/start --install-only in {checkout}")
            }
            Self::Worktree { .. } => "choose another name with --worktree=NAME, or move that folder".to_owned(),
            Self::Menu(_) => "give the code of a venture instead: `launcher alpha`".to_owned(),
            Self::NotStarted { .. } => "check that it runs without the launcher".to_owned(),
            Self::Secrets(error) => return error.hint(),
            Self::GitHub(error) => return error.hint(),
            Self::Message(error) => return error.hint(),
            Self::Update(error) => error.hint(),
            Self::NoMembers { .. } => "docs/fleet.md says how to register this machine and the others".to_owned(),
            Self::BootstrapFailed { .. } => {
                "follow the line `fix` of each, then run this again; what was done is kept".to_owned()
            }
            Self::NoApprovedMembers { .. } => {
                "an admin runs `launcher fleet approve <machine>`, and compares the fingerprints".to_owned()
            }
            Self::UnknownMember { meant: Some(meant), .. } => format!("did you mean `{meant}`?"),
            Self::UnknownMember { .. } => "`launcher fleet list` shows the machines".to_owned(),
            Self::RunLost { id, .. } => {
                format!("`launcher attach {id}` shows what it wrote, when the machine answers again")
            }
            Self::NoSuchRun { .. } => "`launcher ps --all` shows the runs; a machine deletes them after 7 days".to_owned(),
            Self::ClaimsGuard(_) => "`launcher claims guard install` puts the hooks in place".to_owned(),
            Self::HeldByOthers { .. } => "leave these paths to their holders, or ask them to release the claims; a claim of a silent \
                 agent can be taken"
                .to_owned(),
            Self::NoPrompt => "give it with -p, or on standard input".to_owned(),
            Self::Remote { failure, .. } | Self::NoPlace { failure, .. } => return remote_hint(failure),
            Self::NoHome(_)
            | Self::VenturesFile(_)
            | Self::Checkout(_)
            | Self::Registration { .. }
            | Self::NotWritten { .. }
            | Self::Slot(_)
            | Self::Api(_)
            | Self::Unreachable(_)
            | Self::ServersNotReached { .. }
            | Self::Endpoint(_)
            | Self::Output(_)
            | Self::ChecksFailed { .. }
            | Self::Demo(_)
            | Self::MembersFailed { .. }
            | Self::MembersBad { .. }
            | Self::Fleet(_)
            | Self::Workspace(_)
            | Self::Detached
            | Self::AgentEnded(_)
            | Self::Query(_)
            | Self::Git(_)
            | Self::Cancelled => return None,
        };
        Some(hint)
    }

    /// Changes the error of a registration into the error of another file that could not be written.
    pub(crate) fn into_write_error(self) -> Self {
        match self {
            Self::Registration { path, message } => Self::NotWritten { path, message },
            other => other,
        }
    }

    /// The exit code for this error.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoHome(_)
            | Self::NoCurrentDirectory(_)
            | Self::Config { .. }
            | Self::NoKey { .. }
            | Self::NoAdminKey { .. }
            | Self::DocsFile { .. }
            | Self::WouldOverwrite(_)
            | Self::Endpoint(_) => ExitCode::Config,
            Self::VenturesFile(_) | Self::NoVenturesFile => ExitCode::VenturesFile,
            Self::NoVentureNamed
            | Self::NoPrompt
            | Self::NoTerminal
            | Self::NoScreen
            | Self::Query(_)
            | Self::Groups(_)
            | Self::NeedsBackgroundServer { .. } => ExitCode::Usage,
            Self::NoVentures | Self::UnknownVenture { .. } | Self::NoVentureOf { .. } => ExitCode::UnknownVenture,
            Self::NotARepository(_) | Self::Discovery(_) | Self::Worktree { .. } | Self::Checkout(_) | Self::Git(_) => {
                ExitCode::Repository
            }
            Self::AgentMissing(_) | Self::NoAgent => ExitCode::AgentMissing,
            Self::ServerMissing | Self::ServerNotBuilt { .. } => ExitCode::ServerMissing,
            Self::Registration { .. } | Self::NotWritten { .. } | Self::ServersNotReached { .. } => {
                ExitCode::Registration
            }
            Self::Slot(_) | Self::NameInUse(_) => ExitCode::Slot,
            Self::Api(_) | Self::Unreachable(_) | Self::KeyRefused(_) => ExitCode::Api,
            Self::VentureNotInFile { cause, .. } => cause.exit_code(),
            Self::NoSuchAgent { .. } | Self::NoSuchRecord { .. } | Self::NoRecords(_) => ExitCode::NoRecord,
            Self::Secrets(error) => error.exit_code(),
            Self::Message(error) => error.exit_code(),
            Self::Menu(_) | Self::Output(_) | Self::NotStarted { .. } | Self::ChecksFailed { .. } => {
                ExitCode::NotStarted
            }
            Self::NoMembers { .. }
            | Self::NoApprovedMembers { .. }
            | Self::BootstrapFailed { .. }
            | Self::UnknownMember { .. }
            | Self::Fleet(_) => ExitCode::Fleet,
            Self::Remote { failure, .. } | Self::NoPlace { failure, .. } => remote_exit_code(failure),
            Self::RunLost { .. } => ExitCode::RunLost,
            Self::NoSuchRun { .. } => ExitCode::NoSuchRun,
            Self::Workspace(_) => ExitCode::Workspace,
            // The agent's own exit code is used instead of that of `AgentEnded`.
            Self::AgentEnded(_) | Self::ClaimsGuard(_) | Self::HeldByOthers { .. } => ExitCode::NotStarted,
            Self::MembersFailed { failed, of } if failed == of => ExitCode::NoMember,
            Self::MembersFailed { .. } => ExitCode::SomeMembers,
            Self::MembersBad { .. } => ExitCode::BadMember,
            Self::GitHub(_) => ExitCode::GitHub,
            Self::Demo(_) => ExitCode::Demo,
            Self::Update(_) => ExitCode::Update,
            Self::Cancelled | Self::Detached => ExitCode::Cancelled,
        }
    }
}

fn remote_exit_code(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Unreachable(_) | Failure::TimedOut(_) | Failure::NoSsh(_) => ExitCode::Unreachable,
        Failure::Authentication(_) | Failure::HostKey(_) => ExitCode::Authentication,
        Failure::LauncherMissing | Failure::Outdated(_) => ExitCode::RemoteFailed,
        Failure::Lost(_) => ExitCode::RunLost,
        Failure::Refused(refusal) => match refusal.kind {
            RefusalKind::AgentMissing => ExitCode::RemoteAgentMissing,
            RefusalKind::VentureMissing => ExitCode::RemoteVentureMissing,
            RefusalKind::Workspace => ExitCode::Workspace,
            RefusalKind::Full => ExitCode::Full,
            RefusalKind::NoSuchRun => ExitCode::NoSuchRun,
            RefusalKind::BadRequest | RefusalKind::Machine => ExitCode::RemoteFailed,
        },
    }
}

fn remote_hint(failure: &Failure) -> Option<String> {
    let hint = match failure {
        Failure::Unreachable(_) | Failure::TimedOut(_) => {
            "`launcher fleet list` shows which machines answer; `--on auto` takes one of them"
        }
        Failure::Authentication(_) | Failure::HostKey(_) => {
            "scripts/setup-ssh-mesh.sh distributes the keys of the fleet"
        }
        Failure::Lost(_) => "`launcher ps` shows whether the agent was started",
        Failure::Refused(refusal) if refusal.kind == RefusalKind::Full => {
            "`launcher ps` shows what runs; `max_agents` of [fleet] in its config.toml is the limit"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn no_answer_from(machines: &[String]) -> String {
    if machines.is_empty() { String::new() } else { format!("; no answer from {}", machines.join("; ")) }
}

/// The largest number of names in a hint.
const MAX_NAMES: usize = 20;

fn known_ventures(code: &VentureCode, known: &[VentureCode]) -> String {
    let meant = suggestion::for_venture(code, known);
    let the = if meant.is_some() { "The" } else { "the" };
    let meant = meant.map_or(String::new(), |meant| format!("did you mean `{meant}`? "));
    if known.is_empty() {
        return format!(
            "{meant}{the} list of ventures is empty: `launcher init` writes a ventures file, and `launcher .` starts an \
             agent in the repository you are in"
        );
    }
    let codes = listed(known.iter().map(VentureCode::as_str));
    format!("{meant}{the} ventures are {codes}; `launcher --list` shows more")
}

/// The start of a sentence about machines that wait.
fn they_wait(machines: &[Host]) -> String {
    let wait = if machines.len() == 1 { "waits" } else { "wait" };
    format!("{} {wait}", listed(machines.iter().map(Host::as_str)))
}

fn no_such_agent(agent: &Agent, known: &[Agent]) -> String {
    let names = || known.iter().map(Agent::as_str);
    match suggestion::nearest(agent.as_str(), names()) {
        Some(meant) => format!("did you mean `--agent {meant}`?"),
        None if known.is_empty() => "no agent has records there yet".to_owned(),
        None => format!("the agents are {}", listed(names())),
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let shown = names.iter().take(MAX_NAMES).copied().collect::<Vec<_>>().join(", ");
    if names.len() > MAX_NAMES { format!("{shown} and {} more", names.len() - MAX_NAMES) } else { shown }
}

fn discovery_hint(error: &DiscoveryError) -> String {
    match error {
        DiscoveryError::NoRepositories(_) => {
            "add its repositories to `repos` in the ventures file, or use --repo PATH".to_owned()
        }
        DiscoveryError::NotFound { repos, cut_short, .. } => clone_one(repos, *cut_short),
        DiscoveryError::Several { .. } => "choose one with --repo PATH".to_owned(),
        DiscoveryError::NoneOfOrganisation { .. } => {
            "clone its repository there, list it in `repos` of the ventures file, or use --repo PATH".to_owned()
        }
        DiscoveryError::SeveralOfOrganisation { .. } => {
            "list the right one in `repos` of the ventures file, or choose one with --repo PATH".to_owned()
        }
        DiscoveryError::DevRoot { .. } => {
            "make it a folder that you can read, set dev_root in ~/.config/deckwatch/config.toml, or use --repo PATH"
                .to_owned()
        }
    }
}

fn clone_one(repos: &[RepoName], cut_short: bool) -> String {
    let clone = repos.first().map(|repo| format!("clone it there (git clone git@github.com:{repo}.git), "));
    let cut = if cut_short { "the search stopped early, there are very many folders; " } else { "" };
    format!("{cut}{}set dev_root in ~/.config/deckwatch/config.toml, or use --repo PATH", clone.unwrap_or_default())
}

fn install_one() -> String {
    let ways: Vec<String> =
        AgentCli::ALL.iter().map(|cli| format!("{}: {}", cli.title(), cli.install_command())).collect();
    format!("install one:\n  {}", ways.join("\n  "))
}
