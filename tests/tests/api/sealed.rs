//! Sealed messages: what this client seals, only its recipients open, with this client and with another implementation.

use std::path::Path;
use std::process::Stdio;

use deckwatch_client::outbox::{Bounds, Delivery, SendReason};
use deckwatch_client::sealed::{self, AgentKeys, Opened, SealError, SealedDelivery};
use deckwatch_client::{ApiConfig, ContextClient};
use deckwatch_machine::agent_folder::ApiName;
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{ErrorCode, Message, SendMessage, Violations};
use deckwatch_tests::{Api, Caller as _, Mailbox, fresh, overlay};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

use crate::proxy::{Proxy, Then};

const TEXT: &str = "The release is on Friday";

/// An agent with its keys, on a machine of its own.
struct SealingAgent {
    home: TempDir,
    keys: AgentKeys,
    mailbox: Mailbox,
    client: ContextClient,
}

impl SealingAgent {
    /// Starts the day of a colleague of `agent`; `fields` adds fields to the start of the day.
    async fn start(agent: &deckwatch_tests::Agent, fields: Value) -> Self {
        let home = tempfile::tempdir().unwrap();
        let colleague = agent.colleague();
        let keys = keys(home.path(), &colleague);
        let fields = overlay(json!({ "public_key": keys.pair().public_key() }), fields);
        let mailbox = colleague.mailbox_with(fields).await;
        let client = client(agent.api().url(), agent.api().context_key(), home.path());
        Self { home, keys, mailbox, client }
    }

    fn name(&self) -> &str {
        self.mailbox.name()
    }

    fn message(&self, to: &[&str], fields: Value) -> SendMessage {
        let Mailbox { session, .. } = &self.mailbox;
        let message =
            json!({ "session_id": session.id, "epoch": session.epoch, "to": to, "kind": "note", "body": TEXT });
        deserr::deserialize::<_, _, Violations>(overlay(message, fields)).unwrap()
    }

    async fn send(&self, to: &[&str], fields: Value) -> Result<SealedDelivery, SealError> {
        sealed::send(&self.client, &self.keys, self.message(to, fields)).await
    }

    async fn sent(&self, to: &[&str]) -> SealedDelivery {
        let sent = self.send(to, json!({})).await.unwrap();
        assert!(matches!(sent.delivery, Delivery::Delivered(_)), "{sent:?}");
        sent
    }

    /// The only message that it takes.
    async fn taken(&self) -> Message {
        let mut taken = self.mailbox.taken().await;
        assert_eq!(taken.items.len(), 1);
        taken.items.remove(0).message
    }

    async fn open(&self, message: &Message) -> Option<Opened> {
        sealed::open(self.client.api(), &self.keys, &self.mailbox.session.id, message).await
    }

    async fn opened(&self) -> Option<Opened> {
        self.open(&self.taken().await).await
    }
}

fn keys(home: &Path, agent: &deckwatch_tests::Agent) -> AgentKeys {
    let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.into())).unwrap();
    AgentKeys::of_agent(&dirs, &ApiName::of_url("api"), &agent.venture.parse().unwrap(), &agent.name.parse().unwrap())
        .unwrap()
}

fn client(url: &str, key: &str, home: &Path) -> ContextClient {
    ContextClient::connect(ApiConfig::remote(url, key).unwrap(), home, Bounds::default())
}

fn text(text: &str) -> Opened {
    Opened { text: text.to_owned(), changed_key: None }
}

/// The contents of all files below the home folder.
fn stored(home: &TempDir) -> String {
    let mut folders = vec![home.path().to_owned()];
    let mut contents = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                contents.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap()));
            }
        }
    }
    contents
}

#[tokio::test]
async fn the_recipients_of_a_sealed_message_read_it_and_the_engine_does_not() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let sender = SealingAgent::start(&agent, json!({})).await;
    let group = json!({ "groups": { "team": "member" } });
    let (one, two) = (SealingAgent::start(&agent, group.clone()).await, SealingAgent::start(&agent, group).await);
    let sent = sender.sent(&["@team"]).await;
    assert!(sent.changed_keys.is_empty());
    let taken = one.taken().await;
    assert_eq!(one.open(&taken).await, Some(text(TEXT)));
    assert_eq!(two.opened().await, Some(text(TEXT)));
    // What the engine stores is what the recipient has taken.
    assert!(!serde_json::to_string(&taken).unwrap().contains("Friday"));
    assert_eq!(taken.body, None);
    assert_eq!(two.open(&taken).await, Some(text(TEXT)), "each has a key of its own in the same message");
    assert_eq!(sender.open(&taken).await, None);
}

#[tokio::test]
async fn a_message_that_cannot_be_sealed_is_not_sent() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let sender = SealingAgent::start(&agent, json!({})).await;
    let recipient = SealingAgent::start(&agent, json!({})).await;
    let without = agent.colleague().mailbox().await;
    let secret = crate::secrets::token();
    let message = |error: Result<SealedDelivery, SealError>| error.unwrap_err().to_string();
    for (to, fields, expected) in [
        (vec![recipient.name(), "human"], json!({}), "a sealed message can't go to `human`".to_owned()),
        (vec![recipient.name()], json!({ "subject": "In clear" }), "a sealed message can't have a subject".to_owned()),
        (vec![recipient.name(), without.name()], json!({}), format!("{} has no public key", without.name())),
        (
            vec![recipient.name()],
            json!({ "body": secret }),
            "The message was not sent: /body has what looks like".to_owned(),
        ),
    ] {
        let refused = message(sender.send(&to, fields).await);
        assert!(refused.contains(&expected) && !refused.contains(&secret), "{refused}");
    }
    let unknown = sender.send(&["mac9-claude-9"], json!({})).await.unwrap_err();
    assert!(
        matches!(&unknown, SealError::Api(error) if error.code() == Some(ErrorCode::RecipientUnknown)),
        "{unknown}"
    );
    assert!(recipient.mailbox.taken().await.items.is_empty() && without.taken().await.items.is_empty());
    assert!(!stored(&sender.home).contains("Friday"));
}

#[tokio::test]
async fn recipients_that_change_are_read_once_more() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let group = json!({ "groups": { "team": "member" } });
    let sender = SealingAgent::start(&agent, json!({})).await;
    let one = SealingAgent::start(&agent, group.clone()).await;
    let mut proxy = Proxy::start(&api).await;
    let through = client(proxy.url(), api.context_key(), sender.home.path());
    let sending = || sealed::send(&through, &sender.keys, sender.message(&["@team"], json!({})));
    let joining = async |proxy: &mut Proxy| {
        proxy.recipients_asked().await;
        let joined = SealingAgent::start(&agent, group.clone()).await;
        proxy.answer(Then::GoOn);
        joined
    };
    let (sent, two) = tokio::join!(sending(), async {
        let joined = joining(&mut proxy).await;
        proxy.recipients_asked().await;
        proxy.answer(Then::GoOn);
        joined
    });
    assert!(matches!(sent.unwrap().delivery, Delivery::Delivered(_)));
    assert_eq!(one.opened().await, Some(text(TEXT)));
    assert_eq!(two.opened().await, Some(text(TEXT)));
    let (refused, _) = tokio::join!(sending(), async { (joining(&mut proxy).await, joining(&mut proxy).await) });
    assert!(matches!(refused, Err(SealError::RecipientsChanged)), "{refused:?}");
    assert!(one.mailbox.taken().await.items.is_empty());
    assert!(!stored(&sender.home).contains("Friday"));
}

#[tokio::test]
async fn a_text_in_clear_never_waits_on_disk() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let sender = SealingAgent::start(&agent, json!({})).await;
    let recipient = SealingAgent::start(&agent, json!({})).await;
    let away = client("http://127.0.0.1:9", api.context_key(), sender.home.path());
    let refused = sealed::send(&away, &sender.keys, sender.message(&[recipient.name()], json!({}))).await.unwrap_err();
    assert!(matches!(refused, SealError::KeysUnreachable(_)), "{refused}");
    assert!(!stored(&sender.home).contains("Friday") && away.waiting().await.queued == 0);
    // The API is away after the keys were read: the sealed message waits.
    let mut proxy = Proxy::start(&api).await;
    let url = proxy.url().to_owned();
    let through = client(&url, api.context_key(), sender.home.path());
    let (sent, ()) =
        tokio::join!(sealed::send(&through, &sender.keys, sender.message(&[recipient.name()], json!({}))), async {
            proxy.recipients_asked().await;
            proxy.answer(Then::Close);
        });
    assert!(matches!(sent.unwrap().delivery, Delivery::Queued(_)));
    let on_disk = stored(&sender.home);
    assert!(on_disk.contains("x25519-xsalsa20poly1305") && !on_disk.contains("Friday"));
    let _again = Proxy::start_at(&api, &url).await;
    through.replay(SendReason::Requested).await;
    assert_eq!(recipient.opened().await, Some(text(TEXT)));
}

#[tokio::test]
async fn a_changed_key_is_shown_to_both_sides_and_a_lost_one_is_reported() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let sender = SealingAgent::start(&agent, json!({})).await;
    let recipient = SealingAgent::start(&agent, json!({})).await;
    sender.sent(&[recipient.name()]).await;
    assert_eq!(recipient.opened().await, Some(text(TEXT)));
    sender.sent(&[recipient.name()]).await;
    // The recipient goes on with other keys, as on another machine.
    let other = tempfile::tempdir().unwrap();
    let new_keys = keys(other.path(), &recipient.mailbox.agent);
    let moved = recipient.mailbox.agent.mailbox_with(json!({ "public_key": new_keys.pair().public_key() })).await;
    let lost = moved.taken().await.items.remove(0);
    assert_eq!(sealed::open(recipient.client.api(), &new_keys, &moved.session.id, &lost.message).await, None);
    assert_eq!(moved.reported(lost.delivery_id.as_str(), "refused").await, "refused");
    api.sweep().await;
    let told = sender.mailbox.taken_texts().await;
    assert!(told.iter().any(|text| text.contains("key_unavailable")), "{told:?}");
    let sent = sender.sent(&[recipient.name()]).await;
    let [changed] = sent.changed_keys.as_slice() else { panic!("{sent:?}") };
    assert_eq!(
        (&changed.before, &changed.now),
        (&id(&recipient.keys), &id(&new_keys)),
        "the sender sees which key has changed"
    );
    assert!(sender.sent(&[recipient.name()]).await.changed_keys.is_empty());
    // The sender moves too: the recipient opens the message and sees the new key.
    let taken = moved.taken().await;
    let open = async |message: &Message| {
        sealed::open(recipient.client.api(), &new_keys, &moved.session.id, message).await.unwrap()
    };
    assert_eq!(open(&taken.items[0].message).await.changed_key, None);
    let third = tempfile::tempdir().unwrap();
    let moved_keys = keys(third.path(), &sender.mailbox.agent);
    sealed::send(&sender.client, &moved_keys, sender.message(&[recipient.name()], json!({}))).await.unwrap();
    let changed = open(&moved.taken().await.items[0].message).await.changed_key.unwrap();
    assert_eq!((changed.before, changed.now), (id(&sender.keys), id(&moved_keys)));
}

fn id(keys: &AgentKeys) -> deckwatch_protocol::SealKeyId {
    sealed::key_id(keys.pair().public_key()).unwrap()
}

/// Asks `PyNaCl`. `None` if it is not installed.
async fn pynacl(request: Value) -> Option<Value> {
    let python = std::env::var_os("DECKWATCH_TEST_PYNACL")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/sealed/peer.py");
    let mut peer =
        tokio::process::Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    peer.stdin.take().unwrap().write_all(request.to_string().as_bytes()).await.unwrap();
    let output = peer.wait_with_output().await.unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test]
async fn another_implementation_opens_what_this_one_seals_and_the_other_way_round() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let Some(key) = pynacl(json!({ "do": "new_key" })).await else {
        eprintln!("skipped: DECKWATCH_TEST_PYNACL names no Python with PyNaCl; scripts/test installs it");
        return;
    };
    let group = json!({ "groups": { "team": "member" } });
    let (one, two) =
        (SealingAgent::start(&agent, group.clone()).await, SealingAgent::start(&agent, group.clone()).await);
    let other = agent.colleague().mailbox_with(overlay(group, json!({ "public_key": key["public"] }))).await;

    // This implementation seals, for both of them.
    let long = "ä".repeat(16_384);
    for body in [TEXT, "x", &long] {
        one.send(&["@team"], json!({ "body": body })).await.unwrap();
        assert_eq!(two.opened().await, Some(text(body)));
        let mut sealed = json!(other.taken().await.items[0].message.sealed);
        let mut open = json!({ "do": "open", "private": key["private"], "agent": other.name(), "sealed": sealed,
            "sender_key": one.keys.pair().public_key() });
        assert_eq!(pynacl(open.clone()).await.unwrap()["text"], json!(body));
        // With the key of another sender, or the box of another recipient, it does not open there either.
        open["sender_key"] = json!(two.keys.pair().public_key());
        assert_eq!(pynacl(open.clone()).await.unwrap()["text"], Value::Null);
        let keys = sealed["keys"].as_array_mut().unwrap();
        let boxes: Vec<Value> = keys.iter().map(|key| key["box"].clone()).collect();
        keys.iter_mut().zip(boxes.into_iter().rev()).for_each(|(key, other)| key["box"] = other);
        let swapped = overlay(open, json!({ "sealed": sealed, "sender_key": one.keys.pair().public_key() }));
        assert_eq!(pynacl(swapped).await.unwrap()["text"], Value::Null);
    }

    // The other implementation seals, with and without the name of its key.
    for names_its_key in [true, false] {
        let to = json!({ one.name(): one.keys.pair().public_key(), two.name(): two.keys.pair().public_key() });
        let ask =
            json!({ "do": "seal", "private": key["private"], "text": TEXT, "to": to, "names_its_key": names_its_key });
        let sealed = pynacl(ask).await.unwrap();
        other.sent(&["@team"], json!({ "body": null, "sealed": sealed })).await;
        for reader in [&one, &two] {
            let message = reader.taken().await;
            assert_eq!(reader.open(&message).await, Some(text(TEXT)), "names its key: {names_its_key}");
            let mut changed = message.clone();
            let sealed = changed.sealed.as_mut().unwrap();
            sealed.nonce = fresh_nonce();
            assert_eq!(reader.open(&changed).await, None);
        }
    }
}

fn fresh_nonce() -> deckwatch_protocol::SealNonce {
    let text = fresh("nonce").replace(|c: char| !c.is_ascii_alphanumeric(), "x");
    format!("{text:x<32}").split_at(32).0.parse().unwrap()
}
