//! Callers, as seen from outside: who is here with which place, and where each stands.

use super::{Broken, Oracle};
use acd::{CallId, CallerNumber, Event, Input, LegId, OperatorId, Outcome, QueueId, Skills, Stage};
use acd::{Timestamp, TrunkId};

/// A call that is not over.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) queue: QueueId,
    pub(super) trunk: TrunkId,
    pub(super) caller: CallerNumber,
    pub(super) ticket: u64,
    /// When the ticket was drawn.
    pub(super) since: Timestamp,
    pub(super) arrived: Timestamp,
    pub(super) skills: Skills,
    /// Whether it took up a place.
    pub(super) resumed: bool,
    /// Whether it holds a line.
    pub(super) line: bool,
    pub(super) answered: bool,
    pub(super) early: bool,
    /// Whether the conversation is on hold, as told.
    pub(super) held: bool,
    pub(super) legs: u32,
    /// Phones that ring for it, in the order they were dialled.
    pub(super) ringing: Vec<(LegId, OperatorId)>,
    /// The other place whose phone rings or talks.
    pub(super) forward: Option<(u32, LegId)>,
    /// The offer of a call-back was the last that was said.
    pub(super) offered: bool,
    /// When the last thing was said or dialled for it outside.
    pub(super) spoken: Timestamp,
    pub(super) stands: Stands,
}

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    Queued,
    Admitted,
    Ringing {
        since: Timestamp,
    },
    /// The caller of a call-back is being dialled.
    CallingBack {
        operator: OperatorId,
        leg: LegId,
        since: Timestamp,
        dialled: bool,
    },
    Talking {
        operator: OperatorId,
        leg: LegId,
        since: Timestamp,
    },
    Leaving {
        outcome: Outcome,
        since: Timestamp,
    },
    Forwarded {
        outcome: Outcome,
        since: Timestamp,
        told: bool,
    },
}

/// By whom a place is found.
pub(super) type Owner = (TrunkId, QueueId, CallerNumber);

/// A place kept for a caller.
pub(super) struct Place {
    pub(super) since: Timestamp,
    /// When it lapses; none as long as a call-back holds it.
    pub(super) lapses: Option<Timestamp>,
}

impl Call {
    pub(super) fn stage(&self) -> Stage {
        match self.stands {
            Stands::Queued => Stage::Queued,
            Stands::Admitted => Stage::Admitted,
            // Of several the first in the configuration is shown.
            Stands::Ringing { .. } => match self.ringing.iter().map(|(_, operator)| *operator).min() {
                Some(operator) => Stage::Ringing { operator },
                None => Stage::Admitted,
            },
            Stands::CallingBack { operator, .. } => Stage::CallingBack { operator },
            Stands::Talking { operator, since, .. } => Stage::Talking {
                operator,
                connected: since,
                held: self.held,
                third: None,
            },
            Stands::Forwarded { .. } => match self.forward {
                Some((to, leg)) => Stage::Forwarded { to, leg },
                None => Stage::Leaving,
            },
            Stands::Leaving { .. } => Stage::Leaving,
        }
    }

    pub(super) fn owner(&self) -> Owner {
        (self.trunk, self.queue, self.caller)
    }

    pub(super) fn waits_for_line(&self) -> bool {
        self.stands == Stands::Queued
    }

    pub(super) fn waits_for_operator(&self) -> bool {
        self.stands == Stands::Admitted
    }

    /// Whether it waits, or phones of operators ring for it.
    pub(super) fn waits(&self) -> bool {
        matches!(
            self.stands,
            Stands::Queued | Stands::Admitted | Stands::Ringing { .. }
        )
    }

    pub(super) fn admitted(&mut self) {
        self.stands = Stands::Admitted;
        self.line = true;
    }

    pub(super) fn rings(&mut self, leg: LegId, operator: OperatorId, now: Timestamp) {
        self.legs = leg.leg;
        self.ringing.push((leg, operator));
        self.stands = Stands::Ringing { since: now };
    }
}

impl Oracle {
    pub(super) fn arrived(&mut self, input: &Input, event: &Event) -> Result<(), Broken> {
        let Event::CallArrived {
            call: id,
            ticket,
            since,
            resumed,
            ..
        } = *event
        else {
            return Ok(());
        };
        let Input::CallArrived {
            call,
            queue,
            trunk,
            caller,
            skills,
        } = *input
        else {
            return Err(("one outcome", format!("call {id} arrived, but nobody called")));
        };
        self.check(call == id && !self.calls.contains_key(&id), "one outcome", || {
            format!("call {id} arrived twice, or in place of {call}")
        })?;
        self.claim((trunk, queue, caller), ticket, since, resumed)?;
        let (now, stands) = (self.now, Stands::Queued);
        let call = Call {
            queue,
            trunk,
            caller,
            ticket,
            since,
            arrived: now,
            skills,
            resumed,
            line: false,
            answered: false,
            early: false,
            held: false,
            legs: 0,
            ringing: Vec::new(),
            forward: None,
            offered: false,
            spoken: now,
            stands,
        };
        self.calls.insert(id, call);
        self.waiting_line(queue).insert((ticket, id));
        Ok(())
    }

    /// That a ticket is new, or the oldest kept for this caller; and that a place kept is not passed over.
    fn claim(&mut self, owner: Owner, ticket: u64, since: Timestamp, resumed: bool) -> Result<(), Broken> {
        let now = self.now;
        let withdrawn = self.withdrawn.take();
        let mut kept = self.places.remove(&owner).unwrap_or_default();
        // At the very moment a place lapses, either reading is right.
        kept.retain(|_, place| place.lapses.is_none_or(|lapses| lapses >= now));
        let oldest = kept
            .first_key_value()
            .map(|(ticket, place)| (*ticket, place.since, place.lapses));
        if resumed {
            let same = oldest.is_some_and(|(kept, from, _)| (kept, from) == (ticket, since));
            self.check(same, "places", || {
                format!("ticket {ticket} of {since:?} was given back, kept for this caller is {oldest:?}")
            })?;
            let promised = oldest.is_some_and(|(_, _, lapses)| lapses.is_none());
            self.check((withdrawn == Some(ticket)) == promised, "call-backs", || {
                format!("ticket {ticket} was taken up, the call-back withdrawn was {withdrawn:?}")
            })?;
            kept.remove(&ticket);
        } else {
            let lost = self.any_room()
                && !owner.2.is_withheld()
                && oldest.is_some_and(|(_, _, lapses)| lapses.is_none_or(|lapses| lapses > now));
            self.check(!lost && withdrawn.is_none(), "places", || {
                format!("ticket {ticket} is new, though {oldest:?} was kept")
            })?;
            self.check(ticket > self.ticket_max && since == now, "fifo", || {
                format!(
                    "new ticket {ticket} of {since:?} is not above {}",
                    self.ticket_max
                )
            })?;
            self.ticket_max = ticket;
        }
        if !kept.is_empty() {
            self.places.insert(owner, kept);
        }
        Ok(())
    }

    /// Whether one more caller can be here.
    pub(super) fn any_room(&self) -> bool {
        let callers = self.calls.keys().filter(|id| !id.is_call_back()).count();
        callers < self.config.calls_max as usize && !self.draining
    }

    /// The caller said by a key what the operator must know.
    pub(super) fn chose(&mut self, input: &Input, id: CallId, skills: Skills) -> Result<(), Broken> {
        let call = self.live(id)?;
        let listed = call.waits_for_line() || call.waits_for_operator();
        let (queue, changed) = (call.queue, call.skills != skills);
        call.skills = skills;
        let choices = &self.config.queues[queue.0 as usize].choices;
        let means = |digit| {
            choices
                .iter()
                .any(|choice| choice.key == digit && choice.skills == skills)
        };
        let pressed = matches!(*input, Input::Dtmf { call, digit } if call == id && means(digit));
        self.check(pressed && listed && changed, "keys", || {
            format!("call {id} is said to need {skills:?}, which nobody asked for")
        })
    }

    /// A key that means something has its effect, if the call still waits.
    pub(super) fn key_was_heard(&mut self, input: &Input) -> Result<(), Broken> {
        let Input::Dtmf { call: id, digit } = *input else {
            return Ok(());
        };
        let Some(call) = self.calls.get(&id).filter(|_| !id.is_call_back()) else {
            return Ok(());
        };
        let listed = call.waits_for_line() || call.waits_for_operator();
        let config = &self.config.queues[call.queue.0 as usize];
        let choice = config.choices.iter().find(|choice| choice.key == digit);
        let missed = listed && choice.is_some_and(|choice| choice.skills != call.skills);
        self.check(!missed, "keys", || {
            format!("call {id} pressed {digit}, and nothing became of it")
        })?;
        let offers = config.call_back.is_some_and(|offer| offer.key == digit);
        let open = matches!(call.stands, Stands::Leaving { outcome, .. } if outcome != Outcome::Callback);
        let refused = offers && (listed || open && call.offered) && self.must_promise(id);
        self.check(!refused, "call-backs", || {
            format!("call {id} pressed {digit} for a call-back, and none was promised")
        })
    }

    pub(super) fn live(&mut self, id: CallId) -> Result<&mut Call, Broken> {
        self.calls
            .get_mut(&id)
            .ok_or(("one outcome", format!("call {id} is over, or never was")))
    }

    pub(super) fn waiting_line(&mut self, queue: QueueId) -> &mut std::collections::BTreeSet<(u64, CallId)> {
        let index = (queue.0 as usize).min(self.queued.len().saturating_sub(1));
        &mut self.queued[index]
    }

    /// A call waits neither for a line nor for an operator any more.
    pub(super) fn off_lists(&mut self, queue: QueueId, ticket: u64, id: CallId) {
        let index = queue.0 as usize;
        self.queued[index].remove(&(ticket, id));
        self.admitted[index].remove(&(ticket, id));
    }
}
