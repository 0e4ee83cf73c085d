//! Tells the crate which commit it is built from: `DECKWATCH_COMMIT`, else what git says, else `unknown`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=DECKWATCH_COMMIT");
    let commit = std::env::var("DECKWATCH_COMMIT").ok().or_else(git_commit).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=DECKWATCH_COMMIT={commit}");
}

fn git_commit() -> Option<String> {
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    // The reflog changes with every commit and checkout, whatever branch is checked out.
    if let Some(log) = git(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    Some(commit)
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
