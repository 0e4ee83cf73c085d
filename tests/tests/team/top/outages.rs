//! A network that is lost and comes back, and a terminal that dies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::USUAL;
use crate::stage::Stage;
use crate::terminal::Terminal;

/// A connection to the server that a test can cut.
struct Cable {
    address: String,
    is_whole: Arc<watch::Sender<bool>>,
    serving: JoinHandle<()>,
}

impl Cable {
    async fn to(server: &str) -> Self {
        let server = server.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let is_whole = Arc::new(watch::Sender::new(true));
        let state = is_whole.subscribe();
        let serving = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (mut state, server) = (state.clone(), server.clone());
                tokio::spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(&server).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = state.wait_for(|is_whole| !is_whole) => {}
                    }
                });
            }
        });
        Self { address, is_whole, serving }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[tokio::test]
async fn a_lost_network_is_shown_with_the_age_of_the_records_and_recovers_by_itself() {
    if !Terminal::is_possible() {
        return;
    }
    let stage = Stage::new().await;
    stage.claude.said("working", None).await;
    let cable = Cable::to(&stage.team.server.url).await;
    let url = format!("http://{}", cable.address);
    let terminal = stage.top(USUAL, &[("CONTEXT_API_URL", &url)]);
    terminal.shows(" live").await;
    cable.is_whole.send_replace(false);
    let lost =
        terminal.waits("the loss", |screen| screen.contains("NOT LIVE") && screen.contains("trying again")).await;
    assert!(lost.contains("mac1-claude-1"), "{lost}");
    assert!(!lost.contains(" live"), "{lost}");
    // What happens meanwhile is shown as soon as the network is back.
    stage.codex.said("waiting", Some("may I run the migration?")).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!terminal.screen().contains("waiting"), "{}", terminal.screen());
    cable.is_whole.send_replace(true);
    let back = terminal.waits("the network", |screen| screen.contains(" live") && screen.contains("may I run")).await;
    assert!(!back.contains("NOT LIVE"), "{back}");
}

#[tokio::test]
async fn a_screen_that_starts_without_a_network_says_that_nothing_was_read() {
    if !Terminal::is_possible() {
        return;
    }
    let stage = Stage::new().await;
    let cable = Cable::to(&stage.team.server.url).await;
    cable.is_whole.send_replace(false);
    let url = format!("http://{}", cable.address);
    // A venture that is named is looked up before the screen starts, so all are shown.
    let mut command = stage.team.launcher(&["top", "--all"], &[("CONTEXT_API_KEY", crate::members::CONTEXT_KEY)]);
    command.env("TERM", "xterm-256color").env("CONTEXT_API_URL", &url);
    let terminal = Terminal::open(&command, stage.team.path("tmux"), USUAL);
    terminal.shows("NOT LIVE, nothing read").await;
    cable.is_whole.send_replace(true);
    terminal.waits("the network", |screen| screen.contains(" live") && screen.contains("mac2-codex-1")).await;
}

#[tokio::test]
async fn the_program_ends_with_its_terminal() {
    if !Terminal::is_possible() {
        return;
    }
    let stage = Stage::new().await;
    let terminal = stage.top(USUAL, &[]);
    terminal.shows("live").await;
    let process = terminal.process();
    let is_there = || {
        let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        !status.is_empty() && !status.contains(") Z ")
    };
    assert!(is_there() || !cfg!(target_os = "linux"));
    terminal.close();
    let closed = Instant::now();
    while is_there() {
        assert!(closed.elapsed() < Duration::from_secs(10), "the process runs on without its terminal");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
