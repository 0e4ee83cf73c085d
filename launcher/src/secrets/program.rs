//! Runs another program to get a value, without a shell, and with a limit on its time and its output.

use std::process::Stdio;
use std::time::Duration;

use deckwatch_protocol::cut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The largest number of bytes of output.
const MAX_OUTPUT_BYTES: u64 = 4 * 1024 * 1024;
/// The largest number of bytes that are read from standard error.
const MAX_COMPLAINT_BYTES: u64 = 16 * 1024;
const SHOWN_CHARS: usize = 300;

/// The result of running a program.
pub(crate) struct ProgramResult {
    pub(crate) succeeded: bool,
    /// Its exit code. `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Its standard output, which may contain a secret.
    pub(crate) output: Zeroizing<String>,
    /// The end of its standard error, on one line and without control characters.
    pub(crate) error_text: String,
}

/// Runs a program until it ends, with `input` on its standard input. The error says why there is no output.
pub(crate) async fn run(command: &mut Command, input: &str, time_limit: Duration) -> Result<ProgramResult, String> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("{name} can't be run: {error}"))?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(format!("{name} has no pipes"));
    };
    let error_text = tokio::spawn(read(stderr, MAX_COMPLAINT_BYTES));
    let work = async {
        // A program that does not read its input may still print a value.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = read(stdout, MAX_OUTPUT_BYTES + 1).await;
        (output, child.wait().await)
    };
    let Ok((output, status)) = timeout(time_limit, work).await else {
        return Err(format!("{name} did not end within {} seconds", time_limit.as_secs()));
    };
    if u64::try_from(output.len()).unwrap_or(u64::MAX) > MAX_OUTPUT_BYTES {
        return Err(format!("{name} printed more than {} MiB", MAX_OUTPUT_BYTES / 1024 / 1024));
    }
    let status = status.map_err(|error| format!("{name}: {error}"))?;
    // A background process of the program may keep the pipe open.
    let error_text =
        timeout(Duration::from_millis(100), error_text).await.ok().and_then(Result::ok).unwrap_or_default();
    let output = std::str::from_utf8(&output).map_err(|_| format!("{name} printed something that is not UTF-8"))?;
    let output = Zeroizing::new(output.to_owned());
    Ok(ProgramResult { succeeded: status.success(), code: status.code(), output, error_text: one_line(&error_text) })
}

async fn read(from: impl AsyncRead + Unpin, limit: u64) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::new());
    // If reading fails, the bytes so far are used. The exit code says whether the program succeeded.
    let _ = from.take(limit).read_to_end(&mut bytes).await;
    bytes
}

/// Text of another program on one line, safe to print.
pub(crate) fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = anstream::adapter::strip_str(&text).to_string();
    let words: Vec<&str> =
        plain.split(|c: char| c.is_control() || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    let end = cut::to_last_chars(&line, SHOWN_CHARS);
    if end.len() < line.len() { format!("{}{end}", cut::ELLIPSIS) } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_another_program_becomes_one_short_clean_line() {
        assert_eq!(one_line(b"\x1b[31merror:\x1b[0m no\n\tlogin\x07 \xff\n"), "error: no login \u{fffd}");
        assert!(one_line("x".repeat(9000).as_bytes()).chars().count() <= SHOWN_CHARS + 2);
    }
}
