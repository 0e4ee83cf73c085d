//! The checkout that the programs of this machine were installed from. `scripts/start` records its path.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use deckwatch_machine::dirs::Dirs;
use serde::Deserialize;

/// The file in the state folder. It has the lines `checkout=PATH` and `programs=PATH`.
const RECORD: &str = "install";
const MAX_RECORD_BYTES: usize = 16 * 1024;
/// A file of every checkout of Deckwatch. It is checked in addition to the package names in the manifests.
pub const INSTALLER: &str = "scripts/start";
/// The file that is locked in the state folder while the programs are built and installed.
pub const LOCK: &str = "install.lock";
/// The folders of two crates, with the names of their packages.
const PACKAGES: [(&str, &str); 2] = [("launcher", "deckwatch-launcher"), ("mcp-server", "deckwatch-mcp-server")];
const WRITABLE_BY_ALL: u32 = 0o002;

/// Where the programs are built, and where they are installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The root of the checkout.
    pub checkout: PathBuf,
    /// The folder of the programs.
    pub programs: PathBuf,
}

impl Installation {
    /// What `scripts/start` recorded. `None` if it did not run.
    pub fn recorded(dirs: &Dirs) -> Option<Self> {
        let record = std::fs::read_to_string(dirs.state.join(RECORD)).ok()?;
        let folder = |key: &str| {
            let mut values = record.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            values.next().map(PathBuf::from).filter(|path| path.is_absolute() && record.len() <= MAX_RECORD_BYTES)
        };
        let (checkout, programs) = folder("checkout").zip(folder("programs"))?;
        Some(Self { checkout, programs })
    }

    /// The checkout in whose build folder a program is: `program` without links.
    pub fn around(program: &Path) -> Option<Self> {
        let checkout = program.ancestors().skip(1).find(|folder| is_checkout(folder))?;
        Some(Self { checkout: checkout.to_owned(), programs: program.parent()?.to_owned() })
    }

    /// The reason why nothing may be built in the checkout: it is none any more, or other users can change it.
    pub fn refusal(&self) -> Option<&'static str> {
        if !is_checkout(&self.checkout) {
            return Some("is not a checkout of Deckwatch any more");
        }
        let ours_alone = |path: &Path| {
            let meta = path.metadata()?;
            io::Result::Ok(meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & WRITABLE_BY_ALL == 0)
        };
        let checked = ["", "Cargo.toml", "launcher", "mcp-server", INSTALLER].map(|inner| self.checkout.join(inner));
        let safe = checked.iter().all(|path| ours_alone(path).unwrap_or(false));
        (!safe).then_some("can be changed by other users, so nothing is built there")
    }
}

fn is_checkout(folder: &Path) -> bool {
    let has = |(inner, name): (&str, &str)| package(&folder.join(inner)).as_deref() == Some(name);
    PACKAGES.into_iter().all(has) && folder.join(INSTALLER).is_file()
}

/// The name of the package in a folder.
fn package(folder: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Manifest {
        package: Package,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
    }
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    toml_edit::de::from_str::<Manifest>(&text).ok().map(|manifest| manifest.package.name)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn checkout(folder: &Path) {
        for (inner, name) in PACKAGES {
            std::fs::create_dir_all(folder.join(inner)).unwrap();
            std::fs::write(folder.join(inner).join("Cargo.toml"), format!("[package]\nname = {name:?}\n")).unwrap();
        }
        std::fs::create_dir_all(folder.join("scripts")).unwrap();
        std::fs::write(folder.join(INSTALLER), "").unwrap();
        std::fs::write(folder.join("Cargo.toml"), "").unwrap();
    }

    #[test]
    fn the_checkout_is_recorded_or_around_the_program() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| OsString::from(home.path()))).unwrap();
        assert_eq!(Installation::recorded(&dirs), None);
        Dirs::create(&dirs.state).unwrap();
        std::fs::write(dirs.state.join(RECORD), "checkout=/src\nprograms=/bin\n").unwrap();
        let recorded = Installation { checkout: "/src".into(), programs: "/bin".into() };
        assert_eq!(Installation::recorded(&dirs), Some(recorded));
        std::fs::write(dirs.state.join(RECORD), "checkout=src\nprograms=/bin\n").unwrap();
        assert_eq!(Installation::recorded(&dirs), None);

        let program = home.path().join("src/target/release/launcher");
        assert_eq!(Installation::around(&program), None);
        checkout(&home.path().join("src"));
        let around = Installation::around(&program).unwrap();
        assert_eq!(around.checkout, home.path().join("src"));
        assert_eq!(around.programs, home.path().join("src/target/release"));
    }

    #[test]
    fn nothing_is_built_in_a_folder_that_others_can_change() {
        let home = tempfile::tempdir().unwrap();
        let installed = Installation { checkout: home.path().to_owned(), programs: "/bin".into() };
        assert_eq!(installed.refusal(), Some("is not a checkout of Deckwatch any more"));
        checkout(home.path());
        assert_eq!(installed.refusal(), None);
        std::fs::set_permissions(home.path().join(INSTALLER), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(installed.refusal().unwrap().starts_with("can be changed by other users"));
    }
}
