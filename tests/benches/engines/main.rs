//! Measures the engines: `scripts/bench` says how to run it.
//!
//! Each figure stands beside the least that its disk or database needs, measured in the same run, because machines differ.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed measurement panics")]

mod comparison;
mod day;
mod embedded;
mod load;
#[cfg(target_os = "linux")]
mod ratios;
mod report;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: engines [--json] [--worker | --only-worker] [--seconds N] [--ratios] [--before CHECKOUT]";

/// The engines to measure.
#[derive(PartialEq)]
enum Engines {
    Embedded,
    Worker,
    Both,
}

struct Options {
    json: bool,
    engines: Engines,
    /// The time of the load test.
    seconds: u64,
    /// Whether only the bounds are measured that hold on every machine.
    ratios: bool,
    /// A checkout of another commit to compare with, with its built programs.
    before: Option<PathBuf>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self { json: false, engines: Engines::Embedded, seconds: 10, ratios: false, before: None };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => options.json = true,
                "--ratios" => options.ratios = true,
                "--worker" => options.engines = Engines::Both,
                "--only-worker" => options.engines = Engines::Worker,
                "--seconds" => options.seconds = arguments.next()?.parse().ok()?,
                "--before" => options.before = Some(arguments.next()?.into()),
                // Cargo adds this argument.
                "--bench" => {}
                _ => return None,
            }
        }
        Some(options)
    }
}

// One thread, because the engine runs on the same processors.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(options) = Options::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut figures = Vec::new();
    if let Some(before) = &options.before {
        if options.engines != Engines::Worker {
            figures.extend(comparison::embedded(before).await);
        }
        if options.engines != Engines::Embedded {
            figures.extend(comparison::worker(before).await);
        }
        report::print(&figures, options.json, true);
        return ExitCode::SUCCESS;
    }
    if options.engines != Engines::Worker {
        #[cfg(target_os = "linux")]
        figures.extend(ratios::figures().await);
        #[cfg(not(target_os = "linux"))]
        eprintln!("The ratios of the embedded engine are not measured: they need /proc and LD_PRELOAD of Linux.");
        if !options.ratios {
            figures.extend(embedded::figures(Duration::from_secs(options.seconds)).await);
        }
    }
    if options.engines != Engines::Embedded {
        figures.extend(worker::figures().await);
    }
    if report::print(&figures, options.json, options.ratios) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
