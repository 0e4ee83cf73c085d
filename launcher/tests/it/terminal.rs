//! Runs the launcher on a terminal that `script` of util-linux creates: reads what it shows, and types keys.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::world::World;

/// A running launcher on a terminal.
pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    /// Everything that was shown so far, without escape sequences.
    shown: String,
    /// The position up to which the text was examined.
    seen: usize,
}

impl Terminal {
    /// Starts a shell command line, in which `launcher` means the program under test.
    pub(crate) fn start(world: &World, words: &str) -> Self {
        let launcher = world.path("bin/launcher").display().to_string();
        Self::with(world, &words.replacen("launcher", &launcher, 1), &[])
    }

    /// Starts a shell command line with additional environment variables.
    pub(crate) fn with(world: &World, line: &str, environment: &[(&str, OsString)]) -> Self {
        let path = std::env::var_os("PATH").unwrap();
        let mut scripts = std::env::split_paths(&path).map(|dir| dir.join("script"));
        let script = scripts.find(|file| file.exists()).expect("util-linux has `script`");
        let mut command = Command::new(script);
        command
            .args(["--quiet", "--return", "--command", line, "/dev/null"])
            .env_clear()
            .current_dir(world.path("elsewhere"))
            .envs(world.environment())
            .envs([("TERM", "xterm"), ("SHELL", "/bin/sh")])
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (keys, screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, keys, screen, shown: String::new(), seen: 0 }
    }

    /// Waits until this text is shown after the previous one, then types keys.
    pub(crate) fn at(&mut self, prompt: &str, keys: &str) {
        while !self.shown[self.seen..].contains(prompt) {
            let mut bytes = [0; 4096];
            let count = self.screen.read(&mut bytes).unwrap();
            assert_ne!(count, 0, "{prompt:?} was not shown, but: {}", self.shown);
            self.shown += &String::from_utf8_lossy(&bytes[..count]);
        }
        self.seen += self.shown[self.seen..].find(prompt).unwrap() + prompt.len();
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Everything that was shown, and the exit code.
    pub(crate) fn end(mut self) -> (String, Option<i32>) {
        drop(self.keys);
        let mut rest = Vec::new();
        self.screen.read_to_end(&mut rest).unwrap();
        self.shown += &String::from_utf8_lossy(&rest);
        (self.shown, self.child.wait().unwrap().code())
    }
}
