//! What is made of the last run at a start: whether this one goes on where it ended, and what is said about it.

use acd::{Acd, AcdConfig, Snapshot};
use engine::{Past, Recovery};
use journal::Opened;

/// Whether this run takes up the calls, places and operators of the last one. If not, the log says what is lost.
pub(crate) fn goes_on(recovery: &Recovery, config: &AcdConfig) -> bool {
    match recovery.past() {
        Past::None => false,
        Past::Lost(why) => {
            tracing::error!(
                why,
                "the state of the last run cannot be known: places that were kept are lost, and calls that are still up \
                 are hung up"
            );
            false
        }
        Past::Known(core) => {
            let state = core.snapshot();
            tracing::info!(
                entries = recovery.entries,
                took_ms = recovery.took.as_millis() as u64,
                calls = state.calls.len(),
                "the last run's journal is replayed"
            );
            core.config() == config || fits(core, &state, config)
        }
    }
}

/// Whether the calls of a run under another configuration can go on.
fn fits(core: &Acd, state: &Snapshot, config: &AcdConfig) -> bool {
    let calls = state.calls.len();
    if calls == 0 {
        tracing::warn!(
            "the queue's configuration was changed: it is in force from now on. No call was up; places kept for callers \
             to come back to are given up, and operators sign on anew"
        );
        return false;
    }
    let before = core.config();
    if names(before) == names(config) {
        tracing::error!(
            calls,
            "the queue's configuration was changed while calls are up: no place is lost for it, so the queue goes on by the \
             old rules; the new ones come into force at the next start that finds no call up"
        );
        return true;
    }
    for call in &state.calls {
        tracing::error!(
            call = call.call.0,
            age_s = state.at.since(call.since).as_secs_f64(),
            "call lost: the configuration has other queues or operators than the one it came under"
        );
    }
    tracing::error!(
        calls,
        "queues or operators were renamed, moved, added or removed while calls were up: these calls are hung up. To change \
         them without loss, stop with SIGTERM first and start when the calls are over"
    );
    false
}

/// What calls and operators are known by: places in these lists.
fn names(config: &AcdConfig) -> [Vec<&str>; 4] {
    [
        config.queues.iter().map(|queue| queue.name.as_str()).collect(),
        config
            .operators
            .iter()
            .map(|operator| operator.name.as_str())
            .collect(),
        config.pause_reasons.iter().map(String::as_str).collect(),
        config.forwards.iter().map(String::as_str).collect(),
    ]
}

/// Says what opening the journal found.
pub(crate) fn report(opened: &Opened) {
    if let Some(torn) = &opened.torn {
        tracing::warn!(
            segment = %torn.path.display(),
            offset = torn.offset,
            bytes = torn.bytes,
            kept_in = %torn.kept_in.display(),
            "the journal's end was torn by a crash and is cut"
        );
    }
    if opened.missing > 0 {
        tracing::warn!(
            missing = opened.missing,
            "the last run's journal has holes: its disk had been full"
        );
    }
}
