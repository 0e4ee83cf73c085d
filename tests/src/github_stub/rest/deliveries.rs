//! The deliveries of an App's webhook, as `GET /app/hook/deliveries` lists them, newest first.

use serde_json::{Value, json};

use super::Call;
use crate::github_stub::answer::{Answer, Handled};
use crate::github_stub::caller::Caller;
use crate::github_stub::world::World;

pub(super) fn list(call: &Call) -> Handled {
    let Caller::App(app) = call.caller else { return Err(Answer::error(401, "A JSON web token could not be decoded")) };
    let of_app = call.world.hook_deliveries.iter().filter(|(of, _)| *of == app);
    Ok(call.list(of_app.rev().map(|(_, delivery)| delivery.clone()).collect::<Vec<Value>>()))
}

impl World {
    /// Records that GitHub delivered an event of the App, and which status it got. 0 is no answer.
    pub fn add_hook_delivery(&mut self, app: u64, event: &str, status_code: u16) {
        let id = self.next_id();
        let delivery = json!({
            "id": id, "guid": format!("00000000-0000-4000-8000-{id:012}"), "delivered_at": self.now(), "redelivery": false,
            "duration": 0.1, "status": if status_code == 200 { "OK" } else { "Invalid HTTP Response" }, "status_code": status_code,
            "event": event, "action": "opened", "installation_id": null, "repository_id": null,
        });
        self.hook_deliveries.push((app, delivery));
    }
}
