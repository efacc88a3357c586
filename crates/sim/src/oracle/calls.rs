//! Callers, as seen from outside: where each stands, and what may happen next.

use super::{Broken, Oracle, words};
use acd::{CallId, CallerNumber, Input, LegId, OperatorId, Outcome, QueueId, Stage, Timestamp, TrunkId, Why};
use std::time::Duration;

/// A call that is not over.
pub(super) struct Call {
    queue: QueueId,
    trunk: TrunkId,
    caller: CallerNumber,
    pub(super) ticket: u64,
    arrived: Timestamp,
    /// Whether it holds a line.
    line: bool,
    answered: bool,
    early: bool,
    /// Whether the conversation is on hold, as told.
    held: bool,
    legs: u32,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Queued,
    Admitted,
    Ringing {
        leg: LegId,
        operator: OperatorId,
        since: Timestamp,
    },
    Talking {
        operator: OperatorId,
        since: Timestamp,
    },
    Leaving {
        since: Timestamp,
    },
}

/// A place kept for a caller.
pub(super) struct Place {
    lapses: Timestamp,
}

impl Call {
    pub(super) fn stage(&self) -> Stage {
        match self.standing {
            Standing::Queued => Stage::Queued,
            Standing::Admitted => Stage::Admitted,
            Standing::Ringing { operator, .. } => Stage::Ringing { operator },
            Standing::Talking { operator, since } => Stage::Talking {
                operator,
                connected: since,
                held: self.held,
            },
            Standing::Leaving { .. } => Stage::Leaving,
        }
    }
}

/// A last word is cut off after this long at the latest.
const LAST_WORD_MAX: Duration = Duration::from_secs(60);

impl Oracle {
    pub(super) fn arrived(
        &mut self,
        input: &Input,
        id: CallId,
        ticket: u64,
        resumed: bool,
    ) -> Result<(), Broken> {
        let Input::CallArrived {
            call,
            queue,
            trunk,
            caller,
            ..
        } = *input
        else {
            return Err(("one outcome", format!("call {id} arrived, but nobody called")));
        };
        self.check(call == id && !self.calls.contains_key(&id), "one outcome", || {
            format!("call {id} arrived twice, or in place of {call}")
        })?;
        self.claim(trunk, queue, caller, ticket, resumed)?;
        let call = Call {
            queue,
            trunk,
            caller,
            ticket,
            arrived: self.now,
            line: false,
            answered: false,
            early: false,
            held: false,
            legs: 0,
            standing: Standing::Queued,
        };
        self.calls.insert(id, call);
        self.queued.insert((ticket, id));
        Ok(())
    }

    /// That a ticket is new, or the oldest kept for this caller; and that a place kept is not passed over.
    fn claim(
        &mut self,
        trunk: TrunkId,
        queue: QueueId,
        caller: CallerNumber,
        ticket: u64,
        resumed: bool,
    ) -> Result<(), Broken> {
        let (now, key) = (self.now, (trunk, queue, caller));
        let mut kept = self.places.remove(&key).unwrap_or_default();
        // At the very moment a place lapses, either reading is right.
        kept.retain(|_, place| place.lapses >= now);
        let oldest = kept
            .first_key_value()
            .map(|(ticket, place)| (*ticket, place.lapses));
        if resumed {
            self.check(oldest.is_some_and(|(kept, _)| kept == ticket), "places", || {
                format!("ticket {ticket} was given back, kept for this caller is {oldest:?}")
            })?;
            kept.remove(&ticket);
        } else {
            let room = self.calls.len() < self.config.calls_max as usize && !self.draining;
            let lost = room && oldest.is_some_and(|(_, lapses)| lapses > now);
            self.check(!lost, "places", || {
                format!("ticket {ticket} is new, though {oldest:?} was kept")
            })?;
            self.check(ticket > self.ticket_max, "fifo", || {
                format!("new ticket {ticket} is not above {}", self.ticket_max)
            })?;
            self.ticket_max = ticket;
        }
        if !kept.is_empty() {
            self.places.insert(key, kept);
        }
        Ok(())
    }

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

    pub(super) fn play(&mut self, id: CallId, input: &Input) -> Result<(), Broken> {
        let put_on_hold = matches!(input, Input::LegHeld { leg, held: true } if leg.call == id);
        let call = self.live(id)?;
        let waits = !matches!(call.standing, Standing::Talking { .. });
        let hears = (call.answered || call.early) && (waits || put_on_hold);
        self.check(hears, "signalling", || {
            format!("call {id} is played to, but does not listen")
        })
    }

    pub(super) fn admit(&mut self, id: CallId) -> Result<(), Broken> {
        let lines = self.lines_in_force();
        let in_use = self.lines_in_use;
        let call = self.live(id)?;
        let (queue, ticket, waits) = (call.queue, call.ticket, call.standing == Standing::Queued);
        call.standing = Standing::Admitted;
        call.line = true;
        self.check(waits, "one place", || {
            format!("call {id} is given a line and did not wait for one")
        })?;
        let first = self.queued.first().copied();
        self.check(first == Some((ticket, id)), "fifo", || {
            format!("call {id} (ticket {ticket}) is given a line before {first:?}")
        })?;
        self.check(in_use < lines, "capacity", || {
            format!("a line beyond the {lines} in force")
        })?;
        self.lines_in_use += 1;
        self.queued.remove(&(ticket, id));
        self.waiting_in(queue).insert((ticket, id));
        Ok(())
    }

    pub(super) fn dial(&mut self, leg: LegId, operator: OperatorId) -> Result<(), Broken> {
        let now = self.now;
        let call = self.live(leg.call)?;
        let (queue, ticket) = (call.queue, call.ticket);
        let right = call.standing == Standing::Admitted && leg.leg == call.legs + 1;
        call.legs = leg.leg;
        call.standing = Standing::Ringing {
            leg,
            operator,
            since: now,
        };
        self.check(right, "one place", || {
            format!("leg {leg} is dialled for a call that does not wait for it")
        })?;
        let older = self.older_for(operator, ticket);
        self.check(older.is_none(), "fifo", || {
            format!("call {} (ticket {ticket}) is assigned before {older:?}", leg.call)
        })?;
        self.waiting_in(queue).remove(&(ticket, leg.call));
        self.legs.insert(leg, operator);
        self.desk_dialled(operator, leg)
    }

    pub(super) fn assigned(&mut self, id: CallId, leg: LegId, why: &Why) -> Result<(), Broken> {
        let call = self.live(id)?;
        let (ticket, waiting) = (call.ticket, call.standing == Standing::Admitted);
        self.check(
            leg.call == id && waiting && why.ticket == ticket && why.eligible > 0,
            "explained",
            || format!("call {id} with ticket {ticket} is assigned to leg {leg} because of {why:?}"),
        )
    }

    /// The oldest call with a line, older than `ticket`, that `operator` could have taken.
    fn older_for(&self, operator: OperatorId, ticket: u64) -> Option<(u64, CallId)> {
        let queues = (0..)
            .map(QueueId)
            .zip(&self.admitted)
            .filter(|(queue, _)| self.serves(operator, *queue));
        queues
            .filter_map(|(_, waiting)| waiting.first().copied())
            .filter(|(other, _)| *other < ticket)
            .min()
    }

    /// A phone's leg is over, whoever ended it.
    pub(super) fn leg_over(&mut self, leg: LegId) {
        if let Some(operator) = self.legs.remove(&leg) {
            self.desk_leg_over(operator, leg);
        }
    }

    pub(super) fn returned(&mut self, id: CallId) -> Result<(), Broken> {
        let call = self.live(id)?;
        let (queue, ticket) = (call.queue, call.ticket);
        let Standing::Ringing { leg, .. } = call.standing else {
            return Err((
                "one place",
                format!("call {id} comes back, but no phone rang for it"),
            ));
        };
        call.standing = Standing::Admitted;
        self.waiting_in(queue).insert((ticket, id));
        let open = self.legs.contains_key(&leg);
        self.check(!open, "one place", || {
            format!("call {id} comes back while leg {leg} still rings")
        })
    }

    pub(super) fn bridge(&mut self, leg: LegId, input: &Input) -> Result<(), Broken> {
        let now = self.now;
        let call = self.live(leg.call)?;
        let (answered, standing, legs) = (call.answered, call.standing, call.legs);
        let (rings, operator) = match standing {
            Standing::Ringing { leg, operator, .. } => (leg, operator),
            Standing::Talking { .. } => {
                let taken_back =
                    matches!(input, Input::LegHeld { leg: back, held: false } if back.call == leg.call);
                return self.check(taken_back && leg.leg == legs, "one place", || {
                    format!("leg {leg} is bridged again, and was not on hold")
                });
            }
            _ => {
                return Err((
                    "one place",
                    format!("leg {leg} is bridged, but its call is elsewhere"),
                ));
            }
        };
        call.standing = Standing::Talking { operator, since: now };
        let picked_up = matches!(input, Input::LegAnswered { leg: answered } if *answered == leg);
        self.check(rings == leg && picked_up && answered, "one place", || {
            format!("leg {leg} is bridged; rings {rings}, picked up {picked_up}, caller answered {answered}")
        })
    }

    pub(super) fn connected(&mut self, id: CallId, waited: Duration) -> Result<(), Broken> {
        let now = self.now;
        let call = self.live(id)?;
        let right = matches!(call.standing, Standing::Talking { .. }) && waited == now.since(call.arrived);
        self.check(right, "outcome", || {
            format!("call {id} connected after {}, which it was not", words(waited))
        })
    }

    pub(super) fn held(&mut self, id: CallId, held: bool) -> Result<(), Broken> {
        let call = self.live(id)?;
        let changed = std::mem::replace(&mut call.held, held) != held;
        let right = changed && matches!(call.standing, Standing::Talking { .. });
        self.check(right, "one place", || {
            format!("call {id} is said to be on hold: {held}, again or not connected")
        })
    }

    pub(super) fn hang_up(&mut self, leg: LegId) -> Result<(), Broken> {
        if !leg.is_caller() {
            self.leg_over(leg);
            return Ok(());
        }
        let answered = self.live(leg.call)?.answered;
        self.check(answered, "signalling", || {
            format!("call {} is hung up before its answer", leg.call)
        })
    }

    pub(super) fn leaving(&mut self, id: CallId) -> Result<(), Broken> {
        let now = self.now;
        let call = self.live(id)?;
        let (queue, ticket) = (call.queue, call.ticket);
        let waited = matches!(call.standing, Standing::Queued | Standing::Admitted);
        call.standing = Standing::Leaving { since: now };
        self.queued.remove(&(ticket, id));
        self.waiting_in(queue).remove(&(ticket, id));
        self.check(waited, "one place", || {
            format!("call {id} leaves a queue it is not in")
        })
    }

    pub(super) fn ended(
        &mut self,
        id: CallId,
        outcome: Outcome,
        waited: Duration,
        talked: Duration,
        place_kept: bool,
    ) -> Result<(), Broken> {
        let now = self.now;
        let Some(call) = self.calls.remove(&id) else {
            return Err(("one outcome", format!("call {id} ends and is not there")));
        };
        self.queued.remove(&(call.ticket, id));
        self.waiting_in(call.queue).remove(&(call.ticket, id));
        self.lines_in_use -= u32::from(call.line);
        let mine = self
            .legs
            .range(
                LegId::caller(id)..=LegId {
                    call: id,
                    leg: u32::MAX,
                },
            )
            .count();
        self.check(mine == 0, "nothing leaks", || {
            format!("call {id} ends and {mine} of its phones do not")
        })?;
        let (was, since) = match call.standing {
            Standing::Talking { since, .. } => (Outcome::Answered, since),
            _ => (outcome, now),
        };
        let until_left = match call.standing {
            Standing::Leaving { since } => since,
            _ => since,
        };
        let right = was == outcome
            && (outcome != Outcome::Answered || matches!(call.standing, Standing::Talking { .. }))
            && waited == until_left.since(call.arrived)
            && talked == now.since(since);
        self.check(right, "outcome", || {
            format!(
                "call {id} ends {outcome:?} after waiting {}, talking {}",
                words(waited),
                words(talked)
            )
        })?;
        if place_kept && let Some(config) = self.config.queues.get(call.queue.0 as usize) {
            let place = Place {
                lapses: now + config.place_grace,
            };
            self.places
                .entry((call.trunk, call.queue, call.caller))
                .or_default()
                .insert(call.ticket, place);
        }
        Ok(())
    }

    /// Waits that should have ended.
    pub(super) fn overrun(&mut self) -> Result<(), Broken> {
        let now = self.now;
        let late = self.calls.iter().find_map(|(id, call)| {
            let config = self.config.queues.get(call.queue.0 as usize)?;
            let (since, limit) = match call.standing {
                Standing::Queued | Standing::Admitted => (call.arrived, config.wait_max),
                Standing::Ringing { since, .. } => (since, config.ring_timeout),
                Standing::Leaving { since } => (since, LAST_WORD_MAX),
                Standing::Talking { .. } => return None,
            };
            (now.since(since) >= limit && since < now).then_some((*id, call.stage(), now.since(since)))
        });
        self.check(late.is_none(), "every wait ends", || format!("{late:?}"))
    }

    fn live(&mut self, id: CallId) -> Result<&mut Call, Broken> {
        self.calls
            .get_mut(&id)
            .ok_or(("one outcome", format!("call {id} is over, or never was")))
    }

    fn waiting_in(&mut self, queue: QueueId) -> &mut std::collections::BTreeSet<(u64, CallId)> {
        let index = (queue.0 as usize).min(self.admitted.len().saturating_sub(1));
        &mut self.admitted[index]
    }
}
