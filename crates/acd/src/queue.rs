//! Those who wait in one queue.
//!
//! Owns the lists of a queue and their counts: callers who wait for a line, call-backs that do, and, for each set of
//! skills that calls need, who holds a line and waits for an operator. Call-backs have lists of their own, so that they
//! can be left alone while the engine stops. Each list is in order of tickets; who of the lists' heads is next is the
//! business of `acd/assign.rs`.

use crate::calls::{Call, CallState};
use crate::estimate::Learned;
use crate::fifo::Fifo;

#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Queue {
    /// Callers who wait for a line.
    queued: Fifo,
    /// Call-backs that wait for a line.
    promised: Fifo,
    /// Those who hold a line and wait for an operator.
    classes: Vec<Class>,
    /// Callers who wait, or for whom a phone rings.
    pub(crate) waiting: u32,
    /// Call-backs that are promised or under way.
    pub(crate) call_backs: u32,
    /// What its calls have taught of the wait.
    pub(crate) learned: Learned,
}

/// Calls that the same operators may take.
#[derive(serde::Serialize, serde::Deserialize)]
struct Class {
    /// What they need, as an index of the queue's sets of skills.
    needs: u32,
    call_back: bool,
    admitted: Fifo,
}

impl Queue {
    pub(crate) fn new(queues: usize) -> Self {
        let (queued, promised, classes) = Default::default();
        Self {
            queued,
            promised,
            classes,
            waiting: 0,
            call_backs: 0,
            learned: Learned::new(queues),
        }
    }

    /// The class of calls with these needs.
    pub(crate) fn class(&mut self, needs: u32, call_back: bool) -> u32 {
        let same = |class: &Class| (class.needs, class.call_back) == (needs, call_back);
        let index = self.classes.iter().position(same).unwrap_or_else(|| {
            self.classes.push(Class {
                needs,
                call_back,
                admitted: Fifo::default(),
            });
            self.classes.len() - 1
        });
        index as u32
    }

    /// What calls of a class need.
    pub(crate) fn needs(&self, class: u32) -> u32 {
        self.classes[class as usize].needs
    }

    /// Puts a waiting call on the list of its state.
    pub(crate) fn enter(&mut self, call: &Call, slot: u32) {
        if let Some(list) = self.list(call) {
            list.insert(call.ticket, slot);
        }
    }

    /// Takes a waiting call off the list of its state.
    pub(crate) fn leave(&mut self, call: &Call) {
        if let Some(list) = self.list(call) {
            list.remove(call.ticket);
        }
    }

    fn list(&mut self, call: &Call) -> Option<&mut Fifo> {
        match call.state {
            CallState::Queued if call.id.is_call_back() => Some(&mut self.promised),
            CallState::Queued => Some(&mut self.queued),
            CallState::Admitted => Some(&mut self.classes[call.class as usize].admitted),
            _ => None,
        }
    }

    /// Whether anybody waits for a line.
    pub(crate) fn any_queued(&self) -> bool {
        self.queued.len() > 0 || self.promised.len() > 0
    }

    /// Of those who wait for a line: the oldest caller, and the oldest call-back if any may be made.
    pub(crate) fn queued_heads(&self, call_backs: bool) -> impl Iterator<Item = (u64, u32)> {
        let promised = call_backs.then(|| self.promised.first()).flatten();
        [self.queued.first(), promised].into_iter().flatten()
    }

    /// The oldest of each class of those who wait for an operator.
    pub(crate) fn admitted_heads(&self, call_backs: bool) -> impl Iterator<Item = (u64, u32)> {
        self.classes
            .iter()
            .filter(move |class| call_backs || !class.call_back)
            .filter_map(|class| class.admitted.first())
    }

    /// The heads of all lists.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (u64, u32)> {
        self.queued_heads(true).chain(self.admitted_heads(true))
    }

    /// How many wait, phones that ring left out.
    pub(crate) fn len(&self) -> u32 {
        self.lists().map(Fifo::len).sum()
    }

    /// How many who wait are older than a ticket.
    pub(crate) fn older_than(&self, ticket: u64) -> u32 {
        self.lists().map(|list| list.older_than(ticket)).sum()
    }

    /// How many callers and call-backs wait for an operator.
    pub(crate) fn admitted(&self) -> u32 {
        self.classes.iter().map(|class| class.admitted.len()).sum()
    }

    /// Callers who wait for a line, oldest first.
    pub(crate) fn queued(&self) -> impl Iterator<Item = (u64, u32)> {
        self.queued.iter()
    }

    fn lists(&self) -> impl Iterator<Item = &Fifo> {
        [&self.queued, &self.promised]
            .into_iter()
            .chain(self.classes.iter().map(|class| &class.admitted))
    }

    /// Everything on every list, for the auditor.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (u64, u32)> {
        self.lists().flat_map(Fifo::iter)
    }
}
