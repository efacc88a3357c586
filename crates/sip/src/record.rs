//! What of the edge is written down, so that it can be brought back after a crash: legs, registrations, and the key of
//! our tags.
//!
//! Always holds: a record says who the peer is and what was agreed, never what the queue wants done with the call; that
//! is the queue's to say again. Records are JSON, opaque to whoever keeps them, one for each key, the latest counts.
//! A field that a later version adds must have a default, so that its records can be read.

use crate::config::Transport;
use crate::core::Core;
use crate::dialog::Dialog;
use crate::leg::Leg;
use crate::offer_answer::{Agreed, Local};
use crate::session_timer;
use crate::transport::Flow;
use crate::websocket;
use acd::LegId;
use rsipstack::sip::{Header, Request, SipMessage, Uri};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The record of our tags' key.
const TAGS_KEY: &str = "sip/tags";
const LEG_PREFIX: &str = "leg/";
const PHONE_PREFIX: &str = "phone/";

/// Keeps a record under a key until the next one, or lets go of it. Called on the runtime's threads: it must return at
/// once and never block. What is kept must be on disk before anything that the edge reports afterwards is acted on.
pub type Keep = Arc<dyn Fn(String, Option<Vec<u8>>) + Send + Sync>;

/// What the edge remembers across a crash.
#[derive(Clone, Default)]
pub struct Memory {
    /// What was kept when the last run ended.
    pub kept: Vec<(String, Vec<u8>)>,
    /// Where this run's records go; none keeps nothing.
    pub keep: Option<Keep>,
}

impl fmt::Debug for Memory {
    /// Records hold callers' numbers, which stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}

/// Everything of a memory that could be read, by kind.
#[derive(Default)]
pub(crate) struct Remembered {
    pub(crate) tags: Option<TagKey>,
    pub(crate) legs: Vec<LegRecord>,
    pub(crate) phones: Vec<(String, Vec<BindingRecord>)>,
    /// Keys of records that this version cannot read.
    pub(crate) unreadable: Vec<String>,
}

impl Remembered {
    pub(crate) fn read(kept: Vec<(String, Vec<u8>)>) -> Self {
        let mut all = Self::default();
        for (key, bytes) in kept {
            let read = if key == TAGS_KEY {
                serde_json::from_slice(&bytes).map(|tags| all.tags = Some(tags))
            } else if key.starts_with(LEG_PREFIX) {
                serde_json::from_slice(&bytes).map(|leg| all.legs.push(leg))
            } else if let Some(user) = key.strip_prefix(PHONE_PREFIX) {
                serde_json::from_slice(&bytes).map(|bindings| all.phones.push((user.to_owned(), bindings)))
            } else {
                continue;
            };
            if read.is_err() {
                all.unreadable.push(key);
            }
        }
        // Calls in the order in which they came, so that the log reads well.
        all.legs.sort_by_key(|record| record.leg);
        all
    }
}

/// The key of our tags. It outlives a restart, so that a request or answer of before is known to belong to us.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct TagKey([u8; 32]);

impl TagKey {
    /// A key that nobody can guess.
    pub(crate) fn random() -> Self {
        let text = rsipstack::transaction::random_text(64);
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// The same two texts give the same number. Nobody without the key can make it up.
    pub(crate) fn tag(&self, call_id: &str, remote_tag: &str) -> u64 {
        let hash = Sha256::new()
            .chain_update(self.0)
            .chain_update((call_id.len() as u64).to_le_bytes())
            .chain_update(call_id)
            .chain_update(remote_tag)
            .finalize();
        hash.iter()
            .take(8)
            .fold(0, |tag, &byte| (tag << 8) | u64::from(byte))
    }
}

/// One leg.
#[derive(Serialize, Deserialize)]
pub(crate) struct LegRecord {
    pub(crate) leg: LegId,
    pub(crate) dialog: DialogRecord,
    pub(crate) line: Option<LineRecord>,
    pub(crate) stage: StageRecord,
    pub(crate) timer: Option<session_timer::Agreed>,
    /// When something is due for the session timer, since the Unix epoch.
    pub(crate) timer_due: Option<Duration>,
    pub(crate) peer_allows_update: bool,
}

/// How far a leg has come.
#[derive(Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum StageRecord {
    /// A caller's INVITE that has no final answer whose ACK was seen.
    Waiting {
        invite: String,
        answer: Option<Box<(String, Agreed)>>,
        timer: Option<session_timer::Agreed>,
        reliable: bool,
        rseq: u32,
    },
    /// An INVITE of ours to a phone, which may ring.
    Calling { invite: String, hop: WayRecord },
    /// Answered.
    Confirmed,
}

/// A dialog (RFC 3261 §12).
#[derive(Serialize, Deserialize)]
pub(crate) struct DialogRecord {
    call_id: String,
    local_tag: String,
    remote_tag: String,
    local: String,
    remote: String,
    local_seq: u32,
    remote_seq: Option<u32>,
    routes: Vec<String>,
    target: String,
    contact: String,
    way: WayRecord,
    behind_nat: bool,
}

/// A leg's side of the media.
#[derive(Serialize, Deserialize)]
pub(crate) struct LineRecord {
    /// The socket, as it was bound.
    pub(crate) bound: SocketAddr,
    pub(crate) local: Local,
    pub(crate) agreed: Option<Agreed>,
    pub(crate) sent: String,
}

/// A way to a peer.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct WayRecord {
    transport: Transport,
    remote: SocketAddr,
    local: SocketAddr,
}

/// One contact of a phone.
#[derive(Serialize, Deserialize)]
pub(crate) struct BindingRecord {
    pub(crate) contact: String,
    pub(crate) way: Option<WayRecord>,
    pub(crate) behind_nat: bool,
    /// When it lapses, since the Unix epoch.
    pub(crate) expires: Duration,
    pub(crate) call_id: String,
    pub(crate) seq: u32,
}

impl From<&Flow> for WayRecord {
    fn from(flow: &Flow) -> Self {
        Self {
            transport: flow.transport,
            remote: flow.remote,
            local: flow.local,
        }
    }
}

impl WayRecord {
    /// By a connection, which died with the last run.
    pub(crate) fn is_stream(&self) -> bool {
        self.transport != Transport::Udp
    }

    pub(crate) fn is_websocket(&self) -> bool {
        self.transport == Transport::Ws
    }

    /// The way by UDP: the same socket if it is open again, or else another of its family. A TCP connection died with
    /// the last run; until there is another, this is where its dialog stands. So did a WebSocket, which stays its
    /// dialog's until the browser is back.
    pub(crate) fn flow(&self, core: &Core) -> Option<Flow> {
        if self.is_websocket() {
            return websocket::ended(self.remote);
        }
        let same = core.udp.iter().find(|flow| flow.local == self.local);
        same.map(|flow| flow.to(self.remote))
            .or_else(|| core.udp_flow(self.remote))
    }
}

impl From<&Dialog> for DialogRecord {
    fn from(dialog: &Dialog) -> Self {
        Self {
            call_id: dialog.call_id.clone(),
            local_tag: dialog.local_tag.clone(),
            remote_tag: dialog.remote_tag.clone(),
            local: dialog.local.clone(),
            remote: dialog.remote.clone(),
            local_seq: dialog.local_seq,
            remote_seq: dialog.remote_seq,
            routes: dialog.routes.clone(),
            target: dialog.target.to_string(),
            contact: dialog.contact.clone(),
            way: WayRecord::from(&dialog.flow),
            behind_nat: dialog.behind_nat,
        }
    }
}

impl DialogRecord {
    /// Our tag, as the tables know it.
    pub(crate) fn tag(&self) -> Option<u64> {
        u64::from_str_radix(&self.local_tag, 16).ok()
    }

    pub(crate) fn way(&self) -> &WayRecord {
        &self.way
    }

    /// The dialog again. Its next request counts up from `headroom` beyond the last that was written down: some may
    /// have been sent since, and gaps are allowed (RFC 3261 §12.2.2).
    pub(crate) fn dialog(self, flow: Flow, headroom: u32) -> Option<Dialog> {
        Some(Dialog {
            target: Uri::try_from(self.target.as_str()).ok()?,
            call_id: self.call_id,
            local_tag: self.local_tag,
            remote_tag: self.remote_tag,
            local: self.local,
            remote: self.remote,
            local_seq: self.local_seq.saturating_add(headroom),
            remote_seq: self.remote_seq,
            routes: self.routes,
            contact: self.contact,
            flow,
            behind_nat: self.behind_nat,
        })
    }
}

/// A request as text that parses to the same again.
pub(crate) fn request_text(request: &Request) -> String {
    let mut request = request.clone();
    let length = u32::try_from(request.body.len()).unwrap_or(0);
    for header in request.headers.iter_mut() {
        if matches!(header, Header::ContentLength(_)) {
            *header = Header::ContentLength(length.into());
        }
    }
    request.to_string()
}

pub(crate) fn request_of(text: &str) -> Option<Request> {
    match SipMessage::try_from(text.as_bytes()) {
        Ok(SipMessage::Request(request)) => Some(request),
        _ => None,
    }
}

/// A moment as others than this process know it.
pub(crate) fn since_epoch(at: Instant) -> Duration {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    match at.checked_duration_since(Instant::now()) {
        Some(ahead) => now + ahead,
        None => now.saturating_sub(at.elapsed()),
    }
}

/// The moment again; now, if it has passed.
pub(crate) fn instant(since_epoch: Duration) -> Instant {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Instant::now() + since_epoch.saturating_sub(now)
}

impl Core {
    /// Keeps a record. Only what this crate wrote itself can fail to be JSON, and none of it does.
    fn keep(&self, key: String, record: &impl Serialize) {
        if let (Some(keep), Ok(bytes)) = (&self.keep, serde_json::to_vec(record)) {
            keep(key, Some(bytes));
        }
    }

    /// Lets go of a leg's record.
    pub(crate) fn forget_leg(&self, leg: LegId) {
        if let Some(keep) = &self.keep {
            keep(leg_key(leg), None);
        }
    }

    pub(crate) fn keep_tags(&self) {
        self.keep(TAGS_KEY.to_owned(), &self.tags);
    }

    pub(crate) fn keep_phone(&self, user: &str, bindings: impl FnOnce() -> Vec<BindingRecord>) {
        if self.keep.is_some() {
            self.keep(format!("{PHONE_PREFIX}{user}"), &bindings());
        }
    }

    /// Lets go of what cannot be read.
    pub(crate) fn forget(&self, key: String) {
        if let Some(keep) = &self.keep {
            keep(key, None);
        }
    }
}

impl Leg {
    /// Writes the leg down as it is now.
    pub(crate) fn keep(&self, stage: impl FnOnce() -> StageRecord) {
        if self.core.keep.is_none() || self.over {
            return;
        }
        let record = LegRecord {
            leg: self.id,
            dialog: DialogRecord::from(&self.dialog),
            line: self.line.as_ref().map(|line| line.record()),
            stage: stage(),
            timer: self.timer,
            timer_due: self.timer_due.map(|due| since_epoch(due.into_std())),
            peer_allows_update: self.peer_allows_update,
        };
        self.core.keep(leg_key(self.id), &record);
    }

    /// Writes down that the leg is answered, and what is agreed now.
    pub(crate) fn keep_confirmed(&self) {
        self.keep(|| StageRecord::Confirmed);
    }
}

fn leg_key(leg: LegId) -> String {
    format!("{LEG_PREFIX}{leg}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_same_after_a_restart_and_another_for_anybody_else() {
        let key = TagKey::random();
        let again: TagKey = serde_json::from_slice(&serde_json::to_vec(&key).expect("JSON")).expect("a key");
        assert_eq!(key.tag("c", "f"), again.tag("c", "f"));
        assert_ne!(key.tag("c", "f"), TagKey::random().tag("c", "f"));
        assert_ne!(key.tag("cf", ""), key.tag("c", "f"), "the border counts");
    }

    #[test]
    fn a_request_is_the_same_after_it_was_written_down() {
        let text = "INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1;rport=5;received=1.2.3.4\r\n\
                    Record-Route: <sip:p;lr>\r\nFrom: \"A, b\" <sip:2@x>;tag=f\r\nTo: <sip:1@h>\r\nCall-ID: c\r\n\
                    CSeq: 1 INVITE\r\nContact: <sip:2@x>\r\nX-Odd: 1\r\nContent-Length: 4\r\n\r\nv=0\r\n";
        let mut request = request_of(text).expect("a request");
        request.body.clear();
        let again = request_of(&request_text(&request)).expect("still a request");
        let names = |request: &Request| {
            request
                .headers
                .iter()
                .map(|h| h.name().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&again), names(&request));
        assert_eq!((&again.uri, &again.body), (&request.uri, &request.body));
        assert_eq!(request_text(&again), request_text(&request));
    }

    #[test]
    fn moments_outlive_the_process() {
        let due = Instant::now() + Duration::from_secs(100);
        let apart = instant(since_epoch(due)).abs_diff_from(due);
        assert!(apart < Duration::from_secs(5), "{apart:?}");
        let past = Instant::now();
        assert!(instant(since_epoch(past).saturating_sub(Duration::from_secs(9))) >= past);
    }

    trait Apart {
        fn abs_diff_from(self, other: Instant) -> Duration;
    }

    impl Apart for Instant {
        fn abs_diff_from(self, other: Instant) -> Duration {
            self.saturating_duration_since(other)
                .max(other.saturating_duration_since(self))
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_and_the_rest_is_read() {
        let tags = serde_json::to_vec(&TagKey::random()).expect("JSON");
        let read = Remembered::read(vec![
            ("leg/7/0".into(), b"{}".to_vec()),
            ("sip/tags".into(), tags),
            ("phone/101".into(), b"[]".to_vec()),
            ("later/kind".into(), b"?".to_vec()),
        ]);
        assert!(read.tags.is_some() && read.legs.is_empty());
        assert_eq!(read.phones.len(), 1);
        assert_eq!(read.unreadable, ["leg/7/0"]);
    }
}
