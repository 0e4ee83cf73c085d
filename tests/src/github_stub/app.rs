//! Apps, their installations and their keys.

use std::collections::BTreeSet;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use deckwatch_protocol::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::token::{Grant, Permissions, Token};
use super::world::{AccountKind, World};

/// How long a token of an installation is valid.
const TOKEN_SECONDS: i64 = 3600;

/// A registered App.
#[derive(Debug, Clone)]
pub struct App {
    /// The id.
    pub id: u64,
    /// The name in addresses.
    pub slug: String,
    /// The other id that a JWT may name as its issuer.
    pub client_id: String,
    /// The login of the owner.
    pub owner: String,
    /// What it asks for.
    pub permissions: Permissions,
    /// The events that its webhook gets.
    pub events: Vec<String>,
    /// The address of its webhook.
    pub hook_url: Option<String>,
    /// The secret of its webhook.
    pub hook_secret: String,
    /// The id of its webhook.
    pub hook_id: u64,
    /// The private key, as GitHub gives it: PKCS#1 in PEM.
    pub private_key: String,
    /// The public key, PKCS#1 in DER.
    pub(super) public_key: Vec<u8>,
    pub(super) created_at: Timestamp,
}

/// An App in an account.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The id.
    pub id: u64,
    /// The App.
    pub app_id: u64,
    /// The login of the account.
    pub account: String,
    /// What the account has granted.
    pub permissions: Permissions,
    /// The selected repositories; `None` for all of the account.
    pub repos: Option<BTreeSet<u64>>,
    /// Since when it is suspended.
    pub suspended_at: Option<Timestamp>,
    pub(super) created_at: Timestamp,
}

impl World {
    /// Registers an App with a new key. This takes some tenths of a second.
    pub fn add_app(&mut self, slug: &str, permissions: Permissions, events: &[&str]) -> &mut App {
        let (private_key, public_key) = new_key();
        let (id, hook_id, now) = (self.next_id(), self.next_id(), self.now());
        self.account(&format!("{slug}[bot]"), AccountKind::Bot);
        self.apps.push(App {
            id,
            slug: slug.to_owned(),
            client_id: format!("Iv23stub{id}"),
            owner: "ann".to_owned(),
            permissions,
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            hook_url: None,
            hook_secret: format!("hook-{id}"),
            hook_id,
            private_key,
            public_key,
            created_at: now,
        });
        self.apps.last_mut().unwrap()
    }

    /// Installs an App in an account, with everything that it asks for. No `repos` means all repositories.
    pub fn install(&mut self, slug: &str, account: &str, repos: Option<&[&str]>) -> u64 {
        let app = self.apps.iter().find(|app| app.slug == slug).unwrap();
        let (app_id, permissions) = (app.id, app.permissions.clone());
        let repos = repos.map(|names| self.repos_named(names));
        let (id, created_at) = (self.next_id(), self.now());
        let account = account.to_owned();
        self.installations.push(Installation {
            id,
            app_id,
            account,
            permissions,
            repos,
            suspended_at: None,
            created_at,
        });
        id
    }

    /// Puts a manifest on the web page of GitHub. `POST /app-manifests/{code}/conversions` turns the returned code into
    /// the App.
    pub fn submit_manifest(&mut self, slug: &str, permissions: Permissions, events: &[&str]) -> String {
        let id = self.add_app(slug, permissions, events).id;
        let code = format!("manifest-{id}");
        self.manifests.insert(code.clone(), id);
        code
    }

    pub(super) fn app(&self, id: u64) -> Option<&App> {
        self.apps.iter().find(|app| app.id == id)
    }

    pub(super) fn installation(&self, id: u64) -> Option<&Installation> {
        self.installations.iter().find(|installation| installation.id == id)
    }

    /// Issues a token of an installation.
    pub(super) fn installation_token(
        &mut self,
        installation: &Installation,
        permissions: Permissions,
        repos: Option<BTreeSet<u64>>,
    ) -> (String, Timestamp) {
        let text = format!("stub-installation-{}", self.next_id());
        let expires_at = self.seconds() + TOKEN_SECONDS;
        let slug = self.app(installation.app_id).map_or("", |app| &app.slug);
        self.tokens.push(Token {
            text: text.clone(),
            login: format!("{slug}[bot]"),
            grant: Grant::Installation { installation: installation.id, permissions, repos },
            expires_at: Some(expires_at),
        });
        (text, Timestamp::from_millis(expires_at * 1000))
    }
}

impl App {
    /// A JWT of this App with these claims, signed with its key.
    pub fn jwt(&self, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(claims));
        let key = key_pair(&self.private_key);
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A new key with `ssh-keygen`, which the tests of the fleet need too: the private key in PEM, the public one in DER.
fn new_key() -> (String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f"]).arg(&file);
    let output = command.output().expect("ssh-keygen is installed (openssh-client)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pem = std::fs::read_to_string(&file).unwrap();
    let public = key_pair(&pem).public_key().as_ref().to_vec();
    (pem, public)
}

fn key_pair(pem: &str) -> RsaKeyPair {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaKeyPair::from_der(&BASE64_STANDARD.decode(body).unwrap()).unwrap()
}
