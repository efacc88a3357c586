//! Calls about which operators ask numbers outside, or which they give to them.

use super::{Is, Model, Whom};
use acd::*;

impl Model {
    pub(super) fn consult_outside(&mut self, worker: usize, number: CallerNumber) -> bool {
        let free = self.led_by(worker).filter(|n| self.calls[*n].second.is_none());
        let (Some(n), Some(rule)) = (free, &self.config.transfer) else {
            return false;
        };
        let until = self.now + rule.ring_timeout;
        // The one rule that the runs have.
        let allowed = number.reveal().starts_with("13");
        if allowed {
            self.ask(n, Whom::Number(number, until));
        }
        allowed
    }

    /// The caller waits for the phone outside, or talks with it.
    pub(super) fn hand_outside(&mut self, n: usize, number: CallerNumber, until: Timestamp, answered: bool) {
        let call = &mut self.calls[n];
        call.with = vec![];
        call.outside = Some(number);
        call.is = Is::RingingOutside { until };
        if answered {
            self.outside_answered(n);
        }
    }

    /// The call that rings or talks outside on just this leg.
    pub(super) fn outside_on(&self, leg: LegId) -> Option<usize> {
        let n = self.find(leg.call)?;
        let outside = matches!(self.calls[n].is, Is::RingingOutside { .. } | Is::TalkingOutside);
        (outside && self.calls[n].legs == leg.leg).then_some(n)
    }

    pub(super) fn outside_answered(&mut self, n: usize) {
        if let Is::RingingOutside { .. } = self.calls[n].is {
            let number = self.calls[n].outside.expect("a number");
            self.calls[n].is = Is::TalkingOutside;
            self.calls[n].line = false;
            self.say(format!("{} is with {}", self.calls[n].id, number.reveal()));
        }
    }

    pub(super) fn outside_over(&mut self, n: usize) {
        match self.calls[n].is {
            Is::RingingOutside { .. } => self.outside_failed(n),
            _ => self.end(n, Outcome::Answered, false),
        }
    }

    pub(super) fn outside_failed(&mut self, n: usize) {
        self.calls[n].is = Is::Admitted;
        self.say(format!("{} back from outside", self.calls[n].id));
        self.wait_on(n, false);
    }
}
