//! What a failed `ssh` says, as a kind of failure.

use super::Failure;

/// The words of OpenSSH's messages about the key of the other machine.
const HOST_KEY: [&str; 4] =
    ["host key verification failed", "remote host identification has changed", "host key is known for", "host key for"];
/// The words of OpenSSH's messages about the key of the user.
const AUTHENTICATION: [&str; 3] =
    ["permission denied", "too many authentication failures", "no supported authentication"];

/// The failure that OpenSSH's message tells, when no connection was made.
pub fn classify(message: &str) -> Failure {
    let lower = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let message = last_line(message);
    if has(&HOST_KEY) {
        Failure::HostKey(message)
    } else if has(&AUTHENTICATION) {
        Failure::Authentication(message)
    } else {
        Failure::Unreachable(message)
    }
}

/// The last line with text. The lines before it often repeat it in other words.
pub(crate) fn last_line(text: &str) -> String {
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    line.unwrap_or("ssh gave no reason").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_openssh_are_told_apart() {
        let kind = |message: &str| classify(message).kind();
        assert_eq!(kind("ann@100.64.0.2: Permission denied (publickey)."), "authentication");
        assert_eq!(kind("Host key verification failed."), "host_key");
        assert_eq!(kind("No ED25519 host key is known for mac1 and you have requested strict checking."), "host_key");
        assert_eq!(kind("ssh: connect to host 100.64.0.2 port 22: Connection refused"), "unreachable");
        assert_eq!(kind("ssh: connect to host 100.64.0.2 port 22: Connection timed out"), "unreachable");
        assert_eq!(kind(""), "unreachable");
    }
}
