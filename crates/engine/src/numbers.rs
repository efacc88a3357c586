//! Events keep their numbers over a restart, so that a console can go on where it was.
//!
//! The core is told again what it was told, and tells the same events again: counting those from a number that is
//! known gives each of them the number that it had. The number is noted before each checkpoint. What a console knows
//! from a run's end that the journal has lost, since the disk took no more or lost power, is not among them: so each
//! run has an epoch of its own, with its last number known from here.

use crate::recovery::Notes;
use acd::{Output, Timestamp};
use feed::Told;
use sip::Keep;
use std::time::SystemTime;

/// Under this, the number of the last event is noted before each checkpoint.
pub(crate) const NUMBER: &str = "feed/number";

/// Under this, what tells this journal's epochs from another's is noted once.
const SERIES: &str = "feed/series";

/// How many runs a series has before its epochs come again.
const RUNS_BITS: u32 = 20;

/// The epoch of the events of the run numbered `run`. Below 2^52.
fn epoch(series: u32, run: u64) -> u64 {
    (u64::from(series) << RUNS_BITS) | (run % (1 << RUNS_BITS))
}

/// The epoch of the run numbered `run`, which goes on with what `kept` says. The first run of a journal has a series
/// noted: the moment in which it began, of which so much is kept that it is as good as drawn by lot.
pub fn epoch_of(run: u64, kept: &Notes, keep: &Keep) -> u64 {
    let noted = kept.iter().find(|(key, _)| key == SERIES);
    let series = noted
        .and_then(|(_, value)| noted_series(value))
        .unwrap_or_else(|| {
            let since = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            // Microseconds, not seconds: two journals may begin in the same second. They come again after 72 minutes, and
            // then meet another's with one chance in four thousand million.
            let series = since.as_micros() as u32;
            keep(SERIES.to_owned(), Some(series.to_le_bytes().to_vec()));
            series
        });
    epoch(series, run)
}

/// What tells the journal from others whose run has this epoch.
pub const fn series_of(epoch: u64) -> u32 {
    (epoch >> RUNS_BITS) as u32
}

fn number_of(note: &[u8]) -> Option<u64> {
    note.try_into().ok().map(u64::from_le_bytes)
}

fn noted_series(note: &[u8]) -> Option<u32> {
    note.try_into().ok().map(u32::from_le_bytes)
}

/// Counts the events of a replay.
#[derive(Default)]
pub(crate) struct Numbers {
    /// None as long as it is not known from where to count.
    told: Option<Told>,
    series: Option<u32>,
    run: u64,
}

impl Numbers {
    /// Counts from the beginning.
    pub(crate) fn from_the_beginning() -> Self {
        Self {
            told: Some(Told::default()),
            ..Self::default()
        }
    }

    /// Counts from a checkpoint, if it knows the number.
    pub(crate) fn from_checkpoint<'a>(note: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        Self {
            told: note(NUMBER).and_then(number_of).map(Told::after),
            series: note(SERIES).and_then(noted_series),
            run: 0,
        }
    }

    /// Takes what a note says that concerns numbers.
    pub(crate) fn note(&mut self, key: &str, value: &[u8]) {
        if key == SERIES {
            self.series = noted_series(value);
        }
    }

    /// The entry that comes next was written by this run.
    pub(crate) fn in_run(&mut self, run: u64) {
        if run != self.run {
            self.end_run();
            self.run = run;
        }
    }

    fn end_run(&mut self) {
        if let (Some(told), Some(series)) = (&mut self.told, self.series)
            && self.run != 0
        {
            told.end_run(epoch(series, self.run));
        }
    }

    /// Takes the events out of what the core put out.
    pub(crate) fn take(&mut self, at: Timestamp, outputs: &mut Vec<Output>) {
        for output in outputs.drain(..) {
            if let (Some(told), Output::Event(event)) = (&mut self.told, output) {
                told.push(at, event);
            }
        }
    }

    /// What was told, when all has been replayed; as if nothing was if that is not known.
    pub(crate) fn finish(mut self) -> Told {
        self.end_run();
        self.told.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_differ_by_run_and_by_journal_and_every_reader_of_json_keeps_them_whole() {
        let epochs = [
            epoch(1_763_888_400, 1),
            epoch(1_763_888_400, 2),
            epoch(1_763_888_401, 1),
            epoch(u32::MAX, u64::MAX),
        ];
        for (index, one) in epochs.iter().enumerate() {
            assert!(*one < 1 << 53);
            assert!(!epochs[..index].contains(one));
        }
    }
}
