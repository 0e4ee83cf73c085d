//! The folder of the agent that a launch made: mail is put there as the MCP server does.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

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

    /// Puts a message with this body into the folder of the only agent, as its server does once it takes messages. A server
    /// removes what another one has put there.
    pub(crate) async fn put(&self, body: &str) {
        let [folder] = self.folders.as_slice() else { panic!("{:?}", self.folders) };
        let taken_by = taker(folder).await;
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

/// For which session the server takes messages. Waits until it does.
async fn taker(folder: &Path) -> Value {
    let started = Instant::now();
    loop {
        let text = std::fs::read_to_string(folder.join("server.lock")).unwrap_or_default();
        if let Ok(taker) = serde_json::from_str(&text) {
            return taker;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "no server takes messages: {text:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// 26 characters of an id.
fn fresh_id() -> String {
    let (one, two) = (fresh("").to_uppercase(), fresh("").to_uppercase());
    format!("01{}{}", &one[1..17], &two[1..9])
}
