//! The queue as the feed tells it: a snapshot, then every delta in order (`docs/feed.md`). Times are milliseconds since
//! the Unix epoch on the engine's clock.

use serde::Deserialize;

/// A message from the feed. Fields that are not shown are left out, as are messages that change nothing here.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Message {
    Hello(Hello),
    Snapshot(Snapshot),
    Delta(Delta),
    Heartbeat {
        seq: u64,
        time: u64,
    },
    Ok {
        expires_in_s: Option<f64>,
    },
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Hello {
    pub(super) epoch: u64,
    pub(super) server_time: u64,
    pub(super) clock_rate: f64,
    pub(super) heartbeat_s: f64,
    pub(super) role: String,
    pub(super) operator: Option<String>,
    pub(super) expires_in_s: Option<f64>,
    pub(super) queues: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Snapshot {
    epoch: u64,
    seq: u64,
    lines: u32,
    next_change: Option<u64>,
    next_lines: Option<u32>,
    draining: bool,
    calls: Vec<Call>,
    operators: Vec<Operator>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Call {
    pub(super) call: u64,
    pub(super) queue: String,
    pub(super) caller: Option<String>,
    pub(super) ticket: u64,
    pub(super) since: u64,
    #[serde(default)]
    pub(super) line: bool,
    #[serde(default)]
    pub(super) stage: Stage,
    #[serde(default)]
    pub(super) call_back: bool,
    pub(super) operator: Option<String>,
    pub(super) third: Option<Third>,
}

/// Whom the operator of a call has asked about it: another one, or a number outside.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Third {
    pub(super) operator: Option<String>,
    pub(super) number: Option<String>,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    #[default]
    Queued,
    Admitted,
    Ringing,
    CallingBack,
    Talking,
    Leaving,
    Forwarded,
    #[serde(other)]
    Unknown,
}

impl Stage {
    /// Whether a call in it waits for an operator.
    pub(super) const fn waits(self) -> bool {
        matches!(self, Self::Queued | Self::Admitted | Self::Ringing)
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Operator {
    pub(super) operator: String,
    pub(super) state: Standing,
    pub(super) since: u64,
    pub(super) reason: Option<String>,
    pub(super) call: Option<u64>,
    pub(super) until: Option<u64>,
    pub(super) phone: bool,
    pub(super) answered: u32,
}

/// What an operator is doing, in the order in which they are sorted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    Available,
    Reserved,
    Talking,
    WrapUp,
    Paused,
    SignedOff,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
pub(super) struct Delta {
    seq: u64,
    at: u64,
    #[serde(flatten)]
    change: Change,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Change {
    CallArrived(Call),
    CallBackPromised(Call),
    CallAdmitted {
        call: u64,
    },
    CallAssigned {
        call: u64,
        operator: String,
    },
    CallReturned {
        call: u64,
        operator: String,
    },
    CallerDialled {
        call: u64,
        operator: String,
    },
    CallConnected {
        call: u64,
        operator: String,
    },
    ThirdChanged {
        call: u64,
        third: Option<Third>,
    },
    CallTransferred {
        call: u64,
        to: String,
    },
    CallSentOutside {
        call: u64,
    },
    OutsideAnswered {
        call: u64,
    },
    OutsideFailed {
        call: u64,
    },
    CallLeaving {
        call: u64,
    },
    CallForwarded {
        call: u64,
    },
    CallEnded {
        call: u64,
    },
    OperatorChanged(Changed),
    PhoneChanged {
        operator: String,
        registered: bool,
    },
    CapacityChanged {
        lines: u32,
        next_change: Option<u64>,
        next_lines: Option<u32>,
    },
    Draining,
    Started,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Changed {
    operator: String,
    state: Standing,
    reason: Option<String>,
    call: Option<u64>,
    until: Option<u64>,
}

/// The whole of it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) epoch: u64,
    /// The last delta; none before the first snapshot.
    pub(super) seq: Option<u64>,
    pub(super) lines: u32,
    pub(super) next_change: Option<u64>,
    pub(super) next_lines: Option<u32>,
    pub(super) draining: bool,
    pub(super) calls: Vec<Call>,
    pub(super) operators: Vec<Operator>,
}

impl From<Snapshot> for State {
    fn from(snapshot: Snapshot) -> Self {
        let Snapshot {
            epoch,
            seq,
            lines,
            next_change,
            next_lines,
            draining,
            calls,
            operators,
        } = snapshot;
        Self {
            epoch,
            seq: Some(seq),
            lines,
            next_change,
            next_lines,
            draining,
            calls,
            operators,
        }
    }
}

impl State {
    pub(super) fn lines_in_use(&self) -> usize {
        self.calls.iter().filter(|call| call.line).count()
    }

    /// The other operator, or the number outside, in the call that an operator talks in, if there is one.
    pub(super) fn other_in(&self, operator: &Operator) -> Option<&str> {
        let call = self
            .calls
            .iter()
            .find(|call| operator.state == Standing::Talking && Some(call.call) == operator.call)?;
        let third = call.third.as_ref()?;
        let asked = third.operator.as_ref().or(third.number.as_ref())?;
        match *asked == operator.operator {
            true => call.operator.as_deref(),
            false => Some(asked),
        }
    }

    /// Applies a delta. False: it is not the next one, so that something was lost.
    pub(super) fn apply(&mut self, delta: Delta) -> bool {
        if self.seq.map(|seq| seq + 1) != Some(delta.seq) {
            return false;
        }
        self.seq = Some(delta.seq);
        self.change(delta.change, delta.at);
        true
    }

    fn change(&mut self, change: Change, at: u64) {
        match change {
            Change::CallArrived(call) => self.arrive(call),
            Change::CallBackPromised(call) => self.arrive(Call {
                call_back: true,
                ..call
            }),
            Change::CallAdmitted { call } => {
                self.with(call, |call| call.line = true);
                self.stage(call, Stage::Admitted, None);
            }
            Change::CallAssigned { call, operator } => {
                let before = self
                    .calls
                    .iter()
                    .find(|known| known.call == call && known.stage == Stage::Ringing);
                let others = before.and_then(|known| known.operator.clone());
                let first = self.first([Some(operator), others].into_iter().flatten());
                self.stage(call, Stage::Ringing, first);
            }
            Change::CallReturned { call, operator } => {
                let rings = |known: &&Operator| {
                    known.state == Standing::Reserved
                        && known.call == Some(call)
                        && known.operator != operator
                };
                match self
                    .operators
                    .iter()
                    .find(rings)
                    .map(|known| known.operator.clone())
                {
                    Some(still) => self.stage(call, Stage::Ringing, Some(still)),
                    None => self.stage(call, Stage::Admitted, None),
                }
            }
            Change::CallerDialled { call, operator } => self.stage(call, Stage::CallingBack, Some(operator)),
            Change::CallConnected { call, operator } => {
                if let Some(known) = self.operators.iter_mut().find(|known| known.operator == operator) {
                    known.answered += 1;
                }
                self.stage(call, Stage::Talking, Some(operator));
            }
            Change::ThirdChanged { call, third } => self.with(call, |call| call.third = third),
            Change::CallTransferred { call, to } => self.stage(call, Stage::Ringing, Some(to)),
            Change::CallSentOutside { call } => self.stage(call, Stage::Ringing, None),
            Change::OutsideFailed { call } => self.stage(call, Stage::Admitted, None),
            Change::CallLeaving { call } => self.stage(call, Stage::Leaving, None),
            Change::CallForwarded { call } | Change::OutsideAnswered { call } => {
                self.with(call, |call| call.line = false);
                self.stage(call, Stage::Forwarded, None);
            }
            Change::CallEnded { call } => self.calls.retain(|known| known.call != call),
            Change::OperatorChanged(changed) => self.operator_changed(changed, at),
            Change::PhoneChanged { operator, registered } => {
                if let Some(known) = self.operators.iter_mut().find(|known| known.operator == operator) {
                    known.phone = registered;
                }
            }
            Change::CapacityChanged {
                lines,
                next_change,
                next_lines,
            } => {
                (self.lines, self.next_change, self.next_lines) = (lines, next_change, next_lines);
            }
            Change::Draining => self.draining = true,
            Change::Started => self.draining = false,
            Change::Other => {}
        }
    }

    /// A resumed place is older than some that are here already.
    fn arrive(&mut self, call: Call) {
        let order = |call: &Call| (call.ticket, call.call);
        let index = self.calls.partition_point(|known| order(known) < order(&call));
        self.calls.insert(index, call);
    }

    fn with(&mut self, call: u64, change: impl FnOnce(&mut Call)) {
        if let Some(known) = self.calls.iter_mut().find(|known| known.call == call) {
            change(known);
        }
    }

    fn stage(&mut self, call: u64, stage: Stage, operator: Option<String>) {
        self.with(call, |call| {
            (call.stage, call.operator, call.third) = (stage, operator, None)
        });
    }

    /// The first of some operators in the order in which they are listed.
    fn first(&self, names: impl Iterator<Item = String>) -> Option<String> {
        names.min_by_key(|name| self.operators.iter().position(|known| known.operator == *name))
    }

    fn operator_changed(&mut self, changed: Changed, at: u64) {
        let Some(known) = self
            .operators
            .iter_mut()
            .find(|known| known.operator == changed.operator)
        else {
            return;
        };
        if known.state == Standing::SignedOff {
            known.answered = 0;
        }
        let Changed {
            state,
            reason,
            call,
            until,
            ..
        } = changed;
        *known = Operator {
            state,
            reason,
            call,
            until,
            since: at,
            ..known.clone()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        serde_json::from_str(text).expect("a message")
    }

    fn begun() -> State {
        let text = r#"{"type":"snapshot","epoch":7,"seq":41,"at":5000,"lines":12,"lines_in_use":1,"next_change":9000,
            "next_lines":4,"draining":false,"calls":[{"call":7,"queue":"hotline","trunk":"city","caller":"138******00",
            "ticket":7,"since":1000,"line":true,"stage":"admitted"}],"operators":[
            {"operator":"1001","state":"available","since":0,"phone":true,"answered":3},
            {"operator":"1002","state":"signed_off","since":0,"phone":false,"answered":9}]}"#;
        match message(text) {
            Message::Snapshot(snapshot) => snapshot.into(),
            other => panic!("{other:?}"),
        }
    }

    fn told(state: &mut State, fields: &str) -> bool {
        let seq = state.seq.unwrap_or(0) + 1;
        match message(&format!(r#"{{"type":"delta","seq":{seq},"at":6000,{fields}}}"#)) {
            Message::Delta(delta) => state.apply(delta),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_call_goes_its_way() {
        let mut state = begun();
        let call = |state: &State| {
            state
                .calls
                .iter()
                .find(|call| call.call == 7)
                .map(|call| (call.stage, call.line, call.operator.clone()))
        };
        let anne = Some("1001".to_owned());
        for (fields, expected) in [
            (
                r#""event":"call_assigned","call":7,"operator":"1001","why":{}"#,
                Some((Stage::Ringing, true, anne.clone())),
            ),
            (
                r#""event":"call_returned","call":7,"operator":"1001","cause":"busy""#,
                Some((Stage::Admitted, true, None)),
            ),
            (
                r#""event":"call_connected","call":7,"operator":"1001""#,
                Some((Stage::Talking, true, anne)),
            ),
            (
                r#""event":"third_changed","call":7,"third":{"number":"139","role":"ringing"}"#,
                None,
            ),
            (
                r#""event":"third_changed","call":7,"third":{"operator":"1002","role":"ringing"}"#,
                None,
            ),
            (
                r#""event":"call_transferred","call":7,"operator":"1001","to":"1002""#,
                Some((Stage::Ringing, true, Some("1002".to_owned()))),
            ),
            (r#""event":"something_new","call":7"#, None),
            (
                r#""event":"call_sent_outside","call":7,"operator":"1001","number":"139""#,
                Some((Stage::Ringing, true, None)),
            ),
            (
                r#""event":"outside_failed","call":7,"cause":"no_answer","rang_ms":9"#,
                Some((Stage::Admitted, true, None)),
            ),
            (
                r#""event":"call_forwarded","call":7,"forward":"x""#,
                Some((Stage::Forwarded, false, None)),
            ),
            (r#""event":"call_ended","call":7,"outcome":"answered""#, None),
        ] {
            assert!(told(&mut state, fields), "{fields}");
            if expected.is_some() || fields.contains("ended") {
                assert_eq!(call(&state), expected, "{fields}");
            }
        }
        assert_eq!(state.operators.first().map(|operator| operator.answered), Some(4));
    }

    #[test]
    fn places_are_kept() {
        let mut state = begun();
        let arrived = |call: u64, ticket: u64| {
            format!(
                r#""event":"call_arrived","call":{call},"queue":"hotline","trunk":"city","caller":null,"ticket":{ticket},"since":1,"resumed":false"#
            )
        };
        for fields in [arrived(8, 8), arrived(9, 3)] {
            assert!(told(&mut state, &fields));
        }
        let order: Vec<u64> = state.calls.iter().map(|call| call.call).collect();
        assert_eq!(order, [9, 7, 8]);
        assert_eq!(state.lines_in_use(), 1);
    }

    #[test]
    fn an_operator_signs_on_anew() {
        let mut state = begun();
        assert!(told(
            &mut state,
            r#""event":"operator_changed","operator":"1002","state":"paused","reason":"meal","after_ms":5"#
        ));
        let bert = &state.operators[1];
        assert_eq!(
            (bert.state, bert.answered, bert.since),
            (Standing::Paused, 0, 6000)
        );
        assert_eq!(bert.reason.as_deref(), Some("meal"));
    }

    #[test]
    fn a_gap_is_noticed() {
        let mut state = begun();
        let Message::Delta(delta) = message(r#"{"type":"delta","seq":43,"at":6000,"event":"draining"}"#)
        else {
            panic!("a delta");
        };
        assert!(!state.apply(delta));
    }
}
