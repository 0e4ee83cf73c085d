//! Machines with unique keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use deckwatch_api::Entropy;
use deckwatch_protocol::{KeyFingerprint, Machine, Operation, SshUser, TailscaleIp};
use deckwatch_server::SystemEntropy;
use serde_json::{Value, json};

use crate::shape::overlay;
use crate::test_request::TestRequest;

/// A new Ed25519 public key without a comment.
pub fn fresh_public_key() -> String {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    let mut key = [0; 32];
    SystemEntropy.fill(&mut key);
    blob.extend(key);
    format!("ssh-ed25519 {}", STANDARD.encode(blob))
}

/// The request that registers a machine; `fields` adds or replaces fields of the body.
pub fn ask_register(hostname: &str, fields: Value) -> TestRequest {
    let machine = json!({
        "os": "macos", "arch": "arm64", "tailscale_ip": "100.64.0.7", "user": "tom",
        "ssh_public_key": fresh_public_key(),
    });
    TestRequest::of(Operation::RegisterMachine).with(hostname).json(&overlay(machine, fields))
}

/// The request that approves the pending values of `machine`, or the approved ones if none are pending.
pub fn ask_approve(machine: &Machine) -> TestRequest {
    let approval = |user: &SshUser, tailscale_ip: &TailscaleIp, key: &KeyFingerprint, host: &Option<KeyFingerprint>| json!({ "user": user, "tailscale_ip": tailscale_ip, "fingerprint": key, "host_key_fingerprint": host });
    let pending = machine.pending.as_ref();
    let approved = machine.approved.as_ref();
    let body = pending
        .map(|it| approval(&it.user, &it.tailscale_ip, &it.fingerprint, &it.host_key_fingerprint))
        .or(approved.map(|it| approval(&it.user, &it.tailscale_ip, &it.fingerprint, &it.host_key_fingerprint)))
        .expect("the machine has neither pending nor approved values");
    TestRequest::of(Operation::ApproveMachine).with(&machine.hostname).json(&body)
}
