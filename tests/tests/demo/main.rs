//! `launcher demo` shows only records that exist, and claims nothing that it could not do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use rusqlite::Connection;

use self::stage::Stage;

#[test]
fn the_output_matches_the_records_in_its_database() {
    let stage = Stage::new();
    stage.write("dev/alpha-console/begun.txt", "not committed");
    let shown = stage.play(&["--data", "records"]).success();
    assert!(shown.contains(stage.path("records/deckwatch/context.db").to_str().unwrap()), "{shown}");

    let records = Connection::open(stage.path("records/deckwatch/context.db")).unwrap();
    let column = |sql: &str| -> Vec<String> {
        let mut statement = records.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for (what, stored) in [
        ("sessions", column("select id from sessions")),
        ("agents", column("select distinct agent from sessions")),
        ("branches", column("select distinct branch from sessions")),
        ("handoffs", column("select id from handoffs")),
        ("summaries", column("select summary from handoffs")),
        (
            "items of the handoff",
            column("select item.value from handoffs, json_each(payload_json, '$.accomplished') as item"),
        ),
        ("files begun", column("select item.value from handoffs, json_each(payload_json, '$.in_progress') as item")),
    ] {
        assert!(!stored.is_empty(), "no {what} are stored");
        for text in stored {
            assert!(shown.contains(&text), "{what}: the record has {text}, but the output does not: {shown}");
        }
    }
    for subject in ["Passkeys for everybody", "A page for the login"] {
        assert!(shown.contains(subject), "the output lacks {subject}: {shown}");
    }
    assert!(shown.contains("begun.txt") && shown.contains("example-org/alpha-console"), "{shown}");
    // The first agent has two sessions: its first day has ended. It left the second when the demo ended, and the other
    // agent left its only one.
    assert_eq!(column("select status from sessions order by id"), ["ended", "abandoned", "abandoned"]);
}

#[test]
fn it_leaves_no_file_and_does_not_change_the_users_records() {
    let stage = Stage::new();
    let before = stage.files();
    let shown = stage.play(&[]).success();
    assert!(shown.contains("deleted at the end"), "{shown}");
    assert_eq!(stage.files(), before);
    assert!(!shown.contains('\u{1b}'), "the output to a pipe has colours: {shown}");
}

#[test]
fn it_runs_without_a_commit_a_remote_branch_or_a_remote() {
    let stage = Stage::new();
    let empty = stage.path("dev/empty");
    std::fs::create_dir_all(&empty).unwrap();
    stage.git(&empty, &["init", "--quiet", "--initial-branch=main"]);
    let shown = stage.play_in("dev/empty", &[]).success();
    assert!(shown.contains("local/empty") && shown.contains("Make the first commit"), "{shown}");

    stage.git(&stage.path("dev/alpha-console"), &["checkout", "--quiet", "--detach"]);
    let _ = stage.play(&[]).success();
}

#[test]
fn a_missing_handoff_is_reported_as_a_failure() {
    let stage = Stage::new();
    // Each process gets its own database, so that no agent can see another's records.
    stage.replace_server("XDG_DATA_HOME=$(mktemp -d) exec \"$0.real\"");
    let failed = stage.play(&[]).failure(19);
    assert!(failed.contains("does not contain the handoff of the previous agent"), "{failed}");
}

#[test]
fn a_broken_or_missing_server_is_reported() {
    let stage = Stage::new();
    stage.replace_server("exit 3");
    let failed = stage.play(&[]).failure(19);
    assert!(failed.contains("could not communicate with deckwatch-mcp"), "{failed}");

    std::fs::remove_file(stage.path("bin/deckwatch-mcp")).unwrap();
    let failed = stage.play(&[]).failure(15);
    assert!(failed.contains("deckwatch-mcp is not installed"), "{failed}");
}

#[test]
fn a_folder_without_a_repository_is_refused() {
    let stage = Stage::new();
    let failed = stage.play_in("dev", &[]).failure(13);
    assert!(failed.contains("not in a git repository"), "{failed}");
}
