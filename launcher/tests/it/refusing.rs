//! A launch that is refused. `golden.rs` shows the error of each kind.

use crate::world::World;

#[test]
fn the_next_installed_agent_cli_is_the_default() {
    let world = World::new();
    world.remove("bin/claude");
    world.run(&["alpha"]).succeeds();
    assert_eq!(world.record().env["DECKWATCH_CLIENT"], "gemini");
}

#[test]
fn a_refused_launch_writes_nothing() {
    let world = World::new();
    world.remove("bin/deckwatch-mcp");
    let before = world.home_files();
    for args in [&["alpha"][..], &["gamma"], &["beta"]] {
        assert_ne!(world.run(args).code, Some(0));
    }
    assert_eq!(world.home_files(), before);
}
