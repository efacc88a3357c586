//! How calls end, as seen from outside: one outcome each, the right one, with nothing left behind.

use super::calls::{Call, Place, Stands};
use super::{Broken, Oracle, words};
use acd::{CallId, Event, GoneCause, Input, LegId, Outcome, Timestamp};
use std::time::Duration;

/// A last word or an offer is over after this long at the latest, since it began or was heard out.
const LAST_WORD_MAX: Duration = Duration::from_secs(30);

impl Oracle {
    pub(super) fn ended(&mut self, input: &Input, event: &Event) -> Result<(), Broken> {
        let Event::CallEnded {
            call: id,
            outcome,
            waited,
            talked,
            place_kept,
            ..
        } = *event
        else {
            return Ok(());
        };
        let now = self.now;
        let Some(call) = self.calls.get(&id).cloned() else {
            return Err(("one outcome", format!("call {id} ends and is not there")));
        };
        self.off_lists(call.queue, call.ticket, id);
        if call.line {
            self.line_back(call.queue);
        }
        let outside = self.outside.iter().filter(|leg| leg.call == id).count();
        let open = self.open_legs(id).count() + outside;
        self.check(open == 0, "nothing leaks", || {
            format!("call {id} ends and {open} of its phones do not")
        })?;
        let expected = match self.lapses(id, &call) {
            true if outcome == Outcome::TimedOut => Some(outcome),
            _ => self.outcome_of(input, id, &call),
        };
        let (until, talking) = match call.stands {
            Stands::Talking { since, .. } => (since, now.since(since)),
            Stands::Leaving { since, .. } | Stands::Forwarded { since, .. } => (since, Duration::ZERO),
            _ => (now, Duration::ZERO),
        };
        let right = expected == Some(outcome) && waited == until.since(call.arrived) && talked == talking;
        self.check(right, "outcome", || {
            format!(
                "call {id} ends {outcome:?} after waiting {}, talking {}; expected {expected:?}",
                words(waited),
                words(talked)
            )
        })?;
        if outcome == Outcome::Abandoned && id.is_call_back() {
            self.withdrawn = Some(call.ticket);
        } else if id.is_call_back() {
            self.give_up_promise(id);
        }
        self.calls.remove(&id);
        self.place_of(input, (id, &call), outcome, place_kept)
    }

    /// The outcome of a call that ends now; none if it has no cause to.
    fn outcome_of(&self, input: &Input, id: CallId, call: &Call) -> Option<Outcome> {
        let now = self.now;
        match call.stands {
            Stands::Talking { .. } => return Some(Outcome::Answered),
            Stands::Leaving { outcome, .. } | Stands::Forwarded { outcome, .. } => return Some(outcome),
            Stands::CallingBack { .. } => return Some(Outcome::Failed),
            Stands::Queued | Stands::Admitted | Stands::Ringing { .. } => {}
        }
        if id.is_call_back() {
            // Its caller called again.
            let again = matches!(*input, Input::CallArrived { queue, trunk, caller, .. }
                if call.owner() == (trunk, queue, caller));
            return again.then_some(Outcome::Abandoned);
        }
        let config = &self.config.queues[call.queue.0 as usize];
        match *input {
            Input::CallArrived { .. } if self.draining => Some(Outcome::Rejected),
            Input::CallArrived { .. } => {
                let others = self
                    .calls
                    .keys()
                    .filter(|other| !other.is_call_back() && **other != id);
                (others.count() >= self.config.calls_max as usize).then_some(Outcome::Saturated)
            }
            Input::CallerGone { call: gone, cause } if gone == id => Some(match cause {
                GoneCause::Failed => Outcome::Failed,
                GoneCause::HungUp if now.since(call.arrived) < config.short_abandon => {
                    Outcome::ShortAbandoned
                }
                GoneCause::HungUp => Outcome::Abandoned,
            }),
            Input::LegFailed { leg, .. } | Input::LegGone { leg } if leg == LegId::caller(id) => {
                Some(Outcome::Failed)
            }
            Input::HangUpAll => Some(Outcome::Rejected),
            _ => None,
        }
    }

    /// Whether a call-back that waits has waited for as long as it may.
    fn lapses(&self, id: CallId, call: &Call) -> bool {
        let offer = self.config.queues[call.queue.0 as usize].call_back;
        let over = offer.is_some_and(|offer| call.arrived + offer.within <= self.now);
        id.is_call_back() && call.waits() && over
    }

    /// Whoever was dropped while waiting finds the place kept, as does who was not reached; nobody else.
    fn place_of(
        &mut self,
        input: &Input,
        (id, call): (CallId, &Call),
        outcome: Outcome,
        place_kept: bool,
    ) -> Result<(), Broken> {
        let grace = self.config.queues[call.queue.0 as usize].place_grace;
        let waited = call.waits() || matches!(call.stands, Stands::CallingBack { .. });
        let dropped = match outcome {
            Outcome::Abandoned => !id.is_call_back(),
            Outcome::ShortAbandoned | Outcome::Failed => true,
            Outcome::Rejected => matches!(input, Input::HangUpAll),
            _ => false,
        };
        let may = waited && dropped && !grace.is_zero() && !call.caller.is_withheld();
        let right = if place_kept {
            may
        } else {
            !(may && self.place_free())
        };
        self.check(right, "places", || {
            format!("call {id} ends {outcome:?}, place kept {place_kept}, to be kept {may}")
        })?;
        if place_kept {
            let place = Place {
                since: call.since,
                lapses: Some(self.now + grace),
            };
            self.places
                .entry(call.owner())
                .or_default()
                .insert(call.ticket, place);
        }
        Ok(())
    }

    /// Waits that should have ended.
    pub(super) fn overrun(&mut self) -> Result<(), Broken> {
        let now = self.now;
        for kept in self.places.values_mut() {
            kept.retain(|_, place| place.lapses.is_none_or(|lapses| lapses >= now));
        }
        self.places.retain(|_, kept| !kept.is_empty());
        let late = self.calls.iter().find_map(|(id, call)| {
            let (since, limit) = self.limit(*id, call)?;
            (now.since(since) >= limit && since < now).then_some((*id, call.stage(), now.since(since)))
        });
        self.check(late.is_none(), "every wait ends", || format!("{late:?}"))
    }

    /// Since when a call waits for what it waits for, and for how long it may.
    fn limit(&self, id: CallId, call: &Call) -> Option<(Timestamp, Duration)> {
        let config = self.config.queues.get(call.queue.0 as usize)?;
        let call_back = config.call_back.unwrap_or_default();
        Some(match call.stands {
            Stands::Queued | Stands::Admitted if id.is_call_back() => (call.arrived, call_back.within),
            Stands::Queued | Stands::Admitted => (call.arrived, config.wait_max),
            Stands::Ringing { since } => (since, config.ring_timeout),
            Stands::CallingBack { since, .. } => (since, call_back.ring_timeout),
            Stands::Leaving { .. } => match call.forward {
                Some((_, leg)) if self.outside.contains(&leg) => (call.spoken, config.forward_timeout),
                _ => (call.spoken, LAST_WORD_MAX),
            },
            Stands::Talking { .. } | Stands::Forwarded { .. } => return None,
        })
    }
}
