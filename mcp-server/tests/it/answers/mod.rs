//! The whole answers of the tools, from the real programs, compared with the reviewed files `tests/golden/tools/*.txt`.
//!
//! A test here shows what an agent reads. Tests elsewhere check rules that a text can't show.

mod checks;
mod days;
mod errors;
mod errors_of_github;
mod handoffs;
mod mesh;
mod records;

use std::path::Path;

use deckwatch_tests::golden;
use serde_json::Value;

use crate::harness::{Machine, Mcp};

/// The calls of a test and their answers, as a text.
pub(crate) struct Transcript {
    text: String,
    home: String,
}

impl Transcript {
    /// A transcript without calls. Paths below the home of `machine` are shown as if they were below `/home/ann`.
    pub(crate) fn on(machine: &Machine) -> Self {
        Self { text: String::new(), home: machine.home().canonicalize().unwrap().display().to_string() }
    }

    /// Calls a tool and writes the call and its answer down. `about` says what the answer shows. Returns its structured
    /// content.
    #[track_caller]
    pub(crate) fn call(&mut self, about: &str, agent: &mut Mcp, tool: &str, arguments: &Value) -> Value {
        let answer = agent.call(tool, arguments).good();
        self.write(about, &format!("{tool} {arguments}"), &answer.text);
        answer.facts
    }

    /// The same for a call that fails.
    #[track_caller]
    pub(crate) fn fails(&mut self, about: &str, agent: &mut Mcp, tool: &str, arguments: &Value) {
        let text = agent.call(tool, arguments).trouble();
        self.write(about, &format!("{tool} {arguments}"), &text);
    }

    /// Adds the calls of another machine.
    pub(crate) fn append(&mut self, other: &Self) {
        self.text.push_str(&other.normalised());
    }

    fn write(&mut self, about: &str, call: &str, answer: &str) {
        // A value that only tests the limit of a field would hide the answer.
        let call: String =
            if call.len() > 200 { call.chars().take(200).chain(['…']).collect() } else { call.to_owned() };
        self.text.extend(["===== ", about, "\n", &call, "\n\n", answer, "\n\n"]);
    }

    fn normalised(&self) -> String {
        golden::normalised(&self.text, &[(&self.home, "/home/ann")])
    }

    /// Compares the transcript with its file.
    #[track_caller]
    pub(crate) fn is_in_step(&self, name: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tools").join(format!("{name}.txt"));
        golden::assert_in_step(&file, &self.normalised());
    }
}
