//! Every operation of the table: a valid request, an invalid request, the wrong method, and its entry in the OpenAPI
//! document. `auth` tests keys, and `idempotency` tests replays.

use std::collections::BTreeSet;

use deckwatch_protocol::operation::{Effect, Tier};
use deckwatch_protocol::{ErrorCode, Operation, Problem};
use deckwatch_tests::{Api, Caller, TestRequest};
use serde_json::Value;

use crate::examples::ExampleRecords;

#[tokio::test]
async fn every_operation_answers_a_valid_request_with_its_type() {
    let records = ExampleRecords::new().await;
    for operation in Operation::ALL {
        let response = records.send(*operation, records.good(*operation)).await;
        ExampleRecords::check(*operation, &response);
        assert!(!response.is_replay(), "{}", operation.id());
    }
}

#[tokio::test]
async fn every_operation_answers_an_invalid_request_with_a_problem() {
    let records = ExampleRecords::new().await;
    let before = records.api.db_records_of(&records.agent.venture).await;
    for operation in Operation::ALL {
        let (ask, code) = records.bad(*operation);
        let _: Problem = records.send(*operation, ask).await.problem(code);
    }
    assert_eq!(
        records.api.db_records_of(&records.agent.venture).await,
        before,
        "a refused request has changed records"
    );
}

#[tokio::test]
async fn every_path_lists_its_methods_if_the_method_is_wrong() {
    let api = Api::start().await;
    for operation in Operation::ALL {
        let of_path = || Operation::ALL.iter().filter(|other| other.path() == operation.path());
        let is_free = |method: &&str| of_path().all(|other| other.method() != *method);
        let wrong = ["DELETE", "POST", "PATCH"].into_iter().find(is_free).unwrap();
        let response = api.anonymous().send(TestRequest::at(wrong, operation.path()).with("x").with("x")).await;
        response.problem(ErrorCode::MethodNotAllowed);
        let named: BTreeSet<&str> = response.header("allow").unwrap().split(", ").collect();
        assert_eq!(named, of_path().map(|other| other.method()).collect(), "{}", operation.path());
    }
}

#[tokio::test]
async fn the_openapi_document_describes_every_operation_and_nothing_else() {
    let api = Api::start().await;
    let document: Value = api.anonymous().send(TestRequest::of(Operation::Openapi)).await.of(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, entry) in methods.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            described.insert((entry["operationId"].as_str().unwrap(), method.to_uppercase(), path.as_str()));
        }
    }
    let table = Operation::ALL.iter().map(|o| (o.id(), o.method().to_owned(), o.path()));
    assert_eq!(described, table.collect());
}

#[tokio::test]
async fn the_openapi_document_lists_the_requirements_of_each_operation() {
    let api = Api::start().await;
    let document: Value = api.anonymous().send(TestRequest::of(Operation::Openapi)).await.of(200);
    for operation in Operation::ALL {
        let entry = &document["paths"][operation.path()][operation.method().to_lowercase()];
        let text = entry.to_string();
        assert_eq!(text.to_lowercase().contains("idempotency"), operation.effect() == Effect::Write, "{text}");
        let takes_key = entry.get("security").or(document.get("security")).is_some_and(|s| *s != Value::Array(vec![]));
        assert_eq!(takes_key, operation.tier() != Tier::Public, "{}", operation.id());
        let granted = entry["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2'));
        assert!(granted, "{} has no successful response in the document", operation.id());
    }
}
