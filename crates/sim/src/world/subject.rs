//! The core under test, behind the only door it has, with the oracle watching and crashes at any input.
//!
//! A crash is what it is for the engine: the state is gone, the log of inputs and the last checkpoint are not. A core
//! made from the same configuration and given the log, and one restored from the checkpoint and given what came after,
//! must both ask for the same things and reach the same state, byte for byte; the simulation goes on with the latter.

use super::SimError;
use crate::oracle::{Oracle, Violation};
use crate::rng::{Purpose, Stream};
use acd::{Acd, AcdConfig, Input, Output, Snapshot, Timestamp};

pub(super) struct Subject {
    core: Acd,
    config: AcdConfig,
    pub(super) oracle: Oracle,
    crash: Option<Crash>,
    /// A whole audit is due when this many inputs have been watched.
    audit_at: u64,
    pub(super) outputs: Vec<Output>,
    pub(super) crashes: u64,
}

/// What is needed to crash and come back.
struct Crash {
    chance: f64,
    stream: Stream,
    log: Vec<(Timestamp, Input)>,
    /// All outputs since the start.
    outputs: Vec<Output>,
    checkpoint: Checkpoint,
}

/// A state written down, and how much of the log and of the outputs had come before it.
#[derive(Default)]
struct Checkpoint {
    state: Vec<u8>,
    inputs: usize,
    outputs: usize,
}

/// Inputs between two audits, each of which looks at every call.
const AUDIT_EVERY: u64 = 97;

/// Inputs between two checkpoints: few enough that a crash finds one, odd so that they fall on all kinds of inputs.
const CHECKPOINT_EVERY: usize = 211;

/// Inputs remembered for a crash; then no more crashes happen, since each replays them all.
const LOG_MAX: usize = 50_000;

impl Subject {
    pub(super) fn new(config: AcdConfig, seed: u64, crash: f64) -> Result<Self, SimError> {
        let crash = (crash > 0.0).then(|| Crash {
            chance: crash,
            stream: Stream::new(seed, Purpose::Crash, 0),
            log: Vec::new(),
            outputs: Vec::new(),
            checkpoint: Checkpoint::default(),
        });
        Ok(Self {
            core: Acd::new(config.clone())?,
            oracle: Oracle::new(&config)?,
            config,
            crash,
            audit_at: AUDIT_EVERY,
            outputs: Vec::new(),
            crashes: 0,
        })
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.core.next_deadline()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.core.snapshot()
    }

    /// No more crashes from now on.
    pub(super) fn heal(&mut self) {
        self.crash = None;
    }

    /// Tells the core one thing; what it asks for is in `outputs`, after the oracle has seen it.
    pub(super) fn tell(&mut self, now: Timestamp, input: Input) -> Result<(), Violation> {
        self.outputs.clear();
        self.core.handle(now, input, &mut self.outputs);
        self.oracle
            .watch(now, &input, &self.outputs, self.core.next_deadline())?;
        if self.oracle.inputs() >= self.audit_at {
            self.audit_at += AUDIT_EVERY;
            self.oracle.audit(&input, &self.core.snapshot())?;
        }
        self.maybe_crash(now, input)
    }

    fn maybe_crash(&mut self, now: Timestamp, input: Input) -> Result<(), Violation> {
        let Some(crash) = &mut self.crash else {
            return Ok(());
        };
        crash.log.push((now, input));
        crash.outputs.extend(self.outputs.iter().cloned());
        if crash.log.len() >= LOG_MAX {
            self.crash = None;
            return Ok(());
        }
        if crash.log.len() % CHECKPOINT_EVERY == 0 {
            crash.checkpoint = Checkpoint {
                state: self.core.state(),
                inputs: crash.log.len(),
                outputs: crash.outputs.len(),
            };
        }
        if !crash.stream.chance(crash.chance) {
            return Ok(());
        }
        self.crashes += 1;
        let state = self.core.state();
        let differs = |detail: &str| Violation {
            at_us: now.as_micros(),
            input_number: self.oracle.inputs(),
            input: Box::new(input),
            rule: "replay",
            detail: detail.to_owned(),
        };
        rebuild(&self.config, crash)
            .filter(|core| core.state() == state)
            .ok_or_else(|| differs("a core rebuilt from the log differs from the one that was lost"))?;
        self.core = recover(&self.config, crash)
            .filter(|core| core.state() == state && core.next_deadline() == self.core.next_deadline())
            .ok_or_else(|| {
                differs("a core recovered from the checkpoint differs from the one that was lost")
            })?;
        Ok(())
    }
}

/// A core rebuilt from the whole log; none if it did not ask for what the lost one asked for.
fn rebuild(config: &AcdConfig, crash: &Crash) -> Option<Acd> {
    go_on(Acd::new(config.clone()).ok()?, crash, &Checkpoint::default())
}

/// A core restored from the last checkpoint and given what came after; from the whole log before there is one.
fn recover(config: &AcdConfig, crash: &Crash) -> Option<Acd> {
    if crash.checkpoint.state.is_empty() {
        return rebuild(config, crash);
    }
    let core = Acd::restore(config.clone(), &crash.checkpoint.state).ok()?;
    go_on(core, crash, &crash.checkpoint)
}

fn go_on(mut core: Acd, crash: &Crash, from: &Checkpoint) -> Option<Acd> {
    let mut outputs = Vec::new();
    for (at, input) in &crash.log[from.inputs..] {
        core.handle(*at, *input, &mut outputs);
    }
    (outputs == crash.outputs[from.outputs..]).then_some(core)
}
