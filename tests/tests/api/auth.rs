//! Authorization: every operation with every kind of key.

use deckwatch_protocol::operation::Tier;
use deckwatch_protocol::{ErrorCode, Operation};
use deckwatch_tests::{Api, Caller, TestRequest, fresh};
use serde_json::json;

use crate::examples::ExampleRecords;

#[tokio::test]
async fn every_operation_except_the_public_ones_refuses_a_request_without_a_key() {
    let records = ExampleRecords::new().await;
    let before = records.api.db_records_of(&records.agent.venture).await;
    for operation in Operation::ALL {
        let response = records.api.anonymous().send(records.good(*operation)).await;
        if operation.tier() == Tier::Public {
            ExampleRecords::check(*operation, &response);
        } else {
            response.problem(ErrorCode::Unauthorized);
            assert_eq!(response.header("www-authenticate"), Some("Bearer"), "{}", operation.id());
        }
    }
    assert_eq!(
        records.api.db_records_of(&records.agent.venture).await,
        before,
        "a request without a key has changed records"
    );
}

#[tokio::test]
async fn every_operation_except_the_public_ones_refuses_a_wrong_key_and_does_not_repeat_it() {
    let records = ExampleRecords::new().await;
    let wrong = fresh("a-wrong-key");
    for operation in Operation::ALL.iter().filter(|operation| operation.tier() != Tier::Public) {
        let ask = records.good(*operation).header("authorization", format!("Bearer {wrong}"));
        let response = records.api.anonymous().send(ask).await;
        response.problem(ErrorCode::Unauthorized);
        assert!(!response.to_string().contains(&wrong), "{response}");
    }
}

#[tokio::test]
async fn every_admin_operation_refuses_a_context_key() {
    let records = ExampleRecords::new().await;
    for operation in Operation::ALL.iter().filter(|operation| operation.tier() == Tier::Admin) {
        records.agent.send(records.good(*operation)).await.problem(ErrorCode::Forbidden);
    }
}

#[tokio::test]
async fn the_admin_key_may_use_every_operation() {
    let records = ExampleRecords::new().await;
    for operation in Operation::ALL {
        ExampleRecords::check(*operation, &records.api.admin().send(records.good(*operation)).await);
    }
}

#[tokio::test]
async fn a_key_is_accepted_only_in_one_well_formed_header() {
    let api = Api::start().await;
    let key = api.context_key().to_owned();
    let ask = || TestRequest::of(Operation::ListVentures);
    let mut refused = vec![
        ask().header("authorization", ""),
        ask().header("authorization", "Bearer"),
        ask().header("authorization", "Bearer "),
        ask().header("authorization", &key),
        ask().header("authorization", format!("Basic {key}")),
        ask().header("authorization", format!("Bearer {key}x")),
        ask().header("authorization", format!("Bearer {}", key.to_uppercase())),
        ask().header("authorization", format!("Bearer {key} {key}")),
        ask().header("authorization", b"Bearer \xff\xfe"),
        ask().header("x-api-key", &key),
        ask().query(format!("authorization=Bearer+{key}")),
    ];
    refused.push(ask().header("authorization", format!("Bearer {key}")).another("authorization", "Bearer other"));
    for ask in refused {
        let shown = format!("{ask:?}");
        assert_eq!(api.anonymous().send(ask).await.status, 401, "{shown}");
    }
    let lower = ask().header("authorization", format!("bearer {key}"));
    assert_eq!(api.anonymous().send(lower).await.status, 200);
}

#[tokio::test]
async fn a_request_without_a_key_writes_no_row() {
    let api = Api::start().await;
    let correlation_id = "corr_6b8a3d0e-0f4c-4a53-9a77-2f9a1b1c0d01".replace("0d01", &fresh("")[1..5]);
    let ask = api.agent_nowhere().ask_start_day(json!({})).header("x-correlation-id", &correlation_id);
    api.anonymous().send(ask).await.problem(ErrorCode::Unauthorized);
    let logged = "select count(*) as n from request_log where correlation_id = ?1";
    assert_eq!(api.db_count(logged, json!([correlation_id])).await, 0);
}
