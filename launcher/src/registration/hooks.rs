//! Our hooks: which event of an agent CLI runs which event of `deckwatch-mcp hook`, and whether a launch registers them.
//!
//! The hooks of the user are in other files or other entries, and stay as they are.

use std::ffi::OsString;

use super::codex_hooks::CodexHooks;
use crate::agent_cli::AgentCli;
use crate::launch::Launch;

/// The events of each agent CLI, and what each of them runs.
pub(crate) fn events(cli: AgentCli) -> &'static [(&'static str, &'static str)] {
    match cli {
        AgentCli::Claude => &[
            ("SessionStart", "session-start"),
            ("UserPromptSubmit", "prompt"),
            ("PostToolUse", "after-tool"),
            ("Stop", "turn-end"),
            ("Notification", "waiting"),
            ("PermissionRequest", "waiting"),
            ("SessionEnd", "session-end"),
        ],
        AgentCli::Codex => &[
            ("SessionStart", "session-start"),
            ("UserPromptSubmit", "prompt"),
            ("PostToolUse", "after-tool"),
            ("Stop", "turn-end"),
            ("PermissionRequest", "waiting"),
            ("SessionEnd", "session-end"),
        ],
        AgentCli::Gemini => &[
            ("SessionStart", "session-start"),
            ("BeforeAgent", "prompt"),
            ("AfterTool", "after-tool"),
            ("AfterAgent", "turn-end"),
            ("Notification", "waiting"),
            ("SessionEnd", "session-end"),
        ],
    }
}

/// How long a hook may run, in seconds. At a session start, it waits at most 2 seconds for the day. Codex gives a hook at
/// the end of a session 1 second.
pub(super) fn timeout_seconds(event: &str) -> u32 {
    if event == "session-end" { 1 } else { 5 }
}

/// Whether a launch registers the hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HookUse {
    Register,
    /// `--hooks`: also if the user has refused them before.
    RegisterAnew,
    /// This launch does without them, for this reason.
    Omit(String),
    /// The user does not want them in any launch: `hooks = false` in `config.toml`.
    Remove,
}

/// The setting that turns the hooks off for all launches.
pub(crate) const OFF_BY_SETTING: &str = "hooks = false in config.toml";

impl HookUse {
    /// What a launch with these options and settings does. `args` are the arguments for the agent CLI.
    pub(crate) fn of(cli: AgentCli, launch: &Launch, setting: bool, args: &[OsString]) -> Self {
        let runs_without = |option: &str| args.iter().take_while(|arg| *arg != "--").any(|arg| arg == option);
        if launch.hooks {
            Self::RegisterAnew
        } else if !setting {
            Self::Remove
        } else if launch.no_hooks {
            Self::Omit("--no-hooks".to_owned())
        } else if cli == AgentCli::Claude
            && let Some(option) = ["--bare", "--safe-mode"].into_iter().find(|option| runs_without(option))
        {
            Self::Omit(format!("{option} of Claude Code disables hooks"))
        } else {
            Self::Register
        }
    }
}

/// What becomes of the hooks in a launch.
pub(crate) enum Hooks {
    /// The agent CLI runs them if it gets these arguments.
    Registered(Vec<OsString>),
    /// Codex runs them if a person has agreed to them.
    WithConsent(CodexHooks),
    /// The user has turned them off, in this way.
    Off(String),
    /// A setting of the user keeps the agent CLI from running them.
    Prevented(String),
}

impl Hooks {
    pub(super) fn off(hooks: &HookUse) -> Option<Self> {
        match hooks {
            HookUse::Register | HookUse::RegisterAnew => None,
            HookUse::Omit(why) => Some(Self::Off(why.clone())),
            HookUse::Remove => Some(Self::Off(OFF_BY_SETTING.to_owned())),
        }
    }
}

/// A command line for a shell that runs the hook.
pub(super) fn command_line(server: &str, cli: AgentCli, event: &str) -> String {
    format!("'{}' hook {cli} {event}", server.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn a_launch_has_the_hooks_unless_the_user_or_an_option_of_the_agent_turns_them_off() {
        let of = |line: &str, setting| {
            let words = ["launcher", "alpha"].into_iter().chain(line.split_whitespace());
            let launch = Cli::parse_from(words).launch;
            HookUse::of(AgentCli::Claude, &launch, setting, &launch.agent_args)
        };
        assert_eq!(of("-- -p -- --bare", true), HookUse::Register);
        assert_eq!(of("--no-hooks", true), HookUse::Omit("--no-hooks".to_owned()));
        assert_eq!(of("--no-hooks", false), HookUse::Remove);
        assert_eq!(of("--hooks", false), HookUse::RegisterAnew);
        assert!(matches!(of("-- --bare", true), HookUse::Omit(why) if why.starts_with("--bare")));
    }

    #[test]
    fn a_path_with_a_quote_is_one_word_of_the_command_line() {
        let line = command_line("/home/o'brien/my bin/deckwatch-mcp", AgentCli::Codex, "prompt");
        let output = std::process::Command::new("sh").arg("-c").arg(format!("printf '%s|' {line}")).output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        assert_eq!(words, "/home/o'brien/my bin/deckwatch-mcp|hook|codex|prompt|");
    }
}
