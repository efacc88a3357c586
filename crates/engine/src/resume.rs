//! The first turn of a run: where it goes on, what the core believes is made so outside, and what turns out to be otherwise
//! there is told to the core.

use crate::inbox::Stimulus;
use crate::reconcile::{Repair, differences, has_caller};
use crate::turn::Loop;
use acd::{HangUpCause, Input, Output, Snapshot};

impl Loop {
    /// Fills `batch` with how an empty queue begins. Phones may be there already, and legs that nobody can make sense of.
    pub(crate) fn begin(&mut self, batch: &mut Vec<Stimulus>) {
        // The first input tells the core what time it is, and so the lines in force.
        batch.push(Stimulus::Input(Input::Started));
        let state = self.acd.snapshot();
        self.compare(&state, batch);
    }

    /// Carries out what the state asks for, and fills `batch` with what must have happened while nobody was there.
    pub(crate) fn resume(&mut self, batch: &mut Vec<Stimulus>) {
        let state = self.acd.snapshot();
        self.state.live = state.calls.iter().filter(|view| has_caller(view)).count();
        self.calls.send_replace(self.state.live);
        self.edges.resume(&state);
        // Journaled long ago, and so carried out at once: audio first of all.
        let mut orders = self.acd.standing_orders();
        self.edges.carry(self.clock.now(), self.state.seq, &mut orders);
        // The time that has passed counts: deadlines that have come are dealt with before this is.
        batch.push(Stimulus::Input(Input::Started));
        self.compare(&state, batch);
        tracing::info!(
            calls = state.calls.len(),
            lines_in_use = state.lines_in_use,
            "going on where the last run ended"
        );
    }

    fn compare(&mut self, state: &Snapshot, batch: &mut Vec<Stimulus>) {
        for found in differences(state, &self.edges.legs()).into_values() {
            tracing::warn!(call = %found.leg().call, leg = found.leg().leg, "{found}, after the restart");
            match found.repair() {
                Repair::Tell(input) => batch.push(Stimulus::Input(input)),
                Repair::HangUp(leg) => self.state.outputs.push(Output::HangUp {
                    leg,
                    cause: HangUpCause::Ended,
                }),
            }
        }
        for (operator, reachable) in self.edges.phones() {
            let believed = state.operators.get(operator.0 as usize).is_some_and(|o| o.phone);
            if believed != reachable {
                batch.push(Stimulus::Input(if reachable {
                    Input::PhoneRegistered { operator }
                } else {
                    Input::PhoneUnregistered { operator }
                }));
            }
        }
    }
}
