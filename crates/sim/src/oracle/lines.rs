//! Lines, as seen from outside: those in force, who holds them, and who may have the next.

use super::{Broken, Oracle};
use acd::{CallId, QueueId, Timestamp};

/// A call's place in the order of all that wait: less is sooner.
pub(super) type Standing = (Timestamp, u64, CallId);

impl Oracle {
    /// Lines in force: by hand, or by the oracle's own reading of the schedule.
    pub(super) fn lines_in_force(&mut self) -> u32 {
        match self.by_hand {
            Some((lines, until)) if self.now < until => lines,
            _ => self.calendar.lines_at(self.now),
        }
    }

    /// Lines that a queue may hold by a schedule of its own.
    pub(super) fn lines_of(&mut self, queue: usize) -> u32 {
        let now = self.now;
        let own = self.calendars.get_mut(queue).and_then(Option::as_mut);
        own.map_or(u32::MAX, |calendar| calendar.lines_at(now))
    }

    /// Why a queue may not have one more line; nothing if it may.
    fn line_refused(&mut self, queue: usize) -> Option<&'static str> {
        let (in_force, in_use, mine) = (self.lines_in_force(), self.lines_in_use, self.held[queue]);
        if in_use >= in_force || mine >= self.lines_of(queue) {
            return Some("capacity");
        }
        if mine < self.config.queues[queue].lines_min {
            return None;
        }
        let mut kept_for_others = 0;
        for other in (0..self.held.len()).filter(|other| *other != queue) {
            let least = self.config.queues[other].lines_min.min(self.lines_of(other));
            kept_for_others += least.saturating_sub(self.held[other]);
        }
        (in_use + kept_for_others >= in_force).then_some("guaranteed lines")
    }

    /// Where a call stands in the order of all.
    pub(super) fn standing(&self, id: CallId) -> Option<Standing> {
        let call = self.calls.get(&id)?;
        let head_start = self.config.queues.get(call.queue.0 as usize)?.head_start;
        Some((call.since - head_start, call.ticket, id))
    }

    /// The first of a list whose turn may come: while the engine stops, nobody is called back.
    pub(super) fn first_in<'a>(&self, mut list: impl Iterator<Item = &'a (u64, CallId)>) -> Option<CallId> {
        let may = |id: CallId| !(self.draining && id.is_call_back());
        list.find(|(_, id)| may(*id)).map(|(_, id)| *id)
    }

    /// The oldest who waits for a line and may have one.
    fn first_for_line(&mut self) -> Option<Standing> {
        let mut first = None;
        for queue in 0..self.queued.len() {
            let Some(head) = self.first_in(self.queued[queue].iter()) else {
                continue;
            };
            if self.line_refused(queue).is_none() {
                first = first.into_iter().chain(self.standing(head)).min();
            }
        }
        first
    }

    pub(super) fn admit(&mut self, id: CallId) -> Result<(), Broken> {
        let call = self.live(id)?;
        let (queue, ticket, waits) = (call.queue, call.ticket, call.waits_for_line());
        self.check(waits, "one place", || {
            format!("call {id} is given a line and did not wait for one")
        })?;
        self.check(!(self.draining && id.is_call_back()), "call-backs", || {
            format!("call-back {id} is given a line while the engine stops")
        })?;
        let index = queue.0 as usize;
        if let Some(rule) = self.line_refused(index) {
            let (in_use, mine) = (self.lines_in_use, self.held[index]);
            return Err((
                rule,
                format!("queue {index} is given a line; it holds {mine}, the house {in_use}"),
            ));
        }
        let first = self.first_for_line();
        self.check(first == self.standing(id), "fifo", || {
            format!("call {id} (ticket {ticket}) is given a line before {first:?}")
        })?;
        self.lines_in_use += 1;
        self.held[index] += 1;
        self.queued[index].remove(&(ticket, id));
        self.admitted[index].insert((ticket, id));
        self.live(id)?.admitted();
        Ok(())
    }

    /// A call holds its line no longer.
    pub(super) fn line_back(&mut self, queue: QueueId) {
        self.lines_in_use -= 1;
        self.held[queue.0 as usize] -= 1;
    }

    pub(super) fn nobody_waits_for_a_free_line(&mut self) -> Result<(), Broken> {
        let first = self.first_for_line();
        self.check(first.is_none(), "no idle line", || {
            format!("call {first:?} waits while a line is free for it")
        })
    }
}
