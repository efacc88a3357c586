//! Who gets which operator, as seen from outside: every call that waits against every operator who is free.

use super::lines::Standing;
use super::{Broken, Oracle};
use acd::{CallId, LegId, OperatorId, RING_ALL_MAX, Strategy, Why};
use std::collections::BTreeSet;

/// The phones that ring for one call from one moment on.
pub(super) struct Round {
    call: CallId,
    level: u8,
    /// Operators whose phones may ring for it besides those that do.
    more: BTreeSet<OperatorId>,
    rung: usize,
    /// Whether all of them must.
    all: bool,
}

impl Oracle {
    /// How much an operator prefers a call, if he may take it.
    fn level(&self, operator: OperatorId, id: CallId) -> Option<u8> {
        let call = self.calls.get(&id)?;
        let queue = self.config.queues.get(call.queue.0 as usize)?;
        let config = self.config.operators.get(operator.0 as usize)?;
        let relaxed = !queue.relax_after.is_zero() && self.now.since(call.since) >= queue.relax_after;
        if !relaxed && !config.skills.cover(queue.skills.and(call.skills)) {
            return None;
        }
        if config.queues.is_empty() {
            return Some(0);
        }
        let listed = config.queues.iter().position(|queue| *queue == call.queue.0)?;
        Some(config.levels.get(listed).copied().unwrap_or(0))
    }

    /// All who wait for an operator and whose turn may come.
    fn waiting_for_operator(&self) -> impl Iterator<Item = CallId> {
        let all = self.admitted.iter().flatten().map(|(_, id)| *id);
        all.filter(|id| !(self.draining && id.is_call_back()))
    }

    /// The call that is to be served next by those who are free, with the level at which it is.
    fn next_to_serve(&self, free: &[OperatorId]) -> Option<(u8, Standing)> {
        let best = |id: CallId| {
            let level = free
                .iter()
                .filter_map(|operator| self.level(*operator, id))
                .min()?;
            Some((level, self.standing(id)?))
        };
        self.waiting_for_operator().filter_map(best).min()
    }

    pub(super) fn assigned(&mut self, id: CallId, leg: LegId, why: &Why) -> Result<(), Broken> {
        let goes_on = self.round.as_ref().is_some_and(|round| round.call == id);
        let call = self.live(id)?;
        let (ticket, waits) = (call.ticket, call.waits_for_operator() || goes_on);
        self.check(
            leg.call == id && waits && why.ticket == ticket && why.eligible > 0,
            "explained",
            || format!("call {id} with ticket {ticket} is assigned to leg {leg} because of {why:?}"),
        )
    }

    pub(super) fn dial(&mut self, leg: LegId, operator: OperatorId) -> Result<(), Broken> {
        let (id, now) = (leg.call, self.now);
        self.round_over(Some(id))?;
        let goes_on = self.round.is_some();
        let call = self.live(id)?;
        let (queue, ticket) = (call.queue, call.ticket);
        let right = (call.waits_for_operator() || goes_on) && leg.leg == call.legs + 1;
        self.check(right, "one place", || {
            format!("leg {leg} is dialled for a call that does not wait for it")
        })?;
        self.check(!(self.draining && id.is_call_back()), "call-backs", || {
            format!("call-back {id} is assigned while the engine stops")
        })?;
        match self.level(operator, id) {
            None => {
                return Err((
                    "skills",
                    format!("operator {} may not take call {id}", operator.0),
                ));
            }
            Some(level) if goes_on => self.rings_too(operator, level)?,
            Some(level) => self.rings_first(id, operator, level)?,
        }
        self.desk_dialled(operator, leg)?;
        self.admitted[queue.0 as usize].remove(&(ticket, id));
        self.legs.insert(leg, operator);
        self.live(id)?.rings(leg, operator, now);
        Ok(())
    }

    /// The first phone of a round: it must be this call's turn, and this operator's.
    fn rings_first(&mut self, id: CallId, operator: OperatorId, level: u8) -> Result<(), Broken> {
        let mut free = self.free_operators();
        free.push(operator);
        let next = self.next_to_serve(&free);
        let mine = self.standing(id);
        let in_turn = next.map(|(_, standing)| standing) == mine;
        let older = next.is_some_and(|(at, standing)| at >= level && Some(standing) < mine);
        let rule = if older { "fifo" } else { "levels" };
        self.check(in_turn && next.is_some_and(|(at, _)| at == level), rule, || {
            format!(
                "call {id} is assigned to operator {} (level {level}) before {next:?}",
                operator.0
            )
        })?;
        let queue = self.live(id)?.queue;
        let config = &self.config.queues[queue.0 as usize];
        let ring_all = config.strategy == Strategy::RingAll;
        // A caller's favourite operator is rung alone; whose favourite is who is not judged.
        let all = ring_all && config.sticky.is_zero();
        let mut more: BTreeSet<OperatorId> = free
            .into_iter()
            .filter(|other| ring_all && self.level(*other, id) == Some(level))
            .collect();
        more.remove(&operator);
        self.round = Some(Round {
            call: id,
            level,
            more,
            rung: 1,
            all,
        });
        Ok(())
    }

    /// One more phone rings for the same call.
    fn rings_too(&mut self, operator: OperatorId, level: u8) -> Result<(), Broken> {
        let Some(round) = &mut self.round else {
            return Ok(());
        };
        let may = round.more.remove(&operator) && round.level == level && round.rung < RING_ALL_MAX;
        round.rung += 1;
        self.check(may, "ring all", || {
            format!("the phone of operator {} rings too, and should not", operator.0)
        })
    }

    /// No more phones ring from now on, unless for `still`: if all should, all must.
    pub(super) fn round_over(&mut self, still: Option<CallId>) -> Result<(), Broken> {
        if self.round.as_ref().is_some_and(|round| Some(round.call) == still) {
            return Ok(());
        }
        let Some(round) = self.round.take() else {
            return Ok(());
        };
        let missed = round.all && !round.more.is_empty() && round.rung < RING_ALL_MAX;
        self.check(!missed, "ring all", || {
            format!(
                "for call {} the phones of {:?} should ring too",
                round.call, round.more
            )
        })
    }

    /// No operator may be free while a call that could be taken waits with a line.
    pub(super) fn nobody_waits_for_a_free_operator(&mut self) -> Result<(), Broken> {
        if self.admitted.iter().all(BTreeSet::is_empty) {
            return Ok(());
        }
        let free = self.free_operators();
        if free.is_empty() {
            return Ok(());
        }
        let next = self.next_to_serve(&free);
        self.check(next.is_none(), "no idle operator", || {
            format!("an operator is free for call {next:?}, which waits")
        })
    }
}
