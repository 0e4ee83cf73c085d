//! A running agent process: output, signals, end.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

/// Enough time for an agent CLI that starts cold on a loaded machine.
const TIMEOUT: Duration = Duration::from_mins(2);

/// A process in its own process group. Dropping it ends the group.
pub(crate) struct Running {
    child: Option<Child>,
    group: u32,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { group: child.id().unwrap(), child: Some(child) }
    }

    /// Sends a signal only to the process, like `kill`.
    pub(crate) fn signal(&self, name: &str) {
        assert!(kill(name, &self.group.to_string()), "the process has ended already");
    }

    /// Sends a signal to the process group, like a terminal.
    pub(crate) fn signal_group(&self, name: &str) {
        assert!(kill(name, &format!("-{}", self.group)), "the processes have ended already");
    }

    /// Waits for the end of the process.
    pub(crate) async fn output(mut self) -> Output {
        let child = self.child.take().unwrap();
        let output = tokio::time::timeout(TIMEOUT, child.wait_with_output()).await;
        output.unwrap_or_else(|_| panic!("still running after {TIMEOUT:?}")).unwrap()
    }

    /// Waits for the end of the process and checks that it succeeded.
    pub(crate) async fn success(self) {
        let output = self.output().await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The call fails if the process has already ended.
        kill("KILL", &format!("-{}", self.group));
    }
}

/// The command lines of all processes.
pub(crate) fn command_lines() -> Vec<String> {
    let output = std::process::Command::new("ps").args(["-axww", "-o", "command="]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn kill(signal: &str, target: &str) -> bool {
    let mut kill = std::process::Command::new("kill");
    kill.args([&format!("-{signal}"), "--", target]).stderr(Stdio::null());
    kill.status().unwrap().success()
}
