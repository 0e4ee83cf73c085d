//! `deckwatch-server`: the Context API on SQLite, on loopback unless told otherwise.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use clap::{Parser, Subcommand};
use deckwatch_api::{COMMIT, Engine, Settings};
use deckwatch_server::{Embedded, Executable, backup, http};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Between two looks at the file of this program: an update is logged also where nobody asks for `/health`.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// The version and the commit, as `deckwatch-mcp` names them.
static VERSION: LazyLock<String> = LazyLock::new(|| format!("{} ({COMMIT})", env!("CARGO_PKG_VERSION")));
/// What this program says to `--version`.
static NAME_AND_VERSION: LazyLock<String> = LazyLock::new(|| format!("deckwatch-server {}", *VERSION));

/// Serves the Context API from a SQLite file
///
/// Keys come from `CONTEXT_API_KEY` and `ADMIN_API_KEY` (16 to 256 visible characters); without one, whoever
/// would need it is refused. `CONTEXT_API_KEY_PREVIOUS` and `ADMIN_API_KEY_PREVIOUS` go on being taken while a key is
/// changed for another. `RATE_LIMIT_PER_MINUTE` changes the 100 requests a minute of an actor;
/// `AUTO_APPROVE_MACHINES=true` uses machines without an admin's approval.
#[derive(Parser)]
#[command(name = "deckwatch-server", version = VERSION.as_str())]
struct Cli {
    /// Folder of the database `context.db`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(subcommand)]
    instead: Option<Instead>,
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Address to listen on; anything but loopback belongs behind TLS
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    ip: IpAddr,
}

/// What can be done in place of serving.
#[derive(Subcommand)]
enum Instead {
    /// Writes the whole database into FILE, also while it is in use
    Export {
        /// A file that is not there yet
        file: PathBuf,
    },
    /// Makes the database from FILE, where none is yet
    Restore {
        /// A file that `export` wrote
        file: PathBuf,
    },
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
    match &cli.instead {
        Some(Instead::Export { file }) => return Ok(backup::export(&database, file)?),
        Some(Instead::Restore { file }) => return Ok(backup::restore(file, &database)?),
        None => {}
    }
    let settings = Settings::from_vars(Engine::Embedded, |name| std::env::var(name).ok())?;
    let engine = Embedded::open(&database, settings)?;
    let executable = Executable::running(&NAME_AND_VERSION).map(Arc::new);
    if let Some(executable) = executable.clone() {
        engine.set_notice(move || executable.replaced());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((cli.ip, cli.port))
            .await
            .map_err(|error| format!("can't listen on {}:{}: {error}", cli.ip, cli.port))?;
        // Before the line that says ready: whoever reads it may send a signal at once.
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let stop = async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        };
        if let Some(executable) = executable {
            tokio::spawn(keep_looking(executable));
        }
        writeln!(std::io::stdout(), "ready http://{}", listener.local_addr()?)?;
        http::serve(engine, listener, stop).await;
        Ok(())
    })
}

async fn keep_looking(executable: Arc<Executable>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        executable.replaced();
    }
}
