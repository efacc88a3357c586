//! Operators and their phones: shifts, breaks, wrap-up, and what happens when a phone rings.

use super::World;
use super::agenda::{Failing, Happening};
use crate::oracle::Violation;
use crate::rng::{Purpose, Stream};
use acd::{CallId, Input, LegId, OperatorId, OperatorState, PauseReason, Timestamp};
use std::time::Duration;

/// A phone that was dialled and is not hung up.
pub(super) struct Phone {
    whose: Whose,
    talks: bool,
}

/// Whose phone it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Operator(OperatorId),
    /// The caller's of a call-back.
    Caller,
    /// Another place's.
    Elsewhere,
}

impl Phone {
    /// A phone that begins to ring.
    pub(super) fn ringing(whose: Whose) -> Self {
        Self { whose, talks: false }
    }

    pub(super) fn is_elsewhere(&self) -> bool {
        self.whose == Whose::Elsewhere
    }

    pub(super) fn talks(&self) -> bool {
        self.talks
    }
}

/// An operator.
pub(super) struct Operator {
    seed: u64,
    index: u32,
    /// Habits; drawn anew for every shift, so that one shift does not change the next.
    habits: Stream,
    shift: u32,
    on_duty: bool,
    state: OperatorState,
    /// Counts changes of `state`.
    changes: u32,
    wants_break: bool,
    /// How long the matter in hand takes to record, and until when.
    matter: Duration,
    matter_until: Timestamp,
    phone_there: bool,
}

impl Operator {
    pub(super) fn new(seed: u64, index: u32) -> Self {
        Self {
            seed,
            index,
            habits: Stream::new(seed, Purpose::Operator, u64::from(index) << 32),
            shift: 0,
            on_duty: false,
            state: OperatorState::SignedOff,
            changes: 0,
            wants_break: false,
            matter: Duration::ZERO,
            matter_until: Timestamp::default(),
            phone_there: true,
        }
    }

    fn begin_shift(&mut self) {
        self.shift += 1;
        self.on_duty = true;
        self.wants_break = false;
        let index = u64::from(self.index) << 32 | u64::from(self.shift);
        self.habits = Stream::new(self.seed, Purpose::Operator, index);
    }
}

/// What it takes to record that a caller was not reached.
const NOT_REACHED: Duration = Duration::from_secs(20);

/// Operators press "more time" this long before their wrap-up runs out.
const EXTENDS_BEFORE: Duration = Duration::from_secs(5);

impl World<'_> {
    pub(super) fn plug_phones_in(&mut self) -> Result<(), Violation> {
        for index in 0..self.operators.len() as u32 {
            let operator = OperatorId(index);
            self.tell(Input::PhoneRegistered { operator })?;
            self.plan_phone_loss(operator);
        }
        Ok(())
    }

    /// Plans `happening` after a time drawn by `operator`, unless that never comes.
    fn plan_after(&mut self, after: Option<Duration>, happening: Happening) {
        if let Some(after) = after {
            self.agenda.plan(self.now + after, happening);
        }
    }

    fn plan_phone_loss(&mut self, operator: OperatorId) {
        let lasts = self.faults.phone_lost_every.draw(&mut self.network);
        self.plan_after(lasts, Happening::PhoneLost { operator });
    }

    pub(super) fn staff_happens(&mut self, happening: Happening) -> Result<(), Violation> {
        match happening {
            Happening::RosterChanges => self.roster_changes(),
            Happening::Arrives { operator, shift } => self.arrives(operator, shift),
            Happening::WrapUpDone { operator, call } => self.wrap_up_done(operator, call),
            Happening::WrapUpExtends { operator, call } if self.wraps_up(operator, call) => {
                self.tell(Input::ExtendWrapUp { operator })
            }
            Happening::BreakDue { operator, shift } => self.break_due(operator, shift),
            Happening::BreakBegins { operator } => self.break_begins(operator),
            Happening::Returns { operator, change } => self.returns(operator, change),
            Happening::PhoneRings { leg } if self.phones.contains_key(&leg) => {
                self.tell(Input::LegRinging { leg })
            }
            Happening::PhoneAnswers { leg } if self.phones.contains_key(&leg) => {
                self.tell(Input::LegAnswered { leg })
            }
            Happening::PhoneFails { leg, cause } if self.phones.remove(&leg).is_some() => {
                self.tell(Input::LegFailed {
                    leg,
                    cause: cause.into(),
                })
            }
            Happening::AnswerCrosses { leg } => self.tell(Input::LegAnswered { leg }),
            Happening::PhoneLost { operator } => self.phone_lost(operator),
            Happening::PhoneBack { operator } => self.phone_back(operator),
            _ => Ok(()),
        }
    }

    fn roster_changes(&mut self) -> Result<(), Violation> {
        if self.healing {
            return Ok(());
        }
        if let Some((at, _)) = self.roster.next_change(self.now) {
            self.agenda.plan(at, Happening::RosterChanges);
        }
        let wanted = self.roster.lines_at(self.now);
        for index in 0..self.operators.len() as u32 {
            let (operator, due) = (OperatorId(index), index < wanted);
            let seat = &mut self.operators[index as usize];
            if due && !seat.on_duty {
                seat.begin_shift();
                let staff = &self.scenario.operators;
                let late = seat.habits.chance(staff.late);
                let late_by = staff
                    .late_by
                    .draw(&mut seat.habits)
                    .filter(|_| late)
                    .unwrap_or_default();
                let shift = seat.shift;
                self.agenda
                    .plan(self.now + late_by, Happening::Arrives { operator, shift });
            } else if !due && seat.on_duty {
                seat.on_duty = false;
                self.tell(Input::SignOff { operator })?;
            }
        }
        Ok(())
    }

    fn seat(&mut self, operator: OperatorId) -> &mut Operator {
        &mut self.operators[operator.0 as usize]
    }

    fn at_work(&mut self, operator: OperatorId, shift: u32) -> bool {
        let healing = self.healing;
        let seat = self.seat(operator);
        seat.on_duty && seat.shift == shift && !healing
    }

    fn arrives(&mut self, operator: OperatorId, shift: u32) -> Result<(), Violation> {
        if !self.at_work(operator, shift) {
            return Ok(());
        }
        self.tell(Input::SignOn { operator })?;
        self.tell(Input::Ready { operator })?;
        self.plan_break(operator);
        Ok(())
    }

    fn plan_break(&mut self, operator: OperatorId) {
        let every = self.scenario.operators.break_every;
        let seat = self.seat(operator);
        let (after, shift) = (every.draw(&mut seat.habits), seat.shift);
        self.plan_after(after, Happening::BreakDue { operator, shift });
    }

    fn break_due(&mut self, operator: OperatorId, shift: u32) -> Result<(), Violation> {
        if !self.at_work(operator, shift) {
            return Ok(());
        }
        self.seat(operator).wants_break = true;
        self.break_begins(operator)
    }

    /// Who is free goes at once; who is not, after the call and its wrap-up.
    fn break_begins(&mut self, operator: OperatorId) -> Result<(), Violation> {
        let seat = self.seat(operator);
        if !seat.wants_break || seat.state != OperatorState::Available {
            return Ok(());
        }
        self.takes_break(operator)
    }

    fn takes_break(&mut self, operator: OperatorId) -> Result<(), Violation> {
        self.seat(operator).wants_break = false;
        self.plan_break(operator);
        self.tell(Input::Pause {
            operator,
            reason: PauseReason::Chosen(0),
        })
    }

    /// The end of a break, or an operator notices that the queue has paused them.
    fn returns(&mut self, operator: OperatorId, change: u32) -> Result<(), Violation> {
        let seat = self.seat(operator);
        if seat.changes == change && seat.on_duty {
            self.tell(Input::Ready { operator })
        } else {
            Ok(())
        }
    }

    fn wraps_up(&self, operator: OperatorId, of: CallId) -> bool {
        let seat = self.operators.get(operator.0 as usize);
        seat.is_some_and(|seat| matches!(seat.state, OperatorState::WrapUp { call, .. } if call == of))
    }

    fn wrap_up_done(&mut self, operator: OperatorId, call: CallId) -> Result<(), Violation> {
        if !self.wraps_up(operator, call) {
            return Ok(());
        }
        let seat = self.seat(operator);
        match (seat.on_duty, seat.wants_break) {
            (false, _) => self.tell(Input::SignOff { operator }),
            (true, true) => self.takes_break(operator),
            (true, false) => self.tell(Input::Ready { operator }),
        }
    }

    /// The console shows a new state.
    pub(super) fn operator_is(&mut self, operator: OperatorId, state: OperatorState) {
        let now = self.now;
        let staff = &self.scenario.operators;
        let seat = &mut self.operators[operator.0 as usize];
        let before = std::mem::replace(&mut seat.state, state);
        seat.changes += 1;
        let change = seat.changes;
        match state {
            OperatorState::WrapUp { call, until } => {
                if !matches!(before, OperatorState::WrapUp { .. }) {
                    seat.matter_until = now + seat.matter;
                }
                if seat.matter_until <= until {
                    self.agenda.plan(
                        seat.matter_until.max(now),
                        Happening::WrapUpDone { operator, call },
                    );
                } else {
                    let at = (until - EXTENDS_BEFORE).max(now);
                    self.agenda.plan(at, Happening::WrapUpExtends { operator, call });
                }
            }
            OperatorState::Paused {
                reason: PauseReason::Chosen(_),
            } => {
                let lasts = staff.break_for.draw(&mut seat.habits);
                self.plan_after(lasts, Happening::Returns { operator, change });
            }
            // Pressing "ready" follows signing on; and a phone that is gone has to come back first.
            OperatorState::Paused {
                reason: PauseReason::NotReady | PauseReason::PhoneGone,
            } => {}
            OperatorState::Paused { .. } => {
                let notices = staff.notice.draw(&mut seat.habits);
                self.plan_after(notices, Happening::Returns { operator, change });
            }
            OperatorState::Available if seat.wants_break => {
                self.agenda.plan(now, Happening::BreakBegins { operator });
            }
            OperatorState::SignedOff
            | OperatorState::Available
            | OperatorState::Reserved { .. }
            | OperatorState::Talking { .. } => {}
        }
    }

    pub(super) fn phone_dialled(&mut self, leg: LegId, operator: OperatorId) {
        let staff = &self.scenario.operators;
        let seat = &mut self.operators[operator.0 as usize];
        let (ignores, declines) = (
            seat.habits.chance(staff.ignore),
            seat.habits.chance(staff.decline),
        );
        let hand = staff.pick_up.draw(&mut seat.habits).unwrap_or_default();
        self.phones.insert(leg, Phone::ringing(Whose::Operator(operator)));
        let rings = self.now + staff.signalling;
        let reaction = rings + hand + staff.signalling;
        if !seat.phone_there {
            return self.agenda.plan(
                rings,
                Happening::PhoneFails {
                    leg,
                    cause: Failing::Unreachable,
                },
            );
        }
        self.agenda.plan(rings, Happening::PhoneRings { leg });
        if declines {
            self.agenda.plan(
                reaction,
                Happening::PhoneFails {
                    leg,
                    cause: Failing::Declined,
                },
            );
        } else if !ignores {
            self.agenda.plan(reaction, Happening::PhoneAnswers { leg });
        }
    }

    /// Whoever is on `leg` hears the caller, whose matter will take an operator `matter` to record.
    pub(super) fn phone_bridged(&mut self, leg: LegId, matter: Duration) {
        // The caller's own phone, if we dialled it.
        if let Some(caller) = self.phones.get_mut(&LegId::caller(leg.call)) {
            caller.talks = true;
        }
        let Some(phone) = self.phones.get_mut(&leg) else {
            return;
        };
        phone.talks = true;
        if let Whose::Operator(operator) = phone.whose {
            self.seat(operator).matter = matter;
        }
    }

    /// An operator hears how a caller's phone rings; if nobody picks up, there is little to record.
    pub(super) fn caller_dialled(&mut self, operator: OperatorId) {
        self.seat(operator).matter = NOT_REACHED;
    }

    /// We hung up. A phone that was being picked up at that moment says so after all.
    pub(super) fn hung_up(&mut self, leg: LegId) {
        let Some(phone) = self.phones.remove(&leg) else {
            return;
        };
        if !phone.talks && self.faults.crossing > 0.0 && self.network.chance(self.faults.crossing) {
            let crosses = self.now + self.scenario.operators.signalling;
            self.agenda.plan(crosses, Happening::AnswerCrosses { leg });
        }
    }

    fn phone_lost(&mut self, operator: OperatorId) -> Result<(), Violation> {
        self.seat(operator).phone_there = false;
        let back = self
            .faults
            .phone_lost_for
            .draw(&mut self.network)
            .unwrap_or_default();
        self.agenda
            .plan(self.now + back, Happening::PhoneBack { operator });
        self.tell(Input::PhoneUnregistered { operator })
    }

    fn phone_back(&mut self, operator: OperatorId) -> Result<(), Violation> {
        if !self.seat(operator).phone_there {
            self.seat(operator).phone_there = true;
            self.tell(Input::PhoneRegistered { operator })?;
            self.plan_phone_loss(operator);
        }
        Ok(())
    }

    pub(super) fn phones_come_back(&mut self) -> Result<(), Violation> {
        (0..self.operators.len() as u32).try_for_each(|index| self.phone_back(OperatorId(index)))
    }

    /// All sign off. Nobody talks any more, so all can.
    pub(super) fn everybody_home(&mut self) -> Result<(), Violation> {
        for index in 0..self.operators.len() as u32 {
            self.seat(OperatorId(index)).on_duty = false;
            self.tell(Input::SignOff {
                operator: OperatorId(index),
            })?;
        }
        Ok(())
    }
}
