//! Tests of separating agents in git: the prefixes of branches, and worktrees.

use std::path::Path;
use std::process::Command;

use crate::world::World;

fn git(dir: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(dir).args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]).args(args);
    let output = git.output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A world in which the repository of `alpha` has a commit.
fn world() -> World {
    let world = World::new();
    git(&world.path("home/dev/alpha"), &["commit", "--quiet", "--allow-empty", "--message=first"]);
    world
}

#[test]
fn the_agent_gets_the_prefix_of_its_branches() {
    let world = World::new();
    let run = world.run(&["alpha"]).succeeds();
    let prefix = world.record().env["DECKWATCH_BRANCH_PREFIX"].clone();
    let host = world.record().env["DECKWATCH_AGENT"].replace("-claude-1", "");
    assert_eq!(prefix, format!("dev/{}/", host.split('.').next().unwrap()));
    assert!(run.stderr.contains(&prefix), "{}", run.stderr);
}

#[test]
fn an_agents_own_worktree_is_created_once_and_used_again() {
    let world = world();
    world.run(&["alpha", "--worktree"]).succeeds();
    let record = world.record();
    let (agent, venture) = (&record.env["DECKWATCH_AGENT"], &record.env["DECKWATCH_VENTURE"]);
    assert_eq!(record.cwd, world.path("home/dev/alpha-worktrees").join(agent));
    assert_eq!((venture.as_str(), &record.env["DECKWATCH_BRANCH_PREFIX"]), ("alpha", &format!("dev/{agent}/")));
    assert_eq!(git(&record.cwd, &["branch", "--show-current"]), format!("dev/{agent}/work"));

    git(&record.cwd, &["switch", "--quiet", "-c", "dev/mine/other"]);
    std::fs::write(record.cwd.join("unsaved"), "work").unwrap();
    world.run(&["alpha", "--worktree"]).succeeds();
    assert_eq!(world.record().cwd, record.cwd);
    assert_eq!(git(&record.cwd, &["branch", "--show-current"]), "dev/mine/other");
    assert_eq!(std::fs::read_to_string(record.cwd.join("unsaved")).unwrap(), "work");
}

#[test]
fn two_agents_get_two_worktrees_and_one_can_be_named() {
    let world = world();
    let one = world.start("one", &["alpha", "--worktree"]);
    let two = world.start("two", &["alpha", "--worktree"]);
    assert_ne!(one.record.cwd, two.record.cwd);
    world.run(&["alpha", "--worktree=fix-87"]).succeeds();
    assert_eq!(world.record().cwd, world.path("home/dev/alpha-worktrees/fix-87"));
    let agent = &world.record().env["DECKWATCH_AGENT"];
    assert_eq!(git(&world.record().cwd, &["branch", "--show-current"]), format!("dev/{agent}/fix-87"));
    // The repository itself is still found. From inside a worktree, new worktrees are created beside it.
    world.run(&["alpha"]).succeeds();
    assert_eq!(world.record().cwd, world.path("home/dev/alpha"));
    let mut inside = world.launcher(&["alpha", "--worktree=fix-88"]);
    crate::world::Run::of(inside.current_dir(&one.record.cwd)).succeeds();
    assert_eq!(world.record().cwd, world.path("home/dev/alpha-worktrees/fix-88"));
}

#[test]
fn a_removed_worktree_is_created_again_on_its_branch() {
    let world = world();
    world.run(&["alpha", "--worktree=fix"]).succeeds();
    let tree = world.record().cwd;
    git(&tree, &["commit", "--quiet", "--allow-empty", "--message=work"]);
    let commit = git(&tree, &["rev-parse", "HEAD"]);
    git(&world.path("home/dev/alpha"), &["worktree", "remove", tree.to_str().unwrap()]);
    world.run(&["alpha", "--worktree=fix"]).succeeds();
    assert_eq!(git(&tree, &["rev-parse", "HEAD"]), commit);
}

#[test]
fn an_existing_folder_that_is_no_worktree_is_not_changed() {
    let world = world();
    world.repository("home/dev/alpha-worktrees/fix", "git@github.com:example-org/alpha.js.git");
    world.run(&["alpha", "--worktree=fix"]).refuses(13, &["is not a worktree of", "--worktree=NAME"]);
    assert!(!world.path("record.pid").exists());
}

#[test]
fn a_dry_run_shows_the_worktree_and_creates_none() {
    let world = world();
    let plan = world.run(&["alpha", "--worktree", "--dry-run"]).succeeds().stdout;
    assert!(plan.contains("~/dev/alpha-worktrees/") && plan.contains("-claude-1/..."), "{plan}");
    assert!(!world.path("home/dev/alpha-worktrees").exists());
}
