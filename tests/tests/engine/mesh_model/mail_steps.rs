//! The steps that send, take and report messages.

use std::collections::BTreeMap;

use deckwatch_protocol::Operation;
use serde_json::json;

use super::model::{AGENTS, Draft, Place, Status, To, name};
use super::run::{Outcome, Process, Run, both, items, same, text, word};
use crate::lab::Trouble;

/// A mailbox with so many open deliveries gets no more.
const FULL: usize = 40;

impl Run {
    /// Who the number `n` stands for.
    fn recipient(&self, n: u8) -> (To, String) {
        let agent = usize::from(n / 16) % AGENTS;
        match n % 16 {
            0..8 => (To::Agent(agent), name(agent)),
            8 if n / 16 < 4 => (To::Unknown, "agent-9".to_owned()),
            8 | 9 => (To::Group("front"), "@front".to_owned()),
            10 => (To::Role("front", "lead"), "@front:lead".to_owned()),
            11 => (To::Group("back"), "@back".to_owned()),
            12 => (To::All, "@all".to_owned()),
            13 => (To::Human, "human".to_owned()),
            _ => {
                let session = usize::from(n) % self.model.sessions.len();
                (To::Session(session), format!("session:{}", self.model.sessions[session].id))
            }
        }
    }

    pub(super) async fn send(&mut self, process: Process, to: [u8; 2], is_urgent: bool, minutes: u8) -> Outcome {
        if (0..AGENTS).any(|agent| self.model.waiting_for(agent) >= FULL) {
            return Ok(());
        }
        let mut named = BTreeMap::from([to[0], to[1]].map(|n| self.recipient(n)).map(|(to, name)| (name, to)));
        if to[1].is_multiple_of(2) {
            named.retain(|name, _| *name == self.recipient(to[0]).1);
        }
        let seconds = if minutes < 100 { 60 * (1 + i64::from(minutes)) } else { 7 * 24 * 60 * 60 };
        let body = json!({
            "session_id": self.model.sessions[process.session].id, "epoch": process.epoch,
            "to": named.keys().collect::<Vec<_>>(), "kind": "note", "body": "some words",
            "priority": if is_urgent { "now" } else { "next" }, "expires_in_seconds": seconds,
        });
        let draft = Draft { to: named.into_values().collect(), is_urgent, expires_in: 1000 * seconds };
        let answer = self.write(Operation::SendMessage, ("", ""), Some(&body)).await;
        let model = self.model.send(process.session, &draft, answer.at);
        let Some((sent, message)) = both("send_message", answer.result, model)? else { return Ok(()) };
        self.model.messages[message].id = text(&sent["id"]);
        let reached = &sent["recipients"];
        let deliveries = &mut self.model.messages[message].deliveries;
        same("the number of recipients", &reached["total"].as_u64(), &Some(deliveries.len() as u64))?;
        // They are in the order in which they were found.
        let mut shown: Vec<_> = items(reached).iter().collect();
        shown.sort_by_key(|item| text(&item["agent"]));
        for (api, model) in shown.into_iter().zip(deliveries) {
            same(
                "a recipient",
                &(text(&api["agent"]).as_str(), api["status"].as_str()),
                &(&*model.to, Some("queued")),
            )?;
            model.id = text(&api["delivery_id"]);
        }
        Ok(())
    }

    fn delivery(&self, (m, d): Place) -> (String, bool) {
        let delivery = &self.model.messages[m].deliveries[d];
        (delivery.id.clone(), delivery.redelivered)
    }

    pub(super) async fn take(&mut self, process: Process, limit: usize, again: bool) -> Outcome {
        let fence = (process.session, process.epoch);
        let mut body = json!({
            "session_id": self.model.sessions[process.session].id, "epoch": process.epoch, "limit": limit, "again": again,
        });
        let mut again = again;
        if let Some(trouble) = self.trouble.take() {
            self.lab().expect_trouble(trouble);
            let lost = self.lab().ask(Operation::TakeInbox, ("", ""), Some(&body)).await;
            self.lab().trouble_ends();
            if trouble == Trouble::BreaksAfterCommit {
                let model = self.model.take(fence, limit, again, self.now());
                same("whether a take is done whose answer is lost", &(lost.status == 503), &model.is_ok())?;
            }
            (again, body["again"]) = (true, json!(true));
        }
        let answer = self.ask(Operation::TakeInbox, ("", ""), Some(&body)).await;
        let model = self.model.take(fence, limit, again, answer.at);
        let Some((taken, (places, waiting))) = both("take_inbox", answer.result, model)? else { return Ok(()) };
        let api: Vec<_> = items(&taken)
            .iter()
            .map(|item| (text(&item["delivery_id"]), item["redelivered"].as_bool().unwrap_or_default()))
            .collect();
        let places: Vec<_> = places.into_iter().map(|place| self.delivery(place)).collect();
        same("what was taken", &api, &places)?;
        same("how many wait", &taken["waiting"].as_u64(), &Some(waiting as u64))
    }

    pub(super) async fn report(&mut self, process: Process, of: [u8; 2], status: u8, minutes_ago: u8) -> Outcome {
        let own = name(self.model.sessions[process.session].agent);
        let messages = self.model.messages.iter().enumerate().rev();
        let places = messages.flat_map(|(m, message)| {
            message.deliveries.iter().enumerate().map(move |(d, delivery)| ((m, d), delivery.to.clone()))
        });
        let (own, others): (Vec<_>, Vec<_>) = places.take(200).partition(|(_, to)| *to == own);
        let one = |n: u8| {
            let from = if n.is_multiple_of(16) { &others } else { &own };
            from.get(usize::from(n / 16)).map(|(place, _)| *place)
        };
        let mut places: Vec<Place> = of.into_iter().filter_map(one).collect();
        places.dedup();
        if places.is_empty() {
            return Ok(());
        }
        let status =
            [Status::Surfaced, Status::Surfaced, Status::Acknowledged, Status::Refused][usize::from(status) % 4];
        let at = self.lab().now().plus_seconds(-60 * i64::from(minutes_ago));
        let item = |place: &Place| json!({ "delivery_id": self.delivery(*place).0, "status": word(status), "at": at, "reason": "key_unavailable" });
        let body = json!({
            "session_id": self.model.sessions[process.session].id, "epoch": process.epoch,
            "items": places.iter().map(item).collect::<Vec<_>>(),
        });
        let answer = self.ask(Operation::ReportInbox, ("", ""), Some(&body)).await;
        let reports: Vec<_> = places.iter().map(|place| (*place, status, at.as_millis())).collect();
        let model = self.model.report((process.session, process.epoch), &reports, answer.at);
        let Some((reported, statuses)) = both("report_inbox", answer.result, model)? else { return Ok(()) };
        let api: BTreeMap<_, _> = items(&reported)
            .iter()
            .map(|item| (text(&item["delivery_id"]), item["status"].as_str().map(str::to_owned)))
            .collect();
        let ids = places.iter().map(|place| self.delivery(*place).0);
        let expected =
            ids.zip(statuses.into_iter().map(|status| status.map(|status| word(status).to_owned()))).collect();
        same("what was reported", &api, &expected)
    }
}
