//! What the loop needs of the world around it. The real things are in [`crate::house`]; tests bring their own.

use acd::{Input, LegId, Output, Timestamp};
use journal::{Committed, Journal, JournalError};

/// Where outputs go. Nothing here may block: the queue stands still meanwhile.
pub trait Edges: Send {
    /// Carries out what one turn of the loop led to, in order, and empties `outputs`. `seq` is the number of the last
    /// event before these.
    fn carry(&mut self, at: Timestamp, seq: u64, outputs: &mut Vec<Output>);

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
