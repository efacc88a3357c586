//! The whole state as data: for a console that connects, and for a checkpoint.

use crate::TrunkId;
use crate::{
    CallId, CallerNumber, Event, LegId, OperatorId, OperatorState, QueueId, Skills, Third, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Everything a watcher may see, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When this was true.
    pub at: Timestamp,
    /// Lines in force now.
    pub lines: u32,
    /// Lines held by admitted calls. Above `lines` only after capacity fell.
    pub lines_in_use: u32,
    /// When the lines in force next change, if they do within the look-ahead.
    pub next_change: Option<Timestamp>,
    /// What they change to.
    pub next_lines: Option<u32>,
    /// Whether new calls are refused because the engine is stopping.
    pub draining: bool,
    /// All live calls, oldest ticket first.
    pub calls: Vec<CallView>,
    /// All operators, in the configuration's order.
    pub operators: Vec<OperatorView>,
}

/// One live call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallView {
    /// The call.
    pub call: CallId,
    /// Its queue.
    pub queue: QueueId,
    /// The trunk it came by.
    pub trunk: TrunkId,
    /// Who calls.
    pub caller: CallerNumber,
    /// Its place in the order of all calls: lower is older.
    pub ticket: u64,
    /// When the ticket was drawn: for a resumed place, the first call's arrival.
    pub since: Timestamp,
    /// What the operator must know besides the queue's own skills.
    pub skills: Skills,
    /// When it was given a line, if it holds one.
    pub admitted: Option<Timestamp>,
    /// The operator who gave it away last, if one did.
    #[serde(default)]
    pub transferred_by: Option<OperatorId>,
    /// Where it stands.
    pub stage: Stage,
}

/// Where a live call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields whose name and type say all")]
pub enum Stage {
    /// Waits for a line.
    Queued,
    /// Holds a line, waits for an operator.
    Admitted,
    /// An operator's phone rings for it; if several do, this is the first of them in the configuration's order.
    Ringing { operator: OperatorId },
    /// The caller's phone is rung for a call-back.
    CallingBack { operator: OperatorId },
    /// Talks, since `connected`.
    Talking {
        operator: OperatorId,
        connected: Timestamp,
        held: bool,
        /// Whom the operator has asked about it, if anybody.
        third: Option<Third>,
    },
    /// Hears a last word or an offer, or another place's phone rings for it.
    Leaving,
    /// Talks with another place, an index into [`AcdConfig::forwards`](crate::AcdConfig::forwards).
    Forwarded { to: u32, leg: LegId },
    /// An operator gave it to a number outside, whose phone rings.
    RingingOutside { number: CallerNumber, leg: LegId },
    /// Talks with a number outside; holds no line.
    TalkingOutside { number: CallerNumber, leg: LegId },
}

/// One operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorView {
    /// The operator.
    pub operator: OperatorId,
    /// What the operator is doing.
    pub state: OperatorState,
    /// Since when.
    pub since: Timestamp,
    /// Whether the phone is registered.
    pub phone: bool,
    /// Calls connected since sign-on.
    pub answered: u32,
}

impl Snapshot {
    /// Makes true what `event` says became true at `at`. Applying all events of an input gives exactly what
    /// [`Acd::snapshot`](crate::Acd::snapshot) gives after it. Events about what is not there are ignored.
    pub fn apply(&mut self, at: Timestamp, event: &Event) {
        self.at = at;
        match *event {
            Event::CallArrived {
                call,
                queue,
                trunk,
                caller,
                ticket,
                since,
                skills,
                ..
            }
            | Event::CallBackPromised {
                call,
                queue,
                trunk,
                caller,
                ticket,
                since,
                skills,
                ..
            } => {
                let view = CallView {
                    call,
                    queue,
                    trunk,
                    caller,
                    ticket,
                    since,
                    skills,
                    admitted: None,
                    transferred_by: None,
                    stage: Stage::Queued,
                };
                let index = self
                    .calls
                    .partition_point(|other| (other.ticket, other.call) < (ticket, call));
                self.calls.insert(index, view);
            }
            Event::CallChose { call, skills } => {
                if let Some(view) = self.call_mut(call) {
                    view.skills = skills;
                }
            }
            Event::CallAdmitted { call, .. } => {
                if let Some(view) = self.stage(call, Stage::Admitted) {
                    view.admitted = Some(at);
                }
                self.lines_in_use += 1;
            }
            Event::CallAssigned { call, operator, .. } => {
                if let Some(view) = self.call_mut(call) {
                    let operator = match view.stage {
                        Stage::Ringing { operator: other } => operator.min(other),
                        _ => operator,
                    };
                    view.stage = Stage::Ringing { operator };
                }
            }
            Event::CallReturned { call, operator, .. } => {
                let stage = self
                    .first_ringing(call, operator)
                    .map_or(Stage::Admitted, |operator| Stage::Ringing { operator });
                self.stage(call, stage);
            }
            Event::CallerDialled { call, operator, .. } => {
                self.stage(call, Stage::CallingBack { operator });
            }
            Event::CallConnected { call, operator, .. } => {
                self.stage(
                    call,
                    Stage::Talking {
                        operator,
                        connected: at,
                        held: false,
                        third: None,
                    },
                );
                if let Some(operator) = self.operators.get_mut(operator.0 as usize) {
                    operator.answered += 1;
                }
            }
            Event::CallHeld { call, held: now_held } => {
                if let Some(view) = self.call_mut(call)
                    && let Stage::Talking { held, .. } = &mut view.stage
                {
                    *held = now_held;
                }
            }
            Event::ThirdChanged { call, third: now } => {
                if let Some(view) = self.call_mut(call)
                    && let Stage::Talking { third, .. } = &mut view.stage
                {
                    *third = now;
                }
            }
            Event::CallTransferred {
                call, operator, to, ..
            } => {
                if let Some(view) = self.stage(call, Stage::Ringing { operator: to }) {
                    view.transferred_by = Some(operator);
                }
            }
            Event::CallSentOutside {
                call,
                operator,
                number,
                leg,
                ..
            } => {
                if let Some(view) = self.stage(call, Stage::RingingOutside { number, leg }) {
                    view.transferred_by = Some(operator);
                }
            }
            Event::OutsideAnswered {
                call, number, leg, ..
            } => {
                self.elsewhere(call, Stage::TalkingOutside { number, leg });
            }
            Event::OutsideFailed { call, .. } => {
                self.stage(call, Stage::Admitted);
            }
            Event::CallLeaving { call, .. } => {
                self.stage(call, Stage::Leaving);
            }
            Event::CallForwarded { call, to, leg, .. } => {
                self.elsewhere(call, Stage::Forwarded { to, leg });
            }
            Event::CallEnded { call, .. } => {
                if let Some(index) = self.calls.iter().position(|view| view.call == call) {
                    let holds_line = self.calls.remove(index).admitted.is_some();
                    self.lines_in_use -= u32::from(holds_line);
                }
            }
            Event::OperatorChanged { operator, state, .. } => {
                if let Some(view) = self.operators.get_mut(operator.0 as usize) {
                    if view.state == OperatorState::SignedOff {
                        view.answered = 0;
                    }
                    view.state = state;
                    view.since = at;
                }
            }
            Event::PhoneChanged { operator, registered } => {
                if let Some(view) = self.operators.get_mut(operator.0 as usize) {
                    view.phone = registered;
                }
            }
            Event::CapacityChanged {
                lines,
                next_change,
                next_lines,
                ..
            } => {
                self.lines = lines;
                self.next_change = next_change;
                self.next_lines = next_lines;
            }
            Event::Draining => self.draining = true,
            Event::Started => self.draining = false,
            Event::PositionAnnounced { .. }
            | Event::WaitJudged { .. }
            | Event::FifoOvertaken { .. }
            | Event::Refused { .. }
            | Event::MediaSilent { .. } => {}
        }
    }

    /// The first whose phone rings for a call, `but` one.
    fn first_ringing(&self, call: CallId, but: OperatorId) -> Option<OperatorId> {
        let rings = |view: &&OperatorView| {
            let for_call = matches!(view.state, OperatorState::Reserved { leg, .. } if leg.call == call);
            for_call && view.operator != but
        };
        self.operators.iter().find(rings).map(|view| view.operator)
    }

    /// A call talks with somebody who needs no line of ours.
    fn elsewhere(&mut self, call: CallId, stage: Stage) {
        if let Some(view) = self.stage(call, stage) {
            let held_line = view.admitted.take().is_some();
            self.lines_in_use -= u32::from(held_line);
        }
    }

    fn call_mut(&mut self, call: CallId) -> Option<&mut CallView> {
        self.calls.iter_mut().find(|view| view.call == call)
    }

    fn stage(&mut self, call: CallId, stage: Stage) -> Option<&mut CallView> {
        let view = self.call_mut(call)?;
        view.stage = stage;
        Some(view)
    }
}
