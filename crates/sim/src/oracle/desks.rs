//! Operators, as seen from outside: whether the phone is there, on which leg it is, and what the core calls it.

use super::{Broken, Oracle};
use acd::{Input, LegId, OperatorId, OperatorState, OperatorView, Timestamp};

/// One operator's desk.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    phone: bool,
    leg: Option<LegId>,
    state: OperatorState,
    /// The wrap-up must not be cut short before this.
    wrap_up_until: Timestamp,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            phone: false,
            leg: None,
            state: OperatorState::SignedOff,
            wrap_up_until: Timestamp::default(),
        }
    }
}

/// What a desk is told by an input.
#[derive(Clone, Copy)]
pub(super) enum Told {
    Phone(bool),
    /// The operator ends the wrap-up.
    Done,
}

impl Desk {
    pub(super) fn told(&mut self, told: Told, now: Timestamp) {
        match told {
            Told::Phone(there) => self.phone = there,
            Told::Done => self.wrap_up_until = self.wrap_up_until.min(now),
        }
    }

    pub(super) fn leg(&self) -> Option<LegId> {
        self.leg
    }

    pub(super) fn has_deadline(&self) -> bool {
        matches!(
            self.state,
            OperatorState::Reserved { .. } | OperatorState::WrapUp { .. }
        )
    }

    pub(super) fn agrees(&self, view: &OperatorView) -> bool {
        self.state == view.state && self.phone == view.phone
    }
}

impl Oracle {
    /// The desk an input is about, and what it is told.
    pub(super) fn desk_told(&mut self, input: &Input) -> Option<(&mut Desk, Told)> {
        let (operator, told) = match *input {
            Input::PhoneRegistered { operator } => (operator, Told::Phone(true)),
            Input::PhoneUnregistered { operator } => (operator, Told::Phone(false)),
            Input::Ready { operator } | Input::Pause { operator, .. } | Input::SignOff { operator } => {
                (operator, Told::Done)
            }
            _ => return None,
        };
        Some((self.desks.get_mut(operator.0 as usize)?, told))
    }

    /// Whom the core calls available.
    pub(super) fn free_operators(&self) -> Vec<OperatorId> {
        let desks = (0..).map(OperatorId).zip(&self.desks);
        desks
            .filter(|(_, desk)| desk.state == OperatorState::Available)
            .map(|(operator, _)| operator)
            .collect()
    }

    pub(super) fn desk_dialled(&mut self, operator: OperatorId, leg: LegId) -> Result<(), Broken> {
        let now = self.now;
        let Some(desk) = self.desks.get_mut(operator.0 as usize) else {
            return Err(("one call", format!("operator {} does not exist", operator.0)));
        };
        let (busy, phone, until, state) = (desk.leg.replace(leg), desk.phone, desk.wrap_up_until, desk.state);
        self.check(busy.is_none(), "one call", || {
            format!(
                "operator {} is on leg {busy:?} and leg {leg} is dialled",
                operator.0
            )
        })?;
        self.check(phone, "operators", || {
            format!("operator {} has no phone for leg {leg}", operator.0)
        })?;
        let reserved = matches!(state, OperatorState::Reserved { leg: held, .. } if held == leg);
        self.check(reserved, "operators", || {
            format!("operator {} is {state:?}, not reserved", operator.0)
        })?;
        self.check(until <= now, "wrap-up", || {
            format!(
                "operator {} is in wrap-up until {until:?} and leg {leg} is dialled",
                operator.0
            )
        })
    }

    pub(super) fn desk_leg_over(&mut self, operator: OperatorId, leg: LegId) {
        if let Some(desk) = self
            .desks
            .get_mut(operator.0 as usize)
            .filter(|desk| desk.leg == Some(leg))
        {
            desk.leg = None;
        }
    }

    pub(super) fn operator_changed(
        &mut self,
        operator: OperatorId,
        state: OperatorState,
    ) -> Result<(), Broken> {
        let now = self.now;
        let Some(desk) = self.desks.get_mut(operator.0 as usize) else {
            return Err(("one call", format!("operator {} does not exist", operator.0)));
        };
        let before = std::mem::replace(&mut desk.state, state);
        let from_available = matches!(before, OperatorState::Available);
        let (leg, wrap_up_until) = (desk.leg, desk.wrap_up_until);
        match state {
            OperatorState::Reserved { until, .. } => {
                self.check(from_available && until > now, "operators", || {
                    format!("operator {} is reserved, but was {before:?}", operator.0)
                })
            }
            OperatorState::Talking { leg: talks } => self.check(leg == Some(talks), "one call", || {
                format!(
                    "operator {} talks on {talks}, the phone is on {leg:?}",
                    operator.0
                )
            }),
            OperatorState::WrapUp { until, .. } => {
                desk.wrap_up_until = until;
                let least = match before {
                    OperatorState::WrapUp { until: before, .. } => before,
                    _ => now + self.wrap_up_min(),
                };
                self.check(until >= least, "wrap-up", || {
                    format!(
                        "operator {} gets wrap-up until {until:?}, due until {least:?}",
                        operator.0
                    )
                })
            }
            OperatorState::Available => self.check(wrap_up_until <= now, "wrap-up", || {
                format!(
                    "operator {} is available before the wrap-up's end {wrap_up_until:?}",
                    operator.0
                )
            }),
            OperatorState::SignedOff | OperatorState::Paused { .. } => Ok(()),
        }
    }

    /// The least wrap-up any queue gives; which queue a call came from is known no more when it is over.
    fn wrap_up_min(&self) -> std::time::Duration {
        self.config
            .queues
            .iter()
            .map(|queue| queue.wrap_up)
            .min()
            .unwrap_or_default()
    }
}
