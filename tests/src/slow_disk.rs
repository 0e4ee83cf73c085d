//! A disk on which each sync takes longer, so that the time of a program is the time of its syncs.

use std::ffi::OsString;
use std::sync::LazyLock;
use std::time::Duration;

use crate::preload::Library;

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::compile("slow_disk"));

/// The variables for a program whose syncs each take `delay` longer.
pub fn slow_disk(delay: Duration) -> Vec<(&'static str, OsString)> {
    vec![
        ("LD_PRELOAD", LIBRARY.path.clone().into_os_string()),
        ("SLOW_DISK_MICROSECONDS", delay.as_micros().to_string().into()),
    ]
}
