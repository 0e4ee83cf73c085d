//! Unlocks a locked keychain, which is usual on macOS over SSH. A user at the terminal is asked once.
//!
//! The tool of the keychain itself asks on the terminal, so the launcher never sees the password. Without a terminal,
//! the launcher does not ask.

use std::cell::Cell;
use std::path::Path;
use std::process::Command;

use super::program::ProgramResult;
use crate::output::say;
use crate::process_env::ProcessEnv;

/// The exit code of `security` if it may not show its dialog: the low byte of errSecInteractionNotAllowed, -25308.
const INTERACTION_NOT_ALLOWED: i32 = 36;
/// Its message in that case. `security -i` runs several commands and ends with another exit code.
const INTERACTION_NOT_ALLOWED_TEXT: &str = "interaction is not allowed";

/// Whether a user can unlock the keychain.
pub(super) struct Unlocking {
    /// Whether the user is connected over SSH and does not see dialogs on the desktop.
    pub(super) remote: bool,
    on_terminal: bool,
    offered: Cell<bool>,
}

impl Unlocking {
    pub(super) fn of(env: &ProcessEnv) -> Self {
        Self { remote: env.is_remote(), on_terminal: env.interactive, offered: Cell::new(false) }
    }

    /// Offers to unlock the keychain. `Ok` means that it is open now and the caller can try again. The error says how to
    /// unlock it.
    pub(super) fn offer(&self, security: &Path) -> Result<(), String> {
        let advice = || "the login keychain is locked; `security unlock-keychain` opens it".to_owned();
        if !self.on_terminal || self.offered.replace(true) {
            return Err(advice());
        }
        say("the login keychain is locked; enter its password, or press Enter to continue without it");
        match Command::new(security).arg("unlock-keychain").status() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(advice()),
        }
    }
}

/// Whether a run of `security` failed because the keychain is locked.
pub(super) fn is_locked(result: &ProgramResult) -> bool {
    result.code == Some(INTERACTION_NOT_ALLOWED) || result.error_text.contains(INTERACTION_NOT_ALLOWED_TEXT)
}
