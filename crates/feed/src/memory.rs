//! Sessions written down where they outlive the process: under which names, and what stands there.
//!
//! A session is for whoever knew the secret: if that has changed since, or the name is gone from the
//! configuration, it does not go on.

use crate::auth::Role;
use crate::config::{Account, Directory};
use crate::tokens::Key;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const PREFIX: &str = "session/";

/// Keeps a value under a name for the next run, or forgets it. Must not block.
pub type Keep = Arc<dyn Fn(String, Option<Vec<u8>>) + Send + Sync>;

/// What the feed remembers across runs.
#[derive(Clone, Default)]
pub struct Memory {
    /// What was kept when the last run ended. Names that are not the feed's are passed over.
    pub kept: Vec<(String, Vec<u8>)>,
    /// Where to keep. None: a restart signs everybody out.
    pub keep: Option<Keep>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}

/// One session, as it is written down. The token is not there: it cannot be had from its hash.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    /// Whose it is: operators and supervisors have no names in common.
    #[serde(alias = "operator")]
    name: String,
    /// Milliseconds since the Unix epoch, on the machine's clock.
    ends: u64,
    /// Shows whether the secret is still the same, to whoever knows both it and the session's key.
    mark: String,
}

/// Reads and writes the notes of sessions.
pub(crate) struct Notebook {
    directory: Arc<Directory>,
    keep: Option<Keep>,
}

impl Notebook {
    pub(crate) fn new(directory: Arc<Directory>, keep: Option<Keep>) -> Self {
        Self { directory, keep }
    }

    /// The sessions that go on, with how long each has left. What is over is forgotten.
    pub(crate) fn read(&self, kept: &[(String, Vec<u8>)]) -> Vec<(Key, Role, Duration)> {
        let sessions = kept.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(PREFIX)?;
            let session = unhex(key).and_then(|key| self.goes_on(key, value));
            if session.is_none() {
                self.tell(name.clone(), None);
            }
            session
        });
        sessions.collect()
    }

    fn goes_on(&self, key: Key, value: &[u8]) -> Option<(Key, Role, Duration)> {
        let note: Note = serde_json::from_slice(value).ok()?;
        let mut accounts = self.directory.accounts();
        let (who, account) = accounts.find(|(_, account)| account.name == note.name)?;
        let left = Duration::from_millis(note.ends.checked_sub(unix_millis())?);
        (note.mark == mark(&key, account)).then_some((key, who, left))
    }

    /// Writes down that a session lasts for another `lasts`.
    pub(crate) fn keep(&self, key: &Key, who: Role, lasts: Duration) {
        let Some(account) = self.directory.account(who) else {
            return;
        };
        let mark = mark(key, account);
        let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
        let note = Note {
            name: account.name.clone(),
            ends: unix_millis().saturating_add(lasts),
            mark,
        };
        if let Ok(value) = serde_json::to_vec(&note) {
            self.tell(name_of(key), Some(value));
        }
    }

    pub(crate) fn forget(&self, key: &Key) {
        self.tell(name_of(key), None);
    }

    fn tell(&self, name: String, value: Option<Vec<u8>>) {
        if let Some(keep) = &self.keep {
            keep(name, value);
        }
    }
}

/// Eight bytes of a hash over key and secret.
fn mark(key: &Key, account: &Account) -> String {
    let hash = Sha256::new()
        .chain_update(key)
        .chain_update(account.secret.text())
        .finalize();
    hex(&hash[..8])
}

fn name_of(key: &Key) -> String {
    format!("{PREFIX}{}", hex(key))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text has no way to fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Key> {
    let mut key = Key::default();
    let digits = text.as_bytes();
    if digits.len() != 2 * key.len() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

fn unix_millis() -> u64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
