//! Calls that operators give to numbers outside.

use super::{Is, Model};
use acd::*;

impl Model {
    pub(super) fn send_outside(&mut self, worker: usize, number: CallerNumber) {
        let Some(n) = self.led_by(worker).filter(|n| self.calls[*n].second.is_none()) else {
            return;
        };
        let Some(rule) = self.config.transfer.clone() else {
            return;
        };
        // The one rule that the runs have.
        if !number.reveal().starts_with("13") {
            return;
        }
        let until = self.now + rule.ring_timeout;
        let call = &mut self.calls[n];
        call.legs += 1;
        call.with = vec![];
        call.given_away = Some(self.now);
        call.outside = Some(number);
        call.is = Is::RingingOutside { until };
        let queue = call.queue;
        self.say(format!(
            "{} from {worker} to {}",
            self.calls[n].id,
            number.reveal()
        ));
        self.wrap_up(worker, queue);
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
