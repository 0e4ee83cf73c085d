//! A panic ends one request: it is logged, the caller gets an internal error, and the next request is served.

use std::time::Duration;

use deckwatch_protocol::{ErrorCode, Operation, Page, Venture};
use deckwatch_tests::{Api, Caller, PANICS, TestRequest};

#[tokio::test]
async fn a_panic_is_a_500_with_its_correlation_id_and_the_next_request_is_served() {
    let api = Api::start_panicking().await;
    for n in 0..3 {
        let id = format!("corr_6b8a3d0e-0f4c-4a53-9a77-2f9a1b1c0d0{n}");
        let sessions = TestRequest::of(Operation::ListSessions).query(format!("venture={PANICS}"));
        let panics = sessions.header("x-test-panic", "1").header("x-correlation-id", &id);
        let problem = api.admin().send(panics).await.problem(ErrorCode::InternalError);
        assert_eq!(problem.correlation_id, id);
        assert_eq!(
            problem.detail,
            "The API failed because of an internal error. Report it to the operator with the correlation id."
        );
        api.admin().send(TestRequest::of(Operation::ListVentures)).await.of::<Page<Venture>>(200);
        if let Some(log) = api.log_of_worker() {
            assert!(log.contains("panicked at") && log.contains(".rs:"), "the source location must be logged:\n{log}");
            assert!(log.contains("a test makes the Worker panic"), "the message must be logged:\n{log}");
            assert!(log.contains(&id), "{log}");
        }
    }
}

#[tokio::test]
async fn a_sweep_that_panics_ends_and_the_next_request_is_served() {
    let api = Api::start_panicking().await;
    if !api.is_worker() {
        return println!("skipped: on the embedded engine, the sweep is a task of the server");
    }
    let sweep = TestRequest::at("GET", "/cdn-cgi/handler/scheduled?cron=x-test-panic");
    let swept = tokio::time::timeout(Duration::from_secs(5), api.anonymous().send(sweep)).await;
    let log = api.log_of_worker().unwrap();
    assert_ne!(swept.unwrap_or_else(|_| panic!("the sweep never ends:\n{log}")).status, 200, "{log}");
    // A line reaches the log after the response.
    let logged = async {
        while !api.log_of_worker().unwrap().contains("the sweep panicked; the next one continues") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let logged = tokio::time::timeout(Duration::from_secs(5), logged).await;
    assert!(logged.is_ok(), "the panic must be logged:\n{}", api.log_of_worker().unwrap());
    api.admin().send(TestRequest::of(Operation::ListVentures)).await.of::<Page<Venture>>(200);
}
