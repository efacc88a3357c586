//! Operators: what each is doing, and for how long.

use super::{Model, RING_MIN, State, WRAP_UP_MAX};
use acd::*;
use std::time::Duration;

impl Model {
    pub(super) fn set(&mut self, n: usize, state: State) {
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

    pub(super) fn start_idle(&mut self, n: usize) {
        self.workers[n].idle_since = self.now;
        self.workers[n].unanswered = 0;
        self.set(n, State::Free);
    }

    pub(super) fn without_phone(&self, n: usize) -> State {
        match self.config.operators[n].auto_ready {
            true => State::Off,
            false => State::Paused {
                reason: PauseReason::PhoneGone,
                until: None,
            },
        }
    }

    pub(super) fn not_answered(&mut self, n: usize) {
        self.workers[n].unanswered += 1;
        let most = self.config.operators[n].no_answer_max;
        if most > 0 && self.workers[n].unanswered >= most {
            self.rest(n, PauseReason::NoAnswer);
        } else {
            self.workers[n].idle_since = self.now;
            self.set(n, State::Free);
        }
    }

    /// What becomes of an operator whose phone did not take a call, rung since `dialled`.
    pub(super) fn phone_failed(&mut self, n: usize, cause: FailCause, dialled: Timestamp) {
        let reason = match cause {
            FailCause::NoAnswer if self.now.since(dialled) >= RING_MIN => return self.not_answered(n),
            FailCause::NoAnswer | FailCause::Declined => PauseReason::Declined,
            FailCause::Busy => PauseReason::PhoneBusy,
            FailCause::Unreachable | FailCause::Other(_) => PauseReason::PhoneGone,
        };
        self.rest(n, reason);
    }

    pub(super) fn rest(&mut self, n: usize, reason: PauseReason) {
        let (rest, most) = (
            self.config.operators[n].rest,
            self.config.operators[n].no_answer_max,
        );
        let again = reason == PauseReason::NoAnswer && self.workers[n].unanswered > most;
        let until = (!rest.is_zero() && !again).then(|| self.now + rest);
        self.set(n, State::Paused { reason, until });
    }

    pub(super) fn after_wrap_up(&mut self, n: usize) {
        match self.workers[n].afterwards {
            Some(state) => self.set(n, state),
            None if self.workers[n].phone => self.start_idle(n),
            None => self.set(n, self.without_phone(n)),
        }
    }

    pub(super) fn sign_on(&mut self, n: usize) {
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
    pub(super) fn stop(&mut self, n: usize, state: State) {
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

    pub(super) fn ready(&mut self, n: usize) {
        match self.workers[n].state {
            State::Talking => self.workers[n].afterwards = None,
            State::Paused { .. } | State::WrappingUp { .. } if self.workers[n].phone => self.start_idle(n),
            _ => {}
        }
    }

    pub(super) fn extend(&mut self, n: usize) {
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
