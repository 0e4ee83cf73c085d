//! A machine, and what is known about it during a setup.

use deckwatch_client::clean::clean_line;
use deckwatch_fleet::host::mesh::{FileChange, MachineKey};
use deckwatch_fleet::members::Member;
use deckwatch_fleet::remote::Failure;
use deckwatch_protocol::SshPublicKey;
use serde::Serialize;

/// A phase of a setup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Preflight,
    CollectKeys,
    DistributeKeys,
    DeployConfig,
    Verify,
}

impl Phase {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Preflight => "Phase 1: Preflight",
            Self::CollectKeys => "Phase 2: Collect public keys",
            Self::DistributeKeys => "Phase 3: Distribute authorized_keys",
            Self::DeployConfig => "Phase 4: Deploy SSH config fragments",
            Self::Verify => "Phase 5: Verify mesh",
        }
    }
}

/// Why a machine is not a full part of the mesh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    pub(super) phase: Phase,
    /// The kind of failure, for programs.
    pub(super) kind: String,
    pub(super) message: String,
}

/// A machine of the mesh.
pub(super) struct Machine {
    pub(super) member: Member,
    pub(super) is_this_one: bool,
    /// Whether it can be asked. After the first failed connection, it is left out of the later phases.
    pub(super) is_reachable: bool,
    /// The key that it has.
    pub(super) key: Option<MachineKey>,
    /// Whether this run has made the key.
    pub(super) key_is_new: bool,
    pub(super) changes: Vec<FileChange>,
    pub(super) problems: Vec<Problem>,
}

impl Machine {
    pub(super) fn new(is_this_one: bool, member: Member) -> Self {
        let (changes, problems) = (Vec::new(), Vec::new());
        Self { member, is_this_one, is_reachable: true, key: None, key_is_new: false, changes, problems }
    }

    pub(super) fn name(&self) -> &str {
        self.member.hostname.as_str()
    }

    /// The key that the others accept: the approved one. Without a registered key, the list itself is the approval of
    /// the machine and of the key that it has.
    pub(super) fn accepted_key(&self) -> Option<&SshPublicKey> {
        self.member.ssh_public_key.as_ref().or(self.key.as_ref().map(|found| &found.key))
    }

    /// Whether the machine could not make its key.
    pub(super) fn key_failed(&self) -> bool {
        self.problems.iter().any(|problem| problem.phase == Phase::CollectKeys)
    }

    pub(super) fn add_problem(&mut self, phase: Phase, kind: &str, message: &str) {
        self.problems.push(Problem { phase, kind: kind.to_owned(), message: clean_line(message) });
    }

    /// Records a failed request. A machine that refused one request can be asked the next one.
    pub(super) fn add_failure(&mut self, phase: Phase, failure: &Failure) {
        self.is_reachable = matches!(failure, Failure::Refused(_));
        self.add_problem(phase, failure.kind(), &failure.to_string());
    }
}
