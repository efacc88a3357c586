//! What the records lack of the runs before is filled in from the journal, while this run serves calls already.
//!
//! The journal is walked through from the last checkpoint before which nothing is missing; telling a call again changes
//! nothing, so where exactly that is matters to the time it takes alone.

use acd::{Input, Output, Snapshot, Timestamp};
use journal::Head;
use records::{Filling, Ledger, Names, Row};
use replay::{ReplayError, Walk, Watch};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Rows handed over at once.
const ROWS_AT_ONCE: usize = 2_000;

/// What is to be filled in from where.
#[derive(Debug)]
pub struct FillIn {
    /// The journal's directory.
    pub dir: PathBuf,
    /// The trunks' names, which a journal does not tell.
    pub trunks: Vec<Arc<str>>,
    /// When this run began: what comes later is told by the engine itself.
    pub until: Timestamp,
    /// Whether this run goes on with the calls of the last one; otherwise they ended with that.
    pub continues: bool,
}

impl FillIn {
    /// Begins to fill in, on a thread of its own.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(self, filling: Filling) -> std::io::Result<()> {
        let body = move || self.run(filling);
        std::thread::Builder::new()
            .name("fill-in".into())
            .spawn(body)
            .map(drop)
    }

    fn run(self, filling: Filling) {
        let Some(from) = filling.from() else { return };
        let began = Instant::now();
        match self.walk(from.unwrap_or_default(), &filling) {
            Ok((rows, entries)) => {
                filling.done(true);
                tracing::info!(
                    rows,
                    entries,
                    took_ms = began.elapsed().as_millis() as u64,
                    "the records have what the journal tells of the runs before"
                );
            }
            Err(error) => {
                filling.done(false);
                tracing::error!(
                    %error,
                    "what the records lack of the runs before cannot be filled in now; the next start tries again"
                );
            }
        }
    }

    /// Tells what happened since `from`. Returns how many rows and how many entries of the journal that was.
    fn walk(self, from: Timestamp, filling: &Filling) -> Result<(usize, u64), ReplayError> {
        let walk = Walk::new(&self.dir, Some(self.until))?.since(from);
        let mut scribe = Scribe {
            ledger: Ledger::default(),
            rows: Vec::new(),
            filling,
            trunks: self.trunks,
            last: Timestamp::default(),
            told: 0,
        };
        let found = walk.go(&mut scribe, &mut |_| {})?;
        if !self.continues {
            scribe.ledger.break_off(scribe.last, &mut scribe.rows);
        }
        scribe.hand_over();
        for gap in &found.gaps {
            tracing::warn!(why = %gap.why, from = gap.from, to = gap.to, "the journal lacks what the records would need");
        }
        Ok((scribe.told, found.entries))
    }
}

/// Writes down what a replayed core tells.
struct Scribe<'a> {
    ledger: Ledger,
    rows: Vec<Row>,
    filling: &'a Filling,
    trunks: Vec<Arc<str>>,
    /// When the last thing happened.
    last: Timestamp,
    told: usize,
}

impl Scribe<'_> {
    fn hand_over(&mut self) {
        self.told += self.rows.len();
        // False: the engine stops, and the next start begins anew.
        let _ = self.filling.put(&self.rows);
        self.rows.clear();
    }
}

impl Watch for Scribe<'_> {
    fn run(&mut self, head: &Head) {
        if !head.continues {
            self.ledger.break_off(self.last, &mut self.rows);
        }
        let queues = head.config.queues.iter().map(|queue| queue.name.as_str().into());
        let operators = head.config.operators.iter();
        self.ledger.rename(Names {
            queues: queues.collect(),
            trunks: self.trunks.clone(),
            operators: operators.map(|operator| operator.name.as_str().into()).collect(),
        });
    }

    fn begins(&mut self, state: &Snapshot) {
        self.ledger.begin(state, &mut self.rows);
    }

    fn handled(&mut self, at: Timestamp, _: &Input, outputs: &[Output]) {
        self.last = at;
        for output in outputs {
            if let Output::Event(event) = output {
                self.ledger.take(at, event, &mut self.rows);
            }
        }
        if self.rows.len() >= ROWS_AT_ONCE {
            self.hand_over();
        }
    }

    fn lost(&mut self, _: &str) {
        self.ledger.forget();
    }
}
