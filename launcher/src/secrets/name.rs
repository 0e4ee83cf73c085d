//! Decides which secrets an agent may get. A secret must not change which programs run or where they connect.

use deckwatch_machine::variables;
use deckwatch_protocol::cut;

use super::Secret;

/// The largest number of bytes of a value. The kernel rejects a variable of 128 KiB.
const MAX_VALUE_BYTES: usize = 100 * 1024;
/// The largest number of bytes of all names and values together. With more, the agent could not be started.
pub(crate) const MAX_TOTAL_BYTES: usize = 512 * 1024;

/// Names that users and programs rely on, or that decide which code runs or where it connects.
const RESERVED: &[&str] = &[
    "PATH",
    "HOME",
    "SHELL",
    "USER",
    "LOGNAME",
    "PWD",
    "OLDPWD",
    "TMPDIR",
    "TERM",
    "IFS",
    "ENV",
    "BASH_ENV",
    "ZDOTDIR",
    "PROMPT_COMMAND",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "BROWSER",
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_EXTRA_CA_CERTS",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "PYTHONSTARTUP",
    "PYTHONPATH",
    "PYTHONHOME",
    "PERL5OPT",
    "PERL5LIB",
    "RUBYOPT",
    "RUBYLIB",
    "JAVA_TOOL_OPTIONS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    variables::API_URL,
    variables::API_KEY,
    variables::ADMIN_KEY,
    "GITHUB_APP_ID",
    "GITHUB_APP_PRIVATE_KEY",
    "GITHUB_WEBHOOK_SECRET",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_CUSTOM_HEADERS",
    "GOOGLE_GEMINI_BASE_URL",
    "OPENAI_BASE_URL",
];
/// Prefixes of such names: for the linker, git, XDG, the agent CLIs, Infisical and Deckwatch.
const RESERVED_PREFIXES: &[&str] = &[
    "LD_",
    "DYLD_",
    "GIT_",
    "XDG_",
    "BASH_FUNC_",
    "NPM_CONFIG_",
    "CLAUDE",
    "ANTHROPIC_DEFAULT_",
    "CODEX_",
    "GEMINI_CLI_",
    "GEMINI_SANDBOX",
    "INFISICAL_",
    "DECKWATCH_",
];

/// Whether a secret must not have this name. Upper and lower case are the same, because some programs read both.
pub(crate) fn is_reserved(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    RESERVED.contains(&upper.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
}

/// The reason why a secret is not added to the environment. `None` if it is added.
pub(crate) fn refusal(name: &str, value: &Secret) -> Option<&'static str> {
    let value = value.expose();
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !name.starts_with(letter) || !name.chars().all(|c| letter(c) || c.is_ascii_digit()) || name.len() > 200 {
        Some("is not the name of a variable")
    } else if is_reserved(name) {
        Some("is reserved")
    } else if value.contains('\0') {
        Some("contains a NUL character")
    } else if value.len() > MAX_VALUE_BYTES {
        Some("is larger than 100 KiB")
    } else {
        None
    }
}

/// A name that is safe to print.
pub(crate) fn shown(name: &str) -> String {
    cut::with_ellipsis(name, 60).escape_debug().to_string()
}

/// The names of the secrets that another launch set. They must not be passed on: an agent can run the launcher.
pub(crate) fn inherited(names: Option<&str>) -> Vec<String> {
    let names = names.unwrap_or_default().split(',').filter(|name| !name.is_empty());
    names.filter(|name| *name == variables::API_KEY || !is_reserved(name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_are_refused() {
        let value = Secret::new("x".to_owned());
        for name in [
            "PATH",
            "LD_PRELOAD",
            "DYLD_INSERT_LIBRARIES",
            "BASH_ENV",
            "CLAUDE_CONFIG_DIR",
            "CLAUDECODE",
            "ANTHROPIC_BASE_URL",
            "https_proxy",
            "GIT_SSH_COMMAND",
            "INFISICAL_TOKEN",
            "DECKWATCH_AGENT",
            "CONTEXT_API_KEY",
        ] {
            assert_eq!(refusal(name, &value), Some("is reserved"), "{name}");
        }
        for name in ["DATABASE_URL", "ANTHROPIC_API_KEY", "NODE_ENV", "_x", "Path2", "GITHUB_TOKEN"] {
            assert_eq!(refusal(name, &value), None, "{name}");
        }
    }

    #[test]
    fn invalid_names_and_values_are_refused() {
        let ok = || Secret::new("x".to_owned());
        for name in ["", "1A", "A-B", "A=B", "A B", "Ä", "A\0B"] {
            assert_eq!(refusal(name, &ok()), Some("is not the name of a variable"), "{name:?}");
        }
        assert!(refusal("A", &Secret::new("a\0b".to_owned())).is_some());
        assert!(refusal("A", &Secret::new("x".repeat(MAX_VALUE_BYTES + 1))).is_some());
        assert_eq!(refusal("A", &Secret::new("line\nline\u{1}\u{7f}".to_owned())), None);
        assert_eq!(shown("A\u{1b}[31m"), "A\\u{1b}[31m");
    }
}
