//! Libraries for `LD_PRELOAD` that change how a program under test sees its disk. They need Linux and a C compiler,
//! which building SQLite needs too.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A compiled library. Its file is deleted with this value.
pub(crate) struct Library {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Library {
    /// Compiles `tests/disk/NAME.c`.
    pub(crate) fn compile(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(name).with_extension("so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("disk").join(name).with_extension("c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut compile = Command::new(compiler);
        compile.args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]).arg(&path).arg(source);
        assert!(compile.args(["-ldl", "-lpthread"]).status().unwrap().success());
        Self { _folder: folder, path }
    }
}
