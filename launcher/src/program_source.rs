//! How the installed programs came onto this machine, and so how they are updated.

use std::path::{Path, PathBuf};

use deckwatch_fleet::installation::Installation;

use crate::process_env::ProcessEnv;

/// What put the launcher into its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProgramSource {
    /// The archive of a release: `install.sh`, `launcher self update` or a person.
    Release,
    /// `scripts/start` in this checkout.
    Checkout(PathBuf),
    /// A build that was not installed, in the target folder of this checkout.
    Build(PathBuf),
    Homebrew,
    /// `cargo install`.
    Cargo,
    Nix,
}

impl ProgramSource {
    /// The source of the programs in the launcher's folder.
    pub(crate) fn of(env: &ProcessEnv) -> Self {
        let Some(folder) = env.program_folder() else { return Self::Release };
        let recorded = Installation::recorded(&env.dirs);
        if let Some(installed) = recorded.filter(|it| it.programs.canonicalize().is_ok_and(|it| it == folder)) {
            return Self::Checkout(installed.checkout);
        }
        if folder.components().any(|part| part.as_os_str() == "Cellar") {
            return Self::Homebrew;
        }
        if folder.starts_with("/nix/store") {
            return Self::Nix;
        }
        if installed_by_cargo(&folder) {
            return Self::Cargo;
        }
        // Cargo locks this file in each of its target folders.
        let of_cargo = folder.join(".cargo-lock").is_file().then(|| Installation::around(&folder.join("launcher")));
        of_cargo.flatten().map_or(Self::Release, |build| Self::Build(build.checkout))
    }

    /// What installed the programs, for a sentence.
    pub(crate) fn describe(&self, env: &ProcessEnv) -> String {
        match self {
            Self::Release => "were installed from a release".to_owned(),
            Self::Checkout(checkout) => format!("were installed from the checkout {}", env.shown(checkout)),
            Self::Build(checkout) => format!("are a build of the checkout {}", env.shown(checkout)),
            Self::Homebrew => "were installed by Homebrew".to_owned(),
            Self::Cargo => "were installed by cargo".to_owned(),
            Self::Nix => "were installed by Nix".to_owned(),
        }
    }

    /// What a person does to update all programs.
    pub(crate) fn how_to_update(&self, env: &ProcessEnv) -> String {
        match self {
            Self::Release => "run `launcher self update`".to_owned(),
            Self::Checkout(checkout) => {
                format!("run `git pull` and `./scripts/start --install-only` in {}", env.shown(checkout))
            }
            Self::Build(checkout) => format!("run `git pull` and build again in {}", env.shown(checkout)),
            Self::Homebrew => "run `brew upgrade deckwatch`".to_owned(),
            Self::Cargo => "run `cargo install` again, for all three programs".to_owned(),
            Self::Nix => "update the package in your Nix configuration".to_owned(),
        }
    }
}

/// Whether cargo has a record of the launcher beside this folder.
fn installed_by_cargo(folder: &Path) -> bool {
    let record = folder.parent().map(|root| root.join(".crates.toml"));
    record.and_then(|file| std::fs::read_to_string(file).ok()).is_some_and(|text| text.contains("deckwatch-launcher"))
}
