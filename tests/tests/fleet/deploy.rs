//! `launcher fleet deploy`.
//!
//! The checkout on a host is a small repository with the manifests of two crates and a `scripts/start` that records its
//! calls and installs a program that names its commit. Its origin is a bare repository on the host's disk.

use std::time::{Duration, Instant};

use deckwatch_tests::{Fleet, Host, HostOutput};

use crate::machines_file::{by_name, launcher, machines, start};

const CHECKOUT: &str = r#"
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.c GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.c
git init -q --bare -b main origin.git
git clone -q origin.git deckwatch 2>/dev/null
cd deckwatch
git switch -q -c main
mkdir -p launcher mcp-server scripts ../programs ../.local/state/deckwatch
printf '[package]\nname = "deckwatch-launcher"\n' >launcher/Cargo.toml
printf '[package]\nname = "deckwatch-mcp-server"\n' >mcp-server/Cargo.toml
touch Cargo.toml
cat >scripts/start <<'SCRIPT'
#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
echo "$*" >>~/builds
printf 'start: building \e[31m%s\n' "$PWD" >&2
[[ ! -e ~/slow ]] || sleep 1000
[[ ! -e ~/broken ]] || { echo 'error[E0308]: mismatched types' >&2; exit 101; }
commit=$(git rev-parse --short=12 HEAD)
printf '#!/bin/sh\necho "deckwatch-mcp 0.1.0 (%s)"\n' "$commit" >"$DECKWATCH_BIN/.new"
chmod 755 "$DECKWATCH_BIN/.new"
mv -f "$DECKWATCH_BIN/.new" "$DECKWATCH_BIN/deckwatch-mcp"
SCRIPT
chmod 755 scripts/start
git add -A
git commit -q -m one
git push -q -u origin main
cp /bin/sleep ../programs/deckwatch-mcp
printf 'checkout=%s\nprograms=%s\n' ~/deckwatch ~/programs >../.local/state/deckwatch/install
# Another machine pushes a commit.
git clone -q ../origin.git ../other
cd ../other
echo two >two.txt
git add -A
git commit -q -m two
git push -q
"#;

/// Runs a script in the checkout of a host.
fn in_checkout(host: &Host, script: &str) -> String {
    let identity = "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.c GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.c";
    host.run("bash", &["-euc", &format!("{identity}\ncd deckwatch\n{script}")], "", &[]).ok().trim().to_owned()
}

/// A fleet whose hosts have a checkout that lacks one commit, each changed by its script.
fn with_checkouts(hosts: &[(&str, &str)]) -> Fleet {
    let names: Vec<&str> = hosts.iter().map(|(name, _)| *name).collect();
    let fleet = start(&names);
    for (name, change) in hosts {
        fleet.host(name).run("bash", &["-euc", CHECKOUT], "", &[]).ok();
        in_checkout(fleet.host(name), change);
    }
    fleet
}

fn builds(host: &Host) -> String {
    std::fs::read_to_string(host.path("builds")).unwrap_or_default()
}

/// Everything in the checkout that a deploy must not change, files and refs.
fn state(host: &Host) -> String {
    in_checkout(
        host,
        "git status --porcelain --branch; git rev-parse HEAD; git stash list; cat ./*.txt Cargo.toml 2>/dev/null || true",
    )
}

#[test]
fn machines_are_updated_at_once_and_what_would_lose_something_is_skipped() {
    let fleet = with_checkouts(&[
        ("behind", ""),
        ("dirty", "echo change >>Cargo.toml"),
        ("diverged", "echo mine >mine.txt; git add -A; git commit -q -m mine"),
        ("detached", "git switch -q --detach"),
        ("in-the-way", "echo precious >two.txt"),
        ("no-upstream", "git branch --unset-upstream"),
        ("merging", "git rev-parse HEAD >.git/MERGE_HEAD"),
        ("broken", "touch ~/broken"),
        ("newest", "git pull -q; DECKWATCH_BIN=~/programs scripts/start; rm ~/builds"),
    ]);
    let moved = fleet.host("diverged").path("deckwatch/mine.txt");
    let names = ["dirty", "diverged", "detached", "in-the-way", "no-upstream", "merging"];
    let before = names.map(|name| state(fleet.host(name)));
    let (output, took) = launcher(&fleet, &["fleet", "deploy", "--json"]);
    println!("nine machines took {took:?}");
    let machine = by_name(&output);
    assert_eq!(output.code, Some(30), "{output:?}");

    let behind = fleet.host("behind");
    let newest = in_checkout(behind, "git rev-parse origin/main");
    assert_eq!(machine("behind")["result"]["outcome"], "deployed", "{}", machine("behind"));
    assert_eq!(machine("behind")["result"]["to"], newest.as_str());
    assert_eq!(
        (in_checkout(behind, "git rev-parse HEAD"), builds(behind)),
        (newest.clone(), "--install-only\n".to_owned())
    );
    assert_eq!(machine("newest")["result"]["outcome"], "current", "{}", machine("newest"));
    assert_eq!(builds(fleet.host("newest")), "");

    for (name, reason) in [
        ("dirty", "dirty"),
        ("diverged", "diverged"),
        ("detached", "detached"),
        ("in-the-way", "blocked"),
        ("no-upstream", "no_upstream"),
        ("merging", "unfinished"),
    ] {
        let result = &machine(name)["result"];
        assert_eq!((&result["outcome"], &result["reason"]), (&"skipped".into(), &reason.into()), "{name}: {result}");
        assert!(result["message"].as_str().unwrap().contains("deckwatch"), "{name}: {result}");
        assert_eq!(builds(fleet.host(name)), "", "{name}");
    }
    assert!(moved.exists());
    let untouched = |text: &str| text.replace(", behind 1", "").replace(" [behind 1]", "");
    for (name, before) in names.iter().zip(before) {
        assert_eq!(untouched(&state(fleet.host(name))), untouched(&before), "{name}");
    }

    let broken = &machine("broken")["result"];
    assert_eq!((&broken["outcome"], &broken["step"]), (&"failed".into(), &"build".into()), "{broken}");
    let message = broken["message"].as_str().unwrap();
    assert!(message.contains("mismatched types") && message.ends_with("before are unchanged"), "{message}");
    let installed = fleet.host("broken").path("programs/deckwatch-mcp");
    assert_eq!(std::fs::read(installed).unwrap(), std::fs::read("/bin/sleep").unwrap());

    // Lines of the build come while it runs, cleaned.
    assert!(output.stderr.contains("launcher: behind: start: building /home/"), "{}", output.stderr);
    assert!(!output.stderr.contains('\x1b'), "{}", output.stderr);

    // A second run has nothing to do, and builds again what failed.
    std::fs::remove_file(fleet.host("broken").path("broken")).unwrap();
    let (code, machine) = machines(&fleet, &["fleet", "deploy", "behind", "broken"]);
    assert_eq!(code, Some(0));
    assert_eq!(machine("behind")["result"]["outcome"], "current");
    assert_eq!(machine("broken")["result"]["outcome"], "deployed");
    assert_eq!((builds(behind).lines().count(), builds(fleet.host("broken")).lines().count()), (1, 2));
    let (output, _) = launcher(&fleet, &["fleet", "deploy", "dirty"]);
    assert_eq!(output.code, Some(31));
    assert!(output.stdout.contains("skipped") && output.stdout.contains("commit or stash them"), "{}", output.stdout);
}

#[test]
fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let fleet = with_checkouts(&[("behind", ""), ("dirty", "echo change >>Cargo.toml"), ("fetched", "git fetch -q")]);
    let mac = fleet.host("behind");
    mac.share(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts")), "/run/scripts");
    let all = |host: &Host| {
        in_checkout(host, "git for-each-ref; git rev-parse HEAD; find .git ~/programs ~/.local/state -type f | sort")
    };
    let before = fleet.hosts().iter().map(all).collect::<Vec<_>>();
    let output: HostOutput = mac.run("/run/scripts/deploy-mcp.sh", &["--json"], "", &[("DRY_RUN", "true")]);
    let machine = by_name(&output);
    assert_eq!(output.code, Some(30));
    let planned = &machine("behind")["result"];
    assert_eq!((&planned["outcome"], &planned["commits"]), (&"planned".into(), &serde_json::Value::Null), "{planned}");
    assert_eq!(machine("fetched")["result"]["commits"], 1);
    assert_eq!(machine("dirty")["result"]["reason"], "dirty");
    assert_eq!(fleet.hosts().iter().map(all).collect::<Vec<_>>(), before);
    assert_eq!(builds(mac), "");
}

#[test]
fn servers_of_the_old_build_are_named_with_how_to_restart_them() {
    let fleet = with_checkouts(&[("mac1", "")]);
    let mac = fleet.host("mac1");
    let variables = [("DECKWATCH_AGENT", "mac1-claude-1"), ("DECKWATCH_CLIENT", "claude")];
    let program = format!("{}/programs/deckwatch-mcp", mac.home());
    let mut server = mac.command(&program, &["1000"], &variables).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while mac.run("pgrep", &["-x", "deckwatch-mcp"], "", &[]).code != Some(0) {
        assert!(Instant::now() < deadline, "the server did not start");
    }
    let (output, _) = launcher(&fleet, &["fleet", "deploy"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.contains("deckwatch-mcp of mac1-claude-1 (process "), "{}", output.stdout);
    assert!(
        output.stdout.contains("type /mcp in Claude Code, select deckwatch, and choose Reconnect."),
        "{}",
        output.stdout
    );
    let (_, machine) = machines(&fleet, &["fleet", "health"]);
    assert_eq!(machine("mac1")["report"]["old_servers"]["value"][0]["agent"], "mac1-claude-1");
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_running_build_and_a_machine_that_goes_down_end_only_their_own_deploy() {
    let fleet =
        with_checkouts(&[("mac1", ""), ("busy", ""), ("down", "touch ~/slow"), ("cargo", "mkdir -p target/release")]);
    let lock = |host: &Host, file: &str| {
        let holder = host.command("flock", &[file, "sh", "-c", "touch ~/locked; sleep 1000"], &[]).spawn().unwrap();
        while !host.path("locked").exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        holder
    };
    let mut holders = [
        lock(fleet.host("busy"), ".local/state/deckwatch/install.lock"),
        lock(fleet.host("cargo"), "deckwatch/target/release/.cargo-lock"),
    ];
    let down = fleet.host("down");
    let (output, took) = std::thread::scope(|scope| {
        let deploy = scope.spawn(|| launcher(&fleet, &["fleet", "deploy", "--json"]));
        while builds(down).is_empty() {
            assert!(!deploy.is_finished());
            std::thread::sleep(Duration::from_millis(10));
        }
        down.cut();
        deploy.join().unwrap()
    });
    println!("a machine that went down was noticed after {took:?}");
    let machine = by_name(&output);
    assert_eq!(output.code, Some(30), "{output:?}");
    assert_eq!(machine("mac1")["result"]["outcome"], "deployed", "{}", machine("mac1"));
    for name in ["busy", "cargo"] {
        assert_eq!(machine(name)["result"]["reason"], "busy", "{}", machine(name));
        assert_eq!(builds(fleet.host(name)), "");
    }
    assert_eq!(machine("down")["failure"]["kind"], "lost", "{}", machine("down"));
    for holder in &mut holders {
        holder.kill().unwrap();
        holder.wait().unwrap();
    }
}
