//! Writes the log to the console, which `wrangler tail` and Workers Logs read. The runtime writes panics there too.

use log::{Level, LevelFilter, Log, Metadata, Record};
use worker::{console_error, console_log, console_warn};

struct Console;

static CONSOLE: Console = Console;

/// Sends log records to the console.
pub(crate) fn install() {
    // Only a second call can fail, and it would install the same logger.
    if log::set_logger(&CONSOLE).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

impl Log for Console {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.level() <= LevelFilter::Info
    }

    fn log(&self, record: &Record) {
        match record.level() {
            Level::Error => console_error!("{}", record.args()),
            Level::Warn => console_warn!("{}", record.args()),
            Level::Info | Level::Debug | Level::Trace => console_log!("{}", record.args()),
        }
    }

    fn flush(&self) {}
}
