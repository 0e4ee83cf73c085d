//! What a launch gives its agent for its turns: the hooks that show it its day and its messages, and the way by which it is
//! woken.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use deckwatch_fleet::runs::is_session_name;
use deckwatch_machine::variables;

use crate::agent_cli::AgentCli;
use crate::background_server;
use crate::error::LaunchError;
use crate::output::say;
use crate::plan::Plan;
use crate::process_env::ProcessEnv;
use crate::registration::{Ask, Consent, HookUse, Hooks, Registration};

/// The arguments and variables for the turns of the agent. Empty without hooks.
#[derive(Default)]
pub(crate) struct Turn {
    pub(crate) args: Vec<OsString>,
    pub(crate) variables: Vec<(&'static str, OsString)>,
}

impl Turn {
    /// Decides about the hooks. Asks a person if Codex wants consent, and says why the agent has no hooks if the user did
    /// not turn them off.
    pub(crate) fn decide(
        plan: &Plan,
        registration: &Registration,
        is_for_one_launch: bool,
        env: &ProcessEnv,
    ) -> Result<Self, LaunchError> {
        let without = |why: &str| {
            say(&format!("{} starts without the hooks of Deckwatch: {why}", plan.cli.title()));
            Ok(Self::default())
        };
        let args = match &registration.hooks {
            Hooks::Off(_) => return Ok(Self::default()),
            Hooks::Prevented(why) => return without(why),
            // Gemini CLI reads them from the user's settings only.
            Hooks::Registered(_) if plan.cli == AgentCli::Gemini && is_for_one_launch => {
                return without("its settings file can't be written");
            }
            Hooks::Registered(args) => args,
            Hooks::WithConsent(hooks) => {
                if !background_server::is_conversation_of_codex(&plan.args) {
                    return Ok(Self::default());
                }
                let is_at_terminal = env.interactive && background_server::is_at_terminal(&plan.args);
                let ask = match (is_at_terminal, &plan.hooks) {
                    (false, _) => Ask::Nobody,
                    (true, HookUse::RegisterAnew) => Ask::PersonAgain,
                    (true, _) => Ask::Person,
                };
                match hooks.consent(&plan.program, ask, env)? {
                    Consent::Given => &hooks.args,
                    Consent::Unasked => {
                        return without("you have not agreed that Codex runs them; a launch on a terminal asks");
                    }
                    Consent::Refused => {
                        return without(
                            "you did not agree that Codex runs them; launch with --hooks to be asked again",
                        );
                    }
                    Consent::Unknown(why) => return without(&why),
                }
            }
        };
        let wake = wake(plan, env).map(|wake| (variables::WAKE, wake));
        let variables = std::iter::once((variables::HOOKS, "1".into())).chain(wake).collect();
        Ok(Self { args: args.clone(), variables })
    }
}

/// How the agent can be woken while it waits for a prompt. A headless agent ends instead.
fn wake(plan: &Plan, env: &ProcessEnv) -> Option<OsString> {
    let has_option = |names: &[&str]| {
        let options = plan.args.iter().take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str());
        options.into_iter().any(|arg| names.iter().any(|name| arg == *name || arg.starts_with(&format!("{name}="))))
    };
    match plan.cli {
        _ if !env.interactive => None,
        AgentCli::Claude => (!has_option(&["-p", "--print"])).then(|| "hook".into()),
        AgentCli::Codex => background_server::is_at_terminal(&plan.args).then(|| {
            let place = if plan.sandbox.is_some() { None } else { own_tmux(env) };
            // Codex looks into its queue only every 10 seconds.
            let mut doors = OsString::from(place.map_or(String::new(), |place| format!("prompt:{place}\n")));
            doors.push("queue:");
            doors.push(&plan.program);
            doors
        }),
        // A sandbox does not have the socket of tmux.
        AgentCli::Gemini if plan.sandbox.is_some() || has_option(&["-p", "--prompt"]) => None,
        AgentCli::Gemini => own_tmux(env).map(|place| format!("tmux:{place}").into()),
    }
}

/// The pane of this terminal and the socket of its tmux, if the launcher or `dev-session` made the session. Keys are typed into no
/// other tmux.
fn own_tmux(env: &ProcessEnv) -> Option<String> {
    let (tmux, pane) = (env.var("TMUX")?, env.var("TMUX_PANE")?);
    let socket = tmux.split(',').next()?;
    let mut command = Command::new(env.program("tmux")?);
    command.args(["-S", socket, "display-message", "-p", "-t", &pane, "#{session_name}"]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let session = String::from_utf8(output.stdout).ok()?;
    is_session_name(session.trim()).then(|| format!("{pane}:{socket}"))
}
