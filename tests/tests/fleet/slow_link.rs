//! A person in a tmux of their own, over a link with a round trip of 200 ms.

use std::time::Instant;

use crate::terminal::Terminal;
use crate::world::{NEAR, World, id_in, wait_until};

/// A host behind a slow link, with the settings of tmux of the fleet.
fn slow_world() -> World {
    let world = World::start(&["server1"]);
    let near = world.host(NEAR);
    near.write("delay.py", include_str!("delay.py"));
    near.write(".ssh/config", "Host server1\n  ProxyCommand python3 ~/delay.py %h %p\n");
    world.launcher(&["fleet", "tmux", "server1"]).ok();
    world
}

#[test]
fn a_session_over_a_slow_link_takes_keys_follows_the_size_and_shows_its_colours() {
    let world = slow_world();
    let server = world.host("server1");
    let read = |file: &str| std::fs::read_to_string(server.path(file)).unwrap_or_default();
    for (round, line) in ["launcher alpha --on server1", "launcher attach server1:alpha"].into_iter().enumerate() {
        let begun = Instant::now();
        let terminal = Terminal::start(world.near(), line);
        terminal.wait_for("the agent is here ✓ 日本");
        println!("FIGURE {line} shows the agent after {:?}", begun.elapsed());
        assert!(terminal.colours().contains("38;2;255;100;0m✓ 日本"), "{:?}", terminal.colours());
        assert!(terminal.screen().contains("[server1] deckwatch-alpha"), "{}", terminal.screen());

        let typed = read("typed");
        let begun = Instant::now();
        terminal.type_keys(&["hällo $(id)", "Up", "Escape", "x", "Enter"]);
        let expected = format!("{typed}hällo $(id)\u{1b}[A\u{1b}x\n");
        wait_until("keys do not arrive", || read("typed") == expected, || format!("{:?}", read("typed")));
        println!("FIGURE keys arrive after {:?}", begun.elapsed());
        let (columns, lines) = if round == 0 { (120, 40) } else { (60, 20) };
        terminal.resize(columns, lines);
        // One line is the status bar of the session's tmux.
        let size = format!("{columns}x{}", lines - 1);
        wait_until("the size does not follow", || read("size") == size, || read("size"));

        terminal.type_keys(&["C-b", "d"]);
        terminal.wait_for("it ended with 0");
        let listed = server.run("tmux", &["list-sessions", "-F", "#{session_name} #{session_attached}"], "", &[]);
        assert_eq!(listed.stdout, "deckwatch-alpha 0\n");
        terminal.end();
    }
}

#[test]
fn a_run_over_a_slow_link_is_left_and_shown_again_on_a_terminal() {
    let world = slow_world();
    let terminal = Terminal::start(world.near(), "launcher run alpha --on server1 -p 'count 80 0.1'");
    terminal.wait_for("{\"n\": 3}");
    terminal.type_keys(&["C-c"]);
    terminal.wait_for("it ended with 130");
    // The terminal breaks long lines.
    let id = id_in(&terminal.screen().replace('\n', ""));
    terminal.end();
    let terminal = Terminal::start(world.near(), &format!("launcher attach {id}"));
    terminal.wait_for("{\"n\": 79}");
    terminal.wait_for("it ended with 0");
    assert!(!terminal.screen().contains("{\"n\": 3}"), "{}", terminal.screen());
    terminal.end();
}
