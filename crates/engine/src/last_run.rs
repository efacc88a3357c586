//! What the run before left behind, found by replaying its journal.

use acd::{Acd, Snapshot};
use journal::{Body, Entry, Head};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Replays the entries of the last run through a core of its own, to know which calls were up when it ended. Hand
/// [`LastRun::visit`] to [`journal::Journal::open`].
#[derive(Default)]
pub struct LastRun {
    replay: Replay,
    outputs: Vec<acd::Output>,
}

#[derive(Default)]
enum Replay {
    /// Nothing seen yet.
    #[default]
    Empty,
    Running(Box<Acd>, u64),
    /// It cannot be replayed, and why.
    Impossible(&'static str),
}

impl LastRun {
    /// Takes the next entry.
    pub fn visit(&mut self, head: &Head, entry: Entry) {
        if let Replay::Empty = self.replay {
            self.replay = begin(head, entry.index);
        }
        let Replay::Running(acd, next) = &mut self.replay else {
            return;
        };
        if entry.index != *next {
            self.replay = Replay::Impossible("inputs are missing from the journal");
            return;
        }
        *next += 1;
        let Body::Input(input) = entry.body else { return };
        // An older journal may hold what this version's core would never have let happen.
        let handled = catch_unwind(AssertUnwindSafe(|| {
            acd.handle(entry.at, input, &mut self.outputs)
        }));
        self.outputs.clear();
        if handled.is_err() {
            self.replay = Replay::Impossible("it does not replay with this version");
        }
    }

    /// The state in which the run ended: `None` if there was no run, an error if it cannot be known.
    ///
    /// # Errors
    /// A word on why not.
    pub fn state(self) -> Result<Option<Snapshot>, &'static str> {
        match self.replay {
            Replay::Empty => Ok(None),
            Replay::Running(acd, _) => Ok(Some(acd.snapshot())),
            Replay::Impossible(why) => Err(why),
        }
    }
}

fn begin(head: &Head, first: u64) -> Replay {
    if first != head.run_index {
        return Replay::Impossible("its first segments were removed");
    }
    match Acd::new(head.config.clone()) {
        Ok(acd) => Replay::Running(Box::new(acd), first),
        Err(_) => Replay::Impossible("its configuration is refused by this version"),
    }
}
