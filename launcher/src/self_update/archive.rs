//! The archive of a release: its name, its checksum, its attestation, its programs.

use std::path::Path;
use std::process::{Command, Stdio};

use deckwatch_machine::digest::sha256_hex;
use deckwatch_protocol::cut;
use semver::Version;

use super::program_set::PROGRAMS;
use crate::environment;
use crate::process_env::ProcessEnv;
use crate::update_error::UpdateError;

/// The file with the checksums of a release.
pub(super) const CHECKSUMS: &str = "SHA256SUMS";
/// The programs whose version is checked before they are installed. The other one is a script.
const VERSIONED: [&str; 3] = ["deckwatch-mcp", "deckwatch-server", "launcher"];
/// The longest message of another program that is shown, in characters.
const MAX_MESSAGE: usize = 300;

/// The name of the archive for this machine. It is the one that scripts/release/package gives it.
pub(super) fn name() -> Result<String, UpdateError> {
    let system = match std::env::consts::OS {
        "linux" => "unknown-linux-musl",
        "macos" => "apple-darwin",
        other => return Err(UpdateError::NoPlatform(other.to_owned())),
    };
    match std::env::consts::ARCH {
        processor @ ("x86_64" | "aarch64") => Ok(format!("deckwatch-{processor}-{system}.tar.gz")),
        other => Err(UpdateError::NoPlatform(format!("{other} on {}", std::env::consts::OS))),
    }
}

/// Compares a file of a release with its checksum.
pub(super) fn verify(tag: &str, name: &str, bytes: &[u8], checksums: &[u8]) -> Result<(), UpdateError> {
    let (tag, name) = (tag.to_owned(), name.to_owned());
    let checksums = String::from_utf8_lossy(checksums);
    let expected = checksums.lines().find_map(|line| {
        let (sum, file) = line.split_once(' ')?;
        let is_sum = sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_sum && file.trim_start_matches([' ', '*']) == name).then(|| sum.to_ascii_lowercase())
    });
    let Some(expected) = expected else { return Err(UpdateError::NoChecksum { tag, name }) };
    let actual = sha256_hex(bytes);
    if actual == expected { Ok(()) } else { Err(UpdateError::WrongChecksum { tag, name, expected, actual }) }
}

/// Lets `gh` verify that a workflow of the repository built the archive. The checksum comes from the same place as the archive,
/// so it only shows that the download is whole.
pub(super) fn verify_attestation(archive: &Path, repository: &str, env: &ProcessEnv) -> Result<(), UpdateError> {
    let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let failed = |cause: String| UpdateError::Attestation { name: name.clone(), cause };
    let gh = env.program("gh").ok_or_else(|| failed("gh, GitHub's program, is not installed".to_owned()))?;
    let mut gh = Command::new(gh);
    gh.args(["attestation", "verify"]).arg(archive).args(["--repo", repository]).stdin(Stdio::null());
    let output = gh.output().map_err(|error| failed(format!("gh can't be run: {error}")))?;
    if output.status.success() { Ok(()) } else { Err(failed(last_line(&output.stderr, "gh failed"))) }
}

/// Unpacks the programs of an archive into a folder.
pub(super) fn unpack(archive: &Path, folder: &Path, tag: &str, env: &ProcessEnv) -> Result<(), UpdateError> {
    let failed = |cause: String| UpdateError::Unpack { tag: tag.to_owned(), cause };
    let tar = env.program("tar").ok_or_else(|| failed("tar is not installed".to_owned()))?;
    let mut tar = Command::new(tar);
    // Only these names, so that no entry can leave the folder.
    tar.arg("-xzf").arg(archive).arg("-C").arg(folder).args(PROGRAMS).stdin(Stdio::null());
    let output = tar.output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() { Ok(()) } else { Err(failed(last_line(&output.stderr, "tar failed"))) }
}

/// Runs each new program once: it must run on this machine, and have the version of the release.
pub(super) fn check_programs(folder: &Path, version: &Version) -> Result<(), UpdateError> {
    for program in VERSIONED {
        let bad = |cause: String| UpdateError::BadProgram { program, cause };
        let found = version_of(&folder.join(program)).map_err(bad)?;
        if found != *version {
            return Err(bad(format!("it has the version {found}, not {version}")));
        }
    }
    Ok(())
}

/// The version that a program prints.
pub(super) fn version_of(program: &Path) -> Result<Version, String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null());
    for name in environment::WITHHELD_VARIABLES {
        command.env_remove(name);
    }
    let output = command.output().map_err(|error| format!("it can't be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("its --version failed: {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_whitespace().nth(1).and_then(|word| Version::parse(word).ok());
    version.ok_or_else(|| "its --version printed no version".to_owned())
}

/// The last line of what a program reported, without characters that control a terminal.
fn last_line(stderr: &[u8], otherwise: &str) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(otherwise);
    cut::to_chars(&deckwatch_client::clean::clean_line(line), MAX_MESSAGE).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_archive_decides() {
        let sum = sha256_hex(b"archive");
        let other = "0".repeat(64);
        let check = |sums: String| verify("v1", "a.tar.gz", b"archive", sums.as_bytes());
        check(format!("{other}  b.tar.gz\n{sum}  a.tar.gz\n")).unwrap();
        check(format!("{}  a.tar.gz\n", sum.to_uppercase())).unwrap();
        check(format!("{sum} *a.tar.gz\r\n").replace('\r', "")).unwrap();
        for (sums, said) in [
            (format!("{sum}  a.tar.gz.sig\n{sum}  x/a.tar.gz\n"), "has no checksum of a.tar.gz"),
            ("short  a.tar.gz\n".to_owned(), "has no checksum"),
            (String::new(), "has no checksum"),
            (format!("{other}  a.tar.gz\n{sum}  a.tar.gz\n"), "but the release v1 says 000"),
        ] {
            let error = check(sums).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
