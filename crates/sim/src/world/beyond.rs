//! What callers do besides waiting: which queue they call, the keys they press, and what becomes of them beyond the
//! house: their own phones when they are called back, and other places' phones.

use super::World;
use super::agenda::{Failing, Happening, Try};
use super::callers::stream_index;
use super::staff::{Phone, Whose};
use crate::oracle::Violation;
use crate::rng::{Purpose, Stream};
use crate::scenario::{Need, Scenario};
use acd::{CallId, CallerNumber, Destination, Input, LegId, QueueId, Skills, TrunkId};
use std::time::Duration;

/// What a person is like, however often they call.
struct Person {
    queue: QueueId,
    withheld: bool,
    need: Option<Need>,
}

impl Person {
    fn draw(scenario: &Scenario, attempt: Try) -> Self {
        let stream = &mut Stream::new(scenario.seed, Purpose::Choice, stream_index(attempt, 0));
        let (calls, needs) = (stream.uniform(), stream.uniform());
        let withheld = stream.chance(scenario.callers.withheld);
        let shares = scenario.more_queues.iter().map(|side| side.share);
        let queue = which(shares, calls).map_or(0, |side| side as u32 + 1);
        let shares = scenario.callers.needs.iter().map(|need| need.share);
        let need = which(shares, needs).and_then(|index| scenario.callers.needs.get(index));
        Self {
            queue: QueueId(queue),
            withheld,
            need: need.copied(),
        }
    }
}

/// Which of several shares a number from 0 to 1 falls into, one after the other; none beyond their sum.
fn which(shares: impl Iterator<Item = f64>, at: f64) -> Option<usize> {
    let mut sum = 0.0;
    let mut sums = shares.map(|share| {
        sum += share;
        sum
    });
    sums.position(|sum| at < sum)
}

/// What the caller of one attempt does about call-backs, drawn when it is made.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub(super) asks_back: bool,
    /// Calls again this long after a promise.
    again_after: Option<Duration>,
    /// Is not there when called back.
    away: bool,
    picks_up: Duration,
}

impl Choice {
    pub(super) fn draw(scenario: &Scenario, attempt: Try) -> Self {
        let index = stream_index(attempt, attempt.attempt);
        let stream = &mut Stream::new(scenario.seed, Purpose::Choice, index);
        let callers = &scenario.callers;
        let asks_back = stream.chance(callers.asks_back);
        let again = stream.chance(callers.calls_again);
        let away = stream.chance(callers.away);
        let picks_up = callers.picks_up.draw(stream).unwrap_or_default();
        let again_after = callers.redial_after.draw(stream).filter(|_| again);
        Self {
            asks_back,
            again_after,
            away,
            picks_up,
        }
    }
}

/// Who says by a key what the operator must know does so after this.
const SAYS_AFTER: Duration = Duration::from_secs(4);

impl World<'_> {
    pub(super) fn dials(&mut self, attempt: Try) -> Result<(), Violation> {
        let call = CallId(self.next_call);
        self.next_call += 1;
        self.recorder.call(call, self.now, attempt.attempt, attempt.first);
        self.caller_dials(call, attempt);
        let person = Person::draw(self.scenario, attempt);
        let caller = match person.withheld {
            true => CallerNumber::withheld(),
            false => CallerNumber::new(&format!("1{:05}{:05}", attempt.day, attempt.person)),
        };
        let (queue, trunk) = (person.queue, TrunkId(0));
        let mut skills = Skills::default();
        match person.need {
            Some(Need { key: Some(key), .. }) => {
                let says = Happening::KeyPressed { call, key };
                self.agenda.plan(self.now + SAYS_AFTER, says);
            }
            Some(need) => skills = need.skills,
            None => {}
        }
        self.tell(Input::CallArrived {
            call,
            queue,
            trunk,
            caller,
            skills,
        })
    }

    pub(super) fn key_pressed(&mut self, call: CallId, key: char) -> Result<(), Violation> {
        match self.callers.contains_key(&call) {
            true => self.tell(Input::Dtmf { call, digit: key }),
            false => Ok(()),
        }
    }

    /// The caller of `from` will be called back.
    pub(super) fn promised(&mut self, call_back: CallId, from: CallId) {
        self.awaits(call_back, from);
        let again_after = self
            .callers
            .get(&call_back)
            .and_then(|caller| caller.choice.again_after);
        if let Some(after) = again_after {
            self.agenda
                .plan(self.now + after, Happening::CallsAgain { call_back });
        }
    }

    /// Does not await the call-back, unless the phone rings already.
    pub(super) fn calls_again(&mut self, call_back: CallId) -> Result<(), Violation> {
        let rings = self.phones.contains_key(&LegId::caller(call_back));
        match self.callers.get(&call_back) {
            Some(caller) if !rings => {
                let attempt = caller.attempt;
                self.dials(Try {
                    attempt: attempt.attempt + 1,
                    ..attempt
                })
            }
            _ => Ok(()),
        }
    }

    /// A phone outside is dialled: it rings, and is picked up, is busy, or rings in vain.
    pub(super) fn dialled_out(&mut self, leg: LegId, to: Destination) {
        let Some(caller) = self.callers.get(&leg.call) else {
            return;
        };
        let (whose, answers, hand) = match to {
            Destination::Caller => (Whose::Caller, !caller.choice.away, caller.choice.picks_up),
            // Virtual operators give nothing away.
            Destination::Number(_) => (Whose::Elsewhere, false, Duration::ZERO),
            Destination::Forward(place) => match self.scenario.forwards.get(place as usize) {
                Some(place) => {
                    let answers = self.network.chance(place.answers);
                    let hand = place.pick_up.draw(&mut self.network);
                    (
                        Whose::Elsewhere,
                        answers && hand.is_some(),
                        hand.unwrap_or_default(),
                    )
                }
                None => (Whose::Elsewhere, false, Duration::ZERO),
            },
        };
        let signalling = self.scenario.operators.signalling;
        let rings = self.now + signalling;
        self.phones.insert(leg, Phone::ringing(whose));
        self.agenda.plan(rings, Happening::PhoneRings { leg });
        if answers {
            self.agenda
                .plan(rings + hand + signalling, Happening::PhoneAnswers { leg });
        } else if self.network.chance(0.5) {
            let cause = Failing::Busy;
            self.agenda
                .plan(rings + signalling, Happening::PhoneFails { leg, cause });
        }
    }
}
