//! The reference model: the rules again, naively, so that they are obviously right.
//!
//! Everything is a plain list, everything is found by looking through all of it, and every deadline is worked out anew
//! each time. It shares nothing with the core but the types of inputs, the configuration and the calendar. What it
//! says happened is compared, word for word and in order, with what the core says happened.

use acd::schedule::Timetable;
use acd::*;
use std::cmp::Ordering;
use std::time::Duration;

const FAREWELL_MAX: Duration = Duration::from_secs(30);
const WRAP_UP_MAX: Duration = Duration::from_secs(1800);
const RING_MIN: Duration = Duration::from_secs(1);

struct Call {
    id: CallId,
    queue: QueueId,
    trunk: TrunkId,
    caller: CallerNumber,
    ticket: u64,
    since: Timestamp,
    arrived: Timestamp,
    announce_at: Timestamp,
    line: bool,
    legs: u32,
    is: Is,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Is {
    Queued,
    Admitted,
    Ringing { operator: usize, dialled: Timestamp },
    Talking { operator: usize },
    Leaving { outcome: Outcome, left: Timestamp },
}

struct Worker {
    state: State,
    since: Timestamp,
    idle_since: Timestamp,
    signed_on: Timestamp,
    worked: Duration,
    phone: bool,
    answered: u32,
    unanswered: u32,
    afterwards: Option<State>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Off,
    Paused {
        reason: PauseReason,
        until: Option<Timestamp>,
    },
    Free,
    Rung {
        until: Timestamp,
    },
    Talking,
    WrappingUp {
        began: Timestamp,
        until: Timestamp,
        extension: Duration,
    },
}

struct Place {
    trunk: TrunkId,
    queue: QueueId,
    caller: CallerNumber,
    ticket: u64,
    since: Timestamp,
    until: Timestamp,
}

pub(crate) struct Model {
    config: AcdConfig,
    timetable: Timetable,
    by_hand: Option<(u32, Timestamp)>,
    /// When the calendar was last looked at.
    looked: Option<Timestamp>,
    /// When lines and operators were last given out.
    given_out: Timestamp,
    now: Timestamp,
    calls: Vec<Call>,
    workers: Vec<Worker>,
    places: Vec<Place>,
    talks: Vec<(CallerNumber, usize, Timestamp)>,
    last_chosen: Vec<Option<usize>>,
    tickets: u64,
    draining: bool,
    said: Vec<String>,
}

impl Model {
    pub(crate) fn new(config: AcdConfig) -> Self {
        let worker = |_: &OperatorConfig| Worker {
            state: State::Off,
            since: Timestamp::default(),
            idle_since: Timestamp::default(),
            signed_on: Timestamp::default(),
            worked: Duration::ZERO,
            phone: false,
            answered: 0,
            unanswered: 0,
            afterwards: None,
        };
        Self {
            timetable: Timetable::new(&config.schedule).expect("a good schedule"),
            by_hand: None,
            looked: None,
            given_out: Timestamp::default(),
            now: Timestamp::default(),
            calls: vec![],
            workers: config.operators.iter().map(worker).collect(),
            places: vec![],
            talks: vec![],
            last_chosen: vec![None; config.queues.len()],
            tickets: 0,
            draining: false,
            said: vec![],
            config,
        }
    }

    /// Tells the model what the core is told; gives what happened.
    pub(crate) fn handle(&mut self, now: Timestamp, input: Input) -> Vec<String> {
        self.now = now;
        while let Some((at, due)) = self.next_due()
            && at <= now
        {
            self.pass(due);
            self.give_out();
        }
        self.take(input);
        self.give_out();
        std::mem::take(&mut self.said)
    }

    fn say(&mut self, what: String) {
        self.said.push(what);
    }

    fn queue(&self, queue: QueueId) -> &QueueConfig {
        &self.config.queues[queue.0 as usize]
    }

    // ---- Time.

    /// The earliest deadline of all; the schedule's before any other that has come.
    fn next_due(&self) -> Option<(Timestamp, Due)> {
        if self.schedule_due() <= self.now {
            return Some((self.schedule_due(), Due::Schedule));
        }
        let mut all = vec![];
        for (n, worker) in self.workers.iter().enumerate() {
            match worker.state {
                State::Rung { until }
                | State::WrappingUp { until, .. }
                | State::Paused {
                    until: Some(until), ..
                } => {
                    all.push((until, Due::Worker(n)));
                }
                _ => {}
            }
        }
        for (queue, config) in self.config.queues.iter().enumerate() {
            let waits = |call: &&Call| call.is == Is::Admitted && call.queue.0 as usize == queue;
            let oldest = self.calls.iter().filter(waits).min_by_key(|call| call.ticket);
            let relaxes = config.skills != Skills::default() && !config.relax_after.is_zero();
            let at = oldest
                .filter(|_| relaxes)
                .map(|call| call.since + config.relax_after);
            all.extend(
                at.filter(|at| *at > self.given_out)
                    .map(|at| (at, Due::Relaxation)),
            );
        }
        all.extend(
            self.places
                .iter()
                .map(|place| (place.until, Due::Place(place.ticket))),
        );
        for call in &self.calls {
            match call.is {
                Is::Queued | Is::Admitted => {
                    let mut at = call.arrived + self.queue(call.queue).wait_max;
                    if !self.queue(call.queue).announce_every.is_zero() {
                        at = at.min(call.announce_at);
                    }
                    all.push((at, Due::Call(call.ticket)));
                }
                Is::Leaving { left, .. } => all.push((left + FAREWELL_MAX, Due::Call(call.ticket))),
                _ => {}
            }
        }
        all.into_iter().min_by_key(|(at, due)| (*at, due.ticket(), *due))
    }

    /// When house or queue next change: while lines are set by hand, the house's own calendar does not count.
    fn schedule_due(&self) -> Timestamp {
        let Some(looked) = self.looked else {
            return Timestamp::default();
        };
        let own = self
            .config
            .queues
            .iter()
            .filter_map(|queue| queue.schedule.as_ref());
        let own = own.filter_map(|schedule| Timetable::new(schedule).expect("good").next_change(looked));
        let house = match self.by_hand {
            Some((_, until)) => Some(until),
            None => self.timetable.next_change(looked).map(|(at, _)| at),
        };
        own.map(|(at, _)| at)
            .chain(house)
            .min()
            .unwrap_or(looked + Duration::from_secs(31 * 86_400))
    }

    fn pass(&mut self, due: Due) {
        match due {
            Due::Schedule => self.look(),
            // Giving out after this sees to it.
            Due::Relaxation => {}
            Due::Worker(n) => match self.workers[n].state {
                State::Rung { .. } => {
                    self.give_back(n, "no_answer");
                    self.not_answered(n);
                }
                State::WrappingUp { .. } => self.after_wrap_up(n),
                State::Paused { .. } if self.workers[n].phone => self.start_idle(n),
                _ => self.set(n, self.without_phone(n)),
            },
            Due::Place(ticket) => self.places.retain(|place| place.ticket != ticket),
            Due::Call(ticket) => {
                let n = self
                    .calls
                    .iter()
                    .position(|call| call.ticket == ticket)
                    .expect("a call");
                match self.calls[n].is {
                    Is::Leaving { outcome, .. } => self.end(n, outcome, false),
                    _ => self.wait_on(n, true),
                }
            }
        }
    }

    fn look(&mut self) {
        self.looked = Some(self.now);
        self.by_hand = self.by_hand.filter(|(_, until)| *until > self.now);
        let mut tickets: Vec<(QueueId, u64)> = vec![];
        for call in self.calls.iter().filter(|call| call.is == Is::Queued) {
            if self.closed(call.queue, call.arrived + self.queue(call.queue).wait_max) {
                tickets.push((call.queue, call.ticket));
            }
        }
        tickets.sort();
        for (_, ticket) in tickets {
            let n = self
                .calls
                .iter()
                .position(|call| call.ticket == ticket)
                .expect("a call");
            self.leave(n, Outcome::Closed);
        }
    }

    // ---- Lines.

    fn lines(&self) -> u32 {
        match self.by_hand {
            Some((lines, until)) if self.now < until => lines,
            _ => self.timetable.lines_at(self.now),
        }
    }

    fn lines_of(&self, queue: usize) -> u32 {
        let schedule = self.config.queues[queue].schedule.as_ref();
        schedule.map_or(u32::MAX, |s| Timetable::new(s).expect("good").lines_at(self.now))
    }

    fn held_by(&self, queue: usize) -> u32 {
        self.calls
            .iter()
            .filter(|call| call.line && call.queue.0 as usize == queue)
            .count() as u32
    }

    fn line_free(&self, queue: QueueId) -> bool {
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
    fn closed(&self, queue: QueueId, until: Timestamp) -> bool {
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

    // ---- Giving out.

    fn standing(&self, call: &Call) -> (Timestamp, u64) {
        (call.since - self.queue(call.queue).head_start, call.ticket)
    }

    fn give_out(&mut self) {
        loop {
            let may = |call: &&Call| call.is == Is::Queued && self.line_free(call.queue);
            let Some(next) = self
                .calls
                .iter()
                .filter(may)
                .min_by_key(|call| self.standing(call))
            else {
                break;
            };
            let (ticket, id) = (next.ticket, next.id);
            let n = self
                .calls
                .iter()
                .position(|call| call.ticket == ticket)
                .expect("a call");
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
                .filter(|(_, call)| call.is == Is::Admitted)
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

    /// How much an operator prefers a call, if he may take it.
    fn level(&self, worker: usize, call: &Call) -> Option<u8> {
        let (operator, queue) = (&self.config.operators[worker], self.queue(call.queue));
        let relaxed = !queue.relax_after.is_zero() && self.now.since(call.since) >= queue.relax_after;
        if !relaxed && !operator.skills.cover(queue.skills) {
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

    fn ring(&mut self, n: usize, eligible: &[usize]) {
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
        let worker = match favourite.filter(|worker| !config.sticky.is_zero() && eligible.contains(worker)) {
            Some(worker) => worker,
            None => self.choose(config.strategy, queue, eligible),
        };
        self.last_chosen[queue.0 as usize] = Some(worker);
        self.calls[n].legs += 1;
        self.calls[n].is = Is::Ringing {
            operator: worker,
            dialled: self.now,
        };
        self.say(format!("{id} rings at {worker}"));
        self.set(
            worker,
            State::Rung {
                until: self.now + config.ring_timeout,
            },
        );
    }

    fn choose(&self, strategy: Strategy, queue: QueueId, eligible: &[usize]) -> usize {
        let mut order = eligible.to_vec();
        let w = |n: &usize| &self.workers[*n];
        let occupied = |a: &usize, b: &usize| -> Ordering {
            let total = |n: &usize| self.now.since(w(n).signed_on).as_micros().max(1);
            (w(a).worked.as_micros() * total(b)).cmp(&(w(b).worked.as_micros() * total(a)))
        };
        match strategy {
            Strategy::Linear => {}
            Strategy::LongestIdle => order.sort_by_key(|n| w(n).idle_since),
            Strategy::FewestCalls => order.sort_by_key(|n| (w(n).answered, w(n).idle_since)),
            Strategy::LeastOccupied => order.sort_by(occupied),
            Strategy::RoundRobin => {
                let last = self.last_chosen[queue.0 as usize];
                let after = order.iter().position(|n| last.is_none_or(|last| *n > last));
                order.rotate_left(after.unwrap_or(0));
            }
        }
        order[0]
    }

    // ---- Calls.

    fn take(&mut self, input: Input) {
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

    fn find(&self, id: CallId) -> Option<usize> {
        self.calls.iter().position(|call| call.id == id)
    }

    fn arrived(&mut self, id: CallId, queue: QueueId, trunk: TrunkId, caller: CallerNumber) {
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

    fn level_of_fresh(&self, worker: usize, call: &Call) -> Option<u8> {
        let skilled = self.config.operators[worker]
            .skills
            .cover(self.queue(call.queue).skills);
        self.level(worker, call).filter(|_| skilled)
    }

    fn wait_on(&mut self, n: usize, tell: bool) {
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

    fn leave(&mut self, n: usize, outcome: Outcome) {
        self.calls[n].is = Is::Leaving {
            outcome,
            left: self.now,
        };
        self.say(format!("{} leaves {outcome:?}", self.calls[n].id));
    }

    fn end(&mut self, n: usize, outcome: Outcome, dropped: bool) {
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

    fn gone(&mut self, id: CallId, cause: GoneCause) {
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

    fn shut_down(&mut self) {
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

    // ---- Phones.

    /// The call that rings or talks on just this operator's leg.
    fn on_leg(&self, leg: LegId) -> Option<(usize, Is)> {
        let n = self
            .find(leg.call)
            .filter(|n| leg.leg > 0 && self.calls[*n].legs == leg.leg)?;
        Some((n, self.calls[n].is))
    }

    fn answered(&mut self, leg: LegId) {
        if let Some((n, Is::Ringing { operator, .. })) = self.on_leg(leg) {
            self.calls[n].is = Is::Talking { operator };
            self.workers[operator].answered += 1;
            self.workers[operator].unanswered = 0;
            self.say(format!("{} talks with {operator}", leg.call));
            self.set(operator, State::Talking);
        }
    }

    fn leg_failed(&mut self, leg: LegId, cause: FailCause) {
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

    fn hung_up(&mut self, n: usize, operator: usize) {
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

    fn give_back(&mut self, worker: usize, cause: &str) {
        let rings = |call: &Call| matches!(call.is, Is::Ringing { operator, .. } if operator == worker);
        let Some(n) = self.calls.iter().position(rings) else {
            return;
        };
        self.calls[n].is = Is::Admitted;
        self.say(format!("{} back from {worker} {cause}", self.calls[n].id));
        self.wait_on(n, false);
    }

    fn registered(&mut self, n: usize) {
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

    fn unregistered(&mut self, n: usize) {
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

    // ---- Operators.

    fn set(&mut self, n: usize, state: State) {
        let worker = &mut self.workers[n];
        let lasted = self.now.since(worker.since);
        match worker.state {
            State::Off => (worker.answered, worker.worked, worker.signed_on) = (0, Duration::ZERO, self.now),
            State::Talking | State::WrappingUp { .. } => worker.worked += lasted,
            _ => {}
        }
        (worker.state, worker.since) = (state, self.now);
        if !matches!(state, State::Talking | State::WrappingUp { .. }) {
            worker.afterwards = None;
        }
        let word = match state {
            State::Off => "signed_off",
            State::Paused { .. } => "paused",
            State::Free => "available",
            State::Rung { .. } => "reserved",
            State::Talking => "talking",
            State::WrappingUp { .. } => "wrap_up",
        };
        self.say(format!("{n} {word}"));
    }

    fn start_idle(&mut self, n: usize) {
        self.workers[n].idle_since = self.now;
        self.workers[n].unanswered = 0;
        self.set(n, State::Free);
    }

    fn without_phone(&self, n: usize) -> State {
        match self.config.operators[n].auto_ready {
            true => State::Off,
            false => State::Paused {
                reason: PauseReason::PhoneGone,
                until: None,
            },
        }
    }

    fn not_answered(&mut self, n: usize) {
        self.workers[n].unanswered += 1;
        let most = self.config.operators[n].no_answer_max;
        if most > 0 && self.workers[n].unanswered >= most {
            self.rest(n, PauseReason::NoAnswer);
        } else {
            self.workers[n].idle_since = self.now;
            self.set(n, State::Free);
        }
    }

    fn rest(&mut self, n: usize, reason: PauseReason) {
        let rest = self.config.operators[n].rest;
        let until = (!rest.is_zero()).then(|| self.now + rest);
        self.set(n, State::Paused { reason, until });
    }

    fn after_wrap_up(&mut self, n: usize) {
        match self.workers[n].afterwards {
            Some(state) => self.set(n, state),
            None if self.workers[n].phone => self.start_idle(n),
            None => self.set(n, self.without_phone(n)),
        }
    }

    fn sign_on(&mut self, n: usize) {
        match self.workers[n].state {
            State::Off => self.set(
                n,
                State::Paused {
                    reason: PauseReason::NotReady,
                    until: None,
                },
            ),
            State::Talking if self.workers[n].afterwards == Some(State::Off) => {
                self.workers[n].afterwards = None
            }
            _ => {}
        }
    }

    /// Pause or sign-off: at once, but for a conversation.
    fn stop(&mut self, n: usize, state: State) {
        let reason = |state| match state {
            State::Paused { reason, .. } => Some(reason),
            _ => None,
        };
        match self.workers[n].state {
            State::Off => {}
            State::Talking => self.workers[n].afterwards = Some(state),
            same if reason(same).is_some() && reason(same) == reason(state) => {}
            State::Rung { .. } => {
                self.give_back(n, "operator_left");
                self.set(n, state);
            }
            _ => self.set(n, state),
        }
    }

    fn ready(&mut self, n: usize) {
        match self.workers[n].state {
            State::Talking => self.workers[n].afterwards = None,
            State::Paused { .. } | State::WrappingUp { .. } if self.workers[n].phone => self.start_idle(n),
            _ => {}
        }
    }

    fn extend(&mut self, n: usize) {
        let Some(State::WrappingUp {
            began,
            until,
            extension,
        }) = self.workers.get(n).map(|w| w.state)
        else {
            return;
        };
        let later = (until + extension).min(began + WRAP_UP_MAX);
        if later > until {
            self.set(
                n,
                State::WrappingUp {
                    began,
                    until: later,
                    extension,
                },
            );
        }
    }
}

/// Whose deadline it is; of equal ones that of the older ticket is first, and before them those here in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Schedule,
    Relaxation,
    Worker(usize),
    Place(u64),
    Call(u64),
}

impl Due {
    fn ticket(self) -> u64 {
        match self {
            Due::Place(ticket) | Due::Call(ticket) => ticket,
            _ => 0,
        }
    }
}

/// What the core says happened, in the model's words; nothing for what the model does not speak of.
pub(crate) fn in_words(event: &Event) -> Option<String> {
    Some(match *event {
        Event::CallArrived { call, ticket, .. } => format!("{call} arrives with {ticket}"),
        Event::CallAdmitted { call, .. } => format!("{call} admitted"),
        Event::PositionAnnounced { call, position, .. } => format!("{call} is at {position}"),
        Event::CallAssigned { call, operator, .. } => format!("{call} rings at {}", operator.0),
        Event::CallReturned {
            call,
            operator,
            cause,
            ..
        } => {
            let cause = match cause {
                ReturnCause::NoAnswer => "no_answer",
                ReturnCause::Failed(_) => "failed",
                ReturnCause::PhoneGone => "phone_gone",
                ReturnCause::OperatorLeft => "operator_left",
            };
            format!("{call} back from {} {cause}", operator.0)
        }
        Event::CallConnected { call, operator, .. } => format!("{call} talks with {}", operator.0),
        Event::CallLeaving { call, outcome, .. } => format!("{call} leaves {outcome:?}"),
        Event::CallEnded {
            call,
            outcome,
            place_kept,
            ..
        } => format!("{call} ends {outcome:?} {place_kept}"),
        Event::OperatorChanged { operator, state, .. } => format!("{} {}", operator.0, state.name()),
        _ => return None,
    })
}
