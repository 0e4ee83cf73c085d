//! The key pair of an agent, kept in the state folder.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use deckwatch_machine::agent::machine_uuid;
use deckwatch_machine::agent_folder::ApiName;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use deckwatch_protocol::{Agent, PublicKey};
use dryoc::classic::crypto_core::crypto_scalarmult_base;
use zeroize::Zeroizing;

use super::boxes::{BASE64, BoxError, KEY_BYTES, encoded, random};

/// The X25519 key pair of an agent. It has no `Debug`, and its private half is overwritten when it is dropped.
pub struct KeyPair {
    secret: Zeroizing<[u8; KEY_BYTES]>,
    public: PublicKey,
}

/// Why an agent has no key pair.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file of the key pair can't be read or written.
    #[error("the file {} of the agent's keys can't be used: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file of the key pair has another content.
    #[error(
        "{} does not contain a private key. Delete it: the next start of the agent makes a new key, and messages that were \
         sealed for the old key can't be opened any more", .0.display()
    )]
    Damaged(PathBuf),
    /// A key can't be made.
    #[error(transparent)]
    Box(#[from] BoxError),
}

impl KeyPair {
    /// Makes a key pair.
    pub fn generate() -> Result<Self, BoxError> {
        Self::of(Zeroizing::new(random()?))
    }

    /// The key pair of an agent on this machine, for one API. It is made on first use, and survives restarts, resumed and new
    /// conversations. If several processes make it at once, all of them get the same.
    pub fn of_agent(dirs: &Dirs, api: &ApiName, agent: &Agent) -> Result<Self, KeyError> {
        Self::in_file(&folder(dirs, api, agent)?.join("private"))
    }

    /// Reads the key pair in `file`, or makes one there.
    fn in_file(file: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File { path: file.to_owned(), source };
        match read(file) {
            Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        Dirs::create(file.parent().unwrap_or(file)).map_err(failed)?;
        let new = Self::generate()?;
        let text = Zeroizing::new(BASE64.encode(new.secret.as_slice()));
        match durable::create(file, text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(file),
            created => created.map(|()| new).map_err(failed),
        }
    }

    fn of(secret: Zeroizing<[u8; KEY_BYTES]>) -> Result<Self, BoxError> {
        let mut public = [0; KEY_BYTES];
        crypto_scalarmult_base(&mut public, &secret);
        Ok(Self { secret, public: encoded(&public)? })
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn secret(&self) -> &[u8; KEY_BYTES] {
        &self.secret
    }
}

/// The folder for the keys of an agent. Machines can share a state folder, so that their names are in the path.
pub(super) fn folder(dirs: &Dirs, api: &ApiName, agent: &Agent) -> Result<PathBuf, KeyError> {
    let keys = dirs.state.join("keys");
    let machine = machine_uuid(dirs).map_err(|source| KeyError::File { path: keys.clone(), source })?;
    Ok(keys.join(api.as_str()).join(machine.as_str()).join(agent.as_str()))
}

fn read(file: &Path) -> Result<KeyPair, KeyError> {
    let failed = |source| KeyError::File { path: file.to_owned(), source };
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(failed)?);
    keep_private(file).map_err(failed)?;
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    match BASE64.decode_slice(text.trim(), secret.as_mut_slice()) {
        Ok(KEY_BYTES) => Ok(KeyPair::of(secret)?),
        _ => Err(KeyError::Damaged(file.to_owned())),
    }
}

/// Takes the rights of other users to the file away, which a copy or a backup may have given them.
fn keep_private(file: &Path) -> io::Result<()> {
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode == mode & 0o700 {
        return Ok(());
    }
    log::warn!("other users could read {}: their rights are taken away", file.display());
    std::fs::set_permissions(file, Permissions::from_mode(0o600))
}
