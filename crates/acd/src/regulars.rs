//! Who talked with whom of late, so that a caller who rings again may get the same operator.
//!
//! Owns the memory and its bounds: an entry is forgotten when it is older than its queue allows, and the oldest when
//! there are more than `regulars_max`. It only ever makes a preference among those who are free.

use crate::{CallerNumber, OperatorId, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};

#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Regulars {
    #[serde(with = "crate::acd::sorted")]
    last: HashMap<CallerNumber, (OperatorId, Timestamp), BuildHasherDefault<DefaultHasher>>,
    /// In order of the conversations' ends; stale where `last` says otherwise.
    ended: VecDeque<(CallerNumber, Timestamp)>,
    regulars_max: usize,
}

impl Regulars {
    pub(crate) fn new(regulars_max: u32) -> Self {
        Self {
            last: HashMap::default(),
            ended: VecDeque::new(),
            regulars_max: regulars_max as usize,
        }
    }

    /// A conversation ended.
    pub(crate) fn remember(&mut self, caller: CallerNumber, operator: OperatorId, now: Timestamp) {
        if self.ended.len() >= self.regulars_max
            && let Some((oldest, at)) = self.ended.pop_front()
            && self.last.get(&oldest).is_some_and(|(_, last)| *last == at)
        {
            self.last.remove(&oldest);
        }
        self.last.insert(caller, (operator, now));
        self.ended.push_back((caller, now));
    }

    /// With whom `caller` talked last, if that ended after `since`.
    pub(crate) fn favourite(&self, caller: CallerNumber, since: Timestamp) -> Option<OperatorId> {
        self.last
            .get(&caller)
            .filter(|(_, ended)| *ended > since)
            .map(|(operator, _)| *operator)
    }
}
