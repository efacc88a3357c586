//! What is kept of a call, and of what was written down about it.

use crate::quality::Quality;
use acd::{CallId, CallerNumber, LegId, Outcome, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// Something to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// What is known of a call.
    Call(CallRow),
    /// What is known of an operator's part in one.
    Talk(TalkRow),
    /// What is known of one of its legs.
    Leg(LegRow),
}

/// What is known of one call. What has not happened, as far as is known, is none.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRow {
    /// The call; its id is one within its journal.
    pub call: CallId,
    /// When the last thing happened that is told here.
    pub known: Timestamp,
    /// Its queue's name.
    pub queue: Arc<str>,
    /// The name of the trunk it came by.
    pub trunk: Arc<str>,
    /// Who called.
    pub caller: CallerNumber,
    /// Its place in the order of all calls.
    pub ticket: u64,
    /// When the ticket was drawn: before `arrived` if the caller took up a place again.
    pub since: Timestamp,
    /// When it arrived, or was promised if it is a call-back.
    pub arrived: Timestamp,
    /// When it waited no longer.
    pub left: Option<Timestamp>,
    /// When caller and operator heard each other first.
    pub connected: Option<Timestamp>,
    /// From arrival to then, or to when it left the queue.
    pub waited: Option<Duration>,
    /// Who talked with the caller last.
    pub operator: Option<Arc<str>>,
    /// When another place took it.
    pub forwarded: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// From connection to end.
    pub talked: Option<Duration>,
    /// The part of that on hold.
    pub held: Option<Duration>,
}

impl CallRow {
    /// Adds what `other` knows of the same call. Where both know something, who knows later things is right; in what
    /// order rows are joined makes no difference.
    pub fn join(&mut self, other: CallRow) {
        let newer = other.known >= self.known;
        // A call that was live when a run began is known from then on with the age of its ticket.
        self.arrived = self.arrived.max(other.arrived);
        first(&mut self.left, other.left);
        first(&mut self.connected, other.connected);
        first(&mut self.forwarded, other.forwarded);
        pick(&mut self.waited, other.waited, newer);
        pick(&mut self.operator, other.operator, newer);
        pick(&mut self.ended, other.ended, newer);
        pick(&mut self.outcome, other.outcome, newer);
        pick(&mut self.talked, other.talked, newer);
        pick(&mut self.held, other.held, newer);
        self.known = self.known.max(other.known);
    }
}

/// An operator's part in a call: there are several if it was passed on.
#[derive(Clone, Debug, PartialEq)]
pub struct TalkRow {
    /// The call.
    pub call: CallId,
    /// The operator's name.
    pub operator: Arc<str>,
    /// When the last thing happened that is told here.
    pub known: Timestamp,
    /// When the operator took the call.
    pub began: Timestamp,
    /// How long the operator had it.
    pub talked: Option<Duration>,
    /// How long the wrap-up after it took.
    pub wrap_up: Option<Duration>,
}

impl TalkRow {
    /// Adds what `other` knows of the same part, as [`CallRow::join`] does.
    pub fn join(&mut self, other: TalkRow) {
        let newer = other.known >= self.known;
        self.began = self.began.min(other.began);
        pick(&mut self.talked, other.talked, newer);
        pick(&mut self.wrap_up, other.wrap_up, newer);
        self.known = self.known.max(other.known);
    }
}

/// One of a call's legs: 0 is the caller's. Who had it follows from the log, how it sounded does not.
#[derive(Clone, Debug, PartialEq)]
pub struct LegRow {
    /// Which.
    pub leg: LegId,
    /// When the last thing happened that is told here.
    pub known: Timestamp,
    /// Whose phone it is; none for the caller's, and for a number outside.
    pub operator: Option<Arc<str>>,
    /// How it sounded, known when its media has ended.
    pub quality: Option<Quality>,
}

impl LegRow {
    /// Adds what `other` knows of the same leg, as [`CallRow::join`] does.
    pub fn join(&mut self, other: LegRow) {
        let newer = other.known >= self.known;
        pick(&mut self.operator, other.operator, newer);
        pick(&mut self.quality, other.quality, newer);
        self.known = self.known.max(other.known);
    }
}

/// What happened first is what counts: a run that goes on knows only of the last time.
fn first(known: &mut Option<Timestamp>, other: Option<Timestamp>) {
    *known = match (*known, other) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    };
}

fn pick<T>(known: &mut Option<T>, other: Option<T>, newer: bool) {
    if other.is_some() && (newer || known.is_none()) {
        *known = other;
    }
}

/// What an operator writes down about a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The code of how the matter ended; none while it is not chosen.
    pub outcome: Option<String>,
    /// What it was about.
    pub categories: Vec<String>,
    /// In the operator's words.
    pub text: String,
}

/// A form as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormRow {
    /// Who wrote it.
    pub operator: String,
    /// When it was saved last.
    pub saved: Timestamp,
    /// What was written.
    pub form: Form,
}

/// What is known of a call's caller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The caller's earlier calls, the latest first.
    pub earlier: Vec<Earlier>,
    /// What was written down about this call.
    pub forms: Vec<FormRow>,
}

/// One of a caller's earlier calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier {
    /// When it arrived, or was promised if it was a call-back.
    pub arrived: Timestamp,
    /// Its queue's name.
    pub queue: String,
    /// Whether we called the caller.
    pub call_back: bool,
    /// How it ended; none while it goes on, or if that is not known.
    pub outcome: Option<String>,
    /// Who talked with the caller.
    pub operator: Option<String>,
    /// How long the caller waited.
    pub waited: Option<Duration>,
    /// How long they talked.
    pub talked: Option<Duration>,
    /// Its legs of which something is known, the caller's first.
    pub legs: Vec<EarlierLeg>,
    /// What was written down about it.
    pub forms: Vec<FormRow>,
}

/// One leg of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierLeg {
    /// Its number within the call: 0 is the caller's.
    pub leg: u32,
    /// Whose phone it was; none for the caller's, and for a number outside.
    pub operator: Option<String>,
    /// How it sounded, if that is known.
    pub quality: Option<Quality>,
}
