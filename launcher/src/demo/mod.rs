//! `launcher demo`: a day with two agents on the repository you are in, without any agent CLI.
//!
//! Every line that is shown comes from the real MCP server, the real API and the real repository. Each step is
//! checked before the next one begins. The records go into a database of the demo.

mod demo_agent;
mod work;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use deckwatch_machine::agent::this_host;
use deckwatch_machine::checkout::{Checkout, CheckoutKind};
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{Agent, cut};

use self::demo_agent::DemoAgent;
use self::work::Work;
use crate::demo_error::DemoError;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;

/// Runs the demo. If `data` is given, the records are kept in that folder.
pub(crate) fn run(env: &ProcessEnv, data: Option<&Path>) -> Result<(), LaunchError> {
    let here = Checkout::at(&env.cwd)?;
    if here.kind == CheckoutKind::NotARepository {
        return Err(LaunchError::NotARepository(here.root));
    }
    let server = env.sibling("deckwatch-mcp").ok_or(LaunchError::ServerMissing)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| DemoError::Server { agent: agent(1), cause: error.to_string() })?;
    Ok(runtime.block_on(play(&here, &server, data))?)
}

async fn play(here: &Checkout, server: &Path, data: Option<&Path>) -> Result<(), DemoError> {
    let setup = DemoSetup::new(here, server, data)?;
    let [first, second] = [1, 2].map(agent);
    say(&format!("A day with two agents on {}. Records: {}", here.repo, setup.records()));
    let work = Work::read(&here.root);

    say(&format!("{first} starts its day. There are no earlier records."));
    let one = setup.start(&first).await?;
    show(&one.call("sod", work::no_arguments()).await?.report);

    say(&format!("It works, and reads from git what it did: {}.", work.description()));
    say("It hands off and ends its day.");
    let handoff = one.call("handoff", work.handoff()).await?;
    show(&handoff.report);
    one.stop().await;

    say(&format!("{second} starts in a new process, without any memory. It gets this context:"));
    let two = setup.start(&second).await?;
    let day = two.call("sod", work::no_arguments()).await?;
    show(&day.report);
    day.must_contain(&second, &handoff.fact("handoff_id"), "the handoff of the previous agent")?;

    say(&format!("{first} starts again while {second} is still at work. Each of them sees the other:"));
    let one = setup.start(&first).await?;
    let day = one.call("sod", work::no_arguments()).await?;
    show(&day.report);
    day.must_contain(&first, second.as_str(), "the other active agent")?;
    let day = two.call("context", work::no_arguments()).await?;
    show(&day.report);
    day.must_contain(&second, first.as_str(), "the other active agent")?;
    one.stop().await;
    two.stop().await;
    say(&setup.closing_message());
    Ok(())
}

/// What the demo runs on: a repository, the program of the server, and a folder for the records.
struct DemoSetup {
    repository: PathBuf,
    server: PathBuf,
    folder: Folder,
}

enum Folder {
    /// It is deleted at the end of the demo.
    Temporary(tempfile::TempDir),
    /// The one that `--data` names.
    Kept(PathBuf),
}

impl DemoSetup {
    fn new(here: &Checkout, server: &Path, data: Option<&Path>) -> Result<Self, DemoError> {
        let folder = if let Some(path) = data {
            Dirs::create(path).map_err(DemoError::Folder)?;
            Folder::Kept(std::path::absolute(path).map_err(DemoError::Folder)?)
        } else {
            let made = tempfile::Builder::new().prefix("deckwatch-demo-").tempdir();
            Folder::Temporary(made.map_err(DemoError::Folder)?)
        };
        Ok(Self { repository: here.root.clone(), server: server.to_owned(), folder })
    }

    fn path(&self) -> &Path {
        match &self.folder {
            Folder::Temporary(folder) => folder.path(),
            Folder::Kept(path) => path,
        }
    }

    fn records(&self) -> String {
        match &self.folder {
            Folder::Temporary(_) => "a temporary database, deleted at the end".to_owned(),
            Folder::Kept(path) => path.join("deckwatch/context.db").display().to_string(),
        }
    }

    fn closing_message(&self) -> String {
        match &self.folder {
            Folder::Temporary(_) => "The demo is over. It changed none of your files and records.".to_owned(),
            Folder::Kept(_) => format!("The demo is over. The records are in {}.", self.records()),
        }
    }

    async fn start(&self, agent: &Agent) -> Result<DemoAgent, DemoError> {
        DemoAgent::start(agent, &self.server, &self.repository, self.path()).await
    }
}

fn agent(number: u32) -> Agent {
    format!("{}-demo-{number}", cut::to_chars(this_host().as_str(), 100)).parse().unwrap_or_else(|_| fallback_agent())
}

#[expect(clippy::expect_used, reason = "a constant of the right form")]
fn fallback_agent() -> Agent {
    "demo".parse().expect("a good name")
}

/// Prints a line of the demo itself.
fn say(line: &str) {
    let bold = anstyle::Style::new().bold();
    // An error means that the reader closed the output early. The demo continues.
    let _ = writeln!(anstream::stdout(), "{bold}{line}{bold:#}\n");
}

/// Prints the answer of a tool unchanged.
fn show(report: &str) {
    let mut out = anstream::stdout();
    for line in report.lines() {
        let _ = writeln!(out, "    {line}");
    }
    let _ = writeln!(out);
}
