//! The calls that are up: a slab, with an index by call id.
//!
//! Owns where each call stands. Slots are reused; call ids are not. The index is only ever asked for one id, never
//! walked, so its order is nobody's business.

use crate::TrunkId;
use crate::{
    Asked, Audio, CallId, CallerNumber, LegId, OperatorId, Outcome, Output, QueueId, Role, Skills, Timestamp,
};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::{Index, IndexMut};
use std::time::Duration;

/// A live call.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) queue: QueueId,
    pub(crate) trunk: TrunkId,
    pub(crate) caller: CallerNumber,
    /// The place in the order of all calls.
    pub(crate) ticket: u64,
    /// When the ticket was drawn.
    pub(crate) since: Timestamp,
    /// When this call arrived.
    pub(crate) arrived: Timestamp,
    pub(crate) state: CallState,
    /// When it was given the line it holds.
    pub(crate) admitted: Option<Timestamp>,
    /// Whether the INVITE was answered.
    pub(crate) answered: bool,
    /// What the operator must know besides the queue's own skills.
    pub(crate) skills: Skills,
    /// Its class in its queue, by what it needs.
    pub(crate) class: u32,
    /// Phones dialled so far besides the caller's; the last one's leg number.
    pub(crate) legs: u32,
    /// When to tell the position next.
    pub(crate) announce_at: Timestamp,
    /// What the caller was told last of position and wait.
    pub(crate) told: Option<u32>,
    /// When a call-back is offered for the first time, unless that was done.
    pub(crate) offer_at: Option<Timestamp>,
    /// The caller's side is on hold.
    pub(crate) held_by_caller: bool,
    /// The place kept for a call-back, so that a redial finds it.
    pub(crate) place: Option<u32>,
    /// What it has had of operators who gave it to others.
    #[serde(default)]
    pub(crate) served: Option<Served>,
}

/// What a call has had before it was given to another operator last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Served {
    /// Who gave it away.
    pub(crate) by: OperatorId,
    /// Since when it waits for the other.
    pub(crate) since: Timestamp,
    /// How long it had waited for its first operator.
    pub(crate) waited: Duration,
    /// All conversations that are over.
    pub(crate) talked: Duration,
    /// The part of these on hold.
    pub(crate) held: Duration,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum CallState {
    /// Waits for a line.
    Queued,
    /// Holds a line, waits for an operator.
    Admitted,
    /// Phones ring: that of `first`, and of those who ring with it.
    Ringing { first: OperatorId, dialled: Timestamp },
    /// A call-back: the operator is on the phone, and the caller's rings.
    CallingBack(Talk),
    /// Talks with an operator.
    Talking(Talk),
    /// An operator gave it to a number outside, whose phone rings on the last leg.
    RingingOutside(Outside),
    /// Talks with a number outside on the last leg.
    TalkingOutside { number: CallerNumber },
    /// Left the queue unserved.
    Leaving {
        outcome: Outcome,
        left: Timestamp,
        way: Way,
    },
}

/// How a call leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Way {
    /// Hears a last word.
    Farewell,
    /// Hears that a key asks for a call-back.
    Offer,
    /// The phone of another place rings as the call's last leg.
    Forwarding { to: u32 },
    /// Talks with another place on the call's last leg.
    Forwarded { to: u32 },
}

/// A conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Talk {
    pub(crate) operator: OperatorId,
    /// The number of the operator's leg.
    pub(crate) leg: u32,
    pub(crate) connected: Timestamp,
    /// How long the phone had rung.
    pub(crate) rang: Duration,
    /// By the operator's phone.
    pub(crate) held_by_operator: bool,
    /// From the console, of which the phone knows nothing.
    #[serde(default)]
    pub(crate) held_at_console: bool,
    /// Since when either side holds.
    pub(crate) held_since: Option<Timestamp>,
    /// Holds that are over.
    pub(crate) held: Duration,
    /// Whom the operator has asked for, if anybody.
    #[serde(default)]
    pub(crate) third: Option<Third>,
}

/// A number outside that an operator gave a call to, or asked about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Outside {
    pub(crate) number: CallerNumber,
    /// By which it is dialled.
    pub(crate) trunk: TrunkId,
    pub(crate) dialled: Timestamp,
    /// How long it rings at most.
    pub(crate) until: Timestamp,
}

/// Whom the operator of a call has asked about it, dialled as one more leg of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Third {
    #[serde(rename = "operator")]
    pub(crate) who: Who,
    /// The number of that leg.
    pub(crate) leg: u32,
    pub(crate) dialled: Timestamp,
    /// How long the phone had rung, unless it still does.
    pub(crate) rang: Option<Duration>,
    /// The caller is in it too.
    pub(crate) joined: bool,
}

/// Who that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum Who {
    /// A second operator.
    Operator(OperatorId),
    /// The number outside that stands beside the calls: few have one, and all would be the larger for it.
    Outside,
}

impl Third {
    pub(crate) fn role(self) -> Role {
        match self.rang {
            None => Role::Ringing,
            Some(_) if self.joined => Role::Joined,
            Some(_) => Role::Consulted,
        }
    }

    /// Whether a phone outside rings for it: that wait has a deadline of the call's.
    pub(crate) fn rings_outside(self) -> bool {
        self.who == Who::Outside && self.rang.is_none()
    }
}

impl Talk {
    /// A conversation that begins now, with an operator whose phone has rung for `rang`.
    pub(crate) fn new(operator: OperatorId, leg: u32, connected: Timestamp, rang: Duration) -> Self {
        Self {
            operator,
            leg,
            connected,
            rang,
            held_by_operator: false,
            held_at_console: false,
            held_since: None,
            held: Duration::ZERO,
            third: None,
        }
    }

    /// Whether the caller hears music in place of the operator.
    pub(crate) fn parked(&self) -> bool {
        let held = self.held_by_operator || self.held_at_console;
        self.third.map_or(held, |third| !third.joined)
    }

    /// Who was asked, if that one's phone is on `leg`.
    pub(crate) fn third_on(&self, leg: LegId) -> Option<Third> {
        self.third.filter(|third| third.leg == leg.leg)
    }

    /// How long it has lasted, and the part of that on hold.
    pub(crate) fn lasted(&self, now: Timestamp) -> (Duration, Duration) {
        let holding = self.held_since.map_or(Duration::ZERO, |since| now.since(since));
        (now.since(self.connected), self.held + holding)
    }
}

impl Call {
    /// Whether its caller is on the line: that of a call-back is not before an operator has picked up.
    pub(crate) fn has_caller(&self) -> bool {
        let dialled = matches!(self.state, CallState::CallingBack(_) | CallState::Talking(_));
        !self.id.is_call_back() || self.served.is_some() || dialled
    }

    /// Since when it has been waiting for an operator: it begins anew when one gives it away.
    pub(crate) fn waits_since(&self) -> Timestamp {
        self.served.map_or(self.arrived, |served| served.since)
    }

    /// Who hears whom in a conversation.
    pub(crate) fn hearing(&self, talk: &Talk) -> impl Iterator<Item = Output> {
        let (call, operator_leg) = (self.id, self.leg(talk.leg));
        let music = Output::Play {
            call,
            audio: Audio::HoldMusic,
        };
        let heard = match talk.third {
            None => (!talk.parked()).then_some(Output::Bridge { operator_leg }),
            Some(third) if third.rang.is_none() => Some(Output::Ringback { leg: operator_leg }),
            Some(third) => Some(Output::Confer {
                operator_leg,
                third_leg: self.leg(third.leg),
                caller: third.joined,
            }),
        };
        talk.parked().then_some(music).into_iter().chain(heard)
    }

    /// The leg with this number.
    pub(crate) fn leg(&self, leg: u32) -> LegId {
        LegId { call: self.id, leg }
    }

    /// The leg dialled last.
    pub(crate) fn last_leg(&self) -> LegId {
        self.leg(self.legs)
    }

    /// Whether it waits on a list of its queue.
    pub(crate) fn is_listed(&self) -> bool {
        matches!(self.state, CallState::Queued | CallState::Admitted)
    }

    /// Whether it has not come to anybody yet: it waits, or phones ring for it.
    pub(crate) fn waits(&self) -> bool {
        !matches!(
            self.state,
            CallState::Talking(_) | CallState::TalkingOutside { .. } | CallState::Leaving { .. }
        )
    }
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Calls {
    slots: Vec<Option<Call>>,
    vacant: Vec<u32>,
    /// The numbers outside that were asked about these calls and have not been given them.
    #[serde(default)]
    pub(crate) asked: BTreeMap<CallId, Outside>,
    /// Follows from the slots.
    #[serde(skip)]
    index: HashMap<CallId, u32, BuildHasherDefault<IdHasher>>,
}

impl Calls {
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn find(&self, id: CallId) -> Option<u32> {
        self.index.get(&id).copied()
    }

    pub(crate) fn insert(&mut self, call: Call) -> u32 {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        let other = self.index.insert(call.id, slot);
        assert!(other.is_none(), "call {} is here twice", call.id);
        self.slots[slot as usize] = Some(call);
        slot
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Call {
        let call = self.slots[slot as usize].take().expect("a slot in use");
        self.index.remove(&call.id);
        self.asked.remove(&call.id);
        self.vacant.push(slot);
        call
    }

    /// What a watcher may see of who was asked about a call.
    pub(crate) fn third(&self, call: &Call, third: Third) -> crate::Third {
        let who = match third.who {
            Who::Operator(operator) => Asked::Operator(operator),
            Who::Outside => Asked::Outside {
                number: self.asked[&call.id].number,
                leg: call.leg(third.leg),
            },
        };
        crate::Third {
            who,
            role: third.role(),
        }
    }

    /// Builds the index again, which is not written down with the rest.
    pub(crate) fn index_again(&mut self) {
        self.index = self.iter().map(|(slot, call)| (call.id, slot)).collect();
    }

    /// All calls with their slots, in no meaningful order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Call)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(slot, call)| Some((slot, call.as_ref()?)))
    }
}

impl Index<u32> for Calls {
    type Output = Call;

    fn index(&self, slot: u32) -> &Call {
        self.slots[slot as usize].as_ref().expect("a slot in use")
    }
}

impl IndexMut<u32> for Calls {
    fn index_mut(&mut self, slot: u32) -> &mut Call {
        self.slots[slot as usize].as_mut().expect("a slot in use")
    }
}

/// Call ids count up, so that the low bits of a call's id are as good a hash as any, and calls that came one after the
/// other lie side by side in the table: those that are served lie where others just were. The table tells entries of a
/// group apart by the topmost bits, which are spread by an odd constant (2^64 divided by the golden ratio).
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        let spread = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (self.0 & (u64::MAX >> 7)) | (spread & !(u64::MAX >> 7))
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = self.0.rotate_left(5) ^ n;
    }
}
