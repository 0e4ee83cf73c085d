//! A folder with the scripts of this checkout and with small programs, to make a release from.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The root of this checkout.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

pub(crate) const PLATFORMS: [&str; 4] =
    ["aarch64-apple-darwin", "aarch64-unknown-linux-musl", "x86_64-apple-darwin", "x86_64-unknown-linux-musl"];

const SCRIPTS: [&str; 10] = [
    "install.sh",
    "LICENSE",
    "scripts/dev-session",
    "scripts/lib/help.sh",
    "scripts/release/changelog",
    "scripts/release/check",
    "scripts/release/formula",
    "scripts/release/image",
    "scripts/release/package",
    "server/Containerfile",
];

pub(crate) struct Tree(tempfile::TempDir);

impl Tree {
    pub(crate) fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for file in SCRIPTS {
            std::fs::create_dir_all(tree.path(file).parent().unwrap()).unwrap();
            std::fs::copy(Path::new(ROOT).join(file), tree.path(file)).unwrap();
        }
        tree
    }

    pub(crate) fn path(&self, inner: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(inner)
    }

    pub(crate) fn write(&self, inner: &str, text: &str) {
        std::fs::create_dir_all(self.path(inner).parent().unwrap()).unwrap();
        std::fs::write(self.path(inner), text).unwrap();
    }

    pub(crate) fn read(&self, inner: &str) -> String {
        std::fs::read_to_string(self.path(inner)).unwrap()
    }

    pub(crate) fn program(&self, inner: &str, script: &str) {
        self.write(inner, &format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(self.path(inner), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes programs for each platform that print this version.
    pub(crate) fn programs(&self, version: &str) {
        for platform in PLATFORMS {
            for program in ["launcher", "deckwatch-mcp", "deckwatch-server"] {
                self.program(&format!("programs/{platform}/{program}"), &format!("echo {program} {version}"));
            }
        }
    }

    /// Runs a script of the tree.
    pub(crate) fn script(&self, name: &str, args: &[&str]) -> Output {
        let mut script = Command::new(self.path(name));
        script.current_dir(self.path("")).args(args).env("SOURCE_DATE_EPOCH", "1764547200").env_remove("REPOSITORY");
        script.output().unwrap()
    }

    /// Packs the programs into this folder.
    #[track_caller]
    pub(crate) fn package(&self, version: &str, folder: &str) {
        let output = self.script("scripts/release/package", &[version, "programs", folder]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
