//! Sets the commit of the build: `DECKWATCH_COMMIT`, else the commit from git, else `unknown`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=DECKWATCH_COMMIT");
    let commit = std::env::var("DECKWATCH_COMMIT").ok().or_else(git_commit).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=DECKWATCH_COMMIT={commit}");
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
