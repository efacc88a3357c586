//! Who is asked about a call, joined to it, left with it.

use super::{Call, Is, Model, Second, State, Whom};
use acd::*;

impl Model {
    /// What an operator asks for in a call; what does not apply is left.
    pub(super) fn asked(&mut self, input: Input) {
        match input {
            Input::HangUp { operator } => self.hang_up(operator.0 as usize),
            Input::Transfer { operator, to } => {
                let asked = self.consult(operator.0 as usize, to.0 as usize);
                asked.then(|| self.hang_up(operator.0 as usize));
            }
            Input::TransferOutside { operator, number } => {
                let asked = self.consult_outside(operator.0 as usize, number);
                asked.then(|| self.hang_up(operator.0 as usize));
            }
            Input::Consult { operator, to } => drop(self.consult(operator.0 as usize, to.0 as usize)),
            Input::ConsultOutside { operator, number } => {
                self.consult_outside(operator.0 as usize, number);
            }
            Input::Conference { operator } => {
                if let Some(n) = self.led_by(operator.0 as usize)
                    && let Some(second) = &mut self.calls[n].second
                    && second.answered
                    && !second.joined
                {
                    second.joined = true;
                    let who = second.who.in_words();
                    self.say(format!("{} with {who} joined", self.calls[n].id));
                }
            }
            Input::CompleteTransfer { operator } => {
                let led = self.led_by(operator.0 as usize);
                let asked = led.is_some_and(|n| self.calls[n].second.is_some());
                asked.then(|| self.hang_up(operator.0 as usize));
            }
            Input::CancelConsult { operator } => {
                if let Some(n) = self.led_by(operator.0 as usize)
                    && let Some(second) = self.alone(n)
                {
                    self.release(&second);
                }
            }
            _ => {}
        }
    }

    /// The call in which an operator talks as the first.
    pub(super) fn led_by(&self, worker: usize) -> Option<usize> {
        let leads = |call: &Call| call.is == Is::Talking && call.with[0].0 == worker;
        self.calls.iter().position(leads)
    }

    fn hang_up(&mut self, worker: usize) {
        let leg = self.calls.iter().find_map(|call| {
            let asked = call
                .second
                .as_ref()
                .filter(|second| second.who == Whom::Worker(worker));
            let with = call.with.iter().find(|(other, _)| *other == worker);
            let leg = with.map(|(_, leg)| *leg).or(asked.map(|second| second.leg))?;
            Some(LegId { call: call.id, leg })
        });
        if let Some(leg) = leg {
            self.leg_over(leg, FailCause::Declined);
        }
    }

    fn consult(&mut self, worker: usize, to: usize) -> bool {
        let Some(n) = self.led_by(worker) else {
            return false;
        };
        if self.calls[n].second.is_some() || self.workers.get(to).map(|to| to.state) != Some(State::Free) {
            return false;
        }
        let until = self.now + self.queue(self.calls[n].queue).ring_timeout;
        self.ask(n, Whom::Worker(to));
        self.set(to, State::Rung { until });
        true
    }

    pub(super) fn ask(&mut self, n: usize, who: Whom) {
        self.calls[n].legs += 1;
        self.calls[n].second = Some(Second {
            who,
            leg: self.calls[n].legs,
            dialled: self.now,
            answered: false,
            joined: false,
        });
        self.say(format!("{} with {} ringing", self.calls[n].id, who.in_words()));
    }

    pub(super) fn second_on(&self, leg: LegId) -> Option<usize> {
        let on = |call: &Call| call.second.as_ref().is_some_and(|second| second.leg == leg.leg);
        self.find(leg.call).filter(|n| on(&self.calls[*n]))
    }

    pub(super) fn second_answered(&mut self, n: usize) {
        let second = self.calls[n].second.as_mut().expect("somebody who was asked");
        if !std::mem::replace(&mut second.answered, true) {
            let who = second.who;
            self.say(format!("{} with {} consulted", self.calls[n].id, who.in_words()));
            if let Whom::Worker(worker) = who {
                self.workers[worker].unanswered = 0;
                self.set(worker, State::Talking);
            }
        }
    }

    pub(super) fn second_over(&mut self, n: usize, cause: FailCause) {
        let Some(second) = self.alone(n) else { return };
        match (second.who, second.answered) {
            (Whom::Worker(worker), true) => self.after_wrap_up(worker),
            (Whom::Worker(worker), false) => self.phone_failed(worker, cause, second.dialled),
            (Whom::Number(..), _) => {}
        }
    }

    pub(super) fn alone(&mut self, n: usize) -> Option<Second> {
        let second = self.calls[n].second.take()?;
        self.say(format!("{} alone", self.calls[n].id));
        Some(second)
    }

    pub(super) fn release(&mut self, second: &Second) {
        match (second.who, second.answered) {
            (Whom::Worker(worker), true) => self.after_wrap_up(worker),
            (Whom::Worker(worker), false) => self.set(worker, State::Free),
            (Whom::Number(..), _) => {}
        }
    }

    /// The operator leaves; the call rings at, or talks with, who was asked.
    pub(super) fn hand_over(&mut self, n: usize) {
        let second = self.calls[n].second.take().expect("somebody who was asked");
        let (queue, first) = (self.calls[n].queue, self.calls[n].with[0].0);
        self.calls[n].given_away = Some(self.now);
        let who = second.who.in_words();
        self.say(format!("{} from {first} to {who}", self.calls[n].id));
        match second.who {
            Whom::Worker(worker) => {
                self.calls[n].with = vec![(worker, second.leg)];
                self.calls[n].is = Is::Ringing {
                    dialled: second.dialled,
                };
                if second.answered {
                    self.talk(n);
                }
            }
            Whom::Number(number, until) => self.hand_outside(n, number, until, second.answered),
        }
        self.wrap_up(first, queue);
    }
}
