//! The agent CLIs and their events, as `deckwatch-mcp hook <cli> <event>` names them.

/// An agent CLI with hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HookCli {
    Claude,
    Codex,
    Gemini,
}

/// An event of an agent CLI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HookEvent {
    /// A conversation starts, goes on, or was compacted.
    SessionStart,
    /// A person has sent a prompt.
    Prompt,
    /// A tool has run.
    AfterTool,
    /// The model has answered, and the turn is about to end.
    TurnEnd,
    /// The CLI waits for a person.
    Waiting,
    /// The conversation ends.
    SessionEnd,
    /// The waiter of Claude Code, which wakes an idle agent.
    Wait,
}

impl HookCli {
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Claude, Self::Codex, Self::Gemini].into_iter().find(|cli| cli.as_str() == name)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
        }
    }
}

impl HookEvent {
    pub(crate) const ALL: [Self; 7] =
        [Self::SessionStart, Self::Prompt, Self::AfterTool, Self::TurnEnd, Self::Waiting, Self::SessionEnd, Self::Wait];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::SessionStart => "session-start",
            Self::Prompt => "prompt",
            Self::AfterTool => "after-tool",
            Self::TurnEnd => "turn-end",
            Self::Waiting => "waiting",
            Self::SessionEnd => "session-end",
            Self::Wait => "wait",
        }
    }

    /// The CLI's own name of the event. An answer must repeat it.
    pub(super) fn own_name(self, cli: HookCli) -> &'static str {
        match (self, cli) {
            (Self::SessionStart, _) => "SessionStart",
            (Self::Prompt, HookCli::Gemini) => "BeforeAgent",
            (Self::Prompt, _) => "UserPromptSubmit",
            (Self::AfterTool, HookCli::Gemini) => "AfterTool",
            (Self::AfterTool, _) => "PostToolUse",
            (Self::TurnEnd, HookCli::Gemini) => "AfterAgent",
            (Self::TurnEnd | Self::Wait, _) => "Stop",
            (Self::Waiting, HookCli::Codex) => "PermissionRequest",
            (Self::Waiting, _) => "Notification",
            (Self::SessionEnd, _) => "SessionEnd",
        }
    }
}
