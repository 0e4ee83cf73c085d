//! `deckwatch-server`: serves the Context API on SQLite. By default it listens on loopback only.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use clap::{Parser, Subcommand};
use deckwatch_api::{COMMIT, Engine, Settings};
use deckwatch_server::{Embedded, Executable, MAX_READING_THREADS, Network, backup, health_check, http};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The time between two checks of this program's file, so that an update is logged even without calls of `/health`.
const CHECK_INTERVAL: Duration = Duration::from_mins(1);

/// Maximum number of threads that serve connections. More of them only wait for the one thread that writes.
const MAX_WORKER_THREADS: usize = 8;
/// Threads that take over the connections while this program's file is checked.
const SPARE_THREADS: usize = 2;

/// The version and the commit, in the same format as `deckwatch-mcp`.
static VERSION: LazyLock<String> = LazyLock::new(|| format!("{} ({COMMIT})", env!("CARGO_PKG_VERSION")));
/// The output of `--version`.
static NAME_AND_VERSION: LazyLock<String> = LazyLock::new(|| format!("deckwatch-server {}", *VERSION));

/// Serves the Context API from a SQLite file
///
/// Keys come from `CONTEXT_API_KEY` and `ADMIN_API_KEY` (16 to 256 visible characters). Without a key, requests that
/// need it are refused. During a key rotation, `CONTEXT_API_KEY_PREVIOUS` and `ADMIN_API_KEY_PREVIOUS` hold the old
/// keys, which stay valid. `RATE_LIMIT_PER_MINUTE` changes the limit of 100 requests per minute and actor.
/// `AUTO_APPROVE_MACHINES=true` approves machines without an admin. `GITHUB_WEBHOOK_SECRET` turns on the GitHub
/// classifier; docs/operations.md lists its settings.
#[derive(Parser)]
#[command(name = "deckwatch-server", version = VERSION.as_str())]
struct Cli {
    /// Folder of the database file `context.db`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
    /// Port; 0 selects a free one
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Address to listen on; use TLS for any address except loopback
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    ip: IpAddr,
}

/// The commands other than serving.
#[derive(Subcommand)]
enum Command {
    /// Writes the whole database into FILE, also while it is in use
    Export {
        /// A new file
        file: PathBuf,
    },
    /// Creates a new database from FILE
    Restore {
        /// A file that `export` wrote
        file: PathBuf,
    },
    /// Asks the server that runs on this address and port whether it is healthy; exit code 1 if it is not
    Health,
}

fn main() -> ExitCode {
    env_logger::Builder::new().filter_level(log::LevelFilter::Warn).parse_default_env().init();
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "deckwatch-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Box<dyn std::error::Error>> {
    let database = cli.data.join("context.db");
    match &cli.command {
        Some(Command::Export { file }) => return Ok(backup::export(&database, file)?),
        Some(Command::Restore { file }) => return Ok(backup::restore(file, &database)?),
        Some(Command::Health) => return Ok(health_check::check(cli.ip, cli.port)?),
        None => {}
    }
    let settings = Settings::from_vars(Engine::Embedded, |name| std::env::var(name).ok())?;
    let engine = Embedded::open_with(&database, settings, Arc::new(Network::default()))?;
    let executable = Executable::running(&NAME_AND_VERSION).map(Arc::new);
    if let Some(executable) = executable.clone() {
        engine.set_notice(move || executable.replaced());
    }
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors.min(MAX_WORKER_THREADS))
        .max_blocking_threads(MAX_READING_THREADS + SPARE_THREADS)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((cli.ip, cli.port))
            .await
            .map_err(|error| format!("can't listen on {}:{}: {error}", cli.ip, cli.port))?;
        // Install the handlers before the "ready" line, because a program that reads the line may send a signal at
        // once.
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let stop = async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        };
        if let Some(executable) = executable {
            tokio::spawn(watch_executable(executable));
        }
        writeln!(std::io::stdout(), "ready http://{}", listener.local_addr()?)?;
        http::serve(engine, listener, stop).await;
        Ok(())
    })
}

async fn watch_executable(executable: Arc<Executable>) {
    let mut ticks = tokio::time::interval(CHECK_INTERVAL);
    loop {
        ticks.tick().await;
        executable.replaced();
    }
}
