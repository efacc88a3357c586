//! Calls, from arrival to outcome, and the phones that ring for them.

use super::{Call, FAREWELL_MAX, Is, Model, OFFER_MAX, Place, State, Way, Whom};
use acd::*;

impl Model {
    pub(super) fn take(&mut self, input: Input) {
        match input {
            Input::CallArrived {
                call,
                queue,
                trunk,
                caller,
                skills,
            } => self.arrived(call, queue, (trunk, caller), skills),
            Input::CallerGone { call, cause } => self.gone(call, cause),
            Input::PromptDone { call } => {
                let found = self.find(call).map(|n| (n, self.calls[n].is));
                match found {
                    Some((
                        n,
                        Is::Leaving {
                            outcome,
                            way: Way::Farewell,
                            ..
                        },
                    )) => self.end(n, outcome, false),
                    Some((
                        n,
                        Is::Leaving {
                            outcome,
                            way: Way::Offer,
                            ..
                        },
                    )) => {
                        let (way, until) = (Way::Offer, self.now + OFFER_MAX);
                        self.calls[n].is = Is::Leaving { outcome, way, until };
                    }
                    _ => {}
                }
            }
            Input::Dtmf { call, digit } => self.pressed(call, digit),
            Input::LegAnswered { leg } => self.answered(leg),
            Input::LegFailed { leg, .. } | Input::LegGone { leg } if leg.leg == 0 => {
                self.gone(leg.call, GoneCause::Failed);
            }
            Input::LegFailed { leg, cause } => self.leg_over(leg, cause),
            Input::LegGone { leg } => self.leg_over(leg, FailCause::Declined),
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
            Input::Started => self.draining = false,
            Input::Drain => self.draining = true,
            Input::HangUpAll => {
                self.draining = true;
                let mut all: Vec<(u64, CallId)> =
                    self.calls.iter().map(|call| (call.ticket, call.id)).collect();
                all.sort();
                for (_, id) in all {
                    self.shut_down(self.find(id).expect("a call"));
                }
            }
            Input::HangUp { .. }
            | Input::Transfer { .. }
            | Input::TransferOutside { .. }
            | Input::Consult { .. }
            | Input::ConsultOutside { .. }
            | Input::Conference { .. }
            | Input::CompleteTransfer { .. }
            | Input::CancelConsult { .. } => self.asked(input),
            Input::Hold { .. } => {}
            Input::LegRinging { .. } | Input::LegHeld { .. } | Input::MediaSilent { .. } | Input::Tick => {}
        }
    }

    pub(super) fn find(&self, id: CallId) -> Option<usize> {
        self.calls.iter().position(|call| call.id == id)
    }

    pub(super) fn arrived(
        &mut self,
        id: CallId,
        queue: QueueId,
        (trunk, caller): (TrunkId, CallerNumber),
        skills: Skills,
    ) {
        if self.find(id).is_some() || queue.0 as usize >= self.config.queues.len() {
            return;
        }
        let callers = self.calls.iter().filter(|call| !call.id.is_call_back()).count();
        let room = callers < self.config.calls_max as usize;
        let mine = |place: &&Place| (place.trunk, place.queue, place.caller) == (trunk, queue, caller);
        let promised = |call: &&Call| {
            call.is_promise() && (call.trunk, call.queue, call.caller) == (trunk, queue, caller)
        };
        let kept = self
            .places
            .iter()
            .filter(mine)
            .map(|place| (place.ticket, place.since));
        let kept = kept.chain(
            self.calls
                .iter()
                .filter(promised)
                .map(|call| (call.ticket, call.since)),
        );
        let resumed = kept
            .min()
            .filter(|_| room && !self.draining && !caller.is_withheld());
        let (ticket, since) = resumed.unwrap_or_else(|| {
            self.tickets += 1;
            (self.tickets, self.now)
        });
        self.places.retain(|place| place.ticket != ticket);
        let promise = self
            .calls
            .iter()
            .position(|call| call.is_promise() && call.ticket == ticket);
        if let Some(n) = promise {
            let with = self.calls[n].with.clone();
            self.end(n, Outcome::Abandoned, false);
            with.into_iter()
                .for_each(|(worker, _)| self.set(worker, State::Free));
        }
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
        let waits = |call: &&Call| {
            let waits = !matches!(call.is, Is::Talking | Is::TalkingOutside | Is::Leaving { .. });
            call.queue == queue && waits && !call.id.is_call_back()
        };
        let full = self.calls.iter().filter(waits).count() as u32 >= config.waiting_max;
        let announce_at = self.now + config.announce_every;
        let offer_at = config.call_back.map(|offer| self.now + offer.offer_after);
        let closed = self.closed(queue, self.now + config.wait_max);
        let (line, legs, with, arrived) = (false, 0, vec![], self.now);
        let is = Is::Queued;
        let (second, given_away, outside) = (None, None, None);
        let call = Call {
            id,
            queue,
            trunk,
            caller,
            ticket,
            since,
            arrived,
            announce_at,
            offer_at,
            line,
            skills,
            legs,
            with,
            second,
            given_away,
            outside,
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
            .cover(self.queue(call.queue).skills.and(call.skills));
        self.level(worker, call).filter(|_| skilled)
    }

    pub(super) fn wait_on(&mut self, n: usize, tell: bool) {
        let every = self.queue(self.calls[n].queue).announce_every;
        if self.wait_until(&self.calls[n]) <= self.now {
            return match self.calls[n].is_promise() {
                true => self.end(n, Outcome::TimedOut, false),
                false => self.leave(n, Outcome::TimedOut),
            };
        }
        if self.calls[n].id.is_call_back() {
            return;
        }
        if tell && self.calls[n].offer_at.is_some_and(|at| at <= self.now) {
            self.calls[n].offer_at = None;
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

    /// Leaves by what the queue has for the outcome.
    pub(super) fn leave(&mut self, n: usize, outcome: Outcome) {
        let config = self.queue(self.calls[n].queue);
        let overflow = match outcome {
            Outcome::Saturated => config.on_saturated,
            Outcome::Closed => config.on_closed,
            _ => config.on_timed_out,
        };
        let forward_until = self.now + config.forward_timeout;
        let (way, until) = match overflow {
            Overflow::OfferCallBack if self.may_promise(n) => (Way::Offer, self.now + FAREWELL_MAX),
            Overflow::Forward(to) => (Way::Forwarding(to), forward_until),
            _ => (Way::Farewell, self.now + FAREWELL_MAX),
        };
        if let Way::Forwarding(_) = way {
            self.calls[n].legs += 1;
        }
        self.calls[n].is = Is::Leaving { outcome, way, until };
        self.say(format!("{} leaves {outcome:?}", self.calls[n].id));
    }

    pub(super) fn last_word(&mut self, n: usize, outcome: Outcome) {
        let (way, until) = (Way::Farewell, self.now + FAREWELL_MAX);
        self.calls[n].is = Is::Leaving { outcome, way, until };
    }

    fn may_promise(&self, n: usize) -> bool {
        let call = &self.calls[n];
        let Some(offer) = self.queue(call.queue).call_back else {
            return false;
        };
        let mine = |other: &&Call| other.id.is_call_back() && other.queue == call.queue;
        let places = self.places.len() + self.calls.iter().filter(|call| call.is_promise()).count();
        let offers = self.config.queues.iter().filter_map(|queue| queue.call_back);
        let places_max = self.config.calls_max + offers.map(|offer| offer.promises_max).sum::<u32>();
        self.config.dialable.get(call.trunk.0 as usize) == Some(&true)
            && (self.calls.iter().filter(mine).count() as u32) < offer.promises_max
            && places < places_max as usize
            && !call.caller.is_withheld()
            && !call.id.is_call_back()
    }

    fn pressed(&mut self, id: CallId, digit: char) {
        let Some(n) = self.find(id).filter(|_| !id.is_call_back()) else {
            return;
        };
        let waits = matches!(self.calls[n].is, Is::Queued | Is::Admitted);
        let offered = matches!(self.calls[n].is, Is::Leaving { way: Way::Offer, .. });
        let config = self.queue(self.calls[n].queue).clone();
        if config.call_back.is_some_and(|offer| offer.key == digit)
            && (waits || offered)
            && self.may_promise(n)
        {
            return self.promise(n);
        }
        if let Some(choice) = config.choices.iter().find(|choice| choice.key == digit)
            && waits
            && self.calls[n].skills != choice.skills
        {
            self.calls[n].skills = choice.skills;
            self.say(format!("{id} needs {}", choice.skills.0));
        }
    }

    fn promise(&mut self, n: usize) {
        self.last_word(n, Outcome::Callback);
        let from = &self.calls[n];
        let call = Call {
            id: from.id.call_back(),
            caller: from.caller,
            arrived: self.now,
            line: false,
            legs: 0,
            with: vec![],
            second: None,
            given_away: None,
            outside: None,
            is: Is::Queued,
            ..*from
        };
        self.say(format!("{} leaves Callback", self.calls[n].id));
        self.say(format!("{} promised with {}", call.id, call.ticket));
        self.calls.push(call);
    }

    /// The operator of a call-back picked up, but no conversation came of it.
    pub(super) fn not_reached(&mut self, n: usize) {
        let (queue, worker) = (self.calls[n].queue, self.calls[n].with[0].0);
        self.end(n, Outcome::Failed, true);
        self.wrap_up(worker, queue);
    }

    pub(super) fn end(&mut self, n: usize, outcome: Outcome, dropped: bool) {
        let call = self.calls.remove(n);
        let waited = !matches!(call.is, Is::Talking | Is::TalkingOutside | Is::Leaving { .. });
        let config = self.queue(call.queue);
        let (grace, sticky) = (config.place_grace, config.sticky);
        let taken = self.places.len() + self.calls.iter().filter(|call| call.is_promise()).count();
        let offers = self.config.queues.iter().filter_map(|queue| queue.call_back);
        let most = self.config.calls_max + offers.map(|offer| offer.promises_max).sum::<u32>();
        let room = taken < most as usize;
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
        let outcome = match call.given_away {
            Some(_) => Outcome::Answered,
            None => outcome,
        };
        if call.is == Is::Talking && !sticky.is_zero() {
            self.talks.push((call.caller, call.with[0].0, self.now));
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
            _ if self.calls[n].is_promise() => {}
            Is::Queued | Is::Admitted | Is::Ringing { .. } | Is::RingingOutside { .. } => {
                self.drop_waiting(n, lost);
            }
            Is::TalkingOutside => self.end(n, Outcome::Answered, false),
            Is::CallingBack { .. } => self.not_reached(n),
            Is::Talking => self.hung_up(n),
            Is::Leaving { outcome, .. } => self.end(n, outcome, false),
        }
    }

    fn drop_waiting(&mut self, n: usize, outcome: Outcome) {
        let with = self.calls[n].with.clone();
        self.end(n, outcome, true);
        with.into_iter()
            .for_each(|(worker, _)| self.set(worker, State::Free));
    }

    fn shut_down(&mut self, n: usize) {
        match self.calls[n].is {
            Is::Queued | Is::Admitted if self.calls[n].is_promise() => {}
            Is::Ringing { .. } if self.calls[n].is_promise() => {
                for (worker, _) in self.calls[n].with.clone() {
                    self.give_back(worker, "operator_left");
                    self.set(worker, State::Free);
                }
            }
            Is::Queued | Is::Admitted | Is::Ringing { .. } | Is::RingingOutside { .. } => {
                self.drop_waiting(n, Outcome::Rejected);
            }
            Is::TalkingOutside => self.end(n, Outcome::Answered, false),
            Is::CallingBack { .. } => self.not_reached(n),
            Is::Talking => self.hung_up(n),
            Is::Leaving { outcome, .. } => self.end(n, outcome, false),
        }
    }

    /// The call that rings or talks on just this leg, and with whom; nobody if with another place.
    fn on_leg(&self, leg: LegId) -> Option<(usize, Option<usize>)> {
        let n = self.find(leg.call)?;
        let call = &self.calls[n];
        let worker = call
            .with
            .iter()
            .find(|(_, with)| *with == leg.leg)
            .map(|(worker, _)| *worker);
        let elsewhere = matches!(
            call.is,
            Is::Leaving { way: Way::Forwarding(_) | Way::Forwarded, .. } if call.legs == leg.leg
        );
        (worker.is_some() || elsewhere).then_some((n, worker))
    }

    fn answered(&mut self, leg: LegId) {
        if leg.leg == 0 {
            let found = self.find(leg.call);
            if let Some(n) = found
                && let Is::CallingBack { .. } = self.calls[n].is
            {
                self.talk(n);
            }
            return;
        }
        if let Some(n) = self.second_on(leg) {
            return self.second_answered(n);
        }
        if let Some(n) = self.outside_on(leg) {
            return self.outside_answered(n);
        }
        let Some((n, worker)) = self.on_leg(leg) else {
            return;
        };
        match (self.calls[n].is, worker) {
            (Is::Ringing { .. }, Some(worker)) => self.picked_up(n, worker),
            (
                Is::Leaving {
                    outcome,
                    way: Way::Forwarding(to),
                    until,
                },
                _,
            ) => {
                self.calls[n].is = Is::Leaving {
                    outcome,
                    way: Way::Forwarded,
                    until,
                };
                self.calls[n].line = false;
                self.say(format!("{} is with forward {to}", leg.call));
            }
            _ => {}
        }
    }

    fn picked_up(&mut self, n: usize, worker: usize) {
        let (mine, others): (Vec<_>, Vec<_>) = self.calls[n]
            .with
            .iter()
            .copied()
            .partition(|(other, _)| *other == worker);
        self.calls[n].with = mine;
        let id = self.calls[n].id;
        if self.calls[n].is_promise() {
            let ring = self
                .queue(self.calls[n].queue)
                .call_back
                .expect("call-backs")
                .ring_timeout;
            self.calls[n].is = Is::CallingBack {
                until: self.now + ring,
            };
            self.workers[worker].unanswered = 0;
            self.say(format!("{id} dialled by {worker}"));
            self.set(worker, State::Talking);
        } else {
            self.talk(n);
        }
        others
            .into_iter()
            .for_each(|(other, _)| self.set(other, State::Free));
    }

    pub(super) fn talk(&mut self, n: usize) {
        let (worker, id) = (self.calls[n].with[0].0, self.calls[n].id);
        self.calls[n].is = Is::Talking;
        self.workers[worker].answered += 1;
        self.workers[worker].unanswered = 0;
        self.say(format!("{id} talks with {worker}"));
        if self.workers[worker].state != State::Talking {
            self.set(worker, State::Talking);
        }
    }

    pub(super) fn leg_over(&mut self, leg: LegId, cause: FailCause) {
        if let Some(n) = self.second_on(leg) {
            return self.second_over(n, cause);
        }
        if let Some(n) = self.outside_on(leg) {
            return self.outside_over(n);
        }
        let Some((n, worker)) = self.on_leg(leg) else {
            return;
        };
        match (self.calls[n].is, worker) {
            (Is::Talking, _) if self.calls[n].second.is_some() => self.hand_over(n),
            (Is::Talking, _) => self.hung_up(n),
            (Is::CallingBack { .. }, _) => self.not_reached(n),
            (
                Is::Leaving {
                    outcome,
                    way: Way::Forwarding(_),
                    ..
                },
                _,
            ) => self.last_word(n, outcome),
            (Is::Leaving { outcome, .. }, _) => self.end(n, outcome, false),
            (Is::Ringing { dialled }, Some(worker)) => {
                self.give_back(worker, "failed");
                self.phone_failed(worker, cause, dialled);
            }
            _ => {}
        }
    }

    fn hung_up(&mut self, n: usize) {
        let (queue, worker) = (self.calls[n].queue, self.calls[n].with[0].0);
        let second = self.calls[n].second.take();
        self.end(n, Outcome::Answered, false);
        self.wrap_up(worker, queue);
        if let Some(second) = second {
            self.release(&second);
        }
    }

    pub(super) fn wrap_up(&mut self, worker: usize, queue: QueueId) {
        let config = self.queue(queue);
        let (wrap_up, extension) = (config.wrap_up, config.wrap_up_extension);
        if wrap_up.is_zero() {
            return self.after_wrap_up(worker);
        }
        self.set(
            worker,
            State::WrappingUp {
                began: self.now,
                until: self.now + wrap_up,
                extension,
            },
        );
    }

    pub(super) fn give_back(&mut self, worker: usize, cause: &str) {
        let rings = |call: &Call| {
            matches!(call.is, Is::Ringing { .. }) && call.with.iter().any(|(w, _)| *w == worker)
        };
        let asked = |call: &Call| {
            call.second
                .as_ref()
                .is_some_and(|second| second.who == Whom::Worker(worker))
        };
        if let Some(n) = self.calls.iter().position(asked) {
            self.alone(n);
            return;
        }
        let Some(n) = self.calls.iter().position(rings) else {
            return;
        };
        self.calls[n].with.retain(|(w, _)| *w != worker);
        self.say(format!("{} back from {worker} {cause}", self.calls[n].id));
        if self.calls[n].with.is_empty() {
            self.calls[n].is = Is::Admitted;
            self.wait_on(n, false);
        }
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
