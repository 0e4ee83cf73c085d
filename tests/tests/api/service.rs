//! Service operations, and what every answer has in common.

use deckwatch_protocol::{ErrorCode, Health, Operation, Version};
use deckwatch_tests::{Api, Caller, TestRequest};

#[tokio::test]
async fn health_names_the_engine_and_its_clock() {
    let api = Api::start().await;
    let health: Health = api.anonymous().send(TestRequest::of(Operation::Health)).await.of(200);
    let engine = if api.is_worker() { "worker" } else { "embedded" };
    assert_eq!((health.status.as_str(), health.engine.as_str()), ("ok", engine));
    assert!(health.time > api.minutes_ago(1));
}

#[tokio::test]
async fn version_names_the_build_and_every_migration() {
    let api = Api::start().await;
    let version: Version = api.anonymous().send(TestRequest::of(Operation::Version)).await.of(200);
    let migrations: Vec<&str> = deckwatch_api::MIGRATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(version.migrations, migrations);
    assert_eq!(version.version, env!("CARGO_PKG_VERSION"));
    assert!(!version.commit.is_empty());
}

#[tokio::test]
async fn an_unknown_path_is_a_404_for_every_caller() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v2/sod",
        "/v1/sod/",
        "//v1/sod",
        "/v1/sessions/a/b",
        "/%00",
        "/v1/handoffs/",
    ] {
        api.anonymous().send(TestRequest::at("GET", path)).await.problem(ErrorCode::UnknownRoute);
        agent.send(TestRequest::at("POST", path)).await.problem(ErrorCode::UnknownRoute);
    }
}

#[tokio::test]
async fn a_well_formed_correlation_id_is_returned_on_success_and_on_error() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let id = "corr_6b8a3d0e-0f4c-4a53-9a77-2f9a1b1c0d01";
    for ask in [
        TestRequest::of(Operation::Health),
        TestRequest::of(Operation::ListVentures),
        TestRequest::at("GET", "/nothing"),
    ] {
        let response = agent.send(ask.header("x-correlation-id", id)).await;
        assert_eq!(response.header("x-correlation-id"), Some(id));
    }
    let stranger = api.anonymous().send(TestRequest::of(Operation::ListVentures).header("x-correlation-id", id)).await;
    assert_eq!(stranger.problem(ErrorCode::Unauthorized).correlation_id, id);
}

#[tokio::test]
async fn any_other_correlation_id_is_replaced() {
    let api = Api::start().await;
    let bad: [&[u8]; 7] = [
        b"",
        b"corr_",
        b"6b8a3d0e-0f4c-4a53-9a77-2f9a1b1c0d01",
        b"corr_6B8A3D0E-0F4C-4A53-9A77-2F9A1B1C0D01",
        b"corr_6b8a3d0e-0f4c-4a53-9a77-2f9a1b1c0d01x",
        b"corr_<script>",
        b"\xff\xfe",
    ];
    let mut minted = std::collections::BTreeSet::new();
    for given in bad {
        let ask = TestRequest::at("GET", "/nothing").header("x-correlation-id", given);
        let problem = api.anonymous().send(ask).await.problem(ErrorCode::UnknownRoute);
        assert_ne!(problem.correlation_id.as_bytes(), given);
        minted.insert(problem.correlation_id);
    }
    assert_eq!(minted.len(), bad.len());
}
