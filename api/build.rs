//! Sets the commit of the build: `DECKWATCH_COMMIT`, else the commit from git, else `unknown`. Lists the files of
//! `migrations/`, so that each of them is in the build.

use std::io::{Error, Result, Write as _};
use std::path::Path;
use std::process::Command;

fn main() -> Result<()> {
    list_migrations()?;
    println!("cargo::rerun-if-env-changed=DECKWATCH_COMMIT");
    let commit = std::env::var("DECKWATCH_COMMIT").ok().or_else(git_commit).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=DECKWATCH_COMMIT={commit}");
    Ok(())
}

/// Writes the names and the contents of the migrations, in order, as a Rust expression.
fn list_migrations() -> Result<()> {
    let variable = |name| std::env::var(name).map_err(Error::other);
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../migrations");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<_> = std::fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    let mut list = std::fs::File::create(Path::new(&variable("OUT_DIR")?).join("migrations.rs"))?;
    writeln!(list, "&[")?;
    for name in files.iter().filter_map(|file| file.file_name()?.to_str()) {
        let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../migrations/{name}\")");
        writeln!(list, "(\"{name}\", include_str!({path})),")?;
    }
    writeln!(list, "]")
}

fn git_commit() -> Option<String> {
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    // The reflog changes with every commit and checkout, on every branch.
    if let Some(log) = git(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    Some(commit)
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
