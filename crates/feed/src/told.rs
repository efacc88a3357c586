//! What was told in the runs before, so that a client can resume across a restart of the engine.

use acd::{Event, Timestamp};
use std::collections::VecDeque;

/// Events of the runs before that are kept for resuming, and
const EVENTS_MAX: usize = 8192;

/// runs whose numbering is known.
const RUNS_MAX: usize = 64;

/// The latest events of the runs before, numbered without gaps, and where each run ended.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The number of the last event.
    last: u64,
    events: VecDeque<(Timestamp, Event)>,
    /// Epochs, each with the number of its last event that is known for certain.
    runs: VecDeque<(u64, u64)>,
}

impl Told {
    /// As if the last event, itself unknown, had had this number.
    pub fn after(last: u64) -> Self {
        Self {
            last,
            ..Self::default()
        }
    }

    /// The event after the last.
    pub fn push(&mut self, at: Timestamp, event: Event) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back((at, event));
        self.last += 1;
    }

    /// The run with this epoch told all events up to the last, and none after it that could be relied on.
    pub fn end_run(&mut self, epoch: u64) {
        if self.runs.len() == RUNS_MAX {
            self.runs.pop_front();
        }
        self.runs.push_back((epoch, self.last));
    }

    /// The number of the last event.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Whether what a client of `epoch` has up to `after` is the beginning of what comes now.
    pub(crate) fn knows(&self, epoch: u64, after: u64) -> bool {
        self.runs
            .iter()
            .any(|(known, last)| *known == epoch && after <= *last)
    }

    /// The events, each with its number.
    pub(crate) fn events(&self) -> impl Iterator<Item = (u64, Timestamp, &Event)> {
        let first = self.last + 1 - self.events.len() as u64;
        (first..)
            .zip(&self.events)
            .map(|(seq, (at, event))| (seq, *at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_the_run_it_watched() {
        let mut past = Told::after(40);
        let at = Timestamp::from_secs(1);
        past.push(at, Event::Started);
        past.end_run(7);
        past.push(at, Event::Draining);
        past.push(at, Event::Started);
        past.end_run(8);
        let numbers: Vec<u64> = past.events().map(|(seq, _, _)| seq).collect();
        assert_eq!((numbers, past.last()), (vec![41, 42, 43], 43));
        let table = [
            (7, 41, true),
            (7, 42, false),
            (8, 42, true),
            (8, 43, true),
            (8, 44, false),
            (9, 41, false),
        ];
        for (epoch, after, expected) in table {
            assert_eq!(past.knows(epoch, after), expected, "{epoch}, {after}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut past = Told::default();
        for run in 0..2 * EVENTS_MAX as u64 {
            past.push(Timestamp::from_secs(1), Event::Started);
            past.end_run(run);
        }
        assert_eq!((past.events.len(), past.runs.len()), (EVENTS_MAX, RUNS_MAX));
        assert_eq!(
            past.events().last().map(|(seq, _, _)| seq),
            Some(2 * EVENTS_MAX as u64)
        );
    }
}
