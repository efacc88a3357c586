//! Lines, and who gets which: every call against every operator.

use super::{Call, Is, Model, State};
use acd::schedule::Timetable;
use acd::*;
use std::cmp::Ordering;

impl Model {
    pub(super) fn lines(&self) -> u32 {
        match self.by_hand {
            Some((lines, until)) if self.now < until => lines,
            _ => self.timetable.lines_at(self.now),
        }
    }

    pub(super) fn lines_of(&self, queue: usize) -> u32 {
        let schedule = self.config.queues[queue].schedule.as_ref();
        schedule.map_or(u32::MAX, |s| Timetable::new(s).expect("good").lines_at(self.now))
    }

    pub(super) fn held_by(&self, queue: usize) -> u32 {
        self.calls
            .iter()
            .filter(|call| call.line && call.queue.0 as usize == queue)
            .count() as u32
    }

    pub(super) fn line_free(&self, queue: QueueId) -> bool {
        let queue = queue.0 as usize;
        let in_use = self.calls.iter().filter(|call| call.line).count() as u32;
        let mine = self.held_by(queue);
        if in_use >= self.lines() || mine >= self.lines_of(queue) {
            return false;
        }
        let kept_for_others: u32 = (0..self.config.queues.len())
            .filter(|other| *other != queue)
            .map(|other| {
                self.config.queues[other]
                    .lines_min
                    .min(self.lines_of(other))
                    .saturating_sub(self.held_by(other))
            })
            .sum();
        mine < self.config.queues[queue].lines_min || in_use + kept_for_others < self.lines()
    }

    /// Whether house or queue has no line from now until a moment, as far as the next change tells.
    pub(super) fn closed(&self, queue: QueueId, until: Timestamp) -> bool {
        let opens = |table: &Timetable, from| table.next_change(from).is_some_and(|(at, _)| at <= until);
        let house_opens = match self.by_hand {
            Some((lines, end)) if self.timetable.lines_at(end) != lines => end <= until,
            Some((_, end)) => opens(&self.timetable, end),
            None => opens(&self.timetable, self.now),
        };
        let own = self
            .queue(queue)
            .schedule
            .as_ref()
            .map(|s| Timetable::new(s).expect("good"));
        let queue_shut = own.is_some_and(|table| table.lines_at(self.now) == 0 && !opens(&table, self.now));
        (self.lines() == 0 && !house_opens) || queue_shut
    }

    pub(super) fn standing(&self, call: &Call) -> (Timestamp, u64) {
        (call.since - self.queue(call.queue).head_start, call.ticket)
    }

    pub(super) fn give_out(&mut self) {
        loop {
            let may =
                |call: &&Call| call.is == Is::Queued && self.may_go_on(call) && self.line_free(call.queue);
            let Some(next) = self
                .calls
                .iter()
                .filter(may)
                .min_by_key(|call| self.standing(call))
            else {
                break;
            };
            let id = next.id;
            let n = self.find(id).expect("a call");
            self.calls[n].is = Is::Admitted;
            self.calls[n].line = true;
            self.say(format!("{id} admitted"));
        }
        loop {
            let mut pairs = vec![];
            for (n, call) in self
                .calls
                .iter()
                .enumerate()
                .filter(|(_, call)| call.is == Is::Admitted && self.may_go_on(call))
            {
                for worker in (0..self.workers.len()).filter(|w| self.workers[*w].state == State::Free) {
                    if let Some(level) = self.level(worker, call) {
                        pairs.push((level, self.standing(call), n, worker));
                    }
                }
            }
            let Some(&(level, _, n, _)) = pairs.iter().min() else {
                break;
            };
            let eligible: Vec<usize> = pairs
                .iter()
                .filter(|pair| pair.2 == n && pair.0 == level)
                .map(|pair| pair.3)
                .collect();
            self.ring(n, &eligible);
        }
        self.given_out = self.now;
    }

    /// While the engine stops, nobody is called back.
    fn may_go_on(&self, call: &Call) -> bool {
        !(self.draining && call.is_promise())
    }

    /// How much an operator prefers a call, if he may take it.
    pub(super) fn level(&self, worker: usize, call: &Call) -> Option<u8> {
        let (operator, queue) = (&self.config.operators[worker], self.queue(call.queue));
        let relaxed = !queue.relax_after.is_zero() && self.now.since(call.since) >= queue.relax_after;
        if !relaxed && !operator.skills.cover(queue.skills.and(call.skills)) {
            return None;
        }
        if operator.queues.is_empty() {
            return Some(0);
        }
        let n = operator
            .queues
            .iter()
            .position(|served| *served == call.queue.0)?;
        Some(operator.levels.get(n).copied().unwrap_or(0))
    }

    pub(super) fn ring(&mut self, n: usize, eligible: &[usize]) {
        let (queue, caller, id) = (self.calls[n].queue, self.calls[n].caller, self.calls[n].id);
        let config = self.queue(queue).clone();
        let known = self
            .talks
            .iter()
            .rev()
            .find(|(number, ..)| *number == caller && !caller.is_withheld());
        let favourite = known
            .filter(|(.., ended)| *ended > self.now - config.sticky)
            .map(|(_, worker, _)| *worker);
        let rung = match favourite.filter(|worker| !config.sticky.is_zero() && eligible.contains(worker)) {
            Some(worker) => vec![worker],
            None => self.choose(config.strategy, queue, eligible),
        };
        self.calls[n].is = Is::Ringing { dialled: self.now };
        for worker in rung {
            self.last_chosen[queue.0 as usize] = Some(worker);
            self.calls[n].legs += 1;
            let leg = self.calls[n].legs;
            self.calls[n].with.push((worker, leg));
            self.say(format!("{id} rings at {worker}"));
            self.set(
                worker,
                State::Rung {
                    until: self.now + config.ring_timeout,
                },
            );
        }
    }

    pub(super) fn choose(&self, strategy: Strategy, queue: QueueId, eligible: &[usize]) -> Vec<usize> {
        let mut order = eligible.to_vec();
        let w = |n: &usize| &self.workers[*n];
        let occupied = |a: &usize, b: &usize| -> Ordering {
            let total = |n: &usize| self.now.since(w(n).signed_on).as_micros().max(1);
            (w(a).worked.as_micros() * total(b)).cmp(&(w(b).worked.as_micros() * total(a)))
        };
        match strategy {
            Strategy::Linear => {}
            Strategy::LongestIdle | Strategy::RingAll => order.sort_by_key(|n| w(n).idle_since),
            Strategy::FewestCalls => order.sort_by_key(|n| (w(n).answered, w(n).idle_since)),
            Strategy::LeastOccupied => order.sort_by(occupied),
            Strategy::RoundRobin => {
                let last = self.last_chosen[queue.0 as usize];
                let after = order.iter().position(|n| last.is_none_or(|last| *n > last));
                order.rotate_left(after.unwrap_or(0));
            }
        }
        order.truncate(if strategy == Strategy::RingAll {
            RING_ALL_MAX
        } else {
            1
        });
        order
    }
}
