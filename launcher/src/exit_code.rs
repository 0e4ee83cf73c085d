//! The launcher's exit codes. Once the agent runs, the exit code is the agent's own.

macro_rules! exit_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal,)*) => {
        /// How the launcher ended, when it did not become the agent.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum ExitCode {
            $($(#[doc = $doc])+ $name = $number,)*
        }

        impl ExitCode {
            /// Every code with its meaning, as `--help` shows it.
            const TABLE: &[(u8, &str)] = &[$(($number, concat!($($doc),+)),)*];
        }
    };
}

exit_codes! {
    /// success
    Success = 0,
    /// the agent's program could not be started, a check of `launcher doctor` failed, or a git hook stopped a commit
    NotStarted = 1,
    /// the command line is wrong
    Usage = 2,
    /// config.toml or a variable of the environment is wrong
    Config = 10,
    /// the ventures file is wrong, or a command needs one and there is none
    VenturesFile = 11,
    /// there is no such venture
    UnknownVenture = 12,
    /// the repository of the venture was not found or is not unique, or git could not add a worktree
    Repository = 13,
    /// the agent CLI (Claude Code, Gemini CLI or Codex CLI) is not installed
    AgentMissing = 14,
    /// deckwatch-mcp is not installed, and could not be built if that was tried
    ServerMissing = 15,
    /// deckwatch-mcp could not be registered, an agent CLI does not reach it, or a file could not be written
    Registration = 16,
    /// no slot could be assigned to the agent
    Slot = 17,
    /// the Context API did not answer, or refused the request
    Api = 18,
    /// the demo failed
    Demo = 19,
    /// there is no such handoff, note or agent in the records
    NoRecord = 20,
    /// the credential for Infisical is missing, wrong or expired
    Credential = 25,
    /// Infisical could not be reached or did not answer in time
    Infisical = 26,
    /// in Infisical, the project, the folder, the permission to read it or an expected secret is missing
    SecretMissing = 27,
    /// `launcher self update` replaced no program
    Update = 28,
    /// the fleet has no machines that are known, a machine is not one of them, or this machine could not be registered
    Fleet = 29,
    /// some machines of the fleet did not do what was asked
    SomeMembers = 30,
    /// no machine of the fleet did what was asked
    NoMember = 31,
    /// each machine of the fleet has answered, and one of them has a value that is bad
    BadMember = 32,
    /// the other machine can't be reached
    Unreachable = 33,
    /// the other machine does not accept your SSH key, or shows a host key that is not the known one
    Authentication = 34,
    /// the agent CLI is not installed on the other machine
    RemoteAgentMissing = 35,
    /// the venture is not known on the other machine, or its repository is not there
    RemoteVentureMissing = 36,
    /// the working directory, worktree or sandbox of the agent can't be used
    Workspace = 37,
    /// the agent on the other machine was lost while it ran
    RunLost = 38,
    /// the other machine runs as many agents as it may
    Full = 39,
    /// no machine that answers has this run
    NoSuchRun = 40,
    /// Deckwatch on the other machine is missing, outdated or failed
    RemoteFailed = 41,
    /// GitHub did not answer or refused a request, there is no credential for it, or the set-up of the App failed
    GitHub = 42,
    /// you cancelled the menu, left an agent on another machine, or ended `launcher github` with Ctrl-C
    Cancelled = 130,
}

impl ExitCode {
    /// The table for `--help`.
    pub(crate) fn help() -> String {
        let rows = Self::TABLE.iter().map(|(number, meaning)| format!("  {number:>3} {meaning}"));
        let rows = rows.collect::<Vec<_>>().join("\n");
        format!(
            "Exit codes:\nOnce the agent runs, the exit code is the agent's own; a shell shows 128+N if signal N ended it. \
             Before that, and for every other command:\n{rows}"
        )
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_launcher_md_has_every_exit_code() {
        let page = include_str!("../../docs/launcher.md");
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        let table: Vec<String> =
            ExitCode::TABLE.iter().map(|(number, meaning)| format!("| `{number}` | {} |", meaning.trim())).collect();
        for row in &table {
            assert!(rows.contains(&row.as_str()), "docs/launcher.md lacks: {row}");
        }
        assert_eq!(rows.iter().filter(|row| row.as_bytes()[3].is_ascii_digit()).count(), table.len());
    }
}
