//! A keychain that is locked, as that of macOS is over SSH: whoever can open it is asked to, once.
//!
//! Its own tool asks, on the terminal; no password comes through here. Where nobody can answer, nobody is asked.

use std::cell::Cell;
use std::path::Path;
use std::process::Command;

use super::program::Ran;
use crate::output::say;
use crate::surroundings::Surroundings;

/// How `security` ends where it may not show its dialog: the low byte of errSecInteractionNotAllowed, -25308.
const MAY_NOT_ASK: i32 = 36;
/// What it says then, when it ran other commands in between and ends in another way.
const MAY_NOT_ASK_TEXT: &str = "interaction is not allowed";

/// Who could answer a question of the keyring.
pub(super) struct Unlocking {
    /// Somebody who came over SSH sees no dialog of this machine's desktop.
    pub(super) remote: bool,
    on_terminal: bool,
    offered: Cell<bool>,
}

impl Unlocking {
    pub(super) fn of(surroundings: &Surroundings) -> Self {
        Self { remote: surroundings.is_remote(), on_terminal: surroundings.interactive, offered: Cell::new(false) }
    }

    /// Whether the keychain was opened just now, so that it is worth another try. The error says how to open it.
    pub(super) fn offer(&self, security: &Path) -> Result<(), String> {
        let advice = || "the login keychain is locked; `security unlock-keychain` opens it".to_owned();
        if !self.on_terminal || self.offered.replace(true) {
            return Err(advice());
        }
        say("the login keychain is locked; its password opens it, an empty one goes on without");
        match Command::new(security).arg("unlock-keychain").status() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(advice()),
        }
    }
}

/// Whether a run of `security` came to nothing because the keychain is locked.
pub(super) fn is_locked(ran: &Ran) -> bool {
    ran.code == Some(MAY_NOT_ASK) || ran.complaint.contains(MAY_NOT_ASK_TEXT)
}
