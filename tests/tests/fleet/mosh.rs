//! `dev-session` over Mosh, with the real programs, between two hosts.

use std::time::Instant;

use crate::terminal::Terminal;
use crate::world::{World, wait_until};

#[test]
fn a_session_over_mosh_goes_on_after_the_link_was_cut() {
    let world = World::start(&["server1"]);
    let server = world.host("server1");
    world.install_dev_session("server1");
    let target = format!("{}@{}", server.user(), server.address());
    let begun = Instant::now();
    let terminal = Terminal::start(world.near(), &format!("mosh {target} -- .local/bin/dev-session alpha"));
    terminal.wait_for("the agent is here");
    println!("FIGURE from mosh to the agent: {:?}", begun.elapsed());
    let agents = || server.run("pgrep", &["-f", "bin/claude"], "", &[]).stdout;
    let agent = agents();
    let typed = || std::fs::read_to_string(server.path("typed")).unwrap_or_default();
    terminal.type_keys(&["before", "Enter"]);
    wait_until("keys do not arrive", || typed() == "before\n", || terminal.screen());
    server.cut();
    terminal.type_keys(&["during", "Enter"]);
    // Mosh says so after about 6 seconds.
    terminal.wait_for("Last contact");
    assert_eq!(typed(), "before\n");
    server.join();
    let joined = Instant::now();
    wait_until("the session does not go on", || typed() == "before\nduring\n", || terminal.screen());
    println!("FIGURE from the link to the key: {:?}", joined.elapsed());
    terminal.wait_for("during");
    assert_eq!(agents(), agent, "the agent was not ended");
}
