//! Calls, from arrival to outcome, and the phones that ring for them.

use super::{Call, Is, Model, Place, RING_MIN, State};
use acd::*;

impl Model {
    pub(super) fn take(&mut self, input: Input) {
        match input {
            Input::CallArrived {
                call,
                queue,
                trunk,
                caller,
            } => self.arrived(call, queue, trunk, caller),
            Input::CallerGone { call, cause } => self.gone(call, cause),
            Input::PromptDone { call } => {
                if let Some(n) = self.find(call)
                    && let Is::Leaving { outcome, .. } = self.calls[n].is
                {
                    self.end(n, outcome, false);
                }
            }
            Input::LegAnswered { leg } => self.answered(leg),
            Input::LegFailed { leg, .. } | Input::LegGone { leg } if leg.leg == 0 => {
                self.gone(leg.call, GoneCause::Failed);
            }
            Input::LegFailed { leg, cause } => self.leg_failed(leg, cause),
            Input::LegGone { leg } => match self.on_leg(leg) {
                Some((_, Is::Ringing { .. })) => self.leg_failed(leg, FailCause::Declined),
                Some((n, Is::Talking { operator })) => self.hung_up(n, operator),
                _ => {}
            },
            Input::PhoneRegistered { operator } => self.registered(operator.0 as usize),
            Input::PhoneUnregistered { operator } => self.unregistered(operator.0 as usize),
            Input::SignOn { operator } => self.sign_on(operator.0 as usize),
            Input::SignOff { operator } => self.stop(operator.0 as usize, State::Off),
            Input::Ready { operator } => self.ready(operator.0 as usize),
            Input::Pause { operator, reason } => {
                let known = matches!(reason, PauseReason::Chosen(n) if usize::from(n) < self.config.pause_reasons.len());
                let on = self.workers[operator.0 as usize].state != State::Off;
                if known && on {
                    self.stop(operator.0 as usize, State::Paused { reason, until: None });
                }
            }
            Input::ExtendWrapUp { operator } => self.extend(operator.0 as usize),
            Input::SetLines { lines, until } => {
                self.by_hand = Some((lines, until));
                self.look();
            }
            Input::FollowSchedule => {
                self.by_hand = None;
                self.look();
            }
            Input::Drain => self.draining = true,
            Input::HangUpAll => {
                self.draining = true;
                self.calls.sort_by_key(|call| call.ticket);
                while !self.calls.is_empty() {
                    self.shut_down();
                }
            }
            Input::Dtmf { .. }
            | Input::LegRinging { .. }
            | Input::LegHeld { .. }
            | Input::MediaSilent { .. }
            | Input::Tick => {}
        }
    }

    pub(super) fn find(&self, id: CallId) -> Option<usize> {
        self.calls.iter().position(|call| call.id == id)
    }

    pub(super) fn arrived(&mut self, id: CallId, queue: QueueId, trunk: TrunkId, caller: CallerNumber) {
        if self.find(id).is_some() || queue.0 as usize >= self.config.queues.len() {
            return;
        }
        let room = self.calls.len() < self.config.calls_max as usize;
        let mine = |place: &&Place| (place.trunk, place.queue, place.caller) == (trunk, queue, caller);
        let place = self
            .places
            .iter()
            .filter(mine)
            .min_by_key(|place| place.ticket)
            .map(|p| (p.ticket, p.since));
        let resumed = place.filter(|_| room && !self.draining && !caller.is_withheld());
        let (ticket, since) = resumed.unwrap_or_else(|| {
            self.tickets += 1;
            (self.tickets, self.now)
        });
        self.places.retain(|place| place.ticket != ticket);
        self.say(format!("{id} arrives with {ticket}"));
        if self.draining || !room {
            let outcome = if self.draining {
                Outcome::Rejected
            } else {
                Outcome::Saturated
            };
            return self.say(format!("{id} ends {outcome:?} false"));
        }
        let config = self.queue(queue);
        let waits =
            |call: &&Call| call.queue == queue && !matches!(call.is, Is::Talking { .. } | Is::Leaving { .. });
        let full = self.calls.iter().filter(waits).count() as u32 >= config.waiting_max;
        let announce_at = self.now + config.announce_every;
        let closed = self.closed(queue, self.now + config.wait_max);
        let (line, legs, arrived) = (false, 0, self.now);
        let is = Is::Queued;
        let call = Call {
            id,
            queue,
            trunk,
            caller,
            ticket,
            since,
            arrived,
            announce_at,
            line,
            legs,
            is,
        };
        // As if it had just arrived: whoever has the skills is asked at once.
        let fresh = Call {
            since: self.now,
            ..call
        };
        let free =
            |n: &usize| self.workers[*n].state == State::Free && self.level_of_fresh(*n, &fresh).is_some();
        let at_once = self.line_free(queue) && (0..self.workers.len()).any(|n| free(&n));
        self.calls.push(fresh);
        let n = self.calls.len() - 1;
        self.calls[n].since = since;
        if closed {
            self.leave(n, Outcome::Closed);
        } else if full && !at_once && resumed.is_none() {
            self.leave(n, Outcome::Saturated);
        } else {
            self.wait_on(n, false);
        }
    }

    pub(super) fn level_of_fresh(&self, worker: usize, call: &Call) -> Option<u8> {
        let skilled = self.config.operators[worker]
            .skills
            .cover(self.queue(call.queue).skills);
        self.level(worker, call).filter(|_| skilled)
    }

    pub(super) fn wait_on(&mut self, n: usize, tell: bool) {
        let config = self.queue(self.calls[n].queue);
        let (every, over) = (
            config.announce_every,
            self.calls[n].arrived + config.wait_max <= self.now,
        );
        if over {
            return self.leave(n, Outcome::TimedOut);
        }
        if !every.is_zero() && self.calls[n].announce_at <= self.now {
            while self.calls[n].announce_at <= self.now {
                self.calls[n].announce_at = self.calls[n].announce_at + every;
            }
            if tell {
                let mine = &self.calls[n];
                let before = |other: &&Call| {
                    let waits = matches!(other.is, Is::Queued | Is::Admitted);
                    waits && other.queue == mine.queue && other.ticket < mine.ticket
                };
                let position = self.calls.iter().filter(before).count() + 1;
                self.say(format!("{} is at {position}", self.calls[n].id));
            }
        }
    }

    pub(super) fn leave(&mut self, n: usize, outcome: Outcome) {
        self.calls[n].is = Is::Leaving {
            outcome,
            left: self.now,
        };
        self.say(format!("{} leaves {outcome:?}", self.calls[n].id));
    }

    pub(super) fn end(&mut self, n: usize, outcome: Outcome, dropped: bool) {
        let call = self.calls.remove(n);
        let waited = !matches!(call.is, Is::Talking { .. } | Is::Leaving { .. });
        let config = self.queue(call.queue);
        let (grace, sticky) = (config.place_grace, config.sticky);
        let room = self.places.len() < self.config.calls_max as usize;
        let kept = dropped && waited && !grace.is_zero() && !call.caller.is_withheld() && room;
        if kept {
            let until = self.now + grace;
            let Call {
                trunk,
                queue,
                caller,
                ticket,
                since,
                ..
            } = call;
            self.places.push(Place {
                trunk,
                queue,
                caller,
                ticket,
                since,
                until,
            });
        }
        if let Is::Talking { operator } = call.is
            && !sticky.is_zero()
        {
            self.talks.push((call.caller, operator, self.now));
        }
        self.say(format!("{} ends {outcome:?} {kept}", call.id));
    }

    pub(super) fn gone(&mut self, id: CallId, cause: GoneCause) {
        let Some(n) = self.find(id) else { return };
        let short = self.now.since(self.calls[n].arrived) < self.queue(self.calls[n].queue).short_abandon;
        let lost = match (cause, short) {
            (GoneCause::Failed, _) => Outcome::Failed,
            (GoneCause::HungUp, true) => Outcome::ShortAbandoned,
            (GoneCause::HungUp, false) => Outcome::Abandoned,
        };
        match self.calls[n].is {
            Is::Queued | Is::Admitted => self.end(n, lost, true),
            Is::Ringing { operator, .. } => {
                self.end(n, lost, true);
                self.set(operator, State::Free);
            }
            Is::Talking { operator } => self.hung_up(n, operator),
            Is::Leaving { outcome, .. } => self.end(n, outcome, false),
        }
    }

    pub(super) fn shut_down(&mut self) {
        match self.calls[0].is {
            Is::Queued | Is::Admitted => self.end(0, Outcome::Rejected, true),
            Is::Leaving { outcome, .. } => self.end(0, outcome, false),
            Is::Talking { operator } => self.hung_up(0, operator),
            Is::Ringing { operator, .. } => {
                self.end(0, Outcome::Rejected, true);
                self.set(operator, State::Free);
            }
        }
    }

    /// The call that rings or talks on just this operator's leg.
    pub(super) fn on_leg(&self, leg: LegId) -> Option<(usize, Is)> {
        let n = self
            .find(leg.call)
            .filter(|n| leg.leg > 0 && self.calls[*n].legs == leg.leg)?;
        Some((n, self.calls[n].is))
    }

    pub(super) fn answered(&mut self, leg: LegId) {
        if let Some((n, Is::Ringing { operator, .. })) = self.on_leg(leg) {
            self.calls[n].is = Is::Talking { operator };
            self.workers[operator].answered += 1;
            self.workers[operator].unanswered = 0;
            self.say(format!("{} talks with {operator}", leg.call));
            self.set(operator, State::Talking);
        }
    }

    pub(super) fn leg_failed(&mut self, leg: LegId, cause: FailCause) {
        match self.on_leg(leg) {
            Some((n, Is::Talking { operator })) => self.hung_up(n, operator),
            Some((_, Is::Ringing { operator, dialled })) => {
                self.give_back(operator, "failed");
                let reason = match cause {
                    FailCause::NoAnswer if self.now.since(dialled) >= RING_MIN => {
                        return self.not_answered(operator);
                    }
                    FailCause::NoAnswer | FailCause::Declined => PauseReason::Declined,
                    FailCause::Busy => PauseReason::PhoneBusy,
                    FailCause::Unreachable | FailCause::Other(_) => PauseReason::PhoneGone,
                };
                self.rest(operator, reason);
            }
            _ => {}
        }
    }

    pub(super) fn hung_up(&mut self, n: usize, operator: usize) {
        let config = self.queue(self.calls[n].queue);
        let (wrap_up, extension) = (config.wrap_up, config.wrap_up_extension);
        self.end(n, Outcome::Answered, false);
        if wrap_up.is_zero() {
            return self.after_wrap_up(operator);
        }
        self.set(
            operator,
            State::WrappingUp {
                began: self.now,
                until: self.now + wrap_up,
                extension,
            },
        );
    }

    pub(super) fn give_back(&mut self, worker: usize, cause: &str) {
        let rings = |call: &Call| matches!(call.is, Is::Ringing { operator, .. } if operator == worker);
        let Some(n) = self.calls.iter().position(rings) else {
            return;
        };
        self.calls[n].is = Is::Admitted;
        self.say(format!("{} back from {worker} {cause}", self.calls[n].id));
        self.wait_on(n, false);
    }

    pub(super) fn registered(&mut self, n: usize) {
        self.workers[n].phone = true;
        let auto = self.config.operators[n].auto_ready;
        match self.workers[n].state {
            State::Paused {
                reason: PauseReason::PhoneGone,
                ..
            } => self.start_idle(n),
            State::Paused {
                reason: PauseReason::Chosen(_),
                ..
            } => {}
            State::Off | State::Paused { .. } if auto => self.start_idle(n),
            _ => {}
        }
    }

    pub(super) fn unregistered(&mut self, n: usize) {
        self.workers[n].phone = false;
        let auto = self.config.operators[n].auto_ready;
        match self.workers[n].state {
            State::Off | State::Talking | State::WrappingUp { .. } => {}
            State::Paused { .. } if !auto => {}
            State::Rung { .. } => {
                self.give_back(n, "phone_gone");
                self.set(n, self.without_phone(n));
            }
            _ => self.set(n, self.without_phone(n)),
        }
    }
}
