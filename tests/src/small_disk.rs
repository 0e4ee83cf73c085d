//! A disk that takes nothing: full, or read-only.
//!
//! The command runs in a mount namespace of its own, where the folder is a small file system: nothing is left mounted
//! when it ends. Where mounting is not permitted, as in many containers and on macOS, the same is brought about without:
//! the system refuses every write to a file, or a file stands where the folder should be.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// What is wrong with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadDisk {
    /// It takes names, and not one byte more.
    Full,
    /// It takes nothing.
    ReadOnly,
}

/// Each script gets the folder, the search path of the command, and the command. Full is as a disk is whose last block is
/// taken: a file of no bytes can still be made.
const MOUNT_FULL: &str = r#"set -e
mount -t tmpfs -o size=64k none "$1"
mkdir -p "$1/share/deckwatch" "$1/state/deckwatch"
dd if=/dev/zero of="$1/fill" bs=4k count=100 2>/dev/null || true
PATH=$2; shift 2; exec "$@""#;
const MOUNT_READ_ONLY: &str = r#"set -e
mount -t tmpfs -o ro none "$1"
PATH=$2; shift 2; exec "$@""#;
const NO_BYTE_MORE: &str = r#"mkdir -p "$1/share/deckwatch" "$1/state/deckwatch"
PATH=$2; shift 2; trap "" XFSZ; ulimit -f 0; exec "$@""#;
const NO_FOLDER: &str = r#"rmdir "$1"; : > "$1"; PATH=$2; shift 2; exec "$@""#;

/// How a namespace is had here, if it is.
static NAMESPACE: LazyLock<Option<&'static [&'static str]>> = LazyLock::new(|| {
    let ways: [&[&str]; 2] = [&["--mount"], &["--mount", "--map-root-user"]];
    ways.into_iter().find(|way| {
        let mut trial = Command::new("unshare");
        trial.args(*way).args(["mount", "-t", "tmpfs", "none", "/mnt"]).stderr(Stdio::null());
        trial.status().is_ok_and(|status| status.success())
    })
});

impl BadDisk {
    /// The same command with `folder`, which is made, on such a disk. Its environment must have been cleared first.
    pub fn with(self, folder: &Path, command: &Command) -> Command {
        std::fs::create_dir_all(folder).unwrap();
        let (namespace, script) = match (*NAMESPACE, self) {
            (Some(namespace), Self::Full) => (namespace, MOUNT_FULL),
            (Some(namespace), Self::ReadOnly) => (namespace, MOUNT_READ_ONLY),
            (None, Self::Full) => (&[][..], NO_BYTE_MORE),
            (None, Self::ReadOnly) => (&[][..], NO_FOLDER),
        };
        let mut wrapped = Command::new(if namespace.is_empty() { "sh" } else { "unshare" });
        if !namespace.is_empty() {
            wrapped.args(namespace).arg("sh");
        }
        let own_path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
        wrapped.args(["-c", script, "sh"]).arg(folder).arg(own_path.unwrap_or_default());
        wrapped.arg(command.get_program()).args(command.get_args());
        wrapped.env_clear();
        wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        wrapped.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some(dir) = command.get_current_dir() {
            wrapped.current_dir(dir);
        }
        wrapped
    }

    /// What a person is advised to do.
    pub fn advice(self) -> &'static str {
        match (*NAMESPACE, self) {
            (_, Self::Full) => "free some space on that disk",
            (Some(_), Self::ReadOnly) => "that file system is read-only",
            (None, Self::ReadOnly) => "a file is in the place of one of these folders",
        }
    }
}
