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
    /// done (the list or the plan was printed)
    Success = 0,
    /// the agent's program could not be started, or a check of `doctor` failed
    NotStarted = 1,
    /// the command line is wrong
    Usage = 2,
    /// config.toml or the environment is wrong
    Config = 10,
    /// the ventures file is wrong, or there is none where one is needed
    VenturesFile = 11,
    /// no such venture
    UnknownVenture = 12,
    /// the venture's repository was not found, or more than one was, or git could not add a worktree
    Repository = 13,
    /// the agent's command line tool is not installed
    AgentMissing = 14,
    /// deckwatch-mcp is not installed, and could not be built where that was tried
    ServerMissing = 15,
    /// deckwatch-mcp could not be registered or is not reached, or another file not be written
    Registration = 16,
    /// the agent could not be given a slot
    Slot = 17,
    /// the Context API did not answer or refused
    Api = 18,
    /// the demo did not show what it should
    Demo = 19,
    /// there is no such handoff, note or agent in the records
    NoRecord = 20,
    /// the credential for Infisical is missing, wrong or expired
    Credential = 25,
    /// Infisical could not be reached or did not answer in time
    Infisical = 26,
    /// the project or folder in Infisical, the permission to read it, or an expected secret is missing
    SecretMissing = 27,
    /// cancelled in the menu
    Cancelled = 130,
}

impl ExitCode {
    /// The table for `--help`.
    pub(crate) fn help() -> String {
        let rows = Self::TABLE.iter().map(|(number, meaning)| format!("  {number:>3} {meaning}"));
        let rows = rows.collect::<Vec<_>>().join("\n");
        format!(
            "Exit codes:\n      the agent's own, once it runs: 128+N in your shell when signal N ended it; before that:\n{rows}"
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
    fn the_page_about_the_launcher_has_every_code() {
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
