//! Whether the system ends the agents of a user who logs out.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

const TIMEOUT: Duration = Duration::from_secs(2);

/// A warning if systemd-logind would end tmux and agents when the last connection of this user ends. `None` if it would
/// not, or if this machine has no logind.
pub async fn linger_warning() -> Option<String> {
    if cfg!(not(target_os = "linux")) {
        return None;
    }
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty())?;
    let ends_processes = ask(&["show-session", "--property=KillUserProcesses", "--value"]).await?;
    if ends_processes != "yes" || Path::new("/var/lib/systemd/linger").join(&user).exists() {
        return None;
    }
    if ask(&["show-user", &user, "--property=Linger", "--value"]).await.as_deref() == Some("yes") {
        return None;
    }
    Some(format!(
        "this machine ends your agents when you log out: systemd-logind has KillUserProcesses=yes, and lingering is off \
         for {user}; run `loginctl enable-linger` there"
    ))
}

async fn ask(args: &[&str]) -> Option<String> {
    let mut command = Command::new("loginctl");
    command.args(args).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(TIMEOUT, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
