//! The reference model: the rules again, naively, so that they are obviously right.
//!
//! Everything is a plain list, everything is found by looking through all of it, and every deadline is worked out anew
//! each time. It shares nothing with the core but the types of inputs, the configuration and the calendar. What it
//! says happened is compared, word for word and in order, with what the core says happened.

mod calls;
mod giving;
mod outside;
mod seconds;
mod workers;

use acd::schedule::Timetable;
use acd::*;
use std::time::Duration;

const FAREWELL_MAX: Duration = Duration::from_secs(30);
const OFFER_MAX: Duration = Duration::from_secs(10);
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
    /// When a call-back is offered, unless that was done.
    offer_at: Option<Timestamp>,
    line: bool,
    skills: Skills,
    legs: u32,
    /// Whose phones ring for it, or who is on the phone, each with the leg.
    with: Vec<(usize, u32)>,
    /// Whom the operator has asked about it.
    second: Option<Second>,
    /// When an operator gave it away last.
    given_away: Option<Timestamp>,
    /// To which number outside.
    outside: Option<CallerNumber>,
    is: Is,
}

struct Second {
    who: Whom,
    leg: u32,
    dialled: Timestamp,
    answered: bool,
    joined: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Whom {
    Worker(usize),
    /// A number outside, whose phone rings for so long at most.
    Number(CallerNumber, Timestamp),
}

impl Whom {
    fn in_words(self) -> String {
        match self {
            Whom::Worker(worker) => worker.to_string(),
            Whom::Number(number, _) => number.reveal().to_owned(),
        }
    }
}

impl Call {
    /// A call-back that a redial would take up: its caller has not been dialled yet.
    fn is_promise(&self) -> bool {
        let waits = matches!(self.is, Is::Queued | Is::Admitted | Is::Ringing { .. });
        self.id.is_call_back() && waits && self.given_away.is_none()
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Is {
    Queued,
    Admitted,
    Ringing {
        dialled: Timestamp,
    },
    CallingBack {
        until: Timestamp,
    },
    Talking,
    RingingOutside {
        until: Timestamp,
    },
    TalkingOutside,
    Leaving {
        outcome: Outcome,
        way: Way,
        until: Timestamp,
    },
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    Farewell,
    Offer,
    Forwarding(u32),
    Forwarded,
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
        self.pass_all_due();
        self.take(input);
        self.give_out();
        self.pass_all_due();
        std::mem::take(&mut self.said)
    }

    fn pass_all_due(&mut self) {
        while let Some((at, due)) = self.next_due()
            && at <= self.now
        {
            self.pass(due);
            self.give_out();
        }
    }

    fn say(&mut self, what: String) {
        self.said.push(what);
    }

    fn queue(&self, queue: QueueId) -> &QueueConfig {
        &self.config.queues[queue.0 as usize]
    }

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
            let relaxes = self
                .calls
                .iter()
                .filter(waits)
                .map(|call| call.since + config.relax_after);
            if !config.relax_after.is_zero() {
                let later = relaxes.filter(|at| *at > self.given_out);
                all.extend(later.map(|at| (at, Due::Relaxation)));
            }
        }
        all.extend(
            self.places
                .iter()
                .map(|place| (place.until, Due::Place(place.ticket))),
        );
        for call in &self.calls {
            let rung = call.second.as_ref().filter(|second| !second.answered);
            let at = match call.is {
                Is::Talking => match rung.map(|second| second.who) {
                    Some(Whom::Number(_, until)) => until,
                    _ => continue,
                },
                Is::Queued | Is::Admitted => self.wait_due(call),
                Is::CallingBack { until } | Is::RingingOutside { until } => until,
                Is::Leaving { way, until, .. } if way != Way::Forwarded => until,
                _ => continue,
            };
            all.push((at, Due::Call(call.ticket, call.id)));
        }
        all.into_iter().min_by_key(|(at, due)| (*at, due.ticket(), *due))
    }

    fn wait_due(&self, call: &Call) -> Timestamp {
        let config = self.queue(call.queue);
        let over = self.wait_until(call);
        let position = (!config.announce_every.is_zero()).then_some(call.announce_at);
        let told = position.into_iter().chain(call.offer_at).min();
        told.filter(|_| !call.id.is_call_back())
            .map_or(over, |told| told.min(over))
    }

    fn wait_until(&self, call: &Call) -> Timestamp {
        let config = self.queue(call.queue);
        match config.call_back {
            Some(call_back) if call.is_promise() => call.arrived + call_back.within,
            _ => call.given_away.unwrap_or(call.arrived) + config.wait_max,
        }
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
                State::Paused { .. } if self.workers[n].phone => {
                    let unanswered = self.workers[n].unanswered;
                    self.start_idle(n);
                    self.workers[n].unanswered = unanswered;
                }
                _ => self.set(n, self.without_phone(n)),
            },
            Due::Place(ticket) => self.places.retain(|place| place.ticket != ticket),
            Due::Call(_, id) => {
                let n = self.find(id).expect("a call");
                match self.calls[n].is {
                    Is::CallingBack { .. } => self.not_reached(n),
                    Is::Talking => drop(self.alone(n)),
                    Is::RingingOutside { .. } => self.outside_failed(n),
                    Is::Leaving { outcome, way, .. } => match way {
                        Way::Farewell => self.end(n, outcome, false),
                        _ => self.last_word(n, outcome),
                    },
                    _ => self.wait_on(n, true),
                }
            }
        }
    }

    fn look(&mut self) {
        self.looked = Some(self.now);
        self.by_hand = self.by_hand.filter(|(_, until)| *until > self.now);
        // A caller who came back while the last word of the first call is said has the same ticket.
        let mut hopeless: Vec<(QueueId, u64, CallId)> = vec![];
        let callers = self.calls.iter().filter(|call| !call.id.is_call_back());
        for call in callers.filter(|call| call.is == Is::Queued) {
            if self.closed(call.queue, call.arrived + self.queue(call.queue).wait_max) {
                hopeless.push((call.queue, call.ticket, call.id));
            }
        }
        hopeless.sort();
        for (.., id) in hopeless {
            let n = self.find(id).expect("a call");
            self.leave(n, Outcome::Closed);
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
    Call(u64, CallId),
}

impl Due {
    fn ticket(self) -> u64 {
        match self {
            Due::Place(ticket) | Due::Call(ticket, _) => ticket,
            _ => 0,
        }
    }
}

/// What the core says happened, in the model's words; nothing for what the model does not speak of.
pub(crate) fn in_words(event: &Event) -> Option<String> {
    Some(match *event {
        Event::CallArrived { call, ticket, .. } => format!("{call} arrives with {ticket}"),
        Event::CallChose { call, skills } => format!("{call} needs {}", skills.0),
        Event::CallBackPromised { call, ticket, .. } => format!("{call} promised with {ticket}"),
        Event::CallerDialled { call, operator, .. } => format!("{call} dialled by {}", operator.0),
        Event::CallForwarded { call, to, .. } => format!("{call} is with forward {to}"),
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
        Event::ThirdChanged { call, third: None } => format!("{call} alone"),
        Event::ThirdChanged {
            call,
            third: Some(Third { who, role }),
        } => {
            let who = match who {
                Asked::Operator(operator) => operator.0.to_string(),
                Asked::Outside { number, .. } => number.reveal().to_owned(),
            };
            let role = match role {
                Role::Ringing => "ringing",
                Role::Consulted => "consulted",
                Role::Joined => "joined",
            };
            format!("{call} with {who} {role}")
        }
        Event::CallTransferred {
            call, operator, to, ..
        } => format!("{call} from {} to {}", operator.0, to.0),
        Event::CallSentOutside {
            call,
            operator,
            number,
            ..
        } => format!("{call} from {} to {}", operator.0, number.reveal()),
        Event::OutsideAnswered { call, number, .. } => format!("{call} is with {}", number.reveal()),
        Event::OutsideFailed { call, .. } => format!("{call} back from outside"),
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
