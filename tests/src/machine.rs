//! Machines of a test's own, with keys of their own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use deckwatch_api::Entropy;
use deckwatch_protocol::{Machine, Operation};
use deckwatch_server::SystemEntropy;
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::shape::overlay;

/// An Ed25519 public key that nobody else has, without a comment.
pub fn fresh_public_key() -> String {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    let mut key = [0; 32];
    SystemEntropy.fill(&mut key);
    blob.extend(key);
    format!("ssh-ed25519 {}", STANDARD.encode(blob))
}

/// Registers a machine of this description, with these fields in place of its own.
pub fn ask_register(hostname: &str, fields: Value) -> Ask {
    let machine = json!({
        "os": "macos", "arch": "arm64", "tailscale_ip": "100.64.0.7", "user": "tom",
        "ssh_public_key": fresh_public_key(),
    });
    Ask::of(Operation::RegisterMachine).with(hostname).json(&overlay(machine, fields))
}

/// Approves what waits of `machine`, or what is approved when nothing waits.
pub fn ask_approve(machine: &Machine) -> Ask {
    let pending = machine.pending.as_ref().map(|access| (&access.user, &access.tailscale_ip, &access.fingerprint));
    let approved = machine.approved.as_ref().map(|access| (&access.user, &access.tailscale_ip, &access.fingerprint));
    let (user, tailscale_ip, fingerprint) = pending.or(approved).expect("a machine has an access");
    Ask::of(Operation::ApproveMachine)
        .with(&machine.hostname)
        .json(&json!({ "user": user, "tailscale_ip": tailscale_ip, "fingerprint": fingerprint }))
}
