//! A running agent: its output, its signals, its end.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

/// Long enough for a command line tool that starts cold on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A process with a group of its own. Dropping it ends the whole group.
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

    /// Sends a signal to the process alone, as `kill` does.
    pub(crate) fn signal(&self, name: &str) {
        assert!(kill(name, &self.group.to_string()), "the process is gone");
    }

    /// Sends a signal to the process and all that it started, as a terminal does.
    pub(crate) fn signal_group(&self, name: &str) {
        assert!(kill(name, &format!("-{}", self.group)), "the processes are gone");
    }

    /// Waits for the end.
    pub(crate) async fn output(mut self) -> Output {
        let child = self.child.take().unwrap();
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        output.unwrap_or_else(|_| panic!("still running after {PATIENCE:?}")).unwrap()
    }

    /// Waits for an end without a failure.
    pub(crate) async fn success(self) {
        let output = self.output().await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever ended already needs no signal.
        kill("KILL", &format!("-{}", self.group));
    }
}

/// The command lines of all processes.
pub(crate) fn command_lines() -> Vec<String> {
    let output = std::process::Command::new("ps").args(["-axww", "-o", "command="]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn kill(signal: &str, whom: &str) -> bool {
    let mut kill = std::process::Command::new("kill");
    kill.args([&format!("-{signal}"), "--", whom]).stderr(Stdio::null());
    kill.status().unwrap().success()
}
