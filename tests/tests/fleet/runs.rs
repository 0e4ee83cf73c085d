//! Headless agents on other hosts.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{KEY, World, events, id_in, install, state_of};

const ON: [&str; 4] = ["run", "alpha", "--on", "server1"];

fn with<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&ON[..], args].concat()
}

#[test]
fn a_headless_agent_streams_its_events_and_its_exit_code() {
    let world = World::start(&["server1"]);
    let started = Instant::now();
    let mut child = world.spawn(&with(&["-p", "count 3 0.3"]));
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    println!("FIGURE start to first event: {:?}", started.elapsed());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(events(&(first + &rest)), [json!({"n": 0}), json!({"n": 1}), json!({"n": 2})]);
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let failed = world.launcher(&with(&["-p", "exit 7", "--json"]));
    assert_eq!(failed.code, Some(7), "{}", failed.stderr);
    assert!(failed.stderr.contains("a message"), "{}", failed.stderr);
    let last = &events(&failed.stdout)[0];
    assert_eq!((&last["state"], &last["exit_code"], &last["failure"]), (&json!("ended"), &json!(7), &json!(null)));
}

#[test]
fn a_link_that_breaks_twenty_times_loses_no_event_and_doubles_none() {
    let world = World::start(&["server1"]);
    let child = world.spawn(&with(&["-p", "count 600 0.1"]));
    let server = world.host("server1");
    std::thread::sleep(Duration::from_secs(2));
    for time in 0..20 {
        server.cut();
        // A connection survives a short cut; every other time, it is closed too, as by a router that forgets it.
        if time % 2 == 0 {
            world.near().run_as_root("pkill -KILL -x ssh || true", &[]).ok();
        }
        // One cut is so long that the connection is given up.
        std::thread::sleep(if time == 10 { Duration::from_secs(14) } else { Duration::from_millis(800) });
        server.join();
        std::thread::sleep(Duration::from_millis(1200));
    }
    let output = child.wait_with_output().unwrap();
    let (text, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let numbers: Vec<u64> = events(&text).iter().map(|event| event["n"].as_u64().unwrap()).collect();
    println!("FIGURE 20 cuts: {} events, {} new connections", numbers.len(), said.matches("connecting again").count());
    assert_eq!(numbers, (0..600).collect::<Vec<_>>(), "{said}");
    assert_eq!(output.status.code(), Some(0));
    assert!(said.matches("connecting again").count() >= 10, "{said}");
}

#[test]
fn an_agent_outlives_its_viewer_and_attach_shows_what_was_missed() {
    let world = World::start(&["server1"]);
    let mut child = world.spawn(&with(&["-p", "count 60 0.1"]));
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut seen = String::new();
    for _ in 0..10 {
        output.read_line(&mut seen).unwrap();
    }
    world.near().run_as_root("pkill -KILL -x launcher", &[]).ok();
    child.wait().unwrap();
    output.read_to_string(&mut seen).unwrap();
    let id = world.runs()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.wait_for(&id, "ended")["state"], json!({"ended": {"exit_code": 0}}));

    let offset = seen.len().to_string();
    let missed = world.launcher(&["attach", &id, "--offset", &offset]).ok();
    let numbers: Vec<u64> = events(&(seen + &missed)).iter().map(|event| event["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..60).collect::<Vec<_>>());
    assert_eq!(world.launcher(&["attach", &id]).ok(), "", "everything was shown");
    assert_eq!(events(&world.launcher(&["attach", &id, "--from-start"]).ok()).len(), 60);
}

#[test]
fn ctrl_c_leaves_the_agent_at_work_and_stop_ends_it() {
    let world = World::start(&["server1"]);
    let mut child = world.spawn(&with(&["-p", "stubborn"]));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    world.near().run_as_root("pkill -INT -x launcher", &[]).ok();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    let id = id_in(&said);
    assert!(said.contains(&format!("launcher attach {id}")) && said.contains(&format!("launcher stop {id}")), "{said}");

    let listed = world.launcher(&["ps"]).ok();
    assert!(listed.contains(&id) && listed.contains("running") && listed.contains("claude"), "{listed}");
    let started = Instant::now();
    let stopped = world.launcher(&["stop", &id]);
    assert!(stopped.stderr.contains("was stopped"), "{}", stopped.stderr);
    // The agent ignores the signal that asks it to end, so it is killed after 10 seconds.
    assert!(started.elapsed() > Duration::from_secs(9) && started.elapsed() < Duration::from_secs(20));
    assert_eq!(world.wait_for(&id, "stopped")["state"], json!({"stopped": {"exit_code": 137}}));
    let again = world.launcher(&["stop", "server1:alpha"]);
    assert_eq!(again.code, Some(40), "{}", again.stderr);
    assert!(world.launcher(&["ps"]).ok().contains("no agents"));
}

#[test]
fn output_is_bounded_and_what_was_dropped_is_said() {
    let world = World::start(&["server1"]);
    let done = world.launcher(&with(&["-p", "big 100", "--json"]));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let (output, last) = done.stdout.trim_end().rsplit_once('\n').unwrap();
    let last = &events(last)[0];
    let (kept, dropped) = (last["output_bytes"].as_u64().unwrap(), last["dropped_bytes"].as_u64().unwrap());
    let line = output.find('\n').unwrap() as u64 + 1;
    assert!(kept <= 64 * 1024 * 1024 && kept > 63 * 1024 * 1024 && kept % line == 0, "{kept}");
    assert_eq!(output.len() as u64 + 1, kept);
    assert_eq!(kept + dropped, 100 * 1024 * 1024 / line * line);
    assert!(done.stderr.contains(&format!("{dropped} bytes were dropped")), "{}", done.stderr);
}

#[test]
fn keys_and_prompts_are_in_no_command_line_and_in_no_file() {
    let world = World::start(&["server1"]);
    let server = world.host("server1");
    let prompt = "sleep marker-of-the-prompt";
    let id = world.launcher(&with(&["--detach", "-p", prompt])).ok();
    world.wait_for(id.trim(), "running");
    let found = server.run_as_root(SEARCH, &[&split(KEY), &split("marker-of-the-prompt")]);
    assert_eq!(found.code, Some(0), "{}", found.stdout);
    // The agent has the key.
    let facts = events(&world.launcher(&with(&["-p", "facts"])).ok());
    assert_eq!(facts[0]["env"]["ANTHROPIC_API_KEY"], KEY);
    assert_eq!(facts[0]["env"].get("DECKWATCH_LAUNCH_REQUEST"), None);
    assert_eq!(facts[0]["env"]["DECKWATCH_VENTURE"], "alpha");
    assert_eq!(facts[0]["cwd"], format!("{}/dev/alpha", server.home()));
}

/// Fails if one of the words is in a command line or in a file of the users. A mark keeps it from finding itself.
pub(crate) const SEARCH: &str = "words=$(printf '%s\\n' \"${1//_/}\" \"${2//_/}\")
if cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -a -F -f <(printf '%s' \"$words\"); then exit 1; fi
if grep -r -a -F -f <(printf '%s' \"$words\") /home /tmp; then exit 2; fi";

/// A word with a mark in it, so that a search for the word does not find itself.
pub(crate) fn split(word: &str) -> String {
    let (first, rest) = word.split_at(3);
    format!("{first}_{rest}")
}

#[test]
fn hostile_values_arrive_as_they_are() {
    let world = World::start(&["server1"]);
    let hostile = "-x $(touch /tmp/owned) `id` \"'\n\\ ; & | \u{1f980}";
    let done = events(&world.launcher(&with(&["-p", hostile, "--model", hostile, "--", "--tools", hostile])).ok());
    assert_eq!(done[0]["prompt"], hostile);
    let args: Vec<&str> = done[0]["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    let model = format!("--model={hostile}");
    assert!(args.contains(&model.as_str()) && args.ends_with(&["--tools", hostile]), "{args:?}");

    let long = format!("\u{1}{}", "x".repeat(300 * 1024));
    let done = events(&world.launcher_with(&ON, &long).ok());
    assert_eq!(done[0]["prompt"].as_str().unwrap().len(), long.len());
    let folder = "~/work/a b $(touch owned)\n-c";
    let done = events(&world.launcher(&with(&["-p", "facts", "--cwd", folder])).ok());
    assert_eq!(done[0]["cwd"], folder.replace('~', &world.host("server1").home()), "the folder was made");
    for venture in ["a;b", "$(x)", "-alpha", "../alpha", &"a".repeat(300)] {
        assert_eq!(world.launcher(&["run", "--on", "server1", "-p", "x", "--", venture]).code, Some(2), "{venture}");
    }
    let server = world.host("server1");
    assert_eq!(server.run_as_root("ls /tmp/owned /home/*/owned 2>/dev/null | wc -l", &[]).ok(), "0\n");
}

#[test]
fn failures_are_told_apart_in_text_in_json_and_by_exit_code() {
    let world = World::start(&["server1", "server2"]);
    let server = world.host("server1");
    let failed = |args: &[&str], code: i32, kind: &str, said: &str| {
        let run = world.launcher(&[&["run"], args, &["-p", "count 1 0", "--json"]].concat());
        assert_eq!(run.code, Some(code), "{args:?} {}", run.stderr);
        assert_eq!(events(&run.stdout)[0]["failure"]["kind"], kind, "{args:?}");
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    };
    failed(&["alpha", "--on", "server1", "--codex"], 35, "agent_missing", "Codex CLI is not installed");
    failed(&["beta", "--on", "server1"], 36, "venture_missing", "beta");
    failed(&["gamma", "--on", "server1"], 36, "venture_missing", "gamma");
    failed(&["alpha", "--on", "server1", "--cwd", "relative"], 37, "workspace", "must start with /");
    failed(&["alpha", "--on", "server1", "--cwd", "/proc/no"], 37, "workspace", "can't be made");
    server.write(".config/deckwatch/config.toml", "[fleet]\nmax_agents = 0\n");
    failed(&["alpha", "--on", "server1", "--cwd", "relative"], 39, "full", "its limit is 0");
    server.write(".ssh/authorized_keys", "");
    failed(&["alpha", "--on", "server1"], 34, "authentication", "does not accept your SSH key");
    world.host("server2").stop();
    failed(&["alpha", "--on", "server2"], 33, "unreachable", "can't be reached");
    assert_eq!(world.launcher(&["run", "alpha", "--on", "server9", "-p", "x"]).code, Some(29));
}

#[test]
fn a_host_that_goes_down_while_the_agent_runs_is_lost() {
    let world = World::start(&["server1"]);
    let mut child = world.spawn(&with(&["-p", "count 1000 0.1", "--reconnect-for", "6", "--json"]));
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    output.read_line(&mut text).unwrap();
    world.host("server1").stop();
    output.read_to_string(&mut text).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(38), "{said}");
    assert!(said.contains("was lost while it ran"), "{said}");
    assert_eq!(events(&text).last().unwrap()["failure"]["kind"], "lost");

    let listed = world.launcher(&["ps", "--json", "--all"]);
    assert_eq!(listed.code, Some(31));
    world.host("server1").start();
    let run = &world.runs()[0];
    assert_eq!(state_of(run), "interrupted");
    let id = run["id"].as_str().unwrap();
    let attached = world.launcher(&["attach", id, "--from-start"]);
    assert_eq!(attached.code, Some(38), "{}", attached.stderr);
    assert!(attached.stdout.starts_with("{\"n\": 0}"), "what it wrote is still there");
    // A machine that is off shows its last answer.
    world.host("server1").stop();
    let listed = world.launcher(&["ps", "--all"]);
    assert!(listed.stdout.contains(id) && listed.stdout.contains("stale: as of"), "{}", listed.stdout);
}

#[test]
fn a_supervised_agent_is_started_again_a_bounded_number_of_times() {
    let world = World::start(&["server1"]);
    let done = world.launcher(&with(&["--supervise", "-p", "crash 2"]));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(events(&done.stdout).len(), 3);
    assert!(done.stderr.contains("started again, attempt 2"), "{}", done.stderr);
    let run = world.runs().pop().unwrap();
    assert_eq!(run["restarts"], 2);
    let bounded = world.launcher(&with(&["--supervise", "-p", "crash 100"]));
    assert_eq!((bounded.code, events(&bounded.stdout).len()), (Some(137), 6), "{}", bounded.stderr);
    let once = world.launcher(&with(&["-p", "crash 100"]));
    assert_eq!(once.code, Some(137), "without --supervise it is not started again");
}

#[test]
fn when_the_machine_is_full_runs_wait_in_order_and_say_so() {
    let world = World::start(&["server1"]);
    world.host("server1").write(".config/deckwatch/config.toml", "[fleet]\nmax_agents = 1\n");
    let first = world.launcher(&with(&["--detach", "-p", "count 40 0.1"])).ok();
    let second = world.launcher(&with(&["--detach", "-p", "count 1 0"]));
    assert!(second.stderr.contains("waits for a place"), "{}", second.stderr);
    let third = world.launcher(&with(&["-p", "count 2 0"]));
    assert!(third.stderr.contains("waits for a place") && third.stderr.contains("has a place"), "{}", third.stderr);
    assert_eq!(events(&third.stdout).len(), 2);
    let runs = world.runs();
    let at = |id: &str, field: &str| {
        let run = runs.iter().find(|run| run["id"] == id.trim()).unwrap();
        run[field].as_str().unwrap().to_owned()
    };
    assert!(at(&first, "ended_at") <= at(&second.stdout, "started_at"), "{runs:#?}");
    assert!(at(&second.stdout, "ended_at") <= at(&id_in(&third.stderr), "started_at"), "{runs:#?}");
}

#[test]
fn in_a_sandbox_an_agent_reads_only_its_own_folders() {
    let world = World::start(&["server1"]);
    let server = world.host("server1");
    install(server, "beta");
    server.write("dev/beta/secret.txt", "of another tenant");
    server.write(".ssh/id_ed25519", "a key");
    server.write(".claude/projects/-home-beta/one.jsonl", "a conversation");
    world.launcher(&["run", "beta", "--on", "server1", "-p", "facts"]).ok();
    let home = server.home();
    let paths = [
        "dev/beta/secret.txt",
        ".ssh/id_ed25519",
        ".claude/projects",
        ".local/state/deckwatch/runs",
        "dev",
        "dev/alpha",
    ];
    let prompt = paths.iter().fold("read".to_owned(), |prompt, path| format!("{prompt} {home}/{path}"));
    let open = events(&world.launcher(&with(&["-p", &prompt])).ok());
    assert_eq!(open[0]["found"], "of another tenant", "without a sandbox it reads them");

    let done = world.launcher(&with(&["-p", &prompt, "--workspace", "sandbox"]));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let read = events(&done.stdout);
    for (event, path) in read.iter().zip(&paths[..4]) {
        assert_eq!(event["error"], "No such file or directory", "{path}: {event}");
    }
    assert_eq!(read[4]["found"], json!(["alpha"]));
    assert!(read[5]["found"].as_array().unwrap().contains(&json!("written-by-agent")), "{}", read[5]);
    assert!(read[6]["processes"].as_u64().unwrap() < 10, "it sees only its own processes: {}", read[6]);
    assert_eq!(server.read("dev/alpha/written-by-agent"), "x");

    let tree = world.launcher(&with(&["-p", "facts", "--workspace", "worktree"]));
    assert!(events(&tree.stdout)[0]["cwd"].as_str().unwrap().starts_with(&format!("{home}/dev/alpha-worktrees/")));
}

#[test]
fn without_bubblewrap_a_sandbox_is_refused_and_nothing_starts() {
    let world = World::start(&["server1", "server2"]);
    let server = world.host("server1");
    // A file that can't be started stands in the place of the program.
    server.run_as_root("mount --bind /dev/null \"$(command -v bwrap)\"", &[]).ok();
    let refused = world.launcher(&with(&["-p", "read", "--workspace", "sandbox", "--json"]));
    assert_eq!(refused.code, Some(37), "{}", refused.stderr);
    for part in ["no sandbox can be made: bwrap is not installed", "apt install bubblewrap"] {
        assert!(refused.stderr.contains(part), "no {part:?} in {}", refused.stderr);
    }
    assert_eq!(events(&refused.stdout)[0]["failure"]["kind"], "workspace");
    let interactive = world.launcher(&["alpha", "--on", "server1", "--sandbox"]);
    assert_eq!(interactive.code, Some(37), "{}", interactive.stderr);
    assert_eq!(server.run("tmux", &["list-sessions"], "", &[]).stdout, "");
    assert!(!server.path("dev/alpha/written-by-agent").exists() && !server.path("interactive.json").exists());
    // The other machine has it.
    let auto = ["run", "alpha", "--on", "auto", "--workspace", "sandbox", "--json", "-p", "read"];
    let last = events(&world.launcher(&auto).ok()).pop().unwrap();
    assert_eq!(last["machine"], "server2", "{last}");
}

#[test]
fn a_machine_that_ends_agents_at_logout_is_warned_about() {
    let world = World::start(&["server1"]);
    let stub = "#!/bin/sh\ncase $* in *KillUserProcesses*) echo yes;; *) echo no;; esac\n";
    world.host("server1").write(".local/bin/loginctl", stub);
    world.host("server1").run("chmod", &["755", ".local/bin/loginctl"], "", &[]).ok();
    let done = world.launcher(&with(&["-p", "count 1 0"]));
    assert!(done.stderr.contains("loginctl enable-linger") && done.code == Some(0), "{}", done.stderr);
}
