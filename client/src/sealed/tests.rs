//! Tests of the encryption and of the files of an agent's keys.

use std::os::unix::fs::PermissionsExt as _;

use deckwatch_machine::agent_folder::ApiName;
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{Agent, PublicKey, Sealed};
use serde_json::{Value, json};

use super::*;

const TEXT: &str = "The release is on Friday — ääöü 🦀";

fn agent(name: &str) -> Agent {
    name.parse().unwrap()
}

fn key_pair() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn sealed_for(from: &KeyPair, to: &[(&str, &KeyPair)]) -> Sealed {
    let to: Vec<_> = to.iter().map(|(name, key)| (agent(name), key.public_key().clone())).collect();
    seal(TEXT, from, &to).unwrap()
}

#[test]
fn each_recipient_opens_the_text_and_nobody_else_does() {
    let (from, one, two, other) = (key_pair(), key_pair(), key_pair(), key_pair());
    let sealed = sealed_for(&from, &[("one", &one), ("two", &two)]);
    let open = |name: &str, key: &KeyPair, sender: &KeyPair| open_box(&sealed, &agent(name), key, sender.public_key());
    assert_eq!(open("one", &one, &from).as_deref(), Some(TEXT));
    assert_eq!(open("two", &two, &from).as_deref(), Some(TEXT));
    for (name, key, sender) in [
        ("one", &two, &from),
        ("two", &one, &from),
        ("other", &other, &from),
        ("one", &other, &from),
        // The box says who sealed it.
        ("one", &one, &other),
        ("one", &one, &two),
    ] {
        assert_eq!(open(name, key, sender), None, "{name}");
    }
    assert!(!serde_json::to_string(&sealed).unwrap().contains("Friday"));
}

#[test]
fn texts_of_every_length_fit_the_protocol() {
    let (from, to) = (key_pair(), key_pair());
    for length in [1, 2, 3, 63, 64, 65, 32_767, 32_768] {
        let text = "x".repeat(length);
        let sealed = seal(&text, &from, &[(agent("to"), to.public_key().clone())]).unwrap();
        assert_eq!(open_box(&sealed, &agent("to"), &to, from.public_key()).as_deref(), Some(text.as_str()));
    }
    assert!(matches!(seal(&"x".repeat(40_000), &from, &[]), Err(BoxError::WrongForm(_))));
}

#[test]
fn the_same_text_never_has_the_same_box() {
    let (from, to) = (key_pair(), key_pair());
    let [one, two] = [(); 2].map(|()| sealed_for(&from, &[("to", &to)]));
    assert_ne!((&one.nonce, &one.sealed_box), (&two.nonce, &two.sealed_box));
    assert_ne!((&one.keys[0].nonce, &one.keys[0].sealed_box), (&two.keys[0].nonce, &two.keys[0].sealed_box));
}

#[test]
fn a_box_that_was_changed_does_not_open() {
    let (from, one, two) = (key_pair(), key_pair(), key_pair());
    let sealed = serde_json::to_value(sealed_for(&from, &[("one", &one), ("two", &two)])).unwrap();
    let open = |sealed: Value| {
        let sealed: Sealed = serde_json::from_value(sealed).unwrap();
        open_box(&sealed, &agent("one"), &one, from.public_key())
    };
    assert!(open(sealed.clone()).is_some());
    let flipped = |text: &str, at: usize| {
        let digit = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{digit}{}", &text[..at], &text[at + 1..])
    };
    for pointer in ["/box", "/nonce", "/keys/0/box", "/keys/0/nonce"] {
        for at in [0, 5, 20] {
            let mut changed = sealed.clone();
            let field = changed.pointer_mut(pointer).unwrap();
            *field = flipped(field.as_str().unwrap(), at).into();
            assert_eq!(open(changed), None, "{pointer} {at}");
        }
    }
    let swapped = |from: &str, to: &str| {
        let mut changed = sealed.clone();
        let taken = changed.pointer(from).unwrap().clone();
        *changed.pointer_mut(to).unwrap() = taken;
        changed
    };
    for (from, to) in [("/keys/1/box", "/keys/0/box"), ("/keys/1/nonce", "/keys/0/nonce"), ("/nonce", "/keys/0/nonce")]
    {
        assert_eq!(open(swapped(from, to)), None, "{from} in the place of {to}");
    }
    for (pointer, text) in
        [("/box", "QUJD"), ("/keys/0/box", "QUJD"), ("/box", "QQ"), ("/keys/0/box", "Q"), ("/box", "=")]
    {
        let mut changed = sealed.clone();
        *changed.pointer_mut(pointer).unwrap() = text.into();
        assert_eq!(open(changed), None, "{pointer} {text}");
    }
}

#[test]
fn both_alphabets_of_base64_are_read_with_and_without_padding() {
    let (from, to) = (key_pair(), key_pair());
    let sealed = serde_json::to_string(&sealed_for(&from, &[("to", &to)])).unwrap();
    let public = from.public_key().to_string();
    let other =
        sealed.replace(&public, "KEY").replace('+', "-").replace('/', "_").replace('=', "").replace("KEY", &public);
    let sealed: Sealed = serde_json::from_str(&other).unwrap();
    assert_eq!(open_box(&sealed, &agent("to"), &to, from.public_key()).as_deref(), Some(TEXT));
}

#[test]
fn a_key_on_which_no_secret_can_be_agreed_is_refused() {
    let zero: PublicKey = format!("{}=", "A".repeat(43)).parse().unwrap();
    let refused = seal(TEXT, &key_pair(), &[(agent("to"), zero)]).unwrap_err();
    assert_eq!(refused.to_string(), "the public key of to can't be used");
}

struct Home {
    _folder: tempfile::TempDir,
    dirs: Dirs,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| folder.path().into())).unwrap();
        Self { _folder: folder, dirs }
    }

    fn keys(&self, api: &str, venture: &str, name: &str) -> AgentKeys {
        AgentKeys::of_agent(&self.dirs, &ApiName::of_url(api), &venture.parse().unwrap(), &agent(name)).unwrap()
    }

    fn private_files(&self) -> Vec<std::path::PathBuf> {
        let mut folders = vec![self.dirs.state.join("keys")];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }
}

#[test]
fn an_agent_keeps_one_key_for_each_api() {
    let home = Home::new();
    let key = |api: &str, venture: &str, name: &str| home.keys(api, venture, name).pair().public_key().clone();
    let first = key("api1", "alpha", "mac1-claude-1");
    assert_eq!(key("api1", "alpha", "mac1-claude-1"), first, "it survives a restart");
    assert_eq!(key("api1", "beta", "mac1-claude-1"), first);
    assert_ne!(key("api2", "alpha", "mac1-claude-1"), first);
    assert_ne!(key("api1", "alpha", "mac1-claude-2"), first);
    assert_eq!(home.private_files().len(), 3);
}

#[test]
fn processes_that_start_at_once_get_the_same_key() {
    let home = Home::new();
    let keys: Vec<_> = std::thread::scope(|scope| {
        let start = |_| scope.spawn(|| home.keys("api", "alpha", "one").pair().public_key().clone());
        let started: Vec<_> = (0..8).map(start).collect();
        started.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[test]
fn a_key_file_is_made_private_again_and_a_damaged_one_is_named() {
    let home = Home::new();
    let key = home.keys("api", "alpha", "one").pair().public_key().clone();
    let file = home.private_files().remove(0);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(*home.keys("api", "alpha", "one").pair().public_key(), key);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    for damaged in ["", "QUJD", &"A".repeat(50)] {
        std::fs::write(&file, damaged).unwrap();
        let refused =
            AgentKeys::of_agent(&home.dirs, &ApiName::of_url("api"), &"alpha".parse().unwrap(), &agent("one"))
                .err()
                .unwrap();
        assert!(matches!(&refused, KeyError::Damaged(named) if *named == file), "{refused}");
        assert!(!refused.to_string().contains(&"A".repeat(50)));
    }
}

#[test]
fn a_changed_key_of_another_agent_is_named_once() {
    let home = Home::new();
    let keys = home.keys("api", "alpha", "one");
    let (other, [first, second]) = (agent("two"), [key_pair(), key_pair()]);
    assert_eq!(keys.remember(&other, first.public_key()), None);
    assert_eq!(keys.remember(&other, first.public_key()), None);
    let changed = keys.remember(&other, second.public_key()).unwrap();
    assert_eq!(
        (changed.before.clone(), changed.now.clone()),
        (key_id(first.public_key()).unwrap(), key_id(second.public_key()).unwrap())
    );
    assert!(changed.to_string().contains("The key of two has changed from "), "{changed}");
    assert_eq!(home.keys("api", "alpha", "one").remember(&other, second.public_key()), None);
    assert_eq!(home.keys("api", "beta", "one").remember(&other, first.public_key()), None, "another venture");
}

#[test]
fn a_sealed_text_does_not_look_like_a_secret() {
    let scan = crate::secret_scan::SecretScan::new(&crate::secret_scan::Injected::default()).unwrap();
    let (from, to) = (key_pair(), key_pair());
    for _ in 0..20 {
        let sealed = seal(&"x".repeat(32_768), &from, &[(agent("to"), to.public_key().clone())]).unwrap();
        let found = scan.request(deckwatch_protocol::Operation::SendMessage, &json!({ "sealed": sealed }));
        assert!(found.is_empty(), "{found:?}");
    }
}
