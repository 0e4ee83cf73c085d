//! The inbox: what a process takes and reports, in every mode, after a restart, a move and a loss.

use deckwatch_protocol::{DeliveryStatus, ErrorCode, InboxItem, Page, SentMessage, TakenInbox};
use deckwatch_tests::{Api, Mailbox, fresh_uuid, texts};
use serde_json::{Value, json};

/// A sender and a recipient on one venture.
async fn two(api: &Api) -> (Mailbox, Mailbox) {
    let agent = api.agent().await;
    (agent.mailbox().await, agent.colleague().mailbox().await)
}

/// Sends messages with these texts.
async fn send(from: &Mailbox, to: &Mailbox, bodies: &[&str]) -> Vec<SentMessage> {
    let mut sent = Vec::new();
    for body in bodies {
        sent.push(from.sent(&[to.name()], json!({ "body": body })).await);
    }
    sent
}

fn delivery(sent: &SentMessage) -> &str {
    sent.recipients.items[0].delivery_id.as_str()
}

/// The status of the only delivery of a message, and its record.
async fn status(sender: &Mailbox, sent: &SentMessage) -> deckwatch_protocol::Delivery {
    let mut record = sender.record(&sent.id).await;
    assert_eq!(record.deliveries.len(), 1);
    record.deliveries.remove(0)
}

#[tokio::test]
async fn a_status_goes_forward_only_and_a_repeat_changes_nothing() {
    let api = Api::start().await;
    let (sender, other) = two(&api).await;
    let sent = &send(&sender, &other, &["one"]).await[0];
    let before = status(&sender, sent).await;
    assert_eq!((before.status, before.offered_at), (DeliveryStatus::Queued, None));
    other.taken().await;
    let taken = status(&sender, sent).await;
    assert_eq!((taken.status, taken.surfaced_at), (DeliveryStatus::Offered, None), "a take shows nothing");
    assert!(taken.offered_at.unwrap() >= taken.queued_at);
    let at = api.minutes_ago(0);
    let surfaced = json!([{ "delivery_id": delivery(sent), "status": "surfaced", "at": at, "partial": true }]);
    other.report(surfaced.clone()).await.of::<Value>(200);
    let first = status(&sender, sent).await;
    assert_eq!((first.status, first.partial), (DeliveryStatus::Surfaced, true));
    assert!(first.surfaced_at.unwrap() >= first.offered_at.unwrap());
    for (report, status_after) in
        [("refused", "surfaced"), ("acknowledged", "acknowledged"), ("refused", "acknowledged")]
    {
        assert_eq!(other.reported(delivery(sent), report).await, status_after, "{report}");
    }
    other.report(surfaced).await.of::<Value>(200);
    let last = status(&sender, sent).await;
    assert_eq!((last.surfaced_at, last.partial, last.reason), (first.surfaced_at, true, None));
    assert!(last.acknowledged_at.is_some());
    assert_eq!(other.taken().await.items, []);
}

#[tokio::test]
async fn the_rest_of_a_message_is_shown_after_its_beginning_and_that_stays_so() {
    let api = Api::start().await;
    let (sender, other) = two(&api).await;
    let sent = send(&sender, &other, &["read", "acknowledged before"]).await;
    other.taken().await;
    let report = async |sent, partial: bool| {
        let item = json!({ "delivery_id": delivery(sent), "status": "surfaced", "at": api.minutes_ago(0), "partial": partial });
        other.report(json!([item])).await.of::<Value>(200);
        status(&sender, sent).await
    };
    for sent in &sent {
        assert!(report(sent, true).await.partial);
    }
    assert_eq!(other.reported(delivery(&sent[1]), "acknowledged").await, "acknowledged");
    for (sent, kept) in sent.iter().zip([DeliveryStatus::Surfaced, DeliveryStatus::Acknowledged]) {
        let before = status(&sender, sent).await;
        let after = report(sent, false).await;
        assert_eq!((after.status, after.partial), (kept, false));
        assert_eq!((after.surfaced_at, after.acknowledged_at), (before.surfaced_at, before.acknowledged_at));
        assert!(!report(sent, true).await.partial, "a repeat of the first report changes nothing");
    }
}

#[tokio::test]
async fn the_time_of_a_report_is_never_ahead_of_the_fact() {
    let api = Api::start().await;
    let (sender, other) = two(&api).await;
    for (minutes, is_clamped_to_offer) in [(-60, false), (60, true)] {
        let sent = &send(&sender, &other, &["one"]).await[0];
        other.taken().await;
        let items = json!([{ "delivery_id": delivery(sent), "status": "surfaced", "at": api.minutes_ago(minutes) }]);
        other.report(items).await.of::<Value>(200);
        let after = status(&sender, sent).await;
        let surfaced = after.surfaced_at.unwrap();
        assert!(surfaced >= after.offered_at.unwrap() && surfaced <= api.minutes_ago(0));
        assert_eq!(surfaced == after.offered_at.unwrap(), is_clamped_to_offer, "{after:?}");
    }
}

#[tokio::test]
async fn a_report_is_about_the_agents_own_deliveries() {
    let api = Api::start().await;
    let (sender, other) = two(&api).await;
    let third = sender.agent.colleague().mailbox().await;
    let sent = &send(&sender, &other, &["one"]).await[0];
    assert_eq!(third.reported(delivery(sent), "surfaced").await, Value::Null);
    assert_eq!(status(&sender, sent).await.status, DeliveryStatus::Queued);
    let unknown = "dlv_01KDY02100000000000000000A";
    assert_eq!(other.reported(unknown, "surfaced").await, Value::Null);
    let item = json!({ "delivery_id": unknown, "status": "refused", "at": api.minutes_ago(0) });
    other.report(json!([item])).await.problem(ErrorCode::InvalidRequest);
    let twice = json!([{ "delivery_id": unknown, "status": "surfaced", "at": api.minutes_ago(0) }, {
        "delivery_id": unknown, "status": "acknowledged", "at": api.minutes_ago(0) }]);
    other.report(twice).await.problem_at(ErrorCode::InvalidRequest, &["/items"]);
    other.report(json!([])).await.problem_at(ErrorCode::InvalidRequest, &["/items"]);
}

#[tokio::test]
async fn a_new_process_gets_what_the_last_one_has_not_reported() {
    let api = Api::start().await;
    let (sender, other) = two(&api).await;
    let sent = send(&sender, &other, &["shown", "lost"]).await;
    assert_eq!(other.taken_texts().await, ["shown", "lost"]);
    assert_eq!(other.reported(delivery(&sent[0]), "surfaced").await, "surfaced");
    assert_eq!(other.taken_texts().await, [""; 0], "one process gets a message once");
    // The process is killed before it reports the second one.
    let next = other.restarted().await;
    let taken = next.taken().await;
    assert_eq!(texts(&taken), ["lost"]);
    assert!(!taken.items[0].redelivered, "it is the same machine");
    other.take(json!({})).await.problem_at(ErrorCode::Superseded, &["/epoch"]);
    let late = json!([{ "delivery_id": delivery(&sent[1]), "status": "surfaced", "at": api.minutes_ago(0) }]);
    other.report(late).await.problem_at(ErrorCode::Superseded, &["/epoch"]);
    assert_eq!(next.reported(delivery(&sent[1]), "surfaced").await, "surfaced");
    assert_eq!(next.taken_texts().await, [""; 0]);
}

#[tokio::test]
async fn a_message_that_moves_to_another_machine_is_marked() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (first, second) = (fresh_uuid(), fresh_uuid());
    let sender = agent.mailbox().await;
    let there = agent.colleague();
    let open = async |machine: &str| {
        there.mailbox_with(json!({ "machine_id": machine, "take_over": "the agent moves" })).await
    };
    let other = open(&first).await;
    let sent = send(&sender, &other, &["one"]).await;
    other.taken().await;
    let again = open(&first).await.taken().await;
    assert_eq!((texts(&again), again.items[0].redelivered), (vec!["one".to_owned()], false));
    let moved = open(&second).await;
    let taken = moved.taken().await;
    assert_eq!((texts(&taken), taken.items[0].redelivered), (vec!["one".to_owned()], true));
    assert!(status(&sender, &sent[0]).await.redelivered);
    // What was reported does not come again.
    moved.reported(delivery(&sent[0]), "surfaced").await;
    assert_eq!(open(&first).await.taken_texts().await, [""; 0]);
}

#[tokio::test]
async fn a_lost_answer_can_be_taken_again() {
    let api = Api::start().await;
    let (sender, other) = two(&api).await;
    send(&sender, &other, &["one", "two"]).await;
    assert_eq!(other.taken_texts().await, ["one", "two"]);
    send(&sender, &other, &["three"]).await;
    let again: TakenInbox = other.take(json!({ "again": true })).await.of(200);
    assert_eq!(texts(&again), ["one", "two", "three"]);
    assert!(again.items.iter().all(|item| !item.redelivered));
}

#[tokio::test]
async fn two_takers_share_the_messages() {
    let api = Api::start_limited(1_000_000).await;
    let (sender, other) = two(&api).await;
    let bodies: Vec<String> = (0..40).map(|n| format!("text {n:02}")).collect();
    send(&sender, &other, &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut takers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let other = other.clone();
        takers.spawn(async move { texts(&other.take(json!({ "limit": 10 })).await.of::<TakenInbox>(200)) });
    }
    let mut got: Vec<String> = takers.join_all().await.concat();
    got.sort();
    assert_eq!(got, bodies);
}

#[tokio::test]
async fn a_process_that_reports_nothing_holds_at_most_50_messages() {
    let api = Api::start_limited(1_000_000).await;
    let (sender, other) = two(&api).await;
    let bodies: Vec<String> = (0..59).map(|n| format!("text {n:02}")).collect();
    let sent = send(&sender, &other, &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let take = async || -> TakenInbox { other.take(json!({ "limit": 30 })).await.of(200) };
    assert_eq!((take().await.items.len(), take().await.items.len()), (30, 20));
    let full = take().await;
    assert_eq!((full.items.len(), full.waiting), (0, 9));
    for sent in &sent[..5] {
        other.reported(delivery(sent), "surfaced").await;
    }
    let next = take().await;
    assert_eq!((texts(&next), next.waiting), (bodies[50..55].to_vec(), 4));
    // The next process gets the oldest of what this one holds first.
    let next = other.restarted().await;
    let taken: TakenInbox = next.take(json!({ "limit": 10 })).await.of(200);
    assert_eq!(texts(&taken), bodies[5..15]);
}

#[tokio::test]
async fn the_mode_of_a_session_holds_on_every_path() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let tomorrow = api.minutes_ago(-24 * 60);
    for (patch, taken, waiting, listed) in [
        (json!({ "mode": "push" }), vec!["next", "now"], 0, 2),
        (json!({ "mode": "inbox" }), vec!["now"], 1, 2),
        (json!({ "mode": "off" }), vec![], 0, 0),
        (json!({ "mode": "push", "dnd_until": tomorrow }), vec!["now"], 0, 1),
        (json!({ "mode": "inbox", "dnd_until": tomorrow }), vec!["now"], 0, 1),
        (json!({ "mode": "off", "dnd_until": tomorrow }), vec![], 0, 0),
        (json!({ "mode": "push", "dnd_until": api.minutes_ago(1) }), vec!["next", "now"], 0, 2),
    ] {
        let (sender, other) = (agent.colleague().mailbox().await, agent.colleague().mailbox().await);
        other.update(patch.clone()).await;
        sender.sent(&[other.name()], json!({ "body": "next" })).await;
        sender.sent(&[other.name()], json!({ "body": "now", "priority": "now" })).await;
        let page: Page<InboxItem> = other.list("").await.of(200);
        assert_eq!((page.items.len(), page.total), (listed, u32::try_from(listed).unwrap()), "{patch}");
        let got = other.taken().await;
        assert_eq!((texts(&got), got.waiting), (taken.iter().map(ToString::to_string).collect(), waiting), "{patch}");
        // The mail waits, and comes when the agent wants it.
        other.update(json!({ "mode": null, "dnd_until": null })).await;
        let rest: Vec<_> = ["next", "now"].into_iter().filter(|text| !taken.contains(text)).collect();
        assert_eq!(other.taken_texts().await, rest, "{patch}");
    }
}

#[tokio::test]
async fn a_list_takes_nothing_and_has_pages() {
    let api = Api::start_limited(1_000_000).await;
    let (sender, other) = two(&api).await;
    let bodies = ["one", "two", "three", "four", "five"];
    send(&sender, &other, &bodies[..3]).await;
    other.taken().await;
    send(&sender, &other, &bodies[3..]).await;
    let first: Page<InboxItem> = other.list("&limit=2").await.of(200);
    assert_eq!((first.items.len(), first.total), (2, 5));
    let mut all: Vec<_> = first.items.into_iter().collect();
    let mut cursor = first.next_cursor;
    while let Some(next) = cursor {
        let page: Page<InboxItem> = other.list(&format!("&limit=2&cursor={next}")).await.of(200);
        all.extend(page.items);
        cursor = page.next_cursor;
    }
    let listed: Vec<_> = all.iter().map(|item| (item.message.body.as_deref().unwrap(), item.status)).collect();
    let expected: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| (*body, if n < 3 { DeliveryStatus::Offered } else { DeliveryStatus::Queued }))
        .collect();
    assert_eq!(listed, expected);
    assert_eq!(other.taken_texts().await, ["four", "five"]);
}

#[tokio::test]
async fn a_message_is_not_delivered_after_its_expiry() {
    let api = Api::start().await;
    let (sender, other) = two(&api).await;
    let sent = send(&sender, &other, &["late", "in time"]).await;
    expire(&api, &sent[0]).await;
    let page: Page<InboxItem> = other.list("").await.of(200);
    assert_eq!((page.items.len(), page.total), (1, 1));
    let taken = other.taken().await;
    assert_eq!((texts(&taken), taken.waiting), (vec!["in time".to_owned()], 0));
    let after = status(&sender, &sent[0]).await;
    assert_eq!((after.status, after.offered_at), (DeliveryStatus::Expired, None));
    assert!(after.ended_at.is_some());
    assert_eq!(other.reported(delivery(&sent[0]), "surfaced").await, "expired");
}

/// Sets the expiry of a message to a minute ago.
async fn expire(api: &Api, sent: &SentMessage) {
    let past = json!([api.minutes_ago(1), sent.id]);
    api.db_execute("update messages set expires_at = ?1, due_at = ?1 where id = ?2", past.clone()).await;
    api.db_execute("update deliveries set expires_at = ?1 where message_id = ?2", past).await;
}

#[tokio::test]
async fn the_sender_is_told_of_an_expiry_and_of_a_refusal_once() {
    let api = Api::start_limited(1_000_000).await;
    let (sender, other) = two(&api).await;
    let third = sender.agent.colleague().mailbox().await;
    let sent = sender.sent(&[other.name(), third.name()], json!({ "kind": "request" })).await;
    third.taken().await;
    let mine = sent.recipients.items.iter().find(|delivery| delivery.agent == third.name()).unwrap();
    assert_eq!(third.reported(mine.delivery_id.as_str(), "refused").await, "refused");
    api.sweep().await;
    let told = sender.taken().await;
    let [item] = told.items.as_slice() else { panic!("{told:?}") };
    assert_eq!((item.message.from.as_str(), item.message.reply_to.as_ref()), ("deckwatch", Some(&sent.id)));
    let expected = format!(
        "Your message {} (request) did not reach 1 of its 2 recipients: {} (refused: key_unavailable).",
        sent.id,
        third.name()
    );
    assert_eq!(item.message.body.as_ref(), Some(&expected));
    expire(&api, &sent).await;
    api.sweep().await;
    api.sweep().await;
    let told = sender.taken_texts().await;
    let expected =
        format!("Your message {} (request) did not reach 1 of its 2 recipients: {} (expired).", sent.id, other.name());
    assert_eq!(told, [expected]);
}

#[tokio::test]
async fn what_a_living_process_holds_does_not_expire() {
    let api = Api::start_limited(1_000_000).await;
    let (sender, other) = two(&api).await;
    let sent = &send(&sender, &other, &["held"]).await[0];
    other.taken().await;
    expire(&api, sent).await;
    api.sweep().await;
    assert_eq!(status(&sender, sent).await.status, DeliveryStatus::Offered);
    // The process is gone: the message expires, and a later report of an earlier time is still true.
    other.restarted().await;
    api.db_execute("update messages set due_at = ?1 where id = ?2", json!([api.minutes_ago(1), sent.id])).await;
    api.sweep().await;
    assert_eq!(status(&sender, sent).await.status, DeliveryStatus::Expired);
}

#[tokio::test]
async fn a_message_is_deleted_30_days_after_its_last_final_status() {
    let api = Api::start_limited(1_000_000).await;
    let (sender, other) = two(&api).await;
    let sent = send(&sender, &other, &["old", "acknowledged late", "newest"]).await;
    other.taken().await;
    for sent in &sent {
        other.reported(delivery(sent), "surfaced").await;
    }
    api.after_answers().await;
    let days = |days: i64| api.minutes_ago(days * 24 * 60);
    let age = async |sent: &SentMessage, surfaced: i64, acknowledged: Option<i64>| {
        let past = json!([days(surfaced), acknowledged.map(days), sent.id]);
        api.db_execute("update messages set expires_at = ?1, due_at = ?1 where id = ?3 and ?2 is ?2", past.clone())
            .await;
        let sql = "update deliveries set expires_at = ?1, surfaced_at = ?1, acknowledged_at = ?2 where message_id = ?3";
        api.db_execute(sql, past).await;
    };
    age(&sent[0], 31, None).await;
    age(&sent[1], 31, Some(29)).await;
    age(&sent[2], 29, None).await;
    api.sweep().await;
    sender.get(&sent[0].id).await.problem(ErrorCode::MessageNotFound);
    let left = "select count(*) as n from deliveries where message_id = ?1";
    for (sent, deliveries) in sent.iter().zip([0, 1, 1]) {
        assert_eq!(api.db_count(left, json!([sent.id])).await, deliveries);
    }
    let due = api.db_query("select due_at from messages where id = ?1", json!([sent[1].id])).await;
    let due = due[0]["due_at"].as_str().unwrap().to_owned();
    let in_a_day = [api.minutes_ago(5 - 24 * 60), api.minutes_ago(-24 * 60)].map(|time| time.to_string());
    assert!(due >= in_a_day[0] && due <= in_a_day[1], "{due} is not a day from now: {in_a_day:?}");
}

#[tokio::test]
async fn mail_of_another_owner_is_refused_after_a_take_over() {
    let api = Api::start_limited(1_000_000).await;
    let (sender, other) = two(&api).await;
    let sent = send(&sender, &other, &["for the owner before", "offered"]).await;
    let own = "update agents set owner = 'another' where venture = ?1 and agent = ?2";
    api.db_execute(own, json!([other.agent.venture, other.name()])).await;
    let late = send(&sender, &other, &["for another owner"]).await;
    // The caller takes the name over.
    let day = json!({ "machine_id": fresh_uuid(), "take_over": "the machine is lost" });
    let moved = other.agent.mailbox_with(day).await;
    let refused = status(&sender, &late[0]).await;
    assert_eq!((refused.status, refused.reason.as_deref()), (DeliveryStatus::Refused, Some("owner_changed")));
    assert_eq!(moved.taken_texts().await, ["for the owner before", "offered"], "this owner has them");
    assert_eq!(status(&sender, &sent[0]).await.status, DeliveryStatus::Offered);
    api.sweep().await;
    let told = sender.taken_texts().await;
    assert!(told[0].contains("(refused: owner_changed)"), "{told:?}");
}

#[tokio::test]
async fn a_taker_never_gets_the_mail_of_another_owner() {
    let api = Api::start().await;
    let (sender, other) = two(&api).await;
    let sent = send(&sender, &other, &["one", "two"]).await;
    let own = "update deliveries set owner = 'another' where message_id = ?1";
    api.db_execute(own, json!([sent[0].id])).await;
    assert_eq!(other.taken_texts().await, ["two"]);
    let refused = status(&sender, &sent[0]).await;
    assert_eq!((refused.status, refused.reason.as_deref()), (DeliveryStatus::Refused, Some("owner_changed")));
}

#[tokio::test]
async fn a_storm_of_messages_arrives_once_and_in_order() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let receiver = agent.mailbox().await;
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..20 {
        let (from, to) = (agent.colleague().mailbox().await, receiver.name().to_owned());
        senders.spawn(async move {
            for n in 0..50 {
                from.sent(&[&to], json!({ "body": format!("{sender:02} {n:02}") })).await;
            }
        });
    }
    senders.join_all().await;
    let mut got = Vec::new();
    loop {
        let taken: TakenInbox = receiver.take(json!({ "limit": 50 })).await.of(200);
        if taken.items.is_empty() {
            break;
        }
        let at = api.minutes_ago(0);
        let reports: Vec<_> = taken
            .items
            .iter()
            .map(|item| json!({ "delivery_id": item.delivery_id, "status": "surfaced", "at": at }))
            .collect();
        receiver.report(json!(reports)).await.of::<Value>(200);
        got.extend(texts(&taken));
    }
    assert_eq!(got.len(), 1_000);
    for sender in 0..20 {
        let prefix = format!("{sender:02} ");
        let of_sender: Vec<_> = got.iter().filter(|text| text.starts_with(&prefix)).cloned().collect();
        assert_eq!(of_sender, (0..50).map(|n| format!("{sender:02} {n:02}")).collect::<Vec<_>>());
    }
}
