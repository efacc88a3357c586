//! The one way in, and the order of things inside.
//!
//! Owns the whole state. For every input: deadlines that have come are dealt with first, each at its turn; then the
//! input; and after each of them lines and operators are given out until nothing more can be. So between inputs it
//! always holds that no line is free while somebody waits for one, and no operator is free while a call that he may
//! take waits for one.
//!
//! Does not read a clock, a socket or a random number; does not know SIP, audio or people's names.

mod announce;
mod assign;
mod audit;
mod call_backs;
mod callers;
mod consulting;
mod explain;
mod leaving;
mod legs;
mod operators;
mod outside;
mod standing;
mod state;

use crate::calls::{Call, CallState, Calls, Outside, Way};
use crate::estimate::Announcements;
use crate::lines::Lines;
use crate::operators::Operators;
use crate::places::Places;
use crate::queue::Queue;
use crate::regulars::Regulars;
use crate::timers::{Timer, Timers};
use crate::{AcdConfig, CallView, ConfigError, Event, Input, OperatorId, OperatorView, Output, QueueConfig};
use crate::{QueueId, Snapshot, Stage, Timestamp};

pub use explain::{Explanation, WaitsFor};
pub use state::StateError;
pub(crate) use state::sorted;

/// The queue core. See the crate's documentation.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct Acd {
    config: AcdConfig,
    now: Timestamp,
    lines: Lines,
    queues: Vec<Queue>,
    calls: Calls,
    operators: Operators,
    announcements: Announcements,
    places: Places,
    regulars: Regulars,
    /// Queues that ask for skills only for some time.
    relaxing: Vec<QueueId>,
    timers: Timers,
    /// When the schedule is to be looked at next.
    look_at: Timestamp,
    next_ticket: u64,
    draining: bool,
    /// Where the outputs of the input in hand go: the caller's own, while it is handled.
    #[serde(skip)]
    out: Vec<Output>,
}

impl Acd {
    /// A core that has not been told anything yet; lines are in force from the first input on.
    ///
    /// # Errors
    /// The first mistake found in the configuration.
    pub fn new(config: AcdConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            now: Timestamp::default(),
            lines: Lines::new(&config)?,
            queues: config
                .queues
                .iter()
                .map(|_| Queue::new(config.queues.len()))
                .collect(),
            announcements: Announcements::default(),
            calls: Calls::default(),
            operators: Operators::new(&config),
            places: Places::new(places_max(&config)),
            regulars: Regulars::new(config.calls_max),
            relaxing: relaxing(&config),
            timers: Timers::default(),
            look_at: Timestamp::default(),
            next_ticket: 1,
            draining: false,
            out: Vec::new(),
            config,
        })
    }

    /// Tells the core one fact. What follows from it is appended to `out`, in order.
    ///
    /// Time never runs backwards: an earlier `now` than the last is taken as the last. Any input is accepted in any
    /// state; what does not apply (any more) is ignored, and a phone that is no longer wanted is hung up.
    ///
    /// # Panics
    /// Only if an invariant of the core itself is broken.
    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        if self.now == Timestamp::default() {
            self.operators.begin(now);
        }
        self.now = self.now.max(now);
        std::mem::swap(&mut self.out, out);
        // First, so that whatever is decided now is decided with the lines that are in force now.
        if self.look_at <= self.now {
            self.look_at_schedule();
            self.settle();
        }
        self.pass_deadlines();
        self.take(input);
        self.settle();
        // An input may make something due at once: an offer for which the caller has waited while phones rang.
        self.pass_deadlines();
        std::mem::swap(&mut self.out, out);
    }

    /// Deals with the deadlines that have come, each at its turn.
    fn pass_deadlines(&mut self) {
        while let Some(timer) = self.timers.due(self.now) {
            self.timers.clear(timer);
            self.due(timer);
            self.settle();
        }
    }

    /// When [`Input::Tick`] is next needed, if at all: always later than the last input.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let next = self
            .timers
            .next()
            .map_or(self.look_at, |(at, _)| at.min(self.look_at));
        Some(next)
    }

    /// One operator as the snapshot shows it; none if the configuration has no such operator.
    pub fn operator(&self, operator: OperatorId) -> Option<OperatorView> {
        self.operators.view(operator)
    }

    /// Lines that will be in force at `at`, by the schedule and by hand, as far as is known now.
    pub fn lines_at(&self, at: Timestamp) -> u32 {
        self.lines.at(at)
    }

    /// The configuration in force.
    pub fn config(&self) -> &AcdConfig {
        &self.config
    }

    /// The whole state as it is now. Costs time in proportion to the calls that are up.
    pub fn snapshot(&self) -> Snapshot {
        let mut calls: Vec<CallView> = self.calls.iter().map(|(_, call)| self.view(call)).collect();
        calls.sort_unstable_by_key(|call| (call.ticket, call.call));
        Snapshot {
            at: self.now,
            lines: self.lines.in_force,
            lines_in_use: self.lines.in_use,
            next_change: self.lines.next_change.map(|c| c.0),
            next_lines: self.lines.next_change.map(|c| c.1),
            draining: self.draining,
            calls,
            operators: self.operators.views().collect(),
        }
    }

    fn view(&self, call: &Call) -> CallView {
        let stage = match call.state {
            CallState::Queued => Stage::Queued,
            CallState::Admitted => Stage::Admitted,
            CallState::Ringing { first, .. } => Stage::Ringing {
                operator: self.operators.ringing(first).min().unwrap_or(first),
            },
            CallState::CallingBack(talk) => Stage::CallingBack {
                operator: talk.operator,
            },
            CallState::Talking(talk) => {
                let (operator, connected, held) = (talk.operator, talk.connected, talk.held_since.is_some());
                let third = talk.third.map(|third| self.calls.third(call, third));
                Stage::Talking {
                    operator,
                    connected,
                    held,
                    third,
                }
            }
            CallState::RingingOutside(Outside { number, .. }) => Stage::RingingOutside {
                number,
                leg: call.last_leg(),
            },
            CallState::TalkingOutside { number } => Stage::TalkingOutside {
                number,
                leg: call.last_leg(),
            },
            CallState::Leaving {
                way: Way::Forwarded { to },
                ..
            } => Stage::Forwarded {
                to,
                leg: call.last_leg(),
            },
            CallState::Leaving { .. } => Stage::Leaving,
        };
        CallView {
            call: call.id,
            queue: call.queue,
            trunk: call.trunk,
            caller: call.caller,
            ticket: call.ticket,
            since: call.since,
            skills: call.skills,
            admitted: call.admitted,
            transferred_by: call.served.map(|served| served.by),
            stage,
        }
    }

    fn due(&mut self, timer: Timer) {
        match timer {
            Timer::Operator(index) => self.operator_due(OperatorId(index)),
            Timer::Place(slot) => drop(self.places.give_up(slot)),
            // Settling after this does what is due.
            Timer::Queue(_) => {}
            Timer::Call(slot) => self.call_due(slot),
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::CallArrived {
                call,
                queue,
                trunk,
                caller,
                skills,
            } => self.call_arrived(call, queue, (trunk, caller), skills),
            Input::CallerGone { call, cause } => self.caller_gone(call, cause),
            Input::PromptDone { call } => self.prompt_done(call),
            Input::Dtmf { call, digit } => self.key_pressed(call, digit),
            // That a phone rings changes nothing: the deadline runs since it was dialled.
            Input::LegRinging { .. } => {}
            Input::LegAnswered { leg } => self.leg_answered(leg),
            Input::LegFailed { leg, cause } => self.leg_failed(leg, cause),
            Input::LegGone { leg } => self.leg_gone(leg),
            Input::LegHeld { leg, held } => self.leg_held(leg, held),
            Input::MediaSilent { leg } => self.media_silent(leg),
            Input::PhoneRegistered { operator } => self.phone_registered(operator),
            Input::PhoneUnregistered { operator } => self.phone_unregistered(operator),
            Input::SignOn { operator } => self.command(operator, Self::sign_on),
            Input::SignOff { operator } => self.command(operator, Self::sign_off),
            Input::Ready { operator } => self.command(operator, Self::ready),
            Input::Pause { operator, reason } => self.command(operator, |acd, id| acd.pause(id, reason)),
            Input::ExtendWrapUp { operator } => self.command(operator, Self::extend_wrap_up),
            Input::HangUp { operator } => self.command(operator, Self::hang_up),
            Input::Hold { operator, on } => self.command(operator, |acd, id| acd.hold(id, on)),
            Input::Transfer { operator, to } => self.command(operator, |acd, id| acd.transfer(id, to)),
            Input::TransferOutside { operator, number } => {
                self.command(operator, |acd, id| acd.transfer_outside(id, number));
            }
            Input::Consult { operator, to } => self.command(operator, |acd, id| acd.consult(id, to)),
            Input::ConsultOutside { operator, number } => {
                self.command(operator, |acd, id| acd.consult_outside(id, number));
            }
            Input::Conference { operator } => self.command(operator, Self::conference),
            Input::CompleteTransfer { operator } => self.command(operator, Self::complete_transfer),
            Input::CancelConsult { operator } => self.command(operator, Self::cancel_consult),
            Input::SetLines { lines, until } => self.set_lines(Some((lines, until))),
            Input::FollowSchedule => self.set_lines(None),
            Input::Started => self.started(),
            Input::Drain => self.drain(),
            Input::HangUpAll => self.hang_up_all(),
            Input::Tick => {}
        }
    }

    fn look_at_schedule(&mut self) {
        self.look_at = self
            .lines
            .look(self.now, |event| self.out.push(Output::Event(event)));
        self.close();
    }

    fn set_lines(&mut self, by_hand: Option<(u32, Timestamp)>) {
        self.lines.set_by_hand(by_hand);
        self.look_at_schedule();
    }

    fn event(&mut self, event: Event) {
        self.out.push(Output::Event(event));
    }

    fn queue_config(&self, queue: QueueId) -> &QueueConfig {
        &self.config.queues[queue.0 as usize]
    }
}

fn relaxing(config: &AcdConfig) -> Vec<QueueId> {
    (0..)
        .zip(&config.queues)
        .filter(|(_, queue)| !queue.relax_after.is_zero())
        .map(|(id, _)| QueueId(id))
        .collect()
}

/// One place for each call that could be dropped, and for each call-back that could be promised.
fn places_max(config: &AcdConfig) -> u32 {
    let promises = config.queues.iter().filter_map(|queue| queue.call_back);
    promises.fold(config.calls_max, |sum, call_back| {
        sum.saturating_add(call_back.promises_max)
    })
}
