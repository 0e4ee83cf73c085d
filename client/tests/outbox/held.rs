//! Tests of held entries, reported entries and concurrent writes.

use deckwatch_client::outbox::{Bounds, HeldDecision, SendReason};
use deckwatch_protocol::ErrorCode;

use crate::scripted::{Scripted, deliver, edit, folder, problem, queue, silent, takes};

#[tokio::test]
async fn held_entries_are_sent_as_new_writes_or_dropped() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "old").await.unwrap_err();
    edit(&queue(&folder).join("000000000001.json"), "queued_at", "2020-01-01T00:00:00.000Z".into());
    server.now_answers(takes);
    assert_eq!(api.replay(SendReason::Requested).await.held, 1);
    assert_eq!(api.waiting().await.held.len(), 1);
    assert_eq!(api.resolve_held(HeldDecision::Send).await.unwrap(), 1);
    assert_eq!(api.replay(SendReason::Requested).await.delivered, 1);
    let keys: std::collections::BTreeSet<String> =
        server.asked.lock().unwrap().iter().map(|(_, key)| key.clone()).collect();
    assert_eq!(keys.len(), 2, "a new key is used, because the API may have forgotten the old one");
    assert_eq!(api.resolve_held(HeldDecision::Drop).await.unwrap(), 0);
}

#[tokio::test]
async fn held_entries_are_sent_in_the_order_they_were_written() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    for (days, day) in ["mon", "tue"].iter().enumerate() {
        for n in 1..=2 {
            deliver(&api, &format!("{day}-{n}")).await.unwrap_err();
            let written = format!("2020-01-0{}T00:00:0{n}.000Z", days + 1);
            edit(&queue(&folder).join(format!("00000000000{n}.json")), "queued_at", written.into());
        }
        api.replay(SendReason::Requested).await;
        assert_eq!(api.waiting().await.held.len(), 2 * (days + 1), "the numbers restart, because the queue is empty");
    }
    server.now_answers(takes);
    assert_eq!(api.resolve_held(HeldDecision::Send).await.unwrap(), 4);
    assert_eq!(api.replay(SendReason::Requested).await.delivered, 4);
    assert!(
        server.titles().ends_with(&["mon-1", "mon-2", "tue-1", "tue-2"].map(str::to_owned)),
        "{:?}",
        server.titles()
    );
}

#[tokio::test]
async fn unreadable_held_files_are_reported_and_stay() {
    for decision in [HeldDecision::Send, HeldDecision::Drop] {
        let (_home, folder) = folder();
        let server = Scripted::start(silent).await;
        let api = server.api(&folder, Bounds::default());
        for n in 1..=2 {
            deliver(&api, &format!("old {n}")).await.unwrap_err();
            edit(&queue(&folder).join(format!("00000000000{n}.json")), "queued_at", "2020-01-01T00:00:00.000Z".into());
        }
        api.replay(SendReason::Requested).await;
        assert_eq!(api.waiting().await.held.len(), 2);
        let newer = queue(&folder).join("held/000000000002-0.json");
        edit(&newer, "version", 2.into());
        let text = std::fs::read(&newer).unwrap();
        assert_eq!(api.resolve_held(decision).await.unwrap(), 1);
        assert_eq!(std::fs::read(&newer).unwrap(), text, "{decision:?}");
        let waiting = api.waiting().await;
        let skipped: Vec<_> = waiting.skipped.iter().map(|one| one.path.as_path()).collect();
        assert_eq!((waiting.held.len(), skipped), (0, vec![newer.as_path()]), "{decision:?}");
    }
}

#[tokio::test]
async fn reported_files_stay_in_place_and_the_oldest_is_deleted_first() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    server.now_answers(|_| problem(ErrorCode::InvalidRequest));
    assert_eq!(api.replay(SendReason::Requested).await.set_aside, 1);
    let set_aside = queue(&folder).join("set-aside");
    // Files as an older version left them. Their names sort after the name of the file that is reported now.
    let moved = |number: u32| set_aside.join(format!("reported/000000000{number}-0.json"));
    std::fs::create_dir(set_aside.join("reported")).unwrap();
    for number in 100..300 {
        std::fs::write(moved(number), "{}").unwrap();
        let age = std::time::Duration::from_hours(u64::from(number));
        let file = std::fs::File::options().append(true).open(moved(number)).unwrap();
        file.set_modified(std::time::SystemTime::now() - age).unwrap();
    }
    let refused = api.waiting().await.set_aside;
    let path = refused[0].path.clone();
    let text = std::fs::read(&path).unwrap();
    api.reported(refused).await;
    assert_eq!(std::fs::read(&path).unwrap(), text);
    assert!(!moved(299).exists() && moved(298).exists(), "the newest 200 are kept");
    assert_eq!(api.waiting().await.set_aside, []);
    // When the reported file is the oldest, it is deleted with its mark.
    let mark = set_aside.join("reported").join(path.file_name().unwrap());
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    std::fs::File::options().append(true).open(&mark).unwrap().set_modified(long_ago).unwrap();
    std::fs::write(moved(299), "{}").unwrap();
    api.reported(Vec::new()).await;
    assert!(!path.exists() && !mark.exists());
}

#[tokio::test]
async fn concurrent_writes_each_get_their_own_response() {
    let (_home, folder) = folder();
    let server = Scripted::start(takes).await;
    // Each client represents a process. The clients share only the folder.
    let writers = (0..12).map(|n| {
        let api = server.api(&folder, Bounds::default());
        tokio::spawn(async move {
            for round in 0..4 {
                let title = format!("{n} in {round}");
                assert_eq!(deliver(&api, &title).await.unwrap(), title);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let keys: std::collections::BTreeMap<String, String> = server.asked.lock().unwrap().iter().cloned().collect();
    let sent: std::collections::BTreeSet<(String, String)> = server.asked.lock().unwrap().iter().cloned().collect();
    assert_eq!((keys.len(), sent.len()), (48, 48), "each write under one key");
}
