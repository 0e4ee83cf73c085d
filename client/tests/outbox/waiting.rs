//! Tests of pauses, of the limits of the queue and of faulty folders.

use std::path::Path;

use deckwatch_client::ClientError;
use deckwatch_client::outbox::{Bounds, SendReason};
use deckwatch_protocol::{ErrorCode, Problem};

use crate::scripted::{
    Answer, CORRELATION, KEY, Scripted, deliver, fails, folder, http, move_back, note, note_saying, portal, queue,
    silent, takes,
};

#[tokio::test]
async fn all_processes_keep_the_pause_that_the_api_asks_for_and_it_ends() {
    let (_home, folder) = folder();
    let server = Scripted::start(|_| {
        let problem = Problem::new(ErrorCode::DatabaseUnavailable, "The quota is used up. Repeat it.", "c");
        http("503 X", &format!("{CORRELATION}retry-after: 99999999\r\n"), &serde_json::to_string(&problem).unwrap())
    })
    .await;
    let (one, other) = (server.api(&folder, Bounds::default()), server.api(&folder, Bounds::default()));
    deliver(&one, "one").await.unwrap_err();
    for _ in 0..5 {
        let stopped = other.replay(SendReason::Periodic).await.stopped.unwrap();
        assert!(stopped.contains("The quota is used up. [corr_") && !stopped.contains("Repeat"), "{stopped}");
    }
    deliver(&other, "two").await.unwrap_err();
    assert_eq!(server.titles(), ["one"], "no other process sends");
    let stopped = one.waiting().await.stopped.unwrap();
    assert_eq!(stopped.again_at.seconds_since(stopped.since), 3600, "the pause has a limit");
    assert_eq!(one.replay(SendReason::Requested).await.delivered, 0);
    assert_eq!(server.titles(), ["one", "one"], "a status request ignores the pause");
    server.now_answers(takes);
    move_back(&folder, "pause");
    assert_eq!(other.replay(SendReason::Periodic).await.delivered, 2);
}

#[tokio::test]
async fn a_full_outbox_gives_a_clear_error_and_is_still_sent() {
    for bounds in [Bounds { entries: 2, bytes: 1 << 20 }, Bounds { entries: 100, bytes: 900 }] {
        let (_home, folder) = folder();
        let server = Scripted::start(silent).await;
        let api = server.api(&folder, bounds);
        deliver(&api, "one").await.unwrap_err();
        deliver(&api, "two").await.unwrap_err();
        let error = api.deliver_note(&note("three")).await.unwrap_err();
        assert!(matches!(error, ClientError::QueueFailed { .. }), "{error}");
        let text = error.to_string();
        for part in ["neither recorded nor queued", "is full: it holds 2 entries", "can't reach the Context API"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(api.waiting().await.queued, 2);
        server.now_answers(takes);
        assert_eq!(deliver(&api, "four").await.unwrap(), "four");
        let titles = server.titles();
        assert!(titles.ends_with(&["one".to_owned(), "two".to_owned(), "four".to_owned()]), "{titles:?}");
    }
}

#[tokio::test]
async fn a_write_is_sent_at_once_if_the_disk_is_not_writable() {
    let (_home, folder) = folder();
    std::fs::write(&folder, "a file where the folder should be").unwrap();
    let server = Scripted::start(takes).await;
    let api = server.api(&folder, Bounds::default());
    assert_eq!(deliver(&api, "one").await.unwrap(), "one");
    server.now_answers(silent);
    let text = api.deliver_note(&note("two")).await.unwrap_err().to_string();
    assert!(text.contains("not known whether the note is recorded") && text.contains("can't be used"), "{text}");
}

#[tokio::test]
async fn a_repeated_write_with_an_unknown_result_has_the_same_key() {
    for (answer, is_repaired) in [(silent as Answer, false), (portal, false), (fails, false), (silent, true)] {
        let (_home, folder) = folder();
        std::fs::write(&folder, "a file where the folder should be").unwrap();
        let server = Scripted::start(answer).await;
        let api = server.api(&folder, Bounds::default());
        for _ in 0..2 {
            let error = api.deliver_note(&note("one")).await.unwrap_err();
            assert!(matches!(error, ClientError::DeliveryUnknown { .. }), "{error}");
            assert!(error.to_string().contains("not known whether the note is recorded"), "{error}");
        }
        if is_repaired {
            std::fs::remove_file(&folder).unwrap();
        }
        server.now_answers(takes);
        assert_eq!(deliver(&api, "one").await.unwrap(), "one");
        let keys = || server.asked.lock().unwrap().iter().map(|(_, key)| key.clone()).collect::<Vec<_>>();
        assert!(keys().iter().all(|key| *key == keys()[0]), "{:?}", keys());
        assert_eq!(deliver(&api, "one").await.unwrap(), "one");
        assert_ne!(keys().last(), keys().first(), "a repetition of a recorded write is a new write");
    }
}

#[tokio::test]
async fn an_unreadable_file_is_reported_and_does_not_block_other_entries() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    let queue = queue(&folder);
    let text = std::fs::read(queue.join("000000000001.json")).unwrap();
    // A folder can't be read as a file, even by root.
    std::fs::create_dir(queue.join("000000000000.json")).unwrap();
    std::fs::write(queue.join("5.json"), &text).unwrap();
    server.now_answers(takes);
    assert_eq!(deliver(&api, "two").await.unwrap(), "two");
    assert!(server.titles().ends_with(&["one".to_owned(), "two".to_owned()]));
    let waiting = api.waiting().await;
    let skipped: Vec<_> = waiting.skipped.iter().map(|one| one.path.strip_prefix(&queue).unwrap()).collect();
    assert_eq!((waiting.queued, skipped), (0, vec![Path::new("5.json"), Path::new("000000000000.json")]));
    assert!(waiting.skipped.iter().all(|one| !one.cause.is_empty()), "{waiting:?}");
    assert_eq!(std::fs::read(queue.join("5.json")).unwrap(), text, "the file is not changed");
}

#[tokio::test]
async fn an_entry_with_the_largest_number_is_not_overwritten() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    let queue = queue(&folder);
    let last = queue.join(format!("{}.json", u64::MAX));
    std::fs::rename(queue.join("000000000001.json"), &last).unwrap();
    let text = std::fs::read(&last).unwrap();
    assert!(matches!(api.deliver_note(&note("two")).await, Err(ClientError::QueueFailed { .. })));
    assert_eq!(std::fs::read(&last).unwrap(), text);
}

#[tokio::test]
async fn no_write_is_sent_while_the_folder_of_older_entries_can_not_be_listed() {
    let (home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    let (queue, away) = (queue(&folder), home.path().join("away"));
    // A symbolic link to itself can't be listed, even by root.
    std::fs::rename(&queue, &away).unwrap();
    std::os::unix::fs::symlink(&queue, &queue).unwrap();
    server.now_answers(takes);
    let text = api.deliver_note(&note("two")).await.unwrap_err().to_string();
    for part in ["neither recorded nor queued", "older writes may wait", "Repair the disk or the folder"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    std::fs::remove_file(&queue).unwrap();
    std::fs::rename(&away, &queue).unwrap();
    assert_eq!(deliver(&api, "two").await.unwrap(), "two");
    assert!(server.titles().ends_with(&["one".to_owned(), "two".to_owned()]));
    assert_eq!(server.titles().iter().filter(|title| *title == "two").count(), 1);
}

#[tokio::test]
async fn a_secret_is_not_queued() {
    let (home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    let secret = format!("it is {KEY}");
    let error = api.deliver_note(&note_saying("one", &secret)).await.unwrap_err();
    assert!(error.to_string().starts_with("The note was not sent: /content has the value of"), "{error}");
    assert!(server.titles().is_empty());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}
