//! Tests of queues for another API, or for another key of the same API.

use deckwatch_client::outbox::{Bounds, SendReason, TakenOver};
use deckwatch_client::{ApiConfig, ContextClient};
use deckwatch_protocol::ErrorCode;

use crate::scripted::{Scripted, deliver, edit, folder, problem, silent, takes};

const WRONG_KEY: &str = "fedcba9876543210";

/// A client of the same API with another key.
fn with_another_key(server: &Scripted, folder: &std::path::Path) -> ContextClient {
    let config = ApiConfig::remote(server.url(), WRONG_KEY).unwrap();
    ContextClient::connect(config, folder.parent().unwrap(), Bounds::default())
}

#[tokio::test]
async fn entries_of_a_wrong_key_are_sent_with_the_right_key_after_a_take_over() {
    let (_home, folder) = folder();
    let server = Scripted::start(|_| problem(ErrorCode::Unauthorized)).await;
    let wrong = with_another_key(&server, &folder);
    // The API refuses a new write at once, so the entries are queued while the API is silent.
    server.now_answers(silent);
    for title in ["one", "two"] {
        deliver(&wrong, title).await.unwrap_err();
    }
    server.now_answers(|_| problem(ErrorCode::Unauthorized));
    assert!(wrong.replay(SendReason::Requested).await.stopped.unwrap().contains("unauthorized"));

    server.now_answers(takes);
    let right = server.api(&folder, Bounds::default());
    assert_eq!(right.replay(SendReason::Requested).await.delivered, 0, "no person has decided yet");
    let other = right.waiting().await.other_queues;
    let [queue] = other.as_slice() else { panic!("{other:?}") };
    assert!(queue.is_same_api && queue.entries == 2, "{queue:?}");
    assert_eq!(queue.endpoint.as_deref(), Some(format!("{}/", server.url()).as_str()));
    let text = std::fs::read_to_string(queue.path.join("endpoint")).unwrap();
    assert!(!text.contains(WRONG_KEY), "the key must not be on disk: {text}");

    assert_eq!(right.take_over().await.unwrap(), TakenOver { entries: 2, busy: 0 });
    assert_eq!(right.replay(SendReason::Requested).await.delivered, 2);
    assert!(server.titles().ends_with(&["one", "two"].map(str::to_owned)), "{:?}", server.titles());
    let waiting = right.waiting().await;
    assert_eq!((waiting.queued, waiting.other_queues), (0, vec![]));
    assert_eq!(right.take_over().await.unwrap(), TakenOver::default());
}

#[tokio::test]
async fn held_and_parked_entries_of_another_key_become_due() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let wrong = with_another_key(&server, &folder);
    for title in ["old", "parked"] {
        deliver(&wrong, title).await.unwrap_err();
    }
    let path = wrong.waiting().await.path;
    edit(&path.join("000000000001.json"), "queued_at", "2020-01-01T00:00:00.000Z".into());
    server.now_answers(|_| problem(ErrorCode::VentureNotFound));
    let replayed = wrong.replay(SendReason::Requested).await;
    assert_eq!((replayed.held, replayed.parked), (1, 1));

    server.now_answers(takes);
    let right = server.api(&folder, Bounds::default());
    assert_eq!(right.take_over().await.unwrap().entries, 2);
    assert_eq!(right.replay(SendReason::Periodic).await.delivered, 2);
    assert!(server.titles().ends_with(&["old", "parked"].map(str::to_owned)), "{:?}", server.titles());
}

#[tokio::test]
async fn entries_for_another_api_are_reported_and_never_sent() {
    let (_home, folder) = folder();
    let (first, second) = (Scripted::start(silent).await, Scripted::start(takes).await);
    deliver(&first.api(&folder, Bounds::default()), "for the first").await.unwrap_err();
    let api = second.api(&folder, Bounds::default());
    let other = api.waiting().await.other_queues;
    assert!(!other[0].is_same_api && other[0].endpoint.as_ref().unwrap().starts_with(first.url()), "{other:?}");
    assert_eq!(api.take_over().await.unwrap(), TakenOver::default());
    api.replay(SendReason::Requested).await;
    assert!(second.titles().is_empty());

    // A folder of an older Deckwatch does not name its API, so it matches no API.
    std::fs::remove_file(other[0].path.join("endpoint")).unwrap();
    assert_eq!(api.waiting().await.other_queues[0].endpoint, None);
    assert_eq!(api.take_over().await.unwrap(), TakenOver::default());
    // The next client that uses the folder writes the name of its API.
    first.api(&folder, Bounds::default()).replay(SendReason::Requested).await;
    assert!(api.waiting().await.other_queues[0].endpoint.is_some());
}

#[tokio::test]
async fn a_queue_that_another_process_is_sending_is_not_taken_over() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let wrong = with_another_key(&server, &folder);
    deliver(&wrong, "one").await.unwrap_err();
    let path = wrong.waiting().await.path;
    let turn = std::fs::File::options().write(true).open(path.join("turn.lock")).unwrap();
    turn.lock().unwrap();
    let right = server.api(&folder, Bounds::default());
    assert_eq!(right.take_over().await.unwrap(), TakenOver { entries: 0, busy: 1 });
    assert_eq!(right.waiting().await.other_queues[0].entries, 1);
    turn.unlock().unwrap();
    assert_eq!(right.take_over().await.unwrap(), TakenOver { entries: 1, busy: 0 });
}
