//! Messages, days and states that go through the folder of an agent.

use deckwatch_protocol::{ActivityState, InboxItem, Timestamp};
use serde_json::json;

use super::*;
use crate::clock::now;

pub(super) struct Folder {
    pub(super) folder: AgentFolder,
    _home: tempfile::TempDir,
}

pub(super) fn folder() -> Folder {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.path().as_os_str().to_owned())).unwrap();
    let api = ApiName::of_url("https://api.example.com");
    let folder = AgentFolder::of(&dirs, &api, &"alpha".parse().unwrap(), &"mac1-claude-1".parse().unwrap());
    folder.create().unwrap();
    Folder { folder, _home: home }
}

pub(super) fn taker(epoch: u64) -> Taker {
    Taker {
        session_id: "sess_01JD0000000000000000000001".parse().unwrap(),
        epoch: serde_json::from_value(json!(epoch)).unwrap(),
    }
}

pub(super) fn item(n: u32, priority: &str, taken_at: Timestamp) -> MailItem {
    let at = "2026-11-21T08:00:00.000Z";
    let item: InboxItem = serde_json::from_value(json!({
        "delivery_id": format!("dlv_01JD00000000000000000{n:05}"), "status": "offered", "redelivered": false,
        "message": {"id": format!("msg_01JD00000000000000000{n:05}"), "seq": n, "venture": "alpha", "from": "mac2-codex-1",
            "to": ["mac1-claude-1"], "kind": "note", "subject": null, "body": format!("text {n}"), "reply_to": null,
            "priority": priority, "ack_required": false, "sealed": null, "handoff_id": null, "sent_at": at,
            "expires_at": "2026-12-21T08:00:00.000Z"},
    }))
    .unwrap();
    MailItem::of(item, taker(1), taken_at)
}

fn bodies(taken: &Taken) -> Vec<&str> {
    taken.items.iter().filter_map(|one| one.item.message.body.as_deref()).collect()
}

#[test]
fn a_message_is_shown_once_and_urgent_ones_come_first() {
    let Folder { folder, .. } = &folder();
    for (n, priority) in [(2, "next"), (1, "next"), (3, "now")] {
        assert!(folder.put_mail(&item(n, priority, now())).unwrap());
    }
    let mut fits = [Room::Whole, Room::Part].into_iter();
    let taken = folder.take(|_| fits.next().unwrap_or(Room::None)).unwrap();
    assert_eq!((bodies(&taken), taken.left), (vec!["text 3", "text 1"], 1));
    taken.confirm().unwrap();
    let shown: Vec<(String, bool)> =
        folder.shown().unwrap().into_iter().map(|one| (one.delivery_id.to_string(), one.partial)).collect();
    assert_eq!(shown.len(), 2);
    assert!(shown[0].0.ends_with("00001") && shown[0].1 && !shown[1].1);
    assert!(!folder.put_mail(&item(3, "now", now())).unwrap(), "it was shown");
    folder.reported(&folder.shown().unwrap()).unwrap();
    assert_eq!(folder.shown().unwrap(), []);
    assert!(!folder.put_mail(&item(3, "now", now())).unwrap(), "it was reported");
    let again = folder.shown().unwrap();
    assert_eq!(again.len(), 1, "the API has offered it again, so it has not got the report");
    assert!(again[0].delivery_id.as_str().ends_with("00003"));
    assert!(folder.partly_shown(&item(1, "next", now()).message.id).unwrap().is_some());
    let taken = folder.take(|_| Room::Whole).unwrap();
    assert_eq!(bodies(&taken), ["text 2"]);
}

#[test]
fn the_rest_of_a_message_is_reported_after_its_beginning() {
    let Folder { folder, .. } = &folder();
    let item = item(1, "next", now());
    folder.put_mail(&item).unwrap();
    folder.take(|_| Room::Part).unwrap().confirm().unwrap();
    let beginning = folder.shown().unwrap();
    assert!(beginning[0].partial);
    // The rest is shown while the beginning is being reported.
    folder.wholly_shown(&item.delivery_id, &item.message.id).unwrap();
    folder.reported(&beginning).unwrap();
    let rest = folder.shown().unwrap();
    assert_eq!((rest.len(), rest[0].partial), (1, false));
    assert_eq!(folder.partly_shown(&item.message.id).unwrap(), None);
    folder.reported(&rest).unwrap();
    assert_eq!(folder.shown().unwrap(), []);
    assert!(!folder.put_mail(&item).unwrap(), "it was shown");
}

#[test]
fn what_was_taken_and_not_confirmed_is_shown_again() {
    let Folder { folder, .. } = &folder();
    folder.put_mail(&item(1, "next", now())).unwrap();
    drop(folder.take(|_| Room::Whole).unwrap());
    assert!(folder.has_unread().unwrap());
    let taken = folder.take(|_| Room::Whole).unwrap();
    assert!(!taken.items[0].item.may_have_been_shown, "nothing was printed");
    // A killed process runs no destructor.
    let mut taken = taken;
    taken.items.clear();
    drop(taken);
    assert!(!folder.has_unread().unwrap());
    let taken = folder.take(|_| Room::Whole).unwrap();
    assert!(taken.items[0].item.may_have_been_shown);
    taken.confirm().unwrap();
    assert!(folder.take(|_| Room::Whole).unwrap().items.is_empty());
}

#[test]
fn a_process_that_was_killed_after_it_recorded_a_message_does_not_show_it_again() {
    let Folder { folder, .. } = &folder();
    folder.put_mail(&item(1, "next", now())).unwrap();
    let taken = folder.take(|_| Room::Whole).unwrap();
    let name = taken.items[0].item.file_name();
    let copy = std::fs::read(folder.file("taking", &name)).unwrap();
    taken.confirm().unwrap();
    std::fs::write(folder.file("taking", &name), copy).unwrap();
    assert!(folder.take(|_| Room::Whole).unwrap().items.is_empty());
    assert_eq!(files::names(&folder.path.join("taking")).unwrap(), [""; 0]);
}

#[test]
fn without_its_server_only_a_young_message_is_shown() {
    let Folder { folder, .. } = &folder();
    let old = now().plus_seconds(-601);
    folder.put_mail(&item(1, "next", old)).unwrap();
    assert_eq!(folder.server().unwrap(), Server::Gone);
    let taken = folder.take(|_| Room::Whole).unwrap();
    assert_eq!((taken.items.len(), taken.stale), (0, 1));
    drop(taken);
    let lock = folder.lock_server().unwrap().unwrap();
    assert_eq!(folder.server().unwrap(), Server::Runs(None));
    assert!(!folder.has_unread().unwrap());
    lock.speaks_for(&taker(10)).unwrap();
    assert!(!folder.has_unread().unwrap(), "another epoch may show it elsewhere");
    lock.speaks_for(&taker(1)).unwrap();
    assert_eq!(folder.server().unwrap(), Server::Runs(Some(taker(1))));
    assert!(folder.has_unread().unwrap());
    drop(lock);
    assert!(!folder.has_unread().unwrap());
    folder.put_mail(&item(2, "next", now().plus_seconds(-300))).unwrap();
    assert_eq!(bodies(&folder.take(|_| Room::Whole).unwrap()), ["text 2"]);
}

#[test]
fn what_another_server_took_is_removed_when_the_api_does_not_offer_it_again() {
    let Folder { folder, .. } = &folder();
    folder.put_mail(&item(1, "next", now())).unwrap();
    folder.put_mail(&item(2, "next", now())).unwrap();
    folder.put_mail(&MailItem { taken_by: taker(2), ..item(2, "next", now()) }).unwrap();
    assert_eq!(folder.remove_mail_of_others(&taker(2)).unwrap(), 1);
    assert_eq!(bodies(&folder.take(|_| Room::Whole).unwrap()), ["text 2"]);
}

#[test]
fn one_process_has_the_lock_of_the_server_and_only_this_user_reads_the_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let Folder { folder, .. } = &folder();
    let lock = folder.lock_server().unwrap();
    assert!(lock.is_some());
    assert!(folder.lock_server().unwrap().is_none());
    folder.put_mail(&item(1, "next", now())).unwrap();
    let mut folders = vec![folder.path.clone()];
    while let Some(path) = folders.pop() {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
        for entry in std::fs::read_dir(path).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
            }
        }
    }
}

#[test]
fn two_hooks_at_once_share_the_messages() {
    let Folder { folder, .. } = &folder();
    for n in 0..40 {
        folder.put_mail(&item(n, "next", now())).unwrap();
    }
    let mut texts: Vec<String> = std::thread::scope(|scope| {
        let take = || {
            let mut texts = Vec::new();
            for _ in 0..20 {
                let mut room = 3;
                let taken = folder.take(|_| {
                    room -= 1;
                    if room > 0 { Room::Whole } else { Room::None }
                });
                let taken = taken.unwrap();
                texts.extend(bodies(&taken).into_iter().map(str::to_owned));
                taken.confirm().unwrap();
            }
            texts
        };
        let hooks: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
        hooks.into_iter().flat_map(|hook| hook.join().unwrap()).collect()
    });
    assert_eq!(texts.len(), 40);
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 40);
}

#[test]
fn a_damaged_message_stops_nothing() {
    let Folder { folder, .. } = &folder();
    folder.put_mail(&item(2, "next", now())).unwrap();
    std::fs::write(folder.file("mail", "0-damaged.json"), "{").unwrap();
    std::fs::write(folder.file("mail", ".unfinished.new"), "{").unwrap();
    std::fs::write(folder.file("shown", "damaged.json"), "{").unwrap();
    assert_eq!(bodies(&folder.take(|_| Room::Whole).unwrap()), ["text 2"]);
    assert_eq!(folder.shown().unwrap(), []);
}

#[test]
fn a_day_is_shown_once_and_a_request_is_answered_once() {
    let Folder { folder, .. } = &folder();
    let request = DayRequest { at: now(), ancestors: vec![7], conversation: None };
    folder.put_day("yesterday").unwrap();
    folder.request_day(&request).unwrap();
    assert_eq!(folder.take_day().unwrap(), None);
    assert_eq!(folder.day_request().unwrap(), Some(request.clone()));
    assert!(folder.take_day_request().unwrap());
    assert!(!folder.take_day_request().unwrap());
    folder.put_day("today").unwrap();
    assert_eq!(folder.take_day().unwrap().map(|day| day.text).as_deref(), Some("today"));
    assert_eq!(folder.take_day().unwrap(), None);
    folder.request_day(&DayRequest { at: now().plus_seconds(-601), ..request }).unwrap();
    assert_eq!(folder.day_request().unwrap(), None);
}

#[test]
fn a_state_that_was_seen_a_short_time_ago_is_not_written_again() {
    let Folder { folder, .. } = &folder();
    let at = now();
    let seen = |state, seconds| SeenPresence { state, detail: None, at: at.plus_seconds(seconds) };
    let (working, idle) = (ActivityState::Working, ActivityState::Idle);
    for (state, seconds, written) in [(working, 0, 0), (working, 299, 0), (working, 300, 300), (idle, 301, 301)] {
        folder.saw(&seen(state, seconds)).unwrap();
        assert_eq!(folder.presence().unwrap(), Some(seen(state, written)));
    }
}

#[test]
fn events_are_shown_once_and_old_ones_are_dropped() {
    let Folder { folder, .. } = &folder();
    for seq in 1..=60 {
        folder.put_event(seq, &format!("event {seq}")).unwrap();
    }
    let taken = folder.take_events(2).unwrap();
    assert_eq!((&*taken.lines, taken.left), (&["event 11".to_owned(), "event 12".to_owned()][..], 48));
    drop(taken);
    let taken = folder.take_events(2).unwrap();
    assert_eq!(taken.lines[0], "event 11");
    taken.confirm().unwrap();
    assert_eq!(folder.take_events(1).unwrap().lines, ["event 13"]);
}

#[test]
fn the_last_failures_are_kept_and_the_file_stays_small() {
    let Folder { folder, .. } = &folder();
    let failure =
        |n: usize| Failure { at: now(), hook: "claude prompt".to_owned(), error: format!("{n} {}", "x".repeat(900)) };
    for n in 0..200 {
        folder.record_failure(&failure(n)).unwrap();
    }
    assert!(folder.failures().unwrap().last().unwrap().error.starts_with("199 "));
    assert!(folder.path.join("hook-failures").metadata().unwrap().len() < 70_000);
    folder.clear_failures().unwrap();
    assert_eq!(folder.failures().unwrap(), []);
}
