//! Names of the things the core speaks of. All are small, copied and ordered; none is reused in a journal.

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One caller's visit, from INVITE to record. Given by the SIP edge, rising, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

impl CallId {
    /// Set in the id of a call-back; the rest is the id of the call that asked for it. Ids stay below 2^53, so that
    /// every reader of JSON keeps them whole.
    pub const CALL_BACK: u64 = 1 << 52;

    /// The call-back that this call was promised. A call is promised one at most.
    pub const fn call_back(self) -> Self {
        Self(self.0 | Self::CALL_BACK)
    }

    /// Whether we call the caller, rather than the caller us.
    pub const fn is_call_back(self) -> bool {
        self.0 & Self::CALL_BACK != 0
    }
}

/// One SIP dialog of a call: leg 0 is the caller's, leg n the n-th phone that was rung for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegId {
    /// The call this leg belongs to.
    pub call: CallId,
    /// 0 for the caller, counting up for each operator's phone that was dialled.
    pub leg: u32,
}

impl LegId {
    /// Legs numbered from here on are not the queue's: the phones of supervisors, who listen to a call.
    pub const SUPERVISORS: u32 = 1 << 31;

    /// The caller's own leg of `call`.
    pub const fn caller(call: CallId) -> Self {
        Self { call, leg: 0 }
    }

    /// Whether this is the caller's leg rather than an operator's.
    pub const fn is_caller(self) -> bool {
        self.leg == 0
    }

    /// Whether this is a supervisor's leg, of which the core knows nothing.
    pub const fn is_supervisor(self) -> bool {
        self.leg >= Self::SUPERVISORS
    }
}

/// Index of an operator in [`AcdConfig::operators`](crate::AcdConfig::operators).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorId(pub u32);

/// Index of a queue in [`AcdConfig::queues`](crate::AcdConfig::queues).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueueId(pub u32);

/// Index of a trunk in the configuration's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrunkId(pub u32);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.call, self.leg)
    }
}

/// A caller's number or SIP user part. Personal data: `Debug` and `Display` mask it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallerNumber(ArrayString<{ CallerNumber::LEN_MAX }>);

impl CallerNumber {
    /// The longest number that is kept, in bytes. E.164 allows 15 digits; SIP user parts run longer.
    pub const LEN_MAX: usize = 48;

    /// Keeps `text`, or its first [`Self::LEN_MAX`] bytes (cut at a character) when it is longer.
    pub fn new(text: &str) -> Self {
        let mut end = text.len().min(Self::LEN_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut kept = ArrayString::new();
        kept.push_str(&text[..end]);
        Self(kept)
    }

    /// A caller who withheld the number: such callers are never taken for one another.
    pub fn withheld() -> Self {
        Self(ArrayString::new())
    }

    /// Whether the caller withheld the number.
    pub fn is_withheld(&self) -> bool {
        self.0.is_empty()
    }

    /// The number itself, for signalling, the operator's screen and the journal; never for a log line.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallerNumber {
    /// The first three and last two characters, the rest starred: enough to follow a complaint in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.chars().count();
        if count == 0 {
            return f.write_str("withheld");
        }
        for (i, c) in self.0.chars().enumerate() {
            let shown = count > 6 && (i < 3 || i >= count - 2);
            write!(f, "{}", if shown { c } else { '*' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for CallerNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
