//! What the loop needs of the world around it. The real things are in [`crate::house`]; tests bring their own.

use crate::supervision::SupervisorNews;
use acd::{CallId, Input, LegId, OperatorId, Output, QueueId, Snapshot, Timestamp};
use feed::Supervise;
use journal::{Checkpointed, Committed, Journal, JournalError, Room};

/// Where outputs go. Nothing here may block: the queue stands still meanwhile.
pub trait Edges: Send {
    /// Carries out what one turn of the loop led to, in order, and empties `outputs`. `seq` is the number of the last
    /// event before these.
    fn carry(&mut self, at: Timestamp, seq: u64, outputs: &mut Vec<Output>);

    /// Has a call of `queue` recorded from now on, or no longer.
    ///
    /// # Errors
    /// [`Refusal::NotOnDemand`](feed::Refusal::NotOnDemand) when that is not to be had on command.
    fn record(&mut self, call: CallId, queue: QueueId, on: bool) -> Result<(), feed::Refusal>;

    /// Lets a supervisor listen to a call, or no longer.
    ///
    /// # Errors
    /// What hinders it: the phone cannot be reached or is taken, or another supervisor listens.
    fn supervise(&mut self, call: CallId, order: Supervise) -> Result<(), feed::Refusal>;

    /// Takes in what became of a supervisor's phone.
    fn supervisor(&mut self, news: SupervisorNews);

    /// Takes note of the state with which a run goes on, before anything is carried out.
    fn resume(&mut self, state: &Snapshot);

    /// Each operator's phone, and whether it can be reached.
    fn phones(&self) -> Vec<(OperatorId, bool)>;

    /// Legs that stand or are being set up, for comparing with what the core believes; those being hung up left out.
    fn legs(&self) -> Vec<LegId>;
}

/// Where inputs are written down before anything follows from them.
pub trait Log: Send {
    /// Gathers one input.
    ///
    /// # Errors
    /// See [`Journal::append`].
    fn append(&mut self, at: Timestamp, input: &Input) -> Result<u64, JournalError>;

    /// Gathers a note: see [`Journal::note`].
    ///
    /// # Errors
    /// See [`Journal::note`].
    fn note(&mut self, at: Timestamp, key: &str, value: Option<&[u8]>) -> Result<(), JournalError>;

    /// Gathers the running hash of what the core has decided.
    ///
    /// # Errors
    /// See [`Journal::decided`].
    fn decided(&mut self, at: Timestamp, hash: u64) -> Result<(), JournalError>;

    /// Takes the core's state, to be written beside the log: see [`Journal::checkpoint`].
    fn checkpoint(&mut self, at: Timestamp, core: Vec<u8>) -> bool;

    /// Whether [`Self::checkpoint`] should be called: see [`Journal::checkpoint_due`].
    fn checkpoint_due(&self, now: Timestamp) -> bool;

    /// What became of a checkpoint: see [`Journal::checkpointed`].
    fn checkpointed(&mut self, now: Timestamp) -> Option<Result<Checkpointed, JournalError>>;

    /// What is taken of the disk, and what is left.
    fn room(&self) -> Room;

    /// Writes what was gathered. Called at least once a second.
    ///
    /// # Errors
    /// See [`Journal::commit`].
    fn commit(&mut self, at: Timestamp) -> Result<Committed, JournalError>;

    /// Inputs that were never written: see [`Journal::missing`].
    fn missing(&self) -> u64;

    /// Writes everything: the last act.
    ///
    /// # Errors
    /// See [`Journal::close`].
    fn close(self: Box<Self>) -> Result<(), JournalError>;
}

impl Log for Journal {
    fn append(&mut self, at: Timestamp, input: &Input) -> Result<u64, JournalError> {
        Journal::append(self, at, input)
    }

    fn note(&mut self, at: Timestamp, key: &str, value: Option<&[u8]>) -> Result<(), JournalError> {
        Journal::note(self, at, key, value)
    }

    fn decided(&mut self, at: Timestamp, hash: u64) -> Result<(), JournalError> {
        Journal::decided(self, at, hash)
    }

    fn checkpoint(&mut self, at: Timestamp, core: Vec<u8>) -> bool {
        Journal::checkpoint(self, at, core)
    }

    fn checkpoint_due(&self, now: Timestamp) -> bool {
        Journal::checkpoint_due(self, now)
    }

    fn checkpointed(&mut self, now: Timestamp) -> Option<Result<Checkpointed, JournalError>> {
        Journal::checkpointed(self, now)
    }

    fn room(&self) -> Room {
        Journal::room(self)
    }

    fn commit(&mut self, at: Timestamp) -> Result<Committed, JournalError> {
        Journal::commit(self, at)
    }

    fn missing(&self) -> u64 {
        Journal::missing(self)
    }

    fn close(self: Box<Self>) -> Result<(), JournalError> {
        Journal::close(*self)
    }
}
