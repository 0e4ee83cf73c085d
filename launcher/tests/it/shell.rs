//! Tests of completions, manual pages and help.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::world::{Run, World, found_on_path};

/// The completions of bash for these words. The last word may be incomplete.
fn offered(world: &World, words: &[&str]) -> Vec<String> {
    let script = world.run(&["completions", "bash"]).succeeds().stdout;
    world.write("elsewhere/completions.bash", &script);
    let (last, quoted) = (words.last().unwrap(), words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>());
    let ask = format!(
        "source ./completions.bash; COMP_WORDS=({}); COMP_CWORD={}; COMP_TYPE=9; function=$(complete -p launcher); \
         function=${{function#*-F }}; ${{function%% *}} launcher '{last}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words.len() - 1
    );
    let mut bash = Command::new(world.link_tool("bash"));
    bash.args(["--norc", "-c", &ask]).current_dir(world.path("elsewhere")).env_clear();
    bash.env("HOME", world.path("home")).env("PATH", world.path("bin"));
    Run::of(&mut bash).succeeds().stdout.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn bash_completes_ventures_commands_and_flags() {
    let world = World::new();
    let first = offered(&world, &["launcher", ""]);
    for expected in ["alpha", "beta", "ventures", "doctor"] {
        assert!(first.iter().any(|word| word == expected), "{expected} is not in {first:?}");
    }
    assert_eq!(offered(&world, &["launcher", "al"]), ["alpha"]);
    assert!(offered(&world, &["launcher", "alpha", "--cod"]).contains(&"--codex".to_owned()));
    world.write("home/.config/deckwatch/ventures.json", "{");
    assert!(!offered(&world, &["launcher", ""]).contains(&"alpha".to_owned()), "a file that is wrong");
}

/// The completions of fish for a command line.
fn offered_by_fish(world: &World, line: &str) -> Option<Vec<String>> {
    let fish = found_on_path("fish")?;
    let ask = format!("launcher completions fish | source; complete --do-complete '{line}'");
    let mut fish = Command::new(fish);
    fish.args(["--no-config", "--command", &ask]).current_dir(world.path("elsewhere")).env_clear();
    fish.envs(world.environment());
    let offered = Run::of(&mut fish).succeeds().stdout;
    Some(offered.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect())
}

/// A start file for zsh. With Ctrl-T at the end of a command line, zsh completes it and writes it to a file.
const ZSHRC: &str = r#"
PS1=; autoload -Uz compinit; compinit -u -D; source <(launcher completions zsh)
report() { zle complete-word; print -r -- "$BUFFER" >completed; BUFFER='print -r -- completion-end'; zle accept-line }
zle -N report; bindkey '^T' report; print -r -- zsh-is-ready
"#;

/// The command line after zsh has completed it.
fn completed_by_zsh(world: &World, line: &str) -> Option<String> {
    let zsh = found_on_path("zsh")?;
    world.write("elsewhere/.zshrc", ZSHRC);
    // The script that clap generates needs it.
    world.link_tool("expr");
    // The shell under test runs on its own terminal.
    let ask = format!(
        "zmodload zsh/zpty; zpty shell {} -d -i; zpty -r -m shell said '*zsh-is-ready*'; \
         zpty -n -w shell '{line}'$'\\x14'; zpty -r -m shell said '*completion-end*'; zpty -d shell",
        zsh.display()
    );
    let mut zsh = Command::new(&zsh);
    zsh.args(["-f", "-c", &ask]).current_dir(world.path("elsewhere")).env_clear();
    zsh.envs(world.environment()).env("TERM", "dumb").env("ZDOTDIR", world.path("elsewhere"));
    Run::of(&mut zsh).succeeds();
    Some(world.read("elsewhere/completed").trim_end().to_owned())
}

/// The places in a command line where a venture is accepted.
const PLACES: [&str; 6] = [
    "launcher al",
    "launcher --codex al",
    "launcher secrets check al",
    "launcher docs cache al",
    "launcher log --venture al",
    "launcher notes --venture al",
];

#[test]
fn each_shell_completes_ventures_in_every_place_that_accepts_one() {
    let world = World::new();
    for place in PLACES {
        let words: Vec<&str> = place.split(' ').collect();
        assert_eq!(offered(&world, &words), ["alpha"], "bash: {place}");
        match offered_by_fish(&world, place) {
            Some(offered) => assert_eq!(offered, ["alpha"], "fish: {place}"),
            None => eprintln!("skipped: fish is not installed"),
        }
        match completed_by_zsh(&world, place) {
            Some(line) => assert_eq!(line, format!("{place}pha"), "zsh: {place}"),
            None => eprintln!("skipped: zsh is not installed"),
        }
    }
    world.run(&["completions", "tcsh"]).refuses(2, &["tcsh", "bash, zsh, fish"]);
}

#[test]
fn ventures_and_agents_of_an_api_are_completed_from_the_cache_and_fast() {
    let world = World::new();
    let url = "https://context.example";
    world.write("home/.config/deckwatch/config.toml", &format!("[api]\nurl = \"{url}\"\nkey_env = \"KEY\"\n"));
    let file = "https___context.example.json";
    let gamma = r#"{"ventures": [{"code": "gamma", "name": "Gamma"}]}"#;
    world.write(&format!("home/.cache/deckwatch/ventures/{file}"), gamma);
    world.write(&format!("home/.cache/deckwatch/agents/{file}"), r#"["mac1-claude-1", "mac2-codex-1"]"#);
    assert_eq!(offered(&world, &["launcher", "log", "--venture", "ga"]), ["gamma"]);
    assert_eq!(offered(&world, &["launcher", "log", "--agent", "mac2"]), ["mac2-codex-1"]);

    let mut launcher = world.launcher(&["--", "launcher", "log", "--venture", ""]);
    launcher.env("DECKWATCH_COMPLETE", "fish");
    let fastest = (0..5).map(|_| {
        let begun = Instant::now();
        let run = Run::of(&mut launcher).succeeds();
        assert!(run.stdout.contains("gamma"), "{}", run.stdout);
        begun.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < Duration::from_millis(100), "{fastest:?}");
}

#[test]
fn every_command_has_a_manual_page_and_help_with_examples() {
    let world = World::new();
    world.run(&["man", "man1"]).succeeds();
    for verb in
        ["demo", "ventures", "ventures sync", "commands", "commands sync", "doctor", "init", "completions", "man"]
    {
        let page = world.read(&format!("elsewhere/man1/launcher-{}.1", verb.replace(' ', "-")));
        assert!(page.contains(".TH"), "{page}");
        let words: Vec<&str> = verb.split(' ').chain(["--help"]).collect();
        let help = world.run(&words).succeeds().stdout;
        assert!(help.contains("Examples") && help.contains(&format!("launcher {}", words[0])), "{help}");
    }
    let page = world.read("elsewhere/man1/launcher.1");
    assert!(page.contains("EXIT CODES") && page.contains("128+N"), "{page}");
    // Each row is a term with its text, so `man` can wrap the text at any width.
    assert!(page.contains(".TP 34\n\\fBlauncher alpha\\fR\nstart your default agent on alpha\n"), "{page}");
    assert!(page.contains(".TP 7\n\\fB12\\fR\nthere is no such venture\n"), "{page}");
    world.run(&["man", "man1/launcher.1/below"]).refuses(16, &["cannot write", "name a folder"]);
}
