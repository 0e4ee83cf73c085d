//! The folder of the agent that a launch made: mail is put there as the MCP server does.

use std::path::PathBuf;
use std::time::SystemTime;

use deckwatch_protocol::{DeliveryId, Message, Timestamp};
use deckwatch_tests::fresh;
use serde_json::{Value, json};

use crate::machine::Machine;

/// The folders of the agents of a machine.
pub(crate) struct Mail {
    folders: Vec<PathBuf>,
}

impl Mail {
    pub(crate) fn of(machine: &Machine) -> Self {
        let below = |folders: Vec<PathBuf>| -> Vec<PathBuf> {
            let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
        };
        let apis = below(vec![machine.path(".local/state/deckwatch/mail")]);
        Self { folders: below(below(apis)) }
    }

    /// Whether a hook or a server has made a folder.
    pub(crate) fn exists(&self) -> bool {
        !self.folders.is_empty()
    }

    /// Puts a message with this body into the folder of the only agent.
    pub(crate) fn put(&self, body: &str) {
        let [folder] = self.folders.as_slice() else { panic!("{:?}", self.folders) };
        let id = fresh_id();
        let delivery: DeliveryId = format!("dlv_{id}").parse().unwrap();
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let now = Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap());
        let later = now.to_string().replacen("20", "21", 1);
        let message: Message = serde_json::from_value(json!({
            "id": format!("msg_{id}"), "seq": 1, "venture": "alpha", "from": "other-claude-1", "to": ["other-claude-2"],
            "kind": "note", "subject": null, "body": body, "reply_to": null, "priority": "next", "ack_required": false,
            "sealed": null, "handoff_id": null, "sent_at": now, "expires_at": later,
        }))
        .unwrap();
        let taken_by = json!({ "session_id": format!("sess_{id}"), "epoch": 1 });
        let item: Value = json!({
            "delivery_id": delivery, "message": message, "redelivered": false, "taken_by": taken_by, "taken_at": now,
        });
        let name = format!("1-{delivery}.json");
        std::fs::write(folder.join(&name), item.to_string()).unwrap();
        std::fs::rename(folder.join(&name), folder.join("mail").join(&name)).unwrap();
    }

    /// How many messages wait.
    pub(crate) fn unread(&self) -> usize {
        self.folders.iter().map(|folder| std::fs::read_dir(folder.join("mail")).unwrap().count()).sum()
    }
}

/// 26 characters of an id.
fn fresh_id() -> String {
    let (one, two) = (fresh("").to_uppercase(), fresh("").to_uppercase());
    format!("01{}{}", &one[1..17], &two[1..9])
}
