//! `deckwatch-mcp hook <cli> <event>`: the program that an agent CLI starts at the events of a session.
//!
//! It uses no network. It shows what the MCP server has put into the agent's folder, and records what it saw. Nothing that
//! fails here reaches the agent: the exit status is 0, and the failure is recorded in the folder, where `launcher mcp doctor`
//! finds it. A limit ends it, whatever blocks: standard input that stays open, a full pipe, a disk that does not answer.

mod answer;
mod caller;
mod input;
mod message;
mod names;
mod proof;
mod seen;
mod session_start;
mod turn;
mod wait;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use deckwatch_machine::agent_folder::{AgentFolder, Failure};
use deckwatch_machine::clock::now;
use deckwatch_machine::variables;

use self::caller::Caller;
use self::input::Input;
use self::names::{HookCli, HookEvent};
use self::proof::prove;
use self::turn::{Showing, turn_of};

/// The limit of a hook. The one that waits for the day has more.
const LIMIT: Duration = Duration::from_millis(1_500);
const LIMIT_WITH_DAY: Duration = Duration::from_millis(3_500);
/// The limit to record that the limit was exceeded.
const LIMIT_OF_RECORD: Duration = Duration::from_millis(200);

/// Runs a hook. Its exit status is 0, because another one has a meaning for an agent CLI.
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut word = || arguments.next().and_then(|word| word.into_string().ok()).unwrap_or_default();
    let (cli, event) = (HookCli::named(&word()), HookEvent::named(&word()));
    let (Some(cli), Some(event)) = (cli, event) else {
        eprintln!(
            "usage: deckwatch-mcp hook claude|codex|gemini session-start|prompt|after-tool|turn-end|waiting|session-end|wait"
        );
        return ExitCode::SUCCESS;
    };
    if let Some(log) = std::env::var_os(variables::HOOK_PROOF).filter(|log| !log.is_empty()) {
        within(LIMIT, move || prove(log.as_ref(), cli, event));
        std::process::exit(0)
    }
    if event == HookEvent::Wait {
        return Caller::find(cli).map_or(ExitCode::SUCCESS, |caller| wait::run(&caller));
    }
    let limit = if event == HookEvent::SessionStart { LIMIT_WITH_DAY } else { LIMIT };
    if !within(limit, move || handle(cli, event)) {
        let what = format!("it took longer than {} ms", limit.as_millis());
        within(LIMIT_OF_RECORD, move || record(cli, event, what));
    }
    // A thread may still be blocked.
    std::process::exit(0)
}

/// Whether `work` ended within the limit.
fn within<T: 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> bool {
    let (done, is_done) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    is_done.recv_timeout(limit).is_ok()
}

fn handle(cli: HookCli, event: HookEvent) {
    let Some(caller) = Caller::find(cli) else { return };
    if let Err(error) = show(&caller, cli, event) {
        record_for(&caller, cli, event, error);
    }
}

/// Reads the input, records what the agent does, and shows what waits for it.
fn show(caller: &Caller, cli: HookCli, event: HookEvent) -> Result<(), String> {
    let input =
        Input::read(io::stdin()).map_err(|error| format!("its input is not what {} sends: {error}", cli.as_str()))?;
    caller.check_launch()?;
    let shown = show_in_folder(caller, cli, event, &input);
    shown.map_err(|error| format!("{}: {error}", caller.folder.path().display()))
}

fn show_in_folder(caller: &Caller, cli: HookCli, event: HookEvent, input: &Input) -> io::Result<()> {
    let folder = &caller.folder;
    if !folder.exists() {
        folder.create()?;
    }
    if event == HookEvent::SessionStart && !input.is_of_sub_agent() {
        session_start::request(folder, input)?;
    }
    if event != HookEvent::TurnEnd || input.is_of_sub_agent() {
        saw(folder, event, input)?;
    }
    if input.is_of_sub_agent() || matches!(event, HookEvent::Waiting | HookEvent::SessionEnd) {
        return Ok(());
    }
    let mut turn = turn_of(event, input, &folder.turn()?);
    if event == HookEvent::SessionStart {
        session_start::wait_for_day(folder)?;
        if cli == HookCli::Gemini {
            // Without a terminal, Gemini CLI puts this text before the prompt, which is then no slash command any more. The hook
            // of the prompt shows the day.
            return folder.set_turn(&turn);
        }
    }
    let own_name = input.hook_event_name.as_deref().unwrap_or_else(|| event.own_name(cli));
    let showing = Showing::collect(caller, event, &turn)?;
    let was_shown = showing.print(cli, event, own_name, &mut io::stdout().lock(), &mut turn)?;
    if event == HookEvent::TurnEnd {
        turn.has_ended = !was_shown;
        turn.continued += u32::from(was_shown);
        // A turn that goes on is no change.
        saw(folder, if was_shown { HookEvent::AfterTool } else { event }, input)?;
    }
    folder.set_turn(&turn)
}

/// Records what the event shows about the agent.
fn saw(folder: &AgentFolder, event: HookEvent, input: &Input) -> io::Result<()> {
    seen::seen(event, input, now()).map_or(Ok(()), |seen| folder.saw(&seen))
}

fn record(cli: HookCli, event: HookEvent, error: String) {
    if let Some(caller) = Caller::find(cli) {
        record_for(&caller, cli, event, error);
    }
}

/// Records a failure. If that fails too, nothing can be done.
fn record_for(caller: &Caller, cli: HookCli, event: HookEvent, error: String) {
    let hook = format!("{} {}", cli.as_str(), event.as_str());
    let _ = caller.folder.create();
    let _ = caller.folder.record_failure(&Failure { at: now(), hook, error });
}
