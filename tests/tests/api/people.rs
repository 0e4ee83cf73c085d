//! People: they send and read messages without a session, with an admin key or with a token that has the scope `human`.

use deckwatch_protocol::{
    DeliveryStatus, ErrorCode, EventKind, InboxItem, MessageRecord, Operation, Page, ReachedAgents, ReportedInbox,
    SentMessage,
};
use deckwatch_tests::{Api, Caller, KeyCaller, Mailbox, TestRequest, fresh, fresh_uuid, overlay};
use serde_json::{Value, json};

use crate::tokens::mint;

/// A person with a token.
async fn person(api: &Api, name: &str, fields: Value) -> KeyCaller {
    let token = overlay(json!({ "name": name, "scopes": ["human"] }), fields);
    KeyCaller::of(api, mint(api, token).await.token)
}

/// The request of a person that sends a message; `fields` adds or replaces fields of the body.
fn ask_send(venture: &str, to: &[&str], fields: Value) -> TestRequest {
    let message = json!({ "venture": venture, "to": to, "kind": "note", "body": fresh("text") });
    TestRequest::of(Operation::SendMessage).json(&overlay(message, fields))
}

/// The request that reports that people have read a message.
fn ask_report(venture: &str, delivery: &str, status: &str, at: &Value) -> TestRequest {
    let items = json!([{ "delivery_id": delivery, "status": status, "at": at }]);
    TestRequest::of(Operation::ReportInbox).json(&json!({ "venture": venture, "items": items }))
}

async fn inbox(reader: &impl Caller, venture: &str) -> Page<InboxItem> {
    let list = TestRequest::of(Operation::ListInbox).query(format!("venture={venture}&agent=human"));
    reader.send(list).await.of(200)
}

#[tokio::test]
async fn a_person_sends_without_a_session_and_gets_the_reply() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox_with(json!({ "groups": { "frontend": "lead" } })).await;
    let venture = &agent.agent.venture;
    let (ann, before) = (person(&api, "ann.lee", json!({})).await, api.head().await);
    let ask = ask_send(venture, &["@frontend"], json!({ "kind": "question", "body": "Is it green?" }));
    let sent: SentMessage = ann.send(ask.clone()).await.of(201);
    assert_eq!(
        (sent.from.as_str(), sent.venture.as_str(), sent.recipients.total),
        ("human:ann.lee", venture.as_str(), 1)
    );
    let again = ann.send(ask).await;
    assert!(again.is_replay(), "{again}");
    let event = api.events_after(before).await.into_iter().find(|event| event.subject == sent.id.as_str()).unwrap();
    assert_eq!((event.kind, event.agent, event.session_id), (EventKind::MessageSent, None, None));
    assert_eq!(event.data["from"], "human:ann.lee");
    let taken = agent.taken().await;
    assert_eq!(taken.items[0].message.from, "human:ann.lee");
    // The agent answers to the sender as it is shown.
    let answer = json!({ "kind": "answer", "body": "Yes.", "reply_to": sent.id });
    let answer = agent.sent(&["human:ann.lee"], answer).await;
    assert_eq!(answer.recipients.items[0].agent, "human");
    let page = inbox(&ann, venture).await;
    let [item] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!(item.message.to[0].as_str(), "human:ann.lee");
    assert_eq!((item.message.body.as_deref(), &item.message.reply_to), (Some("Yes."), &Some(sent.id)));
    // A person replies to what people got, and reads what people sent and got.
    let thanks = json!({ "reply_to": answer.id });
    let thanks: SentMessage = ann.send(ask_send(venture, &[agent.name()], thanks)).await.of(201);
    for id in [&answer.id, &thanks.id] {
        let _: MessageRecord = ann.send(TestRequest::of(Operation::GetMessage).with(id)).await.of(200);
    }
}

#[tokio::test]
async fn the_name_of_a_person_is_that_of_the_token_or_one_that_an_admin_gives() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox().await;
    let (venture, to) = (&agent.agent.venture, [agent.name()]);
    let from = async |caller: &KeyCaller, fields: Value| {
        caller.send(ask_send(venture, &to, fields)).await.of::<SentMessage>(201).from
    };
    let ann = person(&api, "ann", json!({ "venture": venture })).await;
    assert_eq!(from(&ann, json!({ "name": "bob" })).await, "human:ann");
    let admin = person(&api, "An admin", json!({ "scopes": ["admin"] })).await;
    assert_eq!(from(&admin, json!({})).await, "human:admin");
    assert_eq!(from(&admin, json!({ "name": "bob" })).await, "human:bob");
    let sent: SentMessage = api.admin().send(ask_send(venture, &to, json!({ "name": "eve" }))).await.of(201);
    assert_eq!(sent.from, "human:eve");
    // A token of a person has the name of a person.
    let token = json!({ "name": "Ann Lee", "scopes": ["human"] });
    let refused = api.admin().send(TestRequest::of(Operation::CreateToken).json(&token)).await;
    refused.problem_at(ErrorCode::InvalidRequest, &["/name"]);
}

#[tokio::test]
async fn only_a_person_speaks_without_a_session() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox().await;
    let venture = &agent.agent.venture;
    let message = agent.sent(&["human"], json!({})).await;
    let delivery = message.recipients.items[0].delivery_id.as_str();
    let at = json!(api.minutes_ago(0));
    let requests = [
        ask_send(venture, &["human"], json!({})),
        ask_report(venture, delivery, "surfaced", &at),
        TestRequest::of(Operation::ListRecipients).query(format!("venture={venture}&to=human")),
    ];
    let context = person(&api, "ctx", json!({ "scopes": ["context"] })).await;
    let bound = json!({ "venture": venture, "agent": agent.name(), "machine_id": fresh_uuid() });
    let bound = agent.agent.send(TestRequest::of(Operation::CreateAgentToken).json(&bound)).await;
    let bound = KeyCaller::of(&api, bound.json()["token"].as_str().unwrap());
    for request in &requests {
        for caller in [&context, &bound] {
            caller.send(request.clone()).await.problem(ErrorCode::Forbidden);
        }
        let shared = agent.agent.send(request.clone()).await.problem(ErrorCode::Forbidden);
        assert!(shared.detail.contains("session_id"), "{shared:?}");
    }
    context
        .send(TestRequest::of(Operation::ListInbox).query(format!("venture={venture}&agent=human")))
        .await
        .problem(ErrorCode::Forbidden);
    // A person of another venture has no access to this one.
    let elsewhere = person(&api, "eve", json!({ "venture": api.venture().await })).await;
    for request in &requests {
        elsewhere.send(request.clone()).await.problem(ErrorCode::Forbidden);
    }
    elsewhere.send(TestRequest::of(Operation::GetMessage).with(&message.id)).await.problem(ErrorCode::MessageNotFound);
    let nowhere = ask_send(&fresh("nowhere"), &["human"], json!({}));
    api.admin().send(nowhere).await.problem_at(ErrorCode::VentureNotRegistered, &["/venture"]);
    assert_eq!(inbox(&api.admin(), venture).await.total, 1, "nothing was read or sent");
}

#[tokio::test]
async fn a_request_is_that_of_an_agent_or_of_a_person() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox().await;
    let venture = &agent.agent.venture;
    let fence = json!({ "session_id": agent.session.id, "epoch": 1 });
    for (fields, pointer) in [
        (json!({}), "/session_id"),
        (json!({ "session_id": agent.session.id }), "/epoch"),
        (json!({ "venture": venture, "epoch": 1 }), "/epoch"),
        (overlay(fence.clone(), json!({ "venture": venture })), "/venture"),
        (overlay(fence, json!({ "name": "ann" })), "/name"),
    ] {
        let message = overlay(json!({ "to": ["human"], "kind": "note", "body": "text" }), fields);
        let ask = TestRequest::of(Operation::SendMessage).json(&message);
        api.admin().send(ask).await.problem_at(ErrorCode::InvalidRequest, &[pointer]);
    }
}

/// Sends a message to people and returns the id of its delivery.
async fn to_people(agent: &Mailbox) -> (SentMessage, String) {
    let sent = agent.sent(&["human"], json!({})).await;
    let delivery = sent.recipients.items[0].delivery_id.to_string();
    (sent, delivery)
}

#[tokio::test]
async fn a_person_reports_what_people_have_read() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox().await;
    let venture = &agent.agent.venture;
    let ann = person(&api, "ann", json!({})).await;
    let ((sent, delivery), (_, other)) = (to_people(&agent).await, to_people(&agent).await);
    assert_eq!(inbox(&ann, venture).await.total, 2);
    for (status, expected) in [("surfaced", DeliveryStatus::Surfaced), ("acknowledged", DeliveryStatus::Acknowledged)] {
        let report = ask_report(venture, &delivery, status, &json!(api.minutes_ago(0)));
        let reported: ReportedInbox = ann.send(report).await.of(200);
        assert_eq!(reported.items[0].status, Some(expected));
    }
    let record = agent.record(&sent.id).await.deliveries.remove(0);
    assert_eq!((record.status, record.offered_at), (DeliveryStatus::Acknowledged, None));
    assert!(record.surfaced_at.unwrap() >= record.queued_at);
    let page = inbox(&ann, venture).await;
    assert_eq!((page.total, page.items[0].delivery_id.as_str()), (1, other.as_str()));
    // What waits for an agent is not for people to report, and the other way round.
    let colleague = agent.agent.colleague().mailbox().await;
    let to_agent = agent.sent(&[colleague.name()], json!({})).await.recipients.items[0].delivery_id.to_string();
    let report = ask_report(venture, &to_agent, "surfaced", &json!(api.minutes_ago(0)));
    let reported: ReportedInbox = ann.send(report).await.of(200);
    assert_eq!(reported.items[0].status, None);
    assert_eq!(colleague.reported(&other, "surfaced").await, Value::Null);
    assert_eq!(colleague.taken().await.items.len(), 1);
}

#[tokio::test]
async fn a_person_has_the_limits_of_a_sender_and_is_told_of_expired_messages() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await.mailbox().await;
    let venture = &agent.agent.venture;
    let ann = person(&api, "ann", json!({ "rate_limit_per_minute": 1_000 })).await;
    let short = ask_send(venture, &[agent.name()], json!({ "expires_in_seconds": 60 }));
    let sent: SentMessage = ann.send(short).await.of(201);
    let fill = "insert or replace into message_rates (venture, agent, window_start, sent, sent_to_all)
        values (?1, ?2, ?3, 60, 0)";
    api.db_execute(fill, json!([venture, "human:ann", api.minutes_ago(-1)])).await;
    let message = ask_send(venture, &[agent.name()], json!({}));
    ann.send(message.clone()).await.problem(ErrorCode::MessageRateLimited);
    let _: SentMessage = person(&api, "bob", json!({})).await.send(message).await.of(201);
    let past = json!([api.minutes_ago(1), sent.id]);
    api.db_execute("update messages set expires_at = ?1, due_at = ?1 where id = ?2", past.clone()).await;
    api.db_execute("update deliveries set expires_at = ?1 where message_id = ?2", past).await;
    api.sweep().await;
    let page = inbox(&ann, venture).await;
    let [item] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((item.message.from.as_str(), &item.message.reply_to), ("deckwatch", &Some(sent.id)));
}

#[tokio::test]
async fn a_person_lists_the_recipients() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox().await;
    let (venture, name) = (&agent.agent.venture, agent.name());
    let ann = person(&api, "ann", json!({})).await;
    let list = async |to: &str| {
        ann.send(TestRequest::of(Operation::ListRecipients).query(format!("venture={venture}&to={to}"))).await
    };
    for to in ["%40all", name] {
        let reached: ReachedAgents = list(to).await.of(200);
        assert_eq!((reached.total, reached.items[0].agent.as_str(), reached.items[0].is_active), (1, name, true));
    }
    list("nobody").await.problem_at(ErrorCode::RecipientUnknown, &["/to/0"]);
    ann.send(ask_send(venture, &["nobody"], json!({}))).await.problem_at(ErrorCode::RecipientUnknown, &["/to/0"]);
}
