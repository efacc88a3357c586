//! What nobody asked for: buttons pressed for no reason, a supervisor who changes the lines, an engine that stops.

use super::World;
use super::agenda::Happening;
use crate::oracle::Violation;
use crate::scenario::most;
use acd::{Input, LegId, OperatorId, PauseReason};
use std::time::Duration;

/// How long the engine is away.
const STOPPED: Duration = Duration::from_secs(3);

/// The longest a supervisor's order counts.
const ORDER_MAX_S: f64 = 3.0 * 3_600.0;

impl World<'_> {
    pub(super) fn plan_supervisor(&mut self) {
        if let Some(after) = self.faults.supervisor_every.draw(&mut self.network) {
            self.agenda.plan(self.now + after, Happening::SupervisorActs);
        }
    }

    pub(super) fn supervisor_acts(&mut self) -> Result<(), Violation> {
        if self.healing {
            return Ok(());
        }
        self.plan_supervisor();
        if self.network.chance(0.2) {
            return self.tell(Input::FollowSchedule);
        }
        let lines = self.pick(most(&self.scenario.lines) + 3);
        let until = self.now + Duration::from_secs_f64(self.network.uniform() * ORDER_MAX_S);
        self.tell(Input::SetLines { lines, until })
    }

    pub(super) fn plan_stop(&mut self) {
        if let Some(after) = self.faults.stop_every.draw(&mut self.network) {
            self.agenda.plan(self.now + after, Happening::Drains);
        }
    }

    /// New calls are refused from now on, and those that talk may go on for a while.
    pub(super) fn drains(&mut self) -> Result<(), Violation> {
        if self.healing {
            return Ok(());
        }
        let lasts = self
            .faults
            .stop_drains
            .draw(&mut self.network)
            .unwrap_or_default();
        self.agenda.plan(self.now + lasts, Happening::Stops);
        self.tell(Input::Drain)
    }

    /// The engine stops; now and then it is gone before it has hung up.
    pub(super) fn stops(&mut self) -> Result<(), Violation> {
        if self.healing {
            return Ok(());
        }
        self.agenda.plan(self.now + STOPPED, Happening::Starts);
        match self.network.chance(0.2) {
            true => Ok(()),
            false => self.tell(Input::HangUpAll),
        }
    }

    pub(super) fn starts(&mut self) -> Result<(), Violation> {
        if self.healing {
            return Ok(());
        }
        self.plan_stop();
        self.tell(Input::Started)
    }

    /// Something that an operator's console or phone may send at any moment, whether it makes sense or not.
    pub(super) fn maybe_stray(&mut self) -> Result<(), Violation> {
        if self.faults.stray <= 0.0 || self.operators.is_empty() || !self.network.chance(self.faults.stray) {
            return Ok(());
        }
        let operator = OperatorId(self.pick(self.operators.len() as u32));
        let input = match self.pick(9) {
            0 => Input::SignOn { operator },
            1 | 2 => Input::Ready { operator },
            3 => Input::Pause {
                operator,
                reason: PauseReason::Chosen(self.pick(2) as u16),
            },
            4 => Input::SignOff { operator },
            5 => Input::ExtendWrapUp { operator },
            6 => return self.stray_key(),
            choice => return self.stray_on_leg(choice == 7),
        };
        self.tell_once(input)
    }

    /// Some caller presses some key.
    fn stray_key(&mut self) -> Result<(), Violation> {
        if self.callers.is_empty() {
            return Ok(());
        }
        let index = self.pick(self.callers.len() as u32) as usize;
        let Some(call) = self.callers.keys().nth(index).copied() else {
            return Ok(());
        };
        let digit = if self.network.chance(0.5) { '1' } else { '2' };
        self.tell_once(Input::Dtmf { call, digit })
    }

    /// On some phone that was dialled, or its caller.
    fn stray_on_leg(&mut self, held: bool) -> Result<(), Violation> {
        if self.phones.is_empty() {
            return Ok(());
        }
        let index = self.pick(self.phones.len() as u32) as usize;
        let Some(leg) = self.phones.keys().nth(index).copied() else {
            return Ok(());
        };
        let leg = if self.network.chance(0.3) {
            LegId::caller(leg.call)
        } else {
            leg
        };
        let input = if self.network.chance(0.3) {
            Input::MediaSilent { leg }
        } else {
            Input::LegHeld { leg, held }
        };
        self.tell_once(input)
    }

    /// A number below `count`, which must not be 0.
    fn pick(&mut self, count: u32) -> u32 {
        ((self.network.uniform() * f64::from(count)) as u32).min(count - 1)
    }
}
