//! What waits to be written.

use crate::Refused;
use crate::rows::{CallRow, FormRow, LegRow, Row, TalkRow};
use crate::store::Write;
use crate::task::Reply;
use acd::{CallId, LegId, Timestamp};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::sync::Arc;

/// Rows, joined as they come, and what is answered when it is on the disk.
#[derive(Default)]
pub(crate) struct Pending {
    calls: BTreeMap<CallId, CallRow>,
    talks: BTreeMap<(CallId, Arc<str>), TalkRow>,
    legs: BTreeMap<LegId, LegRow>,
    forms: Vec<(CallId, FormRow, Reply<()>)>,
    reached: Vec<(Arc<str>, Arc<str>, Reply<()>)>,
}

impl Pending {
    pub(crate) fn rows(&self) -> usize {
        self.calls.len() + self.talks.len() + self.legs.len()
    }

    pub(crate) fn forms(&self) -> usize {
        self.forms.len()
    }

    /// Whether somebody waits for an answer.
    pub(crate) fn is_urgent(&self) -> bool {
        !self.forms.is_empty() || !self.reached.is_empty()
    }

    /// Whether an operator is known to have had a call.
    pub(crate) fn has_talk(&self, call: CallId, operator: &Arc<str>) -> bool {
        self.talks.contains_key(&(call, operator.clone()))
    }

    pub(crate) fn add(&mut self, row: Row) {
        match row {
            Row::Call(row) => match self.calls.entry(row.call) {
                Occupied(mut there) => there.get_mut().join(row),
                Vacant(free) => drop(free.insert(row)),
            },
            Row::Talk(row) => match self.talks.entry((row.call, row.operator.clone())) {
                Occupied(mut there) => there.get_mut().join(row),
                Vacant(free) => drop(free.insert(row)),
            },
            Row::Leg(row) => match self.legs.entry(row.leg) {
                Occupied(mut there) => there.get_mut().join(row),
                Vacant(free) => drop(free.insert(row)),
            },
        }
    }

    pub(crate) fn add_form(&mut self, call: CallId, row: FormRow, reply: Reply<()>) {
        self.forms.push((call, row, reply));
    }

    pub(crate) fn add_reached(&mut self, caller: Arc<str>, by: Arc<str>, reply: Reply<()>) {
        self.reached.push((caller, by, reply));
    }

    /// Callers who were reached by hand.
    pub(crate) fn callers_reached(&self) -> impl Iterator<Item = &str> {
        self.reached.iter().map(|(caller, ..)| &**caller)
    }

    /// Gives the rows up.
    pub(crate) fn forget(&mut self) {
        self.calls.clear();
        self.talks.clear();
        self.legs.clear();
    }

    /// All of it, as it is to be written at `now`; nothing is missing `through` then.
    pub(crate) fn write(&self, now: Timestamp, through: Option<Timestamp>) -> Write<'_> {
        let reached = self.reached.iter();
        Write {
            calls: self.calls.values().collect(),
            talks: self.talks.values().collect(),
            legs: self.legs.values().collect(),
            forms: self.forms.iter().map(|(call, row, _)| (*call, row)).collect(),
            reached: reached.map(|(caller, by, _)| (&**caller, now, &**by)).collect(),
            through,
        }
    }

    /// Answers those who wait. Gives back the rows if they could not be written.
    pub(crate) fn answer(self, result: Result<(), Refused>) -> Self {
        let forms = self.forms.into_iter().map(|(_, _, reply)| reply);
        let reached = self.reached.into_iter().map(|(_, _, reply)| reply);
        for reply in forms.chain(reached) {
            let _ = reply.send(result);
        }
        match result {
            Ok(()) => Self::default(),
            Err(_) => Self {
                calls: self.calls,
                talks: self.talks,
                legs: self.legs,
                ..Self::default()
            },
        }
    }
}
