//! Tests of how the API's responses affect an entry.

use deckwatch_client::outbox::{Bounds, SendReason};
use deckwatch_protocol::{ErrorCode, Problem, RetryRule};

use crate::scripted::{
    Answer, CORRELATION, Scripted, deliver, fails, folder, http, move_back, note, portal, problem, silent, takes,
};

#[tokio::test]
async fn a_failure_keeps_the_order_and_the_key() {
    let (_home, folder) = folder();
    let server = Scripted::start(fails).await;
    let api = server.api(&folder, Bounds::default());
    let cause = deliver(&api, "one").await.unwrap_err();
    assert!(cause.contains("the Context API failed: Because."), "{cause}");
    deliver(&api, "two").await.unwrap_err();
    assert_eq!(server.titles(), ["one", "one"], "two is not sent before one is delivered");
    server.now_answers(takes);
    assert_eq!(deliver(&api, "three").await.unwrap(), "three");
    assert_eq!(server.titles(), ["one", "one", "one", "two", "three"]);
    let asked = server.asked.lock().unwrap();
    let [first, again, last, ..] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((&first.1, &again.1), (&last.1, &last.1), "the same key each time");
}

#[tokio::test]
async fn an_unauthorized_or_rate_limited_key_sets_nothing_aside() {
    for answer in [
        |_: &str| problem(ErrorCode::Unauthorized),
        |_: &str| {
            http(
                "429 X",
                &format!("{CORRELATION}retry-after: 59\r\n"),
                &serde_json::to_string(&Problem::new(ErrorCode::RateLimited, "Full.", "c")).unwrap(),
            )
        },
    ] as [Answer; 2]
    {
        let (_home, folder) = folder();
        let server = Scripted::start(silent).await;
        let api = server.api(&folder, Bounds::default());
        deliver(&api, "one").await.unwrap_err();
        server.now_answers(answer);
        let replayed = api.replay(SendReason::Requested).await;
        assert!(replayed.stopped.is_some() && replayed.set_aside == 0, "{replayed:?}");
        server.now_answers(takes);
        assert_eq!(api.replay(SendReason::Requested).await.delivered, 1);
    }
}

#[tokio::test]
async fn a_refused_new_write_returns_the_error_and_is_not_queued() {
    let (_home, folder) = folder();
    let server = Scripted::start(|_| problem(ErrorCode::VentureNotRegistered)).await;
    let api = server.api(&folder, Bounds::default());
    let error = api.deliver_note(&note("one")).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::VentureNotRegistered));
    let waiting = api.waiting().await;
    assert_eq!((waiting.queued, waiting.set_aside.len()), (0, 0));
}

#[tokio::test]
async fn a_response_of_a_portal_keeps_the_entry_in_the_queue() {
    let (_home, folder) = folder();
    let server = Scripted::start(portal).await;
    let api = server.api(&folder, Bounds::default());
    let cause = deliver(&api, "one").await.unwrap_err();
    assert!(cause.contains("a proxy or another service answered"), "{cause}");
    assert_eq!(api.waiting().await.queued, 1);
}

/// Responses that do not refuse the entry: failures of the API, responses of a proxy, and invalid responses.
const NOT_REFUSALS: &[Answer] = &[
    fails,
    silent,
    portal,
    |_| problem(ErrorCode::DatabaseUnavailable),
    |_| problem(ErrorCode::RateLimited),
    |_| problem(ErrorCode::Unauthorized),
    |_| http("400 X", "", "<html>Bad Request"),
    |_| http("403 X", "", "<html>Blocked by the firewall"),
    |_| http("403 X", "", &serde_json::to_string(&Problem::new(ErrorCode::Forbidden, "No.", "c")).unwrap()),
    |_| http("404 X", "", "404 page not found"),
    |_| http("408 X", CORRELATION, ""),
    |_| http("413 X", "", "<html>Request Entity Too Large"),
    |_| http("425 X", CORRELATION, "Too Early"),
    |_| http("429 X", "", "error code: 1015"),
    |_| http("502 X", "", "<html>Bad Gateway"),
    |_| http("520 X", "", "error code: 520"),
    |_| http("400 X", CORRELATION, r#"{"code":"a_code_of_next_year"}"#),
    |_| http("201 Created", "", "{}"),
];

#[tokio::test]
async fn a_response_that_is_not_a_refusal_sets_nothing_aside() {
    let all = NOT_REFUSALS.iter().enumerate().map(|(n, answer)| tokio::spawn(sets_nothing_aside(n, *answer)));
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

async fn sets_nothing_aside(n: usize, answer: Answer) {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    deliver(&api, "two").await.unwrap_err();
    server.now_answers(answer);
    for _ in 0..7 {
        let replayed = api.replay(SendReason::Requested).await;
        assert!(replayed.stopped.is_some() && replayed.set_aside + replayed.parked == 0, "{n}: {replayed:?}");
    }
    let waiting = api.waiting().await;
    assert_eq!((waiting.queued, waiting.parked.len(), waiting.set_aside.len()), (2, 0, 0), "{n}: {waiting:?}");
    assert!(waiting.stopped.is_some_and(|stopped| !stopped.cause.is_empty()), "{n}");
    server.now_answers(takes);
    assert_eq!(api.replay(SendReason::Requested).await.delivered, 2);
    assert!(server.titles().ends_with(&["one".to_owned(), "two".to_owned()]));
    assert_eq!(api.waiting().await.stopped, None);
}

#[tokio::test]
async fn each_error_code_affects_an_entry_as_its_table_says() {
    let codes = ErrorCode::ALL.iter().filter(|code| code.status() < 500);
    for one in codes.map(|code| tokio::spawn(is_handled_as_its_table_says(*code))).collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

async fn is_handled_as_its_table_says(code: ErrorCode) {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, code.as_str()).await.unwrap_err();
    deliver(&api, "good").await.unwrap_err();
    server.now_answers(|title| {
        let refused = ErrorCode::ALL.iter().find(|code| code.as_str() == title);
        refused.map_or_else(|| takes(title), |code| problem(*code))
    });
    let replayed = api.replay(SendReason::Requested).await;
    let waiting = api.waiting().await;
    let result = (replayed.delivered, waiting.queued, waiting.parked.len(), waiting.set_aside.len());
    let expected = match code.retry_rule() {
        RetryRule::Never => (1, 0, 0, 1),
        RetryRule::AfterIntervention => (1, 1, 1, 0),
        RetryRule::Later | RetryRule::AfterInterventionForAll => (0, 2, 0, 0),
    };
    assert_eq!(result, expected, "{}", code.as_str());
}

/// A problem with an unknown code.
fn unknown_problem(status: u16) -> String {
    let problem = serde_json::json!({"type": "urn:deckwatch:error:note_too_odd", "title": "Odd", "status": status,
        "detail": "Too unknown_problem.", "code": "note_too_odd", "correlation_id": "corr_0a0b0c0d-0000-4000-8000-000000000001"});
    http(&format!("{status} X"), CORRELATION, &problem.to_string())
}

#[tokio::test]
async fn a_refusal_with_an_unknown_code_is_handled_by_its_status() {
    let all = [400, 401, 403, 404, 409, 422, 425, 429].map(|status| tokio::spawn(is_handled_by_its_status(status)));
    for one in all {
        one.await.unwrap();
    }
}

async fn is_handled_by_its_status(status: u16) {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, &status.to_string()).await.unwrap_err();
    deliver(&api, "good").await.unwrap_err();
    server.now_answers(|title| title.parse().map_or_else(|_| takes(title), unknown_problem));
    let delivered = api.replay(SendReason::Requested).await.delivered;
    let waiting = api.waiting().await;
    let result = (delivered, waiting.queued, waiting.parked.len(), waiting.set_aside.len());
    let expected = match status {
        401 | 425 | 429 => (0, 2, 0, 0),
        403 => (1, 1, 1, 0),
        _ => (1, 0, 0, 1),
    };
    assert_eq!(result, expected, "{status}: {waiting:?}");
    assert!(waiting.set_aside.iter().all(|one| one.reason == "note_too_odd"), "{waiting:?}");
}

#[tokio::test]
async fn a_new_write_refused_with_an_unknown_code_is_not_queued() {
    let (_home, folder) = folder();
    let server = Scripted::start(|_| unknown_problem(422)).await;
    let api = server.api(&folder, Bounds::default());
    let error = api.deliver_note(&note("one")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("refused (note_too_odd): Too unknown_problem. This version of Deckwatch does not know"),
        "{error}"
    );
    assert_eq!(api.waiting().await.queued, 0);
    // Without a correlation id, the response is not from the API.
    server.now_answers(|_| unknown_problem(422).replace(CORRELATION, ""));
    assert!(deliver(&api, "two").await.unwrap_err().contains("a proxy or another service answered"));
}

#[tokio::test]
async fn a_parked_entry_is_sent_after_the_person_has_acted() {
    let (_home, folder) = folder();
    let server = Scripted::start(silent).await;
    let api = server.api(&folder, Bounds::default());
    deliver(&api, "one").await.unwrap_err();
    server.now_answers(|_| problem(ErrorCode::VentureNotRegistered));
    assert_eq!(api.replay(SendReason::Requested).await.parked, 1);
    assert_eq!(api.replay(SendReason::Requested).await.parked, 0, "it is not retried at once");
    let waiting = api.waiting().await;
    assert!(waiting.parked[0].cause.contains("venture_not_registered"), "{waiting:?}");
    server.now_answers(takes);
    move_back(&folder, "json");
    assert_eq!(api.replay(SendReason::Periodic).await.delivered, 1);
    let asked = server.asked.lock().unwrap();
    assert!(asked.iter().all(|(_, key)| *key == asked[0].1), "the same key each time");
}

#[tokio::test]
async fn a_queued_entry_stays_queued_when_its_repetition_is_refused() {
    for code in [ErrorCode::Unauthorized, ErrorCode::Forbidden, ErrorCode::VentureNotRegistered] {
        let (_home, folder) = folder();
        let server = Scripted::start(silent).await;
        let api = server.api(&folder, Bounds::default());
        deliver(&api, code.as_str()).await.unwrap_err();
        server.now_answers(|title| problem(*ErrorCode::ALL.iter().find(|code| code.as_str() == title).unwrap()));
        let cause = deliver(&api, code.as_str()).await.unwrap_err();
        assert!(cause.contains(code.as_str()), "{cause}");
        assert_eq!(api.waiting().await.queued, 1, "{}", code.as_str());
    }
}
