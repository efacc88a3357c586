//! Phones, as seen from outside: which ring, which are picked up, and what is said to whom.

use super::calls::Stands;
use super::{Broken, Oracle, words};
use acd::{Audio, CallId, Input, LegId, OperatorId};
use std::time::Duration;

impl Oracle {
    pub(super) fn early_media(&mut self, id: CallId) -> Result<(), Broken> {
        let call = self.live(id)?;
        let fresh = !call.answered && !std::mem::replace(&mut call.early, true);
        self.check(fresh, "signalling", || {
            format!("early media for {id}, which has it or was answered")
        })
    }

    pub(super) fn answer(&mut self, id: CallId) -> Result<(), Broken> {
        let answered = std::mem::replace(&mut self.live(id)?.answered, true);
        self.check(!answered, "signalling", || format!("call {id} is answered twice"))
    }

    pub(super) fn refuse(&mut self, id: CallId) -> Result<(), Broken> {
        let answered = self.live(id)?.answered;
        self.check(!answered, "signalling", || {
            format!("call {id} is refused after its answer")
        })
    }

    pub(super) fn play(&mut self, id: CallId, audio: Audio, input: &Input) -> Result<(), Broken> {
        let now = self.now;
        let put_on_hold = matches!(input, Input::LegHeld { leg, held: true } if leg.call == id);
        let call = self.live(id)?;
        let talks = matches!(
            call.stands,
            Stands::Talking { .. } | Stands::CallingBack { .. } | Stands::Forwarded { .. }
        );
        let listens = !talks && !id.is_call_back();
        let hears = (call.answered || call.early) && (listens || put_on_hold);
        call.spoken = now;
        // Music for a caller who was put on hold takes no offer back.
        if audio != Audio::HoldMusic {
            call.offered = matches!(audio, Audio::LastOffer(_));
        }
        self.check(hears, "signalling", || {
            format!("call {id} is played to, but does not listen")
        })
    }

    /// A prompt was heard to its end.
    pub(super) fn heard(&mut self, id: CallId) {
        let now = self.now;
        if let Some(call) = self.calls.get_mut(&id) {
            call.spoken = now;
        }
    }

    /// A phone's leg is over, whoever ended it.
    pub(super) fn leg_over(&mut self, leg: LegId) {
        self.outside.remove(&leg);
        if let Some(operator) = self.legs.remove(&leg) {
            self.desk_leg_over(operator, leg);
        }
    }

    pub(super) fn returned(&mut self, id: CallId, operator: OperatorId) -> Result<(), Broken> {
        self.round_over(None)?;
        let call = self.live(id)?;
        let (queue, ticket) = (call.queue, call.ticket);
        let rang = call.ringing.iter().position(|(_, rings)| *rings == operator);
        let Some(index) = rang.filter(|_| matches!(call.stands, Stands::Ringing { .. })) else {
            return Err((
                "one place",
                format!(
                    "call {id} comes back from operator {}, whose phone did not ring for it",
                    operator.0
                ),
            ));
        };
        let (leg, _) = call.ringing.remove(index);
        if call.ringing.is_empty() {
            call.stands = Stands::Admitted;
            self.admitted[queue.0 as usize].insert((ticket, id));
        }
        let open = self.legs.contains_key(&leg);
        self.check(!open, "one place", || {
            format!("call {id} comes back while leg {leg} still rings")
        })
    }

    pub(super) fn bridge(&mut self, leg: LegId, input: &Input) -> Result<(), Broken> {
        let now = self.now;
        let picked_up = matches!(input, Input::LegAnswered { leg: answered } if *answered == leg);
        let call = self.live(leg.call)?;
        let (answered, stands) = (call.answered, call.stands);
        match stands {
            Stands::Ringing { .. } => {
                let rings = call.ringing.iter().find(|(rings, _)| *rings == leg);
                let operator = rings.map(|(_, operator)| *operator);
                let right = picked_up && answered && !leg.call.is_call_back();
                self.check(right && operator.is_some(), "one place", || {
                    format!("leg {leg} is bridged; picked up {picked_up}, caller answered {answered}")
                })?;
                self.only_one_rings(leg)?;
                let call = self.live(leg.call)?;
                call.ringing.clear();
                if let Some(operator) = operator {
                    let since = now;
                    call.stands = Stands::Talking { operator, leg, since };
                }
                Ok(())
            }
            Stands::CallingBack {
                operator,
                leg: mine,
                dialled,
                ..
            } => {
                let since = now;
                call.stands = Stands::Talking { operator, leg, since };
                let caller = LegId::caller(leg.call);
                let picked_up = matches!(input, Input::LegAnswered { leg: answered } if *answered == caller);
                self.check(picked_up && dialled && mine == leg, "call-backs", || {
                    format!("leg {leg} is bridged; caller picked up {picked_up}, was dialled {dialled}")
                })
            }
            Stands::Talking { leg: mine, .. } => {
                let taken_back =
                    matches!(input, Input::LegHeld { leg: back, held: false } if back.call == leg.call);
                self.check(taken_back && leg == mine, "one place", || {
                    format!("leg {leg} is bridged again, and was not on hold")
                })
            }
            Stands::Leaving { outcome, since } => {
                let rings = call.forward.is_some_and(|(_, rings)| rings == leg);
                let told = false;
                call.stands = Stands::Forwarded { outcome, since, told };
                self.check(rings && picked_up && answered, "overflow", || {
                    format!("leg {leg} is bridged, and no other place picked up on it")
                })
            }
            _ => Err((
                "one place",
                format!("leg {leg} is bridged, but its call is elsewhere"),
            )),
        }
    }

    /// All other phones that rang for a call have stopped when one is picked up.
    pub(super) fn only_one_rings(&mut self, picked_up: LegId) -> Result<(), Broken> {
        let others = self
            .open_legs(picked_up.call)
            .filter(|leg| *leg != picked_up)
            .count();
        self.check(others == 0, "ring all", || {
            format!("leg {picked_up} was picked up, and {others} phones ring on")
        })
    }

    /// The legs of operators that are not over for a call.
    pub(super) fn open_legs(&self, id: CallId) -> impl Iterator<Item = LegId> {
        let last = LegId {
            call: id,
            leg: u32::MAX,
        };
        self.legs.range(LegId::caller(id)..=last).map(|(leg, _)| *leg)
    }

    pub(super) fn connected(&mut self, id: CallId, waited: Duration) -> Result<(), Broken> {
        let now = self.now;
        let call = self.live(id)?;
        let right = matches!(call.stands, Stands::Talking { .. }) && waited == now.since(call.arrived);
        self.check(right, "outcome", || {
            format!("call {id} connected after {}, which it was not", words(waited))
        })
    }

    pub(super) fn held(&mut self, id: CallId, held: bool) -> Result<(), Broken> {
        let call = self.live(id)?;
        let changed = std::mem::replace(&mut call.held, held) != held;
        let right = changed && matches!(call.stands, Stands::Talking { .. });
        self.check(right, "one place", || {
            format!("call {id} is said to be on hold: {held}, again or not connected")
        })
    }

    pub(super) fn hang_up(&mut self, leg: LegId) -> Result<(), Broken> {
        if !leg.is_caller() || leg.call.is_call_back() {
            self.leg_over(leg);
            return Ok(());
        }
        let answered = self.live(leg.call)?.answered;
        self.check(answered, "signalling", || {
            format!("call {} is hung up before its answer", leg.call)
        })
    }
}
