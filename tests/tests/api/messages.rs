//! Messages: who gets one, who may send and read it, and what is refused.

use deckwatch_protocol::{DeliveryStatus, ErrorCode, EventKind, MintedToken, Operation, ReachedAgents, SentMessage};
use deckwatch_tests::{Api, Caller, KeyCaller, Mailbox, TestRequest, fresh, texts};
use serde_json::{Value, json};

/// The agents that a message reached.
fn reached(sent: &SentMessage) -> Vec<String> {
    let mut agents: Vec<String> = sent.recipients.items.iter().map(|delivery| delivery.agent.clone()).collect();
    agents.sort();
    agents
}

/// The names of mailboxes, sorted.
fn names(mailboxes: &[&Mailbox]) -> Vec<String> {
    let mut names: Vec<String> = mailboxes.iter().map(|mailbox| mailbox.name().to_owned()).collect();
    names.sort();
    names
}

async fn recipients(from: &Mailbox, to: &str) -> ReachedAgents {
    let query = format!("session_id={}&to={}", from.session.id, to.replace('@', "%40").replace(':', "%3A"));
    from.agent.send(TestRequest::of(Operation::ListRecipients).query(query)).await.of(200)
}

#[tokio::test]
async fn a_message_to_a_name_waits_for_the_agent() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (sender, other) = (agent.mailbox().await, agent.colleague().mailbox().await);
    other.agent.ended(&other.session.id).await;
    let before = api.head().await;
    let message = json!({
        "kind": "question", "subject": "The build", "body": "Is it green?", "ack_required": true, "priority": "now",
    });
    let sent = sender.sent(&[other.name()], message).await;
    assert_eq!((sent.from.as_str(), sent.venture.as_str()), (sender.name(), agent.venture.as_str()));
    assert_eq!((sent.recipients.total, sent.recipients.shown), (1, 1));
    let [delivery] = sent.recipients.items.as_slice() else { panic!("{sent:?}") };
    assert_eq!((delivery.agent.as_str(), delivery.status), (other.name(), DeliveryStatus::Queued));
    let event = api.events_after(before).await.into_iter().find(|event| event.subject == sent.id.as_str()).unwrap();
    assert_eq!((event.kind, event.agent.as_ref().map(AsRef::as_ref)), (EventKind::MessageSent, Some(sender.name())));
    assert_eq!(
        Value::Object(event.data),
        json!({ "from": sender.name(), "kind": "question", "priority": "now", "recipients": 1, "to": [other.name()] })
    );
    let taken = other.restarted().await.taken().await;
    let [item] = taken.items.as_slice() else { panic!("{taken:?}") };
    assert_eq!((item.delivery_id.as_str(), item.redelivered), (delivery.delivery_id.as_str(), false));
    let message = serde_json::to_value(&item.message).unwrap();
    assert_eq!(
        message,
        json!({
            "id": sent.id, "seq": sent.seq, "venture": agent.venture, "from": sender.name(), "to": [other.name()],
            "kind": "question", "subject": "The build", "body": "Is it green?", "reply_to": null, "priority": "now",
            "ack_required": true, "sealed": null, "handoff_id": null, "sent_at": sent.sent_at,
            "expires_at": sent.sent_at.plus_seconds(604_800),
        })
    );
}

#[tokio::test]
async fn groups_reach_their_sub_groups_and_never_the_sender() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let open = async |groups: Value| agent.colleague().mailbox_with(json!({ "groups": groups })).await;
    let sender = open(json!({ "frontend": "lead" })).await;
    let lead = open(json!({ "frontend": "lead", "reviewers": "member" })).await;
    let css = open(json!({ "frontend/css": "lead" })).await;
    let similar = open(json!({ "frontend2": "lead", "a": "frontend" })).await;
    let silent = open(json!({ "frontend": "lead" })).await;
    api.after_answers().await;
    api.db_silence(&silent.session.id, 46).await;
    for (to, expected) in [
        ("@frontend", vec![&lead, &css]),
        ("@frontend/css", vec![&css]),
        ("@frontend:lead", vec![&lead]),
        ("@reviewers:member", vec![&lead]),
        ("@all", vec![&lead, &css, &similar]),
    ] {
        let listed: Vec<_> = recipients(&sender, to).await.items.into_iter().map(|reached| reached.agent).collect();
        assert_eq!(listed, names(&expected), "{to}");
        assert_eq!(reached(&sender.sent(&[to], json!({})).await), names(&expected), "{to}");
    }
    let several = [format!("session:{}", css.session.id), "human".to_owned()];
    let sent = sender.sent(&["@reviewers", lead.name(), &several[0], &several[1]], json!({})).await;
    let mut expected = names(&[&lead, &css]);
    expected.push("human".to_owned());
    expected.sort();
    assert_eq!(reached(&sent), expected, "an agent gets a message once");
    // A silent agent is in no group, but has a mailbox.
    assert_eq!(reached(&sender.sent(&[silent.name()], json!({})).await), names(&[&silent]));
}

#[tokio::test]
async fn the_recipients_are_those_at_the_time_of_the_message() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let sender = agent.mailbox().await;
    let early = agent.colleague().mailbox_with(json!({ "groups": { "old-name": "member" } })).await;
    let sent = sender.sent(&["@old-name"], json!({ "body": "early" })).await;
    // The group gets another name, and another agent joins the old one.
    early.update(json!({ "groups": { "new-name": "member" } })).await;
    let late = agent.colleague().mailbox_with(json!({ "groups": { "old-name": "member" } })).await;
    assert_eq!(reached(&sender.sent(&["@new-name"], json!({ "body": "new" })).await), names(&[&early]));
    assert_eq!(reached(&sender.sent(&["@old-name"], json!({ "body": "late" })).await), names(&[&late]));
    assert_eq!(early.taken_texts().await, ["early", "new"]);
    assert_eq!(late.taken_texts().await, ["late"]);
    assert_eq!(sender.record(&sent.id).await.deliveries.len(), 1);
}

#[tokio::test]
async fn an_unknown_recipient_is_refused_with_the_nearest_names() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let named = |name: &str| {
        let mut named = agent.clone();
        name.clone_into(&mut named.name);
        named
    };
    let sender = named("mac1-claude-1").mailbox().await;
    for name in ["mac2-codex-1", "mac2-codex-2", "zebra"] {
        named(name).mailbox().await;
    }
    let problem = sender.send(&["mac2-codex-2", "mac2-codx-1"], json!({})).await;
    let problem = problem.problem_at(ErrorCode::RecipientUnknown, &["/to/1"]);
    let detail = &problem.errors[0].detail;
    assert!(detail.contains("nearest names are mac2-codex-1, mac2-codex-2"), "{detail}");
    assert!(!detail.contains("zebra"), "{detail}");
    // The names of another venture are not known here, and none is named.
    let stranger = api.agent().await.mailbox().await;
    let to = [stranger.name(), &format!("session:{}", stranger.session.id)];
    let problem = sender.send(&to, json!({})).await.problem_at(ErrorCode::RecipientUnknown, &["/to/0", "/to/1"]);
    assert!(problem.errors[1].detail.contains("not a session of the venture"), "{problem:?}");
    let query = format!("session_id={}&to=nobody", sender.session.id);
    let list = sender.agent.send(TestRequest::of(Operation::ListRecipients).query(query)).await;
    list.problem_at(ErrorCode::RecipientUnknown, &["/to/0"]);
    // After 30 days without a start of its day, an agent is not known.
    let old = json!([api.minutes_ago(31 * 24 * 60), agent.venture]);
    api.db_execute("update agents set last_seen_at = ?1 where venture = ?2 and agent = 'zebra'", old).await;
    sender.send(&["zebra"], json!({})).await.problem(ErrorCode::RecipientUnknown);
    assert_eq!(sender.taken().await.items, []);
}

#[tokio::test]
async fn a_message_that_reaches_no_agent_is_refused() {
    let api = Api::start().await;
    let sender = api.agent().await.mailbox_with(json!({ "groups": { "frontend": "lead" } })).await;
    for to in ["@all", "@frontend", "@nothing"] {
        sender.send(&[to], json!({})).await.problem(ErrorCode::NoRecipient);
    }
    let stored = "select count(*) as n from messages where venture = ?1";
    assert_eq!(api.db_count(stored, json!([sender.agent.venture])).await, 0);
}

#[tokio::test]
async fn a_message_reaches_at_most_200_agents() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let sender = agent.mailbox().await;
    let copy = "
        with recursive n (i) as (select 1 union all select i + 1 from n where i < cast(?2 as integer))
        insert into sessions (id, agent, client, host, venture, repo, created_at, last_heartbeat_at, actor_key_id, creation_correlation_id)
        select printf('sess_00000000000000000000%06d', cast(?3 as integer) + i), printf('copy-%03d', cast(?3 as integer) + i), s.client, s.host, s.venture, s.repo,
          s.created_at, s.last_heartbeat_at, s.actor_key_id, s.creation_correlation_id
        from n cross join sessions s where s.id = ?1";
    api.db_execute(copy, json!([sender.session.id, 200, 0])).await;
    let sent = sender.sent(&["@all"], json!({})).await;
    assert_eq!((sent.recipients.total, sent.recipients.shown), (200, 50));
    let record = sender.record(&sent.id).await;
    let agents: Vec<_> = record.deliveries.iter().map(|delivery| delivery.agent.clone()).collect();
    assert_eq!(agents, (1..=200).map(|n| format!("copy-{n:03}")).collect::<Vec<_>>());
    assert_eq!(recipients(&sender, "@all").await.total, 200);
    for more in [1, 30] {
        api.db_execute(copy, json!([sender.session.id, more, 199 + more])).await;
        sender.send(&["@all"], json!({})).await.problem_at(ErrorCode::TooManyRecipients, &["/to"]);
        let query = format!("session_id={}&to=%40all", sender.session.id);
        let list = sender.agent.send(TestRequest::of(Operation::ListRecipients).query(query)).await;
        list.problem(ErrorCode::TooManyRecipients);
    }
}

#[tokio::test]
async fn a_sender_has_limits_of_its_own() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let (sender, other) = (agent.mailbox().await, agent.colleague().mailbox().await);
    // A window of the next minute counts too: the test then never crosses the end of a minute.
    let filled = |sent: u32, to_all: u32| json!([agent.venture, sender.name(), sent, to_all, api.minutes_ago(-1)]);
    let fill = "insert or replace into message_rates (venture, agent, window_start, sent, sent_to_all)
        values (?1, ?2, ?5, cast(?3 as integer), cast(?4 as integer))";
    api.db_execute(fill, filled(58, 5)).await;
    sender.sent(&["@all"], json!({})).await;
    let refused = sender.send(&["@all"], json!({})).await;
    let problem = refused.problem(ErrorCode::MessageRateLimited);
    assert!(problem.detail.contains("@all"), "{problem:?}");
    let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    // The refused message does not count. The 60th is sent, the 61st is not.
    sender.sent(&[other.name()], json!({})).await;
    let refused = sender.send(&[other.name()], json!({})).await;
    assert!(refused.header("retry-after").is_some());
    refused.problem(ErrorCode::MessageRateLimited);
    // Another agent and another minute have limits of their own.
    other.sent(&[sender.name()], json!({})).await;
    let past = json!([agent.venture, sender.name(), 60, 6, api.minutes_ago(2)]);
    api.db_execute(fill, past).await;
    sender.sent(&["@all"], json!({})).await;
    assert_eq!(other.taken().await.items.len(), 3);
}

#[tokio::test]
async fn a_message_is_recorded_whatever_the_epoch_and_the_state_of_the_session() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (sender, other) = (agent.mailbox().await, agent.colleague().mailbox().await);
    let newer = sender.restarted().await;
    assert!(newer.session.epoch > sender.session.epoch);
    sender.sent(&[other.name()], json!({ "body": "older epoch" })).await;
    newer.agent.ended(&newer.session.id).await;
    newer.sent(&[other.name()], json!({ "body": "ended" })).await;
    assert_eq!(other.taken_texts().await, ["older epoch", "ended"]);
}

#[tokio::test]
async fn sending_again_with_the_same_key_sends_once() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (sender, other) = (agent.mailbox().await, agent.colleague().mailbox().await);
    let ask = sender.ask_send(&[other.name()], json!({}));
    let first = agent.send(ask.clone()).await;
    let _: SentMessage = first.of(201);
    let again = agent.send(ask).await;
    assert!(again.is_replay() && again.body == first.body, "{again}");
    assert_eq!(other.taken().await.items.len(), 1);
}

#[tokio::test]
async fn a_message_is_checked_before_it_is_sent() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (sender, other) = (agent.mailbox().await, agent.colleague().mailbox().await);
    let name = other.name();
    let many: Vec<String> = (0..51).map(|n| format!("agent-{n}")).collect();
    for (to, fields, pointer) in [
        (vec![], json!({}), "/to"),
        (many.iter().map(String::as_str).collect(), json!({}), "/to"),
        (vec!["@a b"], json!({}), "/to/0"),
        (vec![name], json!({ "kind": "shout" }), "/kind"),
        (vec![name], json!({ "priority": "never" }), "/priority"),
        (vec![name], json!({ "body": null }), "/body"),
        (vec![name], json!({ "body": "x".repeat(32_769) }), "/body"),
        (vec![name], json!({ "subject": "two\nlines" }), "/subject"),
        (vec![name], json!({ "expires_in_seconds": 59 }), "/expires_in_seconds"),
        (vec![name], json!({ "from": name }), "/from"),
    ] {
        sender.send(&to, fields).await.problem_at(ErrorCode::InvalidRequest, &[pointer]);
    }
    let token = format!("gh{}_{}", "p", "Zk3Qw8Rt5Yb1Nm7Lp2Xc9Vd4Gh6Js0Fa8Te3");
    let secret = sender.send(&[name], json!({ "body": format!("use {token} for it") })).await;
    let problem = secret.problem_at(ErrorCode::HoldsSecret, &["/body"]);
    assert!(!format!("{problem:?}").contains(&token));
    sender.sent(&[name], json!({ "body": "é".repeat(16_384) })).await;
    assert_eq!(other.taken().await.items.len(), 1);
}

#[tokio::test]
async fn a_reply_refers_to_a_message_of_the_agent() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (asking, answering, other) =
        (agent.mailbox().await, agent.colleague().mailbox().await, agent.colleague().mailbox().await);
    let question = asking.sent(&[answering.name()], json!({ "kind": "question" })).await;
    let reply = json!({ "kind": "answer", "reply_to": question.id });
    let answer = answering.sent(&[asking.name()], reply.clone()).await;
    assert_eq!(asking.record(&answer.id).await.message.reply_to, Some(question.id.clone()));
    asking.sent(&[answering.name()], reply.clone()).await;
    other.send(&[asking.name()], reply).await.problem(ErrorCode::MessageNotFound);
}

#[tokio::test]
async fn a_sealed_message_has_a_key_for_exactly_its_recipients() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let sender = agent.mailbox().await;
    let key = format!("{}=", "A".repeat(43));
    let open = async |fields: Value| agent.colleague().mailbox_with(fields).await;
    let group = json!({ "groups": { "team": "member" }, "public_key": key });
    let (one, two) = (open(group.clone()).await, open(group).await);
    let sealed = |agents: &[&str]| {
        let nonce = "n".repeat(32);
        let keys: Vec<_> = agents
            .iter()
            .map(|agent| json!({ "agent": agent, "key_id": "k1", "nonce": nonce, "box": "QUJD" }))
            .collect();
        json!({ "body": null, "sealed": {
            "alg": "x25519-xsalsa20poly1305", "nonce": nonce, "box": "QUJDRA==", "keys": keys,
        } })
    };
    let listed = recipients(&sender, "@team").await;
    assert!(listed.items.iter().all(|reached| reached.is_active));
    assert!(listed.items.iter().all(|reached| reached.public_key.as_ref().is_some_and(|k| k.as_str() == key)));
    let agents: Vec<&str> = listed.items.iter().map(|reached| reached.agent.as_str()).collect();
    let sent = sender.sent(&["@team"], sealed(&agents)).await;
    let record = serde_json::to_value(one.record(&sent.id).await.message).unwrap();
    assert_eq!((&record["body"], &record["sealed"]["box"]), (&Value::Null, &json!("QUJDRA==")));
    // The key of an agent that is away is that of its last session.
    two.agent.ended(&two.session.id).await;
    let away = recipients(&sender, two.name()).await;
    assert_eq!((away.items[0].is_active, away.items[0].public_key.is_some()), (false, true));
    for agents in [vec![one.name(), two.name()], vec![sender.name()], vec![]] {
        sender.send(&["@team"], sealed(&agents)).await.problem_at(ErrorCode::RecipientsChanged, &["/sealed/keys"]);
    }
    for (to, over, pointer) in [
        ("human", json!({}), "/to"),
        ("@team", json!({ "subject": "in clear" }), "/subject"),
        ("@team", json!({ "body": "in clear" }), "/body"),
        ("@team", json!({ "sealed": { "alg": "rot13" } }), "/sealed/alg"),
        ("@team", json!({ "sealed": { "nonce": "short" } }), "/sealed/nonce"),
    ] {
        let message = deckwatch_tests::overlay(sealed(&[one.name()]), over);
        sender.send(&[to], message).await.problem_at(ErrorCode::InvalidRequest, &[pointer]);
    }
    assert_eq!(one.taken().await.items.len(), 1);
}

#[tokio::test]
async fn only_the_sender_the_recipients_and_an_admin_read_a_message() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let mint = async |fields: Value| {
        let token = deckwatch_tests::overlay(json!({ "name": "own", "scopes": ["context"] }), fields);
        let minted: MintedToken = api.admin().send(TestRequest::of(Operation::CreateToken).json(&token)).await.of(201);
        KeyCaller::of(&api, minted.token)
    };
    // Agents with keys of their own, so that the names have different owners.
    let mut callers = Vec::new();
    for _ in 0..3 {
        let (caller, one) = (mint(json!({ "venture": agent.venture })).await, agent.colleague());
        let day = one.ask_start_day(json!({ "machine_id": deckwatch_tests::fresh_uuid() }));
        let day: deckwatch_protocol::DayStarted = caller.send(day).await.of(201);
        callers.push((caller, Mailbox { agent: one, session: day.session }));
    }
    let [(from, sender), (to, recipient), (stranger, strange)] = callers.as_slice() else { panic!() };
    let sent: SentMessage = from.send(sender.ask_send(&[recipient.name()], json!({}))).await.of(201);
    let get = TestRequest::of(Operation::GetMessage).with(&sent.id);
    for reader in [from, to] {
        let _: deckwatch_protocol::MessageRecord = reader.send(get.clone()).await.of(200);
    }
    let _: deckwatch_protocol::MessageRecord = api.admin().send(get.clone()).await.of(200);
    stranger.send(get.clone()).await.problem(ErrorCode::MessageNotFound);
    mint(json!({})).await.send(get.clone()).await.problem(ErrorCode::MessageNotFound);
    // A token for another venture sees nothing of this one.
    let elsewhere = mint(json!({ "venture": api.venture().await })).await;
    elsewhere.send(get).await.problem(ErrorCode::MessageNotFound);
    elsewhere.send(sender.ask_send(&[recipient.name()], json!({}))).await.problem(ErrorCode::SessionNotFound);
    // The inbox of an agent is listed by its owner and an admin.
    let list =
        |name: &str| TestRequest::of(Operation::ListInbox).query(format!("venture={}&agent={name}", agent.venture));
    let page: Value = to.send(list(recipient.name())).await.json();
    assert_eq!((&page["total"], &page["items"][0]["message"]["id"]), (&json!(1), &json!(sent.id)));
    assert_eq!(api.admin().send(list(recipient.name())).await.json(), page);
    stranger.send(list(recipient.name())).await.problem(ErrorCode::Forbidden);
    stranger.send(list("human")).await.problem(ErrorCode::Forbidden);
    elsewhere.send(list(recipient.name())).await.problem(ErrorCode::Forbidden);
    let page: Value = stranger.send(list(strange.name())).await.json();
    assert_eq!(page["total"], 0);
}

#[tokio::test]
async fn people_get_messages_that_no_agent_takes() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let sender = agent.mailbox().await;
    let mut human = agent.clone();
    "human".clone_into(&mut human.name);
    let human = human.mailbox().await;
    sender.sent(&["human"], json!({ "body": "for people" })).await;
    assert_eq!(texts(&human.taken().await), [""; 0], "an agent named human");
    let list = TestRequest::of(Operation::ListInbox).query(format!("venture={}&agent=human", agent.venture));
    let page: Value = api.admin().send(list).await.json();
    assert_eq!((&page["total"], &page["items"][0]["message"]["body"]), (&json!(1), &json!("for people")));
    assert_eq!(recipients(&sender, "human").await.items[0].agent, "human");
}

#[tokio::test]
async fn a_handoff_to_an_agent_is_in_its_mailbox() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (sender, other) = (agent.mailbox().await, agent.colleague().mailbox().await);
    let handoff = json!({ "summary": "The parser is next.", "to_agent": other.name() });
    let ended: Value = agent.end_day(&sender.session.id, handoff).await.of(200);
    let id = ended["handoff"]["id"].as_str().unwrap();
    let taken = other.taken().await;
    let [item] = taken.items.as_slice() else { panic!("{taken:?}") };
    assert_eq!(item.message.handoff_id.as_ref().map(AsRef::as_ref), Some(id));
    assert_eq!(
        (item.message.from.as_str(), item.message.body.as_deref()),
        (sender.name(), Some("The parser is next."))
    );
    // It is one mailbox: an acknowledged handoff is not shown at the start of the next day.
    let shown = async || -> Value { other.agent.start_day(json!({})).await.json()["handoffs_to_you"]["total"].clone() };
    assert_eq!(shown().await, 1);
    other.reported(item.delivery_id.as_str(), "surfaced").await;
    assert_eq!(shown().await, 1);
    other.reported(item.delivery_id.as_str(), "acknowledged").await;
    assert_eq!(shown().await, 0);
    // The end of the same day again, and a handoff without an agent, deliver nothing.
    agent.end_day(&sender.session.id, json!({ "to_agent": other.name() })).await.of::<Value>(200);
    let open = agent.colleague().mailbox().await;
    open.agent.create_handoff(&open.session.id, json!({})).await.of::<Value>(201);
    assert_eq!(other.taken().await.items, []);
    open.agent
        .create_handoff(&open.session.id, json!({ "to_agent": other.name(), "summary": "two" }))
        .await
        .of::<Value>(201);
    assert_eq!(other.taken_texts().await, ["two"]);
}

#[tokio::test]
async fn messages_of_one_sender_arrive_in_order() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let (sender, other) = (agent.mailbox().await, agent.colleague().mailbox().await);
    let texts: Vec<String> = (0..30).map(|n| format!("{} {n}", fresh("message"))).collect();
    let mut last = 0;
    for text in &texts {
        let sent = sender.sent(&[other.name()], json!({ "body": text })).await;
        assert!(sent.seq > last);
        last = sent.seq;
    }
    let mut got = other.taken_texts().await;
    got.extend(other.taken_texts().await);
    assert_eq!(got, texts);
}
