//! Tests of the menu on a terminal.

#![cfg(target_os = "linux")]

use crate::terminal::Terminal;
use crate::world::World;

/// Types `keys` into the menu. Returns everything that the terminal showed, and the exit code.
fn typed(world: &World, keys: &str) -> (String, Option<i32>) {
    let mut terminal = Terminal::start(world, "launcher --dry-run");
    // The help is below the list. Keys that are typed before it appears do not reach the menu.
    terminal.at("type to filter", keys);
    terminal.end()
}

#[test]
fn typing_filters_the_ventures_and_enter_selects_one() {
    let world = World::new();
    world.repository("home/dev/beta", "git@github.com:example-org/beta.git");
    for (keys, chosen) in [("\r", "alpha (Alpha)"), ("bet\r", "beta (Beta)"), ("bta\r", "beta (Beta)")] {
        let (shown, code) = typed(&world, keys);
        assert!(shown.contains("Venture") && shown.contains(chosen), "{keys:?}: {shown}");
        assert_eq!(code, Some(0), "{shown}");
    }
}

#[test]
fn leaving_the_menu_starts_nothing() {
    let world = World::new();
    for keys in ["\u{3}", "\u{1b}"] {
        let (shown, code) = typed(&world, keys);
        assert_eq!(code, Some(130), "{shown}");
        assert!(!world.path("record.args").exists());
    }
}
