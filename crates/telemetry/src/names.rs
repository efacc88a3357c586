//! The words for the core's indexes.

use acd::{OperatorId, PauseReason, QueueId, TrunkId};

/// Names by the core's indexes, for labels and log lines. They come from the configuration, so they are few.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// By [`QueueId`].
    pub queues: Vec<String>,
    /// By [`TrunkId`].
    pub trunks: Vec<String>,
    /// By [`OperatorId`].
    pub operators: Vec<String>,
    /// By [`PauseReason::Chosen`].
    pub pause_reasons: Vec<String>,
}

/// Stands for an index the configuration does not have; it can only come from a journal of another configuration.
const UNKNOWN: &str = "unknown";

impl Names {
    pub(crate) fn queue(&self, queue: QueueId) -> &str {
        by_index(&self.queues, queue.0)
    }

    pub(crate) fn trunk(&self, trunk: TrunkId) -> &str {
        by_index(&self.trunks, trunk.0)
    }

    pub(crate) fn operator(&self, operator: OperatorId) -> &str {
        by_index(&self.operators, operator.0)
    }

    pub(crate) fn pause(&self, reason: PauseReason) -> &str {
        match reason {
            PauseReason::NotReady => "not_ready",
            PauseReason::Chosen(index) => by_index(&self.pause_reasons, u32::from(index)),
            PauseReason::NoAnswer => "no_answer",
            PauseReason::Declined => "declined",
            PauseReason::PhoneGone => "phone_gone",
            PauseReason::PhoneBusy => "phone_busy",
        }
    }
}

fn by_index(names: &[String], index: u32) -> &str {
    names.get(index as usize).map_or(UNKNOWN, String::as_str)
}
