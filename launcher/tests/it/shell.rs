//! What the launcher gives a shell: completions that know the ventures, manual pages, help.

use std::process::Command;

use crate::world::{Run, World};

/// What bash offers after these words, of which the last may be unfinished.
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
fn bash_completes_the_ventures_the_verbs_and_the_flags() {
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

#[test]
fn zsh_and_fish_get_scripts_of_their_own() {
    let world = World::new();
    let zsh = world.run(&["completions", "zsh"]).succeeds().stdout;
    assert!(zsh.contains("#compdef launcher") && zsh.contains("DECKWATCH_COMPLETE"), "{zsh}");
    let fish = world.run(&["completions", "fish"]).succeeds().stdout;
    assert!(fish.contains("complete") && fish.contains("DECKWATCH_COMPLETE"), "{fish}");
    world.run(&["completions", "tcsh"]).refuses(2, &["tcsh", "bash, zsh, fish"]);
}

#[test]
fn every_verb_has_a_manual_page_and_help_with_examples() {
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
    assert!(page.contains("Exit codes") && page.contains("128+N"), "{page}");
    world.run(&["man", "man1/launcher.1/below"]).refuses(16, &["cannot write", "name a folder"]);
}
