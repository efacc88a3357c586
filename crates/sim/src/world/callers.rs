//! Callers: what each has in mind when dialling, and what comes of it.

use super::World;
use super::agenda::{Happening, Leaving, Try};
use super::beyond::Choice;
use super::staff::Phone;
use crate::oracle::Violation;
use crate::rng::{Purpose, Stream};
use crate::scenario::Scenario;
use acd::{Audio, CallId, Input, LegId, Outcome, Timestamp};
use std::time::Duration;

/// A caller who is on the phone.
pub(super) struct Caller {
    pub(super) attempt: Try,
    arrived: Timestamp,
    mind: Mind,
    /// What the caller does about call-backs.
    pub(super) choice: Choice,
    cut_off: bool,
    /// Talked with another place.
    elsewhere: bool,
    /// Counts what is played, so that the end of an earlier prompt is not taken for that of a later one.
    play: u32,
}

/// All that one attempt will do, drawn when it is made. Whatever the queue does, it is the same.
#[derive(Clone, Copy)]
struct Mind {
    leaves: Option<(Duration, Leaving)>,
    /// Who balks only does so if there is a queue; else this patience counts.
    patience: Option<Duration>,
    talk: Duration,
    wrap_up: Duration,
    caller_hangs_up: bool,
    redials_after: Option<Duration>,
}

/// Who was offered a call-back presses the key after this.
const PRESSES_AFTER: Duration = Duration::from_secs(3);

/// Who was cut off dials again after this.
const CUT_OFF_REDIALS: Duration = Duration::from_secs(10);

/// Persons of a day and attempts of a person are told apart by this many bits of a stream's index.
const PERSON_BITS: u32 = 24;
const ATTEMPT_BITS: u32 = 10;

/// The index of the streams of an attempt; attempt 0 is the person.
pub(super) fn stream_index(attempt: Try, number: u32) -> u64 {
    let person = u64::from(attempt.day) << PERSON_BITS | u64::from(attempt.person);
    person << ATTEMPT_BITS | u64::from(number)
}

impl Mind {
    fn draw(scenario: &Scenario, attempt: Try) -> Self {
        let index = stream_index(attempt, attempt.attempt);
        let stream = &mut Stream::new(scenario.seed, Purpose::Person, index);
        let (callers, faults) = (&scenario.callers, &scenario.faults);
        let balks = stream.chance(callers.balk);
        let cut_off = stream.chance(faults.cut_off);
        let talk = callers.talk.draw(stream).unwrap_or_default();
        let wrap_up = scenario.operators.wrap_up.draw(stream).unwrap_or_default();
        let caller_hangs_up = stream.chance(0.5);
        let redials =
            stream.chance(callers.redial) && attempt.attempt < callers.attempts_max.min(ATTEMPTS_MAX);
        let redial_after = callers.redial_after.draw(stream);
        let patience = callers.patience.draw(stream);
        let leaves = match (balks, cut_off) {
            (true, _) => callers
                .balk_after
                .draw(stream)
                .map(|after| (after, Leaving::Balks)),
            (false, true) => {
                let share = stream.uniform();
                patience.map(|patience| (patience.mul_f64(share), Leaving::CutOff))
            }
            (false, false) => patience.map(|patience| (patience, Leaving::HangsUp)),
        };
        Self {
            leaves,
            patience,
            talk,
            wrap_up,
            caller_hangs_up,
            redials_after: redial_after.filter(|_| redials),
        }
    }
}

const ATTEMPTS_MAX: u32 = (1 << ATTEMPT_BITS) - 1;

impl World<'_> {
    pub(super) fn caller_dials(&mut self, call: CallId, attempt: Try) {
        let mind = Mind::draw(self.scenario, attempt);
        if let Some((after, cause)) = mind.leaves {
            self.agenda
                .plan(self.now + after, Happening::CallerLeaves { call, cause });
        }
        let caller = Caller {
            attempt,
            arrived: self.now,
            mind,
            choice: Choice::draw(self.scenario, attempt),
            cut_off: false,
            elsewhere: false,
            play: 0,
        };
        self.callers.insert(call, caller);
    }

    /// The same person, on a call-back from now on.
    pub(super) fn awaits(&mut self, call_back: CallId, from: CallId) {
        let Some(caller) = self.callers.get(&from) else {
            return;
        };
        let awaiting = Caller {
            attempt: caller.attempt,
            arrived: self.now,
            mind: caller.mind,
            choice: caller.choice,
            cut_off: false,
            elsewhere: false,
            play: 0,
        };
        self.callers.insert(call_back, awaiting);
    }

    /// Patience is over, if the caller still waits.
    pub(super) fn caller_leaves(&mut self, call: CallId, cause: Leaving) -> Result<(), Violation> {
        let Some(caller) = self.callers.get_mut(&call) else {
            return Ok(());
        };
        let phones = self
            .phones
            .range(LegId::caller(call)..=LegId { call, leg: u32::MAX });
        let (rings, talks) = phones.fold((false, false), |(_, talks), (_, phone)| {
            (true, talks || phone.talks())
        });
        if talks {
            return Ok(());
        }
        if cause == Leaving::Balks && rings {
            if let Some(patience) = caller.mind.patience {
                let cause = Leaving::HangsUp;
                self.agenda.plan(
                    (caller.arrived + patience).max(self.now),
                    Happening::CallerLeaves { call, cause },
                );
            }
            return Ok(());
        }
        caller.cut_off = cause == Leaving::CutOff;
        self.tell(Input::CallerGone {
            call,
            cause: cause.into(),
        })
    }

    pub(super) fn hears(&mut self, call: CallId, audio: Audio) {
        let Some(caller) = self.callers.get_mut(&call) else {
            return;
        };
        caller.play += 1;
        let play = caller.play;
        let offered = match audio {
            Audio::CallBackOffer(key) | Audio::LastOffer(key) => Some(key),
            Audio::Position { call_back, .. } => call_back,
            _ => None,
        };
        if let Some(key) = offered.filter(|_| caller.choice.asks_back) {
            self.agenda
                .plan(self.now + PRESSES_AFTER, Happening::KeyPressed { call, key });
        }
        let lasts = match audio {
            Audio::HoldMusic => return,
            Audio::Greeting | Audio::Position { .. } => Duration::from_secs(6),
            Audio::Resumed => Duration::from_secs(3),
            Audio::CallBackOffer(_) | Audio::LastOffer(_) | Audio::Farewell(_) => Duration::from_secs(5),
        };
        self.agenda
            .plan(self.now + lasts, Happening::PromptEnds { call, play });
    }

    pub(super) fn prompt_ends(&mut self, call: CallId, play: u32) -> Result<(), Violation> {
        match self.callers.get(&call) {
            Some(caller) if caller.play == play => self.tell(Input::PromptDone { call }),
            _ => Ok(()),
        }
    }

    /// Caller and operator hear each other, for the first time or again after a hold.
    pub(super) fn bridged(&mut self, leg: LegId) {
        let phone = self.phones.get(&leg);
        if phone.is_some_and(Phone::talks) {
            return;
        }
        let elsewhere = phone.is_some_and(Phone::is_elsewhere);
        let Some(caller) = self.callers.get_mut(&leg.call) else {
            return;
        };
        caller.play += 1;
        caller.elsewhere |= elsewhere;
        let (talk, matter) = (caller.mind.talk, caller.mind.wrap_up);
        self.agenda.plan(self.now + talk, Happening::TalkEnds { leg });
        self.phone_bridged(leg, matter);
    }

    pub(super) fn talk_ends(&mut self, leg: LegId) -> Result<(), Violation> {
        let Some(caller) = self.callers.get(&leg.call) else {
            return Ok(());
        };
        if !self.phones.contains_key(&leg) {
            return Ok(());
        }
        if caller.mind.caller_hangs_up {
            // The phone of a call-back's caller is put down.
            self.phones.remove(&LegId::caller(leg.call));
            return self.tell(Input::CallerGone {
                call: leg.call,
                cause: acd::GoneCause::HungUp,
            });
        }
        self.phones.remove(&leg);
        self.tell(Input::LegGone { leg })
    }

    /// The call has its outcome; whoever called in vain may try again.
    pub(super) fn call_over(&mut self, call: CallId, outcome: Outcome) {
        let Some(caller) = self.callers.remove(&call) else {
            return;
        };
        let served = match outcome {
            Outcome::Answered | Outcome::Callback => true,
            // Called again already.
            Outcome::Abandoned => call.is_call_back(),
            _ => caller.elsewhere,
        };
        if served || self.healing {
            return;
        }
        let redials_after = if caller.cut_off {
            Some(CUT_OFF_REDIALS)
        } else {
            caller.mind.redials_after
        };
        if let Some(after) = redials_after {
            let attempt = Try {
                attempt: caller.attempt.attempt + 1,
                ..caller.attempt
            };
            self.agenda.plan(self.now + after, Happening::Dials(attempt));
        }
    }
}
